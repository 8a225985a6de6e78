package reports

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// pageTimeline is the charts of the page: panels on one time axis, and over
// them the stretches that evidence links to.
type pageTimeline struct {
	Panels []template.HTML
	Ranges []pageRange
	Legend []legendEntry
	Quiet  string
	More   int
	Points int
	Thin   bool
	Data   readings
	Style  template.CSS

	Effects     []pageEffect // what the faults' bands did to requests
	MoreEffects int

	window window
	known  map[[2]time.Duration]string
}

// A pageRange is a stretch of the time axis: in percent of the panels' width, and
// in seconds for the script, which puts it elsewhere when it zooms.
type pageRange struct {
	ID, Left, Width, Label string
	From, To               float64
}

// readings is what the script knows of the run: the time axis, the phases on it,
// and what it shows for the moment under the pointer.
type readings struct {
	Left   float64        `json:"left"`  // share of the width at which the plot begins
	Right  float64        `json:"right"` // and ends
	From   float64        `json:"from"`  // seconds
	To     float64        `json:"to"`
	Phases []readingPhase `json:"phases"`
	At     []float64      `json:"at"`
	Rows   []reading      `json:"rows"`
}

type readingPhase struct {
	Name string  `json:"name"`
	From float64 `json:"from"` // seconds
	To   float64 `json:"to"`
}

type reading struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Values []float64 `json:"values"`
}

// timelineOf draws the charts; nil if nothing happened that could be drawn.
func timelineOf(run Run, w window) *pageTimeline {
	events := run.events()
	if len(events) == 0 {
		return nil
	}
	all, merged := seriesOf(run)
	points := thin(all, maxPoints)
	every := lanesOf(events, w)
	lanes, quiet, more := shown(every, w)
	s := &scene{window: w, phases: phasesOf(events, w), actions: actionsOf(events, w), faults: faultSpansOf(faultsOf(run), w), calledOff: calledOffOf(faultsOf(run))}
	t := &pageTimeline{
		Legend: laneLegend(lanes), Quiet: clean(listed(quiet, 20)), More: more, Points: len(all), Thin: len(points) < len(all),
		Data: readingsOf(points, s.phases, w), window: w, known: map[[2]time.Duration]string{}, Style: template.CSS(chartStyle), //nolint:gosec // our own file
	}
	t.Effects, t.MoreEffects = pageEffectsOf(faultEffectsOf(run))
	t.Panels = append(t.Panels, headPanel(s))
	if faults := faultPanel(s); faults != "" {
		t.Panels = append(t.Panels, faults)
	}
	if alerts := alertPanel(s, alertSpansOf(alertsOf(run))); alerts != "" {
		t.Panels = append(t.Panels, alerts)
	}
	if len(points) > 0 {
		t.Panels = append(t.Panels, loadPanel(s, points), latencyPanel(s, points, limitsOf(run), merged), heatPanel(s, heatOf(run.latency(), w)), errorPanel(s, points))
	}
	t.Panels = append(t.Panels, scalePanels(s, run, every)...)
	if lanes := lanePanel(s, lanes); lanes != "" {
		t.Panels = append(t.Panels, lanes)
	}
	t.Panels = append(t.Panels, axisPanel(s, "axis"))
	return t
}

// maxLimits bounds the limit lines in the chart of response times.
const maxLimits = 3

// limitsOf are the response times that the scenario's SLO checks ask of
// requests, each once. What they ask of whole sessions is on another scale.
func limitsOf(run Run) []limit {
	if run.Intent.Plan == nil {
		return nil
	}
	var limits []limit
	seen := map[limit]bool{}
	add := func(l limit) {
		if l.most > 0 && !seen[l] && len(limits) < maxLimits {
			seen[l] = true
			limits = append(limits, l)
		}
	}
	for _, c := range run.Intent.Plan.Checks {
		if c.SLO == nil || c.SLO.Whole {
			continue
		}
		if c.SLO.P99 != nil {
			add(limit{"p99", c.SLO.P99.Std()})
		}
		if c.SLO.P95 != nil {
			add(limit{"p95", c.SLO.P95.Std()})
		}
		if c.SLO.P50 != nil {
			add(limit{"p50", c.SLO.P50.Std()})
		}
	}
	return limits
}

// maxRanges bounds the stretches that can be linked to.
const maxRanges = 300

// anchor is the name of the stretch of the timeline that evidence points at,
// "" if there is none to show.
func (t *pageTimeline) anchor(e verify.Evidence, when string) string {
	if t == nil || when == "" || e.From > t.window.to || e.To < t.window.from {
		return ""
	}
	key := [2]time.Duration{e.From, e.To}
	if id := t.known[key]; id != "" {
		return id
	}
	if len(t.Ranges) == maxRanges {
		return ""
	}
	x1, x2 := t.window.x(e.From), t.window.x(e.To)
	if x2-x1 < 4 {
		x1, x2 = (x1+x2)/2-2, (x1+x2)/2+2
	}
	id := "t" + strconv.Itoa(len(t.Ranges)+1)
	t.Ranges = append(t.Ranges, pageRange{
		ID: id, Left: share(x1), Width: share(x2 - x1), Label: when, From: round(e.From.Seconds(), 3), To: round(e.To.Seconds(), 3),
	})
	t.known[key] = id
	return id
}

// zoomLink is a link to the charts between two moments, in seconds on their axis,
// "" if there can be no more of them. The script zooms to what the link says;
// without it the link leads to a stretch of that name, which is then lit.
func (t *pageTimeline) zoomLink(from, to float64) template.URL {
	seconds := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	id := "t=" + seconds(from) + "-" + seconds(to)
	if !slices.ContainsFunc(t.Ranges, func(r pageRange) bool { return r.ID == id }) {
		if len(t.Ranges) == maxRanges {
			return ""
		}
		x1, x2 := t.window.x(inSeconds(from)), t.window.x(inSeconds(to))
		t.Ranges = append(t.Ranges, pageRange{
			ID: id, Left: share(x1), Width: share(x2 - x1), Label: betweenMoments(from, to), From: from, To: to,
		})
	}
	return template.URL("#" + id) //nolint:gosec // two numbers
}

// share is a length as percent of the panels' width.
func share(x float64) string { return fmt.Sprintf("%.3f%%", 100*x/chartWidth) }

// inSeconds is a moment on the charts' axis as an offset from the start of the run.
func inSeconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

// betweenMoments is the time between two moments, in seconds on the charts' axis, in words.
func betweenMoments(from, to float64) string {
	return moment(inSeconds(from)) + " to " + moment(inSeconds(to))
}

func readingsOf(points []point, phases []phase, w window) readings {
	r := readings{
		Left: marginLeft / chartWidth, Right: (marginLeft + plotWidth) / chartWidth,
		From: round(w.from.Seconds(), 3), To: round(w.to.Seconds(), 3),
		Phases: []readingPhase{}, At: []float64{}, Rows: []reading{},
	}
	for _, p := range phases {
		r.Phases = append(r.Phases, readingPhase{clean(p.name), round(p.from.Seconds(), 3), round(p.to.Seconds(), 3)})
	}
	for _, p := range points {
		r.At = append(r.At, round(p.mid().Seconds(), 2))
	}
	row := func(name, unit string, value func(point) float64) {
		values := make([]float64, 0, len(points))
		for _, p := range points {
			values = append(values, round(value(p), 1))
		}
		r.Rows = append(r.Rows, reading{name, unit, values})
	}
	row("intended", "/s", func(p point) float64 { return p.intended })
	row("achieved", "/s", func(p point) float64 { return p.sent })
	row("p50", "ms", func(p point) float64 { return p.p50.Seconds() * 1e3 })
	row("p95", "ms", func(p point) float64 { return p.p95.Seconds() * 1e3 })
	row("p99", "ms", func(p point) float64 { return p.p99.Seconds() * 1e3 })
	row("failed", "/s", func(p point) float64 { return p.failed })
	row("unknown", "/s", func(p point) float64 { return p.unknown })
	return r
}

func round(v float64, decimals int) float64 {
	power := math.Pow(10, float64(decimals))
	return math.Round(v*power) / power
}
