package verify

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Once an instance has told a client to close its connection, and had the time
// to act on its stop signal, one answer that does not is enough, until it is
// out of the endpoint list: not before, and not if it came to nothing.
func TestOneClientThatIsNotToldIsEnough(t *testing.T) {
	rec, plan := healthy(t)
	const settled, removed = 22*time.Second + time.Millisecond + settling, 22700 * time.Millisecond
	rapid.Check(t, func(rt *rapid.T) {
		start := time.Duration(rapid.Int64Range(int64(21*time.Second), int64(23*time.Second)).Draw(rt, "start"))
		end := start + time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(rt, "length"))
		x := journal.Request{Service: "api", Instance: "api-3", Start: start, Close: rapid.Bool().Draw(rt, "close"),
			Failure: rapid.SampledFrom([]journal.Failure{journal.NoFailure, journal.Refused, journal.Closed, journal.Status5xx, journal.ClientGone}).Draw(rt, "failure")}
		more := *rec
		more.Events = insert(append([]journal.Event(nil), rec.Events...), journal.Event{T: end, Body: x})
		want := Pass
		if !x.Close && x.Failure == journal.NoFailure && start >= settled && start <= removed {
			want = Fail
		}
		for _, f := range Judge(&more, plan).Checks {
			if strings.HasSuffix(f.ID, "D4-told-to-close") && f.Verdict != want {
				rt.Fatalf("%+v from %v to %v: %s, want %s: %s", x, start, end, f.Verdict, want, f.Reason)
			}
		}
	})
}
