package reports

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Limits that keep the charts of scaling readable and small.
const (
	maxScaled    = 6  // services
	maxInstances = 8  // whose limits are drawn
	maxChanges   = 80 // marks of one chart
)

// A stepLine is a line of a chart that goes in steps.
type stepLine struct {
	class, label string
	levels       levels
}

// scalePanels are the charts of what was scaled: instances, limits, and backlogs,
// service by service.
func scalePanels(s *scene, run Run, lanes []*lane) (panels []template.HTML) {
	events := run.events()
	decisions := decisionsOf(events)
	demands := verify.Demands(run.Record, run.Intent.Plan)
	for i, service := range firstOf(managed(run), maxScaled) {
		if panel := replicaPanel(s, i, lanes, decisions, demands[service], service); panel != "" {
			panels = append(panels, panel)
		}
		if panel := limitPanel(s, i, run, service); panel != "" {
			panels = append(panels, panel)
		}
	}
	for i, q := range firstOf(queuesOf(run), maxScaled) {
		panels = append(panels, queuePanels(s, i, events, q)...)
	}
	return panels
}

func firstOf[T any](list []T, most int) []T { return list[:min(len(list), most)] }

// replicaPanel shows how many instances took work, how many were asked for, and
// how many the load needed, where that is known; "" of a service whose number of
// instances nothing decides on.
func replicaPanel(s *scene, n int, lanes []*lane, decisions []Decision, demand []verify.Level, service string) template.HTML {
	var asked levels
	var changes []Decision
	for _, d := range decisions {
		if d.Service != clean(service) || !d.instances() {
			continue
		}
		asked = asked.to(d.T, float64(d.Desired))
		if d.changing() {
			changes = append(changes, d)
		}
	}
	if len(asked) == 0 {
		return ""
	}
	lines := []stepLine{
		{"serving", "serving", servingOf(lanes, service)},
		{"desired", "desired", asked},
	}
	if len(demand) > 0 {
		var needed levels
		for _, l := range demand {
			needed = needed.to(l.At, float64(l.N))
		}
		lines = slices.Insert(lines, 0, stepLine{"demand", "demand", needed})
	}
	p := newPanel(s, fmt.Sprintf("replicas-%d", n+1), "Instances of "+clean(service), "that take work, that were asked for, and that the load needs where capacity is known", 90)
	top := 0.0
	for _, l := range lines {
		top = max(top, l.levels.highest())
	}
	sc := integral(linear(top, p.bottom, p.top+10))
	p.axis(sc, figure)
	p.steps(lines, sc)
	p.decisions(changes)
	least, most := lines[len(lines)-2].levels.within(s.window.traffic, s.window.silent)
	p.about = fmt.Sprintf("%d to %d instances of %s took work; %s.", least, most, clean(service), plural(len(changes), "decision")+" changed their number")
	return p.done()
}

// integral keeps the ticks of a scale that stand for a number of things.
func integral(s scale) scale {
	s.ticks = slices.DeleteFunc(s.ticks, func(v float64) bool { return v != math.Trunc(v) })
	return s
}

// steps draws lines that go in steps and labels each that reaches the right end
// there. Values below 0 are gaps.
func (p *panel) steps(lines []stepLine, sc scale) {
	var ends []endLabel
	for _, l := range lines {
		visible := l.levels.between(p.scene.window.from, p.scene.window.to)
		data := p.stepPath(visible.thinned(maxPoints), sc)
		if data == "" {
			continue
		}
		p.d.path("line "+l.class, data, "")
		if last := visible[len(visible)-1].value; last >= 0 {
			ends = append(ends, endLabel{class: l.class, text: cut(clean(l.label), 13), y: sc.y(last)})
		}
	}
	p.labels(ends)
}

// stepPath is the path of one line.
func (p *panel) stepPath(l levels, sc scale) string {
	var b strings.Builder
	w := p.scene.window
	pen := false
	for _, v := range l {
		if pen {
			b.WriteString("H" + num(w.x(v.at)))
		}
		switch {
		case v.value < 0:
		case pen:
			b.WriteString("V" + num(sc.y(v.value)))
		default:
			b.WriteString("M" + num(w.x(v.at)) + " " + num(sc.y(v.value)))
		}
		pen = v.value >= 0
	}
	if pen {
		b.WriteString("H" + num(w.x(w.to)))
	}
	return b.String()
}

// decisions marks decisions above the plot: upwards, downwards, or crossed where
// something went wrong or held it back.
func (p *panel) decisions(all []Decision) {
	for _, d := range firstOf(all, maxChanges) {
		if !p.scene.window.holds(d.T) {
			continue
		}
		p.arrow(d.kind(), d.T, d.changed()+", "+d.metric()+", "+d.why())
	}
}

// kind is the look of the mark of a decision.
func (d Decision) kind() string {
	switch {
	case d.Held != "" || d.Error != "":
		return "bad-exit"
	case d.Change < 0:
		return "down"
	}
	return "up"
}

// arrow marks a moment above the plot: upwards, downwards, or a cross.
func (p *panel) arrow(kind string, at time.Duration, words string) {
	p.d.path("mark "+kind, arrowPath(kind, p.scene.window.x(at), p.top), moment(at)+": "+words)
}

// arrowPath is an arrow or a cross whose upper end is at y.
func arrowPath(kind string, x, y float64) string {
	switch kind {
	case "up":
		return fmt.Sprintf("M%s %sl4.5 8h-9Z", num(x), num(y))
	case "down":
		return fmt.Sprintf("M%s %sl4.5 -8h-9Z", num(x), num(y+8))
	}
	return fmt.Sprintf("M%s %sl8 8m0 -8l-8 8", num(x-4), num(y))
}
