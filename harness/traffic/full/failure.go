package full

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// classify names what net/http ended an exchange with that had a connection.
// answered tells whether the answer had begun, ended whether the server had
// closed: then an answer that cannot be read is one that was cut off, because
// net/http takes what is left for a last line. The lines are drawn where
// package wire draws them.
func classify(err error, answered, ended bool) journal.Failure {
	var stream streamError
	switch {
	case errors.Is(err, context.Canceled):
		return journal.ClientGone
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return journal.Timeout
	case errors.As(err, &stream):
		return stream.failure(answered)
	case brokenFrames(err), answered && !ended && !lost(err):
		return journal.BadResponse
	case answered:
		return journal.Truncated
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return journal.Reset
	}
	return journal.Closed
}

// lost tells whether an error is about the connection, not about what came
// over it.
func lost(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || strings.HasPrefix(err.Error(), "http2: ")
}

// streamError has the form of net/http's own error for an HTTP/2 stream, which
// converts itself to any type of this form.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return fmt.Sprintf("stream error %d: %v", e.Code, e.Cause) }

// failure is that of a stream which the server reset, or of one that net/http
// reset because what came over it was not HTTP.
func (e streamError) failure(answered bool) journal.Failure {
	byPeer := e.Cause != nil && e.Cause.Error() == "received from peer"
	switch {
	case !byPeer:
		return journal.BadResponse
	case answered:
		return journal.Truncated
	}
	return journal.Reset
}

// brokenFrames tells whether a connection ended because what the server sent
// was not HTTP/2. net/http does not export the types, so the texts decide.
func brokenFrames(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "connection error: ") || strings.Contains(text, "http2: frame too large")
}

// duringDial classifies a connection attempt that failed. What is not the
// port's own refusal counts as no answer.
func duringDial(err error) journal.Failure {
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
		return journal.Refused
	}
	return journal.DialTimeout
}

// lacking names what this machine ran out of when it could not connect, "" if
// it is not that.
func lacking(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "ports"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "files"
	case errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.ENOBUFS):
		return "memory"
	}
	return ""
}
