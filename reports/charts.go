package reports

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

// A panel is one chart of the timeline; panels stand below one another on the
// same time axis.
type panel struct {
	d                drawing
	scene            *scene
	top, bottom      float64 // of the plot
	title, id, about string
}

// A scene is what every panel draws on: the window, its phases, actions and faults.
type scene struct {
	window  window
	phases  []phase
	actions []action
	faults  []faultSpan
	// calledOff are faults that never began: they stand in their own panel alone.
	calledOff []faultSpan
}

// Heights in units of the drawing.
const (
	titleRoom = 30.0 // above the plot, for the panel's title
	lowRoom   = 12.0 // below it
)

// newPanel begins a panel with background, title and phase bands.
func newPanel(s *scene, id, title, unit string, height float64) *panel {
	p := &panel{scene: s, id: id, title: title, top: titleRoom, bottom: titleRoom + height}
	p.d.height = titleRoom + height + lowRoom
	p.backdrop(0, p.d.height)
	p.d.text("panel-title", "start", marginLeft, 20, title)
	if unit != "" {
		p.d.text("panel-unit", "end", marginLeft+plotWidth, 20, unit)
	}
	return p
}

// backdrop shades every other phase and what was broken, and marks actions, over the whole height
// so that bands and marks run through all panels.
func (p *panel) backdrop(top, bottom float64) {
	w := p.scene.window
	for i, ph := range p.scene.phases {
		x1, x2 := w.x(ph.from), w.x(ph.to)
		if i%2 == 0 && x2 > x1 {
			p.d.rect("band", x1, top, x2-x1, bottom-top, "")
		}
		p.d.line("edge", x1, top, x1, bottom)
	}
	for _, t := range timeTicks(w) {
		p.d.line("grid-time", w.x(t), top, w.x(t), bottom)
	}
	for _, f := range p.scene.faults {
		if x1, x2, ok := f.across(w); ok {
			p.d.span("fault-band", x1, x2, 1, top, bottom-top, "")
		}
	}
	for _, a := range p.scene.actions {
		if w.holds(a.from) {
			p.d.line("action", w.x(a.from), top, w.x(a.from), bottom)
		}
	}
}

// axis draws the horizontal grid with its labels.
func (p *panel) axis(s scale, label func(float64) string) {
	for _, v := range s.ticks {
		p.d.line("grid", marginLeft, s.y(v), marginLeft+plotWidth, s.y(v))
		p.d.text("tick", "end", marginLeft-8, s.y(v)+4, label(v))
	}
}

// done is the finished picture. The edges of faults lie over everything, so that a
// band is seen where data covers it, and without its colour.
func (p *panel) done() template.HTML {
	p.edges()
	return p.d.svg(p.id, p.title, p.about)
}

// edges draws where faults begin and end, all in one path.
func (p *panel) edges() {
	var b strings.Builder
	w := p.scene.window
	for _, f := range p.scene.faults {
		x1, x2, ok := f.across(w)
		if !ok {
			continue
		}
		for _, x := range []float64{x1, x2} {
			fmt.Fprintf(&b, "M%s 0V%s", num(x), num(p.d.height))
		}
	}
	if b.Len() > 0 {
		p.d.path("fault-edge", b.String(), "")
	}
}

// A curve is one line of a panel.
type curve struct {
	class, label string
	value        func(point) float64 // below or at 0 on a logarithmic scale: a gap
}

// curves draws lines and labels each at its right end.
func (p *panel) curves(points []point, s scale, all []curve) {
	gap := gapOf(points)
	var ends []endLabel
	for _, c := range all {
		var data strings.Builder
		last, pen := point{}, false
		for _, pt := range points {
			v := c.value(pt)
			if s.log && v <= 0 {
				pen = false
				continue
			}
			if pen && pt.from-last.to > gap {
				pen = false
			}
			data.WriteString(map[bool]string{true: "L", false: "M"}[pen])
			data.WriteString(num(p.scene.window.x(pt.mid())) + " " + num(s.y(v)))
			last, pen = pt, true
		}
		if data.Len() == 0 {
			continue
		}
		p.d.path("line "+c.class, data.String(), "")
		ends = append(ends, endLabel{class: c.class, text: c.label, y: s.y(c.value(last))})
	}
	p.labels(ends)
}

// gapOf is the pause after which a line is broken: two and a half points.
func gapOf(points []point) time.Duration {
	if len(points) < 2 {
		return time.Second
	}
	return (points[len(points)-1].to - points[0].from) / time.Duration(len(points)) * 3 / 2
}

// An endLabel names a line at its right end.
type endLabel struct {
	class, text string
	y           float64
}

// labels writes the names of lines to the right of the plot, pushed apart
// where they would overlap.
func (p *panel) labels(ends []endLabel) {
	slices.SortStableFunc(ends, func(a, b endLabel) int { return cmp.Compare(a.y, b.y) })
	const room = 15.0
	for i := 1; i < len(ends); i++ {
		ends[i].y = max(ends[i].y, ends[i-1].y+room)
	}
	if n := len(ends); n > 0 && ends[n-1].y > p.bottom {
		ends[n-1].y = p.bottom
		for i := n - 2; i >= 0; i-- {
			ends[i].y = min(ends[i].y, ends[i+1].y-room)
		}
	}
	for _, e := range ends {
		p.d.text("end "+e.class, "start", marginLeft+plotWidth+8, e.y+4, e.text)
	}
}

// loadPanel shows what was to be sent and what was.
func loadPanel(s *scene, points []point) template.HTML {
	p := newPanel(s, "load", "Load", "requests sent per second", 120)
	top, _ := peak(points, func(q point) float64 { return max(q.intended, q.sent) })
	sc := linear(max(top.intended, top.sent), p.bottom, p.top)
	p.axis(sc, figure)
	p.curves(points, sc, []curve{
		{"intended", "intended", func(q point) float64 { return q.intended }},
		{"achieved", "achieved", func(q point) float64 { return q.sent }},
	})
	p.about = fmt.Sprintf("Intended and achieved requests per second; at most %s intended and %s achieved at %s.",
		rate(top.intended), rate(top.sent), moment(top.mid()))
	return p.done()
}

// A limit is a response time that a check asks for.
type limit struct {
	quantile string
	most     time.Duration
}

// latencyPanel shows response times on a logarithmic scale, with the limits
// that checks ask for.
func latencyPanel(s *scene, points []point, limits []limit, merged bool) template.HTML {
	of := "of the slowest step"
	if merged {
		of = "of all requests"
	}
	p := newPanel(s, "latency", "Response time", of+", second by second, from the intended send time, log scale", 170)
	low, high := time.Duration(0), time.Duration(0)
	for _, q := range points {
		if q.p50 > 0 && (low == 0 || q.p50 < low) {
			low = q.p50
		}
		high = max(high, q.p99)
	}
	for _, l := range limits {
		high = max(high, l.most)
	}
	sc := logarithmic(low.Seconds(), high.Seconds(), p.bottom, p.top)
	p.axis(sc, func(v float64) string { return span(time.Duration(v*1e9 + 0.5)) })
	for i, l := range limits {
		y := sc.y(l.most.Seconds())
		p.d.line("limit", marginLeft, y, marginLeft+plotWidth, y)
		label := y - 4
		if label-12 < p.top {
			label = y + 13
		}
		p.d.text("limit-label", "start", marginLeft+6+float64(i)*150, label, l.quantile+" limit "+span(l.most))
	}
	p.curves(points, sc, []curve{
		{"p50", "p50", func(q point) float64 { return q.p50.Seconds() }},
		{"p95", "p95", func(q point) float64 { return q.p95.Seconds() }},
		{"p99", "p99", func(q point) float64 { return q.p99.Seconds() }},
	})
	if top, ok := peak(points, func(q point) float64 { return q.p99.Seconds() }); ok {
		p.about = fmt.Sprintf("p50, p95 and p99 %s that succeeded; p99 is highest with %s at %s.", of, span(top.p99), moment(top.mid()))
	}
	return p.done()
}

// errorPanel shows failed and unknown requests as stacked columns.
func errorPanel(s *scene, points []point) template.HTML {
	top, _ := peak(points, func(q point) float64 { return q.failed + q.unknown })
	if top.failed+top.unknown == 0 {
		p := newPanel(s, "errors", "Errors", "", 22)
		p.d.text("quiet", "start", marginLeft, p.top+10, "no request failed")
		p.about = "No request failed."
		return p.done()
	}
	p := newPanel(s, "errors", "Errors", "requests per second that failed or whose fate is unknown", 80)
	sc := linear(top.failed+top.unknown, p.bottom, p.top)
	p.axis(sc, figure)
	failed, unknown, some := p.columns(points, sc)
	p.d.b.WriteString(fatePattern)
	p.d.path("failed", failed, "")
	p.d.path(unknownClass(len(points)), unknown, "")
	p.key("failed", "failed-text", "failed", p.bottom-10)
	if some {
		p.key("unknown", "unknown-text", "unknown", p.bottom-28)
	}
	p.about = fmt.Sprintf("Failed and unknown requests per second; most with %s at %s.", rate(top.failed+top.unknown), moment(top.mid()))
	return p.done()
}

// fatePattern is that of requests whose fate is unknown: full columns and hatched
// ones are told apart without colour.
const fatePattern = `<defs><pattern id="fate" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
	`<rect class="hatch-ground" width="5" height="5"/><rect class="fate-stripe" width="2.4" height="5"/></pattern></defs>`

// key explains a look to the right of the plot: a swatch and its name.
func (p *panel) key(look, class, name string, y float64) {
	p.d.rect(look, marginLeft+plotWidth+8, y-9, 11, 11, "")
	p.d.text("end "+class, "start", marginLeft+plotWidth+24, y+1, name)
}

// unknownClass outlines wide columns and not narrow ones, which an outline
// would cover.
func unknownClass(columns int) string {
	if columns > 150 {
		return "unknown dense"
	}
	return "unknown"
}

// columns is the path data of the stacked columns; some tells whether a
// request's fate is unknown.
func (p *panel) columns(points []point, sc scale) (failed, unknown string, some bool) {
	var f, u strings.Builder
	w := p.scene.window
	column := func(b *strings.Builder, q point, from, to float64) {
		x1, x2 := w.x(q.from), w.x(q.to)
		if x2-x1 > 3 {
			x1, x2 = x1+0.5, x2-0.5
		}
		fmt.Fprintf(b, "M%s %sH%sV%sH%sZ", num(x1), num(sc.y(from)), num(x2), num(sc.y(to)), num(x1))
	}
	for _, q := range points {
		if q.failed > 0 {
			column(&f, q, 0, q.failed)
		}
		if q.unknown > 0 {
			some = true
			column(&u, q, q.failed, q.failed+q.unknown)
		}
	}
	return f.String(), u.String(), some
}

// headPanel names the phases and the actions.
func headPanel(s *scene) template.HTML {
	d := &drawing{}
	p := &panel{scene: s, id: "phases", title: "Phases and actions"}
	rows := actionRows(s)
	d.height = 26
	if len(rows) > 0 {
		d.height += 18*float64(slices.Max(rows)+1) + 4
	}
	p.backdrop(0, d.height)
	d.b.WriteString(p.d.b.String())
	var about []string
	for _, ph := range s.phases {
		x1, x2 := s.window.x(ph.from), s.window.x(ph.to)
		about = append(about, fmt.Sprintf("%s from %s to %s", ph.name, moment(ph.from), moment(ph.to)))
		if letters := int((x2 - x1 - 8) / 7.2); letters >= 3 {
			d.text("phase", "middle", (x1+x2)/2, 17, cut(ph.name, letters))
		}
	}
	for i, a := range s.actions {
		about = append(about, a.describe())
		if i < len(rows) && rows[i] >= 0 {
			from := s.window.x(a.from)
			_, anchor := labelSide(from)
			y := 38 + 18*float64(rows[i])
			d.beside("action-label", anchor, from, 5, y, cut(a.detail, 40))
			d.span(a.class(), from, s.window.x(a.to), 1.5, y+4, 2.5, a.describe())
		}
	}
	return d.svg(p.id, p.title, listed(about, 24))
}

// labelSide puts a label beside a mark, to its left near the right edge.
func labelSide(x float64) (at float64, anchor string) {
	if x > marginLeft+plotWidth-140 {
		return x - 5, "end"
	}
	return x + 5, "start"
}

// maxActionRows bounds the height of the head; further labels are left to the
// table of events.
const maxActionRows = 3

// actionRows stacks the labels of actions so that they do not overlap: the
// row of each, -1 where there was no room or it lies outside the window.
func actionRows(s *scene) []int {
	ends := make([]float64, maxActionRows)
	rows := make([]int, 0, len(s.actions))
	for _, a := range s.actions {
		x, anchor := labelSide(s.window.x(a.from))
		length := 7 * float64(min(len(a.detail), 40))
		if anchor == "end" {
			x -= length
		}
		row := slices.IndexFunc(ends, func(end float64) bool { return end <= x })
		if !s.window.holds(a.from) {
			row = -1
		}
		if row >= 0 {
			ends[row] = x + length + 10
		}
		rows = append(rows, row)
	}
	return rows
}

// axisPanel is the time axis.
func axisPanel(s *scene, id string) template.HTML {
	d := &drawing{height: 40}
	w := s.window
	d.line("axis", marginLeft, 1, marginLeft+plotWidth, 1)
	for _, t := range timeTicks(w) {
		d.line("axis", w.x(t), 1, w.x(t), 6)
		d.text("tick", "middle", w.x(t), 20, clockLabel(t, w))
	}
	d.text("panel-unit", "end", marginLeft+plotWidth, 36, "time since the start of the run")
	return d.svg(id, "Time axis", fmt.Sprintf("From %s to %s since the start of the run.", moment(w.from), moment(w.to)))
}

// figure is a label of a linear axis.
func figure(v float64) string {
	if v == float64(int(v)) {
		return count(int(v))
	}
	return digits(v)
}
