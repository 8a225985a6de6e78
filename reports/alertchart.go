package reports

import (
	"fmt"
	"html/template"
	"time"
)

// maxAlertRows keeps the chart of alerts readable.
const maxAlertRows = 30

// An alertSpan is an episode on the time axis.
type alertSpan struct {
	name, words  string
	active       time.Duration
	firing, over *time.Duration
}

// alertSpansOf are the first episodes.
func alertSpansOf(a *Alerts) (spans []alertSpan) {
	if a == nil {
		return nil
	}
	for _, e := range firstOf(a.Episodes, maxAlertRows) {
		spans = append(spans, alertSpan{
			name: e.Alert, active: e.Active, firing: e.Firing, over: e.Ended,
			words: fmt.Sprintf("%s (%s): %s", e.Alert, LabelWords(e.Labels), e.state()),
		})
	}
	return spans
}

// alertPanel draws each episode as a bar: hatched while it is pending, full while it
// fires; "" without any.
func alertPanel(s *scene, spans []alertSpan) template.HTML {
	if len(spans) == 0 {
		return ""
	}
	p := newPanel(s, "alerts-chart", "Alerts", "hatched: pending; full: firing", faultRow*float64(len(spans)))
	p.d.b.WriteString(pendingPattern)
	about := make([]string, 0, len(spans))
	for i, a := range spans {
		y := p.top + faultRow*float64(i) + (faultRow-faultBar)/2
		end := s.window.to
		if a.over != nil {
			end = *a.over
		}
		fires := end
		if a.firing != nil {
			fires = *a.firing
		}
		x1, x2, x3 := s.window.x(a.active), s.window.x(fires), s.window.x(end)
		text := fmt.Sprintf("%s, %s to %s", a.words, moment(a.active), moment(end))
		if x2 > x1 {
			p.d.rect("alert pending", x1, y, x2-x1, faultBar, text)
		}
		if a.firing != nil {
			p.d.span("alert", x2, x3, 2, y, faultBar, text)
		}
		if room := marginLeft + plotWidth; x3+8 < room*3/4 {
			p.d.beside("fault-label", "start", x3, 6, y+faultBar-1.5, cut(a.name, 40))
		} else {
			p.d.beside("fault-label", "end", max(x1, marginLeft+12), 6, y+faultBar-1.5, cut(a.name, 40))
		}
		about = append(about, text)
	}
	p.about = listed(about, 20)
	return p.done()
}

// pendingPattern is that of alerts that are not firing yet.
const pendingPattern = `<defs><pattern id="waiting" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
	`<rect class="hatch-ground" width="6" height="6"/><rect class="waiting-stripe" width="2.4" height="6"/></pattern></defs>`
