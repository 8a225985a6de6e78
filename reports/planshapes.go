package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// mostShapes is how many shapes of a phase are told one by one: a measured day
// has hundreds.
const mostShapes = 5

// shapes are the shapes of a load in a phase, in words.
func shapes(plan *scenarios.Plan, load scenarios.PlannedLoad, phase scenarios.PlannedPhase) []string {
	var told []string
	var within []scenarios.PlannedSegment
	for _, s := range load.Segments {
		if s.Phase == phase.Name {
			within = append(within, s)
			told = append(told, segmentWords(s)+during(s.Start, s.End, phase))
		}
	}
	if len(told) > mostShapes {
		told = []string{piecesWords(within)}
	}
	var opening []string
	for _, b := range load.Bursts {
		if b.Phase == phase.Name {
			opening = append(opening, burstWords(b, phase))
		}
	}
	if more := len(opening) - mostShapes; more > 0 {
		opening = append(opening[:mostShapes], fmt.Sprintf("and %s more", plural(more, "burst")))
	}
	told = append(told, opening...)
	if r := load.Replay; r != nil && !r.Paced && r.Phase == phase.Name {
		told = append(told, replayWords(plan, r))
	}
	return told
}

// segmentWords is "constant 40/s", "ramp 5/s to 40/s", a mean and a swing.
func segmentWords(s scenarios.PlannedSegment) string {
	text := "constant " + perSecond(float64(s.Constant))
	switch {
	case s.Ramp != nil:
		text = fmt.Sprintf("ramp %s to %s", perSecond(float64(s.Ramp.From)), perSecond(float64(s.Ramp.To)))
	case len(s.Waves) > 0:
		text = "mean " + perSecond(float64(s.Constant))
	}
	for _, w := range s.Waves {
		text += fmt.Sprintf(" ± %s every %s (crest at %s)", perSecond(float64(w.Amplitude)), offset(w.Period), offset(w.Peak))
	}
	if s.Poisson {
		text += ", Poisson"
	}
	return text
}

// piecesWords sums up many segments.
func piecesWords(all []scenarios.PlannedSegment) string {
	low, high, random := math.Inf(1), 0.0, 0
	for _, s := range all {
		from, to := float64(s.Constant), float64(s.Constant)
		if s.Ramp != nil {
			from, to = float64(s.Ramp.From), float64(s.Ramp.To)
		}
		low, high = min(low, from, to), max(high, from, to)
		if s.Poisson {
			random++
		}
	}
	text := fmt.Sprintf("%d pieces of %s to %s", len(all), perSecond(low), perSecond(high))
	if random > 0 {
		text += ", Poisson"
	}
	return text
}

func burstWords(b scenarios.PlannedBurst, phase scenarios.PlannedPhase) string {
	text := fmt.Sprintf("burst of %s within %s", count(b.Sessions), offset(b.End-b.Start))
	if b.Start > phase.Start {
		text += ", from " + offset(b.Start)
	}
	if b.Poisson {
		text += ", at random"
	}
	return text
}

func replayWords(plan *scenarios.Plan, r *scenarios.PlannedReplay) string {
	text := fmt.Sprintf("replay at %gx the speed, %s to %s", r.Speed, offset(r.Start), offset(replayEnd(r)))
	if plan.Multiple > 0 && plan.Multiple != 1 {
		text += fmt.Sprintf(", each request %g times", plan.Multiple)
	}
	return text
}

// writeCohorts says who the sessions are.
func writeCohorts(b *strings.Builder, plan *scenarios.Plan) {
	b.WriteString("\nCohorts\n")
	for _, load := range plan.Load {
		fmt.Fprintf(b, "  %s\n", load.Cohort)
		writeWrapped(b, "      ", cohortWords(load))
		for _, name := range sortedNames(load.Sizes) {
			writeWrapped(b, "      ", fmt.Sprintf("%s: %s", name, sizeWords(load.Sizes[name])))
		}
		if load.Replay != nil {
			writeReplay(b, load)
		}
	}
}

func cohortWords(load scenarios.PlannedLoad) string {
	parts := []string{plural(max(load.Tenants, 1), "tenant")}
	if load.Skew != 0 || load.Tenants > 1 {
		parts[0] += ", " + load.Skew.String()
	}
	if load.Tier != "" {
		parts = append(parts, "tier "+load.Tier)
	}
	if load.Replay == nil || load.Replay.Times {
		parts = append(parts, "journey "+load.Journey)
	}
	if load.Hot != nil {
		hot := fmt.Sprintf("%s has %s of the sessions", load.Hot.Tenant, load.Hot.Share)
		if len(load.Hot.Phases) > 0 {
			hot += " in " + strings.Join(load.Hot.Phases, ", ")
		}
		parts = append(parts, hot)
	}
	if load.Cookies {
		parts = append(parts, "cookies")
	}
	return strings.Join(parts, "; ")
}

func sizeWords(s scenarios.Size) string {
	text := count(s.Constant)
	switch {
	case s.Median > 0:
		text = fmt.Sprintf("median %s, 95 in 100 below %s", count(s.Median), count(s.P95))
	case len(s.Values) > 0:
		text = "one of " + plural(len(s.Values), "measured value")
	}
	if s.Max > 0 {
		text += ", at most " + count(s.Max)
	}
	return text
}

// writeReplay accounts for the lines of a recording.
func writeReplay(b *strings.Builder, load scenarios.PlannedLoad) {
	r := load.Replay
	text := fmt.Sprintf("replay of %s (%s): %s, %s", clean(r.File), r.Format, plural(r.Lines, "line"), plural(r.Requests, "request"))
	if r.Malformed > 0 {
		text += fmt.Sprintf(", %s malformed", count(r.Malformed))
	}
	for _, reason := range largest(r.Skipped) {
		text += fmt.Sprintf(", %s skipped: %s", count(r.Skipped[reason]), clean(reason))
	}
	switch {
	case r.Paced:
		text += "; sent at the arrivals above, over and over"
	case r.Times:
		text += "; only its times count"
	}
	writeWrapped(b, "      ", text)
	for _, sample := range r.Samples {
		writeWrapped(b, "        ", "malformed: "+cut(clean(sample), 120))
	}
}

// writeConnections says what is held to the services and what is called
// besides them.
func writeConnections(b *strings.Builder, plan *scenarios.Plan) {
	c := plan.Connections
	if c.Max == 0 && len(plan.Targets) == 0 {
		return // a plan from before there were any
	}
	b.WriteString("\nConnections\n")
	if c.Max > 0 {
		text := fmt.Sprintf("at most %s to a service", count(c.Max))
		if !c.Reuse {
			text += ", a new one for each request"
		}
		if c.MaxAge > 0 {
			text += ", none older than " + c.MaxAge.String()
		}
		if c.DialRate > 0 {
			text += fmt.Sprintf(", %s opened", perSecond(float64(c.DialRate)))
		}
		writeWrapped(b, "  ", text)
	}
	for _, name := range sortedNames(plan.Targets) {
		t, how := plan.Targets[name], "http"
		if t.TLS {
			how = "https"
		}
		if t.HTTP2 {
			how += ", HTTP/2"
		}
		writeWrapped(b, "  ", fmt.Sprintf("target %s is %s (%s)", name, t.Address, how))
	}
}
