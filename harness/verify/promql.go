package verify

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// promql judges every value of an expression by its bounds, in each phase by itself
// where the check names some. No data is no pass.
func (h *history) promql(c scenarios.PromQLCheck) []Finding {
	phases := c.Phases
	if len(phases) == 0 {
		phases = []string{""}
	}
	var findings []Finding
	for _, phase := range phases {
		findings = append(findings, h.whole(h.expression(c, phase)))
	}
	return findings
}

// expression judges one answer.
func (h *history) expression(c scenarios.PromQLCheck, phase string) Finding {
	id := "promql/" + c.Name
	if phase != "" {
		id += "/" + phase
	}
	f := Finding{ID: id, Kind: "promql", Verdict: Pass, Wanted: promqlWanted(c)}
	if c.Min == nil && c.Max == nil {
		return unknown(f, "the check gives no bound")
	}
	var stretches []span
	for _, s := range h.stretches(phase) {
		if s.from += c.Skip.Std(); s.from < s.to {
			stretches = append(stretches, s)
		}
	}
	switch {
	case len(h.stretches(phase)) == 0 && phase != "":
		return unknown(f, "no traffic flowed in "+phase)
	case len(h.stretches(phase)) == 0:
		return unknown(f, "no traffic flowed")
	case len(stretches) == 0:
		return unknown(f, "nothing is left after the first "+latency(c.Skip.Std())+", which are left out (skip)")
	}
	g := h.gatherAnswer(scenarios.PlannedQuery{ID: id, Expr: c.Query}, stretches, c.For.Std())
	f.Evidence = g.remarks
	if g.why != "" {
		return unknown(f, g.why)
	}
	return outside(f, c, g)
}

// outside holds the series of an answer to the bounds.
func outside(f Finding, c scenarios.PromQLCheck, g gathered) Finding {
	found := heldTo(g.tracks, promqlCorridor(c), c.For.Std())
	word := "worst "
	switch {
	case c.Min == nil:
		word = "highest "
	case c.Max == nil:
		word = "lowest "
	}
	f.Measured = fmt.Sprintf("%s%s of %s, %d series", word, number(found.worst.value), plural(found.n, "value"), len(g.tracks))
	f.Evidence = append(f.Evidence, Evidence{Text: word + number(found.worst.value) + after(" of ", found.of.name), Instance: found.of.instance,
		From: found.worst.from, To: found.worst.to, Count: found.n})
	for n, s := range found.sustained {
		if n == maxNamed {
			break
		}
		f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("outside%s for %s, at worst %s", after(": ", s.of.name), latency(s.length()), number(s.worst.value)),
			Instance: s.of.instance, From: s.from, To: s.to, Count: s.n})
	}
	f.Evidence = append(f.Evidence, gapsOf(g.tracks)...)
	doubt := g.doubt
	for _, s := range found.torn {
		doubt = join(doubt, tornWords(s))
	}
	switch {
	case len(found.sustained) > 0:
		f.Verdict = Fail
		first := found.sustained[0]
		f.Reason = fmt.Sprintf("the value%s was %s at %s, wanted is %s", after(" of ", first.of.name), number(first.worst.value), offset(first.worst.to), f.Wanted)
		if more := len(found.sustained) - 1; more > 0 {
			f.Reason += fmt.Sprintf(" (and %s)", plural(more, "other time"))
		}
	case doubt != "":
		return unknown(f, doubt)
	}
	return f
}

// promqlCorridor are the bounds of a check.
func promqlCorridor(c scenarios.PromQLCheck) corridor {
	var bounds corridor
	if c.Min != nil {
		least := float64(*c.Min)
		bounds.min = &least
	}
	if c.Max != nil {
		most := float64(*c.Max)
		bounds.max = &most
	}
	return bounds
}

// promqlWanted is "at least 1 and at most 5, else for less than 10s".
func promqlWanted(c scenarios.PromQLCheck) string {
	text := ""
	if c.Min != nil {
		text = "at least " + c.Min.String()
	}
	if c.Max != nil {
		if text != "" {
			text += " and "
		}
		text += "at most " + c.Max.String()
	}
	if c.For > 0 {
		text += ", else for less than " + latency(c.For.Std())
	}
	return text
}
