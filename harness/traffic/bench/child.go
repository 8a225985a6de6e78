package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/shakedown-dev/shakedown/harness/yardstick"
)

// The cores that the two sides run on.
const (
	generatorCore = 0
	serverCore    = 1
)

// A usage is what a process used in its life.
type usage struct {
	cpu    time.Duration
	memory int64 // most resident, in bytes
}

// runPinned runs a command on a core to its end, for at most limit, and returns
// its output.
func runPinned(ctx context.Context, core int, limit time.Duration, dir string, name string, args ...string) ([]byte, usage, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := yardstick.StartPinned(cmd, core); err != nil {
		return nil, usage{}, fmt.Errorf("start %s: %w", name, err)
	}
	err := cmd.Wait()
	used := usageOf(cmd.ProcessState)
	if ctx.Err() != nil {
		return nil, used, fmt.Errorf("%s: not over after %v", name, limit)
	}
	if err != nil {
		return nil, used, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, lastLines(stderr.String()))
	}
	return stdout.Bytes(), used, nil
}

func usageOf(state *os.ProcessState) usage {
	used := usage{cpu: state.UserTime() + state.SystemTime()}
	if r, ok := state.SysUsage().(*syscall.Rusage); ok {
		used.memory = r.Maxrss << 10
	}
	return used
}

// lastLines is the end of a program's complaints.
func lastLines(text string) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-300):]
}
