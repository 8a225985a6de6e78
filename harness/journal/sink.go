package journal

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// File names inside a run directory.
const (
	EventsFile  = "journal.ndjson"
	LatencyFile = "latency.hlog"
)

// A Sink takes what happens in a run. Both methods may be called from any
// number of goroutines at once. An error means that the record is incomplete
// from here on (a full disk, say); it repeats on every later call.
type Sink interface {
	// Append records an event. It keeps nothing of the body after it returns.
	Append(Event) error
	// Latency records an interval's histogram. The caller may reset and reuse
	// the histogram once the call has returned.
	Latency(Interval) error
}

// The measures of a request's time.
const (
	Response = "response" // from the intended send time to the end of the answer; what objectives are judged on
	Service  = "service"  // from the actual send time to the end of the answer
	Lag      = "lag"      // from the intended time to that at which the generator got to it: its own delay
	Waited   = "waited"   // of a step that polls: from the intended time of the first request to the end of the last
	Failed   = "failed"   // as Response, of requests that failed or whose outcome is unknown
)

// A Tag says what a histogram is of. Step "" is the journey itself, from the
// intended start of a session to its end. Instance is known of Response alone,
// and only where a gateway said which it was: the histograms of a step are
// those of all its instances and of "" together.
type Tag struct {
	Phase, Cohort, Tier, Journey, Step, Instance string
	Measure                                      string // Response, Service, Lag, Waited or Failed
}

// An Interval is the times, in microseconds, of what ended between two offsets
// from the start of the run.
type Interval struct {
	Tag      Tag
	From, To time.Duration
	// Histogram is what a writer hands over. It is nil in an interval that was
	// read back, which keeps its values in less room: use AddTo and Count.
	Histogram *hdrhistogram.Histogram

	packed []byte // values and counts of an interval that was read back; see pack
}

// NewHistogram makes an empty histogram of the geometry that all intervals
// share: 1 µs to 10 minutes in microseconds, three significant digits. It
// takes 139 KB: make one for each shard, never one for each worker.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, 600_000_000, 3)
}
