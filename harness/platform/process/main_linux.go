package process

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

var _ platform.Inspector = (*Platform)(nil)

// MainProcess is the command line of the child as the kernel has it.
func (p *Platform) MainProcess(_ context.Context, name string) (string, error) {
	i, err := p.present(name)
	if err != nil {
		return "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.running() {
		return "", fmt.Errorf("%s is not running", name)
	}
	words, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", i.cmd.Process.Pid))
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	command := string(bytes.ReplaceAll(bytes.TrimRight(words, "\x00"), []byte{0}, []byte(" ")))
	if command == "" { // it has exited and waits to be reaped
		return "", fmt.Errorf("%s is not running", name)
	}
	return command, nil
}
