// Package stats compares few measurements of something noisy: what runs of one scenario
// took before and after a change. It assumes no distribution, because the figures of runs
// have none that could be named: everything here goes by ranks, and small samples are
// judged by their exact permutation distribution.
//
// All functions are pure, deterministic and safe for concurrent use. None changes its
// arguments; values that are not finite must not be given.
package stats

import (
	"math"
	"slices"
)

// A Test is what a test of no difference came to.
type Test struct {
	// P is how likely a difference at least as large as the one seen is where there is
	// none, from 0 to 1, two-sided. It is 1 where nothing was seen.
	P float64
	// Exact tells that P comes from all permutations; else from the normal
	// approximation, corrected for ties.
	Exact bool
}

// A Shift is by how much one sample lies above another.
type Shift struct {
	Estimate float64 // Hodges and Lehmann's
	// Low and High bound it with the confidence asked for. They are infinite where
	// there are too few values for any bound.
	Low, High float64
}

// Bounded tells whether there are values enough for the interval.
func (s Shift) Bounded() bool { return !math.IsInf(s.Low, 0) && !math.IsInf(s.High, 0) }

// unbounded is the shift of which nothing is known but an estimate.
func unbounded(estimate float64) Shift {
	return Shift{Estimate: estimate, Low: math.Inf(-1), High: math.Inf(1)}
}

// Median is the middle value, of an even number the mean of the two in the middle; 0 of
// none.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	}
	return sorted[n/2-1]/2 + sorted[n/2]/2
}

// Percentile is the nearest-rank percentile, 0 < p <= 100: a value that occurred. Of
// fewer than 20 values the 95th is the greatest. It is 0 of none.
func Percentile(values []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted)) * (1 - 1e-12)))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Holm adjusts p-values for being several (Holm 1979): a difference whose adjusted value
// is at most alpha stands although so many were looked for.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compare(p[a], p[b]) })
	adjusted, least := make([]float64, len(p)), 0.0
	for i, at := range order {
		least = max(least, min(1, p[at]*float64(len(p)-i)))
		adjusted[at] = least
	}
	return adjusted
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// doubledRanks are the ranks of values, from 1, times two: equal ones share the mean of
// theirs, which need not be whole. Ties is the sum of t^3-t over groups of t equal ones.
func doubledRanks(values []float64) (ranks []int, ties float64) {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return compare(values[a], values[b]) })
	ranks = make([]int, len(values))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, at := range order[from:to] {
			ranks[at] = from + 1 + to
		}
		n := float64(to - from)
		ties += n*n*n - n
		from = to
	}
	return ranks, ties
}

// twoSided is the probability that a standard normal variable is at least so far from 0.
func twoSided(z float64) float64 { return min(1, math.Erfc(math.Abs(z)/math.Sqrt2)) }
