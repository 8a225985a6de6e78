package traffic

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
)

const flushEvery = time.Second

// A flusher takes what was measured off the loop each second and writes it
// into the sink from a goroutine of its own.
type flusher struct {
	*driver
	timer   loop.Timer
	due     time.Duration // on the run's clock
	batches chan flushed
	ended   chan struct{}
	failed  error // of the goroutine until ended is closed
}

// A flushed is what goes into the sink at a time.
type flushed struct {
	batch  *measure.Batch
	events []journal.Event
}

func newFlusher(d *driver) *flusher {
	f := &flusher{driver: d, batches: make(chan flushed, 1), ended: make(chan struct{})}
	f.timer.Fire = f.tick
	return f
}

// start begins to write what tick hands over.
func (f *flusher) start() {
	f.due = f.clock.Now()
	go func() {
		defer close(f.ended)
		for what := range f.batches {
			f.write(what)
		}
	}()
}

// write writes what was handed over. A sink that fails ends the run: what
// follows would not be on record.
func (f *flusher) write(what flushed) {
	err := what.batch.Write(f.sink)
	for _, event := range what.events {
		if err == nil {
			err = f.record(event)
		}
	}
	if err != nil && f.failed == nil {
		f.failed = err
		f.abort(err)
	}
}

// tick hands over what came together since the last time. As long as the sink
// has not taken that, the interval goes on: the loop never waits.
func (f *flusher) tick() {
	now := f.clock.Now()
	if now >= f.due+flushEvery {
		f.due = now
		if batch := f.recorder.Cut(now, f.gauges()); batch != nil {
			f.batches <- flushed{batch, f.events(now, false)} // there is room: what was before is written
		}
	}
	f.loop.Set(&f.timer, f.due+flushEvery)
}

// events are those that came together beside the figures, all of them at the
// end.
func (f *flusher) events(now time.Duration, all bool) []journal.Event {
	events := append(f.milestones.take(), f.takeMoves(now-f.origin, all)...)
	if all {
		events = append(events, f.slowest()...)
	}
	return events
}

// gauges are the state of the driver now.
func (f *flusher) gauges() measure.Gauges {
	g := measure.Gauges{InFlight: f.inFlight, Sessions: len(f.active)}
	for _, t := range f.targets {
		for _, c := range t.carriers() {
			stats := c.engine.Stats()
			g.Queued += stats.Queued
			g.Connections += stats.Connections
			g.Dialled += stats.Dialled
		}
	}
	return g
}

// stop writes the rest, after the loop has ended, and says what went wrong.
func (f *flusher) stop() error {
	close(f.batches)
	<-f.ended
	now := f.clock.Now()
	f.write(flushed{f.recorder.Cut(now, f.gauges()), f.events(now, true)})
	if f.failed != nil {
		return f.failed
	}
	return f.recorder.Finish(f.sink, now)
}
