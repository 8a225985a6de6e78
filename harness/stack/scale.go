package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Scale brings a service to a number of instances and returns when it is
// there: new ones take traffic, those too many (the highest numbers, all at
// once) are gone. Numbers are not used twice in a run, so that a name in the
// journal is always the same instance. Whatever changes the instances of one
// service takes turns. After an error the instances that were made stay.
func (s *Stack) Scale(ctx context.Context, service string, to int, cause string) error {
	return s.inTurn(ctx, service, fmt.Sprintf("scale %s to %d", service, to), func(ctx context.Context) error {
		if to < 0 {
			return fmt.Errorf("a service cannot have less than 0 instances")
		}
		return s.bringTo(ctx, service, to, cause)
	})
}

// bringTo starts what is missing, and stops what is too many.
func (s *Stack) bringTo(ctx context.Context, service string, to int, cause string) error {
	return execute(ctx, reconcile(s.layout, s.observed(), wanted{replicas: map[string]int{service: to}, cause: cause}), s.perform)
}

// inTurn does something to a service when it is the service's turn. Errors name
// the step; that of a context that has ended is its cause.
func (s *Stack) inTurn(ctx context.Context, service, step string, do func(context.Context) error) error {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	defer done()
	turn, ok := s.turns[service]
	if !ok {
		return fmt.Errorf("%s: the stack has no such service; it has %s", step, list(slices.Sorted(maps.Keys(s.turns))))
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", step, context.Cause(ctx))
	}
	err = do(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return nil
}

// Replicas is how many instances of a service are there and not leaving.
func (s *Stack) Replicas(service string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen.instances[service])
}

// observed is a copy of what the run has made so far.
func (s *Stack) observed() observed {
	s.mu.Lock()
	defer s.mu.Unlock()
	copied := observed{
		networks: maps.Clone(s.seen.networks), volumes: maps.Clone(s.seen.volumes), gateways: maps.Clone(s.seen.gateways),
		proxies:   maps.Clone(s.seen.proxies),
		instances: map[string][]int{}, next: maps.Clone(s.seen.next),
	}
	for name, numbers := range s.seen.instances {
		copied.instances[name] = slices.Clone(numbers)
	}
	return copied
}
