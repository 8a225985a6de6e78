package verify

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// What is above a limit is what stands in the slots above the limit's own.
func TestAboveCountsTheSlotsAbove(t *testing.T) {
	h := journal.NewHistogram()
	rapid.Check(t, func(rt *rapid.T) {
		h.Reset()
		limit := time.Duration(rapid.Int64Range(0, 20_000_000).Draw(rt, "limit")) * time.Microsecond
		for _, v := range rapid.SliceOfN(rapid.Int64Range(1, 10_000_000), 0, 5).Draw(rt, "values") {
			_ = h.RecordValues(v, rapid.Int64Range(1, 3000).Draw(rt, "times"))
		}
		_ = h.RecordValues(max(1, limit.Microseconds()+rapid.Int64Range(-3, 3).Draw(rt, "near")), 2)
		want := 0
		for _, bar := range h.Distribution() {
			if bar.From > limit.Microseconds() {
				want += int(bar.Count)
			}
		}
		if have := above(h, limit); have != want {
			rt.Fatalf("%d above %v, want %d", have, limit, want)
		}
	})
}
