package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// answerTravel is what the last answer of a piece of work may take to be seen: what is
// taken back so shortly before is taken back at its end.
const answerTravel = 100 * time.Millisecond

// withdrawal is a moment at which an instance was put back into its own class while
// granted work was under way that it may have had.
type withdrawal struct {
	instance string
	at       time.Duration
	cut      []piece
}

// short is how much longer the work took.
func (t withdrawal) short() time.Duration {
	longest := time.Duration(0)
	for _, p := range t.cut {
		longest = max(longest, p.seen-t.at)
	}
	return longest
}

// keptToTheEnd fails a finding where granted work had the larger class at first, and
// lost it before it was over: the rest ran with the resources that it was to be spared.
// It is no matter of P1, which looks at the first byte, but of how long a hold is.
func (h *history) keptToTheEnd(w workload, f Finding) Finding {
	var worst withdrawal
	pieces := map[piece]bool{}
	for n, t := range h.withdrawals(w) {
		for _, p := range t.cut {
			pieces[p] = true
		}
		if t.short() > worst.short() {
			worst = t
		}
		if n < maxNamed {
			f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("taken back %s before %s of granted work %s over", offset(t.short()),
				plural(len(t.cut), "piece"), wasOrWere(len(t.cut))), Instance: t.instance, From: t.at, To: t.at + t.short(), Count: len(t.cut)})
		}
	}
	if len(pieces) == 0 {
		return f
	}
	f.Verdict = Fail
	f.Reason = fmt.Sprintf("the larger class was taken back %s before %s of granted work %s over (%s); %s; give a longer hold, or let the application tell of its sessions more often",
		offset(worst.short()), plural(len(pieces), "piece"), wasOrWere(len(pieces)), worst.instance, h.holdWords(w))
	return f
}

// holdWords say how long an account keeps the larger class: "hold is 3s of real time
// (1m0s at tempo 20x)".
func (h *history) holdWords(w workload) string {
	if h.tempo() == 1 {
		return "hold is " + w.spec.Hold.String()
	}
	return fmt.Sprintf("hold is %s of real time (%s at tempo %s)", latency(h.inControlTime(w.spec.Hold)), w.spec.Hold, factor(h.tempo()))
}

// withdrawals lists them, in order of time.
func (h *history) withdrawals(w workload) []withdrawal {
	var list []withdrawal
	large := map[string]bool{}
	for _, r := range w.resized {
		i := h.byName[r.body.Instance]
		if r.body.Error != "" || i == nil {
			continue
		}
		was := large[i.name]
		large[i.name] = r.body.Class == largeClass
		if !was || large[i.name] || r.at > h.controlled().to || !h.takingWork(i, r.at) {
			continue
		}
		if t := (withdrawal{i.name, r.at, h.cutBy(w, r)}); len(t.cut) > 0 {
			list = append(list, t)
		}
	}
	return list
}

// A piece is a stretch of an account's heavy work.
type piece struct {
	account string
	span
	seen time.Duration // until when it is known to have been under way
}

// grantedWork are the pieces of an account's heavy work for which it had the larger
// class at first, or was given it on the way. Others wait for nothing: that somebody
// who was refused works on keeps no instance large.
func (h *history) grantedWork(w workload, a *account) []piece {
	if w.spec.Policy != scenarios.ProactivePolicy {
		return nil
	}
	var list []piece
	for _, s := range a.inOrder() {
		for _, part := range s.stretches {
			p := piece{a.name, span{part.from, min(part.to, h.window.to)}, part.to}
			switch {
			case part.to < forever:
			case s.underWay > 0:
				p.seen = h.window.to
			default: // nobody may wait for it any more
				p.seen = s.over
			}
			if a.grantedBy(p.from, p.to) {
				list = append(list, p)
			}
		}
	}
	return list
}

// cutBy are the pieces of granted work that an instance may have had in hand when it
// got less.
func (h *history) cutBy(w workload, r timed[journal.Resized]) []piece {
	var cut []piece
	for _, a := range w.accounts {
		for _, p := range h.grantedWork(w, a) {
			if p.from <= r.at && p.seen > r.at+answerTravel && a.grantedBy(p.from, r.at) && w.mayHave(a, r.body.Instance, r.at) {
				cut = append(cut, p)
			}
		}
	}
	return cut
}

// mayHave tells whether an instance may get the work of an account: each may, or the
// one that it was given last.
func (w workload) mayHave(a *account, instance string, at time.Duration) bool {
	if w.spec.Instances != "one" {
		return true
	}
	last := ""
	for _, c := range a.claims {
		if c.at <= at && holding(c.body) {
			last = c.body.Instance
		}
	}
	return last == "" || last == instance
}
