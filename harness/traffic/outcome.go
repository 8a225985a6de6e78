package traffic

import (
	"fmt"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// How a request or a session ends.
//
//   - ok: a complete answer, and the right one.
//   - fail: a complete answer that is wrong (status, expectation, a variable
//     not found in it; the gateway's 503 for want of an instance is one), or a
//     request that surely was not processed, because it was never sent: refused,
//     no connection in time, a variable without value, nothing left to send it with.
//   - unknown: no complete answer although sending had begun: timeout, reset,
//     closed, cut off, not HTTP; the request may have been processed or not.
//     Also whatever was given up because the run was over.
//
// A session is ok if all its steps were; the first step that was not ends it
// with its outcome. A session that is given up between two steps is unknown.
const (
	ok      = measure.OK
	fail    = measure.Fail
	unknown = measure.Unknown
)

// A trouble is why a request or a session is not ok. Message is the same for
// all troubles of a kind, so that they can be counted together; sample is what
// came back in this case.
type trouble struct {
	outcome measure.Outcome
	message string
	sample  string
}

// broken is the trouble of an exchange without a complete answer, which was
// given up after timeout.
func broken(x *exchange.Exchange, timeout time.Duration) *trouble {
	failure := x.Err.Failure
	t := &trouble{outcome: unknown, message: lost(failure, timeout), sample: x.Err.Error()}
	switch {
	case x.Own != "":
		t.outcome, t.message = fail, wanting(x.Own)
	case strings.HasSuffix(x.Err.Op, "request body"): // a body that is made while it is sent, or a file
		t.message = "the request's body could not be read to its end"
		if x.Sent == 0 {
			t.outcome = fail
		}
	case x.Sent == 0 && failure != journal.ClientGone:
		t.outcome, t.message = fail, unsent(x.Err, timeout)
	}
	return t
}

func lost(failure journal.Failure, timeout time.Duration) string {
	switch failure {
	case journal.Timeout:
		return fmt.Sprintf("no complete answer within %v", timeout)
	case journal.Reset:
		return "connection reset before an answer"
	case journal.Truncated:
		return "connection lost in the middle of the answer"
	case journal.BadResponse:
		return "what came back is not HTTP"
	case journal.ClientGone:
		return "given up at the end of the run"
	}
	return "connection closed before an answer"
}

func unsent(err *wire.Error, timeout time.Duration) string {
	switch err.Failure {
	case journal.Refused:
		return "connection refused"
	case journal.Timeout:
		return fmt.Sprintf("no connection within %v", timeout)
	case journal.DialTimeout:
		return "no connection: the dial was not answered"
	}
	return "not sent: " + err.Op + " went wrong" // the handshake, say
}

// wanting is the message of a request that was not sent for want of something
// of the generator's, and what to do about it.
func wanting(what string) string {
	switch what {
	case "ports":
		return "not sent: the generator ran out of local ports; reuse connections, open fewer, or give the service more addresses"
	case "files":
		return "not sent: the generator ran out of file descriptors; raise its limit (ulimit -n) or lower connections.max"
	case "dials":
		return "not sent: connections.dial_rate allowed no connection in time; raise it, or leave it out"
	case "memory":
		return "not sent: the generator ran out of memory for connections; lower connections.max"
	}
	return "not sent: the generator ran out of " + what
}
