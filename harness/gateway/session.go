package gateway

import (
	"context"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// SessionHeaders are the headers by which a gateway sees sessions in requests.
type SessionHeaders struct {
	Tier    string `json:"tier"`
	Account string `json:"account"`
}

// An Answer is what an application is told that has announced a session.
type Answer struct {
	// State is "granted" (or "renewed", answered alike), "queued", "rejected", or
	// NoAnswer.
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	// RetryAfter is when to ask again, of a rejection; nanoseconds.
	RetryAfter time.Duration `json:"retry_after,omitempty"`
	// Instance is the one that has the larger class, "" for all.
	Instance string `json:"instance,omitempty"`
}

// NoAnswer is the state of an answer that says nothing: nothing is set aside for
// anybody, and the application goes on as if it had not asked.
const NoAnswer = "none"

// An Answerer answers the application's word of a session. It is called
// concurrently, with a context that ends when nobody waits for the answer any
// more. An Answer without a State says that there is none, for the Reason.
type Answerer func(context.Context, journal.SessionSignal) Answer

func rejectAll(context.Context, journal.SessionSignal) Answer {
	return Answer{State: "rejected", Reason: "nothing in this run answers announcements"}
}
