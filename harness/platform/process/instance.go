package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
)

// instance is one instance of the run. Its record outlives its removal, so
// that Wait can still answer.
type instance struct {
	spec platform.Spec
	argv []string

	mu       sync.Mutex
	conn     *conn         // of Attach
	cmd      *exec.Cmd     // nil before the first start
	gone     chan struct{} // closed when cmd has exited; nil before the first start
	exit     platform.Exit // valid when gone is closed
	forwards []*forward
	removed  bool
}

// Create looks the program up and prepares the instance's log.
func (p *Platform) Create(_ context.Context, spec platform.Spec) error {
	if !validName.MatchString(spec.Name) {
		return fmt.Errorf("instance %q: not a usable name", spec.Name)
	}
	if err := p.placeable(spec); err != nil {
		return fmt.Errorf("%s: %w", spec.Name, err)
	}
	words, err := argv(spec)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("%s: %w", spec.Name, errTornDown)
	}
	if old, ok := p.instances[spec.Name]; ok && !old.isRemoved() {
		return fmt.Errorf("%s exists already", spec.Name)
	}
	if err := os.WriteFile(p.logPath(spec.Name), nil, 0o600); err != nil {
		return fmt.Errorf("%s: make its log: %w", spec.Name, err)
	}
	p.instances[spec.Name] = &instance{spec: spec, argv: words}
	return nil
}

func (p *Platform) logPath(name string) string { return filepath.Join(p.root, logsDir, name) }

// known is the record of an instance, also of a removed one.
func (p *Platform) known(name string) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, ok := p.instances[name]; ok {
		return i, nil
	}
	return nil, fmt.Errorf("%s: %w", name, platform.ErrNotFound)
}

// present is an instance that has not been removed.
func (p *Platform) present(name string) (*instance, error) {
	i, err := p.known(name)
	if err == nil && i.isRemoved() {
		return nil, fmt.Errorf("%s: %w", name, platform.ErrNotFound)
	}
	return i, err
}

func (i *instance) isRemoved() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.removed
}

// running says whether the main process runs; i.mu is held.
func (i *instance) running() bool {
	if i.gone == nil {
		return false
	}
	select {
	case <-i.gone:
		return false
	default:
		return true
	}
}

// Start starts the program. Starting one that runs does nothing.
func (p *Platform) Start(_ context.Context, name string) error {
	i, err := p.present(name)
	if err != nil {
		return err
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return fmt.Errorf("%s: %w", name, errTornDown)
	}
	p.starting.Add(1)
	p.mu.Unlock()
	defer p.starting.Done()

	i.mu.Lock()
	defer i.mu.Unlock()
	if i.removed {
		return fmt.Errorf("%s: %w", name, platform.ErrNotFound)
	}
	if i.running() {
		return nil
	}
	forwards, err := openForwards(i.spec)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	cmd, err := p.launch(i)
	if err != nil {
		closeAll(forwards)
		return fmt.Errorf("%s: %w", name, err)
	}
	i.cmd, i.gone, i.forwards = cmd, make(chan struct{}), forwards
	p.feed.Send(platform.Event{At: time.Now(), Kind: platform.Started, Name: name})
	go p.reap(i, cmd, i.gone)
	return nil
}

// launch starts the child and records it; i.mu is held.
func (p *Platform) launch(i *instance) (*exec.Cmd, error) {
	log, err := os.OpenFile(p.logPath(i.spec.Name), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, fmt.Errorf("open its log: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := &exec.Cmd{
		Path: i.argv[0], Args: i.argv, Env: p.environment(i.spec), Dir: i.spec.Config.WorkingDir,
		Stdout: log, Stderr: log, SysProcAttr: attributes(),
	}
	if c := i.conn; c != nil {
		i.conn = nil
		cmd.Stdin, cmd.Stdout = c.childIn, c.childOut
		defer c.handedOver()
	}
	if err := p.spawn.start(cmd); err != nil {
		return nil, startError(i, err)
	}
	record := strconv.Itoa(cmd.Process.Pid) + " " + owner.Started(cmd.Process.Pid)
	_ = os.WriteFile(filepath.Join(p.root, pidsDir, i.spec.Name), []byte(record), 0o600) // the markers are the first way to find it
	return cmd, nil
}

func startError(i *instance, err error) error {
	if dir := i.spec.Config.WorkingDir; dir != "" {
		if _, missing := os.Stat(dir); missing != nil {
			return fmt.Errorf("working directory %s: %w; on this platform it is a directory of this machine", dir, cause(missing))
		}
	}
	if errors.Is(err, syscall.ENOEXEC) {
		return fmt.Errorf("program %s is not for this machine: %w; build it here (make build)", i.argv[0], cause(err))
	}
	return fmt.Errorf("run %s: %w", i.argv[0], cause(err))
}

// reap waits for the main process and ends what it leaves in its group, as the
// end of a container's main process ends the container.
func (p *Platform) reap(i *instance, cmd *exec.Cmd, gone chan struct{}) {
	at := finish(cmd, awaitExit)
	exit := platform.Exit{Code: exitCode(cmd.ProcessState)}

	i.mu.Lock()
	defer i.mu.Unlock()
	closeAll(i.forwards)
	i.exit = exit
	p.feed.Send(platform.Event{At: at, Kind: platform.Exited, Name: i.spec.Name, Exit: exit})
	close(gone)
}

// finish returns when a main process has exited and has been reaped, and what it
// left in its group is killed; it tells when the process exited. The group is
// killed before the reaping if the exit can be awaited apart from that: until
// then nobody else can have its id.
func finish(cmd *exec.Cmd, await func(pid int) bool) time.Time {
	if await(cmd.Process.Pid) {
		at := time.Now()
		killRest(cmd.Process.Pid)
		_ = cmd.Wait() // its error repeats the exit code
		return at
	}
	_ = cmd.Wait()
	at := time.Now()
	killRest(cmd.Process.Pid)
	return at
}

// Signal sends a signal to the main process, not to its children.
func (p *Platform) Signal(_ context.Context, name string, signal syscall.Signal) error {
	i, err := p.known(name)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.running() {
		return nil
	}
	if err := i.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Wait blocks until the main process is gone.
func (p *Platform) Wait(ctx context.Context, name string) (platform.Exit, error) {
	i, err := p.known(name)
	if err != nil {
		return platform.Exit{}, err
	}
	i.mu.Lock()
	gone, removed := i.gone, i.removed
	i.mu.Unlock()
	switch {
	case gone == nil && removed:
		return platform.Exit{}, fmt.Errorf("%s: %w", name, platform.ErrNotFound)
	case gone == nil:
		return platform.Exit{}, fmt.Errorf("%s has not been started", name)
	}
	select {
	case <-gone:
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.exit, nil
	case <-ctx.Done():
		return platform.Exit{}, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
}

// Remove kills the instance's process group and deletes its log.
func (p *Platform) Remove(ctx context.Context, name string) error {
	i, err := p.present(name)
	if errors.Is(err, platform.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.end(ctx, i)
}

// end kills an instance, waits until it is gone, and marks it removed.
func (p *Platform) end(ctx context.Context, i *instance) error {
	i.mu.Lock()
	running, gone := i.running(), i.gone
	first := !i.removed
	i.removed = true
	var err error
	if running {
		err = killGroup(i.cmd.Process.Pid)
	}
	i.mu.Unlock()
	if err != nil {
		return fmt.Errorf("kill %s: %w", i.spec.Name, err)
	}
	if running {
		select {
		case <-gone:
		case <-ctx.Done():
			return fmt.Errorf("%s was killed but is not gone: %w", i.spec.Name, context.Cause(ctx))
		}
	}
	if first {
		_ = os.Remove(p.logPath(i.spec.Name)) // deleted with the directory at the latest
		_ = os.Remove(filepath.Join(p.root, pidsDir, i.spec.Name))
	}
	return nil
}

// Resize is refused.
func (p *Platform) Resize(_ context.Context, name string, _ platform.Resources) error {
	if _, err := p.present(name); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", name, p.Supports(platform.CPULimits))
}

// Health is NoHealthcheck: compose health checks run inside containers.
func (p *Platform) Health(_ context.Context, name string) (platform.Health, error) {
	_, err := p.present(name)
	return platform.NoHealthcheck, err
}
