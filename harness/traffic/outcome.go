package traffic

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// An outcome is how a request or a session ended.
//
//   - ok: a complete answer, and the right one.
//   - fail: a complete answer that is wrong (status, expectation, a variable
//     not found in it; the gateway's 503 for want of an instance is one), or a
//     request that surely was not processed, because it was never sent: refused,
//     no connection in time, a variable without value.
//   - unknown: no complete answer although sending had begun: timeout, reset,
//     closed, cut off, not HTTP; the request may have been processed or not.
//     Also whatever was given up because the run was over.
//
// A session is ok if all its steps were; the first step that was not ends it
// with its outcome. A session that is given up between two steps is unknown.
type outcome int

const (
	ok outcome = iota
	fail
	unknown
)

// String is the word in the journal.
func (o outcome) String() string { return [...]string{"ok", "fail", "unknown"}[o] }

// A trouble is why a request or a session is not ok. Message is the same for
// all troubles of a kind, so that they can be counted together; sample is what
// came back in this case.
type trouble struct {
	outcome outcome
	message string
	sample  string
}

// broken is the trouble of a request without a complete answer. sent tells
// whether sending had begun.
func broken(failure journal.Failure, sent bool, timeout time.Duration, err error) *trouble {
	t := &trouble{outcome: unknown, message: lost(failure, timeout), sample: err.Error()}
	if !sent && failure != journal.ClientGone {
		t.outcome, t.message = fail, unsent(failure, timeout)
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

func unsent(failure journal.Failure, timeout time.Duration) string {
	switch failure {
	case journal.Refused:
		return "connection refused"
	case journal.Timeout:
		return fmt.Sprintf("no connection within %v", timeout)
	}
	return "no connection: the dial was not answered"
}
