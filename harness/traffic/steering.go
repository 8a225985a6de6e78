package traffic

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MostMultiple is the most that a steered load may be of the plan's.
const MostMultiple = 100

// ErrOver is returned for what is asked of traffic that has ended.
var ErrOver = errors.New("traffic has ended")

// Steering lets people change how many sessions arrive while the load is played. Its
// methods may be called from any goroutine, by several at a time; what they ask for
// takes effect on the driver's loop before they return; what is asked for before Run waits
// for it. It is for one Run: see NewSteering.
type Steering struct {
	driver *driver       // set when ready is closed
	ready  chan struct{} // closed when there is a driver
	over   chan struct{} // closed when its loop runs no more
}

// NewSteering makes the Steering of a Run.
func NewSteering() *Steering { return &Steering{ready: make(chan struct{}), over: make(chan struct{})} }

// Pause holds back arrivals, and the next rounds of closed loops, until Resume;
// sessions under way go on. At is when it took effect, on the run's clock.
func (s *Steering) Pause(ctx context.Context) (at time.Duration, err error) {
	return s.set(ctx, func(d *driver) { d.steered.held = true })
}

// Resume lets sessions arrive again, as the plan has it from that moment on: what was
// held back does not come later.
func (s *Steering) Resume(ctx context.Context) (at time.Duration, err error) {
	return s.set(ctx, func(d *driver) {
		d.steered.held = false
		for _, c := range d.circles {
			c.goOn()
		}
	})
}

// Multiple lets m times as many sessions arrive as the plan has, 0 to MostMultiple.
// Closed loops stay as they are.
func (s *Steering) Multiple(ctx context.Context, m float64) (at time.Duration, err error) {
	if !(m >= 0 && m <= MostMultiple) {
		return 0, fmt.Errorf("the load can be 0 to %d times the plan's, and %g is not", MostMultiple, m)
	}
	return s.set(ctx, func(d *driver) { d.steered.multiple = m })
}

// set changes something on the loop and waits until it has.
func (s *Steering) set(ctx context.Context, change func(*driver)) (time.Duration, error) {
	select {
	case <-s.ready:
	case <-s.over:
		return 0, ErrOver
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	d := s.driver
	done := make(chan time.Duration, 1)
	d.loop.Post(func() {
		change(d)
		done <- d.clock.Now()
	})
	select {
	case at := <-done:
		return at, nil
	case <-s.over:
		return 0, ErrOver
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// attach lets a driver be steered; a nil Steering steers nobody.
func (s *Steering) attach(d *driver) {
	if s == nil {
		return
	}
	s.driver = d
	close(s.ready)
}

// end tells that the loop runs no more, so that nobody waits for it.
func (s *Steering) end() {
	if s != nil {
		close(s.over)
	}
}
