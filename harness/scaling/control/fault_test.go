package control

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A fault of the controller ends what it is in, is journaled once, and reported in
// the end; the process goes on, and so does everything else.
func TestFaultsAreContained(t *testing.T) {
	for in, breaks := range map[string]func(*run){
		"scale api":               func(r *run) { r.cluster.adjusting = func(context.Context) error { panic("oh") } },
		"sample api-1":            func(r *run) { r.cluster.memory = func(string) int64 { panic("oh") } },
		"fetch /metrics of api-1": func(r *run) { r.cluster.page = func(string) ([]byte, error) { panic("oh") } },
		"read the metrics of api": func(r *run) { r.scrapes[0].metrics[0].grown = nil },
		"read orders of api":      func(r *run) { r.polls[0].read = nil },
		"resize api-1":            func(r *run) { r.cluster.refuse = func(string, string) error { panic("oh") } },
		"answer for api":          func(r *run) { r.services[0].prescaler.granted = nil },
	} {
		t.Run(in, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := cpuHPA()
				service.Prescale = importers(scenarios.ProactivePolicy).Prescale
				service.Metrics = map[string]scenarios.MetricSource{
					"depth":  {Exposition: &scenarios.Exposition{Series: "queue_depth", Rate: true}},
					"orders": {HTTP: &scenarios.HTTPMetric{Request: "GET api/orders", Value: "$.n"}},
				}
				r := newRun(t, planOf(5, service))
				r.cluster.add("api", 1, true)
				r.cluster.load = func(time.Duration) float64 { return 0.5 }
				r.cluster.page = func(string) ([]byte, error) { return []byte("queue_depth 1\n"), nil }
				breaks(r)
				ctx, end := context.WithCancel(context.Background())
				over := make(chan error, 1)
				go func() { over <- r.Run(ctx) }()
				synctest.Wait()
				for range 2 {
					r.Observe(journal.Event{T: r.clock.Now(), Body: journal.Tally{Service: "api", Instance: "api-1"}})
					if a := r.session("acme"); a.State == "" {
						t.Error("a session is not answered")
					}
				}
				r.until(20 * time.Second)
				end()
				err := <-over
				if err == nil || !strings.Contains(err.Error(), in+": the controller is at fault") || !strings.Contains(err.Error(), "panic(") {
					t.Errorf("the error is %v", err)
				}
				told := 0
				for _, n := range all[journal.Note](r) {
					if strings.HasPrefix(n.Body.Text, in+": ") && n.Body.Level == "warning" {
						told++
					}
				}
				if told != 1 {
					t.Errorf("%d notes tell of it", told)
				}
				if n := len(all[journal.Measured](r)) + len(all[journal.Usage](r)); n < 20 {
					t.Errorf("the others do not go on: %d readings", n)
				}
			})
		})
	}
}

// An event is observed by whoever emits it, which must not end by it.
func TestAFaultOfAnEventIsContained(t *testing.T) {
	var told []journal.Body
	c := &Controller{services: []*service{nil}, cfg: Config{Emit: func(b journal.Body) { told = append(told, b) }}}
	for range 2 {
		c.Observe(journal.Event{Body: journal.Tally{Service: "api"}})
	}
	if len(told) != 1 || c.faults.err() == nil {
		t.Errorf("told %+v, kept %v", told, c.faults.err())
	}
}
