package traffic

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// sessionsOf are the numbers in paths /a/<number>/..., in order.
func sessionsOf(t *testing.T, paths []string) (all []uint64) {
	t.Helper()
	for _, path := range paths {
		n, err := strconv.ParseUint(strings.Split(path, "/")[2], 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// gaps are the numbers from 1 to n that are missing.
func gaps(sessions []uint64, n uint64) (missing []uint64) {
	for i := uint64(1); i <= n; i++ {
		if _, has := slices.BinarySearch(sessions, i); !has {
			missing = append(missing, i)
		}
	}
	return missing
}

// notesOf are the notes that have a text in them.
func notesOf(rec *recorder, with string) (all []string) {
	for _, body := range rec.others {
		if note, is := body.(journal.Note); is && strings.Contains(note.Text, with) {
			all = append(all, note.Text)
		}
	}
	return all
}

// What is due while the load is held is never sent, before and after it all is: the
// arrivals that are missing follow each other.
func TestPausedArrivalsAreWithheld(t *testing.T) {
	steering := NewSteering()
	var got asked
	var seen atomic.Int64
	steered := make(chan error, 1)
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		got.add(r.URL.Path)
		if seen.Add(1) != 10 {
			return
		}
		go func() {
			_, err := steering.Pause(t.Context())
			<-time.After(200 * time.Millisecond)
			_, again := steering.Resume(t.Context())
			steered <- errors.Join(err, again)
		}()
	})
	totals, rec := play(t, planOf(200, ms(1000), get("/a/${session}")), addr, func(c *Config) { c.Steering = steering })
	if err := <-steered; err != nil {
		t.Fatal(err)
	}
	missing := gaps(sessionsOf(t, got.all), 200)
	if len(missing) < 20 || len(missing) > 150 || missing[len(missing)-1]-missing[0] != uint64(len(missing)-1) {
		t.Fatalf("missing %v, want some that follow each other", missing)
	}
	if totals.Intended != 200-len(missing) || totals.OK != totals.Intended {
		t.Errorf("%+v, want 200 less %d intended and answered", totals, len(missing))
	}
	want := strconv.Itoa(len(missing)) + " arrivals of the plan were withheld, and 0 sessions were added"
	if notes := notesOf(rec, "steered"); len(notes) != 1 || !strings.HasSuffix(notes[0], want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

// With a multiple above 1 arrivals have copies, each with draws of its own.
func TestMultipleAddsCopies(t *testing.T) {
	steering := NewSteering()
	var got asked
	var seen atomic.Int64
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if seen.Add(1) == 10 {
			if _, err := steering.Multiple(t.Context(), 3); err != nil {
				t.Error(err)
			}
		}
		got.add(r.URL.Path)
	})
	plan := planOf(200, ms(500), get("/a/${session}/${uuid}"))
	plan.Load = append(plan.Load, plan.Load[0])
	plan.Load[1].Cohort = "others"
	totals, rec := play(t, plan, addr, func(c *Config) { c.Steering = steering })
	sessions := sessionsOf(t, got.all)
	if missing := gaps(sessions, 200); len(missing) > 0 {
		t.Errorf("arrivals %v of the plan are missing", missing)
	}
	if distinct := slices.Compact(slices.Clone(sessions)); len(distinct) != len(sessions) || totals.OK != len(sessions) {
		t.Errorf("%d sessions with %d numbers, %+v", len(sessions), len(distinct), totals)
	}
	keys := map[string]bool{}
	for _, path := range got.all {
		keys[strings.Split(path, "/")[3]] = true
	}
	if len(keys) != len(sessions) {
		t.Errorf("%d sessions drew %d keys", len(sessions), len(keys))
	}
	added := len(sessions) - 200
	if added%2 != 0 || added < 100 || added > 2*190 {
		t.Errorf("%d copies, want 2 of each arrival after the first ten or so", added)
	}
	if notes := notesOf(rec, strconv.Itoa(added)+" sessions were added"); len(notes) != 1 {
		t.Errorf("notes %q, want %d sessions added", rec.others, added)
	}
}

// steeredRun plays a plan with a multiple from its first arrival on.
func steeredRun(t *testing.T, plan *scenarios.Plan, multiple float64) []uint64 {
	t.Helper()
	var got asked
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) { got.add(r.URL.Path) })
	d, err := newDriver(Config{Plan: plan, Targets: map[string]string{"api": addr}, Clock: clock.Start(), Sink: &recorder{}})
	if err != nil {
		t.Fatal(err)
	}
	d.steered.multiple = multiple
	if _, err := d.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return sessionsOf(t, got.all)
}

// Which arrivals begin is a matter of their numbers and the seed: the same in
// every run, and those that are kept at half are those that are doubled at 1.5.
func TestThinningIsDeterministic(t *testing.T) {
	plan := planOf(1000, ms(400), get("/a/${session}"))
	half, again, more := steeredRun(t, plan, 0.5), steeredRun(t, plan, 0.5), steeredRun(t, plan, 1.5)
	if !slices.Equal(half, again) || len(half) < 150 || len(half) > 250 {
		t.Errorf("%d and %d of 400, want the same half", len(half), len(again))
	}
	var doubled []uint64
	for _, n := range more {
		if n > copyStride {
			doubled = append(doubled, n-copyStride)
		}
	}
	if !slices.Equal(doubled, half) {
		t.Errorf("doubled are %d, kept were %d", len(doubled), len(half))
	}
	if none := steeredRun(t, plan, 0); len(none) > 0 {
		t.Errorf("%d arrivals at 0x", len(none))
	}
	plan.Seed = 2
	if other := steeredRun(t, plan, 0.5); slices.Equal(other, half) {
		t.Error("another seed keeps the same arrivals")
	}
}

// A user of a closed loop whose session ends during a pause begins none until it is over.
func TestPausedLoopHoldsItsRounds(t *testing.T) {
	const users = 5
	steering := NewSteering()
	var seen atomic.Int64
	paused, resumed := make(chan int64, 2), make(chan struct{})
	enough := make(chan struct{}, 1000)
	addr := serve(t, func(http.ResponseWriter, *http.Request) {
		if seen.Add(1) == 20 {
			go func() {
				_, _ = steering.Pause(t.Context())
				paused <- seen.Load()
				<-time.After(50 * time.Millisecond)
				paused <- seen.Load()
				_, _ = steering.Resume(t.Context())
				close(resumed)
			}()
		}
		<-time.After(2 * time.Millisecond)
		select {
		case enough <- struct{}{}:
		default:
		}
	})
	plan := planOf(0, ms(600), get("/a"))
	plan.Load[0].Segments = nil
	plan.Load[0].Closed = []scenarios.PlannedClosed{closed(0, 600, users)}
	totals, _ := play(t, plan, addr, func(c *Config) { c.Steering = steering })
	<-resumed
	before, after := <-paused, <-paused
	if after-before > users {
		t.Errorf("%d requests during a pause, want those of %d users that were under way", after-before, users)
	}
	if int64(totals.OK) <= after {
		t.Errorf("%+v, want more than the %d before the end of the pause", totals, after)
	}
}

func TestSteeringRefuses(t *testing.T) {
	steering := NewSteering()
	broken := NewSteering()
	if _, err := Run(t.Context(), Config{Plan: planOf(1, ms(1), get("/a")), Clock: clock.Start(), Sink: &recorder{}, Steering: broken}); err == nil {
		t.Error("a run without targets")
	}
	if _, err := broken.Pause(t.Context()); !errors.Is(err, ErrOver) {
		t.Errorf("of a run that never began: %v", err)
	}
	for _, m := range []float64{-1, math.NaN(), math.Inf(1), 100.1} {
		if _, err := steering.Multiple(t.Context(), m); err == nil || !strings.Contains(err.Error(), "0 to 100") {
			t.Errorf("%gx: %v", m, err)
		}
	}
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	play(t, planOf(50, ms(50), get("/a")), addr, func(c *Config) { c.Steering = steering })
	if _, err := steering.Resume(t.Context()); !errors.Is(err, ErrOver) {
		t.Errorf("after the run: %v, want %v", err, ErrOver)
	}
	d, err := newDriver(Config{Plan: planOf(1, ms(1), get("/a")), Targets: map[string]string{"api": addr}, Clock: clock.Start(), Sink: &recorder{}, Steering: NewSteering()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gave up"))
	if _, err := d.steering.Pause(ctx); err == nil || err.Error() != "gave up" { // the loop does not run yet
		t.Errorf("given up: %v", err)
	}
	if _, err := d.run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// No copy of an arrival has the number of another arrival, nor of another's copy.
func TestCopiesDoNotCollide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (ordinal uint64, n int) {
			return rapid.Uint64Range(0, copyStride-1).Draw(t, name), rapid.IntRange(0, MostMultiple-1).Draw(t, name+" copy")
		}
		a, i := draw("a")
		b, j := draw("b")
		if copyOf(a, i) == copyOf(b, j) && (a != b || i != j) {
			t.Fatalf("copy %d of %d is copy %d of %d", i, a, j, b)
		}
		if originalOf(copyOf(a, i)) != a {
			t.Fatalf("copy %d of %d is said to be of %d", i, a, originalOf(copyOf(a, i)))
		}
	})
}
