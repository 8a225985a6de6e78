package stack

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// killPatience is how long an instance may take to be gone after SIGKILL.
const killPatience = 30 * time.Second

// terminate takes one instance away as a cluster would: from the first moment
// the endpoint list is being updated, which takes effect after the service's
// endpoint lag; the stop signal follows after pre_stop, SIGKILL at the end of
// grace. It returns when the instance is gone and removed. An instance that
// exits earlier stays in the list until the lag is over, as it would there. The
// controls kill and late-removal change the sequence, not what is announced.
func (s *Stack) terminate(ctx context.Context, name, cause string) error {
	t, err := s.beginTermination(ctx, name, cause)
	if err != nil {
		return err
	}
	return s.endTermination(ctx, t)
}

// beginTermination counts an instance as leaving and journals it.
func (s *Stack) beginTermination(ctx context.Context, name, cause string) (termination, error) {
	i := s.leave(name)
	if i == nil {
		return termination{}, fmt.Errorf("stop %s: the run has no such instance, or it is being stopped already", name)
	}
	return s.announce(ctx, i, cause, never)
}

// stop takes away an instance that does not count any more; its grace ends at
// the latest at a moment on the run's clock.
func (s *Stack) stop(ctx context.Context, i *instance, cause string, latest time.Duration) error {
	t, err := s.announce(ctx, i, cause, latest)
	if err != nil {
		return err
	}
	return s.endTermination(ctx, t)
}

// announce journals that an instance begins to terminate. One that is being
// brought in does so when that is over; if it never ran there is nothing to say.
func (s *Stack) announce(ctx context.Context, i *instance, cause string, latest time.Duration) (termination, error) {
	if i.rising && !await(ctx, i.raised.done) {
		return termination{}, fmt.Errorf("stop %s: %w", i.name, context.Cause(ctx))
	}
	if !i.running.fired() && i.rising {
		return termination{i: i, began: s.cfg.Clock.Now(), cause: cause, unborn: true}, nil
	}
	stop := s.stopSignal(ctx, i) // asked before the sequence, which it must not delay
	t := termination{i: i, began: s.cfg.Clock.Now(), cause: cause, lag: s.lag(i.of, i.name), stop: stop}
	t.grace = max(0, min(i.of.plan.Drain.Grace.Std(), latest-t.began))
	t.preStop = min(i.of.plan.Drain.PreStop.Std(), t.grace)
	s.cfg.Emit(journal.Event{T: t.began, Body: journal.InstanceTerminating{
		Service: i.service(), Instance: i.name, Cause: cause, Lag: t.lag, PreStop: t.preStop, Grace: t.grace,
	}})
	return t, nil
}

// endTermination performs the sequence.
func (s *Stack) endTermination(ctx context.Context, t termination) error {
	perform := s.terminated
	if t.unborn {
		perform = s.neverRan
	}
	if err := perform(ctx, t); err != nil {
		return fmt.Errorf("stop %s: %w", t.i.name, err)
	}
	return nil
}

// termination is one run of the sequence.
type termination struct {
	i                   *instance
	cause               string
	began               time.Duration // on the run's clock
	lag, preStop, grace time.Duration
	stop                syscall.Signal
	unborn              bool // it never ran: there is no sequence
}

// neverRan removes what there is of an instance that was brought in half-way.
func (s *Stack) neverRan(ctx context.Context, t termination) error {
	if s.instance(t.i.name) == nil {
		return nil
	}
	return s.remove(ctx, t)
}

func (s *Stack) terminated(ctx context.Context, t termination) error {
	gateway := s.link(t.i.of.name)
	if gateway != nil {
		if err := gateway.Terminate(t.i.name, t.lag); err != nil { // it goes all the same
			s.note("warning", fmt.Sprintf("the gateway was not told that %s is stopping: %v", t.i.name, err))
		}
	}
	if err := s.signalUntilGone(ctx, t); err != nil {
		return err
	}
	if gateway != nil {
		if err := s.forget(ctx, t, gateway); err != nil {
			return err
		}
	}
	t.i.logEnded()
	return s.remove(ctx, t)
}

// leave marks an instance as leaving, so that nobody counts it any more; nil if
// there is none or it is leaving already.
func (s *Stack) leave(name string) *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[name]
	if i == nil || i.number == 0 || !s.seen.has(i) {
		return nil
	}
	s.seen.lose(i)
	i.want()
	return i
}

// uncount makes an instance not count any more, although nobody asked it to exit
// yet.
func (s *Stack) uncount(i *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.lose(i)
}

// lag is how long the data plane goes on routing to a leaving instance, or to
// all those of a version. Where the plan does not say it is drawn from the seed
// and the name, so that a replay draws the same whatever else happens.
func (s *Stack) lag(of *service, name string) time.Duration {
	if s.cfg.Plan.Control == scenarios.ControlLateRemoval {
		return of.plan.Drain.Grace.Std() + lateBy
	}
	if planned := of.plan.Drain.EndpointLag; planned != nil {
		return planned.Std()
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	draw := rand.New(rand.NewPCG(uint64(s.cfg.Plan.Seed), h.Sum64()))
	return time.Duration(draw.Int64N(int64(time.Second)))
}

func (s *Stack) signalUntilGone(ctx context.Context, t termination) error {
	if s.cfg.Plan.Control == scenarios.ControlKill {
		return s.kill(ctx, t)
	}
	if gone, err := s.goneBy(ctx, t, t.preStop); gone || err != nil {
		return err
	}
	if err := s.signal(ctx, t, t.stop); err != nil {
		return err
	}
	if gone, err := s.goneBy(ctx, t, t.grace); gone || err != nil {
		return err
	}
	return s.kill(ctx, t)
}

// kill sends SIGKILL and waits until the instance is gone.
func (s *Stack) kill(ctx context.Context, t termination) error {
	if t.i.exited.fired() {
		return nil
	}
	sent := s.cfg.Clock.Now() - t.began
	if err := s.signal(ctx, t, syscall.SIGKILL); err != nil {
		return err
	}
	if gone, err := s.goneBy(ctx, t, sent+killPatience); gone || err != nil {
		return err
	}
	return fmt.Errorf("it is still there %v after SIGKILL", killPatience)
}

// goneBy waits for the exit until an offset from the start of the sequence.
func (s *Stack) goneBy(ctx context.Context, t termination, offset time.Duration) (bool, error) {
	timer := time.NewTimer(t.began + offset - s.cfg.Clock.Now())
	defer timer.Stop()
	select {
	case <-t.i.exited.done:
		return true, nil
	case <-timer.C:
		return t.i.exited.fired(), nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// signal sends a signal; the event carries a moment before the call.
func (s *Stack) signal(ctx context.Context, t termination, sig syscall.Signal) error {
	name := unix.SignalName(sig)
	began := s.cfg.Clock.Now()
	s.cfg.Emit(journal.Event{T: began, Body: journal.InstanceSignalled{Service: t.i.service(), Instance: t.i.name, Signal: name}})
	err := s.cfg.Platform.Signal(ctx, t.i.name, sig)
	s.called("instance.signal", t, began, err)
	if err != nil {
		return fmt.Errorf("send %s: %w", name, err)
	}
	return nil
}

// signalPatience bounds the question which signal an image wants.
const signalPatience = 5 * time.Second

// stopSignal is the signal that asks an instance to stop: stop_signal of the
// compose file, else what its image declares, else SIGTERM.
func (s *Stack) stopSignal(ctx context.Context, i *instance) syscall.Signal {
	name := i.of.config.StopSignal
	if images, ok := s.cfg.Platform.(platform.StopSignaler); ok && name == "" {
		limited, cancel := context.WithTimeout(ctx, signalPatience)
		defer cancel()
		declared, err := images.StopSignal(limited, i.name)
		if err != nil && ctx.Err() == nil && !errors.Is(err, platform.ErrNotFound) {
			s.note("warning", fmt.Sprintf("the stop signal of the image of %s is not known, SIGTERM is taken: %v", i.name, err))
		}
		name = declared
	}
	return parseSignal(name)
}

// parseSignal reads a signal as compose files and images write it, by name or
// number; what it cannot read is SIGTERM.
func parseSignal(name string) syscall.Signal {
	if n, err := strconv.Atoi(name); err == nil && unix.SignalName(syscall.Signal(n)) != "" {
		return syscall.Signal(n)
	}
	name = strings.ToUpper(name)
	if name != "" && !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig
	}
	return syscall.SIGTERM
}

// forget waits for the endpoint lag to pass and makes the gateway forget the
// instance. Forgetting earlier would hide requests that a cluster would still
// send to an instance that is gone. One that all traffic was switched away from
// is out of the list already.
func (s *Stack) forget(ctx context.Context, t termination, gateway link) error {
	late := time.NewTimer(max(0, t.began+t.lag-s.cfg.Clock.Now()) + time.Second) // the gateway's word
	defer late.Stop()
	if !t.i.isAside() {
		select {
		case <-t.i.removed.done:
		case <-gateway.Done():
			return nil // its own exit tells
		case <-late.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := gateway.Remove(t.i.name); err != nil {
		return fmt.Errorf("make its gateway forget it: %w", err)
	}
	return nil
}

func (s *Stack) remove(ctx context.Context, t termination) error {
	s.dismissAgents(ctx, t.i)
	began := s.cfg.Clock.Now()
	err := s.cfg.Platform.Remove(ctx, t.i.name)
	s.called(opRemove, t, began, err)
	if err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.instances, t.i.name)
	return nil
}

// called journals a call of the sequence.
func (s *Stack) called(op string, t termination, began time.Duration, err error) {
	record := journal.Operation{Op: op, Subject: t.i.name, Cause: t.cause, Took: s.cfg.Clock.Now() - began}
	if err != nil {
		record.Error = err.Error()
	}
	s.emit(record)
}
