package main

import (
	"context"
	"encoding/json"
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
	"github.com/shakedown-dev/shakedown/harness/traffic"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// An order is what the driver is to do.
type order struct {
	addr    string
	seconds float64
	closed  int     // sessions of a closed loop; else
	rate    float64 // requests a second
}

// A drove is what it reports. Times are from sending to the whole answer.
type drove struct {
	traffic.Totals
	P50, P99 time.Duration
}

func (o *order) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("drive", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", "", "host:port")
	flags.Float64Var(&o.seconds, "seconds", 1, "how long")
	flags.IntVar(&o.closed, "closed", 0, "sessions of a closed loop; 0: an open loop")
	flags.Float64Var(&o.rate, "rate", 1, "requests a second")
	return flags
}

func (o *order) args() []string {
	return []string{"drive", "-addr", o.addr, "-seconds", strconv.FormatFloat(o.seconds, 'g', -1, 64),
		"-closed", strconv.Itoa(o.closed), "-rate", strconv.FormatFloat(o.rate, 'g', -1, 64)}
}

// drive is the child that generates load: the driver of the product.
func drive(ctx context.Context, args []string) error {
	var o order
	if err := o.flags().Parse(args); err != nil {
		return err
	}
	// The loop's thread and those that write must not wait for one another's
	// turn: the kernel shares the one core better than Go does.
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	rec := &record{service: journal.NewHistogram()}
	c := clock.Start()
	totals, err := traffic.Run(ctx, traffic.Config{Plan: o.plan(), Clock: c, Start: c.Now(), Sink: rec})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(drove{totals, rec.quantile(50), rec.quantile(99)})
}

func (o *order) plan() *scenarios.Plan {
	end := scenarios.Duration(o.seconds * float64(time.Second))
	load := scenarios.PlannedLoad{Cohort: "all", Journey: "visit", Tenants: 1}
	if o.closed > 0 {
		load.Closed = []scenarios.PlannedClosed{{Phase: "steady", End: end, Sessions: o.closed}}
	} else {
		load.Segments = []scenarios.PlannedSegment{{Phase: "steady", End: end, Constant: scenarios.Rate(o.rate)}}
	}
	return &scenarios.Plan{
		Scenario: "bench", Seed: 1, Duration: end,
		Phases: []scenarios.PlannedPhase{{Name: "steady", End: end}},
		Journeys: map[string][]scenarios.PlannedStep{"visit": {
			{Name: "get", Service: "api", Method: "GET", Path: "/v1/catalogue?page=2", Timeout: scenarios.Duration(10 * time.Second)},
		}},
		Load:        []scenarios.PlannedLoad{load},
		Targets:     map[string]scenarios.PlannedTarget{"api": {Address: o.addr, Host: o.addr}},
		Connections: scenarios.PlannedConnections{Max: 256, Reuse: true},
	}
}

// A record is a sink that adds up.
type record struct {
	mu      sync.Mutex
	service *hdrhistogram.Histogram // microseconds
}

func (r *record) quantile(percent float64) time.Duration {
	return time.Duration(r.service.ValueAtQuantile(percent)) * time.Microsecond
}

func (r *record) Append(e journal.Event) error {
	if g, ok := e.Body.(journal.ErrorGroup); ok {
		fmt.Fprintf(os.Stderr, "%d times: %s (%s)\n", g.Count, g.Message, g.Sample)
	}
	return nil
}

func (r *record) Latency(i journal.Interval) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i.Tag.Step != "" && i.Tag.Measure == journal.Service {
		r.service.Merge(i.Histogram)
	}
	return nil
}

// driven runs that child. Every request must be answered as it should.
func driven(ctx context.Context, o order) (drove, error) {
	var d drove
	c, err := start(ctx, nearCore, o.args()...)
	if err != nil {
		return d, err
	}
	decoded := json.NewDecoder(c).Decode(&d)
	if _, err := c.end(); err != nil {
		return d, err
	}
	if decoded != nil {
		return d, fmt.Errorf("read what the driver reports: %w", decoded)
	}
	if d.OK != d.Intended {
		return d, fmt.Errorf("of %d requests only %d were answered as they should: %s", d.Intended, d.OK, c.stderr.String())
	}
	return d, nil
}
