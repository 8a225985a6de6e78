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
//
// It has two layers. The plot is what stands on the time axis: shapes, and the
// labels of moments. The script zooms by showing less of it across the same
// width. The frame stays as it is: titles, units, figures of the scales, names of
// lines. What lies beside the plot is of the frame.
type drawing struct {
	b      strings.Builder // the plot
	frame  strings.Builder
	height float64
	still  bool // has no time axis, so there is nothing to zoom
}

// num writes a coordinate with at most two decimals: a zoom of several
// hundredfold still puts things where they belong, to a few points.
func num(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0
	}
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}

// svg closes the drawing. Title and desc stand for it where it is not seen.
func (d *drawing) svg(id, title, desc string) template.HTML {
	width, height := num(chartWidth), num(d.height)
	plot, panel := d.b.String(), ""
	if !d.still {
		left, across := num(marginLeft), num(plotWidth)
		panel = ` data-panel="` + id + `"`
		// Its view box is what it covers, so that nothing changes until the script
		// narrows it; the words of the picture already stand for it.
		plot = fmt.Sprintf(`<svg class="plot" aria-hidden="true" x="%[1]s" y="0" width="%[2]s" height="%[3]s" viewBox="%[1]s 0 %[2]s %[3]s" preserveAspectRatio="none">%[4]s</svg>`,
			left, across, height, plot)
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // everything inside was escaped when it was drawn
		`<svg viewBox="0 0 %s %s" role="img" aria-labelledby="%[3]s-t %[3]s-d"%[4]s><title id="%[3]s-t">%[5]s</title><desc id="%[3]s-d">%[6]s</desc>%[7]s%[8]s</svg>`,
		width, height, id, panel, escapeHTML(title), escapeHTML(desc), plot, d.frame.String()))
}

// layer is where a shape from x1 to x2 belongs.
func (d *drawing) layer(x1, x2 float64) *strings.Builder {
	if max(x1, x2) < marginLeft || min(x1, x2) > marginLeft+plotWidth {
		return &d.frame
	}
	return &d.b
}

func (d *drawing) rect(class string, x, y, w, h float64, title string) {
	b := d.layer(x, x+w)
	fmt.Fprintf(b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"`, class, num(x), num(y), num(w), num(h))
	closeShape(b, "rect", title)
}

// span draws a stretch of time from x1 to x2 as a bar that is least wide, so that
// a short one is seen. The zoom widens it as far as it really lasted, and no
// further.
func (d *drawing) span(class string, x1, x2, least, y, h float64, title string) {
	if x2-x1 >= least {
		d.rect(class, x1, y, x2-x1, h, title)
		return
	}
	fmt.Fprintf(&d.b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" data-w="%s"`, class, num(x1), num(y), num(least), num(h), num(max(x2-x1, 0)))
	closeShape(&d.b, "rect", title)
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(d.layer(x1, x2), `<path class="%s" d="M%s %sL%s %s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

// path draws path data as it is, in the plot; data is never taken from the run.
func (d *drawing) path(class, data, title string) {
	fmt.Fprintf(&d.b, `<path class="%s" d="%s"`, class, data)
	closeShape(&d.b, "path", title)
}

// text writes at a baseline, in the frame; anchor is "start", "middle" or "end".
func (d *drawing) text(class, anchor string, x, y float64, text string) {
	fmt.Fprintf(&d.frame, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, anchor, num(x), num(y), escapeHTML(text))
}

// beside writes at a gap from the moment at x, in the plot: to its right if anchor
// is "start", to its left if it is "end". However far the zoom goes, the words
// keep their shape and their gap.
func (d *drawing) beside(class, anchor string, x, gap, y float64, text string) {
	if anchor == "end" {
		gap = -gap
	}
	fmt.Fprintf(&d.b, `<text class="%s" text-anchor="%s" x="%s" dx="%s" y="%s">%s</text>`, class, anchor, num(x), num(gap), num(y), escapeHTML(text))
}

// closeShape ends a shape, with a tooltip if there is one.
func closeShape(b *strings.Builder, element, title string) {
	if title == "" {
		b.WriteString("/>")
		return
	}
	fmt.Fprintf(b, "><title>%s</title></%s>", escapeHTML(title), element)
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
