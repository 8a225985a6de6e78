package own

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// events puts bodies at one second after another.
func events(bodies ...journal.Body) []journal.Event {
	var all []journal.Event
	for i, b := range bodies {
		all = append(all, journal.Event{T: time.Duration(i+1) * time.Second, Body: b})
	}
	return all
}

// page is the value of every series, by name and labels as they stand on a page.
type page map[string]float64

func gathered(t testing.TB, from prometheus.Gatherer) page {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	p := page{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			p.put(f, m)
		}
	}
	return p
}

func (p page) put(f *dto.MetricFamily, m *dto.Metric) {
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		p[named(f.GetName(), m)] = m.GetCounter().GetValue()
	case dto.MetricType_GAUGE:
		p[named(f.GetName(), m)] = m.GetGauge().GetValue()
	case dto.MetricType_HISTOGRAM:
		p[named(f.GetName()+"_count", m)] = float64(m.GetHistogram().GetSampleCount())
		p[named(f.GetName()+"_sum", m)] = m.GetHistogram().GetSampleSum()
		for _, b := range m.GetHistogram().GetBucket() {
			p[named(f.GetName()+"_bucket", m, fmt.Sprintf("le=%q", strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)))] = float64(b.GetCumulativeCount())
		}
	}
}

func named(name string, m *dto.Metric, more ...string) string {
	var pairs []string
	for _, l := range m.GetLabel() {
		pairs = append(pairs, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	if pairs = append(pairs, more...); len(pairs) == 0 {
		return name
	}
	return name + "{" + strings.Join(pairs, ",") + "}"
}

// sum adds up the series of a metric that have all of these labels.
func (p page) sum(name string, labels ...string) (total float64) {
	for s, v := range p {
		metric, rest, _ := strings.Cut(s, "{")
		if metric != name {
			continue
		}
		all := true
		for _, l := range labels {
			all = all && strings.Contains(","+strings.TrimSuffix(rest, "}")+",", ","+l+",")
		}
		if all {
			total += v
		}
	}
	return total
}

// atelier is a plan with something of everything.
func atelier() *scenarios.Plan {
	return &scenarios.Plan{
		Phases: []scenarios.PlannedPhase{{Name: "before"}, {Name: "surge"}},
		Services: map[string]scenarios.PlannedService{
			"api": {
				Port: 8080, Replicas: 2, Limits: scenarios.ResourceClass{CPUs: 0.5, Memory: 256 << 20},
				Autoscale: &scenarios.PlannedAutoscale{}, Prescale: &scenarios.Prescale{},
				Metrics: map[string]scenarios.MetricSource{"depth": {}},
			},
			"worker":   {Replicas: 1},
			"payments": {Port: 8081, Replicas: 1, Interposed: &scenarios.Interposed{}},
		},
		Journeys: map[string][]scenarios.PlannedStep{"order": {{Name: "sign-in"}, {Name: "pay"}}},
		Load:     []scenarios.PlannedLoad{{Cohort: "buyers", Tier: "free", Journey: "order"}},
		Actions: []scenarios.PlannedAction{
			{At: scenarios.Duration(3 * time.Second), Scale: &scenarios.Scale{Service: "api", To: 5}},
		},
		Faults:       []scenarios.PlannedFault{{ID: "slow", Kind: "latency", Picked: []string{"api-1"}}},
		ThirdParties: map[string]scenarios.PlannedThirdParty{"mail": {}},
		Metrics:      &scenarios.PlannedMetrics{Pages: map[string]scenarios.PlannedPage{"api": {Port: 8080}}},
	}
}
