package measure

import (
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// brute integrates the level step by step.
func brute(changes map[time.Duration]int, from, to time.Duration) float64 {
	level, area, last := 0, 0.0, time.Duration(0)
	for _, at := range append(slices.Sorted(maps.Keys(changes)), to) {
		lo, hi := max(last, from), min(at, to)
		if hi > lo {
			area += float64(level) * (hi - lo).Seconds()
		}
		level, last = level+changes[at], at
	}
	return area
}

func TestAreaIsTheIntegral(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		changes := rapid.MapOf(
			rapid.Custom(func(t *rapid.T) time.Duration {
				return time.Duration(rapid.Int64Range(0, int64(10*time.Second)-1).Draw(t, "at"))
			}),
			rapid.IntRange(-5, 5)).Draw(rt, "changes")
		var inOrder, anyOrder area
		var total float64
		cuts := slices.Sorted(slices.Values(rapid.SliceOfN(rapid.Int64Range(0, int64(10*time.Second)), 0, 4).Draw(rt, "cuts")))
		moments, from := slices.Sorted(maps.Keys(changes)), time.Duration(0)
		for _, c := range append(cuts, int64(10*time.Second)) {
			to := time.Duration(c)
			for len(moments) > 0 && moments[0] < to {
				inOrder.change(moments[0], changes[moments[0]])
				moments = moments[1:]
			}
			got, _ := inOrder.take(to)
			if want := brute(changes, from, to); math.Abs(got-want) > 1e-9 {
				rt.Fatalf("from %v to %v: %v, want %v", from, to, got, want)
			}
			total += got
			from = to
		}
		for at, delta := range changes { // in the random order of a map
			anyOrder.change(at, delta)
		}
		if got, _ := anyOrder.take(10 * time.Second); math.Abs(got-total) > 1e-9 {
			rt.Fatalf("out of order: %v, want %v", got, total)
		}
	})
}

// One server, Poisson arrivals, exponential service: Little's law holds for
// what happened, not only on the average. Lose sight of one end, and it does
// not.
func TestLittlesLaw(t *testing.T) {
	play := func(forget int) (area, sojourn float64) {
		r, sink := New(planOf(1, 1, 1), 3*time.Second), newBook(t)
		random := rand.New(rand.NewPCG(7, 7))
		var arrived, free time.Duration
		cut := time.Second
		for i := range 2000 {
			arrived += time.Duration(random.ExpFloat64() * float64(time.Millisecond))
			free = max(free, arrived) + time.Duration(random.ExpFloat64()*0.9*float64(time.Millisecond))
			for ; arrived > cut; cut += time.Second {
				write(t, r, sink, 3*time.Second+cut)
			}
			r.Under(arrived, 1)
			if i == forget {
				continue
			}
			r.Under(free, -1)
			r.Sojourn(free - arrived)
		}
		write(t, r, sink, 3*time.Second+free)
		for _, g := range sink.generators {
			area, sojourn = area+g.Area, sojourn+g.Sojourn
		}
		return area, sojourn
	}
	area, sojourn := play(-1)
	if math.Abs(area-sojourn) > 1e-9*area || area == 0 {
		t.Errorf("area %v, sojourn %v", area, sojourn)
	}
	if area, sojourn = play(1000); area < 1.01*sojourn {
		t.Errorf("a request that never ends goes unnoticed: area %v, sojourn %v", area, sojourn)
	}
}

func TestDispersion(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const seconds = 20
	cases := map[string]struct {
		gap      func(i int) time.Duration
		from, to float64
	}{
		"even, 2 a bin":       {func(int) time.Duration { return 500 * time.Microsecond }, 0, 0},
		"even, 1 in 4":        {func(int) time.Duration { return 4 * time.Millisecond }, 0.74, 0.76},
		"Poisson, 3 a bin":    {func(int) time.Duration { return time.Duration(random.ExpFloat64() * 1e6 / 3) }, 0.95, 1.05},
		"Poisson, 1 in 10":    {func(int) time.Duration { return time.Duration(random.ExpFloat64() * 1e7) }, 0.9, 1.1},
		"20 at once, 1 in 10": {func(i int) time.Duration { return map[bool]time.Duration{true: 10 * time.Millisecond}[i%20 == 0] }, 17.9, 18.1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, sink := New(planOf(1, 1, 1), time.Hour), newBook(t)
			cut, moment := time.Second, time.Duration(0)
			for i := 0; cut <= seconds*time.Second; i++ {
				for ; moment >= cut; cut += time.Second {
					write(t, r, sink, time.Hour+cut)
				}
				r.Begun(moment, moment)
				moment += c.gap(i)
			}
			var begun, asked float64
			for _, g := range sink.generators {
				begun, asked = begun+g.Dispersion/seconds, asked+g.Asked/seconds
			}
			if begun < c.from-1e-9 || begun > c.to || asked < c.from-0.01 || asked > c.to+0.01 {
				t.Errorf("begun %v, asked %v, want from %v to %v", begun, asked, c.from, c.to)
			}
		})
	}
}

// A driver that stands still for a second has begun a clump of sessions. What
// was asked of it is as even as ever.
func TestDispersionOfALateDriver(t *testing.T) {
	r, sink := New(planOf(1, 1, 1), 0), newBook(t)
	cut := time.Second
	for i := range 5000 {
		intended := time.Duration(i) * time.Millisecond
		now := intended
		if intended >= 1500*time.Millisecond && intended < 2500*time.Millisecond {
			now = 2500 * time.Millisecond
		}
		for ; now >= cut; cut += time.Second {
			write(t, r, sink, cut)
		}
		r.Begun(now, intended)
	}
	write(t, r, sink, 5*time.Second)
	if g := sink.generators[2]; g.Dispersion < 100 || math.Abs(g.Asked) > 0.001 {
		t.Errorf("begun %v, want clumps; asked %v, want 0", g.Dispersion, g.Asked)
	}
	for i, g := range sink.generators {
		if i != 2 && g.Dispersion > 1.01 || g.Asked > 0.01 {
			t.Errorf("second %d: begun %v, asked %v", i, g.Dispersion, g.Asked)
		}
	}
}

// The index is that of plain counts, of every bin and every event once, however
// late an event comes and however long nothing happens.
func TestBinsAreThoseOfPlainCounts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var b bins
		plain, newest := map[int64]float64{}, int64(0)
		for range rapid.IntRange(0, 50).Draw(rt, "events") {
			bin := newest + rapid.OneOf(rapid.Int64Range(-2*openBins, 2*openBins), rapid.Int64Range(0, 100_000)).Draw(rt, "ms")
			b.add(time.Duration(bin) * time.Millisecond)
			newest = max(newest, bin)
			plain[max(bin, newest-openBins+1, 0)]++ // one that is too late, in the oldest open bin
		}
		b.closeBefore(newest + 1)
		var sum, squares float64
		n := float64(newest + 1)
		for _, count := range plain {
			sum += count
			squares += count * count
		}
		want := -1.0
		if n > 1 && sum > 0 {
			want = (squares/n - sum/n*sum/n) * n / (n - 1) / (sum / n)
		}
		if got := b.take(); math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
			rt.Fatalf("index %v, want %v", got, want)
		}
		if got := b.take(); got >= 0 {
			rt.Fatalf("taken twice: %v", got)
		}
	})
}

func TestGeneratorOfAnInterval(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r, sink := New(planOf(1, 1, 1), 0), newBook(t)
	r.Exhausted("ports")
	r.Exhausted("ports")
	r.Exhausted("files")
	for start := readUsage(); readUsage().thread == start.thread; { // until it has used something
	}
	if err := r.Cut(time.Second, Gauges{InFlight: 1, Sessions: 2, Queued: 3, Connections: 4, Dialled: 5}).Write(sink); err != nil {
		t.Fatal(err)
	}
	if err := r.Cut(3*time.Second, Gauges{Dialled: 12}).Write(sink); err != nil {
		t.Fatal(err)
	}
	first, second := sink.generators[0], sink.generators[1]
	if first.For != time.Second || first.InFlight != 1 || first.Sessions != 2 || first.Queued != 3 || first.Connections != 4 || first.Dialled != 5 {
		t.Errorf("gauges %+v", first)
	}
	if second.For != 2*time.Second || second.Dialled != 7 {
		t.Errorf("the second interval: %+v", second)
	}
	if !maps.Equal(first.Exhausted, map[string]int{"ports": 2, "files": 1}) || second.Exhausted != nil {
		t.Errorf("exhausted %v, then %v", first.Exhausted, second.Exhausted)
	}
	if first.Dispersion >= 0 || first.Asked >= 0 {
		t.Errorf("no sessions, yet their dispersion is %v of %v", first.Dispersion, first.Asked)
	}
	if first.CPUs <= 0 || first.Memory <= 0 {
		t.Errorf("CPUs %v, memory %v", first.CPUs, first.Memory)
	}
	const rounding = time.Millisecond // process and thread are read one after the other, and rounded
	if runtime.GOOS == "linux" && (first.Thread <= 0 || first.CPU+rounding < first.Thread || first.Files < 3 || first.FileLimit < first.Files) {
		t.Errorf("of the process: %+v", first)
	}
}

// What one thread used says nothing of another's.
func TestUsageOfAnotherThreadIsUnknown(t *testing.T) {
	now, before := usage{process: 5, thread: 3, id: 1}, usage{process: 1, thread: 1, id: 2}
	if got := now.threadSince(before); got >= 0 {
		t.Errorf("%v across threads", got)
	}
	before.id = 1
	if got := now.threadSince(before); got != 2 || now.process.since(before.process) != 4 || now.process.since(unknown) >= 0 {
		t.Errorf("%v of the same thread", got)
	}
}
