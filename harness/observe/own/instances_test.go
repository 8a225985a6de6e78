package own

import (
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// of are the series that name an instance.
func (p page) of(instance string) (series []string) {
	for s := range p {
		if strings.Contains(s, `instance="`+instance+`"`) {
			series = append(series, s)
		}
	}
	return series
}

// lived is what api-1 leaves behind at one second after its start.
func lived(m *Metrics) {
	for _, e := range events(started, tally, used, journal.ScrapeChanged{Service: "api", Instance: "api-1", Up: true}) {
		m.Observe(e)
	}
}

func TestGaugesOfAnInstanceThatExitedAreGoneAndItsCountersStay(t *testing.T) {
	m := New(atelier())
	lived(m)
	m.Observe(journal.Event{T: 10 * time.Second, Body: exited})
	// what was on its way when it exited
	m.Observe(journal.Event{T: 11 * time.Second, Body: tally})
	m.Observe(journal.Event{T: 11 * time.Second, Body: used})
	m.Observe(journal.Event{T: 11 * time.Second, Body: resized})
	m.Observe(journal.Event{T: 11 * time.Second, Body: journal.ScrapeChanged{Service: "api", Instance: "api-1"}})
	m.Observe(journal.Event{T: 11 * time.Second, Body: journal.ProbeChanged{Service: "api", Instance: "api-1", Ready: true}})
	p := gathered(t, m)
	for _, s := range p.of("api-1") {
		if !strings.HasPrefix(s, "shakedown_gateway_requests_total") && !strings.HasPrefix(s, "shakedown_cpu_seconds_total") {
			t.Errorf("%s is still there", s)
		}
	}
	if got := p[`shakedown_gateway_requests_total{instance="api-1",outcome="ok",service="api"}`]; got != 14 {
		t.Errorf("ok exchanges of an instance that exited: %v, want 14", got)
	}
	if got := p[`shakedown_cpu_seconds_total{instance="api-1",service="api"}`]; got != 1.5 {
		t.Errorf("CPU seconds of an instance that exited: %v, want 1.5", got)
	}
	if got := p.sum("shakedown_instances", `service="api"`); got != 0 {
		t.Errorf("%v instances, want none", got)
	}
}

func TestCountersOfAnInstanceThatExitedAreForgottenInTheEnd(t *testing.T) {
	m := New(atelier())
	lived(m)
	m.Observe(journal.Event{T: 10 * time.Second, Body: exited})
	m.Observe(journal.Event{T: 20 * time.Second, Body: journal.InstanceExited{Service: "api", Instance: "api-2"}})
	m.Observe(journal.Event{T: 10*time.Second + keepExited - 1, Body: journal.TrafficStarted{}})
	if left := gathered(t, m).of("api-1"); len(left) == 0 {
		t.Fatal("they are gone before their time")
	}
	m.Observe(journal.Event{T: 10*time.Second + keepExited, Body: journal.TrafficStarted{}})
	p := gathered(t, m)
	if left := p.of("api-1"); len(left) > 0 {
		t.Errorf("still there: %v", left)
	}
	if got := p[`shakedown_gateway_request_duration_seconds_count{service="api"}`]; got != 8 {
		t.Errorf("the service's histogram counts %v, want 8: it is of all instances", got)
	}
	if len(m.instances.left) != 1 || len(m.instances.gone) != 1 {
		t.Errorf("%d instances are waited for, %d known to be gone; want api-2 alone", len(m.instances.left), len(m.instances.gone))
	}
}

func TestAnInstanceThatComesBackUnderItsNameIsNotForgotten(t *testing.T) {
	m := New(atelier())
	lived(m)
	m.Observe(journal.Event{T: 10 * time.Second, Body: exited})
	m.Observe(journal.Event{T: 9 * time.Second, Body: started}) // told late: it is of the life before
	if got := gathered(t, m).sum("shakedown_instances", `service="api"`); got != 0 {
		t.Errorf("%v instances after a start from before the exit, want none", got)
	}
	m.Observe(journal.Event{T: 12 * time.Second, Body: started})
	m.Observe(journal.Event{T: 13 * time.Second, Body: used})
	m.Observe(journal.Event{T: 10*time.Second + 2*keepExited, Body: journal.TrafficStarted{}})
	p := gathered(t, m)
	for series, want := range (page{
		`shakedown_instances{service="api",state="starting"}`:                           1,
		`shakedown_gateway_requests_total{instance="api-1",outcome="ok",service="api"}`: 7,
		`shakedown_memory_bytes{instance="api-1",service="api"}`:                        1000,
	}) {
		if got, there := p[series]; !there || got != want {
			t.Errorf("%s is %v (there: %v), want %v", series, got, there, want)
		}
	}
}

func TestAnInstanceThatExitsTwiceUnderItsNameIsForgottenAfterTheSecondTime(t *testing.T) {
	m := New(atelier())
	lived(m)
	m.Observe(journal.Event{T: 10 * time.Second, Body: exited})
	m.Observe(journal.Event{T: 12 * time.Second, Body: started})
	m.Observe(journal.Event{T: time.Minute, Body: exited})
	m.Observe(journal.Event{T: time.Minute + keepExited - 1, Body: journal.TrafficStarted{}})
	if left := gathered(t, m).of("api-1"); len(left) == 0 {
		t.Error("gone before the time of the second exit")
	}
	m.Observe(journal.Event{T: time.Minute + keepExited, Body: journal.TrafficStarted{}})
	if left := gathered(t, m).of("api-1"); len(left) > 0 {
		t.Errorf("still there: %v", left)
	}
	if len(m.instances.left)+len(m.instances.gone) != 0 {
		t.Errorf("still waited for: %v, %v", m.instances.left, m.instances.gone)
	}
}

func TestAnOlderReadingDoesNotReplaceALaterOne(t *testing.T) {
	m := New(atelier())
	later, older := used, used
	later.CPU, later.Memory = 9*time.Second, 9
	m.Observe(journal.Event{T: 1 * time.Second, Body: started})
	m.Observe(journal.Event{T: 3 * time.Second, Body: later})
	m.Observe(journal.Event{T: 2 * time.Second, Body: older})
	p := gathered(t, m)
	if got := p[`shakedown_cpu_seconds_total{instance="api-1",service="api"}`]; got != 9 {
		t.Errorf("CPU seconds fell to %v: rate() would take that for a restart", got)
	}
	if got := p[`shakedown_memory_bytes{instance="api-1",service="api"}`]; got != 9 {
		t.Errorf("memory is %v, want the later 9", got)
	}
}

func TestWhatCanBeForeseenBeginsWithZero(t *testing.T) {
	p := gathered(t, New(atelier()))
	for _, series := range []string{
		`shakedown_endpoints{service="api"}`,
		`shakedown_instances{service="worker",state="ready"}`,
		`shakedown_instance_exits_total{code="137",oom="true",service="api"}`,
		`shakedown_gateway_requests_total{instance="",outcome="no-endpoint",service="api"}`,
		`shakedown_gateway_request_duration_seconds_count{service="api"}`,
		`shakedown_scale_decisions_total{direction="up",service="api"}`,
		`shakedown_third_party_calls_total{outcome="fail",service="payments"}`,
		`shakedown_phase{phase="surge"}`,
		`shakedown_fault_active{fault="slow",kind="latency",target="api-1"}`,
		`shakedown_endpoint_removals_total{reason="gone",service="api"}`,
	} {
		if v, there := p[series]; !there || v != 0 {
			t.Errorf("%s is %v (there: %v), want 0", series, v, there)
		}
	}
	if got := p[`shakedown_replicas_desired{service="api"}`]; got != 2 {
		t.Errorf("desired are %v, want the plan's 2", got)
	}
	if _, there := p[`shakedown_endpoints{service="worker"}`]; there {
		t.Error("a service without a gateway has endpoints")
	}
}
