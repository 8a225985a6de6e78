package reports

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/arrivals"
)

// mostWalked is how many arrivals of a plan are counted one by one, which
// takes less than a second; beyond, the integral of the rate has to do.
const mostWalked = 5_000_000

// A loadTally is how many sessions of a load arrive, and how fast.
type loadTally struct {
	sessions []float64 // by phase; in the end those after the last one
	exact    bool      // counted, not estimated
	peaks    []float64 // by phase, sessions a second
	columns  []float64 // by column of the sparkline, sessions a second
}

// tally counts the arrivals of every load of a plan.
func tally(plan *scenarios.Plan, recorded map[int][]time.Duration) []loadTally {
	all := make([]loadTally, len(plan.Load))
	left := float64(mostWalked)
	for i, load := range plan.Load {
		replays := load.Replay != nil && !load.Replay.Paced
		times, known := recorded[i]
		expected := arrivals.Expected(load, math.MinInt64, math.MaxInt64) // whether in a phase or not
		switch {
		case replays && !known:
			all[i] = estimate(plan, assumeEven(load, plan.Multiple))
			all[i].exact = onlyOne(all[i].sessions)
			continue
		case replays:
			all[i] = recordedTally(plan, load, times)
			expected = float64(len(times)) * factorOf(plan.Multiple)
		default:
			all[i] = estimate(plan, load)
		}
		if left -= expected; left >= 0 {
			all[i].walk(plan, i, times)
		}
	}
	return all
}

// walk counts the arrivals by phase, each of them.
func (t *loadTally) walk(plan *scenarios.Plan, load int, recorded []time.Duration) {
	clear(t.sessions)
	t.exact = true
	stream, phase := arrivals.Of(plan, load, recorded), 0
	for at, ok := stream.Peek(); ok; at, ok = stream.Peek() {
		for phase < len(plan.Phases) && at >= plan.Phases[phase].End.Std() {
			phase++
		}
		t.sessions[phase]++
		stream.Take()
	}
}

// estimate takes a load's sessions from the integral of its rate.
func estimate(plan *scenarios.Plan, load scenarios.PlannedLoad) loadTally {
	t := loadTally{columns: make([]float64, sparkWidth)}
	for _, phase := range plan.Phases {
		from, to := phase.Start.Std(), phase.End.Std()
		t.sessions = append(t.sessions, math.Round(arrivals.Expected(load, from, to)))
		t.peaks = append(t.peaks, arrivals.Peak(load, from, to))
	}
	t.sessions = append(t.sessions, math.Round(arrivals.Expected(load, plan.Duration.Std(), math.MaxInt64)))
	for i := range t.columns {
		from, to := columnStart(plan, i), columnStart(plan, i+1)
		if to > from {
			t.columns[i] = arrivals.Expected(load, from, to) / (to - from).Seconds()
		}
	}
	return t
}

// recordedTally takes a replay's sessions from its recorded times. Its peak is
// the busiest second, counted from the start of the phase.
func recordedTally(plan *scenarios.Plan, load scenarios.PlannedLoad, recorded []time.Duration) loadTally {
	t := estimate(plan, scenarios.PlannedLoad{})
	multiple := factorOf(plan.Multiple)
	phase, second, busy := 0, -1, 0.0
	for _, r := range recorded {
		at := replayed(load.Replay, r)
		for phase < len(plan.Phases) && at >= plan.Phases[phase].End.Std() {
			phase, second = phase+1, -1
		}
		t.sessions[phase] += multiple
		if phase == len(plan.Phases) {
			continue
		}
		if s := int((at - plan.Phases[phase].Start.Std()) / time.Second); s != second {
			second, busy = s, 0
		}
		busy += multiple
		t.peaks[phase] = max(t.peaks[phase], busy)
		if column := columnOf(plan, at); column < len(t.columns) {
			t.columns[column] += multiple / (plan.Duration.Std().Seconds() / sparkWidth)
		}
	}
	return t
}

// assumeEven makes a burst of a replay whose times are not known: all of its
// requests, evenly over its span.
func assumeEven(load scenarios.PlannedLoad, multiple float64) scenarios.PlannedLoad {
	start := load.Replay.Start
	return scenarios.PlannedLoad{Bursts: []scenarios.PlannedBurst{{
		Phase: load.Replay.Phase, Start: start,
		End:      max(replayEnd(load.Replay), start+scenarios.Duration(time.Second)),
		Sessions: int(arrivals.Total(load.Replay.Requests, multiple)),
	}}}
}

// replayEnd is when the last request of a replay is sent.
func replayEnd(r *scenarios.PlannedReplay) scenarios.Duration {
	return scenarios.Duration(replayed(r, r.Span.Std()))
}

// replayed is when a recorded time is, from the start of traffic.
func replayed(r *scenarios.PlannedReplay, recorded time.Duration) time.Duration {
	speed := r.Speed
	if !(speed > 0) {
		speed = 1
	}
	return r.Start.Std() + time.Duration(min(float64(recorded)/speed, math.MaxInt64/4))
}

// factorOf is a plan's multiple, 1 for plans from before there were any.
func factorOf(multiple float64) float64 {
	if multiple > 0 {
		return multiple
	}
	return 1
}

// onlyOne reports whether all sessions are in one place.
func onlyOne(sessions []float64) bool {
	places := 0
	for _, n := range sessions {
		if n > 0 {
			places++
		}
	}
	return places <= 1
}

// sortedNames are the keys of a map, in order.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
