package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Member is an instance as it stands. Moments are on the run's clock, 0 for
// what has not been.
type Member struct {
	Name    string
	Created time.Duration // when its creation began
	Started time.Duration
	// Ready tells that it takes work; Changed is when that last turned.
	Ready   bool
	Changed time.Duration
	// Exited tells that its process is gone; Code and OOM are then set.
	Exited bool
	Code   int
	OOM    bool
	// Class is what its resources are: "base" or "large".
	Class     string
	Resources scenarios.ResourceClass
	// Replaces is the instance that was given notice and whose place it takes, ""
	// for none.
	Replaces string
}

// Members are the instances of a service that are there and not leaving, those
// that have exited by themselves too, in the order of their numbers. An instance
// is there from when its creation begins. One that was given notice by Interrupt
// is leaving. A service that the stack does not have has none.
func (s *Stack) Members(service string) []Member {
	of := s.layout.service(service)
	if of == nil {
		return nil
	}
	var members []Member
	for _, i := range s.replicas(of) {
		members = append(members, i.stands())
	}
	return members
}

// stands is an instance as it stands at one moment.
func (i *instance) stands() Member {
	i.mu.Lock()
	defer i.mu.Unlock()
	m := Member{
		Name: i.name, Created: i.createdAt, Started: i.startedAt,
		Ready: i.serving.is, Changed: i.serving.at,
		Class: i.class.name, Resources: i.class.resources, Replaces: i.replaces,
	}
	if i.exited.fired() {
		m.Exited, m.Code, m.OOM = true, i.exit.Code, i.exit.OOM
		if m.Ready { // its gateway has not noticed yet
			m.Ready, m.Changed = false, i.exitedAt
		}
	}
	return m
}

// Adjust brings a service to a number of instances that run and are not leaving,
// without waiting for what that sets off: it returns the names of the new ones,
// whose creation has begun, and of those that are told to stop, those first that
// do not take work, then the highest numbers. Instances that have exited by
// themselves are removed first. New ones are of the service's present version, and
// start side by side.
//
// It waits for the service's turn, and keeps it no longer than it takes to
// choose: while instances come and go it can be called again. What goes wrong
// later is journaled and noted; an instance that could not be started is not
// there any more, and among Unborn. Down ends what is under way, and waits for it.
func (s *Stack) Adjust(ctx context.Context, service string, to int, cause string) (started, stopping []string, err error) {
	err = s.inTurn(ctx, service, fmt.Sprintf("adjust %s to %d", service, to), func(context.Context) error {
		if to < 0 {
			return errors.New("a service cannot have less than 0 instances")
		}
		of := s.layout.service(service)
		here, err := s.clearAway(of, cause)
		if err != nil {
			return err
		}
		for _, op := range s.enlist(of, to-len(here), cause) {
			started = append(started, op.Subject)
			if err := s.beside(func(ctx context.Context) error { return s.raise(ctx, op) }); err != nil {
				return err
			}
		}
		for _, i := range surplus(here, len(here)-to) {
			if s.leave(i.name) == nil {
				continue
			}
			stopping = append(stopping, i.name)
			if err := s.beside(func(ctx context.Context) error { return s.stop(ctx, i, cause, never) }); err != nil {
				return err
			}
		}
		return nil
	})
	return started, stopping, err
}

// clearAway begins to remove the instances of a service that have exited by
// themselves, and returns the others.
func (s *Stack) clearAway(of *service, cause string) (here []*instance, err error) {
	for _, i := range s.replicas(of) {
		if !i.exited.fired() {
			here = append(here, i)
			continue
		}
		if s.leave(i.name) == nil {
			continue
		}
		if err := s.beside(func(ctx context.Context) error { return s.scrap(ctx, i, cause) }); err != nil {
			return nil, err
		}
	}
	return here, nil
}

// surplus chooses the instances that go: those that do not take work, then the
// highest numbers.
func surplus(of []*instance, count int) []*instance {
	type candidate struct {
		*instance
		works bool
	}
	var all []candidate
	for _, i := range of {
		all = append(all, candidate{i, i.serves().is})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(one(a.works)-one(b.works), b.number-a.number)
	})
	var chosen []*instance
	for _, c := range all[:max(0, min(count, len(all)))] {
		chosen = append(chosen, c.instance)
	}
	return chosen
}

// beside goes on with something after the method that began it has returned.
// What goes wrong is noted. Down ends it and waits for it.
func (s *Stack) beside(do func(context.Context) error) error {
	ctx, done, err := s.begin(context.Background())
	if err != nil {
		return err
	}
	s.besides.Add(1)
	go func() {
		defer done()
		defer s.besides.Done()
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.note("warning", err.Error())
		}
	}()
	return nil
}

// Settle waits until what Adjust has set off is over: instances have started, or
// are gone. It is called when nothing adjusts any more. The error is that of ctx,
// with its cause; what is under way goes on then.
func (s *Stack) Settle(ctx context.Context) error {
	settled := make(chan struct{})
	go func() { // until Down at the latest, which ends what it waits for
		s.besides.Wait()
		close(settled)
	}()
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Usage samples what an instance uses now.
func (s *Stack) Usage(ctx context.Context, instance string) (platform.Stats, error) {
	return s.cfg.Platform.Stats(ctx, instance)
}
