package journal

import (
	"testing"
	"time"
)

func TestACauseNamesItsDecision(t *testing.T) {
	if got := DecisionOf(DecisionCause(17, "hpa, from 3 to 2")); got != 17 {
		t.Errorf("decision %d", got)
	}
	for _, cause := range []string{"", "initial replica 1 of 2", "scale decision : hpa", "scale decision x: hpa", "action: scale decision 3: hpa"} {
		if got := DecisionOf(cause); got != 0 {
			t.Errorf("%q names decision %d", cause, got)
		}
	}
}

// A bucket holds what is above the bound of the one before, up to its own, which
// is at most 19 % higher.
func TestBucketsOfTimes(t *testing.T) {
	for _, took := range []time.Duration{0, 1, 100 * time.Microsecond, 100*time.Microsecond + 1, time.Millisecond, 23 * time.Millisecond, time.Second, time.Hour} {
		bucket := TimesBucket(took)
		bound := TimesBound(bucket)
		if bound < took || bucket > 0 && TimesBound(bucket-1) >= took {
			t.Errorf("%v is in bucket %d, up to %v", took, bucket, bound)
		}
		if took > 100*time.Microsecond && float64(bound) > 1.19*float64(took) {
			t.Errorf("the bound of %v is %v", took, bound)
		}
	}
}
