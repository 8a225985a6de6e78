package reports

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

// Limits that keep the chart of instances readable and small.
const (
	maxLanes     = 40
	maxStretches = 400
	maxMarks     = 60
	maxTicks     = 300
)

// Heights in a lane: the rate above, the bar of states, failures below.
const (
	laneHeight = 42.0
	loadRoom   = 20.0
	barHeight  = 11.0
)

// shown picks the lanes that are worth drawing: those of services behind a
// gateway and those to which something happened, services with events first.
// quiet are the others, by name; more is how many did not fit.
func shown(lanes []*lane, w window) (drawn []*lane, quiet []string, more int) {
	lively := map[string]bool{}
	for _, l := range lanes {
		lively[l.service] = lively[l.service] || l.restless
	}
	for _, l := range lanes {
		switch {
		case len(l.stretches) == 0 || l.from() > w.to || l.stretches[len(l.stretches)-1].to < w.from:
		case l.fronted || lively[l.service]:
			drawn = append(drawn, l)
		default:
			quiet = append(quiet, l.instance)
		}
	}
	rank := func(l *lane) int {
		switch {
		case l.job:
			return 1
		case lively[l.service]:
			return 0
		}
		return 2
	}
	slices.SortStableFunc(drawn, func(a, b *lane) int { return cmp.Compare(rank(a), rank(b)) })
	if len(drawn) > maxLanes {
		drawn, more = drawn[:maxLanes], len(drawn)-maxLanes
	}
	return drawn, quiet, more
}

// lanePanel draws the lives of instances, one lane each.
func lanePanel(s *scene, lanes []*lane) template.HTML {
	if len(lanes) == 0 {
		return ""
	}
	gaps := 0.0
	for i, l := range lanes {
		if i > 0 && lanes[i-1].service != l.service {
			gaps += 8
		}
	}
	top := busiest(lanes)
	unit := "what each is to the traffic"
	if top > 0 {
		unit += ", above it its requests per second (highest: " + rate(top) + ")"
	}
	p := newPanel(s, "instances", "Instances", unit, laneHeight*float64(len(lanes))+gaps)
	p.d.b.WriteString(hatch)
	y := p.top
	var about []string
	for i, l := range lanes {
		if i > 0 && lanes[i-1].service != l.service {
			y += 8
		}
		p.lane(l, y, top)
		y += laneHeight
		about = append(about, l.describe())
	}
	p.about = listed(about, 20)
	return p.done()
}

// hatch has the patterns of instances that still get traffic although they
// are still initializing, were told to stop or are gone, so that the state does not hang on a colour.
const hatch = `<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
	`<rect class="hatch-ground" width="6" height="6"/><rect class="hatch-stripe" width="2.6" height="6"/></pattern>` +
	`<pattern id="early" width="5" height="5" patternUnits="userSpaceOnUse">` +
	`<rect class="hatch-ground" width="5" height="5"/><rect class="early-stripe" width="2.5" height="5"/></pattern>` +
	`<pattern id="cross" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">` +
	`<rect class="hatch-ground" width="5" height="5"/><rect class="cross-stripe" width="1.6" height="5"/><rect class="cross-stripe" width="5" height="1.6"/></pattern></defs>`

// busiest is the highest rate of any lane.
func busiest(lanes []*lane) float64 {
	top := 0.0
	for _, l := range lanes {
		for _, t := range l.load {
			top = max(top, t.rate)
		}
	}
	return top
}

func (p *panel) lane(l *lane, y, top float64) {
	bar := y + loadRoom + 2
	p.d.text("lane", "end", marginLeft-8, bar+barHeight-1, cut(l.instance, 13))
	if tag := l.tag(); tag != "" {
		p.d.text("lane-tag", "end", marginLeft-8, bar-4, cut(tag, 13))
	}
	if top > 0 {
		p.d.path("lane-load", p.loadArea(l, y+loadRoom, top), "")
	}
	for i, s := range l.stretches {
		if i == maxStretches {
			break
		}
		x1, x2 := p.scene.window.x(s.from), p.scene.window.x(s.to)
		if x2 > x1 {
			p.d.span(stateClasses[s.state], x1, x2, 0.6, bar, barHeight,
				fmt.Sprintf("%s: %s, %s to %s", l.instance, stateWords[s.state], moment(s.from), moment(s.to)))
		}
	}
	p.failures(l, bar+barHeight+2)
	p.marks(l, bar)
}

// stateClasses are the looks of the states.
var stateClasses = map[state]string{
	early: "s-early", running: "s-running", starting: "s-starting", serving: "s-serving",
	unready: "s-unready", leaving: "s-leaving", draining: "s-draining", ghost: "s-ghost",
}

// loadArea is the path of a lane's rate, standing on base.
func (p *panel) loadArea(l *lane, base, top float64) string {
	var b strings.Builder
	last := -1.0
	for _, t := range thinTicks(l.load) {
		x1, x2 := p.scene.window.x(t.at-t.length), p.scene.window.x(t.at)
		if x2 <= x1 {
			continue
		}
		y := base - (loadRoom-4)*t.rate/top
		if last < 0 || x1-last > 1 {
			if last >= 0 {
				fmt.Fprintf(&b, "V%sZ", num(base))
			}
			fmt.Fprintf(&b, "M%s %s", num(x1), num(base))
		}
		fmt.Fprintf(&b, "V%sH%s", num(y), num(x2))
		last = x2
	}
	if last >= 0 {
		fmt.Fprintf(&b, "V%sZ", num(base))
	}
	return b.String()
}

// thinTicks reduces a lane's rates to at most maxTicks, the highest of each stretch.
func thinTicks(ticks []tick) []tick {
	if len(ticks) <= maxTicks {
		return ticks
	}
	thinned := make([]tick, 0, maxTicks)
	for i := range maxTicks {
		part := ticks[i*len(ticks)/maxTicks : (i+1)*len(ticks)/maxTicks]
		t := part[len(part)-1]
		t.length = t.at - (part[0].at - part[0].length)
		for _, other := range part {
			t.rate = max(t.rate, other.rate)
		}
		thinned = append(thinned, t)
	}
	return thinned
}

// failures draws a tick for every column of the picture in which a request
// failed.
func (p *panel) failures(l *lane, y float64) {
	columns := map[int]bool{}
	for _, t := range l.failures {
		if p.scene.window.holds(t) {
			columns[int(p.scene.window.x(t)+0.5)] = true
		}
	}
	var xs []int
	for x := range columns {
		xs = append(xs, x)
	}
	slices.Sort(xs)
	var b strings.Builder
	for _, x := range xs {
		fmt.Fprintf(&b, "M%d %sv5", x, num(y))
	}
	if b.Len() > 0 {
		p.d.path("fails", b.String(), plural(len(l.failures), "failed request")+" on "+l.instance)
	}
}

// marks draws signals, initialization and exit on the bar, with labels where
// there is room: in a busy lane only for what went wrong.
func (p *panel) marks(l *lane, bar float64) {
	visible := slices.DeleteFunc(slices.Clone(l.marks), func(m mark) bool { return !p.scene.window.holds(m.at) })
	visible = visible[:min(len(visible), maxMarks)]
	busy := len(visible) > 8
	free := 0.0 // where the last label above the bar ends
	for _, m := range visible {
		x := p.scene.window.x(m.at)
		p.d.path("mark "+m.kind, markPath(m.kind, x, bar), m.label+" of "+l.instance+" at "+moment(m.at))
		switch m.kind {
		case "initialized":
		case "exit", "bad-exit":
			if !busy || m.kind == "bad-exit" {
				p.d.beside("mark-label "+m.kind, "start", p.scene.window.x(l.vanishes(m.at)), 7, bar+barHeight-1, m.label)
			}
		default:
			if x >= free && (!busy || m.kind == "kill" || m.kind == "bad-resize") {
				_, anchor := labelSide(x)
				p.d.beside("mark-label", anchor, x, 5, bar-5, m.label)
				free = x + 7*float64(len(m.label)+1)
			}
		}
	}
}

// vanishes is when an instance that exited at a moment was off the list too.
func (l *lane) vanishes(exit time.Duration) time.Duration {
	for _, s := range l.stretches {
		if s.state == ghost && s.from == exit {
			return s.to
		}
	}
	return exit
}

// markPath is the shape of a mark: a triangle on the bar for a signal, a
// diamond for initialization, a stroke for an exit, a cross for a bad one, arrows
// for resizes.
func markPath(kind string, x, bar float64) string {
	mid := bar + barHeight/2
	switch kind {
	case "term", "signal", "kill":
		return fmt.Sprintf("M%s %sl-4.5 -8h9Z", num(x), num(bar+1))
	case "bad-exit":
		return fmt.Sprintf("M%s %sl9 9m0 -9l-9 9", num(x-4.5), num(mid-4.5))
	case "up", "down", "bad-resize":
		return arrowPath(kind, x, bar-9)
	case "initialized":
		return fmt.Sprintf("M%s %sl4 4l-4 4l-4 -4Z", num(x), num(mid-4))
	}
	return fmt.Sprintf("M%s %sv%s", num(x), num(bar-2), num(barHeight+4))
}

// legendEntry is a state or mark with its picture, for the legend.
type legendEntry struct {
	Picture template.HTML
	Words   string
}

// laneLegend explains the looks that appear in the lanes.
func laneLegend(lanes []*lane) []legendEntry {
	states, kinds, failed := map[state]bool{}, map[string]bool{}, false
	for _, l := range lanes {
		failed = failed || len(l.failures) > 0
		for _, s := range l.stretches {
			states[s.state] = true
		}
		for _, m := range l.marks {
			kinds[m.kind] = true
		}
	}
	var entries []legendEntry
	for _, s := range []state{starting, early, serving, running, unready, leaving, draining, ghost} {
		if states[s] {
			entries = append(entries, legendEntry{swatch(fmt.Sprintf(`<rect class="%s" x="1" y="3" width="22" height="10"/>`, stateClasses[s])), stateWords[s]})
		}
	}
	for _, k := range []struct{ kind, words string }{
		{"initialized", "initialization complete"}, {"term", "SIGTERM"}, {"kill", "SIGKILL"},
		{"exit", "exit with code 0"}, {"bad-exit", "other exit"},
		{"up", "made large"}, {"down", "made base again"}, {"bad-resize", "resize that went wrong"},
	} {
		if kinds[k.kind] {
			entries = append(entries, legendEntry{swatch(fmt.Sprintf(`<path class="mark %s" d="%s"/>`, k.kind, markPath(k.kind, 12, legendBar(k.kind)))), k.words})
		}
	}
	if failed {
		entries = append(entries, legendEntry{swatch(`<path class="fails" d="M6 5v6M12 5v6M18 5v6"/>`), "failed request"})
	}
	return entries
}

// legendBar is where the bar of a mark lies in its swatch: a triangle or an arrow
// stands on it, the others lie in it.
func legendBar(kind string) float64 {
	switch kind {
	case "term", "kill":
		return 11
	case "up", "down", "bad-resize":
		return 13
	}
	return 2.5
}

func swatch(shape string) template.HTML {
	return template.HTML(`<svg class="swatch" viewBox="0 0 24 16" aria-hidden="true">` + shape + `</svg>`) //nolint:gosec // constant shapes
}
