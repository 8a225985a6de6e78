package traffic

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	defaultDrain       = 10 * time.Second
	defaultConnections = 1024
	interruptDrain     = time.Second // for requests in flight when Run is cancelled
	flushEvery         = time.Second
)

// errOver is why requests are given up.
var errOver = errors.New("the run is over")

// driver is one run of the load.
type driver struct {
	plan     *scenarios.Plan
	clock    clock.Clock
	start    time.Duration
	sink     journal.Sink
	drain    time.Duration
	agent    string
	targets  map[string]*target
	journeys [][]step // by load

	pacer    *pacer
	meters   *meters
	troubles groups
	requests atomic.Uint64 // the last number given to one
	sessions sync.WaitGroup

	// ctx ends when nothing new may begin, hard when nothing may go on.
	ctx, hard context.Context
	abort     func(error) // ends both because of an error
}

func newDriver(cfg Config) (*driver, error) {
	d := &driver{
		plan: cfg.Plan, clock: cfg.Clock, start: cfg.Start, sink: cfg.Sink, drain: cfg.Drain,
		targets: map[string]*target{}, agent: "shakedown/" + cfg.Version,
		meters: newMeters(cfg.Plan, cfg.Start),
	}
	if cfg.Version == "" {
		d.agent = "shakedown/dev"
	}
	if d.drain <= 0 {
		d.drain = defaultDrain
	}
	if cfg.Connections <= 0 {
		cfg.Connections = defaultConnections
	}
	for service, addr := range cfg.Targets {
		d.targets[service] = newTarget(service, addr, cfg.Connections)
	}
	var pacers []*Pacer
	pause := longestSleep
	for _, load := range cfg.Plan.Load {
		steps, err := d.compile(load.Journey)
		if err != nil {
			return nil, err
		}
		for _, s := range steps {
			if s.think > 0 {
				pause = min(pause, s.think)
			}
		}
		d.journeys = append(d.journeys, steps)
		pacers = append(pacers, NewPacer(load))
	}
	d.pacer = newPacer(d.now, pacers, pause)
	return d, nil
}

// compile prepares the steps of a journey.
func (d *driver) compile(journey string) ([]step, error) {
	planned := d.plan.Journeys[journey]
	if len(planned) == 0 {
		return nil, fmt.Errorf("journey %s has no steps", journey)
	}
	var steps []step
	for _, p := range planned {
		if d.targets[p.Service] == nil {
			return nil, fmt.Errorf("journey %s, step %s: no address of service %s is known", journey, p.Name, p.Service)
		}
		s, err := compileStep(p, d.targets)
		if err != nil {
			return nil, fmt.Errorf("journey %s, step %s: %w", journey, p.Name, err)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// now is the offset from the start of traffic.
func (d *driver) now() time.Duration { return d.clock.Now() - d.start }

// end is when the last phase is over.
func (d *driver) end() time.Duration {
	end := d.plan.Duration.Std()
	for _, phase := range d.plan.Phases {
		end = max(end, phase.End.Std())
	}
	return end
}

func (d *driver) run(ctx context.Context) (Totals, error) {
	soft, stopSoft := context.WithCancelCause(ctx)
	hard, stopHard := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopSoft(nil)
	defer stopHard(nil)
	d.ctx, d.hard = soft, hard
	d.abort = func(err error) { stopSoft(err); stopHard(err) }

	stopPacing, stopFlushing := make(chan struct{}), make(chan struct{})
	arrived, paced, flushed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { defer close(paced); d.pacer.run(soft, stopPacing, arrived, d.begin) }()
	go func() { defer close(flushed); d.flushEverySecond(stopFlushing) }()

	<-arrived
	over := make(chan struct{})
	go func() { defer close(over); d.sessions.Wait() }()
	d.settle(over, stopHard)

	close(stopPacing)
	close(stopFlushing)
	<-paced
	<-flushed
	for _, t := range d.targets {
		t.pool.Close()
	}
	now := d.clock.Now()
	err := errors.Join(d.meters.flush(d.sink, now), d.troubles.flush(d.sink, now))
	if err != nil {
		d.abort(fmt.Errorf("record the traffic: %w", err)) // the first cause stands
	}
	return d.meters.sums(), context.Cause(soft)
}

// begin starts a session; the pacing thread calls it and goes on.
func (d *driver) begin(a arrival) {
	s := &session{driver: d, arrival: a, steps: d.journeys[a.load], variables: newVariables(d.plan.Seed, a.number)}
	d.sessions.Add(1)
	go func() {
		defer d.sessions.Done()
		s.walk()
	}()
}

// settle waits, after the last arrival, for the end of the last phase and then
// for the sessions, as long as they may go on; the rest is given up.
func (d *driver) settle(over <-chan struct{}, giveUp func(error)) {
	interrupted := d.ctx.Done()
	await(d.end()-d.now(), interrupted, nil)
	await(d.drain, interrupted, over)
	if d.ctx.Err() != nil {
		await(interruptDrain, nil, over)
	}
	giveUp(errOver)
	<-over
}

// await waits that long, or until one of the channels is closed; nil never is.
func await(d time.Duration, one, other <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-one:
	case <-other:
	}
}

// flushEverySecond writes what came together into the sink. A sink that fails
// ends the run: what follows would not be on record.
func (d *driver) flushEverySecond(stop <-chan struct{}) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := d.meters.flush(d.sink, d.clock.Now()); err != nil {
				d.abort(fmt.Errorf("record the traffic: %w", err))
			}
		case <-stop:
			return
		}
	}
}
