package stack

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
)

// Entry points are often shell scripts that become the program in the end; what
// is still a shell after so many looks, a second apart, is taken for one.
const (
	inspections   = 5
	inspectPeriod = time.Second
	// inspectPatience bounds one question.
	inspectPatience = 5 * time.Second
	// commandWidth is what is journaled of a command line, in bytes.
	commandWidth = 200
)

// inspect finds out beside everything else what runs as the main process of an
// instance that has just begun to take work, for the first one of each version.
// What cannot be found out is left out.
func (s *Stack) inspect(i *instance) {
	inspector, ok := s.cfg.Platform.(platform.Inspector)
	key := i.of.name + "/" + i.version
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok || s.closed || s.inspected[key] {
		return
	}
	s.inspected[key] = true
	s.background.Go(func() {
		if !s.inspectMain(s.life, inspector, i) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.inspected[key] = false // the next one may tell
		}
	})
}

func (s *Stack) inspectMain(ctx context.Context, inspector platform.Inspector, i *instance) bool {
	if !i.of.gatewayed() && i.of.healthcheck && !s.untilSettled(ctx, i) {
		return false
	}
	for look := 1; ; look++ {
		limited, cancel := context.WithTimeout(ctx, inspectPatience)
		command, err := inspector.MainProcess(limited, i.name)
		cancel()
		if err != nil || command == "" {
			return false
		}
		shell := isShell(command)
		if !shell || look == inspections {
			s.emit(journal.MainProcess{Service: i.of.name, Instance: i.name, Command: s.shown(command), Shell: shell})
			return true
		}
		if !s.pause(ctx, i, inspectPeriod) {
			return false
		}
	}
}

// untilSettled waits until the platform says whether an instance is healthy:
// before that its main process may still prepare things.
func (s *Stack) untilSettled(ctx context.Context, i *instance) bool {
	for began := s.cfg.Clock.Now(); s.cfg.Clock.Now()-began < s.cfg.StartTimeout; {
		health, err := s.cfg.Platform.Health(ctx, i.name)
		if err != nil || health != platform.Starting {
			return err == nil
		}
		if !s.pause(ctx, i, healthPeriod) {
			return false
		}
	}
	return true
}

// pause waits; false means that the instance or the stack is gone.
func (s *Stack) pause(ctx context.Context, i *instance, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-i.exited.done:
	case <-ctx.Done():
	}
	return false
}

// shown is a command line without secrets, cut to what the journal keeps.
func (s *Stack) shown(command string) string {
	if s.cfg.Redact != nil {
		command = s.cfg.Redact(command)
	}
	if len(command) > commandWidth {
		command = strings.ToValidUTF8(command[:commandWidth-len("…")], "") + "…"
	}
	return command
}

var shells = []string{"sh", "bash", "dash", "ash", "zsh"}

// isShell tells whether a command line is that of a shell.
func isShell(command string) bool {
	words := strings.Fields(command)
	if len(words) == 0 {
		return false
	}
	name := strings.TrimPrefix(path.Base(words[0]), "-") // of a login shell
	if name == "busybox" && len(words) > 1 {
		name = words[1]
	}
	return slices.Contains(shells, name)
}
