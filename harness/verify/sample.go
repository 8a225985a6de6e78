package verify

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// sample is what the record holds on the requests that a check is about, or
// on the sessions where it is about journeys as a whole.
type sample struct {
	noun     string // "request" or "session"
	narrowed bool   // to a cohort or a tier, which error groups do not know
	response *hdrhistogram.Histogram
	traffic  []timed[journal.Traffic]
	groups   []journal.ErrorGroup
	tally
	cut       int // of the sessions that are unknown: the end of the run cut them off
	generator generator
}

// tally is what became of requests or sessions. Own are those that could not
// be sent for want of something of the generator's: they say nothing about the
// system. In the record they are among the failed, in a sample they are not.
type tally struct{ intended, sent, ok, failed, unknown, own int }

func (n *tally) add(t journal.Traffic) {
	n.intended += t.Intended
	n.sent += t.Sent
	n.ok += t.OK
	n.failed += t.Failed
	n.unknown += t.Unknown
	n.own += t.Own
}

// made is how many there were. A request that could not be sent because the
// system took no connection has an outcome all the same.
func (n tally) made() int { return max(n.sent, n.ok+n.failed+n.unknown) }

// selection tells what of the record a check is about. Phases are those of
// the intended send time, whatever the moment at which an answer came.
type selection struct{ scenarios.SLOCheck }

// during tells whether the check is about a phase.
func (c selection) during(phase string) bool {
	return len(c.Phases) == 0 || slices.Contains(c.Phases, phase)
}

// sessions tells whether the check is about sessions of these.
func (c selection) sessions(phase, cohort, tier, journey string) bool {
	return journey == c.Journey && c.during(phase) && c.of(cohort, tier)
}

// of tells whether the check is about a cohort.
func (c selection) of(cohort, tier string) bool {
	return (c.Cohort == "" || c.Cohort == cohort) && (c.Tier == "" || c.Tier == tier)
}

// step tells whether a step of such a session counts; "" is the session
// itself, which is no request.
func (c selection) step(name string) bool {
	switch {
	case c.Whole:
		return name == ""
	case c.Step == "":
		return name != ""
	}
	return name == c.Step
}

// sampleOf collects what a check is about.
func (h *history) sampleOf(c scenarios.SLOCheck) sample {
	return h.sampleDuring(c, func(span) bool { return true })
}

// sampleDuring collects what a check is about of those intervals of the record that
// a condition holds for.
func (h *history) sampleDuring(c scenarios.SLOCheck, holds func(span) bool) sample {
	chosen := selection{c}
	s := sample{noun: "request", narrowed: c.Cohort != "" || c.Tier != "", response: journal.NewHistogram(), generator: h.generatorOf(chosen)}
	if c.Whole {
		s.noun = "session"
	}
	s.generator.seconds = slices.DeleteFunc(s.generator.seconds, func(t timed[journal.Generator]) bool {
		return !holds(span{t.at - t.body.For, t.at})
	})
	for _, i := range h.rec.Latency {
		if !chosen.sessions(i.Tag.Phase, i.Tag.Cohort, i.Tag.Tier, i.Tag.Journey) || !holds(span{i.From, i.To}) {
			continue
		}
		counts := chosen.step(i.Tag.Step)
		switch {
		case i.Tag.Measure == journal.Response && counts:
			i.AddTo(s.response)
		case i.Tag.Measure == journal.Lag:
			s.generator.lags(i, counts || c.Whole)
		}
	}
	concerned := map[string]bool{}
	for _, t := range h.traffic {
		if holds(span{t.at - t.body.For, t.at}) {
			s.count(chosen, t)
			concerned[t.body.Phase] = true
		}
	}
	s.generator.account(h.traffic, chosen, concerned)
	for _, g := range h.groups {
		if g.Journey == c.Journey && (c.Step == "" || g.Step == c.Step) &&
			(holds(span{g.First, g.First}) || holds(span{g.First, g.Last}) || holds(span{g.Last, g.Last})) {
			s.groups = append(s.groups, g)
		}
	}
	// A session that could not go on for want of something of the generator's
	// failed with its request, which alone is known to be the generator's.
	if c.Whole {
		s.own = max(s.own, s.generator.requests.own)
		s.cut = h.cutOff(chosen, s)
	}
	s.own = min(s.own, s.failed)
	s.failed -= s.own
	return s
}

// count adds an interval of the driver's counts where it belongs.
func (s *sample) count(c selection, t timed[journal.Traffic]) {
	b := t.body
	if c.sessions(b.Phase, b.Cohort, b.Tier, b.Journey) && c.step(b.Step) {
		s.traffic = append(s.traffic, t)
		s.add(b)
	}
}

// account adds what the generator did of what it was to do, over whole phases. What
// is intended counts when it is due, and what was sent when it is over: in any
// shorter stretch what is under way at its end would look left out.
func (g *generator) account(traffic []timed[journal.Traffic], c selection, concerned map[string]bool) {
	for _, t := range traffic {
		b := t.body
		if !concerned[b.Phase] {
			continue
		}
		if b.Step != "" && c.during(b.Phase) {
			g.all.add(b)
		}
		if !c.sessions(b.Phase, b.Cohort, b.Tier, b.Journey) {
			continue
		}
		g.counts = append(g.counts, t)
		if b.Step == "" {
			g.sessions.add(b)
		} else {
			g.requests.add(b)
		}
	}
}

// longestTimeout is the most that a request of a journey may take.
func longestTimeout(plan *scenarios.Plan, journey string) time.Duration {
	longest := time.Duration(0)
	for _, r := range scenarios.Requests(plan.Journeys[journey]) {
		longest = max(longest, r.Timeout.Std())
	}
	if longest == 0 {
		return unknownTimeout
	}
	return longest
}

// unknownTimeout stands where a plan names no timeout: the language's default.
const unknownTimeout = 10 * time.Second
