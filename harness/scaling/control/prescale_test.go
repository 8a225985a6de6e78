package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// importers are a service that the api announces sessions for, and that has
// room for two accounts.
func importers(policy string) scenarios.PlannedService {
	return scenarios.PlannedService{
		Port: 80, Replicas: 2, Limits: scenarios.ResourceClass{CPUs: 0.25, Memory: 192 << 20},
		Prescale: &scenarios.Prescale{
			Policy: policy, Tier: "enterprise", Webhook: &scenarios.PrescaleWebhook{Service: "api", Variable: "PRESCALE_WEBHOOK"},
			Header: &scenarios.PrescaleHeader{Service: "web", Tier: "X-Tier", Account: "X-Account"},
			Large:  scenarios.ResourceClass{Memory: 512 << 20}, Instances: "all", Hold: seconds(60), Budget: 2, Beyond: "reject",
			QueueFor: seconds(10), Every: seconds(15),
		},
	}
}

// newImport is a run of importers that has begun, at a tempo of 2.
func newImport(t *testing.T, change func(*scenarios.Plan, *scenarios.Prescale, *cluster)) *run {
	t.Helper()
	service := importers(scenarios.ProactivePolicy)
	plan := &scenarios.Plan{Tempo: 2, Services: map[string]scenarios.PlannedService{"importer": service, "api": {Port: 80}}}
	r := newRun(t, plan)
	r.cluster.add("importer", 2, true)
	r.cluster.resizing = 50 * time.Millisecond
	if change != nil {
		change(plan, service.Prescale, r.cluster)
		r.Controller = New(Config{Plan: plan, Cluster: r.cluster, Clock: r.clock, Emit: r.emit})
	}
	r.begin()
	synctest.Wait() // until it lets sessions in
	return r
}

// claims are those that were journaled, in words.
func (r *run) claims() (texts []string) {
	for _, c := range all[journal.Claim](r) {
		b := c.Body
		text := fmt.Sprintf("%v %s %s %s %s %s", c.T.Round(50*time.Millisecond), b.Service, b.Account, b.State, b.Instance, b.Via)
		if b.Answered {
			text += " answered"
		}
		if b.Waited > 0 {
			text += fmt.Sprint(" waited ", b.Waited)
		}
		if b.Reason != "" {
			text += ": " + b.Reason
		}
		texts = append(texts, strings.Join(strings.Fields(text), " "))
	}
	return texts
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// lines are those of a text in order.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	list := strings.Split(text, "\n")
	slices.Sort(list)
	return list
}

// From the first sign of an account to the return of its resources. The answer
// comes when they are effective; of what is left out of the large class the compose
// file's limit stays.
func TestPrescaleFromEndToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, nil)
		r.until(time.Second)
		if a := r.session("acme"); a != (gateway.Answer{State: "granted"}) || r.clock.Now() != 1050*time.Millisecond {
			t.Errorf("%+v at %v", a, r.clock.Now())
		}
		same(t, "at the first sign", lines(r.cluster.did()), "importer created large, decision 1",
			"importer-1 large 0.25 512MiB, decision 1", "importer-2 large 0.25 512MiB, decision 1")
		r.until(11 * time.Second)
		if a := r.session("acme"); a.State != "renewed" || r.clock.Now() != 11*time.Second {
			t.Errorf("%+v at %v", a, r.clock.Now())
		}
		r.cluster.mu.Lock()
		r.cluster.lives = func(name string) (time.Duration, int, bool) {
			if name == "importer-2" {
				return 20 * time.Second, 137, true
			}
			return 0, 0, false
		}
		r.cluster.mu.Unlock()
		r.until(39 * time.Second)
		same(t, "after a breakdown", lines(r.cluster.did()), "importer to 2, decision 2")
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-3 large" {
			t.Errorf("instances %s", got)
		}
		r.until(45 * time.Second)
		same(t, "after the hold", lines(r.cluster.did()), "importer created base, decision 3",
			"importer-1 base 0.25 192MiB, decision 3", "importer-3 base 0.25 192MiB, decision 3")
		r.end()
		same(t, "claims", r.claims(),
			"1.05s importer acme granted webhook answered", "11s importer acme renewed webhook answered",
			"41s importer acme released webhook: no sign of it for 1m0s")
		decisions := all[journal.ScaleDecision](r)
		for i, reason := range []string{"ClaimGranted", "InstanceExited", "ClaimReleased"} {
			if d := decisions[i].Body; d.Reason != reason || d.Service != "importer" || i != 1 && (d.Autoscaler != "proactive" || d.Current != 2 || d.Desired != 2 || d.Metrics[0].Target != 2) {
				t.Errorf("decision %d: %+v", i+1, d)
			}
		}
		for i, claim := range all[journal.Claim](r) {
			if want := []int{1, 1, 3}[i]; claim.Body.Decision != want {
				t.Errorf("claim %+v is of decision %d", claim, want)
			}
		}
	})
}

func TestBeyondTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, nil)
		r.until(time.Second)
		r.session("a")
		r.until(6 * time.Second)
		r.session("b")
		if a := r.session("c"); a.State != "rejected" || a.Reason != "the budget of 2 accounts is used up" || a.RetryAfter.Round(time.Second) != 25*time.Second {
			t.Errorf("%+v", a)
		}
		r.end()
		same(t, "claims", r.claims(), "1.05s importer a granted webhook answered", "6s importer b granted webhook answered",
			"6s importer c rejected webhook answered: the budget of 2 accounts is used up")
	})
}

func TestBeyondTheBudgetInAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, _ *cluster) { p.Beyond = "queue" })
		r.session("a")
		r.until(10 * time.Second)
		r.session("b")
		r.until(28 * time.Second)
		if a := r.session("c"); a.State != "queued" || r.clock.Now() != 28*time.Second {
			t.Errorf("%+v at %v", a, r.clock.Now())
		}
		r.session("d")
		r.until(31 * time.Second)
		if a := r.session("c"); a.State != "renewed" {
			t.Errorf("%+v", a)
		}
		r.until(35 * time.Second)
		r.end()
		same(t, "claims", r.claims(), "50ms importer a granted webhook answered", "10s importer b granted webhook answered",
			"28s importer c queued webhook answered: the budget of 2 accounts is used up",
			"28s importer d queued webhook answered: the budget of 2 accounts is used up",
			"30s importer a released webhook: no sign of it for 1m0s", "30s importer c granted webhook waited 2s",
			"31s importer c renewed webhook answered",
			"33s importer d rejected webhook waited 5s: no place became free within 10s, the budget of 2 accounts is used up")
	})
}

// Where an instance cannot be made large, the application is told the engine's
// words, and the claim is given back; the others go back too.
func TestAnEngineThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := errors.New("resize importer-2: the engine says: no such memory")
		r := newImport(t, func(_ *scenarios.Plan, _ *scenarios.Prescale, c *cluster) {
			c.refuse = func(name, class string) error {
				if name == "importer-2" && class == "large" {
					return engine
				}
				return nil
			}
		})
		r.until(1100 * time.Millisecond) // between two ticks
		a := r.session("acme")
		if a.State != "rejected" || !strings.Contains(a.Reason, engine.Error()) || a.RetryAfter != time.Second {
			t.Errorf("%+v", a)
		}
		r.until(5 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 base, importer-2 base" {
			t.Errorf("instances %s", got)
		}
		same(t, "changes", lines(r.cluster.did()), "importer created base, decision 2", "importer created large, decision 1",
			"importer-1 base 0.25 192MiB, decision 2", "importer-1 large 0.25 512MiB, decision 1", "importer-2 not large")
		r.end()
		same(t, "claims", r.claims(), "1.15s importer acme rejected webhook answered: the larger class could not be made effective: "+engine.Error())
		if c := all[journal.Claim](r)[0].Body; c.Error != engine.Error() {
			t.Errorf("the claim says that the engine said %q", c.Error)
		}
		if d := all[journal.ScaleDecision](r)[1].Body; d.Reason != "ClaimRejected" || !strings.Contains(d.Message, engine.Error()) || *d.Metrics[0].Value != 0 {
			t.Errorf("%+v", d)
		}
	})
}

// An account that has had its resources keeps them when a further instance cannot
// be made large.
func TestARenewalThatIsNotEffective(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusing := false
		r := newImport(t, func(_ *scenarios.Plan, _ *scenarios.Prescale, c *cluster) {
			c.refuse = func(string, string) error {
				if refusing {
					return errors.New("no")
				}
				return nil
			}
		})
		r.session("acme")
		r.cluster.mu.Lock()
		refusing = true
		r.cluster.class["importer"] = "base" // one that is small for whatever reason
		r.cluster.add("importer", 1, true)
		r.cluster.mu.Unlock()
		if a := r.session("acme"); a.State != "rejected" || !strings.Contains(a.Reason, "no; it keeps the claim that it has") {
			t.Errorf("%+v", a)
		}
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-2 large, importer-3 base" {
			t.Errorf("instances %s", got)
		}
		r.cluster.mu.Lock()
		refusing = false
		r.cluster.mu.Unlock()
		r.until(3 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-2 large, importer-3 large" {
			t.Errorf("instances %s", got)
		}
		r.end()
	})
}

// A return that the engine refuses, because the memory is in use, is tried again
// every second of the control loop's time.
func TestAReturnIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Duration
		var r *run
		r = newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Instances = "one"
			c.refuse = func(_, class string) error {
				if class != "base" {
					return nil
				}
				tries = append(tries, r.clock.Now())
				if len(tries) < 4 {
					return errors.New("memory in use")
				}
				return nil
			}
		})
		r.session("acme")
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-2 base" {
			t.Errorf("instances %s", got)
		}
		r.until(40 * time.Second)
		r.end()
		if len(tries) != 4 || tries[3]-tries[0] != 1500*time.Millisecond || r.cluster.names("importer") != "importer-1 base, importer-2 base" {
			t.Errorf("tried at %v; instances %s", tries, r.cluster.names("importer"))
		}
	})
}

// That an instance cannot be made smaller is nothing to an account that needs
// another one.
func TestAccountsOfOneInstanceDoNotDisturbEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Instances = "one"
			c.refuse = func(name, class string) error {
				if name == "importer-1" && class == "base" {
					return errors.New("memory in use")
				}
				return nil
			}
		})
		wanting := func(account, instance string) gateway.Answer {
			return r.Session(context.Background(), journal.SessionSignal{Service: "api", Account: account, Tier: "enterprise", Wants: instance})
		}
		if a := wanting("first", "importer-1"); a.State != "granted" || a.Instance != "importer-1" {
			t.Errorf("%+v", a)
		}
		r.until(31 * time.Second)
		if a := wanting("second", "importer-2"); a.State != "granted" || a.Instance != "importer-2" {
			t.Errorf("%+v", a)
		}
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-2 large" {
			t.Errorf("instances %s", got)
		}
		r.end()
	})
}

// An account may need several services: the worst of their answers counts.
func TestSeveralServicesAreAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(plan *scenarios.Plan, _ *scenarios.Prescale, c *cluster) {
			other := importers(scenarios.ProactivePolicy)
			other.Prescale.Budget, other.Prescale.Beyond = 1, "queue"
			plan.Services["viewer"] = other
			c.add("viewer", 1, true)
		})
		var states []string
		for _, account := range []string{"a", "b", "c"} {
			states = append(states, r.session(account).State)
		}
		same(t, "states", states, "granted", "queued", "rejected")
		r.end()
	})
}

// Nobody is left waiting: a session ends with its caller's patience, and with the
// run.
func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, _ *scenarios.Prescale, c *cluster) { c.resizing = time.Minute })
		r.cluster.stubborn = time.Second
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		r.Session(ctx, journal.SessionSignal{Service: "api", Account: "impatient", Tier: "enterprise"})
		if r.clock.Now() != 5750*time.Millisecond {
			t.Errorf("ended at %v", r.clock.Now())
		}
		var late gateway.Answer
		done := make(chan struct{})
		go func() { defer close(done); late = r.session("late") }()
		r.until(8 * time.Second)
		r.end()
		if r.clock.Now() != 9*time.Second {
			t.Errorf("the run is over at %v, with a session under way", r.clock.Now())
		}
		<-done
		if late.State != "rejected" {
			t.Errorf("%+v", late)
		}
		if after := r.session("after"); after.State != "rejected" {
			t.Errorf("%+v", after)
		}
		claims := all[journal.Claim](r)
		if len(claims) != 2 || claims[0].Body.State != "rejected" || claims[0].Body.Answered || !claims[1].Body.Answered {
			t.Errorf("%+v", claims)
		}
	})
}

// A refusal for want of time comes while somebody still waits for it.
func TestARefusalIsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, _ *scenarios.Prescale, c *cluster) { c.hangs = "large" })
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		a := r.Session(ctx, journal.SessionSignal{Service: "api", Account: "acme", Tier: "enterprise"})
		if a.State != "rejected" || !strings.Contains(a.Reason, "not done in time") || ctx.Err() != nil {
			t.Errorf("%+v at %v, the context says %v", a, r.clock.Now(), ctx.Err())
		}
		r.end()
		if claims := all[journal.Claim](r); len(claims) != 1 || !claims[0].Body.Answered {
			t.Errorf("%+v", claims)
		}
	})
}

// A resize that is called off may have been done all the same: the instance gets
// the class that it is to have once more, although it seems to have it.
func TestAResizeThatIsCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, _ *scenarios.Prescale, c *cluster) { c.hangs = "large" })
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r.Session(ctx, journal.SessionSignal{Service: "api", Account: "acme", Tier: "enterprise"})
		r.until(20 * time.Second) // it may be tried once more before the claim is given back
		same(t, "changes", lines(r.cluster.did()), "importer created base, decision 2", "importer created large, decision 1",
			"importer-1 base 0.25 192MiB, decision 2", "importer-2 base 0.25 192MiB, decision 2")
		r.end()
	})
}

// A gateway that sees sessions in requests is as good as the application's word,
// but nobody is answered; a webhook's signal, which the journal has too, counts
// once.
func TestHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, nil)
		r.until(time.Second)
		for _, s := range []journal.SessionSignal{
			{Service: "web", Via: "header", Account: "acme", Tier: "enterprise"},
			{Service: "web", Via: "header", Account: "acme", Tier: "enterprise"},
			{Service: "web", Via: "header", Account: "other", Tier: "free"},
			{Service: "api", Via: "header", Account: "elsewhere", Tier: "enterprise"},
			{Service: "api", Via: "webhook", Account: "answered", Tier: "enterprise"},
		} {
			r.emit(s)
		}
		r.until(1200 * time.Millisecond)
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-2 large" {
			t.Errorf("instances %s", got)
		}
		r.end()
		claims := slices.DeleteFunc(r.claims(), func(text string) bool { // when the second was seen after the first had its answer
			return strings.HasSuffix(text, "importer acme renewed header")
		})
		same(t, "claims", claims, "1s importer acme granted header")
	})
}

func TestOtherPolicies(t *testing.T) {
	signal := journal.SessionSignal{Service: "api", Account: "acme", Tier: "enterprise"}
	for name, c := range map[string]struct {
		policy  string
		control scenarios.Control
		signal  journal.SessionSignal
		state   string
		reason  string
		claims  []string
	}{
		"off":           {scenarios.OffPolicy, "", signal, "none", "", nil},
		"reactive":      {scenarios.ReactivePolicy, "", signal, "none", "", nil},
		"frozen":        {scenarios.ProactivePolicy, scenarios.ControlFrozen, signal, "rejected", "frozen", []string{"1s importer acme rejected answered: frozen"}},
		"another tier":  {scenarios.ProactivePolicy, "", journal.SessionSignal{Service: "api", Tier: "free"}, "none", "", nil},
		"somebody else": {scenarios.ProactivePolicy, "", journal.SessionSignal{Service: "web", Tier: "enterprise"}, "none", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newImport(t, func(plan *scenarios.Plan, p *scenarios.Prescale, _ *cluster) {
					p.Policy, plan.Control = c.policy, c.control
				})
				r.until(time.Second)
				if a := r.Session(context.Background(), c.signal); a.State != c.state || !strings.Contains(a.Reason, c.reason) {
					t.Errorf("%+v", a)
				}
				r.until(5 * time.Second)
				r.end()
				same(t, "claims", r.claims(), c.claims...)
				if did := r.cluster.did(); did != "" {
					t.Errorf("changed: %s", did)
				}
				for _, d := range all[journal.ScaleDecision](r) {
					if name == "frozen" && d.Body.Held != "frozen" {
						t.Errorf("%+v", d.Body)
					}
				}
			})
		})
	}
}

// The reactive policy follows use: up at the limit, with what replaces an instance
// that ran out of memory, and back when it has been calm.
func TestReactivePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Policy = scenarios.ReactivePolicy
			c.memory = func(name string) int64 {
				if name == "importer-1" && c.clock.Now() > 5*time.Second && c.clock.Now() < 20*time.Second {
					return 170 << 20
				}
				return 20 << 20
			}
			c.lives = func(name string) (time.Duration, int, bool) {
				if name == "importer-2" {
					return 10 * time.Second, 137, true
				}
				return 0, 0, false
			}
		})
		r.until(9 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-2 base" {
			t.Errorf("instances at 9 s %s", got)
		}
		r.until(12 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 large, importer-3 large" {
			t.Errorf("instances at 12 s %s", got)
		}
		r.until(80 * time.Second)
		if got := r.cluster.names("importer"); got != "importer-1 base, importer-3 base" {
			t.Errorf("instances at 80 s %s", got)
		}
		r.end()
		var reasons []string
		for _, d := range all[journal.ScaleDecision](r) {
			if d.Body.Reason != scaling.WithinRange {
				reasons = append(reasons, fmt.Sprint(d.T.Round(time.Second), d.Body.Autoscaler, d.Body.Reason))
			}
		}
		same(t, "decisions", reasons, "8sreactiveEnlarged", "10sreplaceInstanceExited", "45sreactiveGivenBack", "53sreactiveGivenBack")
		if did := r.cluster.did(); !strings.Contains(did, "importer created large, decision 2\nimporter to 2, decision 2\nimporter created base") {
			t.Errorf("changes:\n%s", did)
		}
		if n := len(all[journal.Usage](r)); n < 2*78 {
			t.Errorf("%d samples: those of a prescaled service are taken each second", n)
		}
	})
}

// A claim that is over before its resources are refused is not given back again.
func TestAClaimThatIsOverAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Hold, c.resizing = seconds(1), 2*time.Second
			c.refuse = func(string, string) error { return errors.New("no") }
		})
		if a := r.session("acme"); a.State != "rejected" {
			t.Errorf("%+v", a)
		}
		r.end()
		var reasons []string
		for _, d := range all[journal.ScaleDecision](r) {
			reasons = append(reasons, d.Body.Reason)
		}
		same(t, "decisions", reasons, "ClaimGranted", "ClaimReleased")
	})
}

// An instance that leaves while it is resized does not stand in anybody's way.
func TestAnInstanceThatLeavesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, nil)
		go func() {
			r.until(25 * time.Millisecond)
			if _, _, err := r.cluster.Adjust(context.Background(), "importer", 1, "by hand"); err != nil {
				t.Error(err)
			}
		}()
		if a := r.session("acme"); a.State != "granted" {
			t.Errorf("%+v", a)
		}
		r.end()
	})
}

func TestADoormanWaitsForWhoIsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d doorman
		if _, _, ok := d.enter(t.Context()); ok {
			t.Error("in before it is open")
		}
		run, end := context.WithCancel(t.Context())
		closed := d.open(run)
		ctx, leave, ok := d.enter(context.Background())
		if !ok {
			t.Fatal("not let in")
		}
		end()
		<-ctx.Done()
		if _, _, ok := d.enter(t.Context()); ok || waiting(ctx) != true {
			t.Error("let in when the run is over, or nobody waits for who was in")
		}
		go func() {
			time.Sleep(time.Second)
			leave()
		}()
		begun := time.Now()
		closed()
		if time.Since(begun) != time.Second {
			t.Error("it did not wait")
		}
	})
}
