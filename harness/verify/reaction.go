package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// rise is the moment at which load rose.
type rise struct {
	at   time.Duration
	text string
	why  string // why it is not known, "" if it is
}

// riseOf is the moment that a check names, else that at which demand first
// exceeded the instances that served. As in actions, the offset into the phase is
// divided by tempo.
func (h *history) riseOf(c scenarios.ScalingCheck, d demand) rise {
	if c.Change != nil {
		i := slices.IndexFunc(h.plan.Phases, func(p scenarios.PlannedPhase) bool { return p.Name == c.Change.Phase })
		if i < 0 {
			return rise{why: "there is no phase " + c.Change.Phase + ", in which the load is said to rise"}
		}
		into := time.Duration(float64(c.Change.Offset) / h.tempo())
		return rise{at: h.window.from + h.plan.Phases[i].Start.Std() + into, text: "the load rises (" + c.Change.String() + ")"}
	}
	if d.why != "" {
		return rise{why: "when the load rose is not known, and no change is given: " + d.why}
	}
	if at, ok := h.short(c.Service, d, h.controlled().from); ok {
		return rise{at: at, text: fmt.Sprintf("the load rose: %s, %s took work", d.words(at), count(h.serving(c.Service).At(at)))}
	}
	return rise{why: fmt.Sprintf("the load never rose beyond what the instances of %s that were there carry, so nothing shows what more would have done; more load would, or fewer instances at first", c.Service)}
}

// short is the first moment from one on at which a service had fewer instances
// than it needed.
func (h *history) short(service string, d demand, from time.Duration) (time.Duration, bool) {
	there := h.serving(service)
	for _, p := range h.phases(nil) {
		s := span{max(p.from, from), p.to}
		for _, at := range turnsOf(s, d.needed, there) {
			if at < s.to && d.needed.At(at) > there.At(at) {
				return at, true
			}
		}
	}
	return 0, false
}

// newcomer is an instance that a decision brought.
type newcomer struct {
	decision
	instance *instance
	ready    *time.Duration // when it began to take work
}

// newcomers are the instances that decisions brought, those that take work first.
func (h *history) newcomers(service string, decisions []decision) []newcomer {
	probed := h.probed()[service]
	var list []newcomer
	for _, d := range decisions {
		if d.change() <= 0 {
			continue
		}
		again, _ := h.startedAgain(service, d)
		for _, i := range h.of(service) {
			named := d.applied != nil && slices.Contains(d.applied.body.Started, i.name)
			if i.started != nil && (i.decision == d.ID || i.decision == 0 && named || slices.Contains(again, i.name)) {
				list = append(list, newcomer{d, i, h.takesWork(i, probed)})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b newcomer) int {
		return int(min(1, max(-1, orForever(a.ready)-orForever(b.ready))))
	})
	return list
}

// startedAgain are the instances that were started in the place of those that a
// decision had started and that did not come up, and of theirs: what it asked for
// stays wanted, and nobody decides anew. Why is what was said of the first that did
// not, "" where all came up.
func (h *history) startedAgain(service string, d decision) (names []string, why string) {
	if d.applied == nil {
		return nil, ""
	}
	of := slices.Clone(d.applied.body.Started)
	for _, r := range h.scale.decisions {
		lost := func(name string) bool {
			return strings.Contains("; "+r.body.Message, "; "+name+" did not come up: ")
		}
		if r.body.Service != service || r.body.Autoscaler != replacing || !slices.ContainsFunc(of, lost) {
			continue
		}
		started := h.scale.applied[r.body.ID].body.Started
		names, of = append(names, started...), append(of, started...)
		if why == "" {
			why, _, _ = strings.Cut(r.body.Message, "; ")
		}
	}
	return names, why
}

func orForever(t *time.Duration) time.Duration {
	if t == nil {
		return forever
	}
	return *t
}

// takesWork is when an instance first took work: when it joined the endpoint
// list; where nothing routes to it, when its probe first passed, or when it was
// started if it has none.
func (h *history) takesWork(i *instance, probed bool) *time.Duration {
	switch {
	case h.routed(i.service) && len(i.added) > 0:
		return moment(i.added[0].at)
	case h.routed(i.service):
		return nil
	case !probed:
		return i.started
	}
	for _, p := range i.probes {
		if p.body.Ready {
			return moment(p.at)
		}
	}
	return nil
}

// arrival is how an instance joins those that work: what it does then, in words.
type arrival struct {
	does    string // "takes traffic"
	atStart bool   // it works as soon as it is started
}

// arrives is how instances of a service begin to work: nothing routes to a worker
// without a port, so that it takes no traffic.
func (h *history) arrives(service string) arrival {
	switch {
	case h.routed(service):
		return arrival{does: "takes traffic"}
	case h.probed()[service]:
		return arrival{does: "is ready"}
	}
	return arrival{does: "is started", atStart: true}
}

// did is what so many instances did: "took traffic", "were started".
func (a arrival) did(n int) string {
	if what, is := strings.CutPrefix(a.does, "is "); is {
		return wasOrWere(n) + " " + what
	}
	return "took traffic"
}

// reaction is C1: the first new instance takes traffic, or is there to work, within a
// limit from the rise of load. Every part of that time is shown: until the decision, until the
// instance is started, until it takes traffic.
func (h *history) reaction(c scenarios.ScalingCheck, d demand, decisions []decision) Finding {
	limit := c.Reaction.Std()
	f := scalingFinding(c.Service, "C1-reaction", "a new instance "+h.arrives(c.Service).does+" within "+latency(limit)+" of the rise of load")
	if h.plan.Services[c.Service].Autoscale == nil {
		return unknown(f, h.unlooked(c.Service, decisions))
	}
	r := h.riseOf(c, d)
	if r.why != "" {
		return unknown(f, r.why)
	}
	f.Evidence = append(f.Evidence, Evidence{Text: r.text, From: r.at, To: r.at})
	all := h.newcomers(c.Service, decisions)
	for _, n := range all {
		if n.ready != nil && *n.ready >= r.at {
			return h.reacted(f, r, n, limit, d, decisions)
		}
	}
	early := slices.DeleteFunc(slices.Clone(all), func(n newcomer) bool { return n.ready == nil || !h.takingWork(n.instance, r.at) })
	if len(early) > 0 && d.why == "" && h.relied(c.Service, d, r.at, len(early)) {
		return prepared(f, r, early, h.arrives(c.Service))
	}
	return h.unmoved(f, r, limit, d, decisions)
}

// reacted judges the time until an instance took traffic.
func (h *history) reacted(f Finding, r rise, n newcomer, limit time.Duration, d demand, decisions []decision) Finding {
	started, took, comes := *n.instance.started, *n.ready-r.at, h.arrives(f.Service)
	parts := fmt.Sprintf("decided %s, started %s later", sinceRise(n.at-r.at), offset(max(0, started-n.at)))
	f.Evidence = append(f.Evidence,
		Evidence{Text: n.words(), From: min(r.at, n.at), To: n.at},
		Evidence{Text: "started " + offset(max(0, started-n.at)) + " after the decision", Instance: n.instance.name, From: n.at, To: max(n.at, started)})
	if !comes.atStart {
		last := comes.does + " " + offset(max(0, *n.ready-started))
		parts += ", " + last + " later"
		f.Evidence = append(f.Evidence, Evidence{Text: last + " after its start", Instance: n.instance.name, From: min(started, *n.ready), To: *n.ready})
	}
	f.Measured = fmt.Sprintf("%s: %s (%s)", offsetBeside(took, limit), parts, n.instance.name)
	f.Evidence = append(f.Evidence, metricTrouble(d, decisions)...)
	if took > limit {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s %s %s after the load rose, the limit is %s; most of it went by %s", n.instance.name, comes.did(1), offsetBeside(took, limit), latency(limit),
			longest(n.at-r.at, started-n.at, *n.ready-started))
	}
	return f
}

// sinceRise is "after 2.1 s", or "1.2 s before".
func sinceRise(d time.Duration) string {
	if d < 0 {
		return offset(-d) + " before"
	}
	return "after " + offset(d)
}

// longest names the part of a reaction that took longest.
func longest(decided, started, ready time.Duration) string {
	switch {
	case decided >= started && decided >= ready:
		return "until the decision"
	case started >= ready:
		return "between the decision and the start of the instance"
	}
	return "until the instance was ready"
}

// words are a decision in a sentence.
func (d decision) words() string {
	text := fmt.Sprintf("decision %d of %s: %s to %s", d.ID, d.Autoscaler, count(d.Current), count(d.Desired))
	if d.Reason != "" {
		text += ", " + d.Reason
	}
	if d.Message != "" {
		text += ": " + firstLine(d.Message)
	}
	return text
}

// relied tells whether what came early was needed from a moment on, and was
// enough: never fewer were there than needed, and at some time fewer would have
// been without the newcomers.
func (h *history) relied(service string, d demand, from time.Duration, newcomers int) bool {
	if _, missing := h.short(service, d, from); missing {
		return false
	}
	without := h.serving(service).At(from) - newcomers
	return slices.ContainsFunc(turnsOf(span{from, max(from, h.controlled().to)}, d.needed), func(at time.Duration) bool { return d.needed.At(at) > without })
}

// prepared is the finding where all that was needed came before the load did.
func prepared(f Finding, r rise, early []newcomer, comes arrival) Finding {
	last := time.Duration(0)
	for _, n := range early {
		last = max(last, *n.ready)
		f.Evidence = append(f.Evidence, Evidence{Text: n.words(), Instance: n.instance.name, From: n.at, To: *n.ready})
	}
	f.Measured = fmt.Sprintf("%s more %s %s before the load rose, and no more were needed", plural(len(early), "instance"), comes.did(len(early)), offset(r.at-last))
	return f
}

// unmoved is the finding where no instance took traffic after the load rose. It is a
// failure only once the limit had gone by: what was decided right before the end
// may have been about to come.
func (h *history) unmoved(f Finding, r rise, limit time.Duration, d demand, decisions []decision) Finding {
	f.Measured = "no new instance " + h.arrives(f.Service).did(1)
	if why := h.unlooked(f.Service, decisions); why != "" {
		return unknown(f, why)
	}
	looked, adding := 0, []decision{}
	for _, n := range decisions {
		if n.at < r.at {
			continue
		}
		looked++
		if n.change() > 0 {
			adding = append(adding, n)
		}
	}
	f.Evidence = append(f.Evidence, metricTrouble(d, decisions)...)
	_, missing := h.short(f.Service, d, r.at)
	had := h.window.to - r.at
	switch {
	case had <= 0:
		return unknown(f, "traffic ended before the load was to rise")
	case looked == 0:
		return unknown(f, "the autoscaler of "+f.Service+" never looked after the load rose")
	case d.why == "" && !missing:
		return unknown(f, fmt.Sprintf("the instances of %s that were there were enough, so nothing shows how fast more would have come", f.Service))
	case had <= limit:
		return unknown(f, fmt.Sprintf("traffic ended %s after the load rose, before the limit of %s", offset(had), latency(limit)))
	case len(adding) == 0:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("the autoscaler looked %s in the %s after the load rose and never asked for more instances", times(looked), offset(had))
		f.Reason = join(f.Reason, texts(metricTrouble(d, decisions)))
		return f
	}
	f.Verdict = Fail
	return h.vain(f, r, adding)
}

// vain says why decisions for more instances brought none that took traffic: that
// which was carried out counts before those that were not.
func (h *history) vain(f Finding, r rise, adding []decision) Finding {
	n := adding[max(0, slices.IndexFunc(adding, decision.carried))]
	f.Evidence = append(f.Evidence, Evidence{Text: n.words(), From: n.at, To: n.at})
	if why := n.obstacle(); why != "" {
		f.Reason = fmt.Sprintf("decision %d (%s to %s) came to nothing: %s", n.ID, count(n.Current), count(n.Desired), why)
		if more := len(adding) - 1; more > 0 {
			f.Reason += fmt.Sprintf("; %s after it came to nothing too", plural(more, "decision"))
		}
		return f
	}
	next := "see how long an instance of " + f.Service + " takes to be ready"
	if _, why := h.startedAgain(f.Service, n); why != "" {
		next = why
	}
	f.Reason = fmt.Sprintf("decision %d asked for %s, %s after the load rose, but none that came of it %s in the %s until the end; %s", n.ID,
		plural(n.Desired, "instance"), offset(n.at-r.at), h.arrives(f.Service).did(1), offset(h.window.to-n.at), next)
	return f
}

// texts joins what evidence says.
func texts(list []Evidence) string {
	all := ""
	for _, e := range list {
		all = join(all, e.Text)
	}
	return all
}
