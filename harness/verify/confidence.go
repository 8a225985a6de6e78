package verify

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// How sure an interval is, and the quantile of the normal distribution that
// leaves half of the rest above it.
const (
	confidence = 0.95
	zScore     = 1.959964
)

// exactBelow is the variance n p (1-p) up to which binomial probabilities are
// summed one by one; above it the normal approximation is within a rank.
const exactBelow = 10

// ranks are those of the order statistics, counted from 1, between which the
// p-quantile of what n values were drawn from lies with 95 % confidence,
// whatever its distribution. Low 0 and high n+1 stand for no such value: there
// are too few.
//
// How many of n values lie below the p-quantile is binomial, so that the
// quantile lies from the low-th to the high-th value with the probability that
// this number is from low to high-1 (Hahn and Meeker, Statistical Intervals,
// section 5.2).
func ranks(n int, p float64) (low, high int) {
	mean, variance := float64(n)*p, float64(n)*p*(1-p)
	if variance > exactBelow {
		reach := zScore * math.Sqrt(variance)
		return max(0, int(math.Floor(mean-reach))), min(n+1, int(math.Ceil(mean+reach))+1)
	}
	return exactRanks(n, p)
}

// exactRanks sums binomial probabilities from both ends: low is the largest
// rank with P(B < low) <= 2.5 %, high the smallest with P(B >= high) <= 2.5 %.
func exactRanks(n int, p float64) (low, high int) {
	const tail = (1 - confidence) / 2
	for sum := binomial(n, 0, p); low < n && sum <= tail; sum += binomial(n, low, p) {
		low++
	}
	high = n + 1
	for sum := binomial(n, n, p); high > 1 && sum <= tail; sum += binomial(n, high-1, p) {
		high--
	}
	return low, high
}

// binomial is the probability of k among n, 0 < p < 1.
func binomial(n, k int, p float64) float64 {
	gamma := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
	return math.Exp(gamma(n) - gamma(k) - gamma(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log(1-p))
}

// An interval is where a percentile lies with 95 % confidence. Open says that
// it has no upper end: that lies among the requests without a right answer.
type interval struct {
	low, high time.Duration
	open      bool
}

// intervalOf is the interval of a percentile of n requests, of which h holds
// the answered ones and those without a right answer count as slower than all.
// It is false where n is too small for one, or not even its lower end was answered.
func intervalOf(h *hdrhistogram.Histogram, n int, percentile float64) (interval, bool) {
	answered := int(h.TotalCount())
	low, high := ranks(n, percentile/100)
	if low < 1 || high > n || low > answered {
		return interval{}, false
	}
	i := interval{low: atRank(h, low), open: high > answered}
	if !i.open {
		i.high = atRank(h, high)
	}
	return i, true
}

// atRank is the k-th smallest value of a histogram in microseconds.
func atRank(h *hdrhistogram.Histogram, k int) time.Duration {
	return time.Duration(h.ValueAtPercentile(100*float64(k)/float64(h.TotalCount()))) * time.Microsecond
}

// String is "398ms to 431ms at 95% confidence".
func (i interval) String() string {
	text := latency(i.low)
	switch {
	case i.open:
		text += " or more"
	case latency(i.high) != text:
		text += " to " + latency(i.high)
	}
	return text + " at 95% confidence"
}

// holds tells whether a limit lies inside: then another run of the same might
// come out on its other side.
func (i interval) holds(limit time.Duration) bool {
	return i.low <= limit && (i.open || limit < i.high)
}
