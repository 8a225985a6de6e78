package verify

import (
	"strings"
	"testing"
	"time"
)

// The time to ready is judged by nearest rank: of fewer than 20 instances it is
// the slowest, of 20 to 39 the second slowest.
func TestTimeToReadyIsJudgedByNearestRank(t *testing.T) {
	for _, test := range []struct{ instances, rank int }{{1, 1}, {2, 2}, {19, 19}, {20, 19}, {39, 38}, {40, 38}, {100, 95}} {
		var s startups
		for n := range test.instances {
			s.add(time.Duration(test.instances-n)*time.Second, "api-1")
		}
		if have, want := s.p95(), time.Duration(test.rank)*time.Second; have != want {
			t.Errorf("of 1s to %ds: %v, want %v", test.instances, have, want)
		}
		if shown := strings.Contains(s.measured(), "p95"); shown != (test.instances >= everyOne) {
			t.Errorf("%d instances: %s", test.instances, s.measured())
		}
	}
}
