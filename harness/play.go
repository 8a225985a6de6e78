package harness

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// play runs traffic and actions on the run's clock: one loop over the plan's
// moments and the completions of what they set off. It returns when traffic
// and every action have ended. Actions that do not end are given up some time
// after traffic has.
func (r *run) play(ctx, hard context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.faults.stops(stop)
	acting, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	defer runtime.GOMAXPROCS(roomForTheDriver())
	start := r.clock.Now()
	r.append(journal.Event{T: start, Body: journal.TrafficStarted{}})
	scaling, stopScaling := context.WithCancel(ctx)
	defer stopScaling()
	scalingEnded := r.scaler.begin(scaling, r, start)
	faultsEnded, faulting := r.faults.begin(ctx, start), true
	trafficEnded := make(chan error, 1)
	go func() { trafficEnded <- r.drive(ctx, start) }()

	moments, pending := timeline(r.Loaded.Plan), 0
	actionEnded := make(chan struct{}, len(moments)+mostByHand) // roomy: after a hard stop nobody reads it
	byHand, overByHand, endedByHand := r.live.begin(start)
	defer endedByHand()
	traffic, wake := true, time.NewTimer(0)
	defer wake.Stop()
	var tooLong <-chan time.Time
	var failures []error
	for len(moments) > 0 || traffic || faulting || pending > 0 {
		select {
		case <-wake.C:
			for len(moments) > 0 && start+moments[0].at <= r.clock.Now() {
				pending += r.perform(acting, moments[0], actionEnded)
				moments = moments[1:]
			}
			if len(moments) > 0 {
				wake.Reset(start + moments[0].at - r.clock.Now())
			}
		case <-actionEnded:
			pending--
		case action := <-byHand:
			pending += r.perform(acting, moment{action: action}, actionEnded)
		case err, more := <-faultsEnded:
			if faulting = more; err != nil && ctx.Err() == nil {
				failures = append(failures, err)
			}
			if !more {
				faultsEnded = nil
			}
		case err := <-trafficEnded:
			traffic = false
			overByHand()
			stopScaling()
			r.trafficEnded = r.clock.Now()
			r.append(journal.Event{T: r.trafficEnded, Body: journal.TrafficEnded{}})
			tooLong = time.After(patience(r.Loaded.Plan))
			if err != nil && ctx.Err() == nil {
				failures = append(failures, fmt.Errorf("drive traffic: %w", err))
				r.faults.giveUp()
				stop(err)
			}
		case <-tooLong:
			err := fmt.Errorf("not over %v after the end of traffic; begin it earlier, or find out what it waits for", patience(r.Loaded.Plan))
			r.emit(journal.Note{Level: "warning", Text: fmt.Sprintf("actions under way (%d) are given up: %v", pending, err)})
			giveUp(err)
		case <-doneIf(ctx, len(moments) > 0):
			moments = nil
		case <-hard.Done():
			return errors.Join(append(failures, context.Cause(hard))...)
		}
	}
	stopScaling()
	return errors.Join(append(failures, scalingEnded(ctx, hard))...)
}

// drive runs the traffic to its end, and writes everything that it leaves
// beside the journal.
func (r *run) drive(ctx context.Context, start time.Duration) error {
	_, err := traffic.Run(ctx, traffic.Config{
		Plan: r.Loaded.Plan, Targets: r.stack.Targets(), Clock: r.clock, Start: start, Sink: sink{r},
		Run: r.Run, Version: Version(), Results: r.results.writer(), Acknowledged: r.book,
		Steering: r.live.traffic(),
	})
	if lost := r.book.Close(); lost != nil { // it is counted, and the checks will say what comes of it
		r.emit(journal.Note{Level: "warning", Text: lost.Error()})
	}
	return errors.Join(err, r.results.close())
}

// patience is how long after the end of traffic actions may go on: the longest
// that one of them may take by the plan, where of the instances that a release
// brings in only one needs all of its time to get ready; the longest
// termination; and some time for the machine.
func patience(plan *scenarios.Plan) time.Duration {
	const machine = 30 * time.Second
	var longest, grace time.Duration
	for _, action := range plan.Actions {
		switch {
		case action.Job != nil:
			longest = max(longest, action.Job.Within.Std())
		case action.Interrupt != nil:
			longest = max(longest, action.Interrupt.Notice.Std())
		case action.Release != nil:
			r := action.Release
			waits := r.MinReady.Std() * time.Duration(largest(plan, r.Service)) // one after another
			longest = max(longest, r.Deadline.Std()+waits+r.Keep.Std())
		}
	}
	for _, service := range plan.Services {
		grace = max(grace, service.Drain.Grace.Std())
	}
	return longest + grace + machine
}

// largest is how many instances of a service there are at most by the plan, 1
// at least.
func largest(plan *scenarios.Plan, service string) int {
	most := max(1, plan.Services[service].Replicas)
	if a := plan.Services[service].Autoscale; a != nil {
		most = max(most, a.Max)
	}
	for _, action := range plan.Actions {
		if s := action.Scale; s != nil && s.Service == service {
			most = max(most, s.To)
		}
	}
	return most
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
