package stats

import "math"

// mostExact is how many values are judged by all their permutations. Beyond it the normal
// approximation is as good as exact.
const mostExact = 60

// MannWhitney tests whether two samples come from the same distribution (the U test, with
// the exact permutation distribution of tied ranks). Without values on both sides P is 1.
func MannWhitney(a, b []float64) Test {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return Test{P: 1, Exact: true}
	}
	ranks, ties := doubledRanks(append(append(make([]float64, 0, n+m), a...), b...))
	sum := 0
	for _, r := range ranks[:n] {
		sum += r
	}
	mean := n * (n + m + 1) // of the doubled sum
	if n+m <= mostExact {
		return Test{P: outside(rankSums(ranks, n), sum, mean), Exact: true}
	}
	all := float64(n + m)
	variance := float64(n*m) / 12 * (all + 1 - ties/(all*(all-1)))
	if variance <= 0 {
		return Test{P: 1}
	}
	distance := math.Abs(float64(sum-mean))/2 - 0.5 // corrected for continuity
	return Test{P: twoSided(max(0, distance) / math.Sqrt(variance))}
}

// LeastP is the smallest P that MannWhitney can give for so many values: where it is above
// alpha no difference, however large, could be told.
func LeastP(n, m int) float64 {
	if n <= 0 || m <= 0 {
		return 1
	}
	return min(1, 2/choose(n+m, n))
}

// Needed is how many values each of two samples needs for a difference to be told at alpha.
func Needed(alpha float64) int {
	n := 1
	for n < mostExact && LeastP(n, n) > alpha {
		n++
	}
	return n
}

// MedianShift is by how much b lies above a: the median of all differences between a value
// of the one and one of the other, with an interval of the confidence, such as 0.95.
func MedianShift(a, b []float64, confidence float64) Shift {
	differences := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			differences = append(differences, y-x)
		}
	}
	cut := 0
	if n, m := len(a), len(b); n > 0 && m > 0 {
		cut = cutMannWhitney(n, m, (1-confidence)/2)
	}
	return around(differences, cut)
}

// cutMannWhitney is how many of the differences of n and m values lie outside of the
// interval on each side: the greatest c with P(U < c) <= tail.
func cutMannWhitney(n, m int, tail float64) int {
	if n+m > mostExact {
		mean, deviation := float64(n*m)/2, math.Sqrt(float64(n*m*(n+m+1))/12)
		return max(0, int(math.Floor(mean+deviation*normalQuantile(tail))))
	}
	ranks := make([]int, n+m)
	for i := range ranks {
		ranks[i] = 2 * (i + 1)
	}
	sums := rankSums(ranks, n)
	total := choose(n+m, n)
	cut, below := 0, 0.0
	for u := 0; u <= n*m; u++ {
		below += sums[2*u+n*(n+1)]
		if below > tail*total {
			break
		}
		cut = u + 1
	}
	return cut
}

// rankSums counts the ways to choose n of the ranks by their sum.
func rankSums(ranks []int, n int) []float64 {
	most := 0
	for _, r := range ranks {
		most += r
	}
	ways := make([][]float64, n+1)
	for i := range ways {
		ways[i] = make([]float64, most+1)
	}
	ways[0][0] = 1
	reached := 0
	for i, r := range ranks {
		for k := min(i+1, n); k > 0; k-- {
			for s := reached; s >= 0; s-- {
				ways[k][s+r] += ways[k-1][s]
			}
		}
		reached += r
	}
	return ways[n]
}

// outside is the share of ways whose sum is at least as far from the mean as the one seen.
func outside(ways []float64, seen, mean int) float64 {
	distance := max(seen-mean, mean-seen)
	far, all := 0.0, 0.0
	for sum, n := range ways {
		all += n
		if max(sum-mean, mean-sum) >= distance {
			far += n
		}
	}
	return min(1, far/all)
}

// choose is n over k.
func choose(n, k int) float64 {
	all := 1.0
	for i := range min(k, n-k) {
		all = all * float64(n-i) / float64(i+1)
	}
	return math.Round(all)
}

// normalQuantile is where the standard normal distribution reaches a probability.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
