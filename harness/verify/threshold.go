package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// defaultSustained is how long a threshold must be passed where the check does not say.
const defaultSustained = 5 * time.Second

// thresholds judges each metric by its thresholds, in each phase by itself where the
// check names some. What a metric is beyond counts when it is so at each reading for a
// time; a short silence does not interrupt that, a longer one does. Metrics of the
// preset that the stack does not have are left out, and named by the first finding.
func (h *history) thresholds(c scenarios.ThresholdCheck) []Finding {
	phases := c.Phases
	if len(phases) == 0 {
		phases = []string{""}
	}
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(c.Metrics)) {
		t := thresholdOf(c, name)
		for _, phase := range phases {
			if !t.Off {
				findings = append(findings, h.whole(h.threshold(t, phase)))
			}
		}
	}
	remark := "left out, because nothing says what they are in this stack: " + strings.Join(c.LeftOut, ", ")
	switch {
	case len(findings) == 0 && len(c.LeftOut) > 0:
		return []Finding{unknown(Finding{ID: "threshold", Kind: "threshold"}, "no metric of the check is known; "+remark)}
	case len(findings) == 0:
		return []Finding{unknown(Finding{ID: "threshold", Kind: "threshold"}, "the check has no metric")}
	case len(c.LeftOut) > 0:
		findings[0].Evidence = append(findings[0].Evidence, Evidence{Text: remark, Count: len(c.LeftOut)})
	}
	return findings
}

// thresholdRun is one metric of a check with the defaults filled in.
type thresholdRun struct {
	scenarios.Threshold
	name          string
	below         bool
	long          time.Duration
	failOnWarning bool
}

func thresholdOf(c scenarios.ThresholdCheck, name string) thresholdRun {
	t := thresholdRun{Threshold: c.Metrics[name], name: name, long: defaultSustained, failOnWarning: c.FailOn == "warning"}
	if c.For != nil {
		t.long = c.For.Std()
	}
	t.below = name == availabilityMetric || strings.HasSuffix(name, "_success")
	if t.Below != nil {
		t.below = *t.Below
	}
	return t
}

// failing is the threshold that fails the check, nil for none.
func (t thresholdRun) failing() *scenarios.Level {
	if t.failOnWarning && t.Warning != nil {
		return t.Warning
	}
	return t.Critical
}

// warning is the threshold that is only a remark, nil for none.
func (t thresholdRun) warning() *scenarios.Level {
	if t.failOnWarning {
		return nil
	}
	return t.Warning
}

// decisive is the threshold that readings are made for.
func (t thresholdRun) decisive() float64 {
	for _, limit := range []*scenarios.Level{t.failing(), t.warning()} {
		if limit != nil {
			return float64(*limit)
		}
	}
	return 0
}

func (t thresholdRun) corridor(limit scenarios.Level) corridor {
	v := float64(limit)
	if t.below {
		return corridor{min: &v}
	}
	return corridor{max: &v}
}

// overTraffic tells whether the metric is a figure of what the driver sent.
func (t thresholdRun) overTraffic() bool {
	_, quantile := quantileMetrics[t.name]
	return t.Query == "" && (quantile || t.name == availabilityMetric || t.name == errorRateMetric || t.Journey != "")
}

func (t thresholdRun) overUsage() bool {
	return t.Query == "" && !t.overTraffic() && (t.name == cpuShareMetric || t.name == memoryShareMetric)
}

// lacking says why the stack does not have a metric; "" if it does.
func (h *history) lacking(t thresholdRun) string {
	switch {
	case t.Query != "" || t.overTraffic():
		return ""
	case t.overUsage():
		return h.unlimited(t)
	case strings.HasSuffix(t.name, "_success"):
		return "it needs a journey or a query"
	}
	return "it needs a query"
}

// gathered is what the record holds of a metric in some stretches.
type gathered struct {
	tracks  []track
	remarks []Evidence
	why     string      // nothing can be said at all
	doubt   string      // what was seen is not all, so that nothing passes
	driven  driverDoubt // of figures of traffic
}

// gather collects the readings of a metric.
func (h *history) gather(t thresholdRun, stretches []span) gathered {
	switch {
	case t.overTraffic():
		return h.gatherTraffic(t, stretches)
	case t.overUsage():
		return h.gatherUsage(t, stretches)
	}
	return h.gatherAnswer(scenarios.PlannedQuery{ID: scenarios.ThresholdQueryID(t.name), Expr: t.Query}, stretches, t.long)
}

// threshold judges a metric in a phase, or throughout.
func (h *history) threshold(t thresholdRun, phase string) Finding {
	f := thresholdFinding(t.name, phase)
	f.Wanted = t.wanted()
	if why := h.lacking(t); why != "" {
		return unknown(f, why)
	}
	if t.failing() == nil && t.warning() == nil {
		return unknown(f, "the check gives no threshold for "+t.name)
	}
	stretches := h.stretches(phase)
	if len(stretches) == 0 {
		return unknown(f, "no traffic flowed in "+cmp.Or(phase, "the run"))
	}
	g := h.gather(t, stretches)
	f.Evidence = g.remarks
	if g.why != "" {
		return unknown(f, g.why)
	}
	f = h.beyond(f, t, g)
	return h.believe(f, g.driven)
}

// beyond judges readings by both thresholds.
func (h *history) beyond(f Finding, t thresholdRun, g gathered) Finding {
	var warned string
	var warnings []Evidence
	if limit := t.warning(); limit != nil {
		found := heldTo(g.tracks, t.corridor(*limit), t.long)
		f.Measured = t.extreme(found)
		if len(found.sustained) > 0 {
			warned, warnings = "warning: "+t.told(found.sustained[0], *limit), t.listed(found, "warning")
		}
	}
	doubt := g.doubt
	if limit := t.failing(); limit != nil {
		found := heldTo(g.tracks, t.corridor(*limit), t.long)
		f.Measured = t.extreme(found)
		if len(found.sustained) > 0 {
			f.Verdict, f.Reason = Fail, t.told(found.sustained[0], *limit)
			f.Evidence = append(f.Evidence, t.listed(found, "beyond")...)
		} else {
			f.Evidence = append(f.Evidence, Evidence{Text: t.extreme(found), Instance: found.of.instance, From: found.worst.from, To: found.worst.to, Count: found.n})
		}
		for _, s := range found.torn {
			doubt = join(doubt, tornWords(s))
		}
	}
	if f.Verdict != Fail {
		f.Evidence = append(f.Evidence, warnings...)
	}
	f.Evidence = append(f.Evidence, gapsOf(g.tracks)...)
	switch {
	case f.Verdict == Fail:
	case doubt != "":
		return unknown(f, doubt)
	default:
		f.Reason = warned
	}
	return f
}

// listed are the streaks of a finding one by one.
func (t thresholdRun) listed(found held, word string) []Evidence {
	var list []Evidence
	for n, s := range found.sustained {
		if n == maxNamed {
			return append(list, Evidence{Text: fmt.Sprintf("%s: %s more", word, plural(len(found.sustained)-n, "time")), From: s.from, To: s.to})
		}
		list = append(list, Evidence{Text: fmt.Sprintf("%s: %s for %s, at worst %s", word, t.subject()+after(" of ", s.of.name), latency(s.length()), metricWords(t.name, s.worst.value)),
			Instance: s.of.instance, From: s.from, To: s.to, Count: s.n})
	}
	return list
}

// stretches are the parts of a run that a phase is, "" for all phases. What follows
// the last of them is left out: only what takes longest ends there.
func (h *history) stretches(phase string) []span {
	if phase != "" {
		return h.phases([]string{phase})
	}
	if all := united(h.phases(nil)); len(all) > 0 || !h.window.flowed {
		return all
	}
	return []span{{h.window.from, h.window.to}}
}
