package arrivals

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestMergeInOrderOfTime(t *testing.T) {
	plan := &scenarios.Plan{Seed: 1, Load: []scenarios.PlannedLoad{
		loadOf(constant(0, 1000, 2)), loadOf(), loadOf(constant(0, 1000, 1)), loadOf(constant(0, 1000, 2)),
	}}
	want := []Arrival{
		{0, 0, 250 * time.Millisecond}, {3, 0, 250 * time.Millisecond},
		{2, 0, 500 * time.Millisecond},
		{0, 1, 750 * time.Millisecond}, {3, 1, 750 * time.Millisecond},
	}
	if got := merged(Merge(plan, nil)); !slices.Equal(got, want) {
		t.Errorf("arrivals %v, want %v", got, want)
	}
}

func merged(m *Merged) []Arrival {
	var all []Arrival
	for a, ok := m.Peek(); ok; a, ok = m.Peek() {
		all = append(all, a)
		m.Take()
	}
	m.Take() // nothing is left, and nothing happens
	return all
}

// The oracle is to take everything from every stream and sort it.
func TestMergeIsSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := &scenarios.Plan{Seed: rapid.Int64().Draw(t, "seed")}
		var want []Arrival
		numbers := map[uint64]bool{}
		loads := rapid.IntRange(1, 6).Draw(t, "loads")
		for range loads {
			plan.Load = append(plan.Load, drawRandomLoad(t))
		}
		for i := range plan.Load {
			for n, at := range collect(Of(plan, i, nil), 1<<20) {
				want = append(want, Arrival{i, uint64(n), at})
				numbers[Number(loads, i, uint64(n))] = true
			}
		}
		slices.SortStableFunc(want, func(a, b Arrival) int { return int(a.At - b.At) })
		if got := merged(Merge(plan, nil)); !slices.Equal(got, want) {
			t.Fatal("the merged arrivals are not the streams', sorted")
		}
		if len(numbers) != len(want) || numbers[0] {
			t.Errorf("%d numbers for %d sessions, 0 among them: %t", len(numbers), len(want), numbers[0])
		}
	})
}

func TestReplayedTimes(t *testing.T) {
	load := func(speed float64) scenarios.PlannedLoad {
		return scenarios.PlannedLoad{Replay: &scenarios.PlannedReplay{Start: second, Speed: speed}}
	}
	recorded := milliseconds(0, 100, 100, 3000)
	for name, c := range map[string]struct {
		load     scenarios.PlannedLoad
		multiple float64
		recorded []time.Duration
		want     []time.Duration
	}{
		"as recorded":           {load(1), 1, recorded, milliseconds(1000, 1100, 1100, 4000)},
		"ten times as fast":     {load(10), 1, recorded, milliseconds(1000, 1010, 1010, 1300)},
		"without a speed":       {load(0), 1, recorded, milliseconds(1000, 1100, 1100, 4000)},
		"without a multiple":    {load(1), 0, recorded, milliseconds(1000, 1100, 1100, 4000)},
		"twice":                 {load(1), 2, recorded, milliseconds(1000, 1000, 1100, 1100, 1100, 1100, 4000, 4000)},
		"once and a half":       {load(1), 1.5, recorded, milliseconds(1000, 1100, 1100, 1100, 4000, 4000)},
		"half":                  {load(1), 0.5, recorded, milliseconds(1100, 4000)},
		"a step back in time":   {load(1), 1, milliseconds(0, 500, 200, 600), milliseconds(1000, 1500, 1500, 1600)},
		"before the first":      {load(1), 1, milliseconds(-5000, 10), milliseconds(1000, 1010)},
		"nothing recorded":      {load(1), 1, nil, nil},
		"hardly any speed left": {load(1e-300), 1, milliseconds(0), milliseconds(1000)},
	} {
		plan := &scenarios.Plan{Multiple: c.multiple, Load: []scenarios.PlannedLoad{c.load}}
		if got := collect(Of(plan, 0, c.recorded), 100); !slices.Equal(got, c.want) {
			t.Errorf("%s: arrivals %v, want %v", name, got, c.want)
		}
	}
	paced := scenarios.PlannedLoad{Replay: &scenarios.PlannedReplay{Paced: true}, Segments: loadOf(constant(0, 1000, 1)).Segments}
	if got := collect(New(paced, 0, 1, recorded), 100); !slices.Equal(got, milliseconds(500)) {
		t.Errorf("a paced replay arrives at %v", got)
	}
}

// Arrival n sends the entry that the arrivals were counted by, and a whole
// recording makes its multiple, rounded down.
func TestEntriesAndArrivalsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		multiple := rapid.OneOf(rapid.Float64Range(0.01, 20), rapid.SampledFrom([]float64{0.1, 0.29, 0.7, 1, 1.1, 3, 10})).Draw(t, "multiple")
		entries := rapid.IntRange(1, 300).Draw(t, "entries")
		var recorded []time.Duration
		for i := range entries {
			recorded = append(recorded, time.Duration(i)*time.Second)
		}
		load := scenarios.PlannedLoad{Replay: &scenarios.PlannedReplay{Speed: 1}}
		plan := &scenarios.Plan{Multiple: multiple, Load: []scenarios.PlannedLoad{load}}
		got := collect(Of(plan, 0, recorded), 1<<20)
		for n, at := range got {
			if entry := Entry(uint64(n), multiple); time.Duration(entry)*time.Second != at {
				t.Fatalf("arrival %d at %v sends entry %d", n, at, entry)
			}
		}
		if uint64(len(got)) != Total(entries, multiple) {
			t.Errorf("%d arrivals, Total says %d", len(got), Total(entries, multiple))
		}
	})
	if got := Total(100, 0.29); got != 29 {
		t.Errorf("100 entries 0.29 times are %d, want 29", got)
	}
}
