// Package docker runs the instances of a run as containers of an engine on
// this machine.
//
// Everything a run makes is called shakedown-<run>-<name> and carries the run
// and its owner as labels; images are kept from run to run. Some of compose is
// left out on purpose: restart policies, because the harness must see exits;
// container names and published ports, because runs side by side would fight
// for them (see Spec.Publish); log drivers, because logs are read back; start
// and stop order, scaling and resource reservations, which are not the
// engine's. What would silently work differently is refused, see Unsupported.
package docker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// The labels of everything that a run makes; containers have the
// others.
const (
	runLabel     = "shakedown.run"
	ownerLabel   = "shakedown.owner"
	nameLabel    = "shakedown.name"
	serviceLabel = "shakedown.service"
	// withinLabel is the control group of another container that one was put into.
	withinLabel = "shakedown.within"
)

// Platform runs one run's instances as containers. It is made by Open and safe
// for concurrent use.
type Platform struct {
	run, owner string
	engine     engine
	kernel     kernel
	arch       string // of the engine, as Go calls it
	feed       *platform.Feed
	images     images
	unwatch    context.CancelFunc
	watched    chan struct{} // closed when the watch has ended
	streams    sync.WaitGroup
	late       sync.WaitGroup // exits not yet decided; added to by the watch
	placement  func() error   // asks the engine once

	mu        sync.Mutex
	closed    bool
	lost      error          // why exits are not seen any more
	making    sync.WaitGroup // creations under way; added to under mu
	instances map[string]*instance
	byID      map[string]*instance
	networks  map[string]string // the engine's name of each
	volumes   map[string]string
	attached  []*conn
}

var (
	_ platform.Platform  = (*Platform)(nil)
	_ platform.Inspector = (*Platform)(nil)

	_ platform.Locator    = (*Platform)(nil)
	_ platform.Identifier = (*Platform)(nil)
	_ platform.Sizer      = (*Platform)(nil)
)

// validName is what runs and instances may be called.
var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

var errTornDown = errors.New("the run has been torn down")

// Open connects to the engine that DOCKER_HOST names, or to the local one. The
// owner is the mark of this process (owner.Self). An engine that is not on
// this machine, not answering, or too old is an error that says so.
func Open(ctx context.Context, run, owner string) (*Platform, error) {
	if !validName.MatchString(run) {
		return nil, fmt.Errorf("run id %q: use letters, digits, '.', '_' and '-', beginning with a letter or digit", run)
	}
	e, arch, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	return open(e, arch, run, owner), nil
}

func open(e engine, arch, run, owner string) *Platform {
	p := &Platform{
		run: run, owner: owner, engine: e, kernel: ownKernel, arch: arch,
		feed: platform.NewFeed(), watched: make(chan struct{}),
		instances: map[string]*instance{}, byID: map[string]*instance{},
		networks: map[string]string{}, volumes: map[string]string{},
	}
	p.placement = sync.OnceValue(p.askPlacement)
	ctx, cancel := context.WithCancel(context.Background())
	p.unwatch = cancel
	go p.watch(ctx, p.subscribe(ctx, beginning))
	return p
}

// Name is "docker".
func (p *Platform) Name() string { return "docker" }

// Supports is nil for every feature but placement in control groups, which
// depends on the engine.
func (p *Platform) Supports(feature platform.Feature) error {
	if feature == platform.CgroupPlacement {
		return p.placement()
	}
	return nil
}

// Size is that of the engine's machine.
func (p *Platform) Size(ctx context.Context) (platform.Resources, error) {
	info, err := p.engine.Info(ctx)
	if err != nil {
		return platform.Resources{}, err
	}
	return platform.Resources{CPUs: float64(info.NCPU), Memory: info.MemTotal}, nil
}

// Events delivers the run's events until TearDown has ended.
func (p *Platform) Events() <-chan platform.Event { return p.feed.Events() }

// called is the engine's name for something of the run.
func (p *Platform) called(name string) string { return prefix(p.run) + name }

func prefix(run string) string { return "shakedown-" + run + "-" }

// labels are those of the run, with others below them.
func (p *Platform) labels(others ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, labels := range others {
		for key, value := range labels {
			all[key] = value
		}
	}
	all[runLabel], all[ownerLabel] = p.run, p.owner
	return all
}

// make begins a creation, which TearDown waits for. The context it returns is
// not cancelled with the caller's: a creation that was given up on half-way
// would be done by the engine after the tear-down.
func (p *Platform) make(ctx context.Context) (context.Context, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errTornDown
	}
	p.making.Add(1)
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), creationPatience)
	return detached, func() { cancel(); p.making.Done() }, nil
}

// creationPatience bounds a creation; the engine takes milliseconds.
const creationPatience = 30 * time.Second

// exitPatience is how long TearDown waits for the events of the exits that it
// caused.
const exitPatience = 3 * time.Second

// TearDown kills and removes the run's containers, then its volumes and
// networks. Calls under way end with errors.
func (p *Platform) TearDown(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	for _, i := range p.byID {
		if i.life != nil {
			i.life.kill()
		}
	}
	p.mu.Unlock()
	p.making.Wait()

	err := sweep(ctx, p.engine, p.run)
	p.mu.Lock()
	attached := p.attached
	p.attached = nil
	lives := []*life{}
	for _, i := range p.byID {
		i.remove()
		if i.life != nil {
			lives = append(lives, i.life)
		}
	}
	p.mu.Unlock()
	for _, c := range attached {
		err = errors.Join(err, c.Close())
	}
	p.streams.Wait()
	p.awaitExits(ctx, lives)
	p.unwatch()
	<-p.watched
	p.feed.Close()
	return errors.Join(err, p.engine.Close())
}

// awaitExits lets the last events arrive.
func (p *Platform) awaitExits(ctx context.Context, lives []*life) {
	patience := time.NewTimer(exitPatience)
	defer patience.Stop()
	for _, l := range lives {
		select {
		case <-l.gone:
		case <-p.watched:
			return
		case <-patience.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// known is the record of an instance, also of a removed one; p.mu is held.
func (p *Platform) known(name string) (*instance, error) {
	if i, ok := p.instances[name]; ok {
		return i, nil
	}
	return nil, fmt.Errorf("%s: %w", name, platform.ErrNotFound)
}

// present is an instance that has not been removed.
func (p *Platform) present(name string) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, err := p.known(name)
	if err == nil && i.removed {
		return nil, fmt.Errorf("%s: %w", name, platform.ErrNotFound)
	}
	return i, err
}

// about names the instance in an engine's error, and tells a container that is
// gone by ErrNotFound.
func about(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, missing(err))
}

// missing tells a container that is gone by ErrNotFound.
func missing(err error) error {
	if cerrdefs.IsNotFound(err) {
		return fmt.Errorf("%w: %w", platform.ErrNotFound, err)
	}
	return err
}
