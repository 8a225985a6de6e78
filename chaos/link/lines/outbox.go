package lines

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// room is how many bytes may wait before Offer refuses.
const room = 4 << 20

// Outbox writes lines without ever making their producer wait for the reader.
// It is safe for concurrent use.
type Outbox struct {
	mu      sync.Mutex
	waiting [][]byte
	size    int // bytes in waiting and in what is being written
	closed  bool
	err     error
	wake    chan struct{} // holds a token while there is something to do
	done    chan struct{}
}

// NewOutbox writes to w, a line at a time, until it is closed.
func NewOutbox(w io.Writer) *Outbox {
	o := &Outbox{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go o.run(w)
	return o
}

// Add has a line written, whatever waits before it. An error means that nobody
// will read it any more, or that it is too long.
func (o *Outbox) Add(v any) error {
	_, err := o.take(v, false)
	return err
}

// Offer has a line written if not too much waits already, and tells whether it
// will be. It is for what the reader can do without.
func (o *Outbox) Offer(v any) bool {
	taken, err := o.take(v, true)
	return taken && err == nil
}

func (o *Outbox) take(v any, optional bool) (taken bool, err error) {
	line, err := json.Marshal(v)
	if err != nil {
		return false, err
	}
	if len(line) >= order.MaxLine {
		return false, fmt.Errorf("a line of %d bytes is too long; at most %d", len(line), order.MaxLine)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return false, o.err
	case o.closed:
		return false, io.ErrClosedPipe
	case optional && o.size+len(line) > room:
		return false, nil
	}
	o.waiting = append(o.waiting, append(line, '\n'))
	o.size += len(line) + 1
	o.signal()
	return true, nil
}

func (o *Outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes until the outbox is closed and empty, or nobody reads any more.
func (o *Outbox) run(w io.Writer) {
	defer close(o.done)
	for range o.wake {
		for {
			o.mu.Lock()
			batch, closed := o.waiting, o.closed
			o.waiting = nil
			o.mu.Unlock()
			if len(batch) == 0 && closed {
				return
			}
			if len(batch) == 0 {
				break
			}
			if !o.write(w, batch) {
				return
			}
		}
	}
}

// write tells whether all of it could be written.
func (o *Outbox) write(w io.Writer, batch [][]byte) bool {
	for _, line := range batch {
		_, err := w.Write(line)
		o.mu.Lock()
		o.size -= len(line)
		o.err = err
		o.mu.Unlock()
		if err != nil {
			return false
		}
	}
	return true
}

// Close takes no more, and waits so long for what waits to be written. Whoever
// does not read in time never gets it.
func (o *Outbox) Close(patience time.Duration) {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.signal()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
	}
}
