package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// notFound is an error as the client makes it.
type notFound struct{ error }

func (notFound) NotFound() {}

type conflict struct{ error }

func (conflict) Conflict() {}

// fake is an engine in memory. What a test does not set up panics.
type fake struct {
	engine // nil
	ping   types.Ping
	vers   types.Version
	broken error

	mu      sync.Mutex
	streams []chan events.Message // one a subscription; closing one breaks it off
	since   []string
	states  map[string]*container.State
	started []string
	stop    string                         // the stop signal that containers were created with
	limits  map[string]container.Resources // of containers, as they are set
	usage   container.StatsResponse        // of every container; its limit is that of limits
	updates []container.UpdateConfig
	info    system.Info
	deaf    bool  // updates are taken and have no effect
	refuses error // of updates

	images  map[string]bool
	pull    func(ctx context.Context) (io.ReadCloser, error)
	pulls   int
	builds  int
	output  string // of a build
	context []byte // what was sent to it

	all      inventory
	removed  []string
	refuse   map[string][]error // errors by id, first ones first
	cut      []string
	deserted bool // nobody is on a network
}

func (f *fake) Ping(ctx context.Context) (types.Ping, error)             { return f.ping, f.broken }
func (f *fake) ServerVersion(ctx context.Context) (types.Version, error) { return f.vers, f.broken }
func (f *fake) Close() error                                             { return nil }

// Events hands out the streams one after another.
func (f *fake) Events(ctx context.Context, options events.ListOptions) (<-chan events.Message, <-chan error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since = append(f.since, options.Since)
	messages, errs := make(chan events.Message), make(chan error, 1)
	if len(f.streams) == 0 {
		errs <- io.ErrUnexpectedEOF
		return messages, errs
	}
	stream := f.streams[0]
	f.streams = f.streams[1:]
	go func() {
		for {
			select {
			case m, ok := <-stream:
				if !ok {
					errs <- io.EOF
					return
				}
				select {
				case messages <- m:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				errs <- ctx.Err()
				return
			}
		}
	}()
	return messages, errs
}

func (f *fake) ContainerCreate(_ context.Context, _ *container.Config, _ *container.HostConfig, _ *network.NetworkingConfig,
	_ *ocispec.Platform, name string) (container.CreateResponse, error) {
	return container.CreateResponse{ID: "id of " + name}, nil
}

func (f *fake) ContainerStart(_ context.Context, id string, _ container.StartOptions) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = append(f.started, id)
	return f.refusal(id)
}

func (f *fake) ContainerInspect(_ context.Context, id string) (container.InspectResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.states[id] == nil {
		return container.InspectResponse{}, notFound{io.EOF}
	}
	base := &container.ContainerJSONBase{State: f.states[id], HostConfig: &container.HostConfig{Resources: f.limits[id]}}
	return container.InspectResponse{ContainerJSONBase: base, Config: &container.Config{StopSignal: f.stop}}, nil
}

// ContainerUpdate sets limits as an engine does: what is not given stays.
func (f *fake) ContainerUpdate(_ context.Context, id string, config container.UpdateConfig) (container.UpdateResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates = append(f.updates, config)
	if f.refuses != nil || f.deaf {
		return container.UpdateResponse{}, f.refuses
	}
	limits := f.limits[id]
	if config.Memory > 0 {
		limits.Memory, limits.MemorySwap = config.Memory, config.MemorySwap
	}
	if config.NanoCPUs > 0 {
		limits.NanoCPUs = config.NanoCPUs
	}
	if config.CPUQuota > 0 {
		limits.CPUQuota, limits.CPUPeriod = config.CPUQuota, config.CPUPeriod
	}
	f.limits[id] = limits
	return container.UpdateResponse{}, nil
}

func (f *fake) ContainerStatsOneShot(_ context.Context, id string) (container.StatsResponseReader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	use := f.usage
	if use.MemoryStats.Limit = 1 << 40; f.limits[id].Memory > 0 {
		use.MemoryStats.Limit = uint64(f.limits[id].Memory)
	}
	text, err := json.Marshal(use)
	return container.StatsResponseReader{Body: io.NopCloser(bytes.NewReader(text))}, err
}

func (f *fake) Info(context.Context) (system.Info, error) { return f.info, f.broken }

// ContainerPause refuses, in the words of version 20.10, what is frozen or does not run.
func (f *fake) ContainerPause(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := f.states[id]
	switch {
	case state == nil:
		return notFound{io.EOF}
	case !state.Running:
		return conflict{errors.New("Container " + id + " is not running")}
	case state.Paused:
		return conflict{errors.New("Container " + id + " is already paused")}
	}
	state.Paused = true
	return f.refusal(id)
}

func (f *fake) ContainerUnpause(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := f.states[id]
	switch {
	case state == nil:
		return notFound{io.EOF}
	case !state.Paused:
		return errors.New("Container " + id + " is not paused")
	}
	if err := f.refusal(id); err != nil {
		return err
	}
	state.Paused = false
	return nil
}

func (f *fake) ImageInspect(_ context.Context, ref string, _ ...client.ImageInspectOption) (image.InspectResponse, error) {
	if f.images[ref] {
		return image.InspectResponse{}, nil
	}
	return image.InspectResponse{}, notFound{io.EOF}
}

func (f *fake) ImagePull(ctx context.Context, _ string, _ image.PullOptions) (io.ReadCloser, error) {
	f.pulls++
	return f.pull(ctx)
}

func (f *fake) ImageBuild(_ context.Context, source io.Reader, _ build.ImageBuildOptions) (build.ImageBuildResponse, error) {
	f.builds++
	sent, err := io.ReadAll(source)
	f.context = sent
	return build.ImageBuildResponse{Body: io.NopCloser(strings.NewReader(f.output))}, err
}

// refusal is the next error set up for an id; f.mu is held.
func (f *fake) refusal(id string) error {
	if len(f.refuse[id]) == 0 {
		return nil
	}
	err := f.refuse[id][0]
	f.refuse[id] = f.refuse[id][1:]
	return err
}

func (f *fake) remove(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refusal(id); err != nil {
		return err
	}
	f.removed = append(f.removed, id)
	return nil
}

func (f *fake) isRemoved(id string) bool {
	for _, other := range f.removed {
		if other == id {
			return true
		}
	}
	return false
}

func (f *fake) ContainerRemove(_ context.Context, id string, _ container.RemoveOptions) error {
	return f.remove(id)
}
func (f *fake) NetworkRemove(_ context.Context, id string) error        { return f.remove(id) }
func (f *fake) VolumeRemove(_ context.Context, id string, _ bool) error { return f.remove(id) }

func (f *fake) ContainerWait(_ context.Context, id string, _ container.WaitCondition) (<-chan container.WaitResponse, <-chan error) {
	removed := make(chan container.WaitResponse, 1)
	removed <- container.WaitResponse{}
	_ = f.remove(id)
	return removed, nil
}

func (f *fake) NetworkInspect(context.Context, string, network.InspectOptions) (network.Inspect, error) {
	if f.deserted {
		return network.Inspect{}, nil
	}
	return network.Inspect{Containers: map[string]network.EndpointResource{"guest": {}}}, nil
}

func (f *fake) NetworkDisconnect(_ context.Context, _, id string, _ bool) error {
	f.cut = append(f.cut, id)
	return nil
}

func (f *fake) ContainerList(_ context.Context, options container.ListOptions) (left []container.Summary, err error) {
	for _, c := range f.all.containers {
		if !f.isRemoved(c.ID) && matches(options.Filters, c.Labels) {
			left = append(left, c)
		}
	}
	return left, f.broken
}

func (f *fake) NetworkList(_ context.Context, options network.ListOptions) (left []network.Summary, err error) {
	for _, n := range f.all.networks {
		if !f.isRemoved(n.ID) && matches(options.Filters, n.Labels) {
			left = append(left, n)
		}
	}
	return left, nil
}

func (f *fake) VolumeList(_ context.Context, options volume.ListOptions) (left volume.ListResponse, err error) {
	for _, v := range f.all.volumes {
		if !f.isRemoved(v.Name) && matches(options.Filters, v.Labels) {
			left.Volumes = append(left.Volumes, v)
		}
	}
	return left, nil
}

func matches(only filters.Args, labels map[string]string) bool {
	return only.MatchKVList("label", labels)
}
