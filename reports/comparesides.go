package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/baseline"
	"github.com/shakedown-dev/shakedown/harness/stats"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// What tests of two sides go by: differences that chance makes once in 20 times are none,
// and intervals hold the true shift 19 times in 20.
const (
	compareAlpha      = 0.05
	compareConfidence = 0.95
	// DefaultMinEffect is the smallest change that anybody would mind, as a share.
	DefaultMinEffect = 0.05
)

// The verdicts on a metric.
const (
	Better       = "better"
	Worse        = "worse"
	NoDifference = "no difference"
	TooFewRuns   = "too few runs"
)

// SideOptions say how two sides are compared.
type SideOptions struct {
	Base, New string // what the sides are called; "" for base and new
	// MinEffect is the least change of a metric that makes a verdict, as a share of its
	// median; of availability, of the share that is lost.
	MinEffect float64
	// Paired tells that the runs of the sides belong together in their order: the same
	// seed, one after the other.
	Paired bool
	Limits []RegressionLimit
}

// Sides is how the runs of two sides stand beside each other, metric by metric.
type Sides struct {
	Base       Side             `json:"base"`
	New        Side             `json:"new"`
	Paired     bool             `json:"paired"` // an experiment: same seed, pair by pair
	Alpha      float64          `json:"alpha"`
	Confidence float64          `json:"confidence"`
	MinEffect  float64          `json:"min_effect"`
	Metrics    []ComparedMetric `json:"metrics"`
	Limits     []JudgedLimit    `json:"limits"`
	// Verdict is that on the limits, pass without any.
	Verdict verify.Verdict `json:"verdict"`
	// LeftOut says which runs are in no figure, and why.
	LeftOut []string `json:"left_out"`
	Remarks []string `json:"remarks"`
}

// A Side is the runs of one side, by their place in Comparison.Runs.
type Side struct {
	Name string `json:"name"`
	Runs []int  `json:"runs"`
}

// A ComparedMetric is one figure of the runs of both sides.
type ComparedMetric struct {
	Name           string `json:"name"` // "shop/p99", "fault kill/recovery"
	Unit           string `json:"unit"` // "s", "share", "/s", "s" of replicas or CPU
	HigherIsBetter bool   `json:"higher_is_better"`
	// Base and New are the values, run by run; where a run has none it is left out.
	Base       []float64 `json:"base"`
	New        []float64 `json:"new"`
	BaseMedian float64   `json:"base_median"`
	NewMedian  float64   `json:"new_median"`
	// Shift is by how much New lies above Base (Hodges and Lehmann), between Low and
	// High; these are null where the runs are too few to bound it. Change is the same
	// as a share of BaseMedian, null where that is 0.
	Shift  float64  `json:"shift"`
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"`
	Change *float64 `json:"change"`
	// P is of Mann and Whitney's test, of pairs of Wilcoxon's; Adjusted is P adjusted for
	// the number of metrics (Holm).
	P        float64 `json:"p"`
	Adjusted float64 `json:"p_adjusted"`
	// Verdict is "better", "worse", "no difference" or "too few runs"; Needed is how many
	// runs of each side the least of verdicts takes.
	Verdict string `json:"verdict"`
	Needed  int    `json:"needed"`
	// Reason says in a sentence why it is that.
	Reason string `json:"reason"`
	// unmeasured is how many whole runs of New have no value. A percentile is missing
	// where too many requests had no right answer, and a recovery where there was
	// none: what is missing may be worse than anything that is there.
	unmeasured int
}

// CompareSides sets the runs of two sides beside each other and compares them metric by
// metric. Runs that are not whole are in the tables, and in no figure.
func CompareSides(base, changed []Run, opts SideOptions) Comparison {
	c := Compare(slices.Concat(base, changed))
	s := &Sides{
		Base: Side{Name: cmp.Or(opts.Base, "base"), Runs: []int{}}, New: Side{Name: cmp.Or(opts.New, "new"), Runs: []int{}},
		Paired: opts.Paired, Alpha: compareAlpha, Confidence: compareConfidence, MinEffect: opts.MinEffect,
		Metrics: []ComparedMetric{}, LeftOut: []string{}, Remarks: []string{},
	}
	sides := [2][]comparedFigures{}
	for i, runs := range [][]Run{base, changed} {
		side := []*Side{&s.Base, &s.New}[i]
		for n, run := range runs {
			if why := endingTrouble(run); why != "" {
				s.LeftOut = append(s.LeftOut, clean(run.Dir+": "+why))
				sides[i] = append(sides[i], nil) // keeps its place in the pairs
				continue
			}
			side.Runs = append(side.Runs, i*len(base)+n)
			sides[i] = append(sides[i], figuresOf(run))
		}
	}
	s.compare(sides[0], sides[1])
	s.judge(opts.Limits)
	s.remark()
	c.Sides = s
	return c
}

// compare fills in the metrics that any run has, in order of appearance.
func (s *Sides) compare(base, changed []comparedFigures) {
	for _, f := range figuresIn(slices.Concat(base, changed)) {
		m := ComparedMetric{Name: clean(f.name), Unit: f.unit, HigherIsBetter: f.higher}
		m.Base, m.New = valuesOf(base, f.name), valuesOf(changed, f.name)
		var differences []float64
		for i := range min(len(base), len(changed)) {
			if a, ok := base[i].value(f.name); ok {
				if b, ok := changed[i].value(f.name); ok {
					differences = append(differences, b-a)
				}
			}
		}
		m.unmeasured = len(s.New.Runs) - len(m.New)
		s.test(&m, differences)
		s.Metrics = append(s.Metrics, m)
	}
	p := make([]float64, len(s.Metrics))
	for i, m := range s.Metrics {
		p[i] = m.P
	}
	for i, adjusted := range stats.Holm(p) {
		s.Metrics[i].Adjusted = adjusted
	}
}

// test compares one metric.
func (s *Sides) test(m *ComparedMetric, differences []float64) {
	m.BaseMedian, m.NewMedian = stats.Median(m.Base), stats.Median(m.New)
	var shift stats.Shift
	var least float64
	if s.Paired {
		m.P, shift = stats.SignedRank(differences).P, stats.PairedShift(differences, s.Confidence)
		least, m.Needed = stats.LeastPairedP(len(differences)), stats.NeededPairs(s.Alpha)
	} else {
		m.P, shift = stats.MannWhitney(m.Base, m.New).P, stats.MedianShift(m.Base, m.New, s.Confidence)
		least, m.Needed = stats.LeastP(len(m.Base), len(m.New)), stats.Needed(s.Alpha)
	}
	m.Shift = shift.Estimate
	if shift.Bounded() {
		m.Low, m.High = &shift.Low, &shift.High
	}
	if m.BaseMedian != 0 {
		change := m.Shift / math.Abs(m.BaseMedian)
		m.Change = &change
	}
	m.decide(s, least, len(differences))
}

// decide comes to a verdict.
func (m *ComparedMetric) decide(s *Sides, least float64, pairs int) {
	what := s.what()
	switch effect := m.effect(); {
	case least > s.Alpha:
		m.Verdict = TooFewRuns
		have := fmt.Sprintf("%d and %d", len(m.Base), len(m.New))
		if s.Paired {
			have = fmt.Sprint(pairs)
		}
		m.Reason = fmt.Sprintf("%d %s are needed before any difference can be told from chance, there are %s", m.Needed, what, have)
	case m.P > s.Alpha:
		m.Verdict, m.Reason = NoDifference, fmt.Sprintf("chance makes a difference like this in %s of cases", percentOf(m.P))
	case effect < s.MinEffect:
		m.Verdict, m.Reason = NoDifference, fmt.Sprintf("there is one, but of less than %s", percentOf(s.MinEffect))
	case m.Shift > 0 == m.HigherIsBetter:
		m.Verdict = Better
	default:
		m.Verdict = Worse
	}
	if m.Reason == "" {
		m.Reason = fmt.Sprintf("chance makes a difference like this in %s of cases", percentOf(m.P))
	}
}

// what are counted: runs, or pairs of them.
func (s *Sides) what() string {
	if s.Paired {
		return "pairs of runs"
	}
	return "runs a side"
}

// effect is how much it changed, as a share: of availability, by how much the share that
// is lost changed, for of what succeeds nearly all always does.
func (m *ComparedMetric) effect() float64 {
	whole := math.Abs(m.BaseMedian)
	if m.Unit == unitShare {
		whole = 1 - m.BaseMedian
	}
	switch {
	case m.Shift == 0:
		return 0
	case whole <= 0:
		return math.Inf(1)
	}
	return math.Abs(m.Shift) / whole
}

// remark adds what a reader has to know of tests: that many of them find something.
func (s *Sides) remark() {
	tested, told, hold := 0, 0, 0
	for _, m := range s.Metrics {
		if m.Verdict == TooFewRuns {
			continue
		}
		tested++
		if m.Verdict != NoDifference {
			told++
			if m.Adjusted <= s.Alpha {
				hold++
			}
		}
	}
	if tested > 1 {
		s.Remarks = append(s.Remarks, fmt.Sprintf("%d metrics were tested: at %s each, about %.1f of them would differ by chance alone; of the %d that do, %d stand when that is allowed for (Holm)",
			tested, percentOf(s.Alpha), s.Alpha*float64(tested), told, hold))
	}
	for _, m := range s.Metrics {
		if missing := len(s.Base.Runs) - len(m.Base); len(m.Base) > 0 && len(m.New) > 0 && missing+m.unmeasured > 0 {
			s.Remarks = append(s.Remarks, fmt.Sprintf("%s is not of all runs: %d of base and %d of new have none, and are in no figure of it; look at their reports, they may be the worst", m.Name, missing, m.unmeasured))
		}
	}
	if few := len(s.Metrics) - tested; few > 0 {
		s.Remarks = append(s.Remarks, fmt.Sprintf("too few runs for %s: %d %s are needed before any difference can be told from chance; make them with shakedown run SCENARIO --repeat %d",
			plural(few, "metric"), s.Metrics[0].Needed, s.what(), s.Metrics[0].Needed))
	}
}

// Incomparable says why runs should not be compared at all, and what else is not the same,
// in words: another scenario or another machine makes any figure differ.
func Incomparable(runs []Run) (refusals, warnings []string) {
	differ := func(list *[]string, what string, value func(Run) string) {
		if values := distinct(runs, func(r Run) string { return cmp.Or(value(r), "unknown") }); len(values) > 1 {
			*list = append(*list, what+": "+strings.Join(values, ", "))
		}
	}
	differ(&refusals, "the scenarios differ", scenarioName)
	if len(refusals) == 0 && digestsDiffer(runs) {
		refusals = append(refusals, "the scenario was changed between the runs, or overridden with --set: its digests differ")
	}
	differ(&refusals, "the machines differ", func(r Run) string {
		if r.Intent.Machine.OS == "" {
			return "" // of a run whose run.json is lost
		}
		return baseline.Words(r.Intent)
	})
	differ(&refusals, "the engines differ", func(r Run) string { return r.Intent.Machine.Engine })
	for _, text := range trafficDifferences(runs) {
		if !strings.HasPrefix(text, "the scenarios differ") {
			warnings = append(warnings, text)
		}
	}
	differ(&warnings, "the tempo differs", func(r Run) string {
		if r.Intent.Plan == nil {
			return ""
		}
		return fmt.Sprintf("%gx", r.Intent.Plan.Tempo)
	})
	return refusals, warnings
}

// digestsDiffer tells whether runs of one variant are of different sources; variants are
// meant to differ.
func digestsDiffer(runs []Run) bool {
	seen := map[string]string{}
	for _, run := range runs {
		if run.Intent.Plan == nil {
			continue
		}
		variant, digest := run.Intent.Plan.Variant, run.Intent.Plan.Digest
		if other, known := seen[variant]; known && other != digest {
			return true
		}
		seen[variant] = digest
	}
	return false
}
