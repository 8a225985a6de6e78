package verify

import (
	"fmt"
	"time"
)

// unreadyAfterTerm is R6: an instance that was told to stop fails its readiness
// probe within a limit from the stop signal, for balancers that look at nothing
// else. The period and the threshold of the probe are in that time.
func (h *history) unreadyAfterTerm(service string, limit time.Duration) Finding {
	stopped := h.stopped(service)
	f := readinessFinding(service, "R6-unready-after-term", "not ready any more within "+latency(limit)+" of "+stopSignalOf(stopped))
	slowest, name, judged := time.Duration(-1), "", 0
	probed := h.probed()[service]
	for _, i := range stopped {
		d := i.dusk(h.window.over, limit, probed)
		f.Evidence = append(f.Evidence, Evidence{Text: d.text, Instance: i.name, From: d.from, To: max(d.from, d.from+d.took)})
		if d.verdict != Pass {
			f.Reason = join(f.Reason, i.name+": "+d.text)
		}
		if f.Verdict == Pass || d.verdict == Fail {
			f.Verdict = d.verdict
		}
		if d.verdict == Inconclusive {
			continue
		}
		judged++
		if d.took > slowest {
			slowest, name = d.took, i.name
		}
	}
	switch {
	case len(stopped) == 0:
		f = unlessNoneStopped(f, stopped)
	case judged == 0:
		f.Measured = "not known of " + plural(len(stopped), "instance")
	default:
		f.Measured = fmt.Sprintf("ready for %s at most (%s) of %s", offset(slowest), name, plural(judged, "instance"))
	}
	return f
}

// dusk is how a terminating instance ceased to be ready.
type dusk struct {
	from, took time.Duration // the stop signal, and how long it was ready after it
	verdict    Verdict
	text       string
}

// dusk judges one instance. Its exit ends its readiness; what the probes say
// afterwards, or when the run was over, is about nobody. Probed tells whether the
// record has probes of its service: they are there from the first that passed.
func (i *instance) dusk(over, limit time.Duration, probed bool) dusk {
	sent, signal, ok := i.stopSignal()
	if !ok {
		return i.unasked()
	}
	exited := i.exited != nil && (i.exited.at <= over || !i.exited.body.Wanted)
	end := over
	if exited {
		end = i.exited.at
	}
	d := dusk{from: sent, verdict: Pass}
	turned := false
	switch {
	case !probed:
		d.verdict, d.text = Inconclusive, "the record has no probe of it"
		return d
	case !i.readyAt(sent):
		d.text = "was not ready at " + signal
		return d
	}
	for _, p := range i.probes {
		if p.at > sent && p.at <= end && !p.body.Ready {
			end, turned = p.at, true
			break
		}
	}
	d.took = max(0, end-sent)
	after := offset(d.took) + " after " + signal
	switch {
	case turned:
		d.text = "not ready any more " + after
	case exited:
		d.text = "was ready until it exited " + after
	default:
		d.text = "was still ready " + after + ", when the run ended"
	}
	switch {
	case d.took > limit:
		d.verdict, d.text = Fail, d.text+"; the limit is "+latency(limit)
	case !turned && !exited:
		d.verdict = Inconclusive
	}
	return d
}

// unasked is the judgement on a terminating instance that got no stop signal: one
// that had exited before needed none.
func (i *instance) unasked() dusk {
	d := dusk{from: i.terminating.at, verdict: Inconclusive, text: "got no stop signal"}
	if _, killed := i.kill(); i.exited != nil && !killed {
		d.verdict, d.text = Pass, "exited before it got a stop signal"
	}
	return d
}

// readyAt tells whether an instance's probe passed at a moment.
func (i *instance) readyAt(at time.Duration) bool {
	ready := false
	for _, p := range i.probes {
		if p.at <= at {
			ready = p.body.Ready
		}
	}
	return ready
}
