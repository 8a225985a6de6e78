package verify

import (
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// slo judges the objectives of one journey or step, one finding each.
func (h *history) slo(c scenarios.SLOCheck) []Finding {
	s, loops := h.sampleOf(c), h.loops(c)
	var findings []Finding
	for _, o := range []struct {
		name     string
		quantile float64
		limit    *scenarios.Duration
	}{{"p50", 50, c.P50}, {"p95", 95, c.P95}, {"p99", 99, c.P99}} {
		if o.limit != nil {
			findings = append(findings, label(h.percentile(c, s, o.name, o.quantile, o.limit.Std()), loops))
		}
	}
	if c.Availability != nil {
		findings = append(findings, h.availability(c, s, float64(*c.Availability)))
	}
	if why := h.anyGatewayDied(); why != "" {
		excuse(findings, why)
	}
	return findings
}

// anyGatewayDied says that a gateway exited under traffic, the first one if it
// was several: any of them may be on the way of a journey. Gateways are of no
// service, which tells them from a product's that happen to be called so.
func (h *history) anyGatewayDied() string {
	var first *instance
	why := ""
	for _, g := range h.instances {
		service, ok := strings.CutPrefix(g.name, "gateway-")
		if !ok || g.service != "" {
			continue
		}
		if text := h.gatewayDied(service); text != "" && (first == nil || g.exited.at < first.exited.at) {
			first, why = g, text
		}
	}
	return why
}

// excuse takes failures back that may be the harness's own.
func excuse(findings []Finding, why string) {
	for i := range findings {
		if f := &findings[i]; f.Verdict == Fail {
			f.Verdict, f.Reason = Inconclusive, why
		}
	}
}

// sloFinding names a finding after all that narrows its check:
// slo/shop/buy@surge/cohort=free/p99.
func sloFinding(c scenarios.SLOCheck, objective, wanted string) Finding {
	id := "slo/" + c.Journey
	if c.Step != "" && !c.Whole {
		id += "/" + c.Step
	}
	if len(c.Phases) > 0 {
		id += "@" + strings.Join(c.Phases, "+")
	}
	if c.Cohort != "" {
		id += "/cohort=" + c.Cohort
	}
	if c.Tier != "" {
		id += "/tier=" + c.Tier
	}
	if c.Whole {
		id += "/whole"
	}
	return Finding{ID: id + "/" + objective, Kind: "slo", Verdict: Pass, Wanted: wanted}
}

// nothing says why there is no sample.
func (h *history) nothing(c scenarios.SLOCheck) string {
	if h.window.cut != "" {
		return h.window.cut
	}
	text := "no request of " + subject(c) + " was recorded"
	if c.Whole {
		text = "no session of " + subject(c) + " was recorded"
	}
	if len(c.Phases) > 0 {
		text += " in " + strings.Join(c.Phases, ", ")
	}
	return text
}

// subject is what a check is about, in words.
func subject(c scenarios.SLOCheck) string {
	text := "journey " + c.Journey
	if c.Step != "" && !c.Whole {
		text = "step " + c.Step + " of " + text
	}
	if c.Cohort != "" {
		text += " of cohort " + c.Cohort
	}
	if c.Tier != "" {
		text += " of tier " + c.Tier
	}
	return text
}
