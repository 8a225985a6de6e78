package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/docker/api/types/container"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// Pause freezes the container.
func (p *Platform) Pause(ctx context.Context, name string) error {
	i, err := p.present(name)
	if err != nil {
		return err
	}
	refused := p.engine.ContainerPause(ctx, i.id)
	if refused == nil {
		return nil
	}
	switch state, err := stateOf(ctx, p.engine, i.id); {
	case err != nil:
		return about(name, err)
	case !state.Running:
		return fmt.Errorf("%s is not running", name)
	case state.Paused:
		return nil
	}
	return about(name, refused)
}

// Resume lets the container go on.
func (p *Platform) Resume(ctx context.Context, name string) error {
	i, err := p.present(name)
	if errors.Is(err, platform.ErrNotFound) {
		p.mu.Lock()
		defer p.mu.Unlock()
		_, err = p.known(name) // one that was removed is no error
		return err
	}
	if err != nil {
		return err
	}
	return about(name, unpause(ctx, p.engine, i.id))
}

// unpause lets a container go on; one that is not frozen, or not there, does so
// already. Its errors do not name it.
func unpause(ctx context.Context, e engine, id string) error {
	refused := e.ContainerUnpause(ctx, id)
	if gone(refused) == nil {
		return nil
	}
	state, err := stateOf(ctx, e, id)
	switch {
	case err != nil && gone(err) == nil:
		return nil
	case err != nil:
		return errors.Join(refused, err)
	case !state.Paused:
		return nil
	}
	return refused
}

func stateOf(ctx context.Context, e engine, id string) (container.State, error) {
	c, err := e.ContainerInspect(ctx, id)
	switch {
	case err != nil:
		return container.State{}, err
	case c.ContainerJSONBase == nil || c.State == nil:
		return container.State{}, nil
	}
	return *c.State, nil
}
