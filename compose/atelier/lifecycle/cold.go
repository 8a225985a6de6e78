package lifecycle

import (
	"context"
	"sync/atomic"
	"time"
)

// The defect ready-cold: the first requests of an instance find its caches
// empty, and take that much longer.
const (
	coldRequests = 30
	coldDelay    = 2 * time.Second
)

// cold holds the first requests up. It is safe for concurrent use.
type cold struct{ requests atomic.Int64 }

func (c *cold) wait(ctx context.Context) {
	if c.requests.Add(1) > coldRequests {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(coldDelay):
	}
}
