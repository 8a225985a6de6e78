package harness

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic"
)

// play runs traffic and actions on the run's clock: one loop over the plan's
// moments and the completions of what they set off. It returns when traffic
// and every action have ended.
func (r *run) play(ctx, hard context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer runtime.GOMAXPROCS(roomForTheDriver())
	start := r.clock.Now()
	r.append(journal.Event{T: start, Body: journal.TrafficStarted{}})

	trafficEnded := make(chan error, 1)
	go func() {
		_, err := traffic.Run(ctx, traffic.Config{
			Plan: r.Loaded.Plan, Targets: r.stack.Targets(), Clock: r.clock, Start: start, Sink: sink{r},
			Version: Version(), Results: r.results.writer(),
		})
		trafficEnded <- errors.Join(err, r.results.close())
	}()

	moments, pending := timeline(r.Loaded.Plan), 0
	actionEnded := make(chan struct{}, len(moments)) // roomy: after a hard stop nobody reads it
	traffic, wake := true, time.NewTimer(0)
	defer wake.Stop()
	var failures []error
	for len(moments) > 0 || traffic || pending > 0 {
		select {
		case <-wake.C:
			for len(moments) > 0 && start+moments[0].at <= r.clock.Now() {
				pending += r.perform(ctx, moments[0], actionEnded)
				moments = moments[1:]
			}
			if len(moments) > 0 {
				wake.Reset(start + moments[0].at - r.clock.Now())
			}
		case <-actionEnded:
			pending--
		case err := <-trafficEnded:
			traffic = false
			r.emit(journal.TrafficEnded{})
			if err != nil && ctx.Err() == nil {
				failures = append(failures, fmt.Errorf("drive traffic: %w", err))
				stop(err)
			}
		case <-doneIf(ctx, len(moments) > 0):
			moments = nil
		case <-hard.Done():
			return errors.Join(append(failures, context.Cause(hard))...)
		}
	}
	return errors.Join(failures...)
}

// roomForTheDriver lets one goroutine more run than there are processors, and
// returns what was before. The driver's thread comes back from the kernel
// thousands of times a second; when every slot of the Go scheduler is taken it
// waits up to 10 ms for one, where the kernel would let it run at once.
func roomForTheDriver() (before int) {
	return runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
}

// doneIf is ctx.Done() while there is something left to call off: afterwards
// the loop waits for completions alone.
func doneIf(ctx context.Context, armed bool) <-chan struct{} {
	if !armed {
		return nil
	}
	return ctx.Done()
}

// sink lets the driver write into the journal past the observer.
type sink struct{ r *run }

// Append records an event of the driver.
func (s sink) Append(event journal.Event) error {
	s.r.append(event)
	return nil
}

// Latency records a histogram of the driver.
func (s sink) Latency(interval journal.Interval) error { return s.r.journal.Latency(interval) }
