package platform

import "sync"

// feedRoom is how many events a reader may be behind.
const feedRoom = 4096

// A Feed is the Events channel of an implementation. Sending never blocks, so
// that a reader which has stopped cannot hold up exits that others wait for:
// an event that finds 4,096 unread ones before it is dropped. It is safe for
// concurrent use.
type Feed struct {
	mu     sync.Mutex
	events chan Event
	closed bool
}

// NewFeed makes a feed that is open.
func NewFeed() *Feed { return &Feed{events: make(chan Event, feedRoom)} }

// Events is the reader's end. It is closed by Close; what was sent before can
// still be read.
func (f *Feed) Events() <-chan Event { return f.events }

// Send delivers an event, or drops it after Close and when the feed is full.
func (f *Feed) Send(event Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	select {
	case f.events <- event:
	default:
	}
}

// Close ends the feed. A second call does nothing.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		close(f.events)
	}
}
