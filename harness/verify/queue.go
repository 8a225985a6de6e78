package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// queue judges a backlog and those who work on it: Q1 it stayed bounded, Q2 its
// jobs young, Q3 it was worked off in time, Q4 no worker was killed with work in
// hand. Each is judged where the check asks for it.
func (h *history) queue(c scenarios.QueueCheck) []Finding {
	c = h.withMetrics(c)
	var findings []Finding
	if c.MaxBacklog != nil {
		findings = append(findings, h.backlog(c))
	}
	if c.MaxAge != nil {
		findings = append(findings, h.age(c))
	}
	if c.DrainedWithin != nil {
		findings = append(findings, h.drained(c))
	}
	if f, ok := h.undisturbed(c); ok {
		findings = append(findings, f)
	}
	for i := range findings {
		findings[i] = h.settled(findings[i])
	}
	return findings
}

func queueFinding(service, rule, wanted string) Finding {
	return Finding{ID: "queue/" + service + "/" + rule, Kind: "queue", Service: service, Verdict: Pass, Wanted: wanted}
}

// withMetrics takes the metrics that a check does not name from the service's
// autoscaler.
func (h *history) withMetrics(c scenarios.QueueCheck) scenarios.QueueCheck {
	if a := h.plan.Services[c.Service].Autoscale; a != nil && a.Queue != nil {
		if c.Backlog == "" {
			c.Backlog = a.Queue.Backlog
		}
		if c.Age == "" {
			c.Age = a.Queue.Age
		}
	}
	return c
}

// flowing is the stretch in which traffic flowed.
func (h *history) flowing() span { return span{h.window.from, h.window.to} }

// backlog is Q1: there are never more jobs that are not done than a limit.
func (h *history) backlog(c scenarios.QueueCheck) Finding {
	f := queueFinding(c.Service, "Q1-backlog", "never more than "+plural(*c.MaxBacklog, "job")+" that are not done")
	return h.bounded(f, c.Backlog, c.Age, "the backlog", float64(*c.MaxBacklog), beside)
}

// age is Q2: the oldest job is never older than a limit.
func (h *history) age(c scenarios.QueueCheck) Finding {
	f := queueFinding(c.Service, "Q2-age", "no job older than "+latency(c.MaxAge.Std()))
	return h.bounded(f, c.Age, c.Backlog, "the age of the oldest job", c.MaxAge.Std().Seconds(), func(v, limit float64) string { return latencyBeside(seconds(v), seconds(limit)) })
}

// bounded judges the highest value of a metric; words write one beside the limit.
// The other metric of the queue may show jobs where this one does not.
func (h *history) bounded(f Finding, metric, other, what string, limit float64, words func(v, limit float64) string) Finding {
	if metric == "" {
		return unknown(f, what+" is not measured: name the metric of "+f.Service+" that tells it")
	}
	s := h.seriesOf(f.Service, metric)
	top, ok := s.highest(h.flowing())
	if !ok {
		return unknown(f, s.nothing(f.Service))
	}
	highest := words(top.value, limit)
	f.Measured = fmt.Sprintf("%s at most, of %s", highest, plural(len(s.points), "reading"))
	f.Evidence = []Evidence{{Text: what + " was at most " + highest, From: top.at, To: top.at, Count: len(s.points)}}
	if top.value > limit {
		i := slices.IndexFunc(s.points, func(p point) bool { return p.value > limit })
		first := s.points[i]
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s was %s at %s, the limit is %s; it went beyond it at %s", what, highest, offset(top.at), words(limit, limit), offset(first.at))
		return f
	}
	if gap, blind := s.blind(h.flowing()); blind {
		return unknown(f, s.blindness(gap))
	}
	switch of := h.workOf(f.Service); {
	case of != nil && !h.acknowledged(*of):
		return unknown(f, fmt.Sprintf("no %s of %s was acknowledged, so no job ever came", of.Step, of.Journey))
	case of == nil && top.value <= 0 && !h.everAbove(f.Service, other):
		return unknown(f, fmt.Sprintf("%s was never above %s, and nothing else shows that any job came; say which step brings them (work.of), or see whether %s counts the right queue", what, words(0, limit), metric))
	}
	return f
}

// everAbove tells whether a metric of a service, if it has it, was ever above zero
// while traffic flowed.
func (h *history) everAbove(service, metric string) bool {
	top, ok := h.seriesOf(service, metric).highest(h.flowing())
	return metric != "" && ok && top.value > 0
}

// drained is Q3: the backlog is worked off within a limit from the end of the
// phase that fills the queue.
func (h *history) drained(c scenarios.QueueCheck) Finding {
	limit := c.DrainedWithin.Std()
	f := queueFinding(c.Service, "Q3-drained", fmt.Sprintf("worked off to %s or fewer within %s of the end of %s", plural(c.Drained, "job"), latency(limit), c.Surge))
	i := slices.IndexFunc(h.plan.Phases, func(p scenarios.PlannedPhase) bool { return p.Name == c.Surge })
	switch {
	case c.Backlog == "":
		return unknown(f, "the backlog is not measured: name the metric of "+c.Service+" that tells it")
	case i < 0:
		return unknown(f, fmt.Sprintf("there is no phase %q that fills the queue", c.Surge))
	}
	surge := span{h.window.from + h.plan.Phases[i].Start.Std(), h.window.from + h.plan.Phases[i].End.Std()}
	s := h.seriesOf(c.Service, c.Backlog)
	top, ok := s.highest(span{surge.from, h.window.to})
	switch {
	case !ok:
		return unknown(f, s.nothing(c.Service))
	case top.value <= float64(c.Drained):
		return unknown(f, fmt.Sprintf("the backlog was never above %s, so there was nothing to work off", count(c.Drained)))
	}
	f.Evidence = []Evidence{{Text: "highest backlog: " + figure(top.value), From: top.at, To: top.at}}
	return h.workedOff(f, s, surge.to, limit, float64(c.Drained))
}

// workedOff judges when a backlog was first at a level or below, from a moment on.
func (h *history) workedOff(f Finding, s series, from, limit time.Duration, level float64) Finding {
	last := point{from, -1}
	for _, p := range s.points {
		if p.at < from {
			continue
		}
		if p.value > level {
			last = p
			continue
		}
		took := p.at - from
		f.Measured = "worked off " + offsetBeside(took, limit) + " after it"
		f.Evidence = append(f.Evidence, Evidence{Text: "worked off: " + figure(p.value) + " left", From: from, To: p.at})
		switch {
		case took <= limit:
		case last.at-from < limit && (p.at-last.at > s.silence() || last.value < 0):
			return unknown(f, s.blindness(span{last.at, p.at}))
		case last.at-from < limit:
			return unknown(f, fmt.Sprintf("%s were left %s after the surge and %s %s after it; %s was not read in between, where the limit of %s lies: read it more often (every), or allow for that",
				figure(last.value), offset(last.at-from), figure(p.value), offset(took), s.metric, latency(limit)))
		default:
			f.Verdict = Fail
			f.Reason = fmt.Sprintf("it took %s to work the backlog off, the limit is %s", offsetBeside(took, limit), latency(limit))
		}
		return f
	}
	if last.value < 0 {
		f.Measured = ""
		return unknown(f, fmt.Sprintf("%s was not read after %s, when the backlog was to be worked off", s.metric, offset(from)))
	}
	f.Measured = fmt.Sprintf("%s left %s after it", figure(last.value), offset(last.at-from))
	f.Evidence = append(f.Evidence, Evidence{Text: "at last " + figure(last.value) + " left", From: from, To: last.at})
	if last.at-from < limit {
		return unknown(f, fmt.Sprintf("the record of the backlog ends %s after the surge, before the limit of %s; a last phase that is %s longer would show it",
			offset(last.at-from), latency(limit), latency(limit-(last.at-from))))
	}
	f.Verdict = Fail
	f.Reason = fmt.Sprintf("%s were left %s after the surge, the limit is %s", figure(last.value), offset(last.at-from), latency(limit))
	return f
}

// undisturbed is Q4: what is in somebody's hands is not taken out of them. Work
// that was delivered more than once was, and so was what a worker had that was
// killed. Where the check does not say what the work is, there is only something
// to say when one was killed: false otherwise.
func (h *history) undisturbed(c scenarios.QueueCheck) (Finding, bool) {
	f := queueFinding(c.Service, "Q4-undisturbed", "no worker is stopped with work in hand")
	stopped := h.stopped(c.Service)
	killed := h.killedOff(stopped)
	if c.Work == nil {
		f.Measured = plural(len(stopped), "worker") + " stopped"
		return blame(f, killed), len(killed) > 0
	}
	f.Wanted += ", and every job is done once"
	id := "queue/" + c.Service
	f = h.compared(f, id, "done", true)
	l, ok := h.ledger(id)
	if ok && l.Error == "" {
		once := max(0, l.Acknowledged-l.Missing-l.Repeated)
		f.Measured = fmt.Sprintf("%s of %s done once, %s delivered again; %s stopped", count(once), count(l.Acknowledged), orNone(l.Again), plural(len(stopped), "worker"))
		if again := max(l.Again, min(1, max(0, l.MostDeliveries-1))); again > 0 {
			f = failed(f, Evidence{Text: fmt.Sprintf("%s %s delivered more than once (%s at most): workers were stopped or broke down that had it in hand",
				plural(again, "job"), wasOrWere(again), times(max(2, l.MostDeliveries))), From: h.ledgers[id].at, To: h.ledgers[id].at, Count: again})
		}
	}
	f = blame(f, killed)
	switch i := h.unfinishedWorker(stopped); {
	case f.Verdict != Pass:
	case len(stopped) == 0:
		f.Verdict, f.Reason = Inconclusive, "no instance of "+c.Service+" was told to stop while traffic flowed, so nothing shows that it would have finished its work; let the surge end before the run does"
	case i != nil:
		f.Verdict, f.Reason = Inconclusive, fmt.Sprintf("%s was told to stop at %s and had not exited by itself when the run ended or killed it, so nothing shows that it would have finished its work; let the last phase be longer", i.name, offset(i.terminating.at))
	}
	return f, true
}

// unfinishedWorker is one that was told to stop and had not the time to do so: the
// run was over before, or killed it before its time was up. Nil if there is none.
func (h *history) unfinishedWorker(stopped []*instance) *instance {
	for _, i := range stopped {
		if i.exited == nil || i.exited.at > h.window.over || h.killedEarly(i) {
			return i
		}
	}
	return nil
}

// killedEarly tells whether the run killed an instance before its time was up.
func (h *history) killedEarly(i *instance) bool {
	killed, ok := i.kill()
	return ok && !i.killed && i.exited != nil && killed <= i.exited.at && !i.due(killed, i.terminating.body.Grace)
}

// killedOff are the workers that did not end by themselves when they were told to
// stop, or not well.
func (h *history) killedOff(stopped []*instance) []Evidence {
	var list []Evidence
	for _, i := range stopped {
		killed, ok := i.kill()
		ok = ok && killed <= h.window.over && i.due(killed, i.terminating.body.Grace)
		switch {
		case ok:
			list = append(list, Evidence{Text: fmt.Sprintf("%s had to be killed %s after it was told to stop", i.name, offset(killed-i.terminating.at)),
				Instance: i.name, From: i.terminating.at, To: killed})
		case h.killedEarly(i): // which is the run's doing
		case i.exited != nil && i.exited.at <= h.window.over && i.exited.body.Code != 0:
			list = append(list, Evidence{Text: fmt.Sprintf("%s exited with code %d %s after it was told to stop", i.name, i.exited.body.Code, offset(i.exited.at-i.terminating.at)),
				Instance: i.name, From: i.terminating.at, To: i.exited.at})
		}
	}
	return list
}

// blame fails a finding for each piece of evidence.
func blame(f Finding, list []Evidence) Finding {
	for _, e := range list {
		f = failed(f, e)
	}
	return f
}

// failed fails a finding for a piece of evidence. What was merely not known before
// is of no concern then.
func failed(f Finding, e Evidence) Finding {
	if f.Verdict != Fail {
		f.Verdict, f.Reason = Fail, ""
	}
	f.Reason, f.Evidence = join(f.Reason, e.Text), append(f.Evidence, e)
	return f
}
