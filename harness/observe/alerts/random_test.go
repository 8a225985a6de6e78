package alerts

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// times are those that a drawn rule file uses; all are written for a scrape each.
type times struct{ unit int } // seconds

func (t times) of(n int) string { return fmt.Sprintf("%ds", n*t.unit) }

// drawnRules is a rule file of some groups: recording rules, and alerts on them and on
// the series m, n and c of drawnSeries. Every time in it is a multiple of the unit, and
// no expression depends on how long a second is.
func drawnRules(r *rand.Rand, groups int, t times) string {
	var b strings.Builder
	b.WriteString("groups:\n")
	for g := range groups {
		fmt.Fprintf(&b, "  - name: group%d\n", g)
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "    interval: %s\n", t.of(1+r.IntN(4)))
		}
		if r.IntN(4) == 0 {
			fmt.Fprintf(&b, "    query_offset: %s\n", t.of(1+r.IntN(3)))
		}
		if r.IntN(5) == 0 {
			fmt.Fprintf(&b, "    limit: %d\n", 1+r.IntN(3))
		}
		if r.IntN(3) == 0 {
			b.WriteString("    labels: {team: shop}\n")
		}
		b.WriteString("    rules:\n")
		fmt.Fprintf(&b, "      - record: group%d:m:avg\n        expr: avg by (a) (%s)\n", g, drawnVector(r, t))
		for i := range 1 + r.IntN(4) {
			fmt.Fprintf(&b, "      - alert: Alert%d%d\n        expr: %s\n", g, i, drawnCondition(r, g, t))
			if r.IntN(3) > 0 {
				fmt.Fprintf(&b, "        for: %s\n", t.of(r.IntN(6)))
			}
			if r.IntN(2) == 0 {
				fmt.Fprintf(&b, "        keep_firing_for: %s\n", t.of(r.IntN(6)))
			}
			if r.IntN(3) == 0 {
				b.WriteString("        labels: {level: '{{ if gt $value 7.1234 }}high{{ else }}low{{ end }}'}\n")
			}
			b.WriteString("        annotations: {summary: '{{ $labels.a }} is {{ printf \"%.6f\" $value }}'}\n")
		}
	}
	return b.String()
}

func drawnVector(r *rand.Rand, t times) string {
	n := 2 + r.IntN(8)
	all := []string{
		"m", "n", fmt.Sprintf("m offset %s", t.of(n)),
		fmt.Sprintf("avg_over_time(m[%s])", t.of(n)), fmt.Sprintf("max_over_time(n[%s])", t.of(n)),
		fmt.Sprintf("changes(m[%s])", t.of(n)), fmt.Sprintf("increase(c[%s])", t.of(n)),
		fmt.Sprintf("max_over_time(avg_over_time(m[%s])[%s:%s])", t.of(n), t.of(n+3), t.of(1+n/3)),
		fmt.Sprintf("10 * rate(c[%s]) / rate(c[%s])", t.of(n), t.of(2*n)),
		fmt.Sprintf("predict_linear(m[%s], %d)", t.of(n), n*t.unit),
		fmt.Sprintf("predict_linear(n[%s], 2 * %d)", t.of(n), t.unit),
	}
	return all[r.IntN(len(all))]
}

func drawnCondition(r *rand.Rand, group int, t times) string {
	// between values that averages of few whole numbers can have, so that rounding
	// decides nothing
	limit := float64(r.IntN(9)) + 0.3217
	all := []string{
		fmt.Sprintf("%s > %v", drawnVector(r, t), limit),
		fmt.Sprintf("%s < %v", drawnVector(r, t), limit),
		fmt.Sprintf("%s != %v", drawnVector(r, t), limit), // true of NaN
		fmt.Sprintf("group%d:m:avg > %v", group, limit),
		fmt.Sprintf("sum by (b) (m) > %v", 2*limit),
		fmt.Sprintf("m > %v unless on (a) n > %v", limit/2, limit),
		`absent(m{a="1"})`, "absent(n)", fmt.Sprintf("count(m) < %d", 1+r.IntN(4)), "vector(1)",
		`label_replace(m > 4.1, "b", "same", "", "")`, // two of the same labels: fails
	}
	return all[r.IntN(len(all))]
}

// drawnSeries are up to eight series that hold a value for a while, jump, are NaN, miss
// scrapes, end with a staleness marker or without one, and come back.
func drawnSeries(r *rand.Rand, scrapes int) []series {
	var out []series
	for _, name := range []string{"m", "n", "c"} {
		for i := range 1 + r.IntN(3) {
			s := series{
				labels: labels.FromStrings(model.MetricNameLabel, name, "a", fmt.Sprint(i), "b", fmt.Sprint(i%2)),
				values: make([]float64, scrapes), gaps: make([]bool, scrapes),
			}
			s.draw(r, name == "c")
			out = append(out, s)
		}
	}
	return out
}

func (s *series) draw(r *rand.Rand, counter bool) {
	here, v, total := r.IntN(3) > 0, float64(r.IntN(10)), 0.0
	for n := range s.values {
		was := here
		switch r.IntN(12) {
		case 0:
			here = !here
		case 1, 2, 3:
			v = float64(r.IntN(10))
		case 4:
			if !counter {
				v = math.NaN()
			}
		}
		total += v
		s.values[n], s.gaps[n] = v, !here
		if counter {
			s.values[n] = total
		}
		if was && !here && r.IntN(2) == 0 {
			s.values[n], s.gaps[n] = stale, false
		}
	}
}
