package reports

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// maxPoints bounds how many points of a line a chart gets; longer series are
// thinned by keeping the worst of each stretch.
const maxPoints = 600

// A point is what the driver saw in one second of the run: rates a second
// over all steps, and response times.
type point struct {
	from, to       time.Duration // what the figures cover
	intended, sent float64
	failed         float64
	unknown        float64
	p50, p95, p99  time.Duration // 0: no request succeeded

	// In a series of the generator's own: shares, negative where not known.
	thread, process, steal float64
}

// mid is where on the time axis the point stands.
func (p point) mid() time.Duration { return (p.from + p.to) / 2 }

// secondOf is the second of the run in which an interval has its middle.
func secondOf(from, to time.Duration) int64 { return int64((from + to) / 2 / time.Second) }

// seriesOf folds the driver's counts into one point a second, in order of
// time. Seconds in which nothing was counted have no point. Response times are
// of all requests where the journal has their histograms; otherwise those of
// the slowest step speak for the second, because quantiles cannot be merged,
// and merged is false.
func seriesOf(run Run) (points []point, merged bool) {
	index := map[int64]int{}
	for _, e := range run.events() {
		t, ok := e.Body.(journal.Traffic)
		if !ok || t.Step == "" || t.For <= 0 {
			continue
		}
		second := secondOf(e.T-t.For, e.T)
		i, ok := index[second]
		if !ok {
			i = len(points)
			index[second] = i
			points = append(points, point{from: e.T - t.For, to: e.T})
		}
		points[i].add(e.T, t)
	}
	for i := range points {
		points[i].perSecond()
	}
	return points, measureSeconds(points, index, run.latency())
}

// measureSeconds sets the response times of all requests, second by second,
// if the journal has histograms as fine as that.
func measureSeconds(points []point, index map[int64]int, latency []journal.Interval) bool {
	parts := map[int64][]journal.Interval{}
	for _, i := range latency {
		if i.Tag.Measure == journal.Response && i.Tag.Step != "" && i.To-i.From < 2*time.Second {
			second := secondOf(i.From, i.To)
			parts[second] = append(parts[second], i)
		}
	}
	if len(parts) == 0 {
		return false
	}
	all := journal.NewHistogram() // one for all seconds: it is large
	for second, i := range index {
		all.Reset()
		for _, part := range parts[second] {
			part.AddTo(all)
		}
		points[i].p50, points[i].p95, points[i].p99, _ = quantiles(all)
	}
	return true
}

// add counts one step's interval that ended at end.
func (p *point) add(end time.Duration, t journal.Traffic) {
	p.from, p.to = min(p.from, end-t.For), max(p.to, end)
	p.intended += float64(t.Intended)
	p.sent += float64(t.Sent)
	p.failed += float64(t.Failed)
	p.unknown += float64(t.Unknown)
	if t.OK > 0 {
		p.p50, p.p95, p.p99 = max(p.p50, t.P50), max(p.p95, t.P95), max(p.p99, t.P99)
	}
}

// perSecond turns counts into rates. The first and last intervals of a run
// may be short; below a fifth of a second a rate says nothing and the count stands.
func (p *point) perSecond() {
	length := (p.to - p.from).Seconds()
	if length < 0.2 {
		return
	}
	p.intended, p.sent = p.intended/length, p.sent/length
	p.failed, p.unknown = p.failed/length, p.unknown/length
}

// thin reduces a series to at most most points, each the worst of its
// stretch: the highest response times and error rates, and the load of the
// second in which most was left unsent.
func thin(points []point, most int) []point {
	if len(points) <= most {
		return points
	}
	thinned := make([]point, 0, most)
	for i := range most {
		thinned = append(thinned, worst(points[i*len(points)/most:(i+1)*len(points)/most]))
	}
	return thinned
}

// worst is the point that stands for a stretch of at least one.
func worst(stretch []point) point {
	w := stretch[0]
	for _, p := range stretch[1:] {
		behind, most := p.intended-p.sent, w.intended-w.sent
		if behind > most || (behind == most && p.intended > w.intended) {
			w.intended, w.sent = p.intended, p.sent
		}
		w.to = p.to
		w.failed, w.unknown = max(w.failed, p.failed), max(w.unknown, p.unknown)
		w.p50, w.p95, w.p99 = max(w.p50, p.p50), max(w.p95, p.p95), max(w.p99, p.p99)
		w.thread, w.process, w.steal = max(w.thread, p.thread), max(w.process, p.process), max(w.steal, p.steal)
	}
	return w
}

// peak is the point with the highest value, false without points.
func peak(points []point, value func(point) float64) (point, bool) {
	if len(points) == 0 {
		return point{}, false
	}
	top := points[0]
	for _, p := range points[1:] {
		if value(p) > value(top) {
			top = p
		}
	}
	return top, true
}
