package control

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Under the reactive policy what takes the place of a large instance after a
// notice is large too, and goes back when its use has been low.
func TestAReactiveReplacementStaysLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Policy = scenarios.ReactivePolicy
			c.memory = func(name string) int64 {
				if name == "importer-1" {
					return 170 << 20
				}
				return 20 << 20
			}
		})
		r.until(9 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-2 base" {
			t.Fatalf("before the notice %s", got)
		}
		r.cluster.interrupt("importer")
		r.until(12 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-2 base, importer-3 large" {
			t.Errorf("after the notice %s", got)
		}
		r.until(80 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-2 base, importer-3 base" {
			t.Errorf("in the end %s", got)
		}
		r.cluster.interrupt("importer") // of a small one
		r.until(83 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-3 base, importer-4 base" {
			t.Errorf("after the second notice %s", got)
		}
		r.end()
		resizes := 0
		for _, line := range lines(r.cluster.did()) {
			if strings.HasPrefix(line, "importer-3 ") {
				resizes++
			}
		}
		if resizes != 1 {
			t.Errorf("importer-3 was resized %d times, want once, back", resizes)
		}
	})
}

// A claim on one instance goes with what takes its place, which is as large from
// its creation: nobody else is made large for it, and it is given back in the end.
func TestAClaimFollowsTheReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Instances, c.starts = "one", 3*time.Second
		})
		if a := r.session("acme"); a != (gateway.Answer{State: "granted", Instance: "importer-1"}) {
			t.Fatalf("%+v", a)
		}
		r.until(5 * time.Second)
		r.cluster.did()
		r.cluster.interrupt("importer")
		r.until(7 * time.Second)
		if a := r.session("acme"); a != (gateway.Answer{State: "renewed", Instance: "importer-3"}) {
			t.Errorf("before it has started: %+v", a)
		}
		if a := r.session("globex"); a != (gateway.Answer{State: "granted", Instance: "importer-2"}) {
			t.Errorf("another account: %+v", a)
		}
		r.until(12 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-2 large, importer-3 large" {
			t.Errorf("instances %s", got)
		}
		same(t, "changes", lines(r.cluster.did()), "importer-2 large 0.25 512MiB, decision 3")
		r.until(40 * time.Second)
		r.end()
		if got := r.cluster.names("importer"); got != "importer-2 base, importer-3 base" {
			t.Errorf("in the end %s", got)
		}
		moved := all[journal.ScaleDecision](r)[1].Body
		if moved.Reason != "ClaimMoved" || moved.Message != "account acme renewed on importer-3: importer-1 was given notice, and this takes its place" || len(moved.Metrics) != 1 {
			t.Errorf("%+v", moved)
		}
	})
}

// What takes the place and does not come up is nobody's: the claim moves to one
// that runs, and a further replacement is started.
func TestAReplacementUnderAClaimDoesNotComeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Instances = "one"
			c.unborn = map[string]string{"importer-3": "start importer-3: the disk is full"}
		})
		r.session("acme")
		r.cluster.interrupt("importer")
		r.until(3 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-2 large, importer-4 base" {
			t.Errorf("instances %s", got)
		}
		if a := r.session("acme"); a != (gateway.Answer{State: "renewed", Instance: "importer-2"}) {
			t.Errorf("%+v", a)
		}
		r.end()
	})
}

// replacements are the decisions of that kind, in words.
func (r *run) replacements() (texts []string) {
	for _, d := range all[journal.ScaleDecision](r) {
		if d.Body.Autoscaler == "replace" {
			texts = append(texts, fmt.Sprintf("%v %s %d to %d: %s", d.T.Round(time.Second), d.Body.Reason, d.Body.Current, d.Body.Desired, d.Body.Message))
		}
	}
	return texts
}

// A replacement that does not come up is tried again after the back-off, as long
// as it takes, and stays as large as what it is for has to be.
func TestAReplacementThatDoesNotComeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Policy = scenarios.ReactivePolicy
			c.unborn = map[string]string{"importer-3": "create importer-3: no\nspace", "importer-4": "start importer-4: no"}
			c.lives = func(name string) (time.Duration, int, bool) {
				if name == "importer-2" {
					return time.Second, 137, true
				}
				return 0, 0, false
			}
		})
		r.until(30 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 base, importer-5 large" {
			t.Errorf("instances %s", got)
		}
		r.end()
		same(t, "replacements", r.replacements(),
			"1s InstanceExited 1 to 2: importer-2 ran out of memory and exited with code 137",
			"6s InstanceNotStarted 1 to 2: importer-3 did not come up: create importer-3: no; space, as one before it: replaced after 10s",
			"17s InstanceNotStarted 1 to 2: importer-4 did not come up: start importer-4: no, as 2 in a row before it: replaced after 20s")
	})
}

// What an action on the service has come after is that action's business, whoever
// scales the service.
func TestWhatDidNotComeUpIsSomebodyElses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scenarios.PlannedService)
		action string
		want   int
	}{
		"nobody's":             {func(*scenarios.PlannedService) {}, "", 1},
		"an autoscaler's":      {func(s *scenarios.PlannedService) { s.Autoscale = tracked().Autoscale }, "", 1},
		"and then a release's": {func(s *scenarios.PlannedService) { s.Autoscale = tracked().Autoscale }, "rolling_release", 0},
		"a release's":          {func(*scenarios.PlannedService) {}, "rolling_release", 0},
		"an interruption's":    {func(*scenarios.PlannedService) {}, "interrupt", 1},
		"nobody's, when it is": {func(*scenarios.PlannedService) {}, "job", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := importers(scenarios.ProactivePolicy)
				c.change(&s)
				r := newRun(t, planOf(1, s))
				r.cluster.add("api", 1, true)
				r.cluster.lost["api"] = []stack.Unborn{{Name: "api-9", At: 1 * time.Second, Error: "no"}}
				r.begin()
				if c.action != "" {
					r.emit(journal.ActionStarted{Service: "api", Action: c.action})
					r.until(2 * time.Second)
					r.emit(journal.ActionEnded{Service: "api", Action: c.action})
				}
				r.until(10 * time.Second)
				r.end()
				if got := r.replacements(); len(got) != c.want {
					t.Errorf("replaced %q", got)
				}
			})
		})
	}
}

// A session for a service with no instances is granted, and what is started then
// is large from its creation; of a policy that names instances it is rejected in
// words.
func TestASessionWithoutInstances(t *testing.T) {
	for instances, want := range map[string]gateway.Answer{
		"all": {State: "granted"},
		"one": {State: "rejected", Reason: "no instance runs that could be made larger", RetryAfter: time.Second},
	} {
		t.Run(instances, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
					p.Instances = instances
					c.of["importer"] = nil
				})
				if a := r.session("acme"); a != want {
					t.Errorf("%+v, want %+v", a, want)
				}
				if _, _, err := r.cluster.Adjust(context.Background(), "importer", 1, "by hand"); err != nil {
					t.Fatal(err)
				}
				r.until(5 * time.Second)
				class := map[string]string{"all": "large", "one": "base"}[instances]
				if got := r.cluster.names("importer"); got != "importer-3 "+class {
					t.Errorf("instances %s", got)
				}
				r.until(40 * time.Second)
				if got := r.cluster.names("importer"); got != "importer-3 base" {
					t.Errorf("in the end %s", got)
				}
				r.end()
			})
		})
	}
}

// An instance that breaks down while it is made large fails nobody's session: the
// others are large, and so is what replaces it, before the answer or after it.
func TestAnInstanceBreaksDownWhileItIsResized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, _ *scenarios.Prescale, c *cluster) {
			c.resizing = time.Second
			c.refuse = func(name, class string) error {
				if name == "importer-2" {
					return fmt.Errorf("resize %s: the engine says: it is not running", name)
				}
				return nil
			}
			c.lives = func(name string) (time.Duration, int, bool) {
				if name == "importer-2" {
					return 2500 * time.Millisecond, 137, true
				}
				return 0, 0, false
			}
		})
		r.until(2 * time.Second)
		if a := r.session("acme"); a.State != "granted" || r.clock.Now() != 3*time.Second {
			t.Errorf("%+v at %v", a, r.clock.Now())
		}
		r.until(6 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-3 large" {
			t.Errorf("instances %s", got)
		}
		r.end()
	})
}

// Two words of one session at the same time are one claim, and both are answered
// when it is effective.
func TestASessionThatStartsTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, nil)
		r.until(time.Second)
		answers := make(chan string, 2)
		for range 2 {
			go func() { answers <- fmt.Sprint(r.session("acme").State, " at ", r.clock.Now()) }()
		}
		same(t, "answers", lines(<-answers+"\n"+<-answers), "granted at 1.05s", "renewed at 1.05s")
		if did := lines(r.cluster.did()); len(did) != 3 {
			t.Errorf("changes %q", did)
		}
		r.end()
	})
}

// An import that still runs when the hold is over keeps its memory in use: the
// engine refuses to take it, and it is tried again until it is free; a session
// meanwhile has what is there.
func TestTheHoldEndsDuringAnImport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *run
		r = newImport(t, func(_ *scenarios.Plan, _ *scenarios.Prescale, c *cluster) {
			c.refuse = func(name, class string) error {
				if class == "base" && r.clock.Now() < 50*time.Second {
					return fmt.Errorf("resize %s: the engine says: 400 MiB are in use", name)
				}
				return nil
			}
		})
		r.session("acme")
		r.until(40100 * time.Millisecond) // between two tries
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-2 large" {
			t.Errorf("during the import %s", got)
		}
		began := r.clock.Now()
		if a := r.session("acme"); a.State != "granted" || r.clock.Now() != began {
			t.Errorf("%+v after %v", a, r.clock.Now()-began)
		}
		r.until(60 * time.Second) // the new claim holds
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-2 large" {
			t.Errorf("under the second claim %s", got)
		}
		r.until(72 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 base, importer-2 base" {
			t.Errorf("in the end %s", got)
		}
		r.end()
	})
}

// An instance that was made large may be scaled in: its claim moves where it is on
// one, and nothing is asked of it any more.
func TestALargeInstanceIsScaledIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) { p.Instances = "one" })
		wants := journal.SessionSignal{Service: "api", Via: "webhook", Account: "acme", Tier: "enterprise", Wants: "importer-2"}
		if a := r.Session(context.Background(), wants); a.Instance != "importer-2" {
			t.Fatalf("%+v", a)
		}
		r.until(2 * time.Second)
		if _, stopping, err := r.cluster.Adjust(context.Background(), "importer", 1, "scaled in"); err != nil || len(stopping) != 1 || stopping[0] != "importer-2" {
			t.Fatalf("%v, %v", stopping, err)
		}
		r.until(4 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 large" {
			t.Errorf("instances %s", got)
		}
		if got := r.claims(); !strings.HasSuffix(got[len(got)-1], "renewed importer-1 webhook: importer-2 is gone") {
			t.Errorf("claims %q", got)
		}
		r.end()
	})
}

// A place that becomes free is given to who waits longest, and the next call of
// that account learns of it.
func TestAReturnedClassMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Beyond, p.Budget, p.Instances, p.QueueFor = "queue", 1, "one", seconds(600)
			c.refuse = func(name, class string) error {
				if name == "importer-1" && class == "base" { // never given back
					return fmt.Errorf("resize importer-1: in use")
				}
				return nil
			}
		})
		r.session("a")
		r.until(5 * time.Second)
		if b, c := r.session("b"), r.session("c"); b.State != "queued" || c.State != "queued" {
			t.Errorf("%+v, %+v", b, c)
		}
		r.until(31 * time.Second)
		if b, c := r.session("b"), r.session("c"); b.State != "renewed" || c.State != "queued" {
			t.Errorf("after the hold: %+v, %+v", b, c)
		}
		r.end()
	})
}

// An instance that was given notice takes traffic to the end of it: a session that
// begins meanwhile makes it large too, where an account may be served by any.
func TestASessionDuringANotice(t *testing.T) {
	for instances, want := range map[string][]string{
		"all": {"importer created large, decision 1", "importer-1 large 0.25 512MiB, decision 1", "importer-2 large 0.25 512MiB, decision 1", "importer-3 large 0.25 512MiB, decision 1"},
		"one": {"importer-2 large 0.25 512MiB, decision 1"},
	} {
		t.Run(instances, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, _ *cluster) { p.Instances = instances })
				r.cluster.interrupt("importer")
				r.until(time.Second)
				if a := r.session("acme"); a.State != "granted" || r.clock.Now() != 1050*time.Millisecond {
					t.Errorf("%+v at %v", a, r.clock.Now())
				}
				same(t, "changes", lines(r.cluster.did()), want...)
				r.end()
			})
		})
	}
}

// A claim does not wait on an instance that has broken down and cannot be replaced.
func TestAClaimLeavesABrokenInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Instances = "one"
			c.adjusting = func(context.Context) error { return fmt.Errorf("create importer-3: no space") }
			c.lives = func(name string) (time.Duration, int, bool) {
				if name == "importer-1" {
					return 2 * time.Second, 1, false
				}
				return 0, 0, false
			}
		})
		r.session("acme")
		r.until(5 * time.Second)
		if a := r.session("acme"); a != (gateway.Answer{State: "renewed", Instance: "importer-2"}) {
			t.Errorf("%+v", a)
		}
		if got := r.cluster.names("importer"); got != "importer-1 large 1, importer-2 large" {
			t.Errorf("instances %s", got)
		}
		r.end()
	})
}

// Only the reactive policy makes what replaces an instance large because that ran
// out of memory; others go by their claims.
func TestWhoExpectsALargeReplacement(t *testing.T) {
	for policy, want := range map[string]bool{scenarios.ReactivePolicy: true, scenarios.ProactivePolicy: false, scenarios.OffPolicy: false} {
		p := newRun(t, planOf(1, importers(policy))).service("api").prescaler
		if p.expect(1, []breakdown{{name: "api-1"}}) || p.expect(2, []breakdown{{name: "api-1"}, {name: "api-2", oom: true}}) != want {
			t.Errorf("%s: not as it should be: %v", policy, want)
		}
	}
}
