// Package traffic is the open-loop driver: it plays the load of a plan. An
// arrival never waits for an answer, and every time counts from the intended
// moment, so a stack that stalls cannot hide it by slowing the driver down.
//
// Of every request three moments are taken: intended, ready (the driver got to
// it) and sent (a connection was there). Lag is ready - intended, the driver's
// own lateness; what follows is the stack's doing. Response is the end of the
// answer - intended, with the wait for a free connection in it; service is the
// end of the answer - sent.
package traffic

import (
	"context"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Config says what Run drives at what. Plan, Targets, Clock and Sink are
// required; the zero value of the others gives the defaults.
type Config struct {
	// Plan gives journeys, load, phases and seed. It is only read.
	Plan *scenarios.Plan
	// Targets gives host:port of every service that a driven journey calls.
	Targets map[string]string
	// Clock is the run's; Start is the moment on it that the plan's offsets
	// count from, now or a little earlier.
	Clock clock.Clock
	Start time.Duration
	// Sink takes a journal.Traffic and the latency intervals of every step
	// each second, and the journal.ErrorGroups at the end.
	Sink journal.Sink
	// Drain is how long sessions in flight may go on after the last phase.
	// Default 10s.
	Drain time.Duration
	// Connections is the largest number of connections to one target; requests
	// beyond it wait for one. Default 1024.
	Connections int
	// Version stands in the User-Agent. Default "dev".
	Version string
}

// Totals are the sums of a run. Intended counts requests whose time had come,
// Requests those of them for which a connection was taken or opened; OK, Failed
// and Unknown count how they ended. Lags are of all requests.
type Totals struct {
	Sessions int `json:"sessions"`
	Intended int `json:"intended"`
	Requests int `json:"requests"`
	OK       int `json:"ok"`
	Failed   int `json:"failed"`
	Unknown  int `json:"unknown"`

	LagP50 time.Duration `json:"lag_p50"` // nanoseconds
	LagP99 time.Duration `json:"lag_p99"`
	LagMax time.Duration `json:"lag_max"`
}

// Run plays the load and returns when the last phase is over and every session
// has ended or was given up, with everything written to the sink. When ctx is
// cancelled no session arrives any more, requests in flight get another second,
// and Run returns the cause. It returns an error that says so when a target
// never answers, and when the sink does. Totals are right up to the return
// whatever the error. Everything that Run started is gone when it returns.
func Run(ctx context.Context, cfg Config) (Totals, error) {
	d, err := newDriver(cfg)
	if err != nil {
		return Totals{}, fmt.Errorf("prepare the traffic: %w", err)
	}
	return d.run(ctx)
}
