package verify

import (
	"fmt"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Judge applies every check of a plan to a record, in the order of the
// scenario. It never panics: a check that does becomes an inconclusive
// finding. A plan without checks proves nothing and is inconclusive. Neither
// argument is changed, and both may be nil.
func Judge(rec *journal.Record, plan *scenarios.Plan) Result {
	if rec == nil {
		rec = &journal.Record{}
	}
	if plan == nil {
		plan = &scenarios.Plan{}
	}
	result := Result{Scenario: plan.Scenario, Checks: []Finding{}}
	var h *history
	broken := guard("record", "", func() []Finding { h = newHistory(rec, plan); return nil })
	result.Checks = append(result.Checks, broken...)
	for _, c := range plan.Checks {
		if h == nil {
			break
		}
		kind, service, run := h.checker(c)
		result.Checks = append(result.Checks, guard(kind, service, run)...)
	}
	if h != nil {
		result.Checks = append(result.Checks, guard("faults", "", h.faultFindings)...)
		result.Checks = append(result.Checks, guard("run", "", h.stoppedEarly)...)
		result.Checks = append(result.Checks, guard("run", "", func() []Finding { return h.actions(rec.Events) })...)
		result.Checks = append(result.Checks, guard("run", "", func() []Finding { return h.breakdowns(rec.Events) })...)
		result.Checks = append(result.Checks, guard("run", "", func() []Finding { return h.steered(rec.Events, result.Checks) })...)
	}
	tidy(result.Checks)
	result.Verdict = Combine(result.Checks)
	if len(plan.Checks) == 0 && result.Verdict == Pass { // of faults: that they were done proves nothing yet
		result.Verdict = Inconclusive
	}
	return result
}

// Combine is the verdict on a whole: fail outweighs inconclusive, which
// outweighs pass; nothing at all is inconclusive.
func Combine(findings []Finding) Verdict {
	if len(findings) == 0 {
		return Inconclusive
	}
	verdict := Pass
	for _, f := range findings {
		switch {
		case f.Verdict == Fail:
			return Fail
		case f.Verdict != Pass:
			verdict = Inconclusive
		}
	}
	return verdict
}

// checker finds what judges a check. A check of no kind that is known here is
// inconclusive, never left out in silence.
func (h *history) checker(c scenarios.Check) (kind, service string, run func() []Finding) {
	switch {
	case c.SLO != nil:
		return "slo", "", func() []Finding { return h.slo(*c.SLO) }
	case c.Drain != nil:
		return "drain", c.Drain.Service, func() []Finding { return h.drain(*c.Drain) }
	case c.Readiness != nil:
		return "readiness", c.Readiness.Service, func() []Finding { return h.readiness(*c.Readiness) }
	case c.Release != nil:
		return "release", c.Release.Service, func() []Finding { return h.release(*c.Release) }
	case c.Stateless != nil:
		return "stateless", c.Stateless.Service, func() []Finding { return h.stateless(*c.Stateless) }
	case c.Integrity != nil:
		return "integrity", "", func() []Finding { return h.integrity(*c.Integrity) }
	case c.Scaling != nil:
		return "scaling", c.Scaling.Service, func() []Finding { return h.scaling(*c.Scaling) }
	case c.Queue != nil:
		return "queue", c.Queue.Service, func() []Finding { return h.queue(*c.Queue) }
	case c.Prescale != nil:
		return "prescale", c.Prescale.Service, func() []Finding { return h.prescale(*c.Prescale) }
	case c.Cost != nil:
		return "cost", c.Cost.Service, func() []Finding { return h.cost(*c.Cost) }
	case c.SteadyState != nil:
		return "steady_state", "", func() []Finding { return h.steadyState(*c.SteadyState) }
	case c.Recovery != nil:
		return "recovery", "", func() []Finding { return h.faultRecovery(*c.Recovery) }
	case c.ThirdParty != nil:
		return "third_party", c.ThirdParty.Service, func() []Finding { return h.thirdParty(*c.ThirdParty) }
	case c.BlastRadius != nil:
		return "blast_radius", "", func() []Finding { return h.blastRadius(*c.BlastRadius) }
	case c.Stampede != nil:
		return "stampede", c.Stampede.Service, func() []Finding { return h.stampede(*c.Stampede) }
	case c.Alert != nil:
		return "alert", "", func() []Finding { return h.alert(*c.Alert) }
	case c.AlertCoverage != nil:
		return "alert_coverage", "", func() []Finding { return h.alertCoverage(*c.AlertCoverage) }
	case c.AlertLint != nil:
		return "alert_lint", "", func() []Finding { return h.alertLint(*c.AlertLint) }
	case c.Threshold != nil:
		return "threshold", "", func() []Finding { return h.thresholds(*c.Threshold) }
	case c.PromQL != nil:
		return "promql", "", func() []Finding { return h.promql(*c.PromQL) }
	case c.ErrorBudget != nil:
		return "error_budget", "", func() []Finding { return h.errorBudget(*c.ErrorBudget) }
	case c.Dashboard != nil:
		return "dashboard", "", func() []Finding { return h.dashboard(*c.Dashboard) }
	case c.Regression != nil:
		return "regression", "", func() []Finding { return h.regression(*c.Regression) }
	}
	return "unknown", "", func() []Finding {
		return []Finding{{ID: "unknown", Kind: "unknown", Verdict: Inconclusive,
			Reason: "this version does not know this kind of check"}}
	}
}

// guard runs a check and turns a panic into a finding.
func guard(kind, service string, run func() []Finding) (findings []Finding) {
	defer func() {
		if p := recover(); p != nil {
			first, _, _ := strings.Cut(fmt.Sprint(p), "\n")
			id := kind + "/crashed"
			if service != "" {
				id = kind + "/" + service + "/crashed"
			}
			findings = []Finding{{ID: id, Kind: kind, Service: service, Verdict: Inconclusive,
				Reason: "checker crashed: " + first}}
		}
	}()
	return run()
}

// tidy makes identifiers unique and leaves no list nil, so that the verdict
// reads the same after a round trip through JSON.
func tidy(findings []Finding) {
	seen := map[string]int{}
	for i := range findings {
		f := &findings[i]
		if seen[f.ID]++; seen[f.ID] > 1 {
			f.ID = fmt.Sprintf("%s#%d", f.ID, seen[f.ID])
		}
		if f.Evidence == nil {
			f.Evidence = []Evidence{}
		}
	}
}
