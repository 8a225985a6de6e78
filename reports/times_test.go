package reports

import (
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A percentile needs ten values above it: a p99 of three requests is their
// maximum under another name.
func TestTooFewValuesCarryNoPercentile(t *testing.T) {
	for _, test := range []struct {
		values        int64
		p50, p95, p99 bool
	}{
		{0, false, false, false}, {19, false, false, false}, {20, true, false, false}, {199, true, false, false},
		{200, true, true, false}, {999, true, true, false}, {1000, true, true, true},
	} {
		h := journal.NewHistogram()
		must(t, h.RecordValues(5000, test.values))
		p50, p95, p99, most := carried(h)
		if have := [3]bool{p50 > 0, p95 > 0, p99 > 0}; have != [3]bool{test.p50, test.p95, test.p99} || (most > 0) != (test.values > 0) {
			t.Errorf("%d values: %v, %v, %v, max %v", test.values, p50, p95, p99, most)
		}
	}
}

// One request in 100 late is no p99, and stays none when the start of its
// session, late by the same, is counted besides.
func TestLagOfRequestsAndOfSessionStartsAreToldApart(t *testing.T) {
	merged := times{}
	for _, step := range []string{"", "home"} {
		h := journal.NewHistogram()
		must(t, h.RecordValues(50, 59))
		must(t, h.RecordValue(8000))
		merged[timeKey{"p", "j", step, journal.Lag}] = h
	}
	if _, p99, most := merged.lags(); p99 > ms || most < 8*ms {
		t.Errorf("p99 %v, max %v", p99, most)
	}
	must(t, merged[timeKey{"p", "j", "", journal.Lag}].RecordValues(9000, 5))
	if _, p99, _ := merged.lags(); p99 < 9*ms {
		t.Errorf("p99 %v does not tell that sessions began late", p99)
	}
}
