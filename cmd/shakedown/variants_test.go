package main

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// What a report of one variant tells to run again is that variant alone.
func TestCommandOfOneVariant(t *testing.T) {
	for _, test := range []struct{ command, want []string }{
		{[]string{"shakedown", "run", "x", "--variants", "a,b", "--json"}, []string{"shakedown", "run", "x", "--variant", "b", "--json"}},
		{[]string{"shakedown", "run", "--variants=a,b", "x"}, []string{"shakedown", "run", "--variant", "b", "x"}},
		{[]string{"shakedown", "run", "x", "-variants", "a,b"}, []string{"shakedown", "run", "x", "--variant", "b"}},
		{[]string{"shakedown", "run", "x", "--variants"}, []string{"shakedown", "run", "x", "--variant", "b"}},
	} {
		if have := variantCommand(test.command, "b"); !slices.Equal(have, test.want) {
			t.Errorf("%q, want %q", have, test.want)
		}
	}
}

// The worst of several runs decides, whatever their order.
func TestTheWorstEnds(t *testing.T) {
	fail, open := verdictError{verify.Fail}, verdictError{verify.Inconclusive}
	broken := errors.New("the stack did not come up")
	for _, test := range []struct {
		errs []error
		want int
	}{
		{[]error{nil, nil}, 0}, {[]error{nil, open}, 3}, {[]error{open, fail}, 99}, {[]error{fail, nil}, 99},
		{[]error{fail, broken}, 1}, {[]error{open, harness.ErrInterrupted}, 130},
	} {
		for range 2 {
			var worst error
			for _, err := range test.errs {
				worst = worse(worst, err)
			}
			if have := exitCode(worst); have != test.want {
				t.Errorf("%v: %d, want %d", test.errs, have, test.want)
			}
			slices.Reverse(test.errs)
		}
	}
}

// A capacity is written so that it can be pasted, and never promises more than
// was carried.
func TestCapacityIsRoundedDown(t *testing.T) {
	for rate, want := range map[float64]string{27: "27/s", 48.279: "48.2/s", 1234.5: "1230/s", 0.98765: "0.987/s", 0: "0/s"} {
		if have := capacity(rate).String(); have != want {
			t.Errorf("%v is written %s, want %s", rate, have, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0.001, 1e6).Draw(t, "rate")
		read, err := scenarios.ParseRate(capacity(rate).String())
		if err != nil || float64(read) > rate*(1+1e-6) || float64(read) < rate*.98 {
			t.Errorf("%v becomes %v, %v", rate, read, err)
		}
	})
}
