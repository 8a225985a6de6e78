// Package own turns what a run itself knows into metrics: it folds the events of
// the journal, as they happen, into counters, gauges and one histogram, which can
// be gathered, scraped while the run lasts, and sent to an OpenTelemetry collector.
//
// It is a pure fold: time is that of the events, and the same events give the same
// metrics. All counters are cumulative since the start of the run.
//
// Series of an instance that exits: its gauges disappear with it, because there is
// nothing to measure any more. Its counters stay as they are for keepExited, so that
// what it counted last is scraped and counts in every usual range, and then disappear
// as well. That is right for sum(rate(x[1m])), where a counter that stands still adds
// nothing and one that disappears takes nothing away. They are not added to a series
// for all that are gone: it would jump with each of them, and the rate with it. For
// the same reason write sum(rate(x)), never rate(sum(x)).
//
// Series begin with 0 where they can be foreseen (from the plan, when a phase begins,
// when an instance starts), because rate() and increase() do not see the first value
// of a series.
package own

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A group folds the events that its metrics are about, and leaves alone all others.
// It is called under the lock of its Metrics.
type group interface {
	observe(t time.Duration, b journal.Body)
}

// Metrics is what a run knows of itself. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	mu        sync.Mutex
	catalogue catalogue
	instances *instances
	gateways  *gateways
	usage     *usage
	groups    []group // in order: who is there is settled before what they measure
}

// New makes the metrics of a run of this plan, in which nothing has happened yet.
// It keeps the plan, which must not change any more; nil is a plan without anything.
func New(plan *scenarios.Plan) *Metrics {
	if plan == nil {
		plan = &scenarios.Plan{}
	}
	m := &Metrics{registry: prometheus.NewRegistry()}
	c := &m.catalogue
	m.instances = newInstances(c, plan)
	m.gateways = newGateways(c, plan, m.instances)
	m.usage = newUsage(c, plan, m.instances)
	m.groups = []group{
		m.instances, m.gateways, m.usage,
		newRequests(c, plan), newGenerator(c), newCourse(c, plan),
		newScaling(c, plan), newSessions(c), newFaults(c, plan), newThirdParties(c, plan), newAlerts(c),
	}
	c.dropped = c.counter("shakedown_series_dropped_total",
		"Updates of series that were not taken in because their metric had as many series as one may have.", "metric")
	m.registry.MustRegister(m)
	return m
}

// Observe folds an event in. It takes a microsecond or two, and waits for nothing but
// other calls and the copying of the values of all series for a Gather. It keeps no part
// of the event that could change. Values that are older than what is known are left out, so that
// events from several goroutines may come in any order.
func (m *Metrics) Observe(e journal.Event) {
	if _, single := e.Body.(journal.Request); single {
		return // the most frequent ones by far; Tally counts them as well
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range m.groups {
		g.observe(e.T, e.Body)
	}
	for _, who := range m.instances.forgotten(e.T) {
		m.gateways.forget(who)
		m.usage.forget(who)
	}
}

// Gather implements prometheus.Gatherer: a consistent state between two events.
func (m *Metrics) Gather() ([]*dto.MetricFamily, error) { return m.registry.Gather() }

// Describe implements prometheus.Collector, for those who have a registry already.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, f := range m.catalogue.families {
		to <- f.desc
	}
	for _, h := range m.catalogue.histograms {
		to <- h.desc
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.mu.Lock()
	values, times := m.catalogue.copied()
	m.mu.Unlock()
	for i := range values {
		to <- values[i].metric()
	}
	for i := range times {
		to <- times[i].metric()
	}
}
