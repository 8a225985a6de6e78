package stats

import (
	"math"
	"slices"
)

// A Search says what counts as a change.
type Search struct {
	// Window is how many values are searched at a time, at least twice the shortest
	// stretch, which is 3.
	Window int
	// MaxP is how likely a change point may be by chance, from 0 to 1. It is that of
	// the one test: a series has many places, so that chance has a few times as much.
	MaxP float64
	// MinChange is the least relative difference of two levels, 0 for any.
	MinChange float64
}

// Hunter is how Hunter searches (arXiv 2301.03034), and Apache Otava after it.
var Hunter = Search{Window: 50, MaxP: 0.001}

const (
	// relaxed is by how much the first pass is more generous: a weak point may hide a
	// strong one beside it until both have been found.
	relaxed = 10
	// leastSegment is how many values a stretch between two changes must have: one run
	// that went wrong is a change only where it pulls its neighbours along, early in a series.
	leastSegment = 3
)

// A ChangePoint is where a series moves to another level.
type ChangePoint struct {
	Index         int     // of the first value of the new level
	Before, After float64 // means of the stretches on its two sides
	P             float64 // of Student's t-test between them
}

// ChangePoints finds where the level of a series of runs changed, in order: E-Divisive
// with means (Matteson and James, arXiv 1306.4933) finds the candidates in windows that
// overlap, Student's t-test decides, as Hunter has it. The same series gives the same
// points: nothing is drawn.
func ChangePoints(series []float64, s Search) []ChangePoint {
	window := max(s.Window, 2*leastSegment)
	weak := min(1, relaxed*s.MaxP)
	var found []int
	for start := 0; start < len(series); {
		end := min(start+window, len(series))
		inside := divide(series[start:end], weak)
		next := start + window/2
		for _, at := range inside {
			if !slices.Contains(found, start+at) {
				found = append(found, start+at)
			}
			next = max(next, start+at)
		}
		if end == len(series) {
			break
		}
		start = next
	}
	slices.Sort(found)
	return merge(series, found, s)
}

// divide finds change points of one window, the strongest first, until the next is not
// significant.
func divide(series []float64, maxP float64) []int {
	var points []int
	for {
		best, at := 0.0, -1
		edges := slices.Concat([]int{0}, points, []int{len(series)})
		for i := 1; i < len(edges); i++ {
			from, to := edges[i-1], edges[i]
			if q, tau := strongest(series[from:to]); q > best {
				best, at = q, from+tau
			}
		}
		if at < 0 {
			return points
		}
		i, _ := slices.BinarySearch(points, at)
		with := slices.Insert(slices.Clone(points), i, at)
		if pointAt(series, with, i).P > maxP {
			return points
		}
		points = with
	}
}

// strongest is where a stretch divides best, with the energy distance of its two parts
// weighed by their sizes; 0 where it is too short.
func strongest(x []float64) (best float64, at int) {
	n := len(x)
	if n < 2*leastSegment {
		return 0, 0
	}
	// Sums of distances within the left part, within the right one and between, kept
	// up to date while one value after another changes sides.
	left, right, between := 0.0, 0.0, 0.0
	for i := range x {
		for _, y := range x[i+1:] {
			right += math.Abs(x[i] - y)
		}
	}
	for tau := 1; tau <= n-leastSegment; tau++ {
		moved := x[tau-1]
		for _, y := range x[:tau-1] {
			left += math.Abs(moved - y)
			between -= math.Abs(moved - y)
		}
		for _, y := range x[tau:] {
			right -= math.Abs(moved - y)
			between += math.Abs(moved - y)
		}
		if tau < leastSegment {
			continue
		}
		l, r := float64(tau), float64(n-tau)
		energy := 2/(l*r)*between - 2/(l*(l-1))*left - 2/(r*(r-1))*right
		if q := l * r / (l + r) * energy; q > best*(1+1e-12) {
			best, at = q, tau
		}
	}
	return best, at
}

// merge takes the weakest point away until all that are left are significant, then the
// smallest until all are large enough.
func merge(series []float64, at []int, s Search) []ChangePoint {
	for {
		points := make([]ChangePoint, len(at))
		weakest, smallest := 0, 0
		for i := range at {
			points[i] = pointAt(series, at, i)
			if points[i].P > points[weakest].P {
				weakest = i
			}
			if points[i].magnitude() < points[smallest].magnitude() {
				smallest = i
			}
		}
		switch {
		case len(points) == 0:
			return points
		case points[weakest].P > s.MaxP:
			at = slices.Delete(at, weakest, weakest+1)
		case points[smallest].magnitude() < s.MinChange:
			at = slices.Delete(at, smallest, smallest+1)
		default:
			return points
		}
	}
}

// magnitude is the size of the change, of the smaller level: the same either way.
func (c ChangePoint) magnitude() float64 {
	least := min(math.Abs(c.Before), math.Abs(c.After))
	if least == 0 {
		return math.Inf(1)
	}
	return math.Abs(c.After-c.Before) / least
}

// pointAt is the change at one of some points, between its neighbours.
func pointAt(series []float64, at []int, i int) ChangePoint {
	from, to := 0, len(series)
	if i > 0 {
		from = at[i-1]
	}
	if i+1 < len(at) {
		to = at[i+1]
	}
	left, right := series[from:at[i]], series[at[i]:to]
	return ChangePoint{Index: at[i], Before: mean(left), After: mean(right), P: studentP(left, right)}
}
