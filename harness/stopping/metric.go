package stopping

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A metric is a stop condition on a metric of a service.
type metric struct {
	of        scenarios.StopCondition
	last      time.Duration // of the reading before, if it was too high
	high      bool          // the reading before was there, and too high
	missed    time.Duration // so far, between readings that were too high
	worst     float64
	triggered bool
}

func newMetric(s scenarios.StopCondition) *metric { return &metric{of: s} }

// take takes in a reading, and tells when the metric has been too high for long enough,
// once. Only the time between two readings that follow one another counts: a reading
// that failed neither breaks nor mends anything.
func (m *metric) take(at time.Duration, r journal.Measured) *journal.StopTriggered {
	switch {
	case r.Service != m.of.Service || r.Metric != m.of.Metric || m.triggered:
		return nil
	case r.Error != "":
		m.high = false
		return nil
	case r.Value <= m.of.Above.Number:
		m.high, m.missed, m.worst = false, 0, 0
		return nil
	}
	if m.high {
		m.missed += at - m.last
	}
	m.high, m.last, m.worst = true, at, max(m.worst, r.Value)
	if m.missed < m.of.For.Std() {
		return nil
	}
	m.triggered = true
	return &journal.StopTriggered{
		Condition: m.of.String(),
		Measured:  fmt.Sprintf("%s up to %s", m.of.Metric, scenarios.Value{Number: m.worst, Unit: m.of.Above.Unit}),
		For:       m.missed,
	}
}
