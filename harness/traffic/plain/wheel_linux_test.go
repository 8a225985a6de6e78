package plain

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

// TestWheel holds the wheel to its word: a call is due not before its deadline,
// and at the look that follows it, however far away that is.
func TestWheel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w wheel
		now := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "start"))
		w.start(now)
		var in []*call
		steps := rapid.SliceOfN(rapid.SampledFrom([]time.Duration{0, 1, wheelTick / 3, wheelTick, 7 * wheelTick, wheelSlots * wheelTick, 3 * wheelSlots * wheelTick}), 1, 30)
		for _, step := range steps.Draw(t, "steps") {
			for _, d := range rapid.SliceOfN(rapid.Int64Range(-int64(time.Second), int64(20*time.Second)), 0, 4).Draw(t, "deadlines") {
				k := &call{x: &exchange.Exchange{Deadline: now + time.Duration(d)}}
				w.add(k, k.x.Deadline)
				in = append(in, k)
			}
			if len(in) > 0 && rapid.Bool().Draw(t, "remove") {
				w.remove(in[0])
				in = in[1:]
			}
			now = max(now+step, w.next())
			due := w.due(now, nil)
			for _, k := range due {
				if k.x.Deadline > now {
					t.Fatalf("at %v a call is due whose deadline is %v", now, k.x.Deadline)
				}
				w.remove(k)
			}
			in = slices.DeleteFunc(in, func(k *call) bool { return slices.Contains(due, k) })
			for _, k := range in {
				if k.x.Deadline <= now-wheelTick {
					t.Fatalf("at %v a call was overlooked whose deadline was %v", now, k.x.Deadline)
				}
			}
			if w.len != len(in) {
				t.Fatalf("%d calls are in, want %d", w.len, len(in))
			}
		}
	})
}

func TestWheelAtTheEndOfTime(t *testing.T) {
	var w wheel
	w.start(0)
	k := &call{x: &exchange.Exchange{Deadline: 1<<63 - 1}}
	w.add(k, k.x.Deadline)
	if due := w.due(w.next(), nil); len(due) != 0 {
		t.Errorf("%d calls are due", len(due))
	}
	w.remove(k)
}

// TestBudget asks at every moment and whenever the budget says so.
func TestBudget(t *testing.T) {
	for _, rate := range []float64{0.5, 1, 99, 100, 333, 20_000} {
		b := newBudget(rate)
		every := time.Duration(float64(time.Second) / rate)
		bucket := max(1, int(10*time.Millisecond/every)+1)
		now, taken := time.Duration(0), 0
		for now < 100*every {
			ok, at := b.take(now)
			if ok {
				if taken++; taken > bucket+int(now/every) {
					t.Fatalf("%v/s: %d at %v", rate, taken, now)
				}
				continue
			}
			if at <= now {
				t.Fatalf("%v/s: at %v there will be a token at %v", rate, now, at)
			}
			now = at
		}
		if taken < 100 {
			t.Errorf("%v/s: %d in the time of 100", rate, taken)
		}
	}
	free := newBudget(0)
	for range 1000 {
		if ok, _ := free.take(0); !ok {
			t.Fatal("without a limit there was one")
		}
	}
}

// TestBudgetAfterAPause has nothing saved up but what the bucket holds.
func TestBudgetAfterAPause(t *testing.T) {
	b := newBudget(1000)
	burst := 0
	for now := time.Hour; ; burst++ {
		if ok, _ := b.take(now); !ok {
			break
		}
	}
	if burst != 10 {
		t.Errorf("%d at once after an hour, want what 10 ms give: 10", burst)
	}
}
