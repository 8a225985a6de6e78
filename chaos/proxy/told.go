package proxy

import (
	"sync"
	"sync/atomic"
	"time"
)

// memory is who was told to wait, and until when: callers and keys. A call that
// comes before that is early.
type memory struct {
	any atomic.Bool // nobody was ever told: nothing to look up
	mu  sync.Mutex
	who map[who]wait
}

// who is a caller or a piece of work.
type who struct {
	key  bool
	name string
}

// wait is what one of them was told; by is nil where it was not a fault of ours.
type wait struct {
	by    *fault
	since time.Duration
	until time.Duration
}

// A caller that is told something has other calls on their way already. What
// comes within this time under another key is refused like the rest, but not
// held against it.
const crossing = 25 * time.Millisecond

// maxTold bounds the memory; what is over is forgotten first.
const maxTold = 100_000

// tell remembers that a call was told to wait, by a fault or by whoever answered.
func (m *memory) tell(by *fault, caller, key string, now, told time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.who == nil {
		m.who = map[who]wait{}
	}
	m.any.Store(true)
	if len(m.who) >= maxTold {
		m.forget(now)
	}
	w := wait{by: by, since: now, until: now + told}
	for _, x := range names(caller, key) {
		if old, ok := m.who[x]; !ok || old.until <= now {
			m.who[x] = w
		}
	}
}

func names(caller, key string) []who {
	all := make([]who, 0, 2)
	if caller != "" {
		all = append(all, who{false, caller})
	}
	if key != "" {
		all = append(all, who{true, key})
	}
	return all
}

// forget drops what is over, and everything where that is not enough.
func (m *memory) forget(now time.Duration) {
	for x, w := range m.who {
		if w.until <= now {
			delete(m.who, x)
		}
	}
	if len(m.who) >= maxTold {
		clear(m.who)
	}
}

// ask tells whether a call of that caller and key comes early, and until when a
// fault told it to wait: 0 where it did not.
func (m *memory) ask(caller, key, method, path []byte, now time.Duration) (early bool, by *fault, until time.Duration) {
	if !m.any.Load() {
		return false, nil, 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range []who{{false, string(caller)}, {true, string(key)}} {
		w, ok := m.who[x]
		if !ok || x.name == "" || w.until <= now || w.by != nil && !w.by.takes(method, path) {
			continue
		}
		if x.key || now-w.since > crossing {
			early = true
		}
		if w.until > until {
			by, until = w.by, w.until
		}
	}
	return early, by, until
}

// bucket is a limit for all callers together.
type bucket struct {
	mu     sync.Mutex
	rate   float64 // a second
	size   float64
	tokens float64
	last   time.Duration
	begun  bool
}

// newBucket is full. Without a burst it holds what a second brings.
func newBucket(rate float64, burst int) *bucket {
	size := float64(burst)
	if burst == 0 {
		size = max(1, rate)
	}
	return &bucket{rate: rate, size: size, tokens: size}
}

// take takes a token, if there is one.
func (b *bucket) take(now time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.begun {
		b.tokens = min(b.size, b.tokens+b.rate*max(0, now-b.last).Seconds())
	}
	b.begun, b.last = true, max(now, b.last)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
