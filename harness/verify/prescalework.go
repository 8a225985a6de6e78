package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// unbroken is P2: no instance is restarted, and none runs out of memory but for so
// many as the check allows.
func (h *history) unbroken(w workload) Finding {
	c := w.check
	f := prescaleFinding(c.Service, "P2-unbroken", "no instance restarted, none out of memory")
	if c.OOMKills > 0 {
		f.Wanted = "no instance restarted but those that run out of memory, " + count(c.OOMKills) + " at most"
	}
	oom, restarts := 0, 0
	var wrong []Evidence
	for _, i := range h.of(c.Service) {
		e := i.exited
		if e == nil || !h.window.holds(e.at) || e.body.Wanted && !e.body.OOM || h.interrupted(i) {
			continue
		}
		text := fmt.Sprintf("%s exited with code %d at %s", i.name, e.body.Code, offset(e.at))
		if e.body.OOM {
			oom++
			text = fmt.Sprintf("%s ran out of memory at %s, in %s", i.name, offset(e.at), h.classAt(w, i, e.at))
		} else {
			restarts++
		}
		if taken := h.replacement(i); taken != "" {
			text += "; " + taken
		}
		wrong = append(wrong, Evidence{Text: text, Instance: i.name, From: e.at, To: e.at})
	}
	f.Evidence = wrong
	f.Measured = fmt.Sprintf("%s out of memory, %s restarted otherwise", orNone(oom), orNone(restarts))
	if restarts > 0 || oom > c.OOMKills {
		f.Verdict, f.Reason = Fail, texts(wrong[:min(len(wrong), keysInReason)])
		if more := len(wrong) - keysInReason; more > 0 {
			f.Reason = join(f.Reason, count(more)+" more")
		}
		return f
	}
	if why := w.idle(); why != "" {
		return unknown(f, why)
	}
	return f
}

// classAt says in which class an instance was at a moment, and how much memory that
// gave it.
func (h *history) classAt(w workload, i *instance, at time.Duration) string {
	class, memory := baseClass, int64(h.plan.Services[i.service].Limits.Memory)
	for _, r := range w.resized {
		if r.body.Instance == i.name && r.body.Error == "" && r.at <= at {
			class, memory = r.body.Class, r.body.Memory
		}
	}
	limit := "with no limit of memory"
	if memory > 0 {
		limit = "limited to " + scenarios.Bytes(memory).String()
	}
	return fmt.Sprintf("the %s class, %s", class, limit)
}

// completedWork is P3: the heavy work is completed, that of refused accounts aside.
func (h *history) completedWork(w workload) Finding {
	c := w.check
	least := scenarios.Percent(100)
	if c.Completed != nil {
		least = *c.Completed
	}
	f := prescaleFinding(c.Service, "P3-completed", fmt.Sprintf("%s of the work is completed (%s succeeds)", least, c.Done))
	if why := w.idle(); why != "" {
		return unknown(f, why)
	}
	asked, done, refused, cut := 0, 0, 0, 0
	for _, a := range w.accounts {
		for _, s := range a.inOrder() {
			switch {
			case s.asked == 0:
			case s.done == 0 && w.refused(a, s.start):
				refused++
			case c.Done == c.Step:
				asked, done = asked+s.asked, done+min(s.done, s.asked)
			default:
				asked, done = asked+1, done+min(s.done, 1)
			}
			if s.asked > 0 && s.done == 0 && !w.refused(a, s.start) && h.cutShort(s) {
				cut++
			}
			if s.asked > 0 && s.done == 0 && len(f.Evidence) < maxNamed {
				f.Evidence = append(f.Evidence, Evidence{Text: a.name + ": not completed; " + s.last(), From: s.start, To: s.start})
			}
		}
	}
	f.Measured = fmt.Sprintf("%s of %s (%s)", count(done), count(asked), share(done, asked))
	if refused > 0 {
		f.Measured += fmt.Sprintf("; %s refused", count(refused))
	}
	switch {
	case asked == 0:
		return unknown(f, "all of the heavy work was refused")
	case enough(done, asked, least):
	case enough(done+cut, asked, least):
		return unknown(f, fmt.Sprintf("the run ended before %s of the work was over, and without that this would not fail; end with a phase in which no session begins, as long as the work takes", plural(cut, "piece")))
	default:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of %s of heavy work %s not completed; %s has to be", count(asked-done), plural(asked, "piece"), wasOrWere(asked-done), least)
		f.Reason = join(f.Reason, h.commonest(c))
	}
	return f
}

// enough tells whether so many are the least share of all.
func enough(n, all int, least scenarios.Percent) bool {
	return float64(n)*100 >= float64(least)*float64(all)-tiny
}

// cutShort tells whether it was the end of the run that left the work undone: a
// request was under way when traffic ended, or the next was never begun.
func (h *history) cutShort(s *work) bool {
	return s.underWay > 0 || s.unknown && s.over >= h.window.to-lookSlack || s.waits && s.over >= h.controlled().to
}

// inOrder are the account's sessions in order of their start.
func (a *account) inOrder() []*work {
	var list []*work
	for _, s := range a.sessions {
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y *work) int { return int(min(1, max(-1, x.start-y.start))) })
	return list
}

func (s *work) last() string {
	if s.outcome == "" {
		return "it was under way at the end"
	}
	return "the last of it was " + s.outcome
}

// commonest is what the driver saw go wrong most often in the journey.
func (h *history) commonest(c scenarios.PrescaleCheck) string {
	for _, g := range h.groups {
		if g.Journey == c.Journey {
			return fmt.Sprintf("most often: %s: %s", g.Step, firstLine(g.Message))
		}
	}
	return ""
}

// answered is P5: whoever cannot have larger instances is told so, or told to
// wait and then answered; nobody waits in silence. Where nobody has to ask there
// is nothing to say: false.
func (h *history) answered(w workload) (Finding, bool) {
	c := w.check
	f := prescaleFinding(c.Service, "P5-answered", "every account that asks is answered, and a refusal is an answer")
	if w.spec.Policy != scenarios.ProactivePolicy {
		return f, false
	}
	yes, no, waited, asked := 0, 0, 0, 0
	var wrong []Evidence
	for _, a := range w.accounts {
		if len(a.signals)+len(a.claims) == 0 {
			continue
		}
		asked++
		if a.was(granted) || a.was(renewed) {
			yes++
		}
		if a.was(rejected) {
			no++
		}
		if a.was(queued) {
			waited++
		}
		if e, ok := h.silence(w, a); ok {
			wrong = append(wrong, e)
		}
	}
	f.Measured = fmt.Sprintf("%s asked: %s granted, %s refused, %s told to wait", plural(asked, "account"), orNone(yes), orNone(no), orNone(waited))
	f.Evidence = wrong[:min(len(wrong), maxNamed)]
	switch {
	case asked == 0:
		return unknown(f, h.unannounced(w)+", so nobody had to be answered"), true
	case len(wrong) == 0 && yes+no+waited == 0:
		return unknown(f, fmt.Sprintf("sessions were announced only in the last %s of traffic, which is how long an answer may take", latency(answerLimit))), true
	case len(wrong) > 0:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s left without an answer: %s", plural(len(wrong), "account")+" "+wasOrWere(len(wrong)), texts(wrong[:min(len(wrong), keysInReason)]))
	}
	return f, true
}

// was tells whether a claim of the account was ever in a state.
func (a *account) was(state string) bool {
	return slices.ContainsFunc(a.claims, func(c timed[journal.Claim]) bool { return c.body.State == state })
}

// answerLimit is how long an application may have to wait for the answer to a
// webhook.
const answerLimit = 5 * time.Second

// silence says where an account was not answered. Nobody is after the end of
// traffic, and who is announced right before it may not be any more.
func (h *history) silence(w workload, a *account) (Evidence, bool) {
	if len(a.claims) == 0 {
		s := a.signals[0]
		if s.at+answerLimit > h.window.to {
			return Evidence{}, false
		}
		return Evidence{Text: a.name + " was announced, and nothing came of it", From: s.at, To: s.at}, true
	}
	for _, c := range a.claims {
		if (c.body.State == rejected || c.body.State == queued) && !c.body.Answered {
			text := fmt.Sprintf("%s was %s, and not told", a.name, c.body.State)
			if w.spec.Webhook == nil {
				text += ": a header can be seen, but not answered; a webhook can"
			}
			return Evidence{Text: text, From: c.at, To: c.at}, true
		}
	}
	last := a.claims[len(a.claims)-1]
	limit := h.inControlTime(w.spec.QueueFor) + lookSlack
	for _, c := range a.claims {
		if c.body.Waited > limit {
			return Evidence{Text: fmt.Sprintf("%s waited %s until it was %s; the limit is %s", a.name, offset(c.body.Waited), c.body.State, latency(limit)), From: c.at - c.body.Waited, To: c.at}, true
		}
	}
	if last.body.State == queued && h.controlled().to-last.at > limit {
		return Evidence{Text: fmt.Sprintf("%s was told to wait, and then heard nothing for %s; the limit is %s", a.name,
			offset(h.controlled().to-last.at), latency(limit)), From: last.at, To: h.controlled().to}, true
	}
	return Evidence{}, false
}
