package stack

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// raisedAtOnce bounds the instances that Adjust and Interrupt create and start
// at one time. An engine serializes most of that, and more of them only make the
// first one later.
const raisedAtOnce = 8

// enlist registers so many new instances of a service as being there, and
// returns what raise has to be given for each. Their version and class are those
// of this moment.
func (s *Stack) enlist(of *service, count int, cause string) []Operation {
	return s.enlistFor(of, make([]*instance, max(0, count)), cause)
}

// enlistFor is enlist of those that take the place of others; nil for nobody's.
// What takes the place of an instance with a larger class is made with that, so
// that who counted on it can go on.
func (s *Stack) enlistFor(of *service, predecessors []*instance, cause string) []Operation {
	var all []Operation
	for n, number := range s.reserve(of, len(predecessors)) {
		op := Operation{Subject: instanceName(of.name, number), Cause: cause, service: of.name, number: number}
		op.version = s.versionOf(of, op)
		i := s.enrol(of, op)
		if before := predecessors[n]; before != nil {
			i.replaces = before.name
			if class := before.classNow(); class.name != baseClass {
				i.setClass(class)
			}
		}
		s.mu.Lock()
		i.rising = true
		s.seen.instances[of.name] = append(s.seen.instances[of.name], number)
		s.mu.Unlock()
		all = append(all, op)
	}
	return all
}

// raise brings an enlisted instance in. One that is told to stop meanwhile goes
// no further, and one that cannot be started is there no more.
func (s *Stack) raise(ctx context.Context, op Operation) error {
	of, i := s.layout.service(op.service), s.instance(op.Subject)
	err := s.launch(ctx, of, i, op)
	i.raised.fire()
	if err == nil && of.healthcheck && !of.gatewayed() && s.counts(i) {
		op.Op = opReady
		if err = s.perform(ctx, op); i.isWanted() {
			err = nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("%s did not come up: %w", op.Subject, err)
	}
	return nil
}

// An Unborn is an instance that was counted as there and could not be created or
// started, so that it is not there any more. It was not told to stop.
type Unborn struct {
	Name  string
	At    time.Duration // on the run's clock, when that was certain
	Error string        // of the step that went wrong
}

// lost remembers an instance that did not come up. One that was given notice has
// its replacement already, and one that was told to stop needs none.
func (s *Stack) lost(i *instance, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notBorn(i, err)
}

// notBorn is lost for who holds s.mu.
func (s *Stack) notBorn(i *instance, err error) {
	if slices.Contains(s.noticed[i.of.name], i) || i.isWanted() {
		return
	}
	s.unborn[i.of.name] = append(s.unborn[i.of.name], Unborn{Name: i.name, At: s.cfg.Clock.Now(), Error: err.Error()})
}

// Unborn are the instances of a service that Adjust and Interrupt have begun to
// create in this run and that did not come up, in the order in which that was
// certain. A service that the stack does not have has none.
func (s *Stack) Unborn(service string) []Unborn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unborn[service])
}

// launch makes the calls that bring an instance in, when there is a place for
// them.
func (s *Stack) launch(ctx context.Context, of *service, i *instance, op Operation) error {
	select {
	case s.launching <- struct{}{}:
		defer func() { <-s.launching }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	kinds := []string{opCreate, opStart}
	if of.gatewayed() {
		kinds = append(kinds, opAdd)
	}
	for _, kind := range kinds {
		if !s.counts(i) {
			return nil
		}
		op.Op = kind
		err := s.perform(ctx, op)
		if err == nil {
			continue
		}
		if i.isWanted() {
			return nil // its termination takes away what there is
		}
		if kind == opStart && ctx.Err() == nil { // create has seen to its own
			// Before the calls that take it away: whoever asks meanwhile would find it
			// neither among the members nor here.
			s.lost(i, err)
		}
		if kind == opStart && ctx.Err() == nil {
			if gone := s.discard(ctx, i, op.Cause+" (given up)"); gone != nil {
				err = fmt.Errorf("%w; %w", err, gone)
			}
		}
		return err
	}
	return nil
}

// counts says whether an instance is there and not leaving.
func (s *Stack) counts(i *instance) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.has(i)
}
