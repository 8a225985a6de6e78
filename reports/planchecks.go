package reports

import (
	"fmt"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func writeChecks(b *strings.Builder, plan *scenarios.Plan) {
	b.WriteString("\nChecks\n")
	for _, check := range plan.Checks {
		switch {
		case check.SLO != nil:
			writeCheck(b, "slo", sloWords(check.SLO))
		case check.Drain != nil:
			writeCheck(b, "drain", drainWords(check.Drain))
		case check.Readiness != nil:
			writeCheck(b, "readiness", readinessWords(check.Readiness))
		case check.Release != nil:
			writeCheck(b, "release", releaseWords(check.Release))
		case check.Stateless != nil:
			writeCheck(b, "stateless", statelessWords(check.Stateless))
		case check.Integrity != nil:
			writeCheck(b, "integrity", integrityWords(check.Integrity))
		case check.Scaling != nil:
			writeCheck(b, "scaling", scalingWords(check.Scaling))
		case check.Queue != nil:
			writeCheck(b, "queue", queueCheckWords(check.Queue))
		case check.Prescale != nil:
			writeCheck(b, "prescale", prescaleWords(check.Prescale))
		case check.Cost != nil:
			writeCheck(b, "cost", costWords(check.Cost))
		case check.SteadyState != nil:
			writeCheck(b, "steady_state", steadyWords(check.SteadyState, plan))
		case check.Recovery != nil:
			writeCheck(b, "recovery", recoveryWords(check.Recovery, plan))
		case check.ThirdParty != nil:
			writeCheck(b, "third_party", thirdPartyWords(check.ThirdParty, plan))
		case check.BlastRadius != nil:
			writeCheck(b, "blast_radius", blastWords(check.BlastRadius, plan))
		case check.Stampede != nil:
			writeCheck(b, "stampede", stampedeWords(check.Stampede, plan))
		default:
			writeMetricCheck(b, check)
		}
	}
}

func writeCheck(b *strings.Builder, kind string, words []string) {
	writeHanging(b, fmt.Sprintf("  %-9s  ", kind), strings.Join(words, ", "))
}

func sloWords(slo *scenarios.SLOCheck) []string {
	parts := []string{slo.Journey}
	if slo.Step != "" {
		parts[0] += "/" + slo.Step
	}
	if slo.Whole {
		parts[0] += ", whole sessions"
	}
	if slo.Cohort != "" {
		parts = append(parts, "cohort "+slo.Cohort)
	}
	if slo.Tier != "" {
		parts = append(parts, "tier "+slo.Tier)
	}
	for _, limit := range []struct {
		name  string
		value *scenarios.Duration
	}{{"p50", slo.P50}, {"p95", slo.P95}, {"p99", slo.P99}} {
		if limit.value != nil {
			parts = append(parts, limit.name+" <= "+limit.value.String())
		}
	}
	if slo.Availability != nil {
		parts = append(parts, "availability >= "+slo.Availability.String())
	}
	if len(slo.Phases) > 0 {
		parts = append(parts, "in "+strings.Join(slo.Phases, ", "))
	}
	return parts
}

func drainWords(c *scenarios.DrainCheck) []string {
	parts := []string{c.Service}
	if c.ExitWithin != nil {
		parts = append(parts, fmt.Sprintf("exit within %s of grace", c.ExitWithin))
	}
	if c.Work != nil {
		parts = append(parts, fmt.Sprintf("work of %s/%s done once", c.Work.Of.Journey, c.Work.Of.Step))
	}
	return parts
}

func readinessWords(c *scenarios.ReadinessCheck) []string {
	parts := []string{c.Service}
	if c.TimeToReady != nil {
		parts = append(parts, fmt.Sprintf("ready within %s", c.TimeToReady))
	}
	if c.Flaps > 0 {
		parts = append(parts, fmt.Sprintf("flaps <= %d", c.Flaps))
	}
	if c.FirstRequests != nil {
		parts = append(parts, fmt.Sprintf("first requests <= %s", c.FirstRequests))
	}
	if c.Dependency != "" {
		parts = append(parts, fmt.Sprintf("ready whatever becomes of %s", c.Dependency))
	}
	if c.UnreadyWithin != nil {
		parts = append(parts, fmt.Sprintf("unready within %s of the stop signal", c.UnreadyWithin))
	}
	return parts
}

func releaseWords(c *scenarios.ReleaseCheck) []string {
	parts := []string{c.Service, "no request fails"}
	if c.Floor != nil {
		parts = append(parts, fmt.Sprintf("instances in the endpoint list >= %d", *c.Floor))
	}
	if c.Job != nil {
		parts = append(parts, fmt.Sprintf("job %s ran exactly once", c.Job.Name))
	}
	return parts
}

func statelessWords(c *scenarios.StatelessCheck) []string {
	parts := []string{c.Service, fmt.Sprintf("sessions of %s survive the loss of any instance", c.Journey)}
	if len(c.Steps) > 0 {
		parts = append(parts, "in "+strings.Join(c.Steps, ", "))
	}
	return parts
}

func integrityWords(c *scenarios.IntegrityCheck) []string {
	switch {
	case c.Want == "none":
		return []string{c.Name, "none"}
	case c.Of == nil:
		return []string{c.Name, "none twice"}
	}
	return []string{c.Name, fmt.Sprintf("what %s/%s acknowledged is there exactly once", c.Of.Journey, c.Of.Step)}
}

func scalingWords(c *scenarios.ScalingCheck) []string {
	parts := []string{c.Service}
	if c.Change != nil {
		parts = append(parts, fmt.Sprintf("load rises at %s", *c.Change))
	}
	if c.Reaction != nil {
		parts = append(parts, fmt.Sprintf("reaction <= %s", *c.Reaction))
	}
	if r := c.Recovery; r != nil {
		of := r.Journey
		if r.Step != "" {
			of += "/" + r.Step
		}
		parts = append(parts, fmt.Sprintf("p95 of %s <= %s again within %s", of, r.P95, r.Within))
	}
	for _, limit := range []struct {
		name  string
		value fmt.Stringer
		set   bool
	}{
		{"missing", c.UnderProvisioned, c.UnderProvisioned != nil}, {"time with too few", c.UnderTime, c.UnderTime != nil},
		{"beyond need", c.OverProvisioned, c.OverProvisioned != nil}, {"time with too many", c.OverTime, c.OverTime != nil},
	} {
		if limit.set {
			parts = append(parts, limit.name+" <= "+limit.value.String())
		}
	}
	if c.Overshoot != nil {
		parts = append(parts, fmt.Sprintf("overshoot <= %d", *c.Overshoot))
	}
	if c.Reversals != nil {
		parts = append(parts, fmt.Sprintf("reversals <= %d", *c.Reversals))
	}
	return inPhases(parts, c.Phases)
}

// inPhases adds the phases that a check is narrowed to.
func inPhases(parts, phases []string) []string {
	if len(phases) == 0 {
		return parts
	}
	return append(parts, "in "+strings.Join(phases, ", "))
}

func queueCheckWords(c *scenarios.QueueCheck) []string {
	parts := []string{c.Service}
	if c.MaxBacklog != nil {
		parts = append(parts, fmt.Sprintf("backlog <= %d", *c.MaxBacklog))
	}
	if c.MaxAge != nil {
		parts = append(parts, fmt.Sprintf("age <= %s", *c.MaxAge))
	}
	if c.DrainedWithin != nil {
		parts = append(parts, fmt.Sprintf("down to %d within %s of the end of %s", c.Drained, *c.DrainedWithin, c.Surge))
	}
	if c.Work != nil {
		parts = append(parts, fmt.Sprintf("work of %s/%s done once", c.Work.Of.Journey, c.Work.Of.Step))
	}
	return parts
}

func prescaleWords(c *scenarios.PrescaleCheck) []string {
	parts := []string{c.Service, fmt.Sprintf("large %s before the first byte of %s/%s", c.Lead, c.Journey, c.Step), fmt.Sprintf("OOM kills <= %d", c.OOMKills)}
	completed := "100%"
	if c.Completed != nil {
		completed = c.Completed.String()
	}
	done := c.Done
	if done == "" {
		done = c.Step
	}
	return append(parts, fmt.Sprintf("%s of %s completed", completed, done), fmt.Sprintf("returned within %s", c.ReturnedWithin))
}

func costWords(c *scenarios.CostCheck) []string {
	parts := []string{c.Service}
	if c.Replicas != nil {
		parts = append(parts, fmt.Sprintf("replica-seconds <= %s of those needed", *c.Replicas))
	}
	if c.CPU != nil {
		parts = append(parts, fmt.Sprintf("CPU used >= %s of that requested", *c.CPU))
	}
	return inPhases(parts, c.Phases)
}
