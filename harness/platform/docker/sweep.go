package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
)

// removeAtOnce bounds the removals under way: an engine on two cores gets
// slower, not faster, with more.
const removeAtOnce = 8

// sweeps is how often removal is tried: what an engine had begun to make for a
// harness that was killed may appear after the first time.
const sweeps = 3

// inventory is what there is of runs on an engine.
type inventory struct {
	containers []container.Summary
	networks   []network.Summary
	volumes    []*volume.Volume
}

// takeInventory lists what carries a label, with or without a value.
func takeInventory(ctx context.Context, e engine, label string) (all inventory, err error) {
	only := filters.NewArgs(filters.Arg("label", label))
	if all.containers, err = e.ContainerList(ctx, container.ListOptions{All: true, Filters: only}); err != nil {
		return all, fmt.Errorf("list containers: %w", err)
	}
	if all.networks, err = e.NetworkList(ctx, network.ListOptions{Filters: only}); err != nil {
		return all, fmt.Errorf("list networks: %w", err)
	}
	listed, err := e.VolumeList(ctx, volume.ListOptions{Filters: only})
	if err != nil {
		return all, fmt.Errorf("list volumes: %w", err)
	}
	all.volumes = listed.Volumes
	return all, nil
}

func (all inventory) empty() bool {
	return len(all.containers)+len(all.networks)+len(all.volumes) == 0
}

// sweep removes everything of a run.
func sweep(ctx context.Context, e engine, run string) error {
	var failed error
	for range sweeps {
		all, err := takeInventory(ctx, e, runLabel+"="+run)
		if err != nil || all.empty() {
			return errors.Join(failed, err)
		}
		failed = removeAll(ctx, e, all)
	}
	return failed
}

// removeAll removes containers, then what they used. It goes on after errors.
func removeAll(ctx context.Context, e engine, all inventory) error {
	var group errgroup.Group // without a context: one failure must not stop the others
	group.SetLimit(removeAtOnce)
	failures := make(chan error, len(all.containers)+len(all.networks)+len(all.volumes))
	try := func(kind, name string, remove func() error) {
		group.Go(func() error {
			if err := remove(); err != nil {
				failures <- fmt.Errorf("remove %s %s: %w", kind, name, err)
			}
			return nil
		})
	}
	for _, inner := range []bool{true, false} { // one that is within another goes before that
		for _, c := range all.containers {
			if (c.Labels[withinLabel] != "") == inner {
				try("container", nameOf(c), func() error { return removeContainer(ctx, e, c.ID) })
			}
		}
		_ = group.Wait() // its errors are in failures
	}
	for _, c := range all.containers {
		if group := c.Labels[withinLabel]; group != "" {
			ownKernel.giveUp(group)
		}
	}
	for _, n := range all.networks {
		try("network", n.Name, func() error { return removeNetwork(ctx, e, n.ID) })
	}
	for _, v := range all.volumes {
		try("volume", v.Name, func() error { return gone(e.VolumeRemove(ctx, v.Name, true)) })
	}
	_ = group.Wait()
	close(failures)
	var errs []error
	for err := range failures {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// gone takes it as success that something is not there.
func gone(err error) error {
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// removeContainer kills and removes a container, or waits until another call
// that does so has ended.
func removeContainer(ctx context.Context, e engine, id string) error {
	err := e.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if !cerrdefs.IsConflict(err) {
		return gone(err)
	}
	removed, failed := e.ContainerWait(ctx, id, container.WaitConditionRemoved)
	select {
	case <-removed:
		return nil
	case waitErr := <-failed:
		if gone(waitErr) == nil {
			return nil
		}
		return errors.Join(err, waitErr)
	}
}

// How often, and how far apart, a network that seems in use is tried again.
const (
	removalTries = 20
	removalPause = 250 * time.Millisecond
)

// rest waits, and says whether it could.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// removeNetwork removes a network, cutting off first what is still on it:
// endpoints of containers just removed, or a container that somebody put there
// to look around.
func removeNetwork(ctx context.Context, e engine, id string) error {
	err := gone(e.NetworkRemove(ctx, id))
	if err == nil {
		return nil
	}
	state, inspectErr := e.NetworkInspect(ctx, id, network.InspectOptions{})
	if inspectErr != nil {
		return gone(inspectErr)
	}
	for container := range state.Containers {
		if cut := gone(e.NetworkDisconnect(ctx, id, strings.TrimPrefix(container, "ep-"), true)); cut != nil {
			err = errors.Join(err, cut)
		}
	}
	again := gone(e.NetworkRemove(ctx, id))
	// An engine under load still counts, for a while, who has just gone.
	for tries := 0; again != nil && strings.Contains(again.Error(), "active endpoints") && tries < removalTries && rest(ctx, removalPause); tries++ {
		again = gone(e.NetworkRemove(ctx, id))
	}
	switch {
	case again == nil:
		return nil
	case len(state.Containers) == 0 && strings.Contains(again.Error(), "active endpoints"):
		return fmt.Errorf("%w; nothing is connected to it: the engine has lost count of what was, and counts again when it is restarted", again)
	}
	return errors.Join(err, again)
}

// Cleaner finds and removes what earlier runs left on the engine that Open
// would use. Images are kept.
type Cleaner struct{}

var _ platform.Cleaner = Cleaner{}

// Discover lists what there is, ordered by run; living runs are listed with
// Alive set.
func (Cleaner) Discover(ctx context.Context) ([]platform.Leftover, error) {
	e, _, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	all, err := takeInventory(ctx, e, runLabel)
	if err := errors.Join(err, e.Close()); err != nil {
		return nil, err
	}
	found := map[string]*platform.Leftover{}
	add := func(labels map[string]string, item string) {
		run := labels[runLabel]
		if found[run] == nil {
			found[run] = &platform.Leftover{Run: run, Owner: labels[ownerLabel]}
		}
		found[run].Alive = found[run].Alive || owner.Alive(labels[ownerLabel])
		found[run].Items = append(found[run].Items, item)
	}
	for _, c := range all.containers {
		add(c.Labels, fmt.Sprintf("container %s (%s)", nameOf(c), c.State))
	}
	for _, n := range all.networks {
		add(n.Labels, "network "+n.Name)
	}
	for _, v := range all.volumes {
		add(v.Labels, "volume "+v.Name)
	}
	leftovers := []platform.Leftover{}
	for _, run := range slices.Sorted(maps.Keys(found)) {
		leftovers = append(leftovers, *found[run])
	}
	return leftovers, nil
}

// Clean removes everything of one run, whether or not its harness still runs.
func (Cleaner) Clean(ctx context.Context, run string) error {
	if !validName.MatchString(run) {
		return fmt.Errorf("run id %q: no run is called that", run)
	}
	e, _, err := connect(ctx)
	if err != nil {
		return err
	}
	return errors.Join(sweep(ctx, e, run), e.Close())
}

func nameOf(c container.Summary) string {
	if len(c.Names) == 0 {
		return c.ID
	}
	return strings.TrimPrefix(c.Names[0], "/")
}
