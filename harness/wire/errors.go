package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Error is what an exchange failed with. Op is the step ("dial 10.0.0.7:8080",
// "read response").
type Error struct {
	Failure journal.Failure
	Op      string
	Err     error
}

// Error gives step and cause.
func (e *Error) Error() string { return e.Op + ": " + cause(e.Err).Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// cause strips net.OpError, which repeats addresses that the step has already
// named (and whose local port makes every message different).
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		var call *os.SyscallError
		if errors.As(op.Err, &call) {
			return call.Err
		}
		return op.Err
	}
	return err
}

// Classify names how an exchange failed. Errors of this package carry the
// answer, because only the place where they happen knows whether a response had
// begun; others are judged by what they wrap. nil is NoFailure.
func Classify(err error) journal.Failure {
	var own *Error
	switch {
	case err == nil:
		return journal.NoFailure
	case errors.As(err, &own):
		return own.Failure
	case errors.Is(err, context.Canceled):
		return journal.ClientGone
	}
	return beforeResponse(err)
}

// duringDial classifies a failed connection attempt. What is not the port's
// own refusal counts as no answer.
func duringDial(err error) journal.Failure {
	switch {
	case errors.Is(err, context.Canceled):
		return journal.ClientGone
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return journal.Refused
	}
	return journal.DialTimeout
}

// beforeResponse classifies an error between connecting and the first byte of
// the response.
func beforeResponse(err error) journal.Failure {
	var protocol ProtocolError
	switch {
	case isTimeout(err):
		return journal.Timeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return journal.Refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return journal.Reset
	case errors.As(err, &protocol), errors.Is(err, ErrHeadTooLarge):
		return journal.BadResponse
	case errors.Is(err, io.ErrUnexpectedEOF):
		return journal.Truncated
	}
	return journal.Closed
}

// duringResponse classifies an error after the first byte of the response.
func duringResponse(err error) journal.Failure {
	var protocol ProtocolError
	switch {
	case isTimeout(err):
		return journal.Timeout
	case errors.As(err, &protocol), errors.Is(err, ErrHeadTooLarge):
		return journal.BadResponse
	}
	return journal.Truncated
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// failed makes an Error of what a step ended with; a cancelled context outranks
// what its cancellation did to the connection.
func failed(ctx context.Context, op string, failure journal.Failure, err error) *Error {
	if ctx.Err() != nil {
		err = ctx.Err()
		failure = journal.Timeout
		if errors.Is(err, context.Canceled) {
			failure = journal.ClientGone
		}
	}
	return &Error{Failure: failure, Op: op, Err: err}
}

// WriteError is the Error of a request that could not be written.
func WriteError(err error) *Error {
	return &Error{Failure: beforeResponse(err), Op: "write request", Err: err}
}

// ReadError is the Error of a response that could not be read; begun tells
// whether its first byte had come.
func ReadError(err error, begun bool) *Error {
	failure := beforeResponse(err)
	if begun {
		failure = duringResponse(err)
	}
	return &Error{Failure: failure, Op: "read response", Err: err}
}
