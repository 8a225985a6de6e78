package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// stateless judges whether sessions hang on the instance that they began on:
// S1 wherever another one answered, S2 where the first was gone by then.
func (h *history) stateless(c scenarios.StatelessCheck) []Finding {
	findings := []Finding{h.elsewhere(c), h.orphaned(c)}
	for i := range findings {
		findings[i] = h.settled(findings[i])
	}
	return findings
}

func statelessFinding(c scenarios.StatelessCheck, rule, wanted string) Finding {
	return Finding{ID: "stateless/" + c.Service + "/" + rule, Kind: "stateless", Service: c.Service, Verdict: Pass, Wanted: wanted}
}

// elsewhere is S1: what the first instance of a session told it holds with
// every other.
func (h *history) elsewhere(c scenarios.StatelessCheck) Finding {
	f := statelessFinding(c, "S1-elsewhere", "other instances than its first serve a session as well")
	m := h.movedOf(c, func(timed[journal.Moved]) bool { return true })
	f.Evidence = m.evidence()
	f.Measured = m.measured("answered by another instance than their session's first")
	switch {
	case m.refused > 0:
		f.Verdict, f.Reason = Fail, m.reason("by other instances")
	case m.total == 0:
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("no request of %s was answered by another instance than its session's first; that takes two instances of %s and sessions of several requests",
			followed(c), c.Service)
	}
	return f
}

// orphaned is S2: sessions go on after the instance that they began on has left.
func (h *history) orphaned(c scenarios.StatelessCheck) Finding {
	f := statelessFinding(c, "S2-loss", "sessions go on after their instance is gone")
	left := h.left(c.Service)
	m := h.movedOf(c, func(moved timed[journal.Moved]) bool {
		gone, ok := left[moved.body.Home]
		return ok && moved.at-moved.body.For >= gone
	})
	for _, i := range h.of(c.Service) {
		if gone, ok := left[i.name]; ok {
			f.Evidence = append(f.Evidence, Evidence{Text: "left while traffic flowed", Instance: i.name, From: gone, To: gone})
		}
	}
	f.Evidence = append(f.Evidence, m.evidence()...)
	f.Measured = m.measured("of sessions whose first instance had left")
	switch {
	case m.refused > 0:
		f.Verdict, f.Reason = Fail, m.reason("after it had left")
	case len(left) == 0:
		f.Verdict, f.Measured = Inconclusive, "no instance left"
		f.Reason = "no instance of " + c.Service + " left while traffic flowed; let an action stop one"
	case m.total == 0:
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("no request of %s followed in a session whose first instance had left; longer sessions or more of them would show one", followed(c))
	}
	return f
}

// left is when instances of a service were out of the way for good, of those
// that were so while traffic flowed.
func (h *history) left(service string) map[string]time.Duration {
	left := map[string]time.Duration{}
	for _, i := range h.of(service) {
		if at, ok := i.departed(); ok && h.window.holds(at) {
			left[i.name] = at
		}
	}
	return left
}

// departed is when an instance exited, or was taken from the endpoint list for
// good, whichever came first. One that lost its readiness may come back.
func (i *instance) departed() (time.Duration, bool) {
	at, ok := time.Duration(0), false
	if n := len(i.removed); n > 0 {
		last := i.removed[n-1]
		back := len(i.added) > 0 && i.added[len(i.added)-1].at > last.at
		at, ok = last.at, last.body.Reason != "unready" && !back
	}
	if i.exited != nil && (!ok || i.exited.at < at) {
		return i.exited.at, true
	}
	return at, ok
}

// moves is requests that were answered by another instance than the first of
// their session.
type moves struct {
	total, refused int
	parts          []*movedPart // those with refusals first
}

// movedPart is those of one step, in sessions that began on one instance.
type movedPart struct {
	home, step     string
	total, refused int
	from, to       time.Duration
	sample         string
	sampled        time.Duration
}

// movedOf sums what a check is about and a condition holds for.
func (h *history) movedOf(c scenarios.StatelessCheck, about func(timed[journal.Moved]) bool) moves {
	first := h.firstStep(c)
	var m moves
	for _, moved := range h.moved {
		b := moved.body
		if b.Service != c.Service || b.Journey != c.Journey || b.Total <= 0 || !about(moved) {
			continue
		}
		if len(c.Steps) == 0 && b.Step == first || len(c.Steps) > 0 && !slices.Contains(c.Steps, b.Step) {
			continue
		}
		m.total += b.Total
		m.refused += b.Refused
		m.part(b.Home, b.Step, moved.at).add(moved)
	}
	slices.SortFunc(m.parts, func(a, b *movedPart) int {
		return cmp.Or(cmp.Compare(min(b.refused, 1), min(a.refused, 1)), cmp.Compare(len(a.home), len(b.home)),
			cmp.Compare(a.home, b.home), cmp.Compare(a.step, b.step))
	})
	return m
}

// firstStep is the first step of the journey that calls the service: it is what
// a session begins with, wherever it is sent.
func (h *history) firstStep(c scenarios.StatelessCheck) string {
	for _, s := range scenarios.Requests(h.plan.Journeys[c.Journey]) {
		if s.Service == c.Service {
			return s.Name
		}
	}
	return ""
}

func (m *moves) part(home, step string, at time.Duration) *movedPart {
	for _, p := range m.parts {
		if p.home == home && p.step == step {
			return p
		}
	}
	p := &movedPart{home: home, step: step, from: at, to: at}
	m.parts = append(m.parts, p)
	return p
}

func (p *movedPart) add(moved timed[journal.Moved]) {
	b := moved.body
	p.total += b.Total
	p.refused += b.Refused
	p.from, p.to = min(p.from, moved.at-max(0, b.For)), max(p.to, moved.at)
	if b.Sample == "" {
		return
	}
	if p.sample == "" || moved.at < p.sampled || moved.at == p.sampled && b.Sample < p.sample {
		p.sample, p.sampled = b.Sample, moved.at
	}
}

// measured is the table cell.
func (m moves) measured(what string) string {
	if m.total == 0 {
		return "no request " + what
	}
	if m.refused > 0 {
		return fmt.Sprintf("%s of %s refused", count(m.refused), plural(m.total, "request"))
	}
	return fmt.Sprintf("%s %s, none refused", plural(m.total, "request"), what)
}

// reason says of which sessions requests were refused.
func (m moves) reason(how string) string {
	homes, refused, total := []string{}, map[string]int{}, map[string]int{}
	steps := map[string][]string{}
	for _, p := range m.parts {
		total[p.home] += p.total
		if p.refused == 0 {
			continue
		}
		if refused[p.home] == 0 {
			homes = append(homes, p.home)
		}
		refused[p.home] += p.refused
		steps[p.home] = append(steps[p.home], count(p.refused)+" "+p.step)
	}
	reason := ""
	for _, home := range homes {
		reason = join(reason, fmt.Sprintf("%s: %s of %s of sessions that began there were refused %s (%s)",
			home, count(refused[home]), plural(total[home], "request"), how, strings.Join(steps[home], ", ")))
	}
	return reason
}

func (m moves) evidence() []Evidence {
	var list []Evidence
	for _, p := range m.parts {
		text := fmt.Sprintf("sessions that began there: %s of step %s answered elsewhere, ", plural(p.total, "request"), p.step)
		if p.refused == 0 {
			text += "none refused"
		} else {
			text += count(p.refused) + " refused"
		}
		if p.sample != "" {
			text += ", such as: " + capped(p.sample)
		}
		list = append(list, Evidence{Text: text, Instance: p.home, From: p.from, To: p.to, Count: p.total})
	}
	return list
}

// followed is what a check follows, in words.
func followed(c scenarios.StatelessCheck) string {
	text := "journey " + c.Journey
	if len(c.Steps) > 0 {
		noun := "step "
		if len(c.Steps) > 1 {
			noun = "steps "
		}
		text = noun + strings.Join(c.Steps, ", ") + " of " + text
	}
	return text
}
