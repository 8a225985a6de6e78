package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// instance is one container. Its record outlives its removal, so that Wait can
// still answer. What changes is guarded by Platform.mu.
type instance struct {
	name, id string
	tty      bool
	attach   bool
	publish  []platform.Publish
	stderr   *tail // with attach

	parent  string   // control group it was made in, "" for the engine's own
	within  string   // name of the instance whose group that is, "" for none
	volumes []string // named ones that it mounts, as its compose service names them

	quota   int64         // of CPU it was made with, 0 without
	limited bool          // it was made with a memory limit
	cgroup  *cgroup       // nil where it cannot be seen
	sought  bool          // cgroup was looked for
	life    *life         // nil before the first Start
	started chan struct{} // closed at the first start, or by removal
	removed bool
}

// life is the time from a start to the exit.
type life struct {
	gone    chan struct{} // closed at the end
	began   bool          // the engine has said that it started
	beganAt time.Time     // when it said so
	over    bool          // gone is closed, or about to be
	oom     chan struct{} // closed when the kernel killed something in it
	oomAt   time.Time     // when it last did
	killed  chan struct{} // closed when the engine was asked to send SIGKILL
	again   bool          // it is not the container's first
	exit    platform.Exit // when over, unless
	err     error         // the end was not seen
}

func newLife(again bool) *life {
	return &life{gone: make(chan struct{}), oom: make(chan struct{}), killed: make(chan struct{}), again: again}
}

// kill notes that SIGKILL is on its way; Platform.mu is held.
func (l *life) kill() {
	if !l.isKilled() {
		close(l.killed)
	}
}

func (l *life) isKilled() bool {
	select {
	case <-l.killed:
		return true
	default:
		return false
	}
}

// announce lets those go on who wait for a start; Platform.mu is held.
func (i *instance) announce() {
	select {
	case <-i.started:
	default:
		close(i.started)
	}
}

// remove marks the instance removed; Platform.mu is held.
func (i *instance) remove() {
	i.removed = true
	i.announce()
	if i.stderr != nil {
		i.stderr.end()
	}
}

// Start starts the container. Starting one that runs does nothing.
func (p *Platform) Start(ctx context.Context, name string) error {
	i, err := p.present(name)
	if err != nil {
		return err
	}
	l := p.beginLife(i)
	err = p.engine.ContainerStart(ctx, i.id, container.StartOptions{})
	if err == nil {
		return nil
	}
	p.mu.Lock()
	if !l.began && !l.over {
		l.over, l.err = true, fmt.Errorf("%s could not be started", name)
		close(l.gone)
	}
	p.mu.Unlock()
	return startError(i, err)
}

// beginLife is the life under way, or a new one, from before the engine is
// asked: its events may come before its answer.
func (p *Platform) beginLife(i *instance) *life {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i.life != nil && !i.life.over {
		return i.life
	}
	i.life = newLife(i.life != nil && i.life.began)
	if p.lost != nil {
		i.life.over, i.life.err = true, p.lost
		close(i.life.gone)
	}
	return i.life
}

// portInUse is how engines say that a port is taken; the wording is of the
// port allocator or of the forwarding process.
var portInUse = regexp.MustCompile(`(?:Bind for|listen tcp4?) [0-9.]+:([0-9]+)(?: failed)?: (?:port is already allocated|bind: address already in use)`)

func startError(i *instance, err error) error {
	text := err.Error()
	if match := portInUse.FindStringSubmatch(text); match != nil {
		if port, convErr := strconv.Atoi(match[1]); convErr == nil {
			return fmt.Errorf("%s: %w", i.name, platform.PortTaken(port))
		}
	}
	if strings.Contains(text, "address already in use") || strings.Contains(text, "port is already allocated") {
		for _, publish := range i.publish {
			if publish.Host != 0 {
				return fmt.Errorf("%s: %w", i.name, platform.PortTaken(publish.Host))
			}
		}
	}
	return about(i.name, err)
}

// Signal sends a signal to the container's main process.
func (p *Platform) Signal(ctx context.Context, name string, signal syscall.Signal) error {
	p.mu.Lock()
	i, err := p.known(name)
	if err != nil {
		p.mu.Unlock()
		return err
	}
	if signal == syscall.SIGKILL && i.life != nil {
		i.life.kill()
	}
	p.mu.Unlock()
	err = p.engine.ContainerKill(ctx, i.id, strconv.Itoa(int(signal)))
	if cerrdefs.IsNotFound(err) || cerrdefs.IsConflict(err) { // conflict: it does not run
		return nil
	}
	return about(name, err)
}

// StopSignal is what the container was created with: the engine puts the
// image's signal where the compose service has none.
func (p *Platform) StopSignal(ctx context.Context, name string) (string, error) {
	i, err := p.present(name)
	if err != nil {
		return "", err
	}
	c, err := p.engine.ContainerInspect(ctx, i.id)
	switch {
	case err != nil:
		return "", about(name, err)
	case c.Config == nil:
		return "", nil
	}
	return c.Config.StopSignal, nil
}

// Wait blocks until the container's main process is gone.
func (p *Platform) Wait(ctx context.Context, name string) (platform.Exit, error) {
	p.mu.Lock()
	i, err := p.known(name)
	if err != nil {
		p.mu.Unlock()
		return platform.Exit{}, err
	}
	l, removed := i.life, i.removed
	p.mu.Unlock()
	switch {
	case l == nil && removed:
		return platform.Exit{}, fmt.Errorf("%s: %w", name, platform.ErrNotFound)
	case l == nil:
		return platform.Exit{}, fmt.Errorf("%s has not been started", name)
	}
	select {
	case <-l.gone:
		return l.exit, l.err
	case <-p.watched:
	case <-ctx.Done():
		return platform.Exit{}, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
	select { // both may have happened
	case <-l.gone:
		return l.exit, l.err
	default:
		return platform.Exit{}, fmt.Errorf("%s: %w", name, errTornDown)
	}
}

// Health is the state of the container's health check.
func (p *Platform) Health(ctx context.Context, name string) (platform.Health, error) {
	i, err := p.present(name)
	if err != nil {
		return platform.NoHealthcheck, err
	}
	c, err := p.engine.ContainerInspect(ctx, i.id)
	switch {
	case err != nil:
		return platform.NoHealthcheck, about(name, err)
	case c.State == nil || c.State.Health == nil || c.State.Health.Status == "":
		return platform.NoHealthcheck, nil
	}
	return platform.Health(c.State.Health.Status), nil // the engine's words are ours
}

// Endpoint is the container's name inside, and the published port outside.
func (p *Platform) Endpoint(ctx context.Context, name string, port int) (platform.Endpoint, error) {
	i, err := p.present(name)
	if err != nil {
		return platform.Endpoint{}, err
	}
	c, err := p.engine.ContainerInspect(ctx, i.id)
	if err != nil {
		return platform.Endpoint{}, about(name, err)
	}
	if c.State == nil || !c.State.Running {
		return platform.Endpoint{}, fmt.Errorf("%s is not running", name)
	}
	at := platform.Endpoint{Inside: net.JoinHostPort(name, strconv.Itoa(port))}
	if c.NetworkSettings != nil {
		for _, binding := range c.NetworkSettings.Ports[tcp(port)] {
			at.Published = net.JoinHostPort(binding.HostIP, binding.HostPort)
		}
	}
	return at, nil
}

// Remove kills the container and deletes it with its anonymous volumes.
func (p *Platform) Remove(ctx context.Context, name string) error {
	i, err := p.present(name)
	if errors.Is(err, platform.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	if i.life != nil {
		i.life.kill()
	}
	p.mu.Unlock()
	if err := removeContainer(ctx, p.engine, i.id); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p.mu.Lock()
	i.remove()
	p.mu.Unlock()
	if i.within != "" && !p.lives(i.within) {
		p.kernel.giveUp(i.parent)
	}
	return nil
}

// lives says whether an instance runs.
func (p *Platform) lives(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, err := p.known(name)
	return err == nil && !i.removed && i.life != nil && !i.life.over
}
