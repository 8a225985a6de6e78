package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/redact"
)

// FlushEvery is the longest time for which what was appended stays in memory:
// what a crash of the harness can cost.
const FlushEvery = time.Second

// names are the members whose values say who or what an event is about. They
// come from the scenario, the compose file or this program, and checks compare
// them, so they stay as they are even where one of them equals the value of
// some environment variable ("worker", "info").
var names = map[string]bool{
	"type": true, "run": true, "scenario": true, "platform": true, "op": true,
	"phase": true, "cohort": true, "journey": true, "step": true,
	"service": true, "instance": true, "signal": true, "reason": true,
	"failure": true, "outcome": true, "level": true,
	"action": true, "from": true, "version": true, "home": true, "id": true,
}

// Writer is the Sink that writes the files of a run directory. Close it once;
// everything else may be called from any number of goroutines.
type Writer struct {
	redact func([]byte) []byte

	mu      sync.Mutex // guards what follows
	events  *out
	latency *out
	err     error // the first that happened; repeated by every later call

	stop    chan struct{} // closed by Close
	stopped chan struct{} // closed when the flusher is gone
}

// out is a buffered file.
type out struct {
	*bufio.Writer
	file *os.File
}

// ErrClosed is what a Writer answers after Close.
var ErrClosed = errors.New("the journal is closed")

// Create starts the journal of a run in an existing directory that has none
// yet. Every text that goes into it passes through redact first (nil: nothing
// is redacted), except the names that checks depend on.
func Create(dir string, redact func([]byte) []byte) (*Writer, error) {
	events, err := create(filepath.Join(dir, EventsFile))
	if err != nil {
		return nil, err
	}
	latency, err := create(filepath.Join(dir, LatencyFile))
	if err != nil {
		return nil, errors.Join(err, events.file.Close())
	}
	w := &Writer{
		redact: redact, events: events, latency: latency,
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := writeHeader(latency, time.Now()); err != nil {
		return nil, errors.Join(err, events.file.Close(), latency.file.Close())
	}
	go w.flusher()
	return w, nil
}

func create(path string) (*out, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	return &out{Writer: bufio.NewWriterSize(f, 64<<10), file: f}, nil
}

// Append implements Sink.
func (w *Writer) Append(e Event) error {
	line, err := encode(e)
	if err != nil {
		return err
	}
	if w.redact != nil {
		line = redact.JSON(line, w.redact, func(path []string) bool { return names[path[len(path)-1]] })
	}
	return w.write(w.events, line)
}

// Latency implements Sink.
func (w *Writer) Latency(i Interval) error {
	line, err := encodeInterval(i) // outside the lock: it compresses
	if err != nil {
		return err
	}
	return w.write(w.latency, line)
}

func (w *Writer) write(to io.Writer, line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if _, err := to.Write(line); err != nil {
		w.err = fmt.Errorf("write journal: %w", err)
	}
	return w.err
}

// Flush hands everything appended so far to the operating system.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

func (w *Writer) flush() error {
	if w.err != nil {
		return w.err
	}
	if err := errors.Join(w.events.Flush(), w.latency.Flush()); err != nil {
		w.err = fmt.Errorf("flush journal: %w", err)
	}
	return w.err
}

// flusher bounds what a crash can cost.
func (w *Writer) flusher() {
	defer close(w.stopped)
	tick := time.NewTicker(FlushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = w.Flush() // kept in w.err, and every caller gets it
		case <-w.stop:
			return
		}
	}
}

// Close flushes and closes both files and reports the first error that the
// journal ever had. Closing again answers ErrClosed.
func (w *Writer) Close() error {
	w.mu.Lock()
	if errors.Is(w.err, ErrClosed) {
		w.mu.Unlock()
		return ErrClosed
	}
	err := w.flush()
	w.err = ErrClosed
	w.mu.Unlock()
	close(w.stop)
	<-w.stopped
	return errors.Join(err, w.events.file.Close(), w.latency.file.Close())
}
