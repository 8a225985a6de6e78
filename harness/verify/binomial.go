package verify

import "math"

// shareBounds are those between which the share lies with 95 % confidence that bad ones
// among n were drawn from: the exact interval of Clopper and Pearson, which is never
// too narrow. Of n = 0 it is from 0 to 1.
func shareBounds(bad, n int) (low, high float64) {
	low, high = 0, 1
	if n <= 0 {
		return low, high
	}
	const tail = (1 - confidence) / 2
	if bad > 0 {
		low = betaQuantile(tail, float64(bad), float64(n-bad+1))
	}
	if bad < n {
		high = betaQuantile(1-tail, float64(bad+1), float64(n-bad))
	}
	return low, high
}

// conclusive tells whether bad ones among n say on which side of a limit, from 0 to 1,
// the share is: whether its bounds lie on one side of it.
func conclusive(bad, n int, limit float64) bool {
	const tail = (1 - confidence) / 2
	within := bad < n && betaShare(limit, float64(bad+1), float64(n-bad)) >= 1-tail
	beyond := bad > 0 && betaShare(limit, float64(bad), float64(n-bad+1)) <= tail
	return within || beyond
}

// mostEvents is up to how many events are asked for; beyond that the share is at the
// limit for all that anybody will ever know.
const mostEvents = 100_000_000

// eventsNeeded is about how many events would do to say on which side of a limit a share
// is, if it stayed as it is; false where no number would.
func eventsNeeded(bad, n int, limit float64) (int, bool) {
	if n <= 0 || limit <= 0 {
		return 0, false
	}
	enough := func(m int) bool {
		return conclusive(int(math.Round(float64(bad)/float64(n)*float64(m))), m, limit)
	}
	low, high := n, n
	for !enough(high) {
		if low = high; high > mostEvents/2 {
			return 0, false
		}
		high *= 2
	}
	for high-low > 1 {
		if middle := low + (high-low)/2; enough(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high, true
}

// betaQuantile is where the distribution function of the beta distribution reaches p.
func betaQuantile(p, a, b float64) float64 {
	low, high := 0.0, 1.0
	for range 200 { // until two neighbours are left, also far below 1
		middle := low + (high-low)/2
		if middle == low || middle == high {
			break
		}
		if betaShare(middle, a, b) < p {
			low = middle
		} else {
			high = middle
		}
	}
	return low + (high-low)/2
}

// betaShare is the regularized incomplete beta function, by its continued fraction
// (DLMF 8.17.22) on the side on which that converges.
func betaShare(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - betaShare(1-x, b, a)
	}
	ab, _ := math.Lgamma(a + b)
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	front := math.Exp(ab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	return front * betaFraction(x, a, b) / a
}

// betaFraction evaluates that fraction by the method of Lentz.
func betaFraction(x, a, b float64) float64 {
	const least = 1e-300
	keep := func(v float64) float64 {
		if math.Abs(v) < least {
			return least
		}
		return v
	}
	c, d := 1.0, 1/keep(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m < 100_000; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/keep(1+even*d), keep(1+even/c)
		f *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/keep(1+odd*d), keep(1+odd/c)
		f *= d * c
		if math.Abs(d*c-1) < 1e-15 {
			break
		}
	}
	return f
}
