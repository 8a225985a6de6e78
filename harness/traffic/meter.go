package traffic

import (
	"errors"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The measures of a meter, in the order of its histograms.
const (
	response = iota
	service
	lag
	measures
)

var measureNames = [measures]string{journal.Response, journal.Service, journal.Lag}

// A meter counts and times one step (or, with Step "", a journey) of one load
// in one phase. Any number of sessions record; one flusher takes what has
// come together.
type meter struct {
	tag journal.Tag // without a measure

	mutex  sync.Mutex
	counts counts
	times  [measures]*hdrhistogram.Histogram // nil until something is recorded
	spare  [measures]*hdrhistogram.Histogram // empty ones, nil before the first flush
	idle   int                               // flushes in a row that found nothing
}

type counts struct{ intended, sent, ok, failed, unknown int }

func (c *counts) add(o outcome) {
	switch o {
	case ok:
		c.ok++
	case fail:
		c.failed++
	case unknown:
		c.unknown++
	}
}

// idleFlushes is how long a meter keeps its histograms after the last record:
// they are large, and a phase that is over needs none.
const idleFlushes = 5

func (m *meter) intend() {
	m.mutex.Lock()
	m.counts.intended++
	m.mutex.Unlock()
}

func (m *meter) send() {
	m.mutex.Lock()
	m.counts.sent++
	m.mutex.Unlock()
}

// lagged records how late the generator was.
func (m *meter) lagged(d time.Duration) {
	m.mutex.Lock()
	m.record(lag, d)
	m.mutex.Unlock()
}

// end records an outcome and, for an ok one, its times; a service time of 0 is
// none.
func (m *meter) end(o outcome, responseTime, serviceTime time.Duration) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.counts.add(o)
	if o != ok {
		return
	}
	m.record(response, responseTime)
	if serviceTime > 0 {
		m.record(service, serviceTime)
	}
}

// record needs the mutex. Times outside of the histograms' range count as its
// ends.
func (m *meter) record(measure int, d time.Duration) {
	if m.times[measure] == nil {
		m.times[measure] = journal.NewHistogram()
	}
	h := m.times[measure]
	_ = h.RecordValue(min(max(d.Microseconds(), 1), h.HighestTrackableValue())) // within range
}

// take gives what came together since the last take and puts the spare
// histograms in its place. It is for the flusher alone, which gives the
// histograms back with giveBack.
func (m *meter) take() (counts, [measures]*hdrhistogram.Histogram) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	taken, times := m.counts, m.times
	m.counts, m.times = counts{}, m.spare
	m.spare = [measures]*hdrhistogram.Histogram{}
	if taken != (counts{}) || !empty(times) {
		m.idle = 0
	} else if m.idle++; m.idle == idleFlushes {
		m.times, times = [measures]*hdrhistogram.Histogram{}, [measures]*hdrhistogram.Histogram{}
	}
	return taken, times
}

func (m *meter) giveBack(times [measures]*hdrhistogram.Histogram) {
	for _, h := range times {
		if h != nil && h.TotalCount() > 0 {
			h.Reset()
		}
	}
	m.mutex.Lock()
	m.spare = times
	m.mutex.Unlock()
}

func empty(times [measures]*hdrhistogram.Histogram) bool {
	for _, h := range times {
		if h != nil && h.TotalCount() > 0 {
			return false
		}
	}
	return true
}

// meters are all meters of a run: one for each load, phase and step, with the
// journey's at 0 and step k's (from 0) at k+1.
type meters struct {
	phases []scenarios.PlannedPhase
	byLoad [][][]*meter

	// The flusher's own.
	flushed time.Duration // offset from the start of the run
	totals  Totals
	lags    *hdrhistogram.Histogram
}

func newMeters(plan *scenarios.Plan, start time.Duration) *meters {
	m := &meters{phases: plan.Phases, flushed: start, lags: journal.NewHistogram()}
	if len(m.phases) == 0 {
		m.phases = []scenarios.PlannedPhase{{End: plan.Duration}}
	}
	for _, load := range plan.Load {
		var byPhase [][]*meter
		for _, phase := range m.phases {
			tag := journal.Tag{Phase: phase.Name, Cohort: load.Cohort, Journey: load.Journey}
			row := []*meter{{tag: tag}}
			for _, step := range plan.Journeys[load.Journey] {
				tag.Step = step.Name
				row = append(row, &meter{tag: tag})
			}
			byPhase = append(byPhase, row)
		}
		m.byLoad = append(m.byLoad, byPhase)
	}
	return m
}

// at gives the meters of a load for an intended time, counted from the start
// of traffic. What comes after the last phase belongs to it.
func (m *meters) at(load int, intended time.Duration) []*meter {
	phase := 0
	for phase+1 < len(m.phases) && intended >= m.phases[phase+1].Start.Std() {
		phase++
	}
	return m.byLoad[load][phase]
}

// flush writes what came together since the last flush into the journal. Only
// one goroutine calls it.
func (m *meters) flush(sink journal.Sink, now time.Duration) error {
	var errs []error
	for _, byPhase := range m.byLoad {
		for _, row := range byPhase {
			for _, meter := range row {
				c, times := meter.take()
				if c != (counts{}) || !empty(times) {
					m.sum(meter.tag, c, times)
					errs = append(errs, meter.write(sink, m.flushed, now, c, times))
				}
				meter.giveBack(times)
			}
		}
	}
	m.flushed = now
	return errors.Join(errs...)
}

// write journals one meter's interval.
func (m *meter) write(sink journal.Sink, from, to time.Duration, c counts, times [measures]*hdrhistogram.Histogram) error {
	event := journal.Traffic{
		Phase: m.tag.Phase, Cohort: m.tag.Cohort, Journey: m.tag.Journey, Step: m.tag.Step, For: to - from,
		Intended: c.intended, Sent: c.sent, OK: c.ok, Failed: c.failed, Unknown: c.unknown,
	}
	if h := times[response]; h != nil && h.TotalCount() > 0 {
		event.P50, event.P95, event.P99 = quantile(h, 50), quantile(h, 95), quantile(h, 99)
		event.Max = time.Duration(h.Max()) * time.Microsecond
	}
	errs := []error{sink.Append(journal.Event{T: to, Body: event})}
	for measure, h := range times {
		if h == nil || h.TotalCount() == 0 {
			continue
		}
		tag := m.tag
		tag.Measure = measureNames[measure]
		errs = append(errs, sink.Latency(journal.Interval{Tag: tag, From: from, To: to, Histogram: h}))
	}
	return errors.Join(errs...)
}

func quantile(h *hdrhistogram.Histogram, percent float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(percent)) * time.Microsecond
}

// sum adds an interval to the totals.
func (m *meters) sum(tag journal.Tag, c counts, times [measures]*hdrhistogram.Histogram) {
	if tag.Step == "" {
		m.totals.Sessions += c.intended
		return
	}
	m.totals.Intended += c.intended
	m.totals.Requests += c.sent
	m.totals.OK += c.ok
	m.totals.Failed += c.failed
	m.totals.Unknown += c.unknown
	if times[lag] != nil {
		m.lags.Merge(times[lag])
	}
}

// sums gives the totals after the last flush.
func (m *meters) sums() Totals {
	t := m.totals
	if m.lags.TotalCount() > 0 {
		t.LagP50, t.LagP99 = quantile(m.lags, 50), quantile(m.lags, 99)
		t.LagMax = time.Duration(m.lags.Max()) * time.Microsecond
	}
	return t
}
