// Package ordertest is what every order.Injector has to pass, whatever it does
// its faults with.
package ordertest

import (
	"testing"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// A Subject is an injector with faults that it can do, made for one test. Its
// faults can be in force at the same time, and several times under different IDs.
type Subject struct {
	Injector order.Injector
	Cases    []Case
	// Wrong are faults that it has to refuse; a fault that says nothing is always one.
	Wrong []order.Fault
	// Blind tells that effects cannot be looked at any more after Close, because
	// what they are looked at through is closed too.
	Blind bool
}

// A Case is a fault and how it is seen.
type Case struct {
	Fault order.Fault
	// Effect looks once whether the fault's effect is there, by the world outside of
	// the injector. It may be called from several goroutines and must not call
	// FailNow there.
	Effect func(t testing.TB) bool
	// Counter is one that a look at the effect moves; "" for none.
	Counter string
	// Shared tells that other cases have an effect that Effect cannot tell from this
	// one's; it is not looked at while they are in force.
	Shared bool
}

// Run runs the suite; open makes a subject and cleans up after it with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, part := range []struct {
		name string
		test func(*testing.T, Subject)
	}{
		{"applied and reverted", appliedAndReverted},
		{"applied twice", appliedTwice},
		{"reverted twice", revertedTwice},
		{"reverting the unknown", unknown},
		{"wrong faults leave nothing", wrong},
		{"all at once", together},
		{"Close reverts everything", closing},
		{"counters are a copy and only grow", counters},
		{"one ID from many sides", contended},
		{"many IDs from many sides", concurrent},
	} {
		t.Run(part.name, func(t *testing.T) {
			s := open(t)
			if len(s.Cases) == 0 {
				t.Fatal("the subject has no cases")
			}
			part.test(t, s)
		})
	}
}

// apply begins a fault that must be possible.
func apply(t *testing.T, s Subject, f order.Fault) {
	t.Helper()
	if err := s.Injector.Apply(f); err != nil {
		t.Fatalf("apply %s: %v", f.ID, err)
	}
}

// revert ends a fault and gives its last counters.
func revert(t *testing.T, s Subject, id string) map[string]int64 {
	t.Helper()
	counters, err := s.Injector.Revert(id)
	if err != nil {
		t.Fatalf("revert %s: %v", id, err)
	}
	return counters
}

// see fails where the effect is not as it should be.
func see(t *testing.T, c Case, want bool, when string) {
	t.Helper()
	if got := c.Effect(t); got != want {
		t.Fatalf("%s: effect of %s: %v, want %v", when, c.Fault.ID, got, want)
	}
}

func appliedAndReverted(t *testing.T, s Subject) {
	for _, c := range s.Cases {
		id := c.Fault.ID
		see(t, c, false, "before")
		for _, round := range []string{"first", "second"} { // an ID is free again after its end
			apply(t, s, c.Fault)
			see(t, c, true, round+" time, while it is in force")
			now, ok := s.Injector.Counters()[id]
			if !ok {
				t.Fatalf("%s is in force and has no counters", id)
			}
			last := revert(t, s, id)
			if c.Counter != "" && (now[c.Counter] < 1 || last[c.Counter] < now[c.Counter]) {
				t.Fatalf("%s: %s was %d while it was in force and %d at its end, want at least 1 and growing", id, c.Counter, now[c.Counter], last[c.Counter])
			}
			see(t, c, false, round+" time, after revert")
			if left := s.Injector.Counters(); len(left) != 0 {
				t.Fatalf("after revert of %s there are counters of %v", id, left)
			}
		}
	}
}

func appliedTwice(t *testing.T, s Subject) {
	for _, c := range s.Cases {
		apply(t, s, c.Fault)
		if s.Injector.Apply(c.Fault) == nil {
			t.Fatalf("%s could be applied while it was in force", c.Fault.ID)
		}
		see(t, c, true, "after the refusal")
		revert(t, s, c.Fault.ID)
		see(t, c, false, "after one revert")
	}
}

func revertedTwice(t *testing.T, s Subject) {
	c := s.Cases[0]
	apply(t, s, c.Fault)
	revert(t, s, c.Fault.ID)
	if counters := revert(t, s, c.Fault.ID); len(counters) != 0 {
		t.Fatalf("the second revert has counters %v", counters)
	}
	see(t, c, false, "after both")
}

func unknown(t *testing.T, s Subject) {
	if counters := revert(t, s, "never-heard-of"); len(counters) != 0 {
		t.Fatalf("counters %v of a fault that never was", counters)
	}
	c := s.Cases[0]
	apply(t, s, c.Fault)
	revert(t, s, "never-heard-of")
	see(t, c, true, "after reverting another")
	revert(t, s, c.Fault.ID)
}

func wrong(t *testing.T, s Subject) {
	c := s.Cases[0]
	for _, f := range append(s.Wrong, order.Fault{}) {
		f.ID = c.Fault.ID
		if s.Injector.Apply(f) == nil {
			t.Fatalf("%+v could be applied", f)
		}
		if left := s.Injector.Counters(); len(left) != 0 {
			t.Fatalf("a refused fault left counters: %v", left)
		}
		see(t, c, false, "after a refused fault")
	}
	apply(t, s, c.Fault) // its ID is not taken
	see(t, c, true, "after refused faults")
	revert(t, s, c.Fault.ID)
}

func together(t *testing.T, s Subject) {
	for _, c := range s.Cases {
		apply(t, s, c.Fault)
	}
	for _, c := range s.Cases {
		if !c.Shared {
			see(t, c, true, "with all in force")
		}
	}
	if got := len(s.Injector.Counters()); got != len(s.Cases) {
		t.Fatalf("counters of %d faults, want %d", got, len(s.Cases))
	}
	for i, c := range s.Cases {
		revert(t, s, c.Fault.ID)
		if !c.Shared {
			see(t, c, false, "after its revert")
		}
		for _, other := range s.Cases[i+1:] {
			if !other.Shared {
				see(t, other, true, "after the revert of "+c.Fault.ID)
			}
		}
	}
	for _, c := range s.Cases {
		see(t, c, false, "after all")
	}
}

func closing(t *testing.T, s Subject) {
	for _, c := range s.Cases {
		apply(t, s, c.Fault)
	}
	for range 2 {
		if err := s.Injector.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	if left := s.Injector.Counters(); len(left) != 0 {
		t.Fatalf("after Close there are counters of %v", left)
	}
	if s.Injector.Apply(s.Cases[0].Fault) == nil {
		t.Fatal("a fault could be applied after Close")
	}
	revert(t, s, s.Cases[0].Fault.ID)
	for _, c := range s.Cases {
		if !s.Blind {
			see(t, c, false, "after Close")
		}
	}
}

func counters(t *testing.T, s Subject) {
	c := s.Cases[0]
	apply(t, s, c.Fault)
	see(t, c, true, "in force")
	first := s.Injector.Counters()[c.Fault.ID]
	kept := map[string]int64{}
	for name, n := range first {
		kept[name] = n
		first[name] = -1
	}
	see(t, c, true, "in force")
	for name, n := range revert(t, s, c.Fault.ID) {
		if n < kept[name] {
			t.Fatalf("%s: %d at the end, %d before", name, n, kept[name])
		}
	}
}
