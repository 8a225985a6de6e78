package reports

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// detailLead stands before what is said about an action or a ledger.
const detailLead = "      "

// writeControl says what a run does wrong on purpose.
func writeControl(b *strings.Builder, control scenarios.Control) {
	what, ok := map[scenarios.Control]string{
		scenarios.ControlKill:        "SIGKILL in place of the termination sequence; drain must fail",
		scenarios.ControlUnready:     "instances are routed to whatever their readiness says; readiness must fail",
		scenarios.ControlLateRemoval: "endpoints are removed only after the grace period; drain must fail",
		scenarios.ControlFrozen:      "no instance is added, removed, replaced or resized; drain, readiness, release, scaling, queue and prescale must not pass",
	}[control]
	switch {
	case control == scenarios.NoControl:
	case !ok:
		writeHanging(b, "CONTROL ", string(control)+": wrong on purpose")
	default:
		writeHanging(b, "CONTROL ", fmt.Sprintf("%s: wrong on purpose: %s", control, what))
	}
}

func writeActions(b *strings.Builder, plan *scenarios.Plan) {
	if len(plan.Actions) == 0 {
		return
	}
	b.WriteString("\nActions\n")
	for _, action := range plan.Actions {
		writeHanging(b, fmt.Sprintf("  %s (%s)  ", action.At, clean(action.Phase)), action.String())
		if action.Release != nil {
			writeRelease(b, plan, *action.Release)
		}
		if action.Job != nil {
			writeJob(b, *action.Job)
		}
		if i := action.Interrupt; i != nil && i.Replace != nil && !*i.Replace {
			writeHanging(b, detailLead, "none is started in their place but by what scales the service")
		}
	}
}

// writeRelease writes what a release brings and what it keeps to.
func writeRelease(b *strings.Builder, plan *scenarios.Plan, r scenarios.PlannedRelease) {
	if r.Image != "" {
		writeHanging(b, detailLead, "image "+r.Image)
	}
	writeVariables(b, r.Environment)
	terms := []string{"floor: " + floor(plan, r)}
	if r.MinReady > 0 {
		terms = append(terms, fmt.Sprintf("counted once ready for %s", r.MinReady))
	}
	if r.Keep > 0 {
		terms = append(terms, fmt.Sprintf("old version kept for %s", r.Keep))
	}
	terms = append(terms, fmt.Sprintf("ready within %s", r.Deadline))
	writeHanging(b, detailLead, strings.Join(terms, "; "))
}

// floor is the capacity that a release keeps: what a check asks for, else what
// its strategy promises.
func floor(plan *scenarios.Plan, r scenarios.PlannedRelease) string {
	for _, check := range plan.Checks {
		if check.Release != nil && check.Release.Service == r.Service && check.Release.Floor != nil {
			return fmt.Sprint(*check.Release.Floor)
		}
	}
	switch {
	case r.Strategy == scenarios.ReplaceStrategy && !r.StartFirst:
		return "none"
	case r.Strategy == scenarios.RollingStrategy && r.MaxUnavailable != (scenarios.Portion{}):
		return fmt.Sprintf("all instances but %s", r.MaxUnavailable)
	}
	return "all instances"
}

// writeVariables names environment variables. Their values may be secrets.
func writeVariables(b *strings.Builder, environment map[string]string) {
	if len(environment) > 0 {
		writeHanging(b, detailLead, "sets "+strings.Join(slices.Sorted(maps.Keys(environment)), ", "))
	}
}

// writeJob writes what a job runs: its program, for arguments may be secrets.
func writeJob(b *strings.Builder, j scenarios.Job) {
	program := strings.Join(j.Command[:min(1, len(j.Command))], "")
	if len(j.Command) > 1 {
		program += " ..."
	}
	writeHanging(b, detailLead, fmt.Sprintf("%s, as %s runs; within %s", program, j.Service, j.Within))
	writeVariables(b, j.Environment)
}

// writeLedgers writes what is compared once nobody comes any more.
func writeLedgers(b *strings.Builder, plan *scenarios.Plan) {
	if len(plan.Ledgers) == 0 {
		return
	}
	b.WriteString("\nAfter the last request\n")
	for _, l := range plan.Ledgers {
		writeHanging(b, "  ", fmt.Sprintf("compare %s: %s", l.ID, wantedOf(l)))
		writeHanging(b, detailLead, readingOf(l))
	}
}

// wantedOf is what a ledger wants to see.
func wantedOf(l scenarios.PlannedLedger) string {
	switch {
	case l.Want == "none":
		return "nothing is there"
	case l.Journey == "":
		return "one is there at least, and none twice"
	}
	return fmt.Sprintf("each %s of %s/%s is there once, and none twice", l.Key, l.Journey, l.Step)
}

// The most of a query that a plan shows.
const mostQuery = 300

// readingOf is where a ledger is read.
func readingOf(l scenarios.PlannedLedger) string {
	words := ""
	switch {
	case l.SQL != nil:
		words = fmt.Sprintf("%s of %s, %s", l.SQL.URLFrom, l.SQL.Service, cut(l.SQL.Query, mostQuery))
	case l.HTTP != nil:
		words = fmt.Sprintf("GET %s%s, %s of %s", l.HTTP.Service, l.HTTP.Path, l.HTTP.Key, l.HTTP.Items)
		if l.HTTP.Next != "" {
			words += ", next page " + l.HTTP.Next
		}
	}
	return fmt.Sprintf("read for up to %s: %s", l.Within, words)
}
