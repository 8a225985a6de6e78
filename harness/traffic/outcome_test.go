package traffic

import (
	"io/fs"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// What was given up at the end of the run and what could not be sent for want
// of its own body look the same to an engine, and differ for a reader.
func TestWhyThereIsNoAnswer(t *testing.T) {
	for _, c := range []struct {
		op      string
		failure journal.Failure
		sent    time.Duration
		outcome measure.Outcome
		message string
	}{
		{"read response", journal.ClientGone, 1, unknown, "given up at the end of the run"},
		{"open request body", journal.ClientGone, 0, fail, "the request's body could not be read to its end"},
		{"read request body", journal.ClientGone, 1, unknown, "the request's body could not be read to its end"},
		{"read response", journal.Timeout, 1, unknown, "no complete answer within 1s"},
		{"wait for a connection", journal.Timeout, 0, fail, "no connection within 1s"},
		{"dial", journal.Refused, 0, fail, "connection refused"},
	} {
		x := &exchange.Exchange{Sent: c.sent, Err: &wire.Error{Op: c.op, Failure: c.failure, Err: fs.ErrNotExist}}
		if got := broken(x, time.Second); got.outcome != c.outcome || got.message != c.message {
			t.Errorf("%s, %s: %v %q, want %v %q", c.op, c.failure, got.outcome, got.message, c.outcome, c.message)
		}
	}
}
