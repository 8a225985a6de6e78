package engine

import (
	"context"
	"slices"
	"sync"
)

// ranks keep the order in which faults were done to a target, for the last to be
// reverted first when everything is.
type ranks struct {
	mu    sync.Mutex
	holds map[string][]*hold // by target
}

func (r *ranks) push(h *hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holds == nil {
		r.holds = map[string][]*hold{}
	}
	r.holds[h.target] = append(r.holds[h.target], h)
}

func (r *ranks) remove(h *hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds[h.target] = slices.DeleteFunc(r.holds[h.target], func(other *hold) bool { return other == h })
}

// wait comes back when nothing is in force that was done to the target later, or
// ctx is done.
func (r *ranks) wait(ctx context.Context, h *hold) {
	r.mu.Lock()
	var above []*hold
	if i := slices.Index(r.holds[h.target], h); i >= 0 {
		above = slices.Clone(r.holds[h.target][i+1:])
	}
	r.mu.Unlock()
	for _, other := range above {
		select {
		case <-other.over:
		case <-ctx.Done():
		}
	}
}
