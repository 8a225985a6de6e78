package reports

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// planWidth is the number of columns a plan is written for.
const planWidth = 80

// Plan writes what a run of the plan would do: operations are the steps that
// bring the stack up, in the words of the stack's own plan. It is plain text
// of 80 columns, as far as names allow. Of replays it knows what the plan
// says, not when their requests come.
func Plan(w io.Writer, plan *scenarios.Plan, operations string) error {
	return PlanWith(w, plan, operations, nil)
}

// PlanWith is Plan with the recorded times of replays, by the index of their
// load, as arrivals.Merge takes them.
func PlanWith(w io.Writer, plan *scenarios.Plan, operations string, recorded map[int][]time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  seed %d  tempo %gx  %s of traffic", clean(plan.Scenario), plan.Seed, plan.Tempo, plan.Duration)
	if plan.Digest != "" {
		fmt.Fprintf(&b, "  digest %.12s", plan.Digest)
	}
	b.WriteString("\n")
	if plan.Multiple > 0 && plan.Multiple != 1 {
		fmt.Fprintf(&b, "%gx of the scenario's traffic\n", plan.Multiple)
	}
	if plan.Summary != "" {
		writeWrapped(&b, "", clean(plan.Summary))
	}
	fmt.Fprintf(&b, "\nStack\n%s\n", indent(operations))
	tallies := tally(plan, recorded)
	writePhases(&b, plan, tallies)
	writeRates(&b, plan, tallies)
	writeCohorts(&b, plan)
	writeConnections(&b, plan)
	writeActions(&b, plan)
	writeChecks(&b, plan)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// writeWrapped writes a text in lines of at most planWidth, each after lead.
func writeWrapped(b *strings.Builder, lead, text string) {
	for _, line := range wrap(text, planWidth-width(lead)) {
		b.WriteString(lead + line + "\n")
	}
}

func indent(text string) string {
	text = strings.TrimRight(text, "\n")
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}

func writeActions(b *strings.Builder, plan *scenarios.Plan) {
	if len(plan.Actions) == 0 {
		return
	}
	b.WriteString("\nActions\n")
	for _, action := range plan.Actions {
		fmt.Fprintf(b, "  %s (%s)  %s\n", action.At, action.Phase, action)
	}
}

func writeChecks(b *strings.Builder, plan *scenarios.Plan) {
	b.WriteString("\nChecks\n")
	for _, check := range plan.Checks {
		switch {
		case check.SLO != nil:
			lines := wrap(objectives(check.SLO), planWidth-13)
			fmt.Fprintf(b, "  slo        %s\n", strings.Join(lines, "\n"+strings.Repeat(" ", 13)))
		case check.Drain != nil:
			fmt.Fprintf(b, "  drain      %s\n", check.Drain.Service)
		case check.Readiness != nil:
			fmt.Fprintf(b, "  readiness  %s\n", check.Readiness.Service)
		}
	}
}

func objectives(slo *scenarios.SLOCheck) string {
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
	return strings.Join(parts, ", ")
}
