package own

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// tallied adds up what events say, in a way of its own: every key is a metric with
// some of its labels.
func tallied(all []journal.Event) map[string]float64 {
	sums := map[string]float64{}
	for _, e := range all {
		switch b := e.Body.(type) {
		case journal.Traffic:
			if b.Step == "" {
				sums[fmt.Sprintf("shakedown_sessions_intended_total journey=%q cohort=%q", b.Journey, b.Cohort)] += float64(b.Intended)
				sums[fmt.Sprintf("shakedown_sessions_total phase=%q", b.Phase)] += float64(b.OK + b.Failed + b.Unknown)
				break
			}
			sums[fmt.Sprintf("shakedown_requests_total step=%q outcome=%q", b.Step, "ok")] += float64(b.OK)
			sums[fmt.Sprintf("shakedown_requests_total step=%q outcome=%q", b.Step, "fail")] += float64(b.Failed)
			sums[fmt.Sprintf("shakedown_requests_total step=%q outcome=%q", b.Step, "unknown")] += float64(b.Unknown)
			sums[fmt.Sprintf("shakedown_requests_total cohort=%q phase=%q", b.Cohort, b.Phase)] += float64(b.OK + b.Failed + b.Unknown)
			sums["shakedown_requests_sent_total"] += float64(b.Sent)
		case journal.Tally:
			sums[fmt.Sprintf("shakedown_gateway_requests_total service=%q", b.Service)] += float64(b.Total)
			sums[fmt.Sprintf("shakedown_gateway_requests_total instance=%q", b.Instance)] += float64(b.Total)
			for failure, n := range b.Failed {
				sums[fmt.Sprintf("shakedown_gateway_requests_total outcome=%q", string(failure))] += float64(n)
			}
			for _, n := range b.Times {
				sums[fmt.Sprintf("shakedown_gateway_request_duration_seconds_count service=%q", b.Service)] += float64(n)
			}
		case journal.InstanceStarted:
			sums[fmt.Sprintf("shakedown_instance_starts_total service=%q", b.Service)]++
		case journal.InstanceExited:
			sums[fmt.Sprintf("shakedown_instance_exits_total service=%q code=%q", b.Service, fmt.Sprint(b.Code))]++
		case journal.ScaleDecision:
			if b.Desired > b.Current {
				sums[fmt.Sprintf("shakedown_scale_decisions_total service=%q direction=%q", b.Service, "up")]++
			}
		case journal.Calls:
			sums[fmt.Sprintf("shakedown_third_party_calls_total service=%q", b.Service)] += float64(b.Total)
		case journal.Milestone:
			sums[fmt.Sprintf("shakedown_milestones_total outcome=%q", b.Outcome)]++
		case journal.Generator:
			sums["shakedown_generator_cpu_seconds_total"] += b.CPU.Seconds()
			sums["shakedown_generator_connections_opened_total"] += float64(b.Dialled)
		case journal.ProbeChanged:
			sums[fmt.Sprintf("shakedown_probe_changes_total service=%q", b.Service)]++
		}
	}
	return sums
}

// differences says where a page differs from sums.
func differences(p page, sums map[string]float64) (all []string) {
	for key, want := range sums {
		parts := strings.Split(key, " ")
		got := p.sum(parts[0], parts[1:]...)
		if d := got - want; d > 1e-6 || d < -1e-6 {
			all = append(all, fmt.Sprintf("%s is %v, the events add up to %v", key, got, want))
		}
	}
	return all
}

// drawn is any event that counts something.
func drawn(rt *rapid.T) journal.Body {
	word := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, name) }
	n := func(name string) int { return rapid.IntRange(0, 50).Draw(rt, name) }
	service, instance := word("service", "api", "worker"), word("instance", "api-1", "api-2", "")
	switch word("kind", "traffic", "tally", "started", "exited", "decision", "calls", "milestone", "generator", "probe") {
	case "traffic":
		return journal.Traffic{
			Phase: word("phase", "before", "surge"), Cohort: word("cohort", "a", "b"), Journey: word("journey", "order", "browse"),
			Step: word("step", "", "pay", "sign-in"), Intended: n("intended"), Sent: n("sent"), OK: n("ok"), Failed: n("failed"), Unknown: n("unknown"),
		}
	case "tally":
		failed, fine := n("refused"), n("fine")
		return journal.Tally{
			Service: service, Instance: instance, Total: failed + fine,
			Failed: map[journal.Failure]int{journal.Refused: failed}, Times: map[int]int{rapid.IntRange(0, 140).Draw(rt, "bucket"): fine},
		}
	case "started":
		return journal.InstanceStarted{Service: service, Instance: instance}
	case "exited":
		return journal.InstanceExited{Service: service, Instance: instance, Code: rapid.SampledFrom([]int{0, 1, 137}).Draw(rt, "code")}
	case "decision":
		return journal.ScaleDecision{Service: service, Current: n("current"), Desired: n("desired")}
	case "calls":
		failed := n("failed")
		return journal.Calls{Service: service, Total: failed + n("fine"), Failed: failed}
	case "milestone":
		return journal.Milestone{Journey: "order", Step: "pay", Outcome: word("outcome", "started", "ok", "fail")}
	case "generator":
		return journal.Generator{CPU: time.Duration(n("cpu")) * time.Millisecond, Dialled: n("dialled")}
	}
	return journal.ProbeChanged{Service: service, Instance: instance, Ready: rapid.Bool().Draw(rt, "ready")}
}

func TestCountersAreTheSumsOfTheEvents(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all []journal.Event
		for i := range rapid.IntRange(0, 100).Draw(rt, "events") {
			all = append(all, journal.Event{T: time.Duration(i) * time.Second, Body: drawn(rt)})
		}
		m := New(atelier())
		for i, e := range all {
			m.Observe(e)
			if i == 50 {
				gathered(t, m) // which changes nothing
			}
		}
		for _, d := range differences(gathered(t, m), tallied(all)) {
			rt.Error(d)
		}
	})
}

func TestInstancesAndEndpointsAreThoseOfASimpleAccount(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := New(atelier())
		alive, listed := map[string]bool{}, map[string]bool{}
		for i := range rapid.IntRange(0, 60).Draw(rt, "events") {
			name := rapid.SampledFrom([]string{"api-1", "api-2", "api-3"}).Draw(rt, "instance")
			var b journal.Body
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				b, alive[name] = journal.InstanceStarted{Service: "api", Instance: name}, true
			case 1:
				b, alive[name] = journal.InstanceExited{Service: "api", Instance: name}, false
			case 2:
				b = journal.ProbeChanged{Service: "api", Instance: name, Ready: rapid.Bool().Draw(rt, "ready")}
			case 3:
				b = journal.InstanceTerminating{Service: "api", Instance: name}
			case 4:
				b, listed[name] = journal.EndpointAdded{Service: "api", Instance: name}, true
			case 5:
				b, listed[name] = journal.EndpointRemoved{Service: "api", Instance: name}, false
			}
			m.Observe(journal.Event{T: time.Duration(i) * time.Second, Body: b})
			if got, want := total(m.instances.count), count(alive); got != want {
				rt.Fatalf("after %T of %s: %v instances in all states, want %v", b, name, got, want)
			}
			if got, want := total(m.gateways.endpoints), count(listed); got != want {
				rt.Fatalf("after %T of %s: %v endpoints, want %v", b, name, got, want)
			}
		}
	})
}

func total(f *family) (sum float64) {
	for _, s := range f.series {
		sum += s.value
	}
	return sum
}

func count(of map[string]bool) (n float64) {
	for _, yes := range of {
		if yes {
			n++
		}
	}
	return n
}

// recorded is the events of a run that was, without its single requests.
func recorded(t testing.TB) []journal.Event {
	t.Helper()
	rec, err := journal.Open("testdata/recorded")
	if err != nil {
		t.Fatal(err)
	}
	if rec.Damaged > 0 || len(rec.Events) < 500 {
		t.Fatalf("%d events, %d lines that cannot be read", len(rec.Events), rec.Damaged)
	}
	return rec.Events
}

func TestARecordedRunComesToTheSumsOfItsJournal(t *testing.T) {
	all := recorded(t)
	m := New(nil)
	for _, e := range all {
		m.Observe(e)
	}
	p := gathered(t, m)
	for _, d := range differences(p, tallied(all)) {
		t.Error(d)
	}
	for series, want := range (page{"shakedown_traffic_active": 0}) {
		if p[series] != want {
			t.Errorf("%s is %v, want %v", series, p[series], want)
		}
	}
	for s, v := range p { // everything was taken down
		if strings.HasPrefix(s, "shakedown_instances{") && v != 0 || strings.HasPrefix(s, "shakedown_fault_active{") && v != 0 {
			t.Errorf("%s is %v at the end of the run", s, v)
		}
	}
	if p.sum("shakedown_requests_total", `outcome="ok"`) == 0 {
		t.Error("the recorded run has no requests: it proves nothing")
	}
}

func TestCountersAreExactWhenEventsComeFromManyGoroutines(t *testing.T) {
	all := recorded(t)
	shuffled := append([]journal.Event(nil), all...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	m := New(nil)
	var observing, gathering sync.WaitGroup
	over := make(chan struct{})
	gathering.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				if _, err := m.Gather(); err != nil {
					t.Errorf("gather meanwhile: %v", err)
					return
				}
			}
		}
	})
	const goroutines = 8
	for g := range goroutines {
		observing.Go(func() {
			for i := g; i < len(shuffled); i += goroutines {
				m.Observe(shuffled[i])
			}
		})
	}
	observing.Wait()
	close(over)
	gathering.Wait()
	for _, d := range differences(gathered(t, m), tallied(all)) {
		t.Error(d)
	}
}
