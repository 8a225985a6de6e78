//go:build !linux

package loop

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
)

// A poller waits for wake-ups and the time. The runtime's timers may be a
// millisecond late.
type poller struct {
	clock clock.Clock
	woken chan struct{} // holds one wake-up
	timer *time.Timer
}

func newPoller(c clock.Clock) (*poller, error) {
	return &poller{clock: c, woken: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}, nil
}

// wait waits until it is woken or the moment comes. The moment at once does not
// wait.
func (p *poller) wait(until time.Duration) {
	switch until {
	case atOnce:
		return
	case never:
		<-p.woken
		return
	}
	p.timer.Reset(until - p.clock.Now())
	select {
	case <-p.woken:
	case <-p.timer.C:
	}
}

// wake ends a wait, or the next one. Any goroutine may call it.
func (p *poller) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

func (p *poller) close() { p.timer.Stop() }
