package redact

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
)

// maxLine is the longest line that a writer keeps in memory.
const maxLine = 1 << 20

// maxChunk is how much is taken in at once.
const maxChunk = 64 << 10

// cutLine ends a line that was longer.
const cutLine = "[the rest of this line, beyond 1 MiB, was left out]\n"

// Writer returns a writer that redacts text on its way to w. A line is passed
// on when it is complete; a secret of several lines is found too. Close
// redacts and writes the rest, but does not close w. Write and Close may be
// called concurrently; the error of w comes back from every later call.
func (r *Redactor) Writer(w io.Writer) io.WriteCloser {
	return &writer{redactor: r, to: w}
}

type writer struct {
	redactor *Redactor
	to       io.Writer

	mu      sync.Mutex
	pending []byte // not yet written: at most maxLine and maxChunk
	skip    bool   // until the end of a line that is too long
	closed  bool
	err     error
}

var errClosed = errors.New("write to a redacting writer after it was closed")

// Write implements io.Writer. It takes all of p unless an error is returned.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return 0, errClosed
	case w.err != nil:
		return 0, w.err
	}
	for rest := p; len(rest) > 0; {
		chunk := rest[:min(len(rest), maxChunk)]
		rest = rest[len(chunk):]
		w.take(chunk)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// take adds a chunk and passes on what is safe to pass on.
func (w *writer) take(chunk []byte) {
	if w.skip {
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			return
		}
		chunk, w.skip = chunk[i+1:], false
	}
	w.pending = append(w.pending, chunk...)
	if bytes.IndexByte(chunk, '\n') < 0 && len(w.pending) <= maxLine {
		return
	}
	t := w.redactor.current()
	if end := t.safe(string(w.pending)); end > 0 {
		w.pass(t, w.pending[:end])
		w.pending = append(w.pending[:0], w.pending[end:]...)
	}
	if len(w.pending) > maxLine {
		w.cut(t)
	}
}

// cut gives up on a line that is too long (or a secret that never ends). What
// might be the first part of a secret goes with the rest.
func (w *writer) cut(t *table) {
	i := bytes.LastIndexByte(w.pending, '\n')
	w.skip = i+1 < len(w.pending)
	w.pass(t, w.pending[:max(0, len(w.pending)-t.longest)])
	w.pending = w.pending[:0]
	w.write([]byte(cutLine))
}

func (w *writer) pass(t *table, text []byte) { w.write([]byte(t.redact(string(text)))) }

func (w *writer) write(b []byte) {
	if w.err == nil && len(b) > 0 {
		_, w.err = w.to.Write(b)
	}
}

// Close passes on what is left. Closing again does nothing.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		w.pass(w.redactor.current(), w.pending)
		w.pending = nil
	}
	return w.err
}

// safe is how much of text can be passed on whatever follows: complete lines
// that no secret of several lines runs across the end of.
func (t *table) safe(text string) int {
	end := strings.LastIndexByte(text, '\n') + 1
	for end > 0 {
		open := end
		for _, form := range t.multiline {
			open = min(open, crossing(text, form, end))
		}
		if open == end {
			return end
		}
		end = strings.LastIndexByte(text[:open], '\n') + 1
	}
	return 0
}

// crossing is the first position before end at which form begins, or may turn
// out to begin once more text comes, and which reaches beyond end; end if
// there is none.
func crossing(text, form string, end int) int {
	for i := max(0, end-len(form)+1); i < end; i++ {
		have := text[i:min(len(text), i+len(form))]
		if have[0] == form[0] && strings.HasPrefix(form, have) {
			return i
		}
	}
	return end
}
