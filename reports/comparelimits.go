package reports

import (
	"fmt"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A RegressionLimit is how much worse a metric may be.
type RegressionLimit struct {
	Metric string  // "p99", of all journeys and of the whole; or a metric's whole name
	Most   float64 // as a share; of availability in percentage points
}

// ParseRegressionLimit reads "p99=10%".
func ParseRegressionLimit(text string) (RegressionLimit, error) {
	metric, most, ok := strings.Cut(text, "=")
	metric = strings.TrimSpace(metric)
	if !ok || metric == "" {
		return RegressionLimit{}, fmt.Errorf("%q: write a metric and how much worse it may be, as in p99=10%%", text)
	}
	share, err := scenarios.ParsePercent(strings.TrimSpace(most))
	if err != nil {
		return RegressionLimit{}, fmt.Errorf("%q: %w", text, err)
	}
	return RegressionLimit{Metric: metric, Most: float64(share) / 100}, nil
}

// A JudgedLimit is a limit and what it came to, for one metric.
type JudgedLimit struct {
	Limit   string         `json:"limit"`  // as it was written: "p99=10%"
	Metric  string         `json:"metric"` // that it was held against, "" if there is none
	Verdict verify.Verdict `json:"verdict"`
	Reason  string         `json:"reason"`
}

func (l RegressionLimit) String() string {
	return l.Metric + "=" + strings.TrimSuffix(percentOf(l.Most), " %") + "%"
}

// holds tells whether a limit is about a metric.
func (l RegressionLimit) holds(m ComparedMetric) bool {
	return l.Metric == m.Name || strings.HasSuffix(m.Name, "/"+l.Metric) || strings.HasSuffix(m.Name, ": "+l.Metric)
}

// judge holds the metrics against limits. A change past a limit fails only where it is
// told from chance; where that is not known, it is inconclusive.
func (s *Sides) judge(limits []RegressionLimit) {
	s.Verdict, s.Limits = verify.Pass, []JudgedLimit{}
	for _, l := range limits {
		met := false
		for _, m := range s.Metrics {
			if l.holds(m) {
				met = true
				s.Limits = append(s.Limits, m.against(l))
			}
		}
		if !met {
			s.Limits = append(s.Limits, JudgedLimit{Limit: l.String(), Verdict: verify.Inconclusive, Reason: fmt.Sprintf("no run has a metric %s; %s", l.Metric, s.metricNames())})
		}
	}
	for _, l := range s.Limits {
		if l.Verdict == verify.Fail || l.Verdict == verify.Inconclusive && s.Verdict == verify.Pass {
			s.Verdict = l.Verdict
		}
	}
}

// metricNames says what limits may be about.
func (s *Sides) metricNames() string {
	var names []string
	for _, m := range s.Metrics {
		names = append(names, m.Name)
	}
	if len(names) == 0 {
		return "they have none at all"
	}
	return "they have " + strings.Join(names, ", ")
}

// against holds one metric to one limit.
func (m ComparedMetric) against(l RegressionLimit) JudgedLimit {
	j := JudgedLimit{Limit: l.String(), Metric: m.Name, Verdict: verify.Pass}
	if len(m.Base) == 0 || len(m.New) == 0 {
		j.Verdict, j.Reason = verify.Inconclusive, "one side has no value of "+m.Name
		return j
	}
	worse := m.worsening()
	change := fmt.Sprintf("%s changed by %s, from %s to %s", m.Name, m.changeText(), figureText(m.Unit, m.BaseMedian), figureText(m.Unit, m.NewMedian))
	switch {
	case worse <= l.Most+1e-12 && m.unmeasured > 0:
		j.Verdict, j.Reason = verify.Inconclusive, fmt.Sprintf("%s; but %s of new have none, which may be worse", change, plural(m.unmeasured, "run"))
	case worse <= l.Most+1e-12:
		j.Reason = change
	case m.Verdict == Worse || m.Verdict == NoDifference && m.P <= compareAlpha:
		j.Verdict, j.Reason = verify.Fail, fmt.Sprintf("%s: past the limit of %s", change, l)
	default:
		j.Verdict, j.Reason = verify.Inconclusive, fmt.Sprintf("%s, which would be past the limit of %s; but %s", change, l, m.Reason)
	}
	return j
}

// worsening is by how much it got worse, in the unit of limits; negative if better.
func (m ComparedMetric) worsening() float64 {
	by := m.Shift
	if m.HigherIsBetter {
		by = -by
	}
	if m.Unit == unitShare {
		return by
	}
	if m.BaseMedian == 0 {
		if by > 0 {
			return 1e9 // from nothing to something is more than any percentage
		}
		return 0
	}
	return by / m.BaseMedian
}
