package process

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
)

// Pause stops the instance's process group with SIGSTOP, which no program can
// ignore.
func (p *Platform) Pause(_ context.Context, name string) error {
	i, err := p.present(name)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.running() {
		return fmt.Errorf("%s is not running", name)
	}
	return aboutGroup(name, stopGroup(i.cmd.Process.Pid))
}

// Resume lets the instance's process group go on.
func (p *Platform) Resume(_ context.Context, name string) error {
	i, err := p.known(name)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.running() {
		return nil
	}
	return aboutGroup(name, continueGroup(i.cmd.Process.Pid))
}

// aboutGroup names the instance in the error of a signal; a group that has just
// ended is no error.
func aboutGroup(name string, err error) error {
	if err == nil || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// placeable refuses what needs a kernel that tells instances apart.
func (p *Platform) placeable(spec platform.Spec) error {
	switch {
	case spec.Beside != "":
		return p.Supports(platform.NetworkFaults)
	case spec.Within != "":
		return p.Supports(platform.CgroupPlacement)
	case len(spec.Mounts) > 0:
		return errors.New("the process platform has no volumes to share: they are directories of this machine (use --platform docker)")
	case len(spec.Files) > 0:
		return errors.New("the process platform has no files of one instance: all see those of this machine")
	}
	return nil
}

// Addresses is the loopback address of the instance.
func (p *Platform) Addresses(_ context.Context, name string) ([]platform.Address, error) {
	i, err := p.present(name)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.running() {
		return nil, fmt.Errorf("%s is not running", name)
	}
	ip, err := netip.ParseAddr(i.spec.Address)
	if err != nil {
		return nil, nil // it has none of its own
	}
	return []platform.Address{{IP: ip}}, nil
}

// Identify is the id of the main process, and when it was started.
func (p *Platform) Identify(name string) (platform.Identity, error) {
	i, err := p.present(name)
	if err != nil {
		return platform.Identity{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cmd == nil {
		return platform.Identity{}, fmt.Errorf("%s has not been started", name)
	}
	pid := i.cmd.Process.Pid
	return platform.Identity{ID: strconv.Itoa(pid), Mark: owner.Started(pid)}, nil
}
