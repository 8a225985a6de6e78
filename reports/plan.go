package reports

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Plan writes what a run of the plan would do: operations are the steps that
// bring the stack up, in the words of the stack's own plan.
func Plan(w io.Writer, plan *scenarios.Plan, operations string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  seed %d  tempo %gx  %s of traffic  digest %.12s\n", plan.Scenario, plan.Seed, plan.Tempo, plan.Duration, plan.Digest)
	if plan.Summary != "" {
		fmt.Fprintf(&b, "%s\n", plan.Summary)
	}
	fmt.Fprintf(&b, "\nStack\n%s\n", indent(operations))
	writePhases(&b, plan)
	writeActions(&b, plan)
	writeChecks(&b, plan)
	_, err := io.WriteString(w, b.String())
	return err
}

func indent(text string) string {
	text = strings.TrimRight(text, "\n")
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}

func writePhases(b *strings.Builder, plan *scenarios.Plan) {
	b.WriteString("\nTraffic\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, phase := range plan.Phases {
		for _, load := range plan.Load {
			for _, segment := range load.Segments {
				if segment.Phase != phase.Name {
					continue
				}
				sessions := sessionsIn(segment)
				fmt.Fprintf(table, "  %s\t%s to %s\t%s\t%s\t%.0f sessions\tat most %.0f requests\n", phase.Name, segment.Start, segment.End,
					load.Cohort, shapeOf(segment), sessions, sessions*float64(len(plan.Journeys[load.Journey])))
			}
		}
	}
	table.Flush() //nolint:errcheck // a strings.Builder takes everything
}

// sessionsIn is the area under a segment's rate.
func sessionsIn(s scenarios.PlannedSegment) float64 {
	seconds := time.Duration(s.End - s.Start).Seconds()
	if s.Ramp != nil {
		return seconds * float64(s.Ramp.From+s.Ramp.To) / 2
	}
	return seconds * float64(s.Constant)
}

func shapeOf(s scenarios.PlannedSegment) string {
	if s.Ramp != nil {
		return fmt.Sprintf("ramp %s to %s", s.Ramp.From, s.Ramp.To)
	}
	return "constant " + s.Constant.String()
}

func writeActions(b *strings.Builder, plan *scenarios.Plan) {
	if len(plan.Actions) == 0 {
		return
	}
	b.WriteString("\nActions\n")
	for _, action := range plan.Actions {
		fmt.Fprintf(b, "  %s (%s)  scale %s to %d\n", action.At, action.Phase, action.Scale.Service, action.Scale.To)
	}
}

func writeChecks(b *strings.Builder, plan *scenarios.Plan) {
	b.WriteString("\nChecks\n")
	for _, check := range plan.Checks {
		switch {
		case check.SLO != nil:
			fmt.Fprintf(b, "  slo        %s\n", objectives(check.SLO))
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
