package loop

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTimersAgainstModel does the same with the heap and with a plain list.
func TestTimersAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type setting struct {
			timer *Timer
			at    time.Duration
		}
		var h timers
		var model []setting // in the order in which they were set
		all := make([]Timer, 12)
		drop := func(timer *Timer) {
			model = slices.DeleteFunc(model, func(s setting) bool { return s.timer == timer })
		}
		now := time.Duration(0)
		moments := rapid.Int64Range(0, 20)
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				timer, at := &all[rapid.IntRange(0, 11).Draw(t, "timer")], time.Duration(moments.Draw(t, "at"))
				h.set(timer, at)
				drop(timer)
				model = append(model, setting{timer, at})
			},
			"unset": func(t *rapid.T) {
				timer := &all[rapid.IntRange(0, 11).Draw(t, "timer")]
				h.unset(timer)
				drop(timer)
			},
			"due": func(t *rapid.T) {
				now = time.Duration(moments.Draw(t, "now"))
				for {
					got := h.due(now)
					next := slices.Clone(model)
					slices.SortStableFunc(next, func(a, b setting) int { return int(a.at - b.at) })
					if len(next) == 0 || next[0].at > now {
						if got != nil {
							t.Fatalf("a timer fires at %v that is not due", now)
						}
						return
					}
					if got != next[0].timer {
						t.Fatalf("not the timer that is due first at %v", now)
					}
					drop(got)
				}
			},
			"": func(t *rapid.T) {
				if at, ok := h.first(); ok != (len(model) > 0) {
					t.Fatalf("first is %v, %v with %d timers set", at, ok, len(model))
				}
				for i := range all {
					pending := slices.ContainsFunc(model, func(s setting) bool { return s.timer == &all[i] })
					if all[i].Pending() != pending {
						t.Fatalf("timer %d pending: %v, want %v", i, all[i].Pending(), pending)
					}
				}
			},
		})
	})
}

func BenchmarkTimers(b *testing.B) {
	const set = 20_000
	var h timers
	all := make([]Timer, set)
	at := func(i int) time.Duration { return time.Duration(i * 7919 % 1_000_003) }
	for i := range all {
		h.set(&all[i], at(i))
	}
	b.ReportAllocs()
	for i := range b.N {
		t := h.due(1 << 60)
		h.set(t, at(i+set))
	}
}
