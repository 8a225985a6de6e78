package link

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/link/lines"
	"github.com/shakedown-dev/shakedown/chaos/order"
)

// read takes what the agent says until it ends.
func (l *Link) read() {
	in := lines.NewReader(l.conn)
	for {
		line, err := in.Read()
		if err != nil {
			l.ended(err)
			return
		}
		l.take(line, l.clk.Now())
	}
}

// take handles one line that came at a moment.
func (l *Link) take(line []byte, at time.Duration) {
	var r order.Reply
	err := json.Unmarshal(line, &r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missed = 0
	switch {
	case err != nil: // the last words of a crash, mostly
		l.lastWord = lines.Short(line)
	case r.Pong != 0:
		hand(l.pings, r.Pong, answer{r, at})
	case r.ID != 0:
		hand(l.pending, r.ID, answer{r, at})
	default:
		l.events.add(r)
	}
}

// hand gives an answer to whoever waits for it; nobody need.
func hand(waiting map[int]chan answer, n int, a answer) {
	if got := waiting[n]; got != nil {
		got <- a
		delete(waiting, n)
	}
}

// ended is the end of the agent, wanted or not.
func (l *Link) ended(err error) {
	_ = l.conn.Close()
	l.mu.Lock()
	unasked := !l.closing
	if l.gone == nil {
		l.gone = l.whyGone(err)
	}
	gone := l.gone
	l.mu.Unlock()
	close(l.done)
	l.events.end(unasked, gone)
}

// whyGone says what is known of the end.
func (l *Link) whyGone(err error) error {
	if l.closing {
		return fmt.Errorf("the %s was closed", l.name)
	}
	text := "the " + l.name + " ended unasked, and its faults with it; see its log"
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		text += " (" + err.Error() + ")"
	}
	if l.lastWord != "" {
		text += fmt.Sprintf("; its last words: %q", l.lastWord)
	}
	return errors.New(text)
}

// beat renews the lease until the agent is gone, and notices when it has fallen silent.
func (l *Link) beat() {
	tick := time.NewTicker(max(l.lease/beats, time.Millisecond))
	defer tick.Stop()
	for n := syncRounds + 1; ; n++ {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		l.mu.Lock()
		quiet := l.closing || time.Now().Before(l.paused)
		if !quiet {
			l.missed++
		}
		silent := l.missed > beats
		if silent && l.gone == nil {
			l.gone = fmt.Errorf("the %s has said nothing for %s: it hangs, or its connection does; it reverts what it did when it hears the end of its input", l.name, l.lease)
		}
		l.mu.Unlock()
		switch {
		case quiet:
		case silent:
			_ = l.conn.Close()
			return
		default:
			_ = l.out.Add(order.Command{Ping: n}) // the reader sees why it fails
		}
	}
}

// queue holds what the agent says by itself until the sink has taken it, so
// that a slow sink does not keep answers waiting.
type queue struct {
	mu      sync.Mutex
	waiting []order.Reply
	over    bool
	unasked bool
	why     error
	wake    chan struct{}
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) add(r order.Reply) {
	q.mu.Lock()
	q.waiting = append(q.waiting, r)
	q.mu.Unlock()
	q.signal()
}

// end lets run return when everything is taken.
func (q *queue) end(unasked bool, why error) {
	q.mu.Lock()
	q.over, q.unasked, q.why = true, unasked, why
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run hands everything over in order, the end last.
func (q *queue) run(take func(r order.Reply, gone error)) {
	for range q.wake {
		q.mu.Lock()
		batch, over, unasked, why := q.waiting, q.over, q.unasked, q.why
		q.waiting = nil
		q.mu.Unlock()
		for _, r := range batch {
			take(r, nil)
		}
		if over {
			if unasked {
				take(order.Reply{}, why)
			}
			return
		}
	}
}

// deliver gives the sink what it is for.
func (l *Link) deliver(r order.Reply, gone error) {
	if gone != nil {
		if l.sink.Gone != nil {
			l.sink.Gone(gone)
		}
		return
	}
	if r.Counters != nil && l.sink.Counters != nil {
		fault := r.Fault
		if fault == "" {
			fault = r.Reverted
		}
		l.sink.Counters(fault, r.Counters)
	}
	if r.Calls != nil && l.sink.Calls != nil {
		l.sink.Calls(onClock(*r.Calls, l.offset))
	}
	if r.Reverted != "" {
		l.reverted(r)
	}
}

// reverted tells of a fault that the agent took back by itself; while closing
// that is what it was asked to do, and only what failed is of interest.
func (l *Link) reverted(r order.Reply) {
	l.mu.Lock()
	closing := l.closing
	if r.Error != "" {
		l.refused = append(l.refused, fmt.Errorf("the %s could not revert %s: %s", l.name, r.Reverted, r.Error))
	}
	l.mu.Unlock()
	if !closing && l.sink.Reverted != nil {
		l.sink.Reverted(r.Reverted, r.By)
	}
}

// onClock is the same in times of the run.
func onClock(c order.Calls, offset time.Duration) order.Calls {
	c.At += offset
	for i := range c.Calls {
		c.Calls[i].At += offset
	}
	return c
}
