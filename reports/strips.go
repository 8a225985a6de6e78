package reports

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// The charts of what services use: small multiples, one strip a service.
const (
	usageHeight  = 34.0
	usageGap     = 12.0
	openUsage    = 4   // services in sight at once; the rest is behind a fold
	maxUsage     = 40  // services in all
	usageColumns = 300 // figures of a strip
)

// A resourceKind is one of the two that are drawn.
type resourceKind int

const (
	cpuUse resourceKind = iota
	memoryUse
)

// A strip is what the busiest instance of a service used of a resource over
// time: as a share of its limit, or where it has none in cores or bytes.
type strip struct {
	service string
	limited bool
	used    []float64 // by column; negative where nothing was measured
	peak    float64
	at      time.Duration // of the peak
	who     string        // the instance then
	kills   []oomKill     // of memory alone
}

// An oomKill is an instance that ran out of memory.
type oomKill struct {
	at       time.Duration
	instance string
}

// stripsOf folds what instances used, the service that came closest to its
// limit first, those without a limit last.
func stripsOf(run Run, w window, r resourceKind) []strip {
	f := stripFold{window: w, resource: r, limits: map[string]float64{}, last: map[string]journal.Event{}, strips: map[string]*strip{}}
	for name, s := range run.planned() {
		f.planned(name, float64(s.Limits.CPUs), float64(s.Limits.Memory))
	}
	for _, e := range run.events() {
		if _, over := e.Body.(journal.RunEnded); over {
			break // how instances end in the tear-down says nothing about them
		}
		f.event(e)
	}
	return f.done()
}

// stripFold is stripsOf under way.
type stripFold struct {
	window   window
	resource resourceKind
	limits   map[string]float64       // by instance, and by service under "\x00"+name
	last     map[string]journal.Event // usage, by instance
	strips   map[string]*strip
}

func (f *stripFold) planned(service string, cpus, memory float64) {
	f.limits["\x00"+service] = map[resourceKind]float64{cpuUse: cpus, memoryUse: memory}[f.resource]
}

func (f *stripFold) event(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.Resized:
		if b.Error == "" {
			f.limits[b.Instance] = map[resourceKind]float64{cpuUse: b.CPUs, memoryUse: float64(b.Memory)}[f.resource]
		}
	case journal.Usage:
		f.usage(e, b)
	case journal.InstanceStarted:
		delete(f.last, b.Instance) // its counter begins anew
	case journal.InstanceExited:
		if b.OOM && f.resource == memoryUse && f.window.holds(e.T) {
			s := f.strip(b.Service)
			s.kills = append(s.kills, oomKill{e.T, b.Instance})
		}
	}
}

func (f *stripFold) usage(e journal.Event, b journal.Usage) {
	before, known := f.last[b.Instance]
	f.last[b.Instance] = e
	if !f.window.holds(e.T) {
		return
	}
	used, from := float64(b.Memory), e.T-time.Second
	if known {
		from = max(before.T, f.window.from)
	}
	if f.resource == cpuUse {
		previous, ok := before.Body.(journal.Usage)
		if !ok || e.T <= before.T || b.CPU < previous.CPU {
			return
		}
		used = (b.CPU - previous.CPU).Seconds() / (e.T - before.T).Seconds()
	}
	f.strip(b.Service).add(f, f.limit(b), used, from, e.T, b.Instance)
}

// limit is what an instance may use, 0 where nobody knows of a limit.
func (f *stripFold) limit(b journal.Usage) float64 {
	if l := f.limits[b.Instance]; l > 0 {
		return l
	}
	if f.resource == memoryUse && b.Limit > 0 {
		return float64(b.Limit)
	}
	return f.limits["\x00"+b.Service]
}

func (f *stripFold) strip(service string) *strip {
	s := f.strips[service]
	if s == nil {
		s = &strip{service: service, used: slices.Repeat([]float64{-1}, usageColumns)}
		f.strips[service] = s
	}
	return s
}

// add keeps the most that any instance used in each column between two moments.
// Where one instance has a limit, those without are left out: the two cannot be
// compared.
func (s *strip) add(f *stripFold, limit, used float64, from, to time.Duration, who string) {
	switch {
	case limit > 0 && !s.limited:
		*s = strip{service: s.service, limited: true, used: slices.Repeat([]float64{-1}, usageColumns), kills: s.kills}
	case limit <= 0 && s.limited:
		return
	}
	if limit > 0 {
		used /= limit
	}
	for n := f.column(from + 1); n <= f.column(to); n++ {
		s.used[n] = max(s.used[n], used)
	}
	if used > s.peak || s.who == "" {
		s.peak, s.at, s.who = used, to, who
	}
}

// column is the one in which a moment lies.
func (f *stripFold) column(t time.Duration) int {
	share := float64(t-f.window.from) / float64(max(f.window.span(), 1))
	return min(max(int(share*usageColumns), 0), usageColumns-1)
}

func (f *stripFold) done() []strip {
	list := make([]strip, 0, len(f.strips))
	for _, s := range f.strips {
		if s.who != "" || len(s.kills) > 0 {
			list = append(list, *s)
		}
	}
	slices.SortFunc(list, func(a, b strip) int {
		return cmp.Or(cmp.Compare(len(b.kills), len(a.kills)), -compareBool(a.limited, b.limited), cmp.Compare(b.peak, a.peak), cmp.Compare(a.service, b.service))
	})
	return list
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// usagePanels are the strips of both resources, the worst in sight and the rest
// behind a fold.
func usagePanels(s *scene, run Run) (panels []template.HTML) {
	for _, r := range []struct {
		resource resourceKind
		id, name string
		figure   func(float64) string
	}{{cpuUse, "cpu", "CPU", coreWords}, {memoryUse, "memory", "Memory", size}} {
		all := firstOf(stripsOf(run, s.window, r.resource), maxUsage)
		if len(all) == 0 {
			continue
		}
		const unit = "busiest instance of each service, as a share of its limit (dotted)"
		open := min(len(all), openUsage)
		panels = append(panels, stripPanel(s, r.id, r.name, unit, all[:open], r.figure))
		if open < len(all) {
			panels = append(panels, behindFold(r.name+" of "+plural(len(all)-open, "more service"),
				stripPanel(s, r.id+"-rest", r.name+" of the others", unit, all[open:], r.figure)))
		}
	}
	return panels
}

// coreWords names an amount of CPU.
func coreWords(v float64) string {
	if digits(v) == "1" {
		return "1 core"
	}
	return digits(v) + " cores"
}

// behindFold hides panels behind a line that opens them.
func behindFold(title string, panels ...template.HTML) template.HTML {
	var b strings.Builder
	b.WriteString(`<details class="fold"><summary>` + escapeHTML(title) + `</summary>`)
	for _, p := range panels {
		b.WriteString(string(p))
	}
	b.WriteString(`</details>`)
	return template.HTML(b.String()) //nolint:gosec // panels were escaped when they were drawn
}

// stripPanel draws the strips below one another, each with its name on the left
// and its peak on the right.
func stripPanel(s *scene, id, title, unit string, strips []strip, figure func(float64) string) template.HTML {
	p := newPanel(s, id, title, unit, float64(len(strips))*(usageHeight+usageGap)-usageGap)
	about := make([]string, 0, len(strips))
	for i, st := range strips {
		top := p.top + float64(i)*(usageHeight+usageGap)
		about = append(about, p.strip(st, top, figure))
	}
	p.about = listed(about, 20)
	return p.done()
}

// strip draws one and describes it.
func (p *panel) strip(s strip, top float64, figure func(float64) string) string {
	bottom, right := top+usageHeight, marginLeft+plotWidth
	high := max(s.peak, 1e-9)
	words, note := figure(s.peak), "at most, no limit"
	if s.limited {
		high, words, note = max(s.peak, 1), digits(100*s.peak)+" %", "of limit, at most"
	}
	sc := scale{bottom: bottom, top: top, high: high}
	name := clean(s.service)
	p.d.text("lane", "end", marginLeft-8, bottom-usageHeight/2+4, cut(name, 13))
	p.d.path("usage", p.area(s.used, sc), fmt.Sprintf("%s, %s at %s", words, clean(s.who), moment(s.at)))
	p.d.line("floor", marginLeft, bottom, right, bottom)
	if s.limited {
		p.d.line("full", marginLeft, sc.y(1), right, sc.y(1))
	}
	p.d.text("strip-peak", "start", right+8, bottom-usageHeight/2, words)
	p.d.text("strip-note", "start", right+8, bottom-usageHeight/2+14, note)
	for _, k := range firstOf(s.kills, maxChanges) {
		x := p.scene.window.x(k.at)
		p.d.line("oom", x, top, x, bottom)
		p.d.path("mark bad-exit", arrowPath("bad-exit", x, top-4), clean(k.instance)+" out of memory at "+moment(k.at))
	}
	if n := len(s.kills); n > 0 {
		x := p.scene.window.x(s.kills[0].at)
		_, anchor := labelSide(x)
		label := cut(clean(s.kills[0].instance), 13) + " out of memory"
		if n > 1 {
			label += fmt.Sprintf(", and %d more", n-1)
		}
		p.d.beside("mark-label bad-exit", anchor, x, 7, top+10, label)
		words += ", " + plural(n, "out-of-memory kill")
	}
	return name + " " + words + " " + note + " at " + moment(s.at)
}

// area is the path of a strip, broken where nothing was measured.
func (p *panel) area(used []float64, sc scale) string {
	var b strings.Builder
	edge := func(n int) string { return num(marginLeft + plotWidth*float64(n)/float64(len(used))) }
	pen, last := false, ""
	for n, v := range used {
		switch {
		case v < 0 && pen:
			b.WriteString("H" + edge(n) + "V" + num(sc.bottom) + "Z")
			pen = false
		case v < 0:
		case !pen:
			last = num(sc.y(v))
			b.WriteString("M" + edge(n) + " " + num(sc.bottom) + "V" + last)
			pen = true
		case num(sc.y(v)) != last:
			last = num(sc.y(v))
			b.WriteString("H" + edge(n) + "V" + last)
		}
	}
	if pen {
		b.WriteString("H" + edge(len(used)) + "V" + num(sc.bottom) + "Z")
	}
	return b.String()
}
