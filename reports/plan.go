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
	if plan.Variant != "" {
		writeHanging(&b, "", "variant "+plan.Variant)
	}
	if plan.Multiple > 0 && plan.Multiple != 1 {
		fmt.Fprintf(&b, "%gx of the scenario's traffic\n", plan.Multiple)
	}
	if plan.Summary != "" {
		writeWrapped(&b, "", clean(plan.Summary))
	}
	writeControl(&b, plan.Control)
	fmt.Fprintf(&b, "\nStack\n%s\n", indent(operations))
	tallies := tally(plan, recorded)
	writePhases(&b, plan, tallies)
	writeRates(&b, plan, tallies)
	writeCohorts(&b, plan)
	writeConnections(&b, plan)
	writeScaling(&b, plan)
	writeThirdParties(&b, plan)
	writeActions(&b, plan)
	writeFaults(&b, plan)
	writeMetrics(&b, plan)
	writeLedgers(&b, plan)
	writeChecks(&b, plan)
	writeLint(&b, plan)
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

// writeHanging writes a text in lines of at most planWidth, the first after
// lead, the others below the first.
func writeHanging(b *strings.Builder, lead, text string) {
	for i, line := range wrap(clean(text), planWidth-width(lead)) {
		if i == 1 {
			lead = strings.Repeat(" ", width(lead))
		}
		b.WriteString(lead + line + "\n")
	}
}

func indent(text string) string {
	text = strings.TrimRight(text, "\n")
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}
