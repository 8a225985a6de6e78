package reports

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// The geometry that all charts share, in units of the drawing: the plot lies
// between the margins, so that times stand below one another.
const (
	chartWidth = 1120.0
	marginLeft = 92.0
	marginRite = 104.0
	plotWidth  = chartWidth - marginLeft - marginRite
)

// escapeHTML makes a text of the run safe as HTML or SVG content or attribute.
func escapeHTML(text string) string { return template.HTMLEscapeString(clean(text)) }

// A drawing is one SVG picture under way. Colours come from classes, so that
// light, dark and print are the style sheet's business.
type drawing struct {
	b      strings.Builder
	height float64
}

// num writes a coordinate with at most one decimal, which is finer than any
// screen shows.
func num(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// svg closes the drawing. Title and desc stand for it where it is not seen.
func (d *drawing) svg(id, title, desc string) template.HTML {
	return template.HTML(fmt.Sprintf( //nolint:gosec // everything inside was escaped when it was drawn
		`<svg viewBox="0 0 %s %s" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>%s</svg>`,
		num(chartWidth), num(d.height), id, id, id, escapeHTML(title), id, escapeHTML(desc), d.b.String()))
}

func (d *drawing) rect(class string, x, y, w, h float64, title string) {
	fmt.Fprintf(&d.b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"`, class, num(x), num(y), num(w), num(h))
	d.end("rect", title)
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&d.b, `<path class="%s" d="M%s %sL%s %s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

// path draws path data as it is; data is never taken from the run.
func (d *drawing) path(class, data, title string) {
	fmt.Fprintf(&d.b, `<path class="%s" d="%s"`, class, data)
	d.end("path", title)
}

// text writes at a baseline; anchor is "start", "middle" or "end".
func (d *drawing) text(class, anchor string, x, y float64, text string) {
	fmt.Fprintf(&d.b, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, anchor, num(x), num(y), escapeHTML(text))
}

// end closes a shape, with a tooltip if there is one.
func (d *drawing) end(element, title string) {
	if title == "" {
		d.b.WriteString("/>")
		return
	}
	fmt.Fprintf(&d.b, "><title>%s</title></%s>", escapeHTML(title), element)
}

// x is where a moment stands.
func (w window) x(t time.Duration) float64 {
	share := float64(t-w.from) / float64(max(w.span(), 1))
	return marginLeft + plotWidth*min(1, max(0, share))
}

// holds tells whether a moment lies in the window.
func (w window) holds(t time.Duration) bool { return t >= w.from && t <= w.to }

// A scale maps values to heights of a panel between bottom and top.
type scale struct {
	bottom, top float64 // coordinates; top is the smaller
	low, high   float64 // values
	log         bool
	ticks       []float64
}

// y is where a value stands; values outside stand at the edge.
func (s scale) y(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		v, low, high = math.Log(max(v, s.low)), math.Log(low), math.Log(high)
	}
	share := min(1, max(0, (v-low)/(high-low)))
	return s.bottom - share*(s.bottom-s.top)
}

// linear makes a scale from 0 to half a step at most above high, with ticks at
// round steps.
func linear(high, bottom, top float64) scale {
	if !(high > 0) {
		high = 1
	}
	step := roundStep(high / 3)
	s := scale{bottom: bottom, top: top, high: math.Ceil(2*high/step-1e-9) * step / 2}
	for v := 0.0; v <= s.high*(1+1e-9); v += step {
		s.ticks = append(s.ticks, v)
	}
	return s
}

// roundStep is the least of 1, 2, 5 times a power of ten that is not below v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// logarithmic makes a scale between round values (1, 2, 5 times a power of
// ten), at least a decade, with ticks at decades and, where it spans less than
// three of them, at 2 and 5 besides.
func logarithmic(low, high, bottom, top float64) scale {
	if !(low > 0) || !(high >= low) {
		low, high = 1, 10
	}
	s := scale{bottom: bottom, top: top, log: true, high: roundStep(high)}
	s.low = min(1/roundStep(1/low), s.high/10) // rounded down
	for power := math.Pow(10, math.Floor(math.Log10(s.low)+1e-9)); power <= s.high*1.001; power *= 10 {
		for _, m := range []float64{1, 2, 5} {
			v := m * power
			if (m == 1 || s.high/s.low < 999) && v > s.low*.999 && v < s.high*1.001 {
				s.ticks = append(s.ticks, v)
			}
		}
	}
	return s
}

// timeSteps are the distances between labels of the time axis, in seconds.
var timeSteps = []int{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400}

// timeTicks are round moments in the window, at most about a dozen.
func timeTicks(w window) []time.Duration {
	step := time.Duration(timeSteps[len(timeSteps)-1]) * time.Second
	for _, s := range timeSteps {
		if d := time.Duration(s) * time.Second; w.span()/d <= 12 {
			step = d
			break
		}
	}
	for w.span()/step > 12 {
		step *= 2
	}
	var ticks []time.Duration
	first := (w.from + step - 1) / step * step
	for t := first; t <= w.to; t += step {
		ticks = append(ticks, t)
	}
	return ticks
}

// clockLabel is a moment on the time axis.
func clockLabel(t time.Duration, w window) string {
	s := int(t / time.Second)
	switch {
	case w.to < 2*time.Minute:
		return strconv.Itoa(s) + " s"
	case w.to < time.Hour:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
