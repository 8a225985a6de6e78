package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// followEvery is how often a followed log is looked at. Children write to the
// file themselves, so that logging costs the harness nothing.
const followEvery = 50 * time.Millisecond

// Logs copies the instance's log file. An instance with Attach has its standard
// error there.
func (p *Platform) Logs(ctx context.Context, name string, follow bool, w io.Writer) error {
	i, err := p.present(name)
	if err != nil {
		return err
	}
	file, err := os.Open(p.logPath(name))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		ended := i.ended() // asked before copying, so that nothing is missed
		if _, err := io.Copy(w, file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !follow || ended {
			return nil
		}
		select {
		case <-i.whenGone():
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", name, context.Cause(ctx))
		}
	}
}

// ended says whether no more output will come.
func (i *instance) ended() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.running() && (i.gone != nil || i.removed)
}

func (i *instance) whenGone() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.gone
}
