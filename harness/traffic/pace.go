package traffic

import (
	"context"
	"time"
)

// The pacing thread looks again at least this often, so that it stops promptly
// and sees alarms that were added while it slept.
const (
	longestSleep  = 10 * time.Millisecond
	shortestSleep = time.Millisecond
)

// A pacer hands out arrivals and rings alarms at their time, from one thread,
// sleeping in between. What is late is handed out at once: nothing is ever
// dropped, the lag shows it.
type pacer struct {
	now      func() time.Duration // since the start of traffic
	arrivals *arrivals
	alarms   alarms
	patience time.Duration // the longest sleep
}

// newPacer makes the pacer of some loads. An alarm is added at least pause
// ahead of its time: with sleeps no longer than that, none is ever found late.
func newPacer(now func() time.Duration, pacers []*Pacer, pause time.Duration) *pacer {
	return &pacer{
		now:      now,
		arrivals: &arrivals{pacers: pacers, given: make([]uint64, len(pacers))},
		patience: min(max(pause, shortestSleep), longestSleep),
	}
}

// run calls begin for every arrival, in order and without waiting for what
// comes of it, until all were handed out or ctx ends; then it closes arrived.
// It goes on ringing alarms until stop is closed.
func (p *pacer) run(ctx context.Context, stop <-chan struct{}, arrived chan<- struct{}, begin func(arrival)) {
	thread := newSleeper()
	defer thread.close()
	open := true // arrivals may still come
	for {
		select {
		case <-stop:
			return
		default:
		}
		now := p.now()
		wait := p.patience
		if at, ok := p.alarms.ring(now); ok {
			wait = min(wait, at-now)
		}
		if open {
			next, more := p.arrivals.peek()
			open = more && ctx.Err() == nil
			switch {
			case !open:
				close(arrived)
			case next.at <= now:
				p.arrivals.take(next)
				begin(next)
				continue
			default:
				wait = min(wait, next.at-now)
			}
		}
		thread.sleep(wait)
	}
}
