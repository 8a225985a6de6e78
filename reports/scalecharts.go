package reports

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Limits that keep the charts of scaling readable and small.
const (
	openScaled   = 3  // services in sight at once; the rest is behind a fold
	maxScaled    = 20 // services
	openQueues   = 2  // queues, likewise
	maxInstances = 8  // whose limits are drawn
	maxChanges   = 80 // marks of one chart
)

// A stepLine is a line of a chart that goes in steps.
type stepLine struct {
	class, label string
	levels       levels
}

// scalePanels are the charts of what was scaled and what was used: instances and
// limits service by service, what instances used, and backlogs.
func scalePanels(s *scene, run Run, lanes []*lane) (panels []template.HTML) {
	events := run.events()
	decisions := decisionsOf(events)
	demands := run.demands()
	var scaled [][]template.HTML
	for i, service := range firstOf(counting(run, lanes, s.window), maxScaled) {
		var of []template.HTML
		if panel := replicaPanel(s, i, lanes, decisions, demands[service], service); panel != "" {
			of = append(of, panel)
		}
		if panel := limitPanel(s, i, run, service); panel != "" {
			of = append(of, panel)
		}
		if len(of) > 0 {
			scaled = append(scaled, of)
		}
	}
	panels = append(panels, behind(scaled, openScaled, "more service")...)
	panels = append(panels, usagePanels(s, run)...)
	var queues [][]template.HTML
	for i, q := range firstOf(queuesOf(run), maxScaled) {
		if of := queuePanels(s, i, events, q); len(of) > 0 {
			queues = append(queues, of)
		}
	}
	return append(panels, behind(queues, openQueues, "more queue")...)
}

// behind shows the first groups of panels and hides the others behind a fold.
func behind(groups [][]template.HTML, open int, noun string) []template.HTML {
	open = min(open, len(groups))
	panels := slices.Concat(groups[:open]...)
	if rest := groups[open:]; len(rest) > 0 {
		panels = append(panels, behindFold(plural(len(rest), noun), slices.Concat(rest...)...))
	}
	return panels
}

// counting are the services whose number of instances is worth a chart: those that
// something scales or resizes, most decisions first, then those of which the
// number changed while traffic flowed.
func counting(run Run, lanes []*lane, w window) []string {
	names := managed(run)
	changes := map[string]int{}
	for _, e := range run.events() {
		if b, ok := e.Body.(journal.ScaleDecision); ok && b.Desired != b.Current {
			changes[b.Service]++
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(changes[b], changes[a]) })
	for _, l := range lanes {
		if l.job || slices.Contains(names, l.service) {
			continue
		}
		if least, most := startedOf(lanes, l.service).within(w.traffic, w.silent); least != most {
			names = append(names, l.service)
		}
	}
	return names
}

func firstOf[T any](list []T, most int) []T { return list[:min(len(list), most)] }

// replicaPanel shows how many instances ran, how many were ready for work, how many
// were asked for, and how many the load needed, where that is known; "" of a service
// whose number of instances neither changes nor is decided on.
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
	ready, started := servingOf(lanes, service), startedOf(lanes, service)
	if least, most := started.within(s.window.traffic, s.window.silent); len(asked) == 0 && least == most {
		return ""
	}
	lines := []stepLine{{"started", "started", started}, {"serving", "ready", ready}}
	if len(asked) > 0 {
		lines = append(lines, stepLine{"desired", "desired", asked})
	}
	if len(demand) > 0 {
		var needed levels
		for _, l := range demand {
			needed = needed.to(l.At, float64(l.N))
		}
		lines = slices.Insert(lines, 0, stepLine{"demand", "demand", needed})
	}
	p := newPanel(s, fmt.Sprintf("replicas-%d", n+1), "Instances of "+clean(service), "whose process runs, that are ready for work, and that were asked for", 90)
	top := 0.0
	for _, l := range lines {
		top = max(top, l.levels.highest())
	}
	sc := integral(linear(top, p.bottom, p.top+10))
	p.axis(sc, figure)
	p.steps(lines, sc)
	p.decisions(changes)
	p.deaths(lanes, service)
	least, most := ready.within(s.window.traffic, s.window.silent)
	p.about = fmt.Sprintf("%d to %d instances of %s took work; %s.", least, most, clean(service), plural(len(changes), "decision")+" changed their number")
	return p.done()
}

// startedOf is how many instances of a service run, whether they take work or not.
func startedOf(lanes []*lane, service string) levels {
	return counted(lanes, service, func(s state) bool { return s != ghost && s != absent })
}

// deaths marks instances that ended although nobody had asked, or not as they
// should.
func (p *panel) deaths(lanes []*lane, service string) {
	n := 0
	for _, l := range lanes {
		for _, m := range l.marks {
			if l.service != service || m.kind != "bad-exit" || !p.scene.window.holds(m.at) || n == maxChanges {
				continue
			}
			n++
			p.d.path("mark bad-exit", arrowPath("bad-exit", p.scene.window.x(m.at), p.bottom-9), moment(m.at)+": "+clean(l.instance)+", "+m.label)
		}
	}
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
		if last := visible[len(visible)-1].N; last >= 0 {
			ends = append(ends, endLabel{class: l.class, text: cut(clean(l.label), 13), y: sc.y(last)})
		}
	}
	p.labels(ends)
}

// gap is the value of a level that is not known from there on; all that are drawn
// are zero or more.
const gap = -1

// stepPath is the path of one line.
func (p *panel) stepPath(l levels, sc scale) string {
	var b strings.Builder
	w := p.scene.window
	pen := false
	for _, v := range l {
		if pen {
			b.WriteString("H" + num(w.x(v.At)))
		}
		switch {
		case v.N < 0:
		case pen:
			b.WriteString("V" + num(sc.y(v.N)))
		default:
			b.WriteString("M" + num(w.x(v.At)) + " " + num(sc.y(v.N)))
		}
		pen = v.N >= 0
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
