package stack

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"
)

// tail keeps the last lines written to it. It is safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	kept []string
	open []byte // the line that has not ended
}

// What an error shows of a log. More of a line is kept than shown, so that
// redaction sees whole secrets before the line is cut.
const (
	tailLines = 15
	tailWidth = 400  // bytes of a line shown
	tailKept  = 8192 // bytes of a line kept
)

// Write takes output in any pieces.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := b
	for {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if room := tailKept - len(t.open); room > 0 {
			t.open = append(t.open, line[:min(len(line), room)]...)
		}
		if !ended {
			return len(b), nil
		}
		t.kept = append(t.kept, strings.TrimRight(string(t.open), "\r"))
		t.kept = t.kept[max(0, len(t.kept)-tailLines):]
		t.open, rest = t.open[:0], after
	}
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := append([]string{}, t.kept...)
	if len(t.open) > 0 {
		lines = append(lines, string(t.open))
	}
	return lines
}

// follow copies an instance's output to its log and keeps its last lines,
// until the instance is gone or the stack is.
func (s *Stack) follow(i *instance) {
	var log io.WriteCloser
	if s.cfg.Log != nil {
		log = s.cfg.Log(i.name)
	}
	s.background.Go(func() {
		defer i.logged.fire()
		to := io.Writer(i.tail)
		if log != nil {
			defer func() {
				if err := log.Close(); err != nil {
					s.note("warning", "the log of "+i.name+" may be incomplete: "+err.Error())
				}
			}()
			to = io.MultiWriter(i.tail, log)
		}
		err := s.cfg.Platform.Logs(s.logs, i.name, true, to)
		if err != nil && s.logs.Err() == nil && !i.isWanted() {
			s.note("warning", "the log of "+i.name+" is incomplete: "+err.Error())
		}
	})
}

// logEnded waits a little for the rest of a gone instance's output.
func (i *instance) logEnded() {
	patience := time.NewTimer(2 * time.Second)
	defer patience.Stop()
	select {
	case <-i.logged.done:
	case <-patience.C:
	}
}
