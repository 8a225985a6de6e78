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
// journal is always the same instance. Calls for one service take turns. After
// an error the instances that were made stay.
func (s *Stack) Scale(ctx context.Context, service string, to int, cause string) error {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("scale %s to %d: %w", service, to, err)
	}
	defer done()
	turn, ok := s.turns[service]
	switch {
	case !ok:
		return fmt.Errorf("scale %s: the stack has no such service; it has %s", service, list(slices.Sorted(maps.Keys(s.turns))))
	case to < 0:
		return fmt.Errorf("scale %s to %d: a service cannot have less than 0 instances", service, to)
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return fmt.Errorf("scale %s to %d: %w", service, to, context.Cause(ctx))
	}
	plan := reconcile(s.layout, s.observed(), wanted{replicas: map[string]int{service: to}, cause: cause})
	err = execute(ctx, plan, s.perform)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("scale %s to %d: %w", service, to, err)
	}
	return nil
}

// observed is a copy of what the run has made so far.
func (s *Stack) observed() observed {
	s.mu.Lock()
	defer s.mu.Unlock()
	copied := observed{
		networks: maps.Clone(s.seen.networks), volumes: maps.Clone(s.seen.volumes), gateways: maps.Clone(s.seen.gateways),
		instances: map[string][]int{}, next: maps.Clone(s.seen.next),
	}
	for name, numbers := range s.seen.instances {
		copied.instances[name] = slices.Clone(numbers)
	}
	return copied
}
