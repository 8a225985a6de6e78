package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// scalings are the changes of all autoscalers, without replacements, in words.
func (r *run) scalings() (texts []string) {
	for _, d := range r.changes() {
		if d.Body.Autoscaler != "replace" {
			texts = append(texts, fmt.Sprintf("%v %d to %d", d.T.Round(time.Second), d.Body.Current, d.Body.Desired))
		}
	}
	return texts
}

// What an autoscaler has asked for stays wanted when the engine refuses to start
// it, whatever the autoscaler: it is tried again at once and then with a back-off,
// as a ReplicaSet does, and nobody decides anew.
func TestAScaledServiceKeepsWhatWasAskedFor(t *testing.T) {
	step := tracked()
	step.Autoscale.TargetTracking = nil
	step.Autoscale.Step = &scenarios.StepScaling{
		Metric: scenarios.RequestsPerInstance, Cooldown: to(seconds(600)), WarmUp: seconds(600),
		Out: []scenarios.ScaleStep{{Above: &scenarios.Value{Number: 12, Unit: "/s"}, To: to(3)}},
	}
	for name, service := range map[string]scenarios.PlannedService{"hpa": cpuHPA(), "target_tracking": tracked(), "step": step} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRun(t, planOf(1, service))
				r.cluster.add("api", 2, true)
				r.cluster.load = func(time.Duration) float64 { return 0.3 }
				r.cluster.unborn = map[string]string{"api-3": "start api-3: the disk is full", "api-4": "create api-4: no address left"}
				r.begin()
				r.send(func(time.Duration) float64 { return 30 }, 2*time.Minute)
				r.end()
				scalings := r.scalings()
				if len(scalings) != 1 || !strings.HasSuffix(scalings[0], "2 to 3") {
					t.Fatalf("scaled %q", scalings)
				}
				for _, d := range all[journal.ScaleDecision](r) {
					if d.T > r.changes()[0].T && d.Body.Autoscaler != "replace" && d.Body.Current != 3 {
						t.Errorf("it goes on with %d: %+v", d.Body.Current, d.Body)
					}
				}
				if got := r.cluster.names("api"); got != "api-1 base, api-2 base, api-5 base" {
					t.Errorf("instances %s", got)
				}
				var texts []string
				for _, text := range r.replacements() {
					_, text, _ = strings.Cut(text, " ")
					texts = append(texts, text)
				}
				same(t, "replacements", texts,
					"InstanceNotStarted 2 to 3: api-3 did not come up: start api-3: the disk is full",
					"InstanceNotStarted 2 to 3: api-4 did not come up: create api-4: no address left, as one before it: replaced after 10s")
			})
		})
	}
}

// An engine that starts nothing is asked ever less often, for as many as are
// wanted and no more, with its words in the record of each attempt; once it starts
// instances again, all are there after the next.
func TestAnEngineThatStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jobs atomic.Int64
		jobs.Store(4)
		s, page := queued(&jobs)
		r := newRun(t, planOf(1, s))
		r.cluster.page = page
		r.cluster.add("api", 1, true)
		r.cluster.unborn = map[string]string{"": "no space left on device"}
		r.begin()
		r.until(12 * time.Minute)
		r.cluster.mu.Lock()
		r.cluster.unborn = nil
		r.cluster.mu.Unlock()
		r.until(20 * time.Minute)
		r.end()
		same(t, "scaled", r.scalings(), "5s 1 to 4")
		var at []string
		for _, d := range r.changes()[1:] {
			at = append(at, fmt.Sprint(d.T.Round(time.Second)))
			if d.Body.Current != 1 || d.Body.Desired != 4 || strings.Count(d.Body.Message, "no space left on device") != 3 {
				t.Errorf("%+v", d.Body)
			}
		}
		// 0, 10, 20, 40, 80, 160, 300 and 300 s after each loss, which is 100 ms after the start
		same(t, "replaced", at, "5s", "16s", "36s", "1m16s", "2m36s", "5m17s", "10m17s", "15m17s")
		for _, a := range all[journal.ScaleApplied](r) {
			if len(a.Body.Started) != 3 || a.Body.Error != "" {
				t.Errorf("%+v", a.Body)
			}
		}
		if n := len(r.cluster.Members("api")); n != 4 {
			t.Errorf("%d instances in the end", n)
		}
	})
}

// What did not come up and is not wanted any more is not started.
func TestScaledInBeforeItCameUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jobs atomic.Int64
		jobs.Store(4)
		s, page := queued(&jobs)
		r := newRun(t, planOf(1, s))
		r.cluster.page = page
		r.cluster.add("api", 1, true)
		r.cluster.unborn = map[string]string{"": "no space left on device"}
		r.begin()
		r.until(18 * time.Second) // lost at 5 s twice, and at 16 s
		jobs.Store(2)
		r.until(25 * time.Second)
		r.cluster.mu.Lock()
		r.cluster.unborn = nil
		r.cluster.mu.Unlock()
		r.until(10 * time.Minute)
		r.end()
		same(t, "scaled", r.scalings(), "5s 1 to 4", "20s 4 to 2")
		if n := len(r.cluster.Members("api")); n != 2 {
			t.Errorf("%d instances", n)
		}
		if started := slices.Collect(startedBy(r)); len(started) != 10 {
			t.Errorf("started %q: three times three, and one", started)
		}
	})
}

// startedBy are the names of all that changes have started.
func startedBy(r *run) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, a := range all[journal.ScaleApplied](r) {
			for _, name := range a.Body.Started {
				if !yield(name) {
					return
				}
			}
		}
	}
}

// A change brings the service to a number: who is lost while it waits for its turn
// is made up for by it, and not replaced as well.
func TestLostWhileAChangeWaits(t *testing.T) {
	for name, c := range map[string]struct {
		breaks bool // the change is a replacement
		jobs   int64
	}{
		"a decision's":    {false, 3},
		"a replacement's": {true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var jobs atomic.Int64
				jobs.Store(c.jobs)
				s, page := queued(&jobs)
				r := newRun(t, planOf(1, s))
				r.cluster.page = page
				r.cluster.add("api", 2, true)
				if c.breaks {
					r.cluster.lives = func(name string) (time.Duration, int, bool) {
						return map[string]time.Duration{"api-1": time.Second}[name], 1, false
					}
				}
				lost := false
				r.cluster.adjusting = func(context.Context) error {
					r.cluster.mu.Lock()
					defer r.cluster.mu.Unlock()
					if !lost {
						lost = true
						r.cluster.of["api"] = r.cluster.of["api"][:1]
						r.cluster.lost["api"] = []stack.Unborn{{Name: "api-2", At: r.clock.Now(), Error: "no"}}
					}
					return nil
				}
				r.begin()
				r.until(time.Minute)
				r.end()
				if n := len(r.cluster.Members("api")); n != int(c.jobs) {
					t.Errorf("%d instances, want %d", n, c.jobs)
				}
				if changes := r.changes(); len(changes) != 1 {
					t.Errorf("changes %+v", changes)
				}
			})
		})
	}
}

// Who is lost between two looks at the stack is in one of its lists, or in both,
// and counts once.
func TestWhoIsInBothLists(t *testing.T) {
	r := newRun(t, planOf(1, tracked()))
	r.cluster.starts = time.Hour
	r.cluster.add("api", 2, false)
	r.cluster.lost["api"] = []stack.Unborn{{Name: "api-2", At: 1, Error: "no"}}
	v := r.service("api").look()
	if v.live != 1 || v.current() != 2 || len(v.members) != 1 {
		t.Errorf("%d live, %d wanted, members %+v", v.live, v.current(), v.members)
	}
}

// What a change has started itself and the engine refused before the change was
// done is owed all the same.
func TestLostBeforeTheChangeIsDone(t *testing.T) {
	b := newBroken(newTimeline(0, 1))
	unborn := []stack.Unborn{{Name: "api-2", At: 1, Error: "no"}, {Name: "api-3", At: 1, Error: "no"}}
	b.madeUp(unborn, []string{"api-3"})
	b.miss(unborn, time.Second, 0)
	if len(b.owed) != 1 || !b.owes("api-3") {
		t.Errorf("owed %+v, want api-3", b.owed)
	}
}
