package traffic

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/arrivals"
	"github.com/shakedown-dev/shakedown/scenarios/replay"
)

// A replayed is the requests of a recording, sent one a session.
type replayed struct {
	requests []replay.Request
	targets  map[string]*target
	paced    bool
	multiple float64
	agent    string
}

// readReplay reads the recording of a load again. It must be the one that was
// planned.
func readReplay(p *scenarios.PlannedReplay) (*replay.Recording, error) {
	recording, err := replay.Read(p.File, replay.Options{
		Format: p.Format, Service: p.Service, Hosts: p.Hosts, Headers: p.Headers, Fields: p.Fields, TimesOnly: p.Times,
	})
	if err != nil {
		return nil, err
	}
	if recording.Digest != p.Digest {
		return nil, fmt.Errorf("%s has changed since it was planned: plan the run again", p.File)
	}
	if len(recording.Requests) == 0 {
		return nil, fmt.Errorf("%s holds no request to send", p.File)
	}
	return recording, nil
}

// timesOf are the times of a recording.
func timesOf(recording *replay.Recording) []time.Duration {
	times := make([]time.Duration, len(recording.Requests))
	for i := range recording.Requests {
		times[i] = recording.Requests[i].At
	}
	return times
}

// journalOf is what the journal says about a replay.
func journalOf(load *scenarios.PlannedLoad, r *replay.Recording) journal.Replayed {
	return journal.Replayed{
		Cohort: load.Cohort, File: load.Replay.File, Format: r.Format, Lines: r.Lines, Requests: len(r.Requests),
		Malformed: r.Malformed, Samples: r.Samples, Skipped: r.Skipped,
		Withheld: r.Withheld, WithoutBody: r.WithoutBody, Reordered: r.Reordered, Spread: r.Spread,
	}
}

// check finds requests that cannot be sent before any is.
func (r *replayed) check() error {
	for i := range r.requests {
		if name := r.requests[i].Service; r.targets[name] == nil {
			return fmt.Errorf("a recorded request is for %q: no address of that service is known", name)
		}
	}
	return nil
}

// of is the request of a session: those of a recording that is paced come
// again after the last, others as often as the plan's multiple says. A copy sends what
// the arrival sent that it is a copy of.
func (r *replayed) of(ordinal uint64) *replay.Request {
	if r.paced {
		return &r.requests[ordinal%uint64(len(r.requests))]
	}
	return &r.requests[min(arrivals.Entry(originalOf(ordinal), r.multiple), len(r.requests)-1)]
}

func (r *replayed) target(ordinal uint64) *target { return r.targets[r.of(ordinal).Service] }

// fill makes the request that was recorded.
func (r *replayed) fill(x *exchange.Request, ordinal uint64) {
	recorded := r.of(ordinal)
	x.Method, x.Path, x.Host = recorded.Method, recorded.Path, r.targets[recorded.Service].host
	agent := false
	for _, f := range recorded.Header {
		agent = agent || f.Name == "User-Agent"
		if f.Name != RequestHeader && f.Name != TraceHeader { // those are this request's
			x.Header = append(x.Header, exchange.Field(f))
		}
	}
	if !agent {
		x.Header = append(x.Header, exchange.Field{Name: "User-Agent", Value: r.agent})
	}
	x.Body = recorded.Body
}
