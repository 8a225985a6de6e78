package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform/owner"
)

// markedProcesses are the processes of all runs. Those of other users cannot
// be read and are left out.
func markedProcesses() ([]marked, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var all []marked
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if m, ok := markedProcess(pid); ok {
			all = append(all, m)
		}
	}
	return all, nil
}

// markedProcess reads one process's markers. Both run and owner must be there:
// a shell in which somebody set one of them is none of ours.
func markedProcess(pid int) (marked, bool) {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || owner.Started(pid) == "" {
		return marked{}, false
	}
	m := marked{pid: pid, program: programOf(pid)}
	for value := range bytes.SplitSeq(environ, []byte{0}) {
		key, value, _ := bytes.Cut(value, []byte("="))
		switch string(key) {
		case runMarker:
			m.run = string(value)
		case ownerMarker:
			m.owner = string(value)
		case instanceMarker:
			m.instance = string(value)
		}
	}
	return m, m.run != "" && m.owner != ""
}

// programOf is the name of a program, without its arguments, which may hold
// secrets.
func programOf(pid int) string {
	command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	name, _, _ := bytes.Cut(command, []byte{0})
	return filepath.Base(string(name))
}

// sweepEvery is how often it is looked whether killed processes are gone.
const sweepEvery = 10 * time.Millisecond

// killMarked kills the processes of a run until none is left: one that was
// killed may have made another just before.
func killMarked(ctx context.Context, run string) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		all, err := markedProcesses()
		if err != nil {
			return err
		}
		left, errs := 0, []error(nil)
		for _, m := range all {
			if m.run == run {
				left++
				errs = append(errs, kill(m))
			}
		}
		if left == 0 || errors.Join(errs...) != nil {
			return errors.Join(errs...)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d processes of run %s were killed but are not gone: %w", left, run, context.Cause(ctx))
		}
	}
}

// kill kills a marked process. The handle is taken before the markers are read
// again, so that a recycled id cannot be hit.
func kill(m marked) error {
	process, err := os.FindProcess(m.pid)
	if err != nil {
		return nil
	}
	defer func() { _ = process.Release() }()
	if now, ok := markedProcess(m.pid); !ok || now.run != m.run {
		return nil
	}
	if err := process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill process %d %s: %w", m.pid, m.program, err)
	}
	return nil
}
