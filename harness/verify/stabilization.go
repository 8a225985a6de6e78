package verify

import (
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// defaultWindow is how long an HPA, in its controller's default, and every other
// autoscaler here waits before it removes instances.
const defaultWindow = 5 * time.Minute

// A patience is what an autoscaler has to wait for before it removes instances,
// in control-loop time.
type patience struct {
	never bool // it must remove none
	// window is how long all must have been asked for that few of. Where it counts
	// from the last change instead, changes is true.
	window  time.Duration
	changes bool
	word    string
}

// patienceOf is that of an autoscaler; false where it has none.
func patienceOf(a scenarios.PlannedAutoscale) (patience, bool) {
	cooldown := func(d *scenarios.Duration, p patience) (patience, bool) {
		p.window, p.word = defaultWindow, "cooldown"
		if d != nil {
			p.window = d.Std()
		}
		return p, true
	}
	switch {
	case a.HPA != nil:
		p := patience{window: defaultWindow, word: "stabilization window"}
		if b := a.HPA.Behavior; b != nil && b.ScaleDown != nil {
			if s := b.ScaleDown.StabilizationWindowSeconds; s != nil {
				p.window = time.Duration(*s) * time.Second
			}
			p.never = b.ScaleDown.SelectPolicy != nil && *b.ScaleDown.SelectPolicy == autoscalingv2.DisabledPolicySelect
		}
		return p, true
	case a.TargetTracking != nil:
		in := a.TargetTracking.ScaleIn
		return cooldown(a.TargetTracking.Cooldown, patience{changes: true, never: in != nil && !*in})
	case a.Step != nil:
		return cooldown(a.Step.Cooldown, patience{changes: true})
	case a.Queue != nil:
		return cooldown(a.Queue.Cooldown, patience{})
	}
	return patience{}, false
}

func (p patience) wanted() string {
	switch {
	case p.never:
		return "no instance is removed, as scaling in is switched off"
	case p.changes:
		return fmt.Sprintf("no instance is removed within %s of a change (%s)", latency(p.window), p.word)
	}
	return fmt.Sprintf("no instance is removed that was asked for in the %s before (%s)", latency(p.window), p.word)
}

// stabilization is C8: instances are removed only after the autoscaler has waited
// as long as its settings say, in control-loop time. It is judged by what its own
// decisions say that the metrics asked for. Where nothing ever asked for fewer
// instances there is nothing to say: false, unless it could see nothing.
func (h *history) stabilization(service string, decisions []decision) (Finding, bool) {
	f := scalingFinding(service, "C8-stabilization", "instances are removed only after the stabilization window or cooldown")
	if why := h.unlooked(service, decisions); why != "" {
		return unknown(f, why), true
	}
	a := *h.plan.Services[service].Autoscale
	p, ok := patienceOf(a)
	if !ok {
		return f, false
	}
	f.Wanted = p.wanted()
	removed, waited, early := 0, 0, 0
	for i, n := range decisions {
		if n.Wanted < n.Current && n.change() >= 0 {
			waited++
		}
		if n.change() >= 0 || !n.carried() || n.Current > a.Max { // beyond the most they go at once
			continue
		}
		removed++
		if why, from := h.hasty(p, decisions[:i], n); why != "" {
			f.Verdict = Fail
			if early++; early <= keysInReason {
				f.Reason = join(f.Reason, fmt.Sprintf("decision %d removed %s at %s: %s", n.ID, count(-n.change()), offset(n.at), why))
			}
			if early <= maxNamed {
				f.Evidence = append(f.Evidence, Evidence{Text: n.words() + "; " + why, From: from, To: n.at})
			}
		} else if removed <= maxNamed {
			f.Evidence = append(f.Evidence, Evidence{Text: n.words(), From: n.at, To: n.at})
		}
	}
	if more := early - keysInReason; more > 0 {
		f.Reason = join(f.Reason, plural(more, "more removal")+" came too early")
	}
	f.Measured = fmt.Sprintf("removed %s, held back %s", times(removed), times(waited))
	f = unlessUnseen(f, decisions)
	return f, removed+waited > 0 || f.Verdict == Inconclusive
}

// hasty says why a removal came too early, and since when it was to wait; "" if it
// did not.
func (h *history) hasty(p patience, before []decision, n decision) (why string, from time.Duration) {
	slack := time.Duration(h.tempo() * float64(fastestLook)) // a moment more or less is nobody's concern
	recent := func(at time.Duration) (age time.Duration, within bool) {
		age = time.Duration(h.tempo() * float64(n.at-at))
		return age, age < p.window-slack
	}
	if p.never {
		return "scaling in is switched off", n.at
	}
	for i := len(before) - 1; i >= 0; i-- {
		b := before[i]
		age, within := recent(b.at)
		switch {
		case !within:
			return "", 0
		case p.changes && b.carried() && b.Reason != scheduledFloor:
			return fmt.Sprintf("the last change (%s to %s) was %s before, in control-loop time, and the %s is %s",
				count(b.Current), count(b.Desired), latency(age), p.word, latency(p.window)), b.at
		case !p.changes && b.Wanted > n.Desired && (!b.unread() || b.Wanted != b.Current):
			return fmt.Sprintf("%s had been asked for %s before, in control-loop time, and the %s is %s",
				count(b.Wanted), latency(age), p.word, latency(p.window)), b.at
		}
	}
	first := n // what is there when an autoscaler begins counts as asked for
	if len(before) > 0 {
		first = before[0]
	}
	if age, within := recent(first.at); !p.changes && within && first.Current > n.Desired {
		return fmt.Sprintf("it had looked for only %s, in control-loop time, and the %s is %s", latency(age), p.word, latency(p.window)), first.at
	}
	return "", 0
}

// scheduledFloor is the reason of decisions that a schedule made.
const scheduledFloor = "ScheduledFloor"
