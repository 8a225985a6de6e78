package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	// fastestLook is the shortest real time between two looks of an autoscaler.
	fastestLook = 250 * time.Millisecond
	// lookSlack is what a look may be late, on a machine that has other things to do.
	lookSlack = time.Second
)

// limits is C7: what an autoscaler decides, and the instances that are there, are
// never fewer than the least number and never more than the most. What instances
// do by themselves is not its fault, and it must have had the time to look.
func (h *history) limits(service string, decisions []decision) Finding {
	f := scalingFinding(service, "C7-limits", "never fewer instances than the least number, never more than the most")
	if why := h.unlooked(service, decisions); why != "" {
		return unknown(f, why)
	}
	a := *h.plan.Services[service].Autoscale
	f.Wanted = fromTo(a.Min, a.Max, "instance") + " at all times"
	if len(a.Floors) > 0 {
		f.Wanted += ", and as many as are scheduled"
	}
	f = h.decidedWithin(f, a, decisions)
	return h.stayedWithin(f, a, decisions)
}

// decidedWithin judges the numbers that were decided.
func (h *history) decidedWithin(f Finding, a scenarios.PlannedAutoscale, decisions []decision) Finding {
	lowest, highest := decisions[0].Desired, decisions[0].Desired
	wrong := 0
	for _, n := range decisions {
		lowest, highest = min(lowest, n.Desired), max(highest, n.Desired)
		least := h.least(a, n.at)
		if n.Desired >= least && n.Desired <= a.Max {
			continue
		}
		f.Verdict = Fail
		if wrong++; wrong <= maxNamed {
			text := fmt.Sprintf("decided on %s at %s, where %s to %s are allowed", count(n.Desired), offset(n.at), count(least), count(a.Max))
			f.Evidence = append(f.Evidence, Evidence{Text: text + ": " + n.words(), From: n.at, To: n.at, Count: n.Desired})
			if wrong == 1 {
				f.Reason = text
			}
		}
	}
	if wrong > 1 {
		f.Reason += fmt.Sprintf(" (and %s more)", count(wrong-1))
	}
	f.Measured = fmt.Sprintf("%s for %s", plural(len(decisions), "decision"), fromTo(lowest, highest, "instance"))
	return f
}

// fromTo writes a range: "2 to 5 instances", or one number.
func fromTo(low, high int, noun string) string {
	if low == high {
		return plural(low, noun)
	}
	return count(low) + " to " + plural(high, noun)
}

// least is the least number of instances at a moment, what is scheduled included.
func (h *history) least(a scenarios.PlannedAutoscale, at time.Duration) int {
	least := a.Min
	for _, floor := range a.Floors {
		from, to := h.window.from+floor.Start.Std(), h.window.from+floor.End.Std()
		if at >= from+lookSlack && at < to-lookSlack { // an autoscaler looks a little before it says so
			least = max(least, min(floor.Min, a.Max))
		}
	}
	return least
}

// look is how long an autoscaler may take to notice something, in real time.
func (h *history) look(a scenarios.PlannedAutoscale) time.Duration {
	return max(fastestLook, time.Duration(float64(a.Every)/h.tempo())) + lookSlack
}

// stayedWithin judges the instances that were there.
func (h *history) stayedWithin(f Finding, a scenarios.PlannedAutoscale, decisions []decision) Finding {
	there := h.members(f.Service)
	run := h.controlled()
	lowest, highest := there.At(run.from), there.At(run.from)
	for _, at := range turnsOf(run, there) {
		lowest, highest = min(lowest, there.At(at)), max(highest, there.At(at))
	}
	f.Measured += "; " + fromTo(lowest, highest, "instance") + " there"
	// What is scheduled is a limit of decisions alone: instances take their time.
	for _, s := range beyond(there, run, func(n int) bool { return n > a.Max }) {
		f = h.tooManyThere(f, a, s, there)
	}
	for _, s := range beyond(there, run, func(n int) bool { return n < a.Min }) {
		f = h.tooFewThere(f, a, s, there, decisions)
	}
	return f
}

// beyond are the stretches in which a condition holds for a level.
func beyond(l levels, during span, holds func(int) bool) []span {
	var list []span
	at := turnsOf(during, l)
	for i, from := range at {
		to := during.to
		if i+1 < len(at) {
			to = at[i+1]
		}
		switch n := len(list); {
		case !holds(l.At(from)) || from >= to:
		case n > 0 && list[n-1].to == from:
			list[n-1].to = to
		default:
			list = append(list, span{from, to})
		}
	}
	return list
}

// tooManyThere judges a stretch with more instances than the most. While an
// action changes the service, as a release does, they are its.
func (h *history) tooManyThere(f Finding, a scenarios.PlannedAutoscale, s span, there levels) Finding {
	own := s.length()
	for _, action := range h.changes(f.Service) {
		own -= s.overlap(span{action.from, action.to + h.look(a)})
	}
	text := fmt.Sprintf("more than %s for %s", plural(a.Max, "instance"), offset(s.length()))
	f.Evidence = append(f.Evidence, Evidence{Text: text, From: s.from, To: s.to, Count: there.At(s.from)})
	if own > h.look(a) {
		f.Verdict, f.Reason = Fail, join(f.Reason, text+" from "+offset(s.from)+" on")
	}
	return f
}

// changes are the times in which actions of the scenario, or faults, changed the
// instances of a service.
func (h *history) changes(service string) []span {
	var list []span
	for _, started := range h.actionsStarted {
		if started.body.Service != service || started.body.Action == "job" {
			continue
		}
		s := span{started.at, h.window.to}
		for _, ended := range h.actionsEnded {
			if ended.at >= started.at && ended.body.Service == service && ended.body.Detail == started.body.Detail {
				s.to = ended.at
				break
			}
		}
		list = append(list, s)
	}
	for _, f := range h.faults.runs {
		if s, ok := f.lasted(); ok && f.fewer() && slices.Contains(f.Services, service) {
			list = append(list, s)
		}
	}
	return list
}

// tooFewThere judges a stretch with fewer instances than the least. A crash is not
// the autoscaler's fault, nor is how long an instance takes to start that it asked
// for in time.
func (h *history) tooFewThere(f Finding, a scenarios.PlannedAutoscale, s span, there levels, decisions []decision) Finding {
	text := fmt.Sprintf("fewer than %s for %s", plural(a.Min, "instance"), offset(s.length()))
	look := h.look(a)
	asked := slices.ContainsFunc(decisions, func(n decision) bool {
		return n.carried() && n.Desired >= a.Min && n.at >= s.from-look && n.at <= s.from+look
	})
	switch crash := h.crashAt(f.Service, s); {
	case crash != nil:
		text += ": " + crash.name + " broke down"
		if taken := h.replacement(crash); taken != "" {
			text += ", " + taken
		}
	case slices.ContainsFunc(h.changes(f.Service), func(c span) bool { return s.overlap(span{c.from, c.to + look}) > 0 }):
		text += ", while an action or a fault changed them"
	case s.length() > look && !asked:
		f.Verdict, f.Reason = Fail, join(f.Reason, text+" from "+offset(s.from)+" on")
	}
	f.Evidence = append(f.Evidence, Evidence{Text: text, From: s.from, To: s.to, Count: there.At(s.from)})
	return f
}

// crashAt is the instance that broke down when a stretch began, or in it.
func (h *history) crashAt(service string, s span) *instance {
	for _, i := range h.of(service) {
		if i.exited != nil && !i.exited.body.Wanted && i.exited.at >= s.from && i.exited.at <= s.to {
			return i
		}
	}
	return nil
}
