package stats

import (
	"math"

	moremath "github.com/aclements/go-moremath/stats"
)

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// studentP is the two-sided P of Student's t-test between two samples of one variance.
func studentP(a, b []float64) float64 {
	degrees := float64(len(a) + len(b) - 2)
	if len(a) == 0 || len(b) == 0 || degrees <= 0 {
		return 1
	}
	ma, mb := mean(a), mean(b)
	squares := 0.0
	for _, v := range a {
		squares += (v - ma) * (v - ma)
	}
	for _, v := range b {
		squares += (v - mb) * (v - mb)
	}
	if ma == mb {
		return 1
	}
	if squares == 0 {
		return 0
	}
	t := (ma - mb) / math.Sqrt(squares/degrees*(1/float64(len(a))+1/float64(len(b))))
	return outsideT(t, degrees)
}

// outsideT is how likely a variable of Student's distribution is at least so far from 0.
func outsideT(t, degrees float64) float64 {
	return min(1, 2*moremath.TDist{V: degrees}.CDF(-math.Abs(t)))
}
