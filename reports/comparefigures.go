package reports

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The units of figures.
const (
	unitSeconds = "s"
	unitShare   = "share"
	unitRate    = "/s"
	unitSums    = "seconds" // of replicas or CPU
)

// A figure is one number of a run that is compared.
type comparedFigure struct {
	name, journey string
	unit          string
	higher        bool // higher values are better
	value         float64
	rank          int // of its kind, in tables
}

// comparedFigures are those of one run.
type comparedFigures []comparedFigure

func (f comparedFigures) value(name string) (float64, bool) {
	if i := slices.IndexFunc(f, func(g comparedFigure) bool { return g.name == name }); i >= 0 {
		return f[i].value, true
	}
	return 0, false
}

// valuesOf are the values of a figure in the runs that have it, never nil.
func valuesOf(runs []comparedFigures, name string) []float64 {
	values := []float64{}
	for _, run := range runs {
		if v, ok := run.value(name); ok {
			values = append(values, v)
		}
	}
	return values
}

// figuresIn are the figures that any of some runs has, each once: of journeys by name, then
// of all of them, of services, of faults.
func figuresIn(runs []comparedFigures) (seen []comparedFigure) {
	for _, run := range runs {
		for _, f := range run {
			if !slices.ContainsFunc(seen, func(other comparedFigure) bool { return other.name == f.name }) {
				seen = append(seen, f)
			}
		}
	}
	slices.SortStableFunc(seen, func(a, b comparedFigure) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.journey, b.journey))
	})
	return seen
}

// everything is the name under which all journeys together stand.
const everything = "all"

// figuresOf are the figures of a run: what baselines keep of each journey, the totals,
// what was used, and how long recovery took.
func figuresOf(run Run) comparedFigures {
	var list comparedFigures
	for _, f := range verify.Figures(run.Record, run.Intent.Plan) {
		g := comparedFigure{name: f.Name(), journey: f.Journey, value: f.Value, unit: unitSeconds, higher: scenarios.HigherIsBetter(f.Metric)}
		switch f.Metric {
		case "availability":
			g.unit = unitShare
		case "rate":
			g.unit = unitRate
		}
		list = append(list, g)
	}
	if slices.ContainsFunc(list, func(f comparedFigure) bool { return f.journey != list[0].journey }) {
		list = append(list, totalFigures(run)...) // of one journey they would be the same again
	}
	for _, s := range scaledServicesOf(run, windowOf(run.events())) {
		list = append(list, comparedFigure{name: s.Service + ": replica-seconds", journey: s.Service, unit: unitSums, value: s.ReplicaSeconds, rank: 2})
		if s.CPUSeconds != nil {
			list = append(list, comparedFigure{name: s.Service + ": CPU-seconds", journey: s.Service, unit: unitSums, value: *s.CPUSeconds, rank: 2})
		}
	}
	return append(list, recoveryFigures(run)...)
}

// totalFigures are those of all requests.
func totalFigures(run Run) comparedFigures {
	merged := timesOf(run.sums())
	t := totalsOf(run, windowOf(run.events()), merged)
	var list comparedFigures
	add := func(metric, unit string, value float64) {
		list = append(list, comparedFigure{name: everything + "/" + metric, unit: unit, value: value, higher: scenarios.HigherIsBetter(metric), rank: 1})
	}
	if t.Requests == 0 {
		return nil
	}
	for _, p := range []struct {
		name  string
		value time.Duration
	}{{"p50", t.P50}, {"p95", t.P95}, {"p99", t.P99}} {
		if p.value > 0 {
			add(p.name, unitSeconds, p.value.Seconds())
		}
	}
	add("availability", unitShare, float64(t.OK)/float64(t.Requests))
	if t.AchievedRate > 0 {
		add("rate", unitRate, t.AchievedRate)
	}
	return list
}

// recoveryFigures are the times until a journey was well again after each fault, where the
// run has a recovery check that found one.
func recoveryFigures(run Run) (list comparedFigures) {
	for _, f := range run.Result.Checks {
		if f.Kind != "recovery" {
			continue
		}
		took, measured := strings.CutPrefix(f.Measured, "after ")
		if strings.HasPrefix(f.Measured, "at once") {
			took, measured = "0 s", true
		}
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(took, " s"), 64)
		if measured && err == nil {
			list = append(list, comparedFigure{name: clean(f.ID), unit: unitSeconds, value: seconds, rank: 3})
		}
	}
	return list
}

// figureText is a value in its unit.
func figureText(unit string, v float64) string {
	switch unit {
	case unitSeconds:
		if math.Abs(v) < 1e-7 {
			return "0 s"
		}
		return span(time.Duration(v * float64(time.Second)))
	case unitShare:
		return percentOf(v)
	case unitRate:
		return summed(v) + "/s"
	}
	return summed(v)
}

// percentOf is a share with as many digits as tell it from 0 and from all.
func percentOf(v float64) string {
	text := strconv.FormatFloat(100*v, 'f', 2, 64)
	if near := min(math.Abs(v), math.Abs(1-v)); near > 0 && near < 0.00005 {
		text = strconv.FormatFloat(100*v, 'f', 4, 64)
	}
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return cmp.Or(text, "0") + " %"
}

// changeText is "+18 %", of a share "-0.3 points".
func (m ComparedMetric) changeText() string {
	switch {
	case m.Unit == unitShare:
		return points(m.Shift)
	case m.Change == nil:
		return signed(m.Unit, m.Shift)
	}
	return relative(*m.Change)
}

// rangeText is the interval of the change: "-1 % to +8 %".
func (m ComparedMetric) rangeText() string {
	switch {
	case m.Low == nil || m.High == nil:
		return "not bounded"
	case m.Unit == unitShare:
		return points(*m.Low) + " to " + points(*m.High)
	case m.BaseMedian == 0:
		return signed(m.Unit, *m.Low) + " to " + signed(m.Unit, *m.High)
	}
	return relative(*m.Low/math.Abs(m.BaseMedian)) + " to " + relative(*m.High/math.Abs(m.BaseMedian))
}

func points(v float64) string { return trimmed(100*v, 3) + " points" }

func relative(v float64) string { return trimmed(100*v, 1) + " %" }

func signed(unit string, v float64) string {
	if v > 0 {
		return "+" + figureText(unit, v)
	}
	return figureText(unit, v)
}

// trimmed is a number with a sign and at most so many decimals.
func trimmed(v float64, decimals int) string {
	v = round(v, decimals)
	text := strconv.FormatFloat(math.Abs(v), 'f', -1, 64)
	switch {
	case v > 0:
		return "+" + text
	case v < 0:
		return "-" + text
	}
	return "0"
}

// A latencyCurve is the response times of a run by percentile.
type latencyCurve struct{ percentiles, seconds []float64 }

// curvePercentiles are those that curves are drawn through, closer where tails are.
var curvePercentiles = []float64{1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 92.5, 95, 96.5, 98, 99, 99.5, 99.9, 99.95, 99.99}

// curveOf is the latency curve of all requests of a run, as far as they carry it.
func curveOf(run Run) latencyCurve {
	merged := timesOf(run.sums())
	all := merged.sum(func(k timeKey) bool { return k.measure == journal.Response && k.step != "" })
	var c latencyCurve
	for _, p := range curvePercentiles {
		if enough(all.TotalCount(), p) {
			c.percentiles = append(c.percentiles, p)
			c.seconds = append(c.seconds, max(quantile(all, p).Seconds(), 1e-6))
		}
	}
	return c
}
