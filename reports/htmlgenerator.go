package reports

import (
	"fmt"
	"html/template"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

type (
	// pagePart is one kind of parts of the run.
	pagePart struct {
		Title    string
		Outcomes bool
		Rows     []pagePartRow
		More     int
	}
	pagePartRow struct {
		Part
		Label, Share string
	}
)

func pageParts(b Breakdowns) []pagePart {
	var parts []pagePart
	for _, table := range b.tables() {
		part := pagePart{Title: table.title, Outcomes: table.outcomes, More: max(0, len(table.parts)-maxParts)}
		for _, p := range table.parts[:len(table.parts)-part.More] {
			part.Rows = append(part.Rows, pagePartRow{p, p.label(), percent(p.OK, p.Count)})
		}
		parts = append(parts, part)
	}
	return parts
}

// pageGenerator is the section on the generator itself.
type pageGenerator struct {
	Generator
	Class  string
	Facts  []pageFact
	Charts []template.HTML
}

// pageGeneratorOf is nil for a run that tells nothing of its generator.
func pageGeneratorOf(run Run, w window, g Generator) *pageGenerator {
	if g.words() == "" {
		return nil
	}
	p := &pageGenerator{Generator: g, Class: "pass"}
	if !g.Good {
		p.Class = "open"
	}
	for _, f := range g.facts() {
		p.Facts = append(p.Facts, pageFact{f.name, f.value})
	}
	if len(g.Lag) > 0 {
		p.Charts = append(p.Charts, lagChart(g, g.tolerable))
	}
	events := run.events()
	s := &scene{window: w, phases: phasesOf(events, w), actions: actionsOf(events, w)}
	if points := thin(busyOf(events), maxPoints); len(points) > 0 {
		p.Charts = append(p.Charts, busyPanel(s, points), axisPanel(s, "generator-axis"))
	}
	return p
}

// lagChart is the histogram of the schedule error: what was tolerable in one
// colour, what was not in another.
func lagChart(g Generator, tolerable time.Duration) template.HTML {
	const height = 110.0
	d := &drawing{height: titleRoom + height + 40, still: true}
	bottom := titleRoom + height
	d.text("panel-title", "start", marginLeft, 20, "Schedule error")
	d.text("panel-unit", "end", marginLeft+plotWidth, 20, "requests and session starts by how late they were; "+span(tolerable)+" is tolerable for 99 in 100")
	most := 0
	for _, b := range g.Lag {
		most = max(most, b.Count)
	}
	sc := linear(float64(most), bottom, titleRoom)
	for _, v := range sc.ticks {
		d.line("grid", marginLeft, sc.y(v), marginLeft+plotWidth, sc.y(v))
		d.text("tick", "end", marginLeft-8, sc.y(v)+4, figure(v))
	}
	wide := min(plotWidth/float64(len(g.Lag)), 90)
	for i, b := range g.Lag {
		x := marginLeft + float64(i)*wide
		class := "lag-bar"
		if b.UpTo > tolerable {
			class += " past"
		}
		y := sc.y(float64(b.Count))
		d.rect(class, x+2, y, wide-4, bottom-y, fmt.Sprintf("up to %s: %s", span(b.UpTo), count(b.Count)))
		d.text("tick", "middle", x+wide/2, bottom+16, "≤ "+span(b.UpTo))
	}
	d.line("axis", marginLeft, bottom, marginLeft+plotWidth, bottom)
	return d.svg("lag", "Schedule error", fmt.Sprintf("How late requests and session starts were: p50 %s, p99 %s, at most %s.",
		span(g.LagP50), span(g.LagP99), span(g.LagMax)))
}

// busyOf reads how busy the generator was, in order of time.
func busyOf(events []journal.Event) []point {
	var points []point
	for _, e := range events {
		if b, ok := e.Body.(journal.Generator); ok && b.For > 0 {
			thread, process := shares(b)
			points = append(points, point{from: e.T - b.For, to: e.T, thread: thread, process: process, steal: b.Steal})
		}
	}
	return points
}

// busyPanel shows how busy the generator was on the time axis.
func busyPanel(s *scene, points []point) template.HTML {
	p := newPanel(s, "busy", "CPU of the generator", "percent: of one CPU for its thread, of all for process and steal", 80)
	sc := scale{bottom: p.bottom, top: p.top, high: 100, ticks: []float64{0, 50, 100}}
	p.axis(sc, figure)
	var curves []curve
	var about []string
	for _, c := range []curve{
		{"thread", "thread", func(q point) float64 { return q.thread }},
		{"process", "process", func(q point) float64 { return q.process }},
		{"steal", "steal", func(q point) float64 { return q.steal }},
	} {
		share := c.value
		top, _ := peak(points, share)
		if share(top) < 0 {
			continue // not known here
		}
		about = append(about, c.label+" "+shareOf(share(top)))
		c.value = func(q point) float64 { return 100 * max(0, share(q)) }
		curves = append(curves, c)
	}
	p.curves(points, sc, curves)
	p.about = "CPU of the generator, at most: " + listed(about, len(about)) + "."
	return p.done()
}
