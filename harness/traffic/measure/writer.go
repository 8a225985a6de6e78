package measure

import (
	"cmp"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A writer turns batches into events and intervals, one batch at a time. What
// it holds on to is for the next batch.
type writer struct {
	machine *machine
	sorted  sorted
	all     *hdrhistogram.Histogram // of the responses of a meter; nil before the first batch
	one     *hdrhistogram.Histogram // of one series
}

func (w *writer) write(b *Batch, sink journal.Sink) error {
	if w.all == nil {
		w.all, w.one = journal.NewHistogram(), journal.NewHistogram()
	}
	w.sorted.sort(&b.samples, len(b.series))
	present := w.present(b)
	for meter, c := range b.counts {
		n := 0
		for n < len(present) && b.series[present[n]].meter == meter {
			n++
		}
		if n == 0 && c == (counts{}) {
			continue
		}
		if err := w.meter(b, meter, present[:n], sink); err != nil {
			return err
		}
		present = present[n:]
	}
	w.machine.complete(&b.generator)
	return sink.Append(journal.Event{T: b.to, Body: b.generator})
}

// present are the series that hold something, by meter.
func (w *writer) present(b *Batch) []uint32 {
	present := w.sorted.present()
	slices.SortFunc(present, func(x, y uint32) int {
		return cmp.Or(cmp.Compare(b.series[x].meter, b.series[y].meter), cmp.Compare(x, y))
	})
	return present
}

// meter records the interval of one meter, of which only these series hold
// something.
func (w *writer) meter(b *Batch, meter int, present []uint32, sink journal.Sink) error {
	reset(w.all)
	var instances int
	for _, id := range present {
		if b.series[id].tag.Measure == journal.Response {
			w.sorted.fill(w.all, id)
			instances++
		}
	}
	m, c := b.recorder.meters[meter], b.counts[meter]
	q := quantiles(w.all, 50, 95, 99, 100)
	err := sink.Append(journal.Event{T: b.to, Body: journal.Traffic{
		Phase: m.tag.Phase, Cohort: m.tag.Cohort, Tier: m.tag.Tier, Journey: m.tag.Journey, Step: m.tag.Step,
		For: b.to - b.from, Intended: c.intended, Sent: c.sent, OK: c.ok, Failed: c.failed, Unknown: c.unknown, Own: c.own,
		P50: q[0], P95: q[1], P99: q[2], Max: q[3],
	}})
	for i := 0; i < len(present) && err == nil; i++ {
		id := present[i]
		h := w.all
		if b.series[id].tag.Measure != journal.Response || instances > 1 {
			h = w.one
			reset(h)
			w.sorted.fill(h, id)
		}
		err = sink.Latency(journal.Interval{Tag: b.series[id].tag, From: b.from, To: b.to, Histogram: h})
	}
	return err
}

func reset(h *hdrhistogram.Histogram) {
	if h.TotalCount() > 0 {
		h.Reset()
	}
}

// quantiles are those of a histogram in microseconds, in one pass; 0 if it is
// empty. The percentages are in ascending order.
func quantiles(h *hdrhistogram.Histogram, percentages ...float64) []time.Duration {
	found := make([]time.Duration, len(percentages))
	for i, v := range h.ValueAtPercentilesSlice(percentages) {
		found[i] = time.Duration(v) * time.Microsecond
	}
	return found
}
