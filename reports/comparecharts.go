package reports

import (
	"fmt"
	"html/template"
	"math"
	"slices"

	"github.com/shakedown-dev/shakedown/harness/stats"
)

// Geometry of the comparison's pictures.
const (
	dotsLeft    = 250.0 // where strips begin
	dotsRight   = 1000.0
	dotsHeight  = 46.0
	dotsTop     = 34.0
	curveHeight = 320.0
	curveTop    = 30.0
)

// strips draws every run's value of each metric, as a share of the median of the base, so
// that all stand on one scale: small multiples, a row a metric.
func (c Comparison) strips() template.HTML {
	s := c.Sides
	var rows []ComparedMetric
	low, high := 0.9, 1.1
	for _, m := range s.Metrics {
		if m.BaseMedian <= 0 || len(m.New) == 0 {
			continue
		}
		rows = append(rows, m)
		for _, v := range slices.Concat(m.Base, m.New) {
			low, high = min(low, v/m.BaseMedian), max(high, v/m.BaseMedian)
		}
	}
	if len(rows) == 0 {
		return ""
	}
	low, high = max(low, 0.25), min(high, 4)
	x := func(share float64) float64 {
		at := (math.Log(min(max(share, low), high)) - math.Log(low)) / (math.Log(high) - math.Log(low))
		return dotsLeft + at*(dotsRight-dotsLeft)
	}
	d := &drawing{still: true, height: dotsTop + float64(len(rows))*dotsHeight + 8}
	for _, share := range shareTicks(low, high) {
		d.line("cmp-grid", x(share), dotsTop-8, x(share), d.height-8)
		d.text("cmp-tick", "middle", x(share), dotsTop-14, shareLabel(share))
	}
	d.line("cmp-base", x(1), dotsTop-8, x(1), d.height-8)
	for i, m := range rows {
		d.dots(dotsTop+float64(i)*dotsHeight, m, s, x)
	}
	return d.svg("strips", "Each run's value of each metric", fmt.Sprintf("A row for each of %s; a mark is a run, %s above and %s below, as a share of the median of %s.",
		plural(len(rows), "metric"), s.Base.Name, s.New.Name, s.Base.Name))
}

// dots draws one metric: marks of the base above, those of the new side below.
func (d *drawing) dots(y float64, m ComparedMetric, s *Sides, x func(float64) float64) {
	d.line("cmp-row", 0, y+dotsHeight-4, chartWidth, y+dotsHeight-4)
	d.text("cmp-name", "end", dotsLeft-16, y+24, m.Name)
	d.text("cmp-verdict "+map[string]string{Better: "is-better", Worse: "is-worse"}[m.Verdict], "start", dotsRight+14, y+24, m.shortVerdict())
	for i, side := range []struct {
		name, class string
		values      []float64
	}{{s.Base.Name, "base", m.Base}, {s.New.Name, "new", m.New}} {
		line := y + 11 + float64(i)*18
		median := x(stats.Median(side.values) / m.BaseMedian)
		for n, v := range side.values {
			title := fmt.Sprintf("%s, run %d: %s", side.name, n+1, figureText(m.Unit, v))
			if side.class == "base" {
				d.rect("cmp-mark base", x(v/m.BaseMedian)-4, line-4, 8, 8, title)
			} else {
				at := x(v / m.BaseMedian)
				d.path("cmp-mark new", fmt.Sprintf("M%s %sl5 5l-5 5l-5 -5z", num(at), num(line-5)), title)
			}
		}
		d.line("cmp-median "+side.class, median, line-8, median, line+8)
	}
}

// shortVerdict has room beside a strip.
func (m ComparedMetric) shortVerdict() string {
	if m.Verdict == TooFewRuns {
		return "? too few"
	}
	return m.verdictText()
}

// shareTicks are round shares between two.
func shareTicks(low, high float64) (ticks []float64) {
	all := []float64{0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4}
	if high/low < 1.4 {
		all = []float64{0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2}
	}
	for _, t := range all {
		if t >= low*0.999 && t <= high*1.001 {
			ticks = append(ticks, t)
		}
	}
	return ticks
}

func shareLabel(share float64) string {
	if share == 1 {
		return "median"
	}
	return relative(share - 1)
}

// curveChart overlays the latency curves of all runs: percentiles across, with as much
// room for the tail as for the rest, times upwards.
func (c Comparison) curveChart() template.HTML {
	low, high, most := math.Inf(1), 0.0, 50.0
	for _, i := range slices.Concat(c.Sides.Base.Runs, c.Sides.New.Runs) {
		for n, v := range c.curves[i].seconds {
			low, high, most = min(low, v), max(high, v), max(most, c.curves[i].percentiles[n])
		}
	}
	if high == 0 {
		return ""
	}
	d := &drawing{still: true, height: curveTop + curveHeight + 40}
	bottom := curveTop + curveHeight
	y := logarithmic(low, high, bottom, curveTop)
	nines := -math.Log10(1 - most/100)
	x := func(p float64) float64 { return marginLeft + plotWidth*(-math.Log10(1-p/100))/nines }
	for _, tick := range y.ticks {
		d.line("cmp-grid", marginLeft, y.y(tick), marginLeft+plotWidth, y.y(tick))
		d.text("cmp-tick", "end", marginLeft-8, y.y(tick)+4, figureText(unitSeconds, tick))
	}
	for _, p := range []float64{50, 90, 95, 99, 99.9, 99.99} {
		if p <= most {
			d.line("cmp-grid", x(p), curveTop, x(p), bottom)
			d.text("cmp-tick", "middle", x(p), bottom+18, fmt.Sprintf("p%g", p))
		}
	}
	for _, side := range []struct {
		Side
		class string
	}{{c.Sides.Base, "base"}, {c.Sides.New, "new"}} {
		for n, i := range side.Runs {
			d.curve("cmp-curve "+side.class, c.curves[i], x, y, fmt.Sprintf("%s, run %d", side.Name, n+1))
		}
	}
	return d.svg("curves", "Latency by percentile", fmt.Sprintf("A line for each run, on a common scale from %s to %s: %s solid, %s dashed.",
		figureText(unitSeconds, low), figureText(unitSeconds, high), c.Sides.Base.Name, c.Sides.New.Name))
}

// curve draws one latency curve.
func (d *drawing) curve(class string, c latencyCurve, x func(float64) float64, y scale, title string) {
	data := ""
	for i, p := range c.percentiles {
		command := "L"
		if i == 0 {
			command = "M"
		}
		data += command + num(x(p)) + " " + num(y.y(c.seconds[i]))
	}
	if data != "" {
		d.path(class, data, title)
	}
}
