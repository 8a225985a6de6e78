// Package process runs the instances of a run as child processes on loopback
// addresses, for machines without a container engine and for fast tests.
//
// What it cannot do (limits, network faults, images) it refuses by name. Its
// instances share the machine's files and kernel with everything else: a pass
// here proves the programs' behaviour, not that of their images.
package process

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// Options are for Open; the zero value is right outside of tests.
type Options struct {
	// Dir is where the run's directory is made. Default: os.TempDir(). A
	// Cleaner has to be given the same.
	Dir string
}

// Platform runs one run's instances as child processes. It is made by Open and
// safe for concurrent use.
type Platform struct {
	run, owner string
	root       string // the run's directory
	feed       *platform.Feed
	spawn      *spawner
	addresses  *addresses

	mu        sync.Mutex
	closed    bool
	starting  sync.WaitGroup // calls of Start under way; added to under mu
	instances map[string]*instance
	attached  []*conn
}

var (
	_ platform.Platform  = (*Platform)(nil)
	_ platform.Addresser = (*Platform)(nil)
	_ platform.Sharer    = (*Platform)(nil)

	_ platform.Locator    = (*Platform)(nil)
	_ platform.Identifier = (*Platform)(nil)
)

// validName is what runs and instances may be called: the names become files.
var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// errTornDown is returned by what can no longer be done.
var errTornDown = errors.New("the run has been torn down")

// Open makes a platform for a run. The owner is the mark of this process
// (owner.Self). It fails if the run's id is in use or if this system does not
// answer on loopback addresses of its own.
func Open(run, owner string, options Options) (*Platform, error) {
	if !validName.MatchString(run) {
		return nil, fmt.Errorf("run id %q: use letters, digits, '.', '_' and '-', beginning with a letter or digit", run)
	}
	held, err := claimAddresses(run)
	if err != nil {
		return nil, err
	}
	root, err := makeRoot(options.Dir, run, owner)
	if err != nil {
		held.release()
		return nil, err
	}
	return &Platform{
		run: run, owner: owner, root: root,
		feed: platform.NewFeed(), spawn: newSpawner(), addresses: held,
		instances: map[string]*instance{},
	}, nil
}

// The files in a run's directory.
const (
	ownerFile = "owner"
	sharedDir = "shared"
	logsDir   = "logs"
	pidsDir   = "pids" // one file an instance: process id and start time
	tempDir   = "tmp"
	dirPrefix = "shakedown-"
)

// makeRoot makes the run's directory. It gets its name last, so that a
// directory with that name always tells its owner.
func makeRoot(dir, run, owner string) (string, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	made, err := os.MkdirTemp(dir, ".shakedown-new-")
	if err != nil {
		return "", fmt.Errorf("make the run's directory: %w", err)
	}
	for _, sub := range []string{sharedDir, logsDir, pidsDir, tempDir} {
		err = errors.Join(err, os.Mkdir(filepath.Join(made, sub), 0o700))
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(made, ownerFile), []byte(owner), 0o600))
	root := filepath.Join(dir, dirPrefix+run)
	if err == nil {
		err = os.Rename(made, root)
	}
	if err != nil {
		_ = os.RemoveAll(made)
		if _, taken := os.Stat(root); taken == nil {
			return "", fmt.Errorf("run id %s is in use: %s exists; choose another, or remove what is left with: shakedown clean", run, root)
		}
		return "", fmt.Errorf("make the run's directory: %w", err)
	}
	return root, nil
}

// Name is "process".
func (p *Platform) Name() string { return "process" }

// Shared is a directory that all instances of the run can reach; named volumes
// are directories in it. It is deleted by TearDown.
func (p *Platform) Shared() string { return filepath.Join(p.root, sharedDir) }

// Address is the loopback address of instance n of a service; n = 0 is the
// service's own. It is "" only if all blocks of addresses are taken.
func (p *Platform) Address(service string, n int) string { return p.addresses.of(service, n) }

// Supports refuses everything that needs an engine or a kernel feature.
func (p *Platform) Supports(feature platform.Feature) error {
	reason, refused := map[platform.Feature]string{
		platform.MemoryLimits:  "child processes share the machine's memory; limits need a container engine",
		platform.CPULimits:     "child processes share the machine's processors; limits need a container engine",
		platform.NetworkFaults: "child processes share the machine's network; faults need a container engine",
		platform.Images:        "programs are run from this machine's files, not from images",
		platform.CgroupPlacement: "child processes have no control groups of their own; " +
			"faults that use up resources need a container engine",
	}[feature]
	if refused {
		return fmt.Errorf("the process platform has no %s: %s (use --platform docker)", feature, reason)
	}
	return nil
}

// EnsureImage does nothing, because processes need no images.
func (p *Platform) EnsureImage(context.Context, types.ServiceConfig, bool) (string, error) {
	return "not needed", nil
}

// CreateNetwork does nothing: all instances are on the loopback network.
func (p *Platform) CreateNetwork(context.Context, string, types.NetworkConfig) error { return nil }

// CreateVolume makes a directory of that name in Shared.
func (p *Platform) CreateVolume(_ context.Context, name string, _ types.VolumeConfig) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("volume %q: not a usable name", name)
	}
	return os.MkdirAll(filepath.Join(p.Shared(), name), 0o700)
}

// Events delivers the run's events until TearDown has ended.
func (p *Platform) Events() <-chan platform.Event { return p.feed.Events() }

// TearDown kills all processes of the run with their descendants and deletes
// the run's directory. It works while other methods are under way; instances
// that start meanwhile are killed too.
func (p *Platform) TearDown(ctx context.Context) error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	instances := slices.Collect(maps.Values(p.instances))
	attached := p.attached
	p.attached = nil
	p.mu.Unlock()
	p.starting.Wait()

	var errs []error
	for _, i := range instances {
		errs = append(errs, p.end(ctx, i))
	}
	for _, c := range attached {
		errs = append(errs, c.Close())
	}
	errs = append(errs, killMarked(ctx, p.run))
	if err := os.RemoveAll(p.root); err != nil {
		errs = append(errs, fmt.Errorf("delete the run's directory: %w", err))
	}
	if first {
		p.spawn.stop()
		p.addresses.release()
		p.feed.Close()
	}
	return errors.Join(errs...)
}
