package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/undo"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const second = time.Second

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func nothingLeft(t *testing.T, w *world) {
	t.Helper()
	if left := w.left(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// without leaves lines out that have a word in them.
func without(lines []string, word string) []string {
	return slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, word) })
}

func killOf(pick string) scenarios.Fault {
	return scenarios.Fault{Target: scenarios.Selection{Pick: pick}, Kill: &scenarios.KillFault{}}
}

func pauseOf(pick string) scenarios.Fault {
	return scenarios.Fault{Target: scenarios.Selection{Pick: pick}, Pause: &scenarios.PauseFault{}}
}

func errorsOf() scenarios.Fault {
	return scenarios.Fault{HTTPErrors: &scenarios.HTTPErrorsFault{}}
}

func TestRuns(t *testing.T) {
	slow := planned("slow", "delay", 10*second, 5*second, delayOf("all"), "db")
	for name, c := range map[string]struct {
		faults    []scenarios.PlannedFault
		set       func(w *world)
		meanwhile func(t *testing.T, w *world)
		said      []string
		done      []string
		reasons   map[string]string // beginnings
	}{
		"a fault of the network, from the look before to the look after": {
			faults: []scenarios.PlannedFault{slow},
			said: []string{
				"8s slow db-1 before connect to db:8080",
				"10s slow started on db-1 by nfqueue",
				"10.5s slow db-1 applied",
				"10.5s slow db-1 during connect to db:8080",
				"15s slow ended on db-1 by schedule",
				"15s slow db-1 after connect to db:8080",
				"15s slow db-1 reverted",
			},
			done: []string{"0s accompany db-1 (network)", "10s apply slow beside db-1", "15s revert slow beside db-1"},
			reasons: map[string]string{
				"slow db-1 applied":  "90 of 100 packets held up",
				"slow db-1 reverted": "connect takes 1ms again, before the fault 1ms",
			},
		},
		"at the start of traffic": {
			faults: []scenarios.PlannedFault{planned("slow", "delay", 0, 2*second, delayOf("all"), "db")},
			said: []string{
				"0s slow db-1 before connect to db:8080",
				"0s slow started on db-1 by nfqueue",
				"500ms slow db-1 applied",
				"500ms slow db-1 during connect to db:8080",
				"2s slow ended on db-1 by schedule",
				"2s slow db-1 after connect to db:8080",
				"2s slow db-1 reverted",
			},
			done: []string{"0s accompany db-1 (network)", "0s apply slow beside db-1", "2s revert slow beside db-1"},
		},
		"nothing comes by": {
			faults: []scenarios.PlannedFault{slow},
			set:    func(w *world) { w.counters = map[string]int64{"packets": 0} },
			said: []string{
				"8s slow db-1 before connect to db:8080",
				"10s slow started on db-1 by nfqueue",
				"15s slow db-1 no-effect", // before it ends: it has been so all the time
				"15s slow ended on db-1 by schedule",
				"15s slow db-1 after connect to db:8080",
				"15s slow db-1 reverted",
			},
			reasons: map[string]string{"slow db-1 no-effect": "0 packets came by"},
		},
		"a kill": {
			faults: []scenarios.PlannedFault{planned("kill-db", "kill", 10*second, 5*second, killOf("one"), "db")},
			said: []string{
				"10s kill-db started on db-1 by engine",
				"10s kill-db db-1 applied",
				"15s kill-db ended on db-1 by schedule",
				"15s kill-db db-1 reverted",
			},
			done:    []string{"10s kill db-1", "15s replace db-1"},
			reasons: map[string]string{"kill-db db-1 applied": "db-1 exited with code 137", "kill-db db-1 reverted": "db-2 took its place"},
		},
		"an outage that is a kill on processes: what takes its place is left alone": {
			faults: []scenarios.PlannedFault{planned("outage", "outage", 10*second, 5*second,
				scenarios.Fault{Target: scenarios.Selection{Pick: "all"}, Outage: &scenarios.OutageFault{As: "refuse"}}, "db")},
			set: func(w *world) { w.platform = "process" },
			said: []string{
				"10s outage started on db-1 by engine",
				"10s outage db-1 applied",
				"15s outage ended on db-1 by schedule",
				"15s outage db-1 reverted",
			},
			done:    []string{"10s kill db-1", "15s replace db-1"},
			reasons: map[string]string{"outage db-1 applied": "db-1 exited with code 137", "outage db-1 reverted": "db-2 took its place"},
		},
		"a kill that is permanent": {
			faults: func() []scenarios.PlannedFault {
				f := killOf("one")
				f.Permanent = true
				return []scenarios.PlannedFault{planned("kill-db", "kill", 10*second, 5*second, f, "db")}
			}(),
			said: []string{
				"10s kill-db started on db-1 by engine",
				"10s kill-db db-1 applied",
				"15s kill-db ended on db-1 by schedule",
				"15s kill-db db-1 reverted",
			},
			done:    []string{"10s kill db-1"},
			reasons: map[string]string{"kill-db db-1 reverted": "it is permanent"},
		},
		"a kill of what somebody scales": {
			faults:  []scenarios.PlannedFault{planned("kill-db", "kill", 10*second, 5*second, killOf("one"), "db")},
			set:     func(w *world) { w.replaces = true },
			done:    []string{"10s kill db-1", "15s replace db-1"},
			reasons: map[string]string{"kill-db db-1 reverted": "whoever scales the service"},
		},
		"a stop that takes its time": {
			faults: []scenarios.PlannedFault{planned("stop-db", "stop", 10*second, 5*second, scenarios.Fault{Stop: &scenarios.StopFault{}}, "db")},
			set:    func(w *world) { w.slow["stop db-1"] = 3 * second },
			said: []string{
				"10s stop-db started on db-1 by engine",
				"13s stop-db db-1 applied",
				"15s stop-db ended on db-1 by schedule",
				"15s stop-db db-1 reverted",
			},
			done: []string{"13s stop db-1", "15s replace db-1"},
		},
		"a restart is over at once": {
			faults: []scenarios.PlannedFault{planned("again", "restart", 10*second, 0, scenarios.Fault{Restart: &scenarios.RestartFault{}}, "db")},
			set:    func(w *world) { w.slow["stop db-1"], w.slow["replace db-1"] = second, second },
			said: []string{
				"10s again started on db-1 by engine",
				"12s again db-1 applied",
				"12s again ended on db-1 by at once",
				"12s again db-1 reverted",
			},
			done: []string{"11s stop db-1", "12s replace db-1"},
		},
		"a crash loop": {
			faults:  []scenarios.PlannedFault{planned("loop", "crash_loop", 10*second, 5*second, scenarios.Fault{CrashLoop: &scenarios.CrashLoopFault{}}, "db")},
			done:    []string{"10s kill db-1", "10s replace db-1", "12s kill db-2", "12s replace db-2", "14s kill db-3", "14s replace db-3"},
			reasons: map[string]string{"loop db-1 applied": "1 kill in the place", "loop db-1 reverted": "db-2, db-3, db-4 took its place"},
		},
		"a notice": {
			faults: []scenarios.PlannedFault{planned("spot", "reclaim", 10*second, 5*second, scenarios.Fault{Reclaim: &scenarios.ReclaimFault{Notice: scenarios.Duration(4 * second)}}, "db")},
			said: []string{
				"10s spot started on db-1 by engine",
				"14s spot db-1 applied",
				"15s spot ended on db-1 by schedule",
				"15s spot db-1 reverted",
			},
			done: []string{"10s interrupt [db-1] 4s true"},
		},
		"done to one that goes": {
			faults:    []scenarios.PlannedFault{planned("slow", "delay", 10*second, 5*second, delayOf("one"), "db")},
			meanwhile: func(_ *testing.T, w *world) { time.Sleep(12500 * time.Millisecond); w.lose("db-1", 1, false) },
			said: []string{
				"8s slow db-1 before connect to db:8080",
				"10s slow started on db-1 by nfqueue",
				"10.5s slow db-1 applied",
				"10.5s slow db-1 during connect to db:8080",
				"12.5s slow db-1 lost",
				"12.5s slow ended on db-1 by error db-1 exited with code 1 after 2.5s of it",
			},
			reasons: map[string]string{"slow db-1 lost": "db-1 exited with code 1 after 2.5s of it, and the fault with it"},
		},
		"done to all, and one takes the place of another": {
			faults: []scenarios.PlannedFault{slow},
			meanwhile: func(_ *testing.T, w *world) {
				time.Sleep(12500 * time.Millisecond)
				w.lose("db-1", 1, false)
				time.Sleep(500 * time.Millisecond)
				w.come("db")
			},
			said: []string{
				"8s slow db-1 before connect to db:8080",
				"10s slow started on db-1 by nfqueue",
				"10.5s slow db-1 applied",
				"10.5s slow db-1 during connect to db:8080",
				"13.5s slow db-2 applied",
				"13.5s slow db-2 during connect to db:8080",
				"15s slow ended on db-1+db-2 by schedule",
				"15s slow db-1 reverted",
				"15s slow db-2 after connect to db:8080",
				"15s slow db-2 reverted",
			},
			reasons: map[string]string{
				"slow db-1 reverted": "db-1 exited with code 1 after 2.5s of it; it went on on db-2",
				"slow db-2 applied":  "done to db-2 too, which came while it lasted",
			},
		},
		"done to all, and nothing takes the place": {
			faults:    []scenarios.PlannedFault{slow},
			meanwhile: func(_ *testing.T, w *world) { time.Sleep(12500 * time.Millisecond); w.lose("db-1", 1, false) },
			said: []string{
				"8s slow db-1 before connect to db:8080",
				"10s slow started on db-1 by nfqueue",
				"10.5s slow db-1 applied",
				"10.5s slow db-1 during connect to db:8080",
				"15s slow ended on db-1 by schedule",
				"15s slow db-1 lost",
			},
		},
		"a newcomer that cannot be given it": {
			faults: []scenarios.PlannedFault{slow},
			set:    func(w *world) { w.fail["apply slow beside db-2"] = errors.New("no room") },
			meanwhile: func(_ *testing.T, w *world) {
				time.Sleep(12500 * time.Millisecond)
				w.come("db")
			},
			reasons: map[string]string{"slow db-2 partial": "db-2 came while it lasted, and it was not done to it: no room", "slow db-1 reverted": "connect"},
		},
		"nobody is there": {
			faults: []scenarios.PlannedFault{slow},
			set:    func(w *world) { w.instances["db"] = nil },
			said: []string{
				"10s slow started on  by nfqueue service db: there is no instance to pick",
				"10s slow db no-effect",
				"10s slow ended on db by error service db: there is no instance to pick",
			},
			done: []string{},
		},
		"it cannot be done": {
			faults: []scenarios.PlannedFault{slow},
			set:    func(w *world) { w.fail["apply slow beside db-1"] = errors.New("no room") },
			said: []string{
				"8s slow db-1 before connect to db:8080",
				"10s slow started on db-1 by nfqueue db-1: no room",
				"10s slow db-1 no-effect",
				"10s slow ended on db-1 by error it was done to nothing",
			},
			done: []string{"0s accompany db-1 (network)", "10s revert slow beside db-1"},
		},
		"it cannot be taken back": {
			faults: []scenarios.PlannedFault{planned("ice", "pause", 10*second, 5*second, pauseOf("one"), "db")},
			set:    func(w *world) { w.fail["resume db-1"] = errors.New("the engine is gone") },
			said: []string{
				"8.3s ice db-1 before CPU used by db-1 (cores)",
				"10s ice started on db-1 by engine",
				"11s ice db-1 applied",
				"11.3s ice db-1 during CPU used by db-1 (cores)",
				"15s ice ended on db-1 by schedule db-1: the engine is gone",
				"15s ice db-1 stuck",
			},
		},
		"the agent dies": {
			faults: []scenarios.PlannedFault{slow},
			meanwhile: func(_ *testing.T, w *world) {
				time.Sleep(12500 * time.Millisecond)
				w.agents[0].die(errors.New("signal: killed"))
			},
			said: []string{
				"8s slow db-1 before connect to db:8080",
				"10s slow started on db-1 by nfqueue",
				"10.5s slow db-1 applied",
				"10.5s slow db-1 during connect to db:8080",
				"12.5s slow db-1 lost",
				"15s slow ended on db-1 by schedule",
			},
			reasons: map[string]string{"slow db-1 lost": "the agent beside db-1 is gone, and the fault with it: signal: killed"},
		},
		"the agent takes it back by itself": {
			faults: []scenarios.PlannedFault{planned("slow", "delay", 10*second, 5*second, delayOf("one"), "db")},
			meanwhile: func(_ *testing.T, w *world) {
				time.Sleep(12500 * time.Millisecond)
				w.agents[0].sink.Reverted("slow", "lease")
			},
			said: []string{
				"8s slow db-1 before connect to db:8080",
				"10s slow started on db-1 by nfqueue",
				"10.5s slow db-1 applied",
				"10.5s slow db-1 during connect to db:8080",
				"12.5s slow db-1 lost",
				"12.5s slow ended on db-1 by lease the agent beside db-1 took it back by itself (lease)",
			},
		},
		"the helper is gone": {
			faults:  []scenarios.PlannedFault{planned("kill-db", "kill", 10*second, 5*second, killOf("one"), "db")},
			set:     func(w *world) { w.helpless = errors.New("signal: killed") },
			done:    []string{},
			reasons: map[string]string{"kill-db db-1 no-effect": "it was not done: the undo helper did not take its step"},
		},
		"the helper ends while they are in force, and what only it could undo with it": {
			faults: []scenarios.PlannedFault{
				planned("ice", "pause", 10*second, 5*second, pauseOf("one"), "db"),
				planned("kill-api", "kill", 10*second, 5*second, killOf("one"), "api"),
				planned("slow", "delay", 10*second, 5*second, delayOf("all"), "db"),
				planned("later", "pause", 14*second, 1*second, pauseOf("one"), "api"),
			},
			meanwhile: func(_ *testing.T, w *world) {
				time.Sleep(12 * second)
				w.mu.Lock()
				w.helpless = fmt.Errorf("%w: it brought them back", undo.ErrLease)
				w.mu.Unlock()
				close(w.unhelped)
			},
			done: []string{
				"0s accompany db-1 (network)", "10s apply slow beside db-1", "10s kill api-2", "10s pause db-1",
				"12s replace api-2", "12s resume db-1", "15s revert slow beside db-1",
			},
			reasons: map[string]string{
				"ice db-1 lost":           "the harness was not heard of",
				"kill-api api-2 lost":     "the harness was not heard of",
				"kill-api api-2 reverted": "api-4 took its place",
				"ice db-1 reverted":       "",
				"later api-4 no-effect":   "it was not done: the undo helper did not take its step",
				"slow db-1 reverted":      "connect",
			},
		},
		"a proxy in front": {
			faults: []scenarios.PlannedFault{planned("errors", "http_errors", 10*second, 5*second, errorsOf(), "api")},
			set:    func(w *world) { w.front("api") },
			said: []string{
				"10s errors started on api by proxy",
				"10.5s errors api applied",
				"15s errors ended on api by schedule",
				"15s errors api reverted",
			},
			done:    []string{"10s apply errors beside api", "15s revert errors beside api"},
			reasons: map[string]string{"errors api applied": "done to 20 of 50 requests"},
		},
		"at the blast radius": {
			faults: []scenarios.PlannedFault{
				planned("one", "pause", 10*second, 10*second, pauseOf("one"), "api"),
				planned("three", "delay", 12*second, 2*second, delayOf("majority"), "api"),
				planned("later", "pause", 21*second, 2*second, pauseOf("one"), "api"),
			},
			set: func(w *world) { w.plan.BlastRadius = &scenarios.BlastRadius{Percent: ptr(scenarios.Percent(34))} },
			reasons: map[string]string{
				"one api-3 applied":     "the platform confirmed that api-3 was frozen",
				"three api-2 no-effect": "it was not done: faults would have 2 of 3 instances of api in hand; blast_radius allows 1 (34%)",
				"three api-3 no-effect": "it was not done: faults would have 2 of 3 instances of api in hand; blast_radius allows 1 (34%)",
				"later api-2 applied":   "",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var w *world
			play(t, c.faults, func(x *world) {
				w = x
				if c.set != nil {
					c.set(w)
				}
			}, c.meanwhile)
			if c.said != nil {
				same(t, w.said(), c.said)
			}
			if c.done != nil {
				done := w.done()
				if len(c.faults) > 1 { // what is of one moment has no order
					slices.Sort(done)
				}
				same(t, done, c.done)
			}
			reasons := w.reasons()
			for state, want := range c.reasons {
				if got, ok := reasons[state]; !ok || !strings.HasPrefix(got, want) {
					t.Errorf("%s: %q, want %q; all: %q", state, got, want, reasons)
				}
			}
			if !strings.Contains(name, "taken back") && !strings.Contains(name, "helper is gone") {
				nothingLeft(t, w)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// Everything is taken back at once, the last on a target first, and nothing
// begins any more.
func TestHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{
			planned("first", "delay", 1*second, 60*second, delayOf("all"), "db"),
			planned("second", "pause", 2*second, 60*second, pauseOf("all"), "db"),
			planned("third", "kill", 3*second, 60*second, killOf("one"), "api"),
			planned("last", "kill", 9*second, 60*second, killOf("one"), "api"),
		}}).with("api", 3).with("db", 1)
		w.slow["resume db-1"] = 300 * time.Millisecond
		e := w.start(t)
		if err := e.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		over := make(chan error, 1)
		go func() { over <- e.Run(t.Context(), 0) }()
		time.Sleep(5 * second)
		if err := e.Heal(t.Context(), "stop"); err != nil {
			t.Fatal(err)
		}
		if now := w.clock.Now(); now > 6*second {
			t.Errorf("over at %v", now)
		}
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		killed := w.engine.faults[2].holds[0].target
		same(t, without(w.done(), "accompany"), []string{
			"1s apply first beside db-1", "2s pause db-1", "3s kill " + killed,
			"5s replace " + killed, "5.3s resume db-1", "5.3s revert first beside db-1",
		})
		for _, line := range w.said() {
			if strings.Contains(line, "last") || strings.Contains(line, "ended") && !strings.HasSuffix(line, "by stop") {
				t.Error(line)
			}
		}
		nothingLeft(t, w)
		if err := errors.Join(e.Heal(t.Context(), "again"), e.Close()); err != nil {
			t.Error(err)
		}
	})
}

// What cannot be taken back keeps nothing else on its target in force.
func TestWhatIsStuckHoldsNothingElseUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{
			planned("first", "delay", 1*second, 60*second, delayOf("all"), "db"),
			planned("second", "pause", 2*second, 60*second, pauseOf("all"), "db"),
		}}).with("db", 1)
		w.deaf["resume db-1"] = true
		e := w.start(t)
		if err := e.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		over := make(chan error, 1)
		go func() { over <- e.Run(t.Context(), 0) }()
		time.Sleep(5 * second)
		if err := e.Heal(t.Context(), "stop"); err == nil {
			t.Error("all is well")
		}
		<-over
		if done := w.done(); !slices.ContainsFunc(done, func(l string) bool { return strings.HasSuffix(l, "revert first beside db-1") }) {
			t.Errorf("%q", done)
		}
		for _, line := range w.said() {
			if strings.Contains(line, "first db-1 stuck") {
				t.Error(line)
			}
		}
		_ = e.Close()
		time.Sleep(2 * time.Hour) // what is deaf ends
	})
}

// A fault may begin as another of the same kind ends: the limit of the first is not
// taken for the target's own.
func TestLimitsThatMeet(t *testing.T) {
	throttle := func(cpus float64) scenarios.Fault {
		return scenarios.Fault{Target: scenarios.Selection{Pick: "all"}, CPUThrottle: &scenarios.CPUThrottleFault{CPUs: scenarios.Cores(cpus)}}
	}
	for range 20 { // whichever of the two comes first
		var w *world
		play(t, []scenarios.PlannedFault{
			planned("first", "cpu_throttle", 1*second, 4*second, throttle(0.5), "db"),
			planned("second", "cpu_throttle", 5*second, 3*second, throttle(0.7), "db"),
		}, func(x *world) { w = x }, func(t *testing.T, w *world) {
			time.Sleep(6 * second)
			w.mu.Lock()
			defer w.mu.Unlock()
			if cpus := w.cpus["db-1"]; cpus != 0.7 {
				t.Errorf("%g cores while the second is in force", cpus)
			}
			for _, step := range w.steps {
				if step.CPUs != 2 {
					t.Errorf("the helper would give back %g cores", step.CPUs)
				}
			}
		})
		nothingLeft(t, w)
	}
}

// Cancelling Run is an interrupt.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{planned("ice", "pause", 1*second, 60*second, pauseOf("one"), "db")}}).with("db", 1)
		e := w.start(t)
		if err := e.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*second, cancel)
		if err := e.Run(ctx, 0); err != nil {
			t.Fatal(err)
		}
		if said := w.said(); !slices.ContainsFunc(said, func(l string) bool { return strings.HasSuffix(l, "ice ended on db-1 by interrupt") }) {
			t.Errorf("%q", said)
		}
		nothingLeft(t, w)
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What does not come back holds Heal up no longer than the lease.
func TestHealNeverHangs(t *testing.T) {
	for _, deaf := range []string{"resume db-1", "pause db-1"} {
		t.Run(deaf, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{planned("ice", "pause", 1*second, 60*second, pauseOf("one"), "db")}}).with("db", 1)
				w.deaf[deaf] = true
				e := w.start(t)
				if err := e.Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
				over := make(chan error, 1)
				go func() { over <- e.Run(t.Context(), 0) }()
				time.Sleep(3 * second)
				err := e.Heal(t.Context(), "interrupt")
				if took := w.clock.Now() - 3*second; err == nil || took > scenarios.DefaultLease+margin+second {
					t.Errorf("%v after %v", err, took)
				}
				<-over
				stuck := slices.ContainsFunc(w.said(), func(l string) bool { return strings.Contains(l, "stuck") })
				if !stuck {
					t.Errorf("%q", w.said())
				}
				_ = e.Close()
				time.Sleep(2 * time.Hour) // what is deaf ends
			})
		})
	}
}

// The run goes through the same targets as the plan shows.
func TestTargetsAreThoseOfThePlan(t *testing.T) {
	f := planned("random", "pause", second, second, pauseOf("one"), "api")
	seen := map[string]bool{}
	for seed := range uint64(20) {
		f.Seed = seed
		picked, err := f.Choose([]scenarios.Candidate{{Name: "api-1", Service: "api"}, {Name: "api-2", Service: "api"}, {Name: "api-3", Service: "api"}})
		if err != nil {
			t.Fatal(err)
		}
		var w *world
		play(t, []scenarios.PlannedFault{f}, func(x *world) { w = x }, nil)
		if target := w.engine.faults[0].holds[0].target; target != picked[0] {
			t.Errorf("seed %d: %s, planned %s", seed, target, picked[0])
		}
		seen[picked[0]] = true
	}
	if len(seen) != 3 {
		t.Errorf("20 seeds pick %v", seen)
	}
}

// In virtual time nothing is late, whatever else goes on.
func TestSchedule(t *testing.T) {
	var faults []scenarios.PlannedFault
	for i := range 5 {
		f := planned("f"+string('a'+rune(i)), "delay", time.Duration(i)*777*time.Millisecond, 3*second, delayOf("all"), "api")
		faults = append(faults, f)
	}
	var w *world
	play(t, faults, func(x *world) { w = x }, nil)
	began, ended := 0, 0
	for _, e := range w.events {
		switch b := e.Body.(type) {
		case journal.FaultStarted:
			if began++; b.Late != 0 || e.T != b.Planned {
				t.Errorf("%s began %v late", b.Fault, b.Late)
			}
		case journal.FaultEnded:
			if ended++; b.Late != 0 || e.T != b.Planned {
				t.Errorf("%s ended %v late", b.Fault, b.Late)
			}
		}
	}
	if began != 5 || ended != 5 {
		t.Errorf("%d began, %d ended", began, ended)
	}
	nothingLeft(t, w)
}

func TestPrepareSaysWhatCannotWork(t *testing.T) {
	slow := planned("slow", "delay", 10*second, 5*second, delayOf("all"), "db")
	lost := planned("lost", "loss", 10*second, 5*second, scenarios.Fault{Loss: &scenarios.LossFault{Share: 5}}, "db")
	for name, c := range map[string]struct {
		fault scenarios.PlannedFault
		set   func(w *world)
		want  string
		by    string
	}{
		"all is well":    {slow, func(*world) {}, "", backendNfqueue},
		"no agent":       {slow, func(w *world) { w.fail["accompany db-1 (network)"] = errors.New("operation not permitted") }, "fault slow (delay): db-1: start the agent beside db-1: operation not permitted", ""},
		"no kernel":      {slow, func(w *world) { w.can = map[string]string{"nfqueue": "not compiled in"} }, "fault slow (delay): db-1: it needs NFQUEUE in the kernel: not compiled in", ""},
		"another way":    {lost, func(w *world) { w.can = map[string]string{"nfqueue": "not compiled in", "numgen": ""} }, "", backendKernel},
		"no way at all":  {lost, func(w *world) { w.can = map[string]string{"nfqueue": "no", "numgen": "no"} }, "fault lost (loss): db-1: it needs NFQUEUE in the kernel: no", ""},
		"no containers":  {slow, func(w *world) { w.platform = "process" }, "fault slow (delay): it needs containers: the process platform has no network namespaces, control groups or volumes to do it in; use --platform docker", ""},
		"no proxy there": {planned("e", "http_errors", second, second, errorsOf(), "db"), func(*world) {}, "fault e (http_errors): no proxy stands in front of db: it needs a port in the scenario, or egress", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{c.fault}}).with("db", 1)
				c.set(w)
				e := w.start(t)
				if err := e.Prepare(t.Context()); text(err) != c.want {
					t.Errorf("%v\nwant %s", err, c.want)
				} else if err == nil && e.faults[0].way.backend != c.by {
					t.Errorf("by %s, want %s", e.faults[0].way.backend, c.by)
				}
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Without faults there is no engine, and that can be used as any other.
func TestNoFaults(t *testing.T) {
	e := New(Config{Plan: &scenarios.Plan{}})
	e.Observe(journal.Event{})
	_ = e.ProxySink("api")
	if err := errors.Join(e.Prepare(t.Context()), e.Run(t.Context(), 0), e.Heal(t.Context(), "end"), e.Close()); e != nil || err != nil {
		t.Error(e, err)
	}
}

// What an agent is told is what the plan says, for each target with a seed of its own.
func TestOrders(t *testing.T) {
	spec := scenarios.Fault{
		Target: scenarios.Selection{Pick: "all"}, ExistingConnections: "new-only",
		Partition: &scenarios.PartitionFault{Peer: "db", Direction: "in"},
	}
	var w *world
	play(t, []scenarios.PlannedFault{planned("cut", "partition", second, second, spec, "api")}, func(x *world) { w = x }, nil)
	seeds := map[uint64]bool{}
	for _, a := range w.agents {
		for _, f := range a.all {
			seeds[f.Seed] = true
			p := f.Packets
			if f.For != second || p == nil || p.Kind != order.Partition || p.Direction != order.In || p.Existing != order.SpareExisting || len(p.Peers) != 1 || p.Peers[0].Bits() != 32 {
				t.Errorf("%+v %+v", f, p)
			}
		}
	}
	if len(seeds) != 3 {
		t.Errorf("%d seeds", len(seeds))
	}
}
