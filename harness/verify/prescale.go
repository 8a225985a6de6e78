package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// prescale judges whether larger instances were there for heavy work: P1 before
// its first byte, P2 without a restart, P3 it was completed, P4 the resources were
// given back, P5 whoever got none was told so.
func (h *history) prescale(c scenarios.PrescaleCheck) []Finding {
	if c.Done == "" {
		c.Done = c.Step
	}
	w := h.workload(c)
	findings := []Finding{h.settled(h.effective(w)), h.settled(h.unbroken(w)), h.overall(h.completedWork(w)), h.overall(h.returned(w))}
	if f, ok := h.answered(w); ok {
		findings = append(findings, h.settled(f))
	}
	return findings
}

func prescaleFinding(service, rule, wanted string) Finding {
	return Finding{ID: "prescale/" + service + "/" + rule, Kind: "prescale", Service: service, Verdict: Pass, Wanted: wanted}
}

// workload is the heavy work of a run and what was done for it.
type workload struct {
	check    scenarios.PrescaleCheck
	spec     scenarios.Prescale
	known    bool       // the service has a prescale
	accounts []*account // that did heavy work or asked for it, by name
	// othersUntil is until when sessions of the tier did other things, whose signs
	// cannot be told from those of the heavy work; 0 for never.
	othersUntil time.Duration
	resized     []timed[journal.Resized] // of the service
	others      int                      // pieces of the heavy work that sessions of other tiers began
}

// account is one that does heavy work.
type account struct {
	name     string
	started  []timed[journal.Milestone] // first bytes of heavy work
	claims   []timed[journal.Claim]
	signals  []timed[journal.SessionSignal]
	sessions map[sessionID]*work
}

// sessionID tells sessions apart.
type sessionID struct {
	cohort string
	number int
}

// work is what became of the heavy work of one session.
type work struct {
	asked, done int // how often Step was begun, and Done succeeded
	start, over time.Duration
	outcome     string // of what ended last
	unknown     bool   // what ended last has no known outcome
	underWay    int    // steps that have begun and not ended
	waits       bool   // Step succeeded, and Done has yet to begin
	stretches   []span // in which heavy work was under way, until forever where that did not end
}

// open tells whether the record does not say when the session was over.
func (s *work) open() bool { return s.underWay > 0 || s.waits }

// workload gathers what a check is about.
func (h *history) workload(c scenarios.PrescaleCheck) workload {
	w := workload{check: c}
	if p := h.plan.Services[c.Service].Prescale; p != nil {
		w.spec, w.known = *p, true
	}
	w.spec.Policy = cmp.Or(w.spec.Policy, scenarios.ProactivePolicy)
	byName := map[string]*account{}
	of := func(name string) *account {
		if byName[name] == nil {
			byName[name] = &account{name: name, sessions: map[sessionID]*work{}}
		}
		return byName[name]
	}
	for _, m := range h.scale.milestones {
		switch {
		case !h.window.holds(m.at):
		case w.about(m.body):
			of(m.body.Tenant).take(m, c)
		case m.body.Journey == c.Journey && m.body.Step == c.Step && m.body.Outcome == "started":
			w.others++
		}
	}
	for _, s := range h.scale.signals {
		if s.body.Tier == w.spec.Tier && w.listens(s.body) {
			a := of(s.body.Account)
			a.signals = append(a.signals, s)
		}
	}
	for _, claim := range h.scale.claims {
		if claim.body.Service == c.Service {
			a := of(claim.body.Account)
			a.claims = append(a.claims, claim)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		w.accounts = append(w.accounts, byName[name])
	}
	for _, r := range h.scale.resized {
		if r.body.Service == c.Service {
			w.resized = append(w.resized, r)
		}
	}
	for _, t := range h.traffic {
		if b := t.body; b.Tier == w.spec.Tier && b.Journey != c.Journey && b.Step != "" && b.Sent > 0 {
			w.othersUntil = max(w.othersUntil, t.at)
		}
	}
	return w
}

// about tells whether a milestone is one of the heavy work. Sessions of another
// tier are entitled to nothing.
func (w workload) about(m journal.Milestone) bool {
	return m.Journey == w.check.Journey && (m.Step == w.check.Step || m.Step == w.check.Done) &&
		(m.Tier == "" || w.spec.Tier == "" || m.Tier == w.spec.Tier)
}

// listens tells whether signs of that kind are what the service goes by.
func (w workload) listens(s journal.SessionSignal) bool {
	return w.spec.Webhook != nil && w.spec.Webhook.Service == s.Service || w.spec.Header != nil && w.spec.Header.Service == s.Service
}

// take sorts one milestone in.
func (a *account) take(m timed[journal.Milestone], c scenarios.PrescaleCheck) {
	id := sessionID{m.body.Cohort, m.body.Session}
	s := a.sessions[id]
	if s == nil {
		s = &work{start: m.at}
		a.sessions[id] = s
	}
	heavy, last := m.body.Step == c.Step, m.body.Step == c.Done
	if m.body.Outcome == "started" {
		if !s.open() {
			s.stretches = append(s.stretches, span{m.at, forever})
		}
		s.underWay++
		s.waits = s.waits && !last
		if heavy {
			s.asked++
			a.started = append(a.started, m)
		}
		return
	}
	s.underWay = max(0, s.underWay-1) // what could not be sent ends without having begun
	s.over, s.outcome = max(s.over, m.at), m.body.Step+": "+m.body.Outcome
	s.unknown = m.body.Outcome == "unknown"
	s.waits = heavy && !last && m.body.Outcome == "ok"
	if last && m.body.Outcome == "ok" {
		s.done++
	}
	if n := len(s.stretches); n > 0 && !s.open() && s.stretches[n-1].to == forever {
		s.stretches[n-1].to = m.at
	}
}

// grantedBy tells whether the account had the larger class, or was given it, between
// two moments.
func (a *account) grantedBy(from, to time.Duration) bool {
	return a.holdsAt(from) || slices.ContainsFunc(a.claims, func(c timed[journal.Claim]) bool {
		return c.at > from && c.at <= to && holding(c.body)
	})
}

// holdsAt tells whether the account had a claim to the larger class at a moment. One
// that the engine would not renew is kept.
func (a *account) holdsAt(at time.Duration) bool {
	held := false
	for _, c := range a.claims {
		if c.at <= at && c.body.Error == "" {
			held = holding(c.body)
		}
	}
	return held
}

// holding tells whether a claim is one to the larger class.
func holding(c journal.Claim) bool { return c.State == granted || c.State == renewed }

// claimAt is how the account's claim stood at a moment; "" without one.
func (a *account) claimAt(at time.Duration) journal.Claim {
	var last journal.Claim
	for _, c := range a.claims {
		if c.at <= at {
			last = c.body
		}
	}
	return last
}

// refused tells whether the account had been told, when it began its work, that
// there is no room for it. What other policies answer is no such word, nor is what
// the engine would not do: that is what was promised, and did not come about.
func (w workload) refused(a *account, at time.Duration) bool {
	claim := a.claimAt(at)
	return w.spec.Policy == scenarios.ProactivePolicy && claim.State == rejected && claim.Error == ""
}

// moved tells whether a claim was renewed without a sign of the account: its instance
// went away, and another took its place.
func moved(c journal.Claim) bool { return c.State == renewed && c.Reason != "" }

// The states of a claim.
const (
	granted  = "granted"
	renewed  = "renewed"
	queued   = "queued"
	rejected = "rejected"
)

// The classes of an instance: heavy work needs the large one.
const (
	largeClass = "large"
	baseClass  = "base"
)

// idle says why there is no heavy work to judge; "" if there is some.
func (w workload) idle() string {
	for _, a := range w.accounts {
		if len(a.started) > 0 {
			return ""
		}
	}
	if w.others > 0 {
		return fmt.Sprintf("step %s of journey %s was begun %s, but never by a session of tier %s, which prescale is for; give the cohort that tier, or prescale the tier that it has",
			w.check.Step, w.check.Journey, times(w.others), w.spec.Tier)
	}
	return fmt.Sprintf("no session of journey %s came to step %s, so there was no heavy work", w.check.Journey, w.check.Step)
}

// refusals are the engine's words for resizes to a class that did not come about.
func (w workload) refusals(class string) (reasons []string, n int) {
	for _, r := range w.resized {
		if r.body.Class != class || r.body.Error == "" {
			continue
		}
		n++
		if text := firstLine(r.body.Error); !slices.Contains(reasons, text) {
			reasons = append(reasons, text)
		}
	}
	return reasons, n
}

// refusalText says what the engine said to resizes; "" if they went through.
func (w workload) refusalText(class string) string {
	reasons, n := w.refusals(class)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s to the %s class failed: %s", plural(n, "resize"), class, strings.Join(reasons[:min(len(reasons), keysInReason)], "; "))
}
