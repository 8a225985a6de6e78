package verify

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// slo judges the objectives of one journey or step, one finding each.
func (h *history) slo(c scenarios.SLOCheck) []Finding {
	s := h.sampleOf(c)
	var findings []Finding
	for _, o := range []struct {
		name     string
		quantile float64
		limit    *scenarios.Duration
	}{{"p50", 50, c.P50}, {"p95", 95, c.P95}, {"p99", 99, c.P99}} {
		if o.limit != nil {
			findings = append(findings, h.percentile(c, s, o.name, o.quantile, o.limit.Std()))
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

// sample is what the record holds on the requests that a check is about.
type sample struct {
	response *hdrhistogram.Histogram
	lag      *hdrhistogram.Histogram // of requests
	starts   *hdrhistogram.Histogram // lag of the starts of their sessions; older records have none
	traffic  []timed[journal.Traffic]
	groups   []journal.ErrorGroup
	intended int
	sent     int
	ok       int
	failed   int
	unknown  int
}

// sampleOf collects the requests of a check. Phases are those of the intended
// send time, whatever the moment at which an answer came.
func (h *history) sampleOf(c scenarios.SLOCheck) sample {
	s := sample{response: journal.NewHistogram(), lag: journal.NewHistogram(), starts: journal.NewHistogram()}
	during := func(journey, phase string) bool {
		return journey == c.Journey && (len(c.Phases) == 0 || slices.Contains(c.Phases, phase))
	}
	about := func(journey, step, phase string) bool {
		wanted := step == c.Step
		if c.Step == "" {
			wanted = step != "" // step "" is the session, which is no request
		}
		return wanted && during(journey, phase)
	}
	for _, i := range h.rec.Latency {
		if i.Tag.Step == "" && i.Tag.Measure == journal.Lag && during(i.Tag.Journey, i.Tag.Phase) {
			i.AddTo(s.starts)
		}
		if !about(i.Tag.Journey, i.Tag.Step, i.Tag.Phase) {
			continue
		}
		switch i.Tag.Measure {
		case journal.Response:
			i.AddTo(s.response)
		case journal.Lag:
			i.AddTo(s.lag)
		}
	}
	for _, t := range h.traffic {
		if about(t.body.Journey, t.body.Step, t.body.Phase) {
			s.add(t)
		}
	}
	for _, g := range h.groups {
		if g.Journey == c.Journey && (c.Step == "" || g.Step == c.Step) {
			s.groups = append(s.groups, g)
		}
	}
	return s
}

func (s *sample) add(t timed[journal.Traffic]) {
	s.traffic = append(s.traffic, t)
	s.intended += t.body.Intended
	s.sent += t.body.Sent
	s.ok += t.body.OK
	s.failed += t.body.Failed
	s.unknown += t.body.Unknown
}

func sloFinding(c scenarios.SLOCheck, objective, wanted string) Finding {
	id := "slo/" + c.Journey
	if c.Step != "" {
		id += "/" + c.Step
	}
	if len(c.Phases) > 0 {
		id += "@" + strings.Join(c.Phases, "+")
	}
	return Finding{ID: id + "/" + objective, Kind: "slo", Verdict: Pass, Wanted: wanted}
}

// percentile judges a limit on a percentile of the response times. Requests
// without a right answer have no response time and count as slower than any
// limit: half of the requests are answered within a p50, not half of the
// answers.
func (h *history) percentile(c scenarios.SLOCheck, s sample, name string, q float64, limit time.Duration) Finding {
	f := sloFinding(c, name, name+" <= "+latency(limit))
	answered, bad := int(s.response.TotalCount()), s.failed+s.unknown
	n := answered + bad
	if n == 0 {
		f.Verdict, f.Measured, f.Reason = Inconclusive, "no response times", h.nothing(c)
		return f
	}
	reached := float64(answered) >= q/100*float64(n) // else the percentile is among those without an answer
	var value int64
	if reached {
		value = s.response.ValueAtPercentile(min(100, q*float64(n)/float64(answered)))
	}
	measured := time.Duration(value) * time.Microsecond
	f.Measured = fmt.Sprintf("%s %s of %s", name, latency(measured), plural(n, "request"))
	if !reached {
		f.Measured = fmt.Sprintf("no %s: %s of %s had no right answer", name, count(bad), plural(n, "request"))
	}
	f.Evidence = s.slowest(name, limit)
	needed := int(math.Round(10 / (1 - q/100)))
	over := above(s.response, limit) + bad
	sure := float64(over) > float64(needed)*(1-q/100) // whatever the missing requests had shown
	if why := h.unfit(s, limit); why != "" {
		f.Verdict, f.Reason = Inconclusive, why
		return f
	}
	if n < needed && !sure {
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("%s needs at least %s requests to mean anything, there were %s; more traffic or a longer phase would do",
			name, count(needed), count(n))
		return f
	}
	if !reached {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of the requests of %s had no right answer (%s failed, %s unknown), so none is the %s",
			share(bad, n), subject(c), count(s.failed), count(s.unknown), name)
		return f
	}
	if measured > limit && !s.response.ValuesAreEquivalent(value, limit.Microseconds()) {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of %s took %s, the limit is %s; %s (%s) took longer than that",
			name, subject(c), latency(measured), latency(limit), plural(over, "request"), share(over, n))
	}
	return f
}

// above counts the values over a limit.
func above(h *hdrhistogram.Histogram, limit time.Duration) int {
	var n int64
	for _, bar := range h.Distribution() {
		if bar.From > limit.Microseconds() {
			n += bar.Count
		}
	}
	return int(n)
}

// unfit says why the response times of a sample tell nothing about the system;
// "" when they do.
func (h *history) unfit(s sample, limit time.Duration) string {
	if h.window.cut != "" {
		return h.window.cut
	}
	if h.rec.Damaged > 0 {
		return h.damage()
	}
	if held := int(s.response.TotalCount()); held < s.ok {
		return fmt.Sprintf("the record holds %s of the %s response times that were taken", count(held), count(s.ok))
	}
	if s.lag.TotalCount() == 0 {
		return "nothing recorded tells whether the generator kept its schedule"
	}
	if why := s.late(limit); why != "" {
		return why
	}
	return s.short()
}

// late says that the generator did not keep its schedule. Requests count from
// the moment at which their session let them go, so a session that began late
// is late by itself.
func (s sample) late(limit time.Duration) string {
	lag, what := p99(s.lag), "request in 100 was sent"
	if starts := p99(s.starts); starts > lag {
		lag, what = starts, "session in 100 began"
	}
	tolerable := max(5*time.Millisecond, limit/20)
	if lag <= tolerable {
		return ""
	}
	return fmt.Sprintf("the generator was late itself: 1 %s %s or more after its time, where %s is tolerable; run it with less load or on more CPUs",
		what, latency(lag), latency(tolerable))
}

// p99 is 0 of an empty histogram.
func p99(h *hdrhistogram.Histogram) time.Duration {
	return time.Duration(h.ValueAtPercentile(99)) * time.Microsecond
}

// short says that the generator left out more than 0.5 % of what was intended.
// A request that could not be sent because the system took no connection has
// an outcome, and is the system's.
func (s sample) short() string {
	made := max(s.sent, s.ok+s.failed+s.unknown)
	if missing := s.intended - made; float64(missing) > 0.005*float64(s.intended) {
		return fmt.Sprintf("the generator sent %s of %s intended requests (%s): the load was not the one asked for",
			count(made), count(s.intended), share(made, s.intended))
	}
	return ""
}

// nothing says why there is no sample.
func (h *history) nothing(c scenarios.SLOCheck) string {
	if h.window.cut != "" {
		return h.window.cut
	}
	text := "no request of " + subject(c) + " was recorded"
	if len(c.Phases) > 0 {
		text += " in " + strings.Join(c.Phases, ", ")
	}
	return text
}

func subject(c scenarios.SLOCheck) string {
	if c.Step == "" {
		return "journey " + c.Journey
	}
	return "step " + c.Step + " of journey " + c.Journey
}

// availability judges the share of requests that succeeded. Requests whose
// outcome is unknown did not.
func (h *history) availability(c scenarios.SLOCheck, s sample, wanted float64) Finding {
	f := sloFinding(c, "availability", "availability >= "+scenarios.Percent(wanted).String())
	n, lost := s.ok+s.failed+s.unknown, s.failed+s.unknown
	if n == 0 {
		f.Verdict, f.Measured, f.Reason = Inconclusive, "no requests", h.nothing(c)
		return f
	}
	f.Measured = fmt.Sprintf("%s of %s (%s failed, %s unknown)", share(s.ok, n), plural(n, "request"), count(s.failed), count(s.unknown))
	f.Evidence = append(s.lossiest(), s.reasons()...)
	allowed := 1 - wanted/100
	needed := 100 // for an objective of 100 %
	if allowed > 0 {
		needed = int(math.Ceil(1/allowed - 1e-9))
	}
	sure := float64(lost) > allowed*float64(max(n, needed))+1e-9
	switch {
	case h.window.cut != "":
		f.Verdict, f.Reason = Inconclusive, h.window.cut
	case sure:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of %s did not succeed (%s failed, %s unknown); %s allows %s",
			plural(lost, "request"), count(n), count(s.failed), count(s.unknown), scenarios.Percent(wanted), count(int(allowed*float64(n)+1e-9)))
	case h.rec.Damaged > 0:
		f.Verdict, f.Reason = Inconclusive, h.damage()
	case n < needed:
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("%s needs at least %s requests to mean anything, there were %s", scenarios.Percent(wanted), count(needed), count(n))
	case s.short() != "":
		f.Verdict, f.Reason = Inconclusive, s.short()
	}
	return f
}
