package stats

import (
	"math"
	"slices"
)

// SignedRank tests whether pairs differ (Wilcoxon's signed-rank test, with the exact
// distribution of tied ranks): differences are those within the pairs. Pairs that do not
// differ are left out, as Wilcoxon has it; without any other P is 1.
func SignedRank(differences []float64) Test {
	var sizes []float64
	var positive []bool
	for _, d := range differences {
		if d != 0 {
			sizes, positive = append(sizes, math.Abs(d)), append(positive, d > 0)
		}
	}
	n := len(sizes)
	if n == 0 {
		return Test{P: 1, Exact: true}
	}
	ranks, ties := doubledRanks(sizes)
	sum := 0
	for i, r := range ranks {
		if positive[i] {
			sum += r
		}
	}
	mean := n * (n + 1) / 2 // of the doubled sum: ties do not change it
	if n <= mostExact {
		return Test{P: outside(signSums(ranks), sum, mean), Exact: true}
	}
	variance := float64(n*(n+1)*(2*n+1))/24 - ties/48
	distance := math.Abs(float64(sum-mean))/2 - 0.5
	return Test{P: twoSided(max(0, distance) / math.Sqrt(variance))}
}

// LeastPairedP is the smallest P that SignedRank can give for n pairs.
func LeastPairedP(n int) float64 {
	if n <= 0 {
		return 1
	}
	return math.Ldexp(2, -n)
}

// NeededPairs is how many pairs a difference needs to be told at alpha.
func NeededPairs(alpha float64) int {
	n := 1
	for n < mostExact && LeastPairedP(n) > alpha {
		n++
	}
	return n
}

// PairedShift is the centre of the differences within pairs: the median of the means of
// every two of them, with an interval of the confidence.
func PairedShift(differences []float64, confidence float64) Shift {
	var means []float64
	for i, x := range differences {
		for _, y := range differences[i:] {
			means = append(means, x/2+y/2)
		}
	}
	return around(means, cutSignedRank(len(differences), (1-confidence)/2))
}

// cutSignedRank is how many of the means of n pairs lie outside of the interval on each
// side: the greatest c with P(W < c) <= tail.
func cutSignedRank(n int, tail float64) int {
	if n > mostExact {
		mean, deviation := float64(n*(n+1))/4, math.Sqrt(float64(n*(n+1)*(2*n+1))/24)
		return max(0, int(math.Floor(mean+deviation*normalQuantile(tail))))
	}
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	cut, below := 0, 0.0
	for sum, share := range signSums(ranks) {
		if below += share; below > tail {
			break
		}
		cut = sum + 1
	}
	return cut
}

// signSums is how likely each sum of the ranks is that got a plus, all signs being as
// likely.
func signSums(ranks []int) []float64 {
	most := 0
	for _, r := range ranks {
		most += r
	}
	share := make([]float64, most+1)
	share[0] = 1
	reached := 0
	for _, r := range ranks {
		for s := reached + r; s >= 0; s-- { // from the highest: what is below is as it was
			share[s] /= 2
			if s >= r {
				share[s] += share[s-r] / 2
			}
		}
		reached += r
	}
	return share
}

// around is the median of values, between the one that cut values lie below and the one
// that as many lie above.
func around(values []float64, cut int) Shift {
	slices.Sort(values)
	centre := Median(values)
	if cut <= 0 || 2*cut > len(values) {
		return unbounded(centre)
	}
	return Shift{Estimate: centre, Low: values[cut-1], High: values[len(values)-cut]}
}
