package proxy

import (
	"errors"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// errCut says that a body was truncated on purpose.
var errCut = errors.New("truncated")

const (
	// every is how many bytes of a body have one that is changed.
	every = 100
	// pace is in what steps a slow body is sent.
	pace = 20 * time.Millisecond
)

// spoiler does to a body what is done to it. A fault that is over does nothing
// any more to what is still to come.
type spoiler struct {
	c    *conn
	x    *exchange
	kind wire.Kind
	due  time.Time // when a slow body may go on
}

// spoiled is relay, with the faults of x.late.
func (c *conn) spoiled(x *exchange, framing wire.Framing) (readErr, writeErr error) {
	s := spoiler{c: c, x: x, kind: framing.Kind, due: time.Now()}
	plans := make([]plan, len(x.late))
	for i := range x.late {
		plans[i] = plan{hit: &x.late[i], length: -1}
		if framing.Kind == wire.Sized {
			plans[i].length = framing.Length
		}
	}
	for !x.answer.Done() {
		p, err := x.answer.Next()
		if err != nil {
			if x.answer.Done() {
				break
			}
			return err, nil
		}
		if readErr, writeErr = s.write(p, plans); readErr != nil || writeErr != nil {
			return readErr, writeErr
		}
		x.answer.Advance(len(p))
	}
	if framing.Kind == wire.Chunked {
		writeLastChunk(c.client.W, x.answer.Trailer)
	}
	return nil, nil
}

// plan is a fault on its way through a body.
type plan struct {
	*hit
	length int64 // of the body, -1 where it is not told
	seen   int64
	next   int64 // the byte that is changed next, once drawn is set
	limit  int64 // what is let through, once drawn is set
	drawn  bool
	noted  bool
}

// write writes a piece of a body. Slow ones come last: what is cut off before is
// not waited for.
func (s *spoiler) write(p []byte, plans []plan) (readErr, writeErr error) {
	cut := false
	var slow *plan
	for i := range plans {
		f := &plans[i]
		switch f.stage {
		case corrupting:
			f.corrupt(s.x, p)
		case truncating:
			if n := f.truncate(s.x, len(p)); n < len(p) {
				p, cut = p[:n], true
			}
		case slowing:
			if slow == nil || f.SlowBody.Rate < slow.SlowBody.Rate {
				slow = f
			}
		}
	}
	if slow != nil {
		if err := s.trickle(p, slow); err != nil {
			return nil, err
		}
	} else if len(p) > 0 {
		if err := writePiece(s.c.client.W, p, s.kind); err != nil {
			return nil, err
		}
	}
	if cut {
		return errCut, nil
	}
	return nil, nil
}

// note counts a fault that was really done to a body, once.
func (f *plan) note(x *exchange) {
	if !f.noted {
		f.noted = true
		x.injected(f.hit)
	}
}

// corrupt changes one byte in each hundred, and one in a body that is shorter.
func (f *plan) corrupt(x *exchange, p []byte) {
	if !f.enter() {
		return
	}
	defer f.leave()
	if !f.drawn {
		f.drawn = true
		first := int64(every)
		if f.length >= 0 {
			first = min(first, f.length)
		} else {
			first = min(first, int64(len(p)))
		}
		f.next = f.below(first)
	}
	for f.next < f.seen+int64(len(p)) {
		if at := f.next - f.seen; at >= 0 {
			p[at] += byte(1 + f.below(127)) // so that two faults do not undo one another
			f.note(x)
			f.bytes.Add(1)
		}
		f.next = (f.next/every+1)*every + f.below(every)
		if f.length >= 0 && f.next >= f.length {
			break
		}
	}
	f.seen += int64(len(p))
}

// truncate says how much of n more bytes is let through.
func (f *plan) truncate(x *exchange, n int) int {
	if !f.enter() {
		return n
	}
	defer f.leave()
	if !f.drawn {
		f.drawn = true
		f.limit = f.Truncate.After
		switch {
		case f.limit > 0:
		case f.length >= 0:
			f.limit = f.length / 2
		default: // nobody knows how long it is: half of what comes first
			f.limit = int64(n) / 2
		}
	}
	left := f.limit - f.seen
	f.seen += int64(n)
	if left >= int64(n) {
		return n
	}
	f.note(x)
	if f.length >= 0 {
		f.bytes.Add(f.length - f.limit)
	}
	return int(max(left, 0))
}

// trickle writes at the rate of the slowest fault, and at full speed once that
// is over.
func (s *spoiler) trickle(p []byte, f *plan) error {
	w := s.c.client.W
	step := max(1, int(float64(f.SlowBody.Rate)*pace.Seconds()))
	for len(p) > 0 {
		n := min(step, len(p))
		select {
		case <-f.over:
			n = len(p)
		default:
			f.note(s.x)
			f.bytes.Add(int64(n))
		}
		if err := writePiece(w, p[:n], s.kind); err != nil {
			return err
		}
		p = p[n:]
		if err := w.Flush(); err != nil {
			return err
		}
		s.due = s.due.Add(time.Duration(float64(n) / float64(f.SlowBody.Rate) * float64(time.Second)))
		s.c.rest(f.fault, time.Until(s.due))
	}
	return nil
}

// rest waits, until the fault is over or the connection is cut.
func (c *conn) rest(f *fault, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.over:
	case <-c.ctx.Done():
	}
}
