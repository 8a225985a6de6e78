package gateway

import (
	"sync"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// outboxLimit is how many events may wait before single requests are no longer
// taken (some 4 MB of them).
const outboxLimit = 16_384

// outbox hands events to emit without ever making their producer wait. What is
// rare is always taken; single requests only below the limit.
type outbox struct {
	mu      sync.Mutex
	waiting []journal.Event
	taken   int // events that run has taken and not yet emitted
	closed  bool
	wake    chan struct{} // holds a token while there is something to do
	done    chan struct{}
}

func newOutbox(emit func(journal.Event)) *outbox {
	o := &outbox{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go o.run(emit)
	return o
}

// add takes an event.
func (o *outbox) add(e journal.Event) {
	o.mu.Lock()
	o.waiting = append(o.waiting, e)
	o.mu.Unlock()
	o.signal()
}

// offer takes an event if there is room.
func (o *outbox) offer(e journal.Event) bool {
	o.mu.Lock()
	room := len(o.waiting)+o.taken < outboxLimit
	if room {
		o.waiting = append(o.waiting, e)
	}
	o.mu.Unlock()
	if room {
		o.signal()
	}
	return room
}

// full tells whether offer would refuse.
func (o *outbox) full() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting)+o.taken >= outboxLimit
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run emits until the outbox is closed and empty.
func (o *outbox) run(emit func(journal.Event)) {
	defer close(o.done)
	var batch []journal.Event
	for range o.wake {
		for {
			o.mu.Lock()
			batch, o.waiting = o.waiting, batch[:0]
			o.taken = len(batch)
			closed := o.closed
			o.mu.Unlock()
			for i, e := range batch {
				emit(e)
				batch[i] = journal.Event{}
			}
			if len(batch) == 0 && closed {
				return
			}
			if len(batch) == 0 {
				break
			}
		}
	}
}

// close waits until everything was emitted.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.signal()
	<-o.done
}
