package measure

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A Batch is what came together between two cuts. It is valid until its Write
// returns.
type Batch struct {
	recorder  *Recorder
	from, to  time.Duration // on the run's clock
	counts    []counts      // by meter
	series    []series      // those that samples can be of
	samples   samples
	generator journal.Generator
}

// Gauges are what the driver can read off at a moment: requests and sessions in
// flight, requests that wait for a connection, and open connections. Dialled
// are the connections opened since the start of traffic.
type Gauges struct{ InFlight, Sessions, Queued, Connections, Dialled int }

// Cut ends an interval at a moment on the run's clock and gives what is in it,
// to be written on another goroutine. There are two sets of buffers: as long as
// the batch before is not written, the answer is nil, and the interval goes on
// with nothing lost. So the last Cut of a run has to wait for the batch before.
func (r *Recorder) Cut(now time.Duration, g Gauges) *Batch {
	if r.writing.Load() {
		return nil
	}
	now = max(now, r.cut)
	b := r.filling
	b.from, b.to, b.series = r.cut, now, r.series
	b.samples.seal()
	b.counts = b.counts[:0]
	for _, m := range r.meters {
		b.counts = append(b.counts, m.counts.minus(m.cut))
		m.cut = m.counts
	}
	b.generator = r.generator(now, g)
	r.filling, r.spare, r.cut = r.spare, b, now
	r.samples = &r.filling.samples
	r.writing.Store(true)
	return b
}

// generator says what the loop's thread can tell of the driver itself.
func (r *Recorder) generator(now time.Duration, g Gauges) journal.Generator {
	offset := now - r.start
	r.begun.closeBefore(int64(offset / binWidth))
	used := readUsage()
	body := journal.Generator{
		For:      now - r.cut,
		InFlight: g.InFlight, Sessions: g.Sessions, Queued: g.Queued,
		CPU: used.process.since(r.lastUsage.process), Thread: used.threadSince(r.lastUsage),
		Connections: g.Connections, Dialled: g.Dialled - r.lastDialed,
		Exhausted:  r.exhausted,
		Dispersion: r.begun.take(), Asked: r.intended.take(),
	}
	body.Area, body.Sojourn = r.area.take(offset)
	r.lastUsage, r.lastDialed, r.exhausted = used, g.Dialled, nil
	return body
}

// Write records the batch and gives its buffers back. Call it once for each
// batch, on any goroutine but the loop's. An error is the sink's; what was left
// of the batch is gone then. A nil batch is nothing to write.
func (b *Batch) Write(sink journal.Sink) error {
	if b == nil {
		return nil
	}
	err := b.recorder.writer.write(b, sink)
	b.samples.reset()
	b.recorder.writing.Store(false)
	if err != nil {
		return fmt.Errorf("record the traffic from %v to %v: %w", b.from, b.to, err)
	}
	return nil
}
