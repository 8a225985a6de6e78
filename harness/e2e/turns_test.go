package e2e

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
)

// What a test asks of the machine while its run lasts. Runs mostly wait, so several
// fit on a core; too many at once make the generator late, and the runs inconclusive.
const (
	light = 1 // one service, hardly any traffic
	whole = 2 // the reference stack under load, judged by its latency
	heavy = 6 // two stacks, everything broken at once, or a limit of a second
)

// capacity is how much of it runs at one time. go test -parallel has to be at least as
// high, for a test that waits for its turn is under way to go test.
var (
	capacity = int64(max(heavy, 4*runtime.GOMAXPROCS(0)))
	turns    = semaphore.NewWeighted(capacity)
)

// What only one test at a time may do.
var (
	// killing a harness and looking at what becomes of its run: clean takes away what
	// every dead harness has left, and would heal in place of the lease.
	killing sync.Mutex
	// inProcess is playing a run in the process of the tests.
	inProcess sync.Mutex
)

// turn lets the test run beside others, as soon as nobody else has the locks and there is
// room for what it asks of the machine. Its time is logged, as go test's own contains the
// waiting.
func turn(t *testing.T, weight int64, locks ...sync.Locker) {
	t.Helper()
	t.Parallel()
	for _, lock := range locks { // before there is room, which waiting would waste
		lock.Lock()
		t.Cleanup(lock.Unlock)
	}
	if err := turns.Acquire(t.Context(), weight); err != nil {
		t.Fatalf("wait for a turn: %v", err)
	}
	began := time.Now()
	t.Cleanup(func() {
		turns.Release(weight)
		t.Logf("took %.1fs of its own", time.Since(began).Seconds())
	})
}
