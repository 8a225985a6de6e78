package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// CreateNetwork makes a network of the run; an external one is used as it is.
func (p *Platform) CreateNetwork(ctx context.Context, name string, config types.NetworkConfig) error {
	called := p.called(name)
	if bool(config.External) {
		called = config.Name
	} else {
		ctx, done, err := p.make(ctx)
		if err != nil {
			return fmt.Errorf("network %s: %w", name, err)
		}
		defer done()
		if _, err := p.engine.NetworkCreate(ctx, called, networkOptions(config, p.labels(config.Labels))); err != nil {
			return networkError(name, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.networks[name] = called
	return nil
}

func networkError(name string, err error) error {
	if strings.Contains(err.Error(), "non-overlapping") { // "could not find an available, non-overlapping IPv4 address pool"
		return fmt.Errorf("network %s: the engine has no address range left: %w; "+
			"remove networks that nobody uses (shakedown clean, docker network ls)", name, err)
	}
	return fmt.Errorf("network %s: %w", name, err)
}

func networkOptions(config types.NetworkConfig, labels map[string]string) network.CreateOptions {
	options := network.CreateOptions{
		Driver: config.Driver, Options: config.DriverOpts, Internal: config.Internal,
		Attachable: config.Attachable, EnableIPv4: config.EnableIPv4, EnableIPv6: config.EnableIPv6, Labels: labels,
	}
	if config.Ipam.Driver == "" && len(config.Ipam.Config) == 0 {
		return options
	}
	options.IPAM = &network.IPAM{Driver: config.Ipam.Driver, Options: config.Ipam.Options}
	for _, pool := range config.Ipam.Config {
		options.IPAM.Config = append(options.IPAM.Config, network.IPAMConfig{
			Subnet: pool.Subnet, IPRange: pool.IPRange, Gateway: pool.Gateway, AuxAddress: pool.AuxiliaryAddresses,
		})
	}
	return options
}

// CreateVolume makes a volume of the run; an external one is used as it is.
func (p *Platform) CreateVolume(ctx context.Context, name string, config types.VolumeConfig) error {
	called := p.called(name)
	if bool(config.External) {
		called = config.Name
	} else {
		ctx, done, err := p.make(ctx)
		if err != nil {
			return fmt.Errorf("volume %s: %w", name, err)
		}
		defer done()
		options := volume.CreateOptions{
			Name: called, Driver: config.Driver, DriverOpts: config.DriverOpts, Labels: p.labels(config.Labels),
		}
		if _, err := p.engine.VolumeCreate(ctx, options); err != nil {
			return fmt.Errorf("volume %s: %w", name, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.volumes[name] = called
	return nil
}

// Create makes the container and puts it on its networks.
func (p *Platform) Create(ctx context.Context, spec platform.Spec) error {
	if !validName.MatchString(spec.Name) {
		return fmt.Errorf("instance %q: not a usable name", spec.Name)
	}
	image := imageRef(spec.Config)
	if spec.Program != "" {
		var err error
		if image, err = p.programImage(ctx, spec.Program); err != nil {
			return fmt.Errorf("%s: %w", spec.Name, err)
		}
	}
	plan, err := p.translate(spec, image)
	if err != nil {
		return fmt.Errorf("%s: %w", spec.Name, err)
	}
	ctx, done, err := p.make(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", spec.Name, err)
	}
	defer done()
	id, err := p.createContainer(ctx, plan)
	if err != nil {
		return createError(spec, image, err)
	}
	if err := p.putFiles(ctx, id, spec.Files); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", spec.Name, err), removeContainer(ctx, p.engine, id))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := &instance{
		name: spec.Name, id: id, tty: plan.config.Tty, attach: spec.Attach, publish: spec.Publish,
		quota: plan.host.CPUQuota, limited: plan.host.Memory > 0, started: make(chan struct{}),
		parent: plan.host.CgroupParent, within: spec.Within, volumes: namedVolumes(spec.Config),
	}
	if spec.Attach {
		i.stderr = newTail()
	}
	p.instances[spec.Name], p.byID[id] = i, i
	return nil
}

// createContainer makes a container whole or not at all.
func (p *Platform) createContainer(ctx context.Context, plan creation) (id string, err error) {
	var first *network.NetworkingConfig
	if len(plan.joins) > 0 {
		first = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			plan.joins[0].network: plan.joins[0].endpoint,
		}}
	}
	made, err := p.engine.ContainerCreate(ctx, plan.config, plan.host, first, plan.platform, plan.name)
	if err != nil {
		return "", err
	}
	for n, join := range plan.joins {
		if n == 0 {
			continue // older engines take one network at creation
		}
		if err := p.engine.NetworkConnect(ctx, join.network, made.ID, join.endpoint); err != nil {
			removal := p.engine.ContainerRemove(ctx, made.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
			return "", errors.Join(fmt.Errorf("join network %s: %w", join.network, err), removal)
		}
	}
	return made.ID, nil
}

func createError(spec platform.Spec, image string, err error) error {
	switch {
	case cerrdefs.IsConflict(err):
		return fmt.Errorf("%s exists already: %w", spec.Name, err)
	case cerrdefs.IsNotFound(err) && strings.Contains(err.Error(), "o such image"):
		return fmt.Errorf("%s: image %s is not on this engine: %w; pull, build or load it first", spec.Name, image, err)
	}
	return fmt.Errorf("%s: %w", spec.Name, err)
}
