package stack

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Kill implements engine.System. It is a crash: nothing is announced, the gateway
// finds out as it would of any other, and from then on the instance does not count,
// so that whoever scales the service replaces it. What is left of it stays until
// Replace, or the end of the run: a helper may have to start it again.
func (f System) Kill(ctx context.Context, name, cause string) error {
	return f.during(ctx, "kill", name, func(ctx context.Context, i *instance) error {
		if i.exited.fired() {
			return errors.New("it has exited already")
		}
		i.want()
		f.s.uncount(i)
		err := f.s.kill(ctx, termination{i: i, cause: cause, began: f.s.cfg.Clock.Now()})
		f.s.touch()
		return err
	})
}

// Stop implements engine.System.
func (f System) Stop(ctx context.Context, name, cause string) error {
	ctx, done, err := f.s.begin(ctx)
	if err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	defer done()
	f.s.remember(name)
	return f.s.terminate(ctx, name, cause)
}

// Replace implements engine.System. It takes the service's turn to choose the number of
// the new one.
func (f System) Replace(ctx context.Context, name, cause string) (string, error) {
	step := "replace " + name
	ctx, done, err := f.s.begin(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", step, err)
	}
	defer done()
	gone, err := f.s.takeGone(ctx, name, cause)
	if err != nil {
		return "", inStep(step, err)
	}
	if gone.of.plan.Autoscale != nil || gone.of.plan.Prescale != nil {
		return "", nil
	}
	var raise Operation
	if err := f.s.inTurn(ctx, gone.of.name, step, func(context.Context) error {
		raise = f.s.enlist(gone.of, 1, cause)[0]
		f.s.instance(raise.Subject).seated = gone.seat()
		return nil
	}); err != nil {
		return "", err
	}
	err = f.s.raise(ctx, raise)
	if err == nil && gone.of.gatewayed() {
		raise.Op = opReady
		err = f.s.perform(ctx, raise)
	}
	if err != nil {
		return raise.Subject, fmt.Errorf("%s: %w", step, err)
	}
	return raise.Subject, nil
}

// takeGone is an instance that faults have taken away, and removes what is left of it.
func (s *Stack) takeGone(ctx context.Context, name, cause string) (*instance, error) {
	i := s.instance(name)
	if i == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if i = s.stopped[name]; i == nil {
			return nil, errors.New("the run has had no such instance")
		}
		return i, nil
	}
	switch {
	case i.number == 0 || i.of.job != "":
		return nil, errors.New("the run has no such instance")
	case !i.exited.fired():
		return nil, errors.New("it is still there")
	}
	s.uncount(i) // it may have broken down by itself
	i.want()
	return i, s.scrap(ctx, i, cause)
}

// remember keeps the record of an instance that is about to be removed, for
// Replace.
func (s *Stack) remember(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.instances[name]; i != nil && i.number > 0 {
		s.stopped[name] = i
	}
}

// seat is the number whose address what takes the instance's place has to have,
// 0 for one of its own: without a gateway and without names, others know a
// service by the address of its first instance.
func (i *instance) seat() int {
	if i.of.gatewayed() {
		return 0
	}
	if i.seated > 0 {
		return i.seated
	}
	return i.number
}

// together does something for all of several at the same time.
func together(names []string, do func(string) error) error {
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for n, name := range names {
		all.Go(func() { errs[n] = do(name) })
	}
	all.Wait()
	return errors.Join(errs...)
}
