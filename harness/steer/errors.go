package steer

import (
	"context"
	"errors"
	"fmt"
)

// ErrOver is returned for a command that comes after the end of traffic, and for an abort
// that comes when nothing is played any more.
var ErrOver = errors.New("too late: the traffic of the run is over, and its report comes by itself; an interrupt ends it at once")

// EarlyAbort is why the context of a run is done that a person aborts before it can be
// steered. The run journals it as any other abort.
type EarlyAbort struct{ By, Text string }

// Error says who.
func (a *EarlyAbort) Error() string {
	return fmt.Sprintf("%s has aborted the run before its traffic", a.By)
}

// Unwrap tells that it is a cancellation as any other.
func (a *EarlyAbort) Unwrap() error { return context.Canceled }
