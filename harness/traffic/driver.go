package traffic

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/acknowledged"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
	"github.com/shakedown-dev/shakedown/harness/traffic/results"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/arrivals"
	"github.com/shakedown-dev/shakedown/scenarios/draws"
)

const (
	defaultDrain   = 10 * time.Second
	interruptDrain = time.Second // for requests in flight when Run is cancelled
	// beginAtOnce is how many sessions may begin before connections and other
	// sessions have their turn, however many are due.
	beginAtOnce = 64
)

// A driver is one run of the load. All of it but run belongs to the loop.
type driver struct {
	plan    *scenarios.Plan
	clock   clock.Clock
	origin  time.Duration // the start of traffic on the run's clock
	sink    journal.Sink
	results *results.Writer
	book    *acknowledged.Book
	epoch   time.Time // the start of the run on the wall clock, for results
	drain   time.Duration
	agent   string

	loop     *loop.Loop
	recorder *measure.Recorder
	flusher  *flusher
	source   *draws.Source
	arrivals *arrivals.Merged
	steered  steered
	steering *Steering  // nil: nobody steers
	programs []*program // by load
	targets  map[string]*target
	circles  []*circle
	replays  []journal.Replayed // what was read

	active     []*session
	free       []*session
	inFlight   int // requests
	elsewhere  int // answers that are judged on other goroutines
	numbers    numbers
	traces     traces
	instances  instances
	moves      moves
	milestones milestones
	keyless    map[int]journal.Note // by ledger, where keys could not be made

	next, ending, giving loop.Timer // next arrival, end of the last phase, end of patience
	arrived              bool       // no arrival is left
	ended                bool       // the last phase is
	stopped              bool       // nothing new may begin
	over                 bool
	err                  error // why the run was stopped, nil if nobody did
}

func newDriver(cfg Config) (*driver, error) {
	d := &driver{
		plan: cfg.Plan, clock: cfg.Clock, origin: cfg.Start, sink: cfg.Sink, drain: cfg.Drain,
		results: cfg.Results, book: cfg.Acknowledged, epoch: time.Now().Add(-cfg.Clock.Now()),
		agent: "shakedown/" + cfg.Version, targets: map[string]*target{}, keyless: map[int]journal.Note{},
		source: draws.New(cfg.Plan), traces: tracesOf(cfg.Run), steering: cfg.Steering, steered: steered{multiple: 1},
	}
	if cfg.Version == "" {
		d.agent = "shakedown/dev"
	}
	if d.drain <= 0 {
		d.drain = defaultDrain
	}
	for name, addr := range cfg.Targets {
		d.targets[name] = serviceTarget(name, addr)
	}
	for name, planned := range cfg.Plan.Targets {
		d.targets[name] = plannedTarget(name, planned)
	}
	recorded, err := d.compile()
	if err != nil {
		return nil, err
	}
	d.arrivals = arrivals.Merge(cfg.Plan, recorded)
	d.circles = d.closedLoops()
	if d.loop, err = loop.New(cfg.Clock); err != nil {
		return nil, err
	}
	for _, t := range d.targets {
		t.loop, t.limits = d.loop, limitsOf(cfg.Plan.Connections)
	}
	d.flusher = newFlusher(d)
	d.next.Fire, d.ending.Fire, d.giving.Fire = d.arrive, d.end, d.giveUp
	d.steering.attach(d)
	return d, nil
}

// now is the offset from the start of traffic.
func (d *driver) now() time.Duration { return d.clock.Now() - d.origin }

// length is when the last phase is over.
func (d *driver) length() time.Duration {
	end := d.plan.Duration.Std()
	for _, phase := range d.plan.Phases {
		end = max(end, phase.End.Std())
	}
	return end
}

// run plays the load on a loop of its own.
func (d *driver) run(ctx context.Context) (Totals, error) {
	introduced := d.introduce()
	d.flusher.start()
	d.loop.Post(d.play)
	if introduced != nil {
		d.abort(introduced)
	}
	stop := context.AfterFunc(ctx, func() {
		d.loop.Post(func() { d.interrupt(context.Cause(ctx)) })
	})
	defer stop()
	looped := make(chan struct{})
	go func() { defer close(looped); d.loop.Run() }()
	<-looped
	d.steering.end()
	return d.conclude()
}

// play begins everything.
func (d *driver) play() {
	d.recorder = measure.New(d.plan, d.origin) // here, so that it knows the thread
	d.loop.Set(&d.ending, d.origin+d.length())
	for _, c := range d.circles {
		d.loop.Set(&c.timer, d.origin+c.parts[0].Start.Std())
	}
	d.flusher.tick()
	d.arrive()
}

// arrive begins the sessions that are due and waits for the next one. What is
// late begins at once; nothing is ever dropped but what people withhold.
func (d *driver) arrive() {
	for range beginAtOnce {
		next, more := d.upcoming()
		switch {
		case d.stopped:
			return
		case !more:
			d.arrived = true
			d.patience()
			return
		case next.At > d.now():
			d.loop.Set(&d.next, d.origin+next.At)
			return
		}
		d.admit(next)
	}
	d.loop.Set(&d.next, d.clock.Now())
}

// end is called when the last phase is over.
func (d *driver) end() {
	d.ended = true
	d.patience()
}

// patience ends some time after the last phase and the last arrival.
func (d *driver) patience() {
	if d.arrived && d.ended && !d.stopped {
		d.loop.Set(&d.giving, d.clock.Now()+d.drain)
	}
	d.settle()
}

// interrupt stops the run: no session goes on to another request, but requests
// in flight have another moment. Only the first cause counts.
func (d *driver) interrupt(cause error) {
	if d.stopped {
		return
	}
	d.stopped, d.err = true, cause
	d.loop.Unset(&d.next)
	d.loop.Set(&d.giving, d.clock.Now()+interruptDrain)
	for _, s := range slices.Clone(d.active) {
		s.giveUp(false)
	}
	d.settle()
}

// abort ends the run at once because of an error. It is left to the loop's
// next turn, so that whoever finds the error may be in the middle of anything.
func (d *driver) abort(err error) { d.loop.Post(func() { d.fail(err) }) }

func (d *driver) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.giveUp()
}

// giveUp ends all that is still going on.
func (d *driver) giveUp() {
	d.stopped = true
	for _, s := range slices.Clone(d.active) {
		s.giveUp(true)
	}
	d.settle()
}

// settle ends the loop once nothing is left to wait for.
func (d *driver) settle() {
	waiting := !d.stopped && (!d.arrived || !d.ended)
	if d.over || waiting || len(d.active) > 0 {
		return
	}
	d.over = true
	d.loop.Post(func() { // not here: an engine may be in the middle of its Done
		for _, t := range d.targets {
			for _, c := range t.carriers() {
				c.engine.Close()
			}
		}
		d.loop.Stop()
	})
}

// introduce writes into the journal what the report must say about the load.
func (d *driver) introduce() error {
	var events []journal.Body
	for _, replayed := range d.replays {
		events = append(events, replayed)
	}
	for _, c := range d.circles {
		events = append(events, c.labels()...)
	}
	return d.append(events)
}

func (d *driver) append(events []journal.Body) error {
	for _, body := range events {
		if err := d.record(journal.Event{T: d.clock.Now(), Body: body}); err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) record(event journal.Event) error {
	if err := d.sink.Append(event); err != nil {
		return fmt.Errorf("record the traffic: %w", err)
	}
	return nil
}

// conclude writes what is left to write after the loop has ended.
func (d *driver) conclude() (Totals, error) {
	err := d.flusher.stop()
	events := slices.Concat(d.keylessNotes(), d.moves.notes(), d.milestones.notes(), d.steered.notes())
	for _, name := range slices.Sorted(maps.Keys(d.targets)) {
		carriers := d.targets[name].carriers()
		for _, engine := range slices.Sorted(maps.Keys(carriers)) {
			events = append(events, carriers[engine].event(engine, name))
		}
	}
	if err == nil {
		err = d.append(events)
	}
	if d.err == nil {
		d.err = err // else the first cause stands
	}
	return d.recorder.Totals(), d.err
}
