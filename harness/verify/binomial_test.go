package verify

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// atMost is the probability of k or fewer among n, each with a probability of p, by
// summing the terms with 200 bits each.
func atMost(k, n int, p float64) float64 {
	num := func(v float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(v) }
	power := func(base *big.Float, times int) *big.Float {
		product := num(1)
		for range times {
			product.Mul(product, base)
		}
		return product
	}
	rest := new(big.Float).SetPrec(200).Sub(num(1), num(p))
	sum := num(0)
	for i := 0; i <= k; i++ {
		ways := new(big.Float).SetPrec(200).SetInt(new(big.Int).Binomial(int64(n), int64(i)))
		term := ways.Mul(ways, power(num(p), i))
		sum.Add(sum, term.Mul(term, power(rest, n-i)))
	}
	v, _ := sum.Float64()
	return v
}

// Both bounds are where the exact binomial tail is 2.5 %, for every number of bad ones.
func TestShareBoundsLeaveTheTails(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 120).Draw(rt, "n")
		bad := rapid.IntRange(0, n).Draw(rt, "bad")
		low, high := shareBounds(bad, n)
		if bad == 0 && low != 0 || bad == n && high != 1 {
			rt.Fatalf("%d of %d: from %g to %g", bad, n, low, high)
		}
		if tail := 1 - atMost(bad-1, n, low); bad > 0 && math.Abs(tail-.025) > 1e-9 {
			rt.Fatalf("%d of %d: at the lower bound %g as many or more have probability %g", bad, n, low, tail)
		}
		if tail := atMost(bad, n, high); bad < n && math.Abs(tail-.025) > 1e-9 {
			rt.Fatalf("%d of %d: at the upper bound %g as many or fewer have probability %g", bad, n, high, tail)
		}
	})
}

// Known values: the rule of three, and the table in Clopper and Pearson's form that
// every textbook has for 10 of 100.
func TestShareBoundsOfKnownSamples(t *testing.T) {
	for _, c := range []struct {
		bad, n    int
		low, high float64
	}{
		{0, 0, 0, 1},
		{0, 10, 0, 0.3085},
		{10, 10, 0.6915, 1},
		{10, 100, 0.0490, 0.1762},
		{1, 1000, 0.0000253, 0.005558},
		{0, 1_000_000, 0, 3.6888e-6},
		{10_000, 1_000_000, 0.0098059, 0.0101970},
	} {
		low, high := shareBounds(c.bad, c.n)
		near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-3*math.Abs(b)+1e-12 }
		if !near(low, c.low) || !near(high, c.high) {
			t.Errorf("%d of %d: from %g to %g, want %g to %g", c.bad, c.n, low, high, c.low, c.high)
		}
	}
}

// What is conclusive is what the bounds say.
func TestConclusiveIsWhatTheBoundsSay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 100_000).Draw(rt, "n")
		bad := rapid.IntRange(0, n).Draw(rt, "bad")
		limit := rapid.Float64Range(1e-6, 1-1e-6).Draw(rt, "limit")
		low, high := shareBounds(bad, n)
		if math.Abs(low-limit) < 1e-9 || math.Abs(high-limit) < 1e-9 {
			return // on a bound rounding decides
		}
		if have, want := conclusive(bad, n, limit), high < limit || low > limit; have != want {
			rt.Fatalf("%d of %d against %g: %v, bounds from %g to %g", bad, n, limit, have, low, high)
		}
	})
}

// As many events as are asked for are enough, and half as many are not.
func TestEventsNeeded(t *testing.T) {
	for _, c := range []struct {
		bad, n int
		limit  float64
		needed int
	}{
		{0, 10, 0.0144, 255}, // (1-limit)^255 is the first below 2.5 %
		{0, 10, 0.000144, 25616},
		{1, 100, 0.0144, 0}, // computed below
		{5, 100, 0.0144, 0},
	} {
		needed, ok := eventsNeeded(c.bad, c.n, c.limit)
		if !ok || c.needed > 0 && needed != c.needed {
			t.Errorf("%d of %d against %g: %d %v, want %d", c.bad, c.n, c.limit, needed, ok, c.needed)
		}
		share := float64(c.bad) / float64(c.n)
		if !conclusive(int(math.Round(share*float64(needed))), needed, c.limit) {
			t.Errorf("%d of %d against %g: %d are not enough", c.bad, c.n, c.limit, needed)
		}
		if half := needed / 2; half > c.n && conclusive(int(math.Round(share*float64(half))), half, c.limit) {
			t.Errorf("%d of %d against %g: %d would do as well as %d", c.bad, c.n, c.limit, half, needed)
		}
	}
	if needed, ok := eventsNeeded(1, 100, 0.01); ok {
		t.Errorf("a share right at the limit: %d", needed)
	}
	if needed, ok := eventsNeeded(0, 100, 0); ok {
		t.Errorf("no share is allowed: %d", needed)
	}
}
