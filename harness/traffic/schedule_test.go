package traffic

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// drain takes all arrivals.
func drain(loads []scenarios.PlannedLoad) []arrival {
	merged := &arrivals{given: make([]uint64, len(loads))}
	for _, load := range loads {
		merged.pacers = append(merged.pacers, NewPacer(load))
	}
	var all []arrival
	for next, ok := merged.peek(); ok; next, ok = merged.peek() {
		merged.take(next)
		all = append(all, next)
	}
	return all
}

func TestArrivalsMergeInOrderAndNumbered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loads := rapid.SliceOfN(rapid.Custom(drawLoad), 1, 4).Draw(t, "loads")
		all := drain(loads)
		counted := make([]uint64, len(loads))
		for i, a := range all {
			counted[a.load]++
			if a.number != uint64(i+1) {
				t.Fatalf("arrival %d has the number %d", i, a.number)
			}
			if i > 0 && (a.at < all[i-1].at || a.at == all[i-1].at && a.load < all[i-1].load) {
				t.Fatalf("%+v follows %+v", a, all[i-1])
			}
		}
		for i, load := range loads {
			if counted[i] != NewPacer(load).Total() {
				t.Errorf("load %d: %d arrivals, want %d", i, counted[i], NewPacer(load).Total())
			}
		}
		if !slices.Equal(all, drain(loads)) {
			t.Error("the same loads gave other arrivals the second time")
		}
	})
}

func TestAlarmsRingInOrder(t *testing.T) {
	var a alarms
	if _, ok := a.ring(time.Hour); ok {
		t.Error("an alarm nobody asked for")
	}
	late, early := a.add(20), a.add(10)
	if next, ok := a.ring(9); !ok || next != 10 {
		t.Errorf("next alarm %v, %t, want 10ns", next, ok)
	}
	select {
	case <-early:
		t.Fatal("rang before its time")
	default:
	}
	if next, ok := a.ring(10); !ok || next != 20 {
		t.Errorf("next alarm %v, %t, want 20ns", next, ok)
	}
	<-early
	a.ring(30)
	<-late
}

// A pacer that starts late hands out what it missed at once, all of it.
func TestLateArrivalsAreNotDropped(t *testing.T) {
	now := func() time.Duration { return time.Hour }
	p := newPacer(now, []*Pacer{NewPacer(loadOf(constant(0, 1000, 100)))}, time.Second)
	stop, arrived := make(chan struct{}), make(chan struct{})
	var got []arrival
	go func() { <-arrived; close(stop) }()
	p.run(t.Context(), stop, arrived, func(a arrival) { got = append(got, a) })
	if len(got) != 100 || got[99].number != 100 {
		t.Errorf("%d arrivals, want 100", len(got))
	}
}
