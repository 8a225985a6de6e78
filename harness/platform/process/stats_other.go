//go:build !linux

package process

import (
	"context"
	"fmt"
	"runtime"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// Stats is refused: what a process uses is read from /proc.
func (p *Platform) Stats(_ context.Context, name string) (platform.Stats, error) {
	if _, err := p.present(name); err != nil {
		return platform.Stats{}, err
	}
	return platform.Stats{}, fmt.Errorf("%s: the process platform cannot sample CPU and memory on %s", name, runtime.GOOS)
}
