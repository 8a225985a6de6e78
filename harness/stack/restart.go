package stack

import (
	"context"
	"errors"
	"fmt"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Stop takes one instance of a service away with the termination sequence;
// nothing takes its place. It returns when the instance is gone.
func (s *Stack) Stop(ctx context.Context, pick scenarios.Pick, cause string) error {
	return s.inTurn(ctx, pick.Service, "stop an instance of "+pick.Service, func(ctx context.Context) error {
		name, err := s.picked(pick)
		if err != nil {
			return err
		}
		return s.terminate(ctx, name, cause)
	})
}

// Restart takes one instance of a service away as Stop does, and then starts
// another in its place, under a new name. It returns when that takes work.
func (s *Stack) Restart(ctx context.Context, pick scenarios.Pick, cause string) error {
	return s.inTurn(ctx, pick.Service, "restart an instance of "+pick.Service, func(ctx context.Context) error {
		name, err := s.picked(pick)
		if err != nil {
			return err
		}
		before := s.Replicas(pick.Service)
		if err := s.terminate(ctx, name, cause); err != nil {
			return err
		}
		return s.bringTo(ctx, pick.Service, before, cause)
	})
}

// picked is the name of the instance that is meant; it is not leaving.
func (s *Stack) picked(pick scenarios.Pick) (string, error) {
	var names []string
	for _, i := range s.replicas(s.layout.service(pick.Service)) {
		names = append(names, i.name)
	}
	if len(names) == 0 {
		return "", errors.New("it has none that is not leaving")
	}
	switch pick.Instance {
	case "", "oldest":
		return names[0], nil
	case "newest":
		return names[len(names)-1], nil
	}
	for _, name := range names {
		if name == pick.Instance {
			return name, nil
		}
	}
	return "", fmt.Errorf("it has no instance %s, or that one is leaving already; there are %s", pick.Instance, list(names))
}
