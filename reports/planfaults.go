package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// writeThirdParties writes what stands in for other people's APIs. Bodies and
// headers of answers are left out: they may be long, or secrets.
func writeThirdParties(b *strings.Builder, plan *scenarios.Plan) {
	if len(plan.ThirdParties) == 0 {
		return
	}
	b.WriteString("\nThird parties\n")
	for _, name := range sortedNames(plan.ThirdParties) {
		t := plan.ThirdParties[name]
		parts := []string{fmt.Sprintf("port %d", t.Port)}
		if t.TLS {
			parts = append(parts, "TLS with a certificate of the run's own authority")
		}
		if len(t.Aliases) > 0 {
			parts = append(parts, "known as "+strings.Join(t.Aliases, ", "))
		}
		if t.Latency != nil {
			parts = append(parts, "takes "+t.Latency.String())
		}
		if t.RateLimit != nil {
			parts = append(parts, "lets through "+t.RateLimit.String())
		}
		parts = append(parts, "work told apart by "+cmp.Or(t.KeyHeader, scenarios.DefaultKeyHeader), fmt.Sprintf("seed %d", t.Seed))
		writeHanging(b, fmt.Sprintf("  %s  ", clean(name)), strings.Join(parts, "; "))
		for _, r := range t.Routes {
			writeHanging(b, detailLead, routeWords(r))
		}
	}
}

// routeWords are what a route answers, without its body.
func routeWords(r scenarios.ThirdPartyRoute) string {
	text := fmt.Sprintf("%s: %d", r.Request, cmp.Or(r.Status, 200))
	if r.Latency != nil {
		text += ", takes " + r.Latency.String()
	}
	if r.Idempotent {
		text += ", once for each key"
	}
	if r.Effect != "" {
		text += fmt.Sprintf(", does %s of %s", r.Effect, cmp.Or(r.EffectOf, "${key}"))
	}
	return text
}

// writeFaults writes what is broken on purpose, what becomes of connections, whom
// it falls on, and what ends the run before its time.
func writeFaults(b *strings.Builder, plan *scenarios.Plan) {
	if len(plan.Faults) > 0 {
		b.WriteString("\nFaults, with the instances of the start that they would fall on\n")
	}
	for _, f := range plan.Faults {
		writeHanging(b, fmt.Sprintf("  %s (%s)  ", when(f), clean(f.Phase)), fmt.Sprintf("%s: %s", f.ID, f))
		writeHanging(b, detailLead, fmt.Sprintf("%s; seed %d", whom(plan, f), f.Seed))
		if existing := existingWords(f.Spec.ExistingConnections); existing != "" {
			writeHanging(b, detailLead, "open connections "+existing)
		}
		if q := f.Spec.SlowQueries; q != nil && q.Query != "" {
			writeHanging(b, detailLead, cut(q.Query, mostQuery))
		}
	}
	writeCaps(b, plan.BlastRadius)
	if len(plan.Stop) > 0 {
		b.WriteString("\nThe run ends, and everything is healed, when\n")
		for _, s := range plan.Stop {
			writeHanging(b, "  ", s.String())
		}
	}
}

// when is the time of a fault, from the start of traffic.
func when(f scenarios.PlannedFault) string {
	switch {
	case f.AtOnce():
		return f.At.String()
	case f.Spec.Permanent:
		return fmt.Sprintf("%s to the end", f.At)
	}
	return fmt.Sprintf("%s to %s", f.At, f.End)
}

// whom says which instances a fault falls on, as far as that is known.
func whom(plan *scenarios.Plan, f scenarios.PlannedFault) string {
	switch {
	case plan.InFront(f):
		return "as its callers see it"
	case f.Spec.PoolExhaustion != nil, f.Spec.SlowQueries != nil:
		return "the database as a whole"
	case len(f.Picked) == 0:
		return "picked among those that are there then"
	case len(f.Picked) > mostPicked:
		return fmt.Sprintf("%s and %d more", strings.Join(f.Picked[:mostPicked], ", "), len(f.Picked)-mostPicked)
	}
	return strings.Join(f.Picked, ", ")
}

// mostPicked is how many instances of a fault a plan names.
const mostPicked = 10

// existingWords say what becomes of connections, "" where nothing does.
func existingWords(word string) string {
	return map[string]string{
		scenarios.ResetExisting: "are reset",
		scenarios.SpareExisting: "are spared",
		scenarios.DrainExisting: "are closed after the request under way",
	}[word]
}

// writeCaps writes what faults may take away.
func writeCaps(b *strings.Builder, caps *scenarios.BlastRadius) {
	if caps == nil {
		return
	}
	var most, parts []string
	if caps.Percent != nil {
		most = append(most, caps.Percent.String())
	}
	if caps.Instances != nil {
		most = append(most, plural(*caps.Instances, "instance"))
	}
	if len(most) > 0 {
		parts = append(parts, fmt.Sprintf("at most %s of a service at one time", strings.Join(most, " and ")))
	}
	if len(caps.Protect) > 0 {
		parts = append(parts, "nothing is done to "+strings.Join(caps.Protect, ", "))
	}
	writeHanging(b, "  blast radius: ", strings.Join(parts, "; "))
}

// aboutFaults narrows words to some faults, unless they are all there are.
func aboutFaults(parts []string, faults []string, plan *scenarios.Plan) []string {
	if len(faults) == 0 || len(faults) == len(plan.Faults) {
		return parts
	}
	return append(parts, "about "+strings.Join(faults, ", "))
}

// stepOf names a journey, or a step of it.
func stepOf(journey, step string) string {
	if step == "" {
		return journey
	}
	return journey + "/" + step
}

func steadyWords(c *scenarios.SteadyStateCheck, plan *scenarios.Plan) []string {
	parts := []string{stepOf(c.Journey, c.Step), fmt.Sprintf("before and after: %s", c.Steady)}
	if c.During != nil {
		parts = append(parts, fmt.Sprintf("during: %s", c.During))
	}
	if c.Settle != nil {
		parts = append(parts, fmt.Sprintf("settles within %s", c.Settle))
	}
	return aboutFaults(parts, c.Faults, plan)
}

func recoveryWords(c *scenarios.RecoveryCheck, plan *scenarios.Plan) []string {
	return aboutFaults([]string{stepOf(c.Journey, c.Step), c.Objectives.String(), fmt.Sprintf("again within %s", c.Within)}, c.Faults, plan)
}

func blastWords(c *scenarios.BlastRadiusCheck, plan *scenarios.Plan) []string {
	return aboutFaults([]string{stepOf(c.Journey, c.Step), fmt.Sprintf("while they last: %s", c.Objectives)}, c.Faults, plan)
}

func thirdPartyWords(c *scenarios.ThirdPartyCheck, plan *scenarios.Plan) []string {
	parts := []string{c.Service, "for each " + stepOf(c.Per.Journey, c.Per.Step)}
	if c.Amplification != nil {
		parts = append(parts, fmt.Sprintf("calls <= %s", c.Amplification))
	}
	if c.Backoff != nil {
		text := fmt.Sprintf("pauses >= %s", c.Backoff.Least)
		if c.Backoff.Jitter != nil && *c.Backoff.Jitter > 0 {
			text += fmt.Sprintf(" with jitter >= %s", c.Backoff.Jitter)
		}
		parts = append(parts, text)
	}
	if c.RetryAfter {
		parts = append(parts, "Retry-After honoured")
	}
	if c.Breaker != nil {
		parts = append(parts, fmt.Sprintf("breaker opens within %s, closes within %s", c.Breaker.OpensWithin, c.Breaker.ClosesWithin))
	}
	if c.Errors != nil {
		parts = append(parts, fmt.Sprintf("errors of users <= %s", c.Errors))
	}
	if c.FailFast != nil {
		parts = append(parts, fmt.Sprintf("users answered within %s", c.FailFast))
	}
	if slices.Equal(c.Faults, doneTo(plan, c.Service)) {
		return parts
	}
	return aboutFaults(parts, c.Faults, plan)
}

// doneTo are the faults that are done to a service as its callers see it.
func doneTo(plan *scenarios.Plan, service string) []string {
	var ids []string
	for _, f := range plan.Faults {
		if plan.InFront(f) && slices.Contains(f.Services, service) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

func stampedeWords(c *scenarios.StampedeCheck, plan *scenarios.Plan) []string {
	parts := []string{fmt.Sprintf("%s of %s", c.Metric, c.Service)}
	if c.Peak != nil {
		parts = append(parts, fmt.Sprintf("peak <= %s of before", c.Peak))
	}
	if c.Settle != nil {
		parts = append(parts, fmt.Sprintf("as before within %s", c.Settle))
	}
	if c.Saves != nil && c.Per != nil {
		parts = append(parts, fmt.Sprintf("the cache saves %s for each %s", c.Saves, stepOf(c.Per.Journey, c.Per.Step)))
	}
	return aboutFaults(parts, c.Faults, plan)
}
