package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Interrupt gives notice to the oldest instances, as a spot market does. From
// then on they are leaving: Members and Replicas do not count them, although they
// take traffic. As many new ones are started at once, each in the larger class of
// the one whose place it takes, if that has one, and an old one begins its
// termination sequence when its replacement takes work, or when just its grace
// period is left of the notice; without Replace only then. What is still there at
// the end of the notice gets SIGKILL: the sequence's grace period ends with it.
//
// It takes the service's turn for choosing and announcing, and not for the time
// of the notice, so that an autoscaler can act meanwhile. It returns when all that
// were given notice are gone, with the errors of the new ones too.
func (s *Stack) Interrupt(ctx context.Context, i *scenarios.Interrupt, cause string) error {
	step := "interrupt " + i.Service
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	defer done()
	return s.interrupt(ctx, step, interruption{
		service: i.Service, count: i.Count, notice: i.Notice.Std(), replace: i.Replace == nil || *i.Replace, cause: cause,
	})
}

// An interruption takes instances of a service away after a notice: those that
// are named, or so many of the oldest.
type interruption struct {
	service string
	names   []string
	count   int
	notice  time.Duration
	replace bool
	cause   string
}

// interrupt does what Interrupt says.
func (s *Stack) interrupt(ctx context.Context, step string, i interruption) error {
	var given []notice
	if err := s.inTurn(ctx, i.service, step, func(context.Context) (err error) {
		given, err = s.giveNotice(i)
		return err
	}); err != nil {
		return err
	}
	errs := make([]error, 2*len(given))
	var all sync.WaitGroup
	for n, g := range given {
		if g.raise.Subject != "" {
			all.Go(func() { errs[2*n] = s.raise(ctx, g.raise) })
		}
		all.Go(func() { errs[2*n+1] = s.reclaim(ctx, g, i.cause) })
	}
	all.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", step, cause)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return nil
}

// A notice is one instance that will be gone. Moments are on the run's clock.
type notice struct {
	old   *instance
	raise Operation // what takes its place; without a subject nothing does
	next  *instance // that one
	due   time.Duration
	end   time.Duration
}

// giveNotice chooses and announces.
func (s *Stack) giveNotice(i interruption) ([]notice, error) {
	of := s.layout.service(i.service)
	running, err := s.toInterrupt(of, i)
	if err != nil {
		return nil, err
	}
	began := s.cfg.Clock.Now()
	end := began + i.notice
	given := make([]notice, len(running))
	for n, old := range running {
		s.notice(old)
		given[n] = notice{old: old, due: end - of.plan.Drain.Grace.Std(), end: end}
	}
	s.cfg.Emit(journal.Event{T: began, Body: journal.Interrupted{
		Service: of.name, Instances: names(running), Notice: i.notice,
	}})
	if i.replace {
		for n, op := range s.enlistFor(of, running, i.cause) {
			given[n].raise, given[n].next = op, s.instance(op.Subject)
		}
	}
	return given, nil
}

// notice makes an instance one that was given notice: it does not count any more,
// although it goes on working.
func (s *Stack) notice(i *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.lose(i)
	s.noticed[i.of.name] = append(s.noticed[i.of.name], i)
}

// Noticed are the instances of a service that were given notice by Interrupt, take
// traffic all the same, and have not been told to stop yet. They are none of its
// Members.
func (s *Stack) Noticed(service string) []Member {
	s.mu.Lock()
	noticed := slices.Clone(s.noticed[service])
	s.mu.Unlock()
	var members []Member
	for _, i := range noticed {
		if m := i.stands(); !m.Exited && !i.isWanted() {
			members = append(members, m)
		}
	}
	return members
}

// toInterrupt are the instances that are meant. Those that are named and have gone
// meanwhile need no notice any more.
func (s *Stack) toInterrupt(of *service, i interruption) ([]*instance, error) {
	running := slices.DeleteFunc(s.replicas(of), func(one *instance) bool {
		return one.exited.fired() || i.names != nil && !slices.Contains(i.names, one.name)
	})
	switch {
	case len(running) > 0 && i.names != nil:
		return running, nil
	case len(running) > 0:
		return running[:min(len(running), max(1, i.count))], nil
	case i.names != nil:
		return nil, fmt.Errorf("none of %s runs and is not leaving", list(i.names))
	}
	return nil, errors.New("it has none that runs and is not leaving")
}

// reclaim takes an instance away when it is time.
func (s *Stack) reclaim(ctx context.Context, g notice, cause string) error {
	for {
		news, now := s.changed(), s.cfg.Clock.Now()
		relieved := g.next != nil && g.next.serves().is
		if relieved || now >= g.due || g.old.exited.fired() {
			break
		}
		timer := time.NewTimer(g.due - now)
		select {
		case <-news:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
	}
	g.old.want()
	return s.stop(ctx, g.old, cause, g.end)
}
