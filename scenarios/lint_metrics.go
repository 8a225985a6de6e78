package scenarios

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"
)

// lintMetrics tells what of alerts, thresholds, expressions and error budgets can be
// judged in a run of this length and load, as far as the plan alone shows.
func lintMetrics(p *Plan) []LintRemark {
	var all []LintRemark
	for _, check := range p.Checks {
		switch {
		case check.Alert != nil:
			all = append(all, p.lintAlert(*check.Alert)...)
		case check.PromQL != nil:
			all = append(all, p.lintQuery(*check.PromQL)...)
		case check.Threshold != nil:
			all = append(all, p.lintThresholds(*check.Threshold)...)
		case check.ErrorBudget != nil:
			all = append(all, p.lintBudget(*check.ErrorBudget)...)
		}
	}
	return all
}

func metricRemark(rule, about, format string, args ...any) LintRemark {
	return LintRemark{Rule: rule, Service: about, Level: "warning", Text: fmt.Sprintf(format, args...)}
}

// lintAlert tells of an alert that has no time to fire, or to be over.
func (p *Plan) lintAlert(a AlertCheck) (all []LintRemark) {
	for _, c := range p.causes(a) {
		if left := p.Duration - c.at; a.Within != nil && left < *a.Within {
			all = append(all, metricRemark("alert-late", a.Alert, "alert %s may fire until %s after the beginning of %s, and the run ends %s after it: give it more time, or a shorter within", a.Alert, a.Within, c.words, left))
		}
		if left := p.Duration - c.end; a.Resolves != nil && left < *a.Resolves {
			all = append(all, metricRemark("alert-late", a.Alert, "alert %s may be over until %s after the end of %s, and the run ends %s after it: give it more time, or a shorter resolves", a.Alert, a.Resolves, c.words, left))
		}
	}
	return all
}

// An announced is what an alert has to announce: a fault or a phase.
type announced struct {
	words   string
	at, end Duration
}

// causes are those of an alert.
func (p *Plan) causes(a AlertCheck) (all []announced) {
	for _, f := range p.Faults {
		if f.ID == a.Fault {
			all = append(all, announced{"fault " + f.ID, f.At, f.End})
		}
	}
	for _, phase := range p.Phases {
		if phase.Name == a.Phase {
			all = append(all, announced{"phase " + phase.Name, phase.Start, phase.End})
		}
	}
	return all
}

// rangeForm is a range of PromQL, or that of a subquery.
var rangeForm = regexp.MustCompile(`\[\s*((?:[0-9]+(?:ms|[smhdwy]))+)\s*(?::[^\]]*)?\]`)

// quotedString is a string of PromQL, in which brackets mean nothing.
var quotedString = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`")

// ranges are the times that an expression looks back over: the shortest and the
// longest; 0 for none.
func ranges(expr string) (shortest, longest Duration) {
	for _, m := range rangeForm.FindAllStringSubmatch(quotedString.ReplaceAllString(expr, `""`), -1) {
		d, ok := promDuration(m[1])
		if !ok {
			continue
		}
		if shortest == 0 || d < shortest {
			shortest = d
		}
		longest = max(longest, d)
	}
	return shortest, longest
}

// partForm is a number and a unit of a duration of PromQL.
var partForm = regexp.MustCompile(`([0-9]+)(ms|[smhdwy])`)

// promDuration reads a duration as PromQL has it; false beyond what any run lasts.
func promDuration(text string) (sum Duration, ok bool) {
	units := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour}
	for _, part := range partForm.FindAllStringSubmatch(text, -1) {
		n, err := parseNumber(part[1])
		if d := n * float64(units[part[2]]); err != nil || d > float64(longest) {
			return 0, false
		} else if sum = plus(sum, Duration(d)); sum > Duration(longest) {
			return 0, false
		}
	}
	return sum, sum > 0
}

// lintQuery tells of values that look back into another phase, and of ranges that have
// too few scrapes in them.
func (p *Plan) lintQuery(q PromQLCheck) (all []LintRemark) {
	shortest, longest := ranges(q.Query)
	if longest == 0 {
		return nil
	}
	if p.Metrics != nil && p.Metrics.From == "" && shortest < scrapesOfRate*p.Metrics.Every {
		all = append(all, metricRemark("short-range", q.Name, "promql %s looks back over %s, in which instances are scraped fewer than %d times: look back over %s at least", q.Name, shortest, scrapesOfRate, scrapesOfRate*p.Metrics.Every))
	}
	for _, name := range q.Phases {
		i := slices.IndexFunc(p.Phases, func(phase PlannedPhase) bool { return phase.Name == name })
		switch {
		case i < 0:
		case p.Phases[i].End-p.Phases[i].Start <= longest:
			all = append(all, metricRemark("range", q.Name, "promql %s looks back over %s, and phase %s lasts %s: every value has something of the phase before in it; take a shorter range", q.Name, longest, name, p.Phases[i].End-p.Phases[i].Start))
		case i > 0 && q.Skip < longest:
			all = append(all, metricRemark("range", q.Name, "promql %s looks back over %s, and so the first values of phase %s have something of the phase before in them: set skip: %s", q.Name, longest, name, longest))
		}
	}
	if len(q.Phases) == 0 && p.Duration <= longest {
		all = append(all, metricRemark("range", q.Name, "promql %s looks back over %s, and the run lasts %s: take a shorter range", q.Name, longest, p.Duration))
	}
	return all
}

// leastRequests is how many requests a percentile needs to be one: fewer have none
// that is beyond it.
var leastRequests = map[string]float64{"p50": 2, "p95": 20, "p99": 100}

// lintThresholds tells of percentiles of too few requests.
func (p *Plan) lintThresholds(t ThresholdCheck) (all []LintRemark) {
	for _, name := range keys(t.Metrics) {
		least, percentile := leastRequests[name]
		if metric := t.Metrics[name]; percentile && metric.Query == "" {
			for _, phase := range p.Phases {
				if len(t.Phases) > 0 && !slices.Contains(t.Phases, phase.Name) {
					continue
				}
				if n, known := p.expected(metric.Journey, metric.Step, phase); known && n < least {
					all = append(all, metricRemark("few-requests", name, "threshold %s: some %.0f requests are planned in phase %s, and a %s needs %.0f: it is the slowest of them; ask for a lower percentile, or for more requests", name, math.Round(n), phase.Name, name, least))
				}
			}
		}
	}
	return all
}

// expected is how many requests of a journey, or of a step, are planned in a phase;
// false where recordings or closed loops are among them.
func (p *Plan) expected(journey, step string, phase PlannedPhase) (requests float64, known bool) {
	for _, load := range p.Load {
		if journey != "" && load.Journey != journey {
			continue
		}
		if load.Replay != nil || len(load.Closed) > 0 {
			return 0, false
		}
		requests += plannedIn(load, phase) * requestsOf(p.Journeys[load.Journey], step)
	}
	return requests, true
}

// plannedIn is how many sessions begin in a phase, waves left out: they even out.
func plannedIn(load PlannedLoad, phase PlannedPhase) float64 {
	sum := 0.0
	for _, s := range load.Segments {
		if s.Phase != phase.Name {
			continue
		}
		rate := float64(s.Constant)
		if s.Ramp != nil {
			rate += float64(s.Ramp.From+s.Ramp.To) / 2
		}
		sum += rate * (s.End - s.Start).Std().Seconds()
	}
	for _, b := range load.Bursts {
		if b.Phase == phase.Name {
			sum += float64(b.Sessions)
		}
	}
	return sum
}

// requestsOf is how many requests a journey sends on average, those of a step, or all.
func requestsOf(steps []PlannedStep, name string) float64 {
	sum := 0.0
	for _, s := range steps {
		switch {
		case s.Repeat != nil:
			sum += s.Repeat.Times.middle() * requestsOf(s.Repeat.Steps, name)
		case s.Choose != nil:
			weights := 0
			for _, o := range s.Choose {
				weights += o.Weight
			}
			for _, o := range s.Choose {
				sum += float64(o.Weight) / float64(max(1, weights)) * requestsOf(o.Steps, name)
			}
		case name == "" || s.Name == name:
			sum++
		}
	}
	return sum
}

// The shortest window of the usual pairs as a part of the window of the budget: 5
// minutes of 30 days.
const shortestPart = 8640

// lintBudget tells of a run that is too short for windows, or longer than the one that
// the budget is for.
func (p *Plan) lintBudget(b ErrorBudgetCheck) (all []LintRemark) {
	i := slices.IndexFunc(p.SLOs, func(s PlannedSLO) bool { return s.Name == b.SLO })
	if i < 0 {
		return nil
	}
	s := p.SLOs[i]
	if s.Window < p.Duration {
		all = append(all, metricRemark("budget-window", s.Name, "the budget of slo %s is for %s, and the run lasts %s: it may spend more than there is; give the slo the window that users are promised", s.Name, s.Window, p.Duration))
	}
	if shortest := s.Window / shortestPart; shortest > p.Duration {
		remark := metricRemark("budget-events", s.Name, "the shortest window of burn rates of slo %s is %s, and the run lasts %s", s.Name, shortest, p.Duration)
		if s.Ratio {
			remark.Text += "; its expression is a share, of no events that could be counted instead: let the run last longer, or write the SLO with events"
		} else {
			remark.Level = "info"
			remark.Text += ": events are counted instead, with a bound from the binomial distribution"
		}
		all = append(all, remark)
	}
	return all
}
