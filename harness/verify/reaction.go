package verify

import (
	"fmt"
	"slices"
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
		return rise{at: at, text: fmt.Sprintf("the load rose: %s, %s took work", d.words(at), count(h.serving(c.Service).at(at)))}
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
			if at < s.to && d.needed.at(at) > there.at(at) {
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
		for _, i := range h.of(service) {
			named := d.applied != nil && slices.Contains(d.applied.body.Started, i.name)
			if i.started != nil && (i.decision == d.ID || i.decision == 0 && named) {
				list = append(list, newcomer{d, i, h.takesWork(i, probed)})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b newcomer) int {
		return int(min(1, max(-1, orForever(a.ready)-orForever(b.ready))))
	})
	return list
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

// reaction is C1: the first new instance takes traffic within a limit from the
// rise of load. Every part of that time is shown: until the decision, until the
// instance is started, until it takes traffic.
func (h *history) reaction(c scenarios.ScalingCheck, d demand, decisions []decision) Finding {
	limit := c.Reaction.Std()
	f := scalingFinding(c.Service, "C1-reaction", "a new instance takes traffic within "+latency(limit)+" of the rise of load")
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
	if len(all) > 0 && all[0].ready != nil && d.why == "" {
		if _, missing := h.short(c.Service, d, r.at); !missing {
			return prepared(f, r, all)
		}
	}
	return h.unmoved(f, r, limit, d, decisions)
}

// reacted judges the time until an instance took traffic.
func (h *history) reacted(f Finding, r rise, n newcomer, limit time.Duration, d demand, decisions []decision) Finding {
	started, took := *n.instance.started, *n.ready-r.at
	f.Measured = fmt.Sprintf("%s: decided %s, started %s later, takes traffic %s later (%s)", offset(took), sinceRise(n.at-r.at),
		offset(max(0, started-n.at)), offset(max(0, *n.ready-started)), n.instance.name)
	f.Evidence = append(f.Evidence,
		Evidence{Text: n.words(), From: min(r.at, n.at), To: n.at},
		Evidence{Text: "started " + offset(max(0, started-n.at)) + " after the decision", Instance: n.instance.name, From: n.at, To: max(n.at, started)},
		Evidence{Text: "takes traffic " + offset(max(0, *n.ready-started)) + " after its start", Instance: n.instance.name, From: min(started, *n.ready), To: *n.ready})
	f.Evidence = append(f.Evidence, metricTrouble(d, decisions)...)
	if took > limit {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s took traffic %s after the load rose, the limit is %s; most of it went by %s", n.instance.name, offset(took), latency(limit),
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

// prepared is the finding where all that was needed came before the load did.
func prepared(f Finding, r rise, all []newcomer) Finding {
	last, n := time.Duration(0), 0
	for _, c := range all {
		if c.ready != nil && *c.ready < r.at {
			n, last = n+1, max(last, *c.ready)
			f.Evidence = append(f.Evidence, Evidence{Text: c.words(), Instance: c.instance.name, From: c.at, To: *c.ready})
		}
	}
	f.Measured = fmt.Sprintf("%s more took traffic %s before the load rose, and no more were needed", plural(n, "instance"), offset(r.at-last))
	return f
}

// unmoved is the finding where no instance took traffic after the load rose.
func (h *history) unmoved(f Finding, r rise, limit time.Duration, d demand, decisions []decision) Finding {
	f.Measured = "no new instance took traffic"
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
	case looked == 0:
		return unknown(f, "the autoscaler of "+f.Service+" never looked after the load rose")
	case d.why == "" && !missing:
		return unknown(f, fmt.Sprintf("the instances of %s that were there were enough, so nothing shows how fast more would have come", f.Service))
	case len(adding) > 0 && adding[0].obstacle() != "":
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("decision %d (%s to %s) came to nothing: %s", adding[0].ID, count(adding[0].Current), count(adding[0].Desired), adding[0].obstacle())
		f.Evidence = append(f.Evidence, Evidence{Text: adding[0].words(), From: adding[0].at, To: adding[0].at})
	case had <= limit:
		return unknown(f, fmt.Sprintf("traffic ended %s after the load rose, before the limit of %s", offset(had), latency(limit)))
	case len(adding) == 0:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("the autoscaler looked %s in the %s after the load rose and never asked for more instances", times(looked), offset(had))
		f.Reason = join(f.Reason, texts(metricTrouble(d, decisions)))
	default:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("decision %d asked for %s %s after the load rose, but no instance that came of it took traffic in the %s until the end", adding[0].ID,
			count(adding[0].Desired), offset(adding[0].at-r.at), offset(h.window.to-adding[0].at))
		f.Evidence = append(f.Evidence, Evidence{Text: adding[0].words(), From: adding[0].at, To: adding[0].at})
	}
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
