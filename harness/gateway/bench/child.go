package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/yardstick"
)

// The cores: that of the generator, and that of what it drives.
const (
	nearCore = 0
	farCore  = 1
)

// A child is this program, started again for a part of the work. Its standard
// input is what keeps it alive.
type child struct {
	io.Reader
	io.WriteCloser
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

func start(ctx context.Context, core int, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self, args...)}
	c.cmd.Stderr, c.cmd.WaitDelay = &c.stderr, time.Second
	if c.WriteCloser, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.Reader, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := yardstick.StartPinned(c.cmd, core); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	return c, nil
}

// end closes the child's input and waits for its end; it returns what processor
// time it has used.
func (c *child) end() (time.Duration, error) {
	_ = c.Close()
	if err := c.cmd.Wait(); err != nil {
		text := strings.TrimSpace(c.stderr.String())
		return 0, fmt.Errorf("%s: %w: %s", c.cmd.Args[1], err, text[max(0, len(text)-300):])
	}
	return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime(), nil
}
