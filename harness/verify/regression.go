package verify

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/stats"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// spreadEnd is the percentile of the baseline's runs that a run must be beyond, on the bad
// side, to be worse than they are: of fewer than 20 that is the worst of them.
const spreadEnd = 95

// regression holds each metric of each journey to the runs of a baseline, one finding
// each. It fails where the run is both worse than their median by more than Max, which
// is what somebody minds, and worse than what they were themselves, which is what
// chance does.
func (h *history) regression(c scenarios.RegressionCheck) []Finding {
	c = c.Planned()
	whole := Finding{ID: "regression/" + c.Baseline, Kind: "regression", Verdict: Pass, Wanted: "no worse than baseline " + c.Baseline}
	baseline := h.baseline(c.Baseline)
	switch {
	case baseline == nil:
		return []Finding{unknown(whole, fmt.Sprintf("the run read no baseline %s before it began; hold it to one now: shakedown baseline check RUN --name %s", c.Baseline, c.Baseline))}
	case baseline.Error != "":
		return []Finding{unknown(whole, "the baseline could not be read: "+baseline.Error)}
	case len(baseline.Runs) < *c.Runs:
		whole.Measured = plural(len(baseline.Runs), "run") + " in it"
		return []Finding{unknown(whole, h.tooFew(c, baseline))}
	}
	var findings []Finding
	for _, journey := range baselineJourneys(baseline) {
		s := h.sampleOf(scenarios.SLOCheck{Journey: journey})
		for _, metric := range c.Metrics {
			findings = append(findings, h.regressed(c, baseline, s, Figure{Journey: journey, Metric: metric}))
		}
	}
	if len(findings) == 0 {
		return []Finding{unknown(whole, "the runs of the baseline have no figures")}
	}
	if why := h.anyGatewayDied(); why != "" {
		excuse(findings, why)
	}
	return findings
}

// baseline is what the run read of that name, nil for nothing.
func (h *history) baseline(name string) *journal.BaselineRead {
	for _, e := range slices.Backward(h.rec.Events) {
		if b, ok := e.Body.(journal.BaselineRead); ok && b.Name == name {
			return &b
		}
	}
	return nil
}

// tooFew says how a baseline comes to have enough runs.
func (h *history) tooFew(c scenarios.RegressionCheck, b *journal.BaselineRead) string {
	missing := *c.Runs - len(b.Runs)
	name := ""
	if c.Baseline != scenarios.DefaultBaseline {
		name = " --name " + c.Baseline
	}
	return fmt.Sprintf("baseline %s has %s of %s on this class of machine (%s), %d are wanted; make and keep %d more: shakedown run SCENARIO --repeat %d --out DIR, then shakedown baseline save DIR%s",
		c.Baseline, plural(len(b.Runs), "run"), h.plan.Scenario, b.Class, *c.Runs, missing, missing, name)
}

// baselineJourneys are those that any run of a baseline has figures of, by name.
func baselineJourneys(b *journal.BaselineRead) (names []string) {
	for _, r := range b.Runs {
		for figure := range r.Figures {
			journey, _, ok := strings.Cut(figure, "/")
			if ok && journey != "" && !slices.Contains(names, journey) {
				names = append(names, journey)
			}
		}
	}
	slices.Sort(names)
	return names
}

// regressed judges one figure.
func (h *history) regressed(c scenarios.RegressionCheck, b *journal.BaselineRead, s sample, of Figure) Finding {
	f := Finding{ID: "regression/" + of.Name(), Kind: "regression", Verdict: Pass, Wanted: of.Metric + " no worse than the baseline"}
	past := pastOf(b, of)
	if len(past) < *c.Runs {
		return unknown(f, fmt.Sprintf("%s of the %d runs of the baseline have a %s of journey %s, %d are wanted", count(len(past)), len(b.Runs), of.Metric, of.Journey, *c.Runs))
	}
	most := *c.Max
	if of.Metric == "availability" {
		most = *c.Lost
	}
	held := allowanceOf(of.Metric, past, float64(most)/100)
	f.Wanted = held.wanted(of.Metric, most)
	f.Evidence = held.evidence(of.Metric, len(past))
	value, words, known := h.figureOf(s, of.Metric)
	f.Measured = words
	if known {
		f.Measured += fmt.Sprintf(", %s against the median", held.change(value))
	}
	suspicion := h.doubtful(s, of.Metric, held.limit)
	f.Evidence = append(f.Evidence, suspicion.evidence...)
	never := percentiles[of.Metric] > 0 && !s.read(percentiles[of.Metric], untold).reached
	switch {
	case h.window.cut == "" && s.made() == 0:
		return unknown(f, "no request of journey "+of.Journey+" was recorded")
	case suspicion.reason != "":
		return unknown(f, suspicion.reason)
	case never:
		f.Verdict, f.Reason = Fail, words+fmt.Sprintf("; the median of %s is %s", plural(len(past), "run"), figureText(of.Metric, held.median))
	case !known:
		return unknown(f, fmt.Sprintf("%s of journey %s is not known of this run: %s", of.Metric, of.Journey, words))
	case held.beyond(value, held.limit) && held.beyond(value, held.edge):
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of journey %s was %s, the median of %s is %s: worse by more than %s, and outside of their spread, which ends at %s",
			of.Metric, of.Journey, figureText(of.Metric, value), plural(len(past), "run"), figureText(of.Metric, held.median), held.most(most), figureText(of.Metric, held.edge))
	case held.beyond(value, held.limit):
		f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("past the limit, but within the spread of the baseline, which ends at %s: its runs differ as much by themselves", figureText(of.Metric, held.edge))})
	}
	return f
}

// doubtful says why a figure tells nothing about the system: the run was cut short, the
// record is damaged, or it may be the generator's doing. An achieved rate is the
// generator's and the system's together, so only what it lacked itself counts.
func (h *history) doubtful(s sample, metric string, limit float64) suspicion {
	if h.window.cut != "" {
		return suspicion{reason: h.window.cut}
	}
	if percentiles[metric] > 0 {
		if why := h.unfit(s); why != "" {
			return suspicion{reason: why}
		}
		return s.generator.suspect(seconds(limit))
	}
	if h.rec.Damaged > 0 {
		return suspicion{reason: h.damage()}
	}
	if exhausted := s.generator.exhausted(); exhausted.reason != "" || metric == "rate" {
		return exhausted
	}
	return s.generator.short()
}

// pastOf are the values of a figure in the runs of a baseline, the oldest first.
func pastOf(b *journal.BaselineRead, of Figure) (values []float64) {
	for _, r := range b.Runs {
		if v, ok := r.Figures[of.Name()]; ok {
			values = append(values, v)
		}
	}
	return values
}

// An allowance is what a baseline allows of a figure.
type allowance struct {
	metric string
	higher bool // higher values are better
	// median, limit (the median and what it may get worse by) and edge, where the spread
	// of the runs ends on the bad side.
	median, limit, edge float64
	best                float64
}

// allowanceOf are those of a metric with these values in the past; most is a share.
func allowanceOf(metric string, past []float64, most float64) allowance {
	b := allowance{metric: metric, higher: scenarios.HigherIsBetter(metric), median: stats.Median(past)}
	if !b.higher {
		b.limit, b.edge, b.best = b.median*(1+most), stats.Percentile(past, spreadEnd), slices.Min(past)
		return b
	}
	negated := make([]float64, len(past))
	for i, v := range past {
		negated[i] = -v
	}
	b.edge, b.best = -stats.Percentile(negated, spreadEnd), slices.Max(past)
	b.limit = b.median * (1 - most)
	if metric == "availability" { // a share is lost in percentage points, not in parts of itself
		b.limit = b.median - most
	}
	return b
}

// beyond tells whether a value is past a bound on the bad side.
func (b allowance) beyond(value, bound float64) bool {
	if b.higher {
		return value < bound-tiny
	}
	return value > bound+tiny
}

// change is how a value stands to the median: "+18%", of a share "-0.3 points".
func (b allowance) change(value float64) string {
	switch {
	case b.metric == "availability":
		return fmt.Sprintf("%+.3g points", 100*(value-b.median))
	case b.median == 0:
		return "not to be put in percent"
	}
	return fmt.Sprintf("%+.3g%%", 100*(value/b.median-1))
}

func (b allowance) wanted(metric string, most scenarios.Percent) string {
	sign, by := "<=", "+ "
	if b.higher {
		sign, by = ">=", "- "
	}
	return fmt.Sprintf("%s %s %s (median %s %s)", metric, sign, figureText(metric, b.limit), figureText(metric, b.median), by+b.most(most))
}

// most is how much worse the figure may be, in its unit.
func (b allowance) most(most scenarios.Percent) string {
	if b.metric == "availability" {
		return strings.TrimSuffix(most.String(), "%") + " points"
	}
	return most.String()
}

// evidence says what a run is held to.
func (b allowance) evidence(metric string, runs int) []Evidence {
	what := fmt.Sprintf("the worst of %s", plural(runs, "run"))
	if runs >= 20 {
		what = fmt.Sprintf("what %d in 100 of %s kept to", spreadEnd, plural(runs, "run"))
	}
	return []Evidence{{Text: fmt.Sprintf("baseline: median %s, from %s to %s; its spread ends at %s",
		figureText(metric, b.median), figureText(metric, b.best), figureText(metric, b.edge), what), Count: runs}}
}

// figureText is a figure in its unit.
func figureText(metric string, value float64) string {
	switch {
	case percentiles[metric] > 0:
		return latency(seconds(value))
	case metric == "availability":
		return strconv.FormatFloat(math.Floor(value*100_000+tiny)/1000, 'f', -1, 64) + "%"
	}
	return figure(value) + "/s"
}
