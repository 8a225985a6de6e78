package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// What a run may spend, and how fast, where the check does not say.
const (
	defaultSpend = 2 // percent of the budget
	defaultBurn  = 14.4
)

// errorBudget judges what a run did to the error budget of an SLO: B1 the part of it
// that was spent, B2 how fast it burnt in pairs of windows. Where no pair fits into the
// run B3 counts events instead.
func (h *history) errorBudget(c scenarios.ErrorBudgetCheck) []Finding {
	b := h.budgetOf(c)
	if b.why != "" {
		f := unknown(b.finding("B1-spend", "at most "+b.spendWords()+" of the error budget spent"), b.why)
		f.Evidence = b.evidence
		return []Finding{h.whole(f)}
	}
	findings := []Finding{b.spent()}
	pairs := b.windows(h.tempo())
	if slices.ContainsFunc(pairs, func(p pair) bool { return p.unfit == "" }) {
		findings = append(findings, b.burning(pairs))
	} else {
		findings = append(findings, b.counted(pairs))
	}
	for i, f := range findings {
		f.Evidence = append(f.Evidence, b.evidence...)
		f = h.believe(f, b.driven)
		if f.Verdict != Inconclusive && b.doubt != "" {
			f = unknown(f, b.doubt)
		}
		findings[i] = h.whole(f)
	}
	return findings
}

// budget is the error budget of an SLO with the events of a run.
type budget struct {
	scenarios.ErrorBudgetCheck
	slo       scenarios.PlannedSLO
	allowed   float64 // share of events that may be bad
	burn      float64 // the highest that is no finding
	stretches []span
	real      time.Duration // that the stretches stand for
	events
}

// events are those of an SLO in a run, in order of time.
type events struct {
	noun     string // "request", "event", "slice"; "" where only shares are known
	spells   []spell
	evidence []Evidence
	driven   driverDoubt
	why      string // nothing is known
	doubt    string // not all is known
}

// A spell is an interval with the good and bad events of it. Where only the share of
// bad ones is known both are parts of the interval's length in seconds.
type spell struct {
	span
	good, bad float64
}

func (h *history) budgetOf(c scenarios.ErrorBudgetCheck) budget {
	b := budget{ErrorBudgetCheck: c, burn: defaultBurn}
	if c.Burn != nil {
		b.burn = *c.Burn
	}
	n := slices.IndexFunc(h.plan.SLOs, func(s scenarios.PlannedSLO) bool { return s.Name == c.SLO })
	if n < 0 {
		b.why = "the plan has no SLO " + c.SLO
		return b
	}
	b.slo = h.plan.SLOs[n]
	b.allowed = 1 - float64(b.slo.Objective)/100
	if b.stretches = h.budgeted(c.Phases); len(b.stretches) == 0 {
		b.why = "no traffic flowed" + after(" in ", strings.Join(c.Phases, ", "))
		return b
	}
	b.real = time.Duration(float64(length(b.stretches)) * h.tempo())
	if b.slo.Journey != "" {
		b.events = h.requestEvents(b.slo, b.stretches)
	} else {
		b.events = h.answeredEvents(b.slo, b.stretches)
	}
	if b.slo.Slice > 0 && b.why == "" {
		b.slice(h.tempo())
	}
	if good, bad := b.sums(); b.why == "" && good+bad <= 0 {
		b.why = "no event of SLO " + c.SLO + " was counted"
	}
	return b
}

// budgeted are the phases of a check, or all of the time in which traffic flowed: what
// ends after the last phase was spent as well.
func (h *history) budgeted(phases []string) []span {
	if len(phases) > 0 {
		return united(h.phases(phases))
	}
	if !h.window.flowed || h.window.from >= h.window.to {
		return nil
	}
	return []span{{h.window.from, h.window.to}}
}

// slice turns events into slices of time, each of which is good or bad as a whole; what
// is left at the end of a stretch is too short to be one. Slices are divided by the
// tempo, down to a second; those without events do not count.
func (b *budget) slice(tempo float64) {
	step := time.Duration(float64(b.slo.Slice.Std()) / tempo)
	if step < metricEvery {
		step = metricEvery
		b.evidence = append(b.evidence, Evidence{Text: "slices of " + timeWords(b.slo.Slice.Std()) + " are shorter than a second at this tempo: a second was taken"})
	}
	var slices []spell
	for _, s := range b.stretches {
		for from := s.from; from+step <= s.to; from += step {
			of := spell{span: span{from, from + step}}
			for _, e := range b.spells {
				if amid(e.span, []span{of.span}) {
					of.good, of.bad = of.good+e.good, of.bad+e.bad
				}
			}
			if of.good+of.bad <= 0 {
				continue
			}
			if 100*of.good < float64(b.slo.SliceTarget)*(of.good+of.bad)-tiny {
				of.good, of.bad = 0, 1
			} else {
				of.good, of.bad = 1, 0
			}
			slices = append(slices, of)
		}
	}
	b.spells, b.noun = slices, "slice"
}

func (b budget) sums() (good, bad float64) {
	for _, s := range b.spells {
		good, bad = good+s.good, bad+s.bad
	}
	return good, bad
}

// rate is how many times as fast as allowed a budget burns.
func (b budget) rate(good, bad float64) float64 {
	switch {
	case bad <= 0:
		return 0
	case b.allowed <= 0:
		return math.Inf(1)
	}
	return bad / (good + bad) / b.allowed
}

func (b budget) finding(rule, wanted string) Finding {
	id := "error-budget/" + b.SLO
	if len(b.Phases) > 0 {
		id += "@" + strings.Join(b.Phases, "+")
	}
	return Finding{ID: id + "/" + rule, Kind: "error_budget", Verdict: Pass, Wanted: wanted}
}

func (b budget) spendWords() string { return cmp.Or(b.Spend, percentOf(defaultSpend)).String() }

func percentOf(p scenarios.Percent) *scenarios.Percent { return &p }

// spent is B1: the part of the budget that the run spent. The budget is for a window in
// which there are as many events a second as in the run, so that a run which burns it
// at a rate spends the rate times its own part of the window. With a tempo a run stands
// for that many times its length.
func (b budget) spent() Finding {
	most := float64(*cmp.Or(b.Spend, percentOf(defaultSpend))) / 100
	window := timeWords(b.slo.Window.Std())
	f := b.finding("B1-spend", fmt.Sprintf("at most %s of the error budget of %s spent", b.spendWords(), window))
	if b.slo.Window <= 0 {
		return unknown(f, "the SLO has no window that its budget is for")
	}
	good, bad := b.sums()
	rate := b.rate(good, bad)
	share := rate * b.real.Seconds() / b.slo.Window.Std().Seconds()
	whole := bounds(b.stretches)
	f.Evidence = []Evidence{{Text: fmt.Sprintf("%s bad, burning %s times as fast as allowed for %s of %s", b.ratio(good, bad), rateWords(rate), timeWords(b.real), window),
		From: whole.from, To: whole.to, Count: int(math.Round(bad))}}
	if b.allowed <= 0 {
		f.Measured = b.ratio(good, bad) + " bad, where none may be"
		if bad > 0 {
			f.Verdict, f.Reason = Fail, "an objective of 100% has no budget to spend, and "+f.Measured
		}
		return f
	}
	f.Measured = fmt.Sprintf("%s spent: %s bad", percent(share), b.ratio(good, bad))
	if share > most*(1+tiny) {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("the run spent %s of the budget of %s: %s were bad, where %s may be; the limit is %s",
			percent(share), window, b.ratio(good, bad), percent(b.allowed), b.spendWords())
	}
	return f
}

// ratio is "30 of 10,000 requests (0.3%)".
func (b budget) ratio(good, bad float64) string {
	share := percent(bad / (good + bad))
	if b.noun == "" {
		return share + " of events"
	}
	return fmt.Sprintf("%s of %s (%s)", count(int(math.Round(bad))), plural(int(math.Round(good+bad)), b.noun), share)
}

// rateWords writes a burn rate.
func rateWords(rate float64) string {
	if math.IsInf(rate, 1) {
		return "infinitely many"
	}
	return figure(rate)
}

// timeWords writes a time that may be long as one would say it: 30d, 6h, 1m40s, 0.5s.
func timeWords(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d < time.Minute:
		return latency(d)
	}
	text := d.Round(time.Second).String()
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}
