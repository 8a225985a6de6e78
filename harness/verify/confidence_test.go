package verify

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// covered is the probability that a p-quantile lies between two order
// statistics of n values: that of low to high-1 below it.
func covered(n, low, high int, p float64) float64 {
	sum := 0.0
	for k := low; k < high; k++ {
		sum += binomial(n, k, p)
	}
	return sum
}

// The interval holds the truth in 95 of 100 samples: never less where it is
// exact, within half a percent where it is the normal approximation, and not
// much more, or it would say less than it could.
func TestIntervalsHoldTheTruth(t *testing.T) {
	for _, p := range []float64{.5, .95, .99} {
		least := int(math.Round(10 / (1 - p))) // as many as a percentile needs to be judged
		for _, n := range []int{least, least + 1, 2 * least, 500, 1000, 1010, 1011, 1500, 5000, 20000, 100000} {
			if n < least {
				continue
			}
			low, high := ranks(n, p)
			if low < 1 || high > n || low >= high {
				t.Errorf("n %d, p %g: ranks %d to %d", n, p, low, high)
				continue
			}
			allowance := 0.0
			if float64(n)*p*(1-p) > exactBelow {
				allowance = .005
			}
			c := covered(n, low, high, p)
			if c < confidence-allowance || c > confidence+.035 {
				t.Errorf("n %d, p %g: ranks %d to %d cover %.4f", n, p, low, high, c)
			}
			if allowance == 0 && covered(n, low+1, high, p) >= confidence && covered(n, low+1, high-1, p) >= confidence {
				t.Errorf("n %d, p %g: ranks %d to %d could be closer on both sides", n, p, low, high)
			}
		}
	}
}

// Known values: Hahn and Meeker's tables give the ranks of the median's interval.
func TestRanksOfTheMedian(t *testing.T) {
	for n, want := range map[int][2]int{6: {1, 6}, 10: {2, 9}, 15: {4, 12}, 20: {6, 15}, 30: {10, 21}, 40: {14, 27}} {
		if low, high := ranks(n, .5); low != want[0] || high != want[1] {
			t.Errorf("%d values: ranks %d and %d, want %d and %d", n, low, high, want[0], want[1])
		}
	}
	if low, high := ranks(5, .5); low >= 1 && high <= 5 {
		t.Errorf("five values are too few for an interval, got ranks %d and %d", low, high)
	}
}

func TestRanksStayInBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 5_000_000).Draw(rt, "n")
		p := rapid.SampledFrom([]float64{.5, .95, .99}).Draw(rt, "p")
		low, high := ranks(n, p)
		if low < 0 || high > n+1 || low > high {
			rt.Fatalf("ranks %d and %d of %d", low, high, n)
		}
	})
}

// Requests without a right answer are slower than all others.
func TestIntervalOf(t *testing.T) {
	h := journal.NewHistogram()
	for v := range int64(1000) {
		_ = h.RecordValue(v + 1)
	}
	for _, test := range []struct {
		n    int
		want string // "" for none
	}{
		{1000, "936µs to 965µs at 95% confidence"},
		{1040, "974µs or more at 95% confidence"},
		{1100, ""},
	} {
		have, ok := intervalOf(h, test.n, 95)
		if ok != (test.want != "") || ok && have.String() != test.want {
			t.Errorf("%d requests: %v %v, want %q", test.n, have, ok, test.want)
		}
	}
	if _, ok := intervalOf(journal.NewHistogram(), 0, 50); ok {
		t.Error("nothing has an interval")
	}
}

func TestClose(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		interval
		limit time.Duration
		want  bool
	}{
		{interval{low: 10 * ms, high: 20 * ms}, 15 * ms, true},
		{interval{low: 10 * ms, high: 20 * ms}, 10 * ms, true}, // a value at the limit passes, the next does not
		{interval{low: 10 * ms, high: 20 * ms}, 20 * ms, false},
		{interval{low: 10 * ms, high: 20 * ms}, 9 * ms, false},
		{interval{low: 10 * ms, open: true}, time.Hour, true},
	} {
		if test.holds(test.limit) != test.want {
			t.Errorf("%v around %v: %v", test.interval, test.limit, !test.want)
		}
	}
}
