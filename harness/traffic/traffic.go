// Package traffic is the driver: it plays the load of a plan. In an open loop,
// which is the rule, an arrival never waits for an answer, and every time counts
// from the intended moment, so a stack that stalls cannot hide it by slowing the
// driver down. Closed loops, where a plan asks for them, do wait.
//
// Of every request four moments are taken: intended, ready (the driver got to
// it), sent (a connection was there) and ended. Lag is ready - intended, the
// driver's own lateness; what follows is the stack's doing. Response is ended -
// intended, with the wait for a free connection in it; service is ended - sent.
//
// Everything happens on one loop (package loop). A session is a state machine
// on it: a place in its journey (program.go), its variables, one exchange. What
// would hold the loop up, files and large answers, is left to other goroutines,
// which come back with Post.
package traffic

import (
	"context"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/acknowledged"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
	"github.com/shakedown-dev/shakedown/harness/traffic/results"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Config says what Run drives at what. Plan, Targets, Clock and Sink are
// required; the zero value of the others gives the defaults.
type Config struct {
	// Plan gives journeys, load, phases and seed. It is only read.
	Plan *scenarios.Plan
	// Targets gives host:port of every service that a driven journey calls. The
	// plan's own targets need none.
	Targets map[string]string
	// Clock is the run's; Start is the moment on it that the plan's offsets
	// count from, now or a little earlier.
	Clock clock.Clock
	Start time.Duration
	// Sink takes what is measured each second, and at the end the error groups
	// and which engines carried the requests.
	Sink journal.Sink
	// Results takes every request besides. Default: none. Run does not close it.
	Results *results.Writer
	// Acknowledged takes, for each of the plan's ledgers that has a journey, the
	// key of every request of the ledger's step that succeeded: each condition
	// was met, each variable found, a polling at its goal. Default: none. Run
	// does not close it.
	Acknowledged *acknowledged.Book
	// Steering lets people change the load meanwhile. Default: nobody does.
	Steering *Steering
	// Drain is how long sessions in flight may go on after the last phase.
	// Default 10s.
	Drain time.Duration
	// Run is the id of the run, which the traces of its requests are told from those of
	// others by.
	Run string
	// Version stands in the User-Agent. Default "dev".
	Version string
}

// Totals are the sums of a run. Intended counts requests whose time had come,
// Requests those of them for which a connection was taken or opened; OK, Failed
// and Unknown count how they ended. Lags are of all requests.
type Totals = measure.Totals

// Run plays the load and returns when the last phase is over and every session
// has ended or was given up, with everything written to the sink. When ctx is
// cancelled no session arrives any more, requests in flight get another second,
// and Run returns the cause. It returns an error that says so when no
// connection to a target ever leads to anything, and when the sink fails.
// Totals are right up to the return whatever the error. Everything that Run
// started is gone when it returns.
func Run(ctx context.Context, cfg Config) (Totals, error) {
	d, err := newDriver(cfg)
	if err != nil {
		cfg.Steering.end()
		return Totals{}, fmt.Errorf("prepare the traffic: %w", err)
	}
	return d.run(ctx)
}
