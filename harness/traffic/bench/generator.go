package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/redact"
	"github.com/shakedown-dev/shakedown/harness/traffic"
	"github.com/shakedown-dev/shakedown/harness/traffic/acknowledged"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// An order is what the driver is to do.
type order struct {
	addr        string
	seconds     float64
	closed      int     // sessions of a closed loop; else
	rate        float64 // sessions a second
	steps       int     // of a session, with a think time before each but the first
	think       time.Duration
	connections int
	keys        bool // a key of every request is written down, as for a ledger
}

// A drove is what the driver reports.
type drove struct {
	traffic.Totals
	PerSecond float64       `json:"per_second"` // answers, over the time asked for
	P99       time.Duration `json:"p99"`        // of the response time
	InFlight  int           `json:"in_flight"`  // sessions, most at once
}

// flags are the flags by which an order reaches the child.
func (o *order) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("drive", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", "", "host:port")
	flags.Float64Var(&o.seconds, "seconds", 1, "how long")
	flags.IntVar(&o.closed, "closed", 0, "sessions of a closed loop; 0: an open loop")
	flags.Float64Var(&o.rate, "rate", 1, "sessions a second")
	flags.IntVar(&o.steps, "steps", 1, "requests of a session")
	flags.DurationVar(&o.think, "think", 0, "between the requests of a session")
	flags.IntVar(&o.connections, "connections", 256, "at most")
	flags.BoolVar(&o.keys, "keys", false, "write down a key of every request")
	return flags
}

// args are what flags reads.
func (o *order) args() []string {
	return []string{"drive", "-addr", o.addr,
		"-seconds", strconv.FormatFloat(o.seconds, 'g', -1, 64), "-closed", strconv.Itoa(o.closed),
		"-rate", strconv.FormatFloat(o.rate, 'g', -1, 64), "-steps", strconv.Itoa(o.steps),
		"-think", o.think.String(), "-connections", strconv.Itoa(o.connections), "-keys=" + strconv.FormatBool(o.keys)}
}

// drive is the child that is measured: the driver of the product, with a sink
// that keeps what the comparison needs.
func drive(ctx context.Context, args []string) error {
	var o order
	if err := o.flags().Parse(args); err != nil {
		return err
	}
	// The loop's thread and those that write and collect must not wait for one
	// another's turn: the kernel shares the one core better than Go does.
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	rec := &record{response: journal.NewHistogram()}
	plan := o.plan()
	dir, err := os.MkdirTemp("", "shakedown-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	book, err := acknowledged.Create(dir, plan.Ledgers, redact.New().String)
	if err != nil {
		return err
	}
	c := clock.Start()
	totals, err := traffic.Run(ctx, traffic.Config{Plan: plan, Clock: c, Start: c.Now(), Sink: rec, Acknowledged: book})
	if err := errors.Join(err, book.Close()); err != nil {
		return err
	}
	for i := range plan.Ledgers {
		if book.Lost(i) > 0 {
			return fmt.Errorf("%d keys were lost", book.Lost(i))
		}
	}
	return json.NewEncoder(os.Stdout).Encode(drove{
		Totals: totals, PerSecond: float64(totals.OK) / o.seconds,
		P99:      time.Duration(rec.response.ValueAtQuantile(99)) * time.Microsecond,
		InFlight: rec.sessions,
	})
}

// plan is the order as the driver takes it.
func (o *order) plan() *scenarios.Plan {
	end := scenarios.Duration(o.seconds * float64(time.Second))
	load := scenarios.PlannedLoad{Cohort: "all", Journey: "visit", Tenants: 1000}
	if o.closed > 0 {
		load.Closed = []scenarios.PlannedClosed{{Phase: "steady", End: end, Sessions: o.closed}}
	} else {
		load.Segments = []scenarios.PlannedSegment{{Phase: "steady", End: end, Constant: scenarios.Rate(o.rate)}}
	}
	var steps []scenarios.PlannedStep
	for i := range o.steps {
		step := scenarios.PlannedStep{Name: fmt.Sprintf("step-%d", i+1), Service: "server", Method: "GET", Path: "/", Timeout: scenarios.Duration(10 * time.Second)}
		if i > 0 {
			step.Path = "/${tenant}/" + strconv.Itoa(i)
			step.Think = &scenarios.Think{Constant: scenarios.Duration(o.think)}
		}
		steps = append(steps, step)
	}
	var ledgers []scenarios.PlannedLedger
	if o.keys {
		for _, step := range steps {
			ledgers = append(ledgers, scenarios.PlannedLedger{ID: step.Name, Journey: "visit", Step: step.Name, Key: "${session}-${uuid}"})
		}
	}
	return &scenarios.Plan{
		Scenario: "bench", Seed: 1, Duration: end, Ledgers: ledgers,
		Phases:      []scenarios.PlannedPhase{{Name: "steady", End: end}},
		Journeys:    map[string][]scenarios.PlannedStep{"visit": steps},
		Load:        []scenarios.PlannedLoad{load},
		Targets:     map[string]scenarios.PlannedTarget{"server": {Address: o.addr, Host: o.addr}},
		Connections: scenarios.PlannedConnections{Max: o.connections, Reuse: true},
	}
}

// A record is a sink that adds up.
type record struct {
	mu       sync.Mutex
	response *hdrhistogram.Histogram
	sessions int
}

func (r *record) Append(e journal.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch body := e.Body.(type) {
	case journal.Generator:
		r.sessions = max(r.sessions, body.Sessions)
	case journal.ErrorGroup:
		fmt.Fprintf(os.Stderr, "%d times: %s (%s)\n", body.Count, body.Message, body.Sample)
	}
	return nil
}

func (r *record) Latency(i journal.Interval) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i.Tag.Step != "" && i.Tag.Measure == journal.Response {
		r.response.Merge(i.Histogram)
	}
	return nil
}

// drivenBy runs the driver on its core and returns what it reports.
func (b *bench) drivenBy(o order) (drove, usage, error) {
	var d drove
	self, err := os.Executable()
	if err != nil {
		return d, usage{}, err
	}
	out, used, err := runPinned(b.ctx, generatorCore, b.limit(o.seconds), "", self, o.args()...)
	if err != nil {
		return d, used, err
	}
	if err := json.Unmarshal(out, &d); err != nil {
		return d, used, fmt.Errorf("read what the driver reports: %w", err)
	}
	return d, used, nil
}
