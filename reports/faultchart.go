package reports

import (
	"fmt"
	"html/template"
	"slices"
	"time"
)

// Heights of the chart of faults.
const (
	faultRow = 20.0
	faultBar = 11.0
	// maxFaultRows keeps it readable.
	maxFaultRows = 30
)

// A faultSpan is a fault on the time axis.
type faultSpan struct {
	id, words string
	from, to  time.Duration
	sound     bool
	ended     bool // it was taken back
}

// across is where a fault lies on the axis; ok is false if it lies outside. One
// that began before the window, or has not ended, reaches its edge.
func (f faultSpan) across(w window) (x1, x2 float64, ok bool) {
	if f.to < w.from || f.from > w.to {
		return 0, 0, false
	}
	return w.x(f.from), w.x(f.to), true
}

// faultSpansOf are the faults that began, to the end of the window if they did
// not end.
func faultSpansOf(f *Faults, w window) (spans []faultSpan) {
	if f == nil {
		return nil
	}
	for _, r := range firstOf(f.Faults, maxFaultRows) {
		if r.Began == nil || len(r.Targets) == 0 { // it was done to nobody
			continue
		}
		s := faultSpan{id: r.ID, from: *r.Began, to: w.to, sound: r.sound(), words: fmt.Sprintf("%s on %s: %s", r.ID, listed(r.Targets, 4), r.state())}
		if r.Ended != nil {
			s.to, s.ended = *r.Ended, true
		}
		spans = append(spans, s)
	}
	return spans
}

// calledOffOf are the faults that were called off, each at the moment at which it was.
func calledOffOf(f *Faults) (marks []faultSpan) {
	if f == nil {
		return nil
	}
	for _, r := range firstOf(f.Faults, maxFaultRows) {
		if r.calledOff() {
			marks = append(marks, faultSpan{id: r.ID + " (" + r.state() + ")", words: fmt.Sprintf("%s on %s: %s", r.ID, listed(r.Targets, 4), r.state()), from: *r.Ended, to: *r.Ended})
		}
	}
	return marks
}

// when is from when to when it lasted, of one that was called off when that was.
func (f faultSpan) when() string {
	if f.from == f.to {
		return "at " + moment(f.from)
	}
	return moment(f.from) + " to " + moment(f.to)
}

// faultPanel draws each fault as a bar; "" without any. What had no effect, was
// lost or is not over is hatched, and so is the mark of what was called off.
func faultPanel(s *scene) template.HTML {
	all := slices.Concat(s.faults, s.calledOff)
	if len(all) == 0 {
		return ""
	}
	p := newPanel(s, "faults-chart", "Faults", "what was broken on purpose", faultRow*float64(len(all)))
	p.d.b.WriteString(doubtful)
	about := make([]string, 0, len(all))
	for i, f := range all {
		y := p.top + faultRow*float64(i) + (faultRow-faultBar)/2
		x1, x2 := s.window.x(f.from), s.window.x(f.to)
		class := "fault"
		if !f.sound {
			class = "fault doubtful"
		}
		text := f.words + ", " + f.when()
		p.d.span(class, x1, x2, 2, y, faultBar, text)
		if room := marginLeft + plotWidth; x2+8 < room*3/4 {
			p.d.beside("fault-label", "start", x2, 6, y+faultBar-1.5, cut(f.id, 40))
		} else {
			p.d.beside("fault-label", "end", max(x1, marginLeft+12), 6, y+faultBar-1.5, cut(f.id, 40))
		}
		about = append(about, text)
	}
	p.about = listed(about, 20)
	return p.done()
}

// doubtful is the pattern of faults that prove nothing, so that this does not
// hang on a colour.
const doubtful = `<defs><pattern id="doubtful" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
	`<rect class="hatch-ground" width="6" height="6"/><rect class="doubtful-stripe" width="2.4" height="6"/></pattern></defs>`
