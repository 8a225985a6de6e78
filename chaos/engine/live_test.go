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

	"github.com/shakedown-dev/shakedown/scenarios"
)

// steered plays a run of a minute that people have a hand in.
func steered(t *testing.T, set func(w *world), hand func(t *testing.T, w *world, e *Engine), faults ...scenarios.PlannedFault) *world {
	t.Helper()
	var w *world
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(&scenarios.Plan{Duration: scenarios.Duration(60 * second), Faults: faults}).with("api", 3).with("db", 1)
		if set != nil {
			set(w)
		}
		e := w.start(t)
		e.cfg.Live = true
		if err := e.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		over := make(chan error, 1)
		go func() { over <- e.Run(t.Context(), 0) }()
		time.Sleep(10 * second)
		hand(t, w, e)
		if err := errors.Join(<-over, e.Close()); err != nil {
			t.Error(err)
		}
		nothingLeft(t, w)
	})
	return w
}

// inject adds a fault and has it begin.
func inject(ctx context.Context, e *Engine, f scenarios.PlannedFault) error {
	added, err := e.Add(ctx, f)
	if err != nil {
		return err
	}
	return added.Begin(ctx)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAddedFaultsAreDoneAsPlannedOnesAre(t *testing.T) {
	w := steered(t, nil, func(t *testing.T, w *world, e *Engine) {
		must(t, inject(t.Context(), e, planned("slow", "delay", 10*second, 5*second, delayOf("all"), "db")))
		time.Sleep(20 * second)
		must(t, inject(t.Context(), e, planned("long", "pause", 30*second, 300*second, pauseOf("all"), "db")))
	})
	same(t, w.said(), []string{
		"10s slow db-1 before connect to db:8080",
		"10s slow started on db-1 by nfqueue",
		"10.5s slow db-1 applied",
		"10.5s slow db-1 during connect to db:8080",
		"15s slow ended on db-1 by schedule",
		"15s slow db-1 after connect to db:8080",
		"15s slow db-1 reverted",
		"30.3s long db-1 before CPU used by db-1 (cores)", // the look takes its time
		"30.3s long started on db-1 by engine",
		"31.3s long db-1 applied",
		"31.6s long db-1 during CPU used by db-1 (cores)",
		"1m0s long ended on db-1 by schedule", // with traffic
		"1m0.3s long db-1 after CPU used by db-1 (cores)",
		"1m0.3s long db-1 reverted",
	})
	same(t, w.done(), []string{
		"10s accompany db-1 (network)", "10s apply slow beside db-1", "15s revert slow beside db-1", "30.3s pause db-1", "1m0s resume db-1",
	})
}

func TestAddedFaultsAreRefused(t *testing.T) {
	limited, outage := errors.New("no such agent"), scenarios.Fault{Outage: &scenarios.OutageFault{As: "refuse"}}
	one := 1
	for name, c := range map[string]struct {
		set  func(w *world)
		f    scenarios.PlannedFault
		want string
	}{
		"nobody to do it to":     {nil, planned("f", "pause", 0, second, pauseOf("all"), "web"), "web"},
		"not on this platform":   {func(w *world) { w.platform = "process" }, planned("f", "delay", 0, second, delayOf("all"), "db"), "containers"},
		"no proxy":               {nil, planned("f", "http_errors", 0, second, errorsOf(), "api"), "no proxy stands"},
		"an agent does not come": {func(w *world) { w.fail["accompany db-1 (network)"] = limited }, planned("f", "delay", 0, second, delayOf("all"), "db"), "no such agent"},
		"more than blast_radius allows": {func(w *world) { w.plan.BlastRadius = &scenarios.BlastRadius{Instances: &one} },
			planned("f", "pause", 0, second, pauseOf("all"), "api"), "blast_radius allows 1"},
		"protected": {func(w *world) { w.plan.BlastRadius = &scenarios.BlastRadius{Protect: []string{"db"}} },
			planned("f", "outage", 0, second, outage, "db"), "protects db"},
	} {
		t.Run(name, func(t *testing.T) {
			w := steered(t, c.set, func(t *testing.T, w *world, e *Engine) {
				for range 2 { // and again: nothing is kept in hand by what was refused
					if err := inject(t.Context(), e, c.f); err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("%v, want %q", err, c.want)
					}
				}
			})
			if said := w.said(); len(said) > 0 {
				t.Errorf("the journal tells of what was refused: %q", said)
			}
		})
	}
}

func TestWhatCannotBeginIsToldToWhoAsked(t *testing.T) {
	w := steered(t, func(w *world) { w.fail["pause db-1"] = errors.New("no") }, func(t *testing.T, w *world, e *Engine) {
		if err := inject(t.Context(), e, planned("ice", "pause", 0, 5*second, pauseOf("all"), "db")); err == nil || !strings.Contains(err.Error(), "db-1: no") {
			t.Errorf("%v", err)
		}
	})
	if said := fmt.Sprint(w.said()); !strings.Contains(said, "ended") || !strings.Contains(said, "no-effect") {
		t.Errorf("the journal does not tell of it: %s", said)
	}
}

// Aborting heals what was planned and what was added, and lets nothing more begin.
func TestHaltedRunsTakeNoFaults(t *testing.T) {
	w := steered(t, nil, func(t *testing.T, w *world, e *Engine) {
		must(t, inject(t.Context(), e, planned("ice", "pause", 0, 40*second, pauseOf("all"), "db")))
		must(t, inject(t.Context(), e, planned("dead", "kill", 0, 40*second, killOf("one"), "api")))
		w.slow["replace api-1"], w.slow["replace api-2"], w.slow["replace api-3"] = 5*second, 5*second, 5*second
		prepared, err := e.Add(t.Context(), planned("late", "pause", 0, 40*second, pauseOf("one"), "api"))
		must(t, err)
		began := w.clock.Now()
		e.Halt("abort")
		must(t, e.Healed(t.Context()))
		if took := w.clock.Now() - began; took > second {
			t.Errorf("healed after %v", took)
		}
		if err := prepared.Begin(t.Context()); err == nil {
			t.Error("a fault begins while everything is healed")
		}
		if _, err := e.Add(t.Context(), planned("more", "pause", 0, second, pauseOf("all"), "db")); err == nil || !strings.Contains(err.Error(), "healed") {
			t.Errorf("%v", err)
		}
	}, planned("slow", "delay", 5*second, 30*second, delayOf("all"), "db"))
	ended := slices.DeleteFunc(w.said(), func(l string) bool { return !strings.Contains(l, "ended") })
	if slices.Sort(ended); len(ended) != 3 || slices.ContainsFunc(ended, func(l string) bool { return !strings.HasSuffix(l, "by abort") }) {
		t.Errorf("%q", ended)
	}
}

func TestOnlyLiveRunsTakeFaults(t *testing.T) {
	w := newWorld(&scenarios.Plan{}).with("db", 1)
	e := w.start(t)
	if _, err := e.Add(t.Context(), planned("ice", "pause", 0, second, pauseOf("all"), "db")); err == nil {
		t.Error("a run that nobody steers takes a fault")
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	var none *Engine
	if _, err := none.Add(t.Context(), scenarios.PlannedFault{}); err == nil {
		t.Error("nobody takes a fault")
	}
	if New(Config{Plan: &scenarios.Plan{}}) != nil {
		t.Error("there is an engine where there is nothing to do")
	}
}
