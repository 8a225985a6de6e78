package gateway

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// times counts answers by how long their exchange took, in the buckets of
// journal.TimesBucket. The last bucket, of days, takes all that is longer.
// Counting allocates nothing.
type times struct {
	counts [128]int
	any    bool
}

func (t *times) add(took time.Duration) {
	t.counts[min(journal.TimesBucket(took), len(t.counts)-1)]++
	t.any = true
}

// take is what was counted since it was last called, nil for nothing.
func (t *times) take() map[int]int {
	if !t.any {
		return nil
	}
	counted := map[int]int{}
	for bucket, n := range t.counts {
		if n > 0 {
			counted[bucket] = n
		}
	}
	*t = times{}
	return counted
}
