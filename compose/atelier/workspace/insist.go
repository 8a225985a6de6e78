package workspace

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// insistEvery is how often the defect prescale-never-returned announces.
const insistEvery = time.Second

// Seen are accounts. It is safe for concurrent use; the zero value has none.
type Seen struct {
	mu       sync.Mutex
	accounts map[string]struct{}
}

func (s *Seen) add(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts == nil {
		s.accounts = map[string]struct{}{}
	}
	s.accounts[account] = struct{}{}
}

func (s *Seen) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.accounts))
}

// Insist is the defect prescale-never-returned: until ctx is done it announces
// every account it has ever seen, whether or not anybody still works there. It
// needs Seen.
func (w *Workspaces) Insist(ctx context.Context) {
	tick := time.NewTicker(insistEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if w.hook == nil {
			continue
		}
		for _, account := range w.Seen.all() {
			_, _ = w.announce(ctx, account) // logged and counted
		}
	}
}
