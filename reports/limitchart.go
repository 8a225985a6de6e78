package reports

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// limitPanel shows the limits of a prescaled service's instances beside what they
// used: of memory, or where that never changes of CPU; "" without limits.
func limitPanel(s *scene, n int, run Run, service string) template.HTML {
	events := run.events()
	var resizes []Resize
	ofMemory := false
	for _, r := range resizesOf(events) {
		if r.Service == clean(service) {
			resizes = append(resizes, r)
			ofMemory = ofMemory || r.FromMemory != r.Memory || r.Created
		}
	}
	prescale := run.planned()[service].Prescale
	if len(resizes) == 0 && prescale == nil {
		return ""
	}
	ofMemory = ofMemory || prescale != nil && prescale.Large.Memory > 0
	limits, used := limitsOver(events, service, ofMemory)
	if len(limits) == 0 {
		return ""
	}
	title, label := "CPU of "+clean(service), digits
	if ofMemory {
		title, label = "Memory of "+clean(service), size
	}
	p := newPanel(s, fmt.Sprintf("limits-%d", n+1), title, "limit of each instance, and what it uses below it", 110)
	top := 0.0
	for _, l := range limits {
		top = max(top, l.levels.highest())
	}
	sc := linear(top, p.bottom, p.top+10)
	if ofMemory {
		sc = binary(top, p.bottom, p.top+10)
	}
	p.axis(sc, label)
	p.steps(limits, sc)
	for i := range used {
		used[i].label = "" // its limit has the name
	}
	p.used(used, sc)
	p.resizes(resizes)
	p.kills(events, service)
	p.about = fmt.Sprintf("Limits of %s of %s; %s, at most %s.", plural(len(limits), "instance"), clean(service), plural(len(resizes), "resize"), label(top))
	return p.done()
}

// binary is a linear scale with ticks at round numbers of bytes.
func binary(high, bottom, top float64) scale {
	if !(high > 0) {
		high = 1
	}
	step := math.Exp2(math.Ceil(math.Log2(high / 4)))
	s := scale{bottom: bottom, top: top, high: math.Ceil(high/step) * step}
	for v := 0.0; v <= s.high; v += step {
		s.ticks = append(s.ticks, v)
	}
	return s
}

// used draws what was used, without labels.
func (p *panel) used(lines []stepLine, sc scale) {
	w := p.scene.window
	for _, l := range lines {
		var b strings.Builder
		for _, v := range l.levels.thinned(maxPoints) {
			if w.holds(v.At) {
				b.WriteString(map[bool]string{true: "M", false: "L"}[b.Len() == 0] + num(w.x(v.At)) + " " + num(sc.y(v.N)))
			}
		}
		if b.Len() > 0 {
			p.d.path("line "+l.class, b.String(), "")
		}
	}
}

// resizes marks resizes above the plot.
func (p *panel) resizes(all []Resize) {
	for _, r := range firstOf(all, maxChanges) {
		if !p.scene.window.holds(r.T) {
			continue
		}
		p.arrow(r.kind(), r.T, r.words())
	}
}

// kind is the look of the mark of a resize.
func (r Resize) kind() string {
	switch {
	case r.Error != "":
		return "bad-exit"
	case r.Class == largeClass:
		return "up"
	}
	return "down"
}

func (r Resize) words() string { return ResizeWords(r.journaled()) }

// kills marks instances of a service that ran out of memory.
func (p *panel) kills(events []journal.Event, service string) {
	n := 0
	for _, e := range events {
		b, ok := e.Body.(journal.InstanceExited)
		if !ok || !b.OOM || b.Service != service || !p.scene.window.holds(e.T) || n == maxChanges {
			continue
		}
		n++
		x := p.scene.window.x(e.T)
		p.d.line("oom", x, p.top+10, x, p.bottom)
		_, anchor := labelSide(x)
		p.d.beside("mark-label bad-exit", anchor, x, 5, p.bottom-4, cut(clean(b.Instance), 13)+" out of memory")
	}
}

// limitsOver are the limits of a service's instances over time and what they
// used: of memory in bytes, or of CPU in cores.
func limitsOver(events []journal.Event, service string, ofMemory bool) (limits, used []stepLine) {
	type both struct{ limit, used levels }
	lives, names := map[string]*both{}, []string{}
	began := map[string]time.Duration{}
	of := func(instance string) *both {
		if lives[instance] == nil {
			lives[instance] = &both{}
			names = append(names, instance)
		}
		return lives[instance]
	}
	for _, e := range events {
		if _, over := e.Body.(journal.RunEnded); over {
			break
		}
		switch b := e.Body.(type) {
		case journal.InstanceStarted:
			began[b.Instance] = e.T
		case journal.Resized:
			if b.Service == service && b.Error == "" {
				before, now := b.FromCPUs, b.CPUs
				if ofMemory {
					before, now = float64(b.FromMemory), float64(b.Memory)
				}
				l := of(b.Instance)
				if len(l.limit) == 0 && !b.Created {
					l.limit = l.limit.to(began[b.Instance], before)
				}
				l.limit = l.limit.to(e.T, now)
			}
		case journal.Usage:
			if b.Service == service && ofMemory {
				l := of(b.Instance)
				if len(l.limit) == 0 && b.Limit > 0 {
					l.limit = l.limit.to(began[b.Instance], float64(b.Limit))
				}
				l.used = append(l.used, level{At: e.T, N: float64(b.Memory)})
			}
		case journal.InstanceExited:
			if l := lives[b.Instance]; l != nil {
				l.limit = l.limit.to(e.T, -1) // nothing any more
			}
		}
	}
	slices.SortFunc(names, compareNumbered)
	for _, name := range firstOf(names, maxInstances) {
		if l := lives[name]; len(l.limit) > 0 {
			limits = append(limits, stepLine{"limited", name, l.limit})
			used = append(used, stepLine{"used", name, l.used})
		}
	}
	return limits, used
}
