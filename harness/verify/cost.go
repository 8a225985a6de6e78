package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// cost judges what was used beside what was needed: K1 replica-seconds, K2
// CPU-seconds. Each is judged where the check asks for it.
func (h *history) cost(c scenarios.CostCheck) []Finding {
	var findings []Finding
	if c.Replicas != nil {
		findings = append(findings, h.overall(h.replicaSeconds(c)))
	}
	if c.CPU != nil {
		findings = append(findings, h.overall(h.cpuSeconds(c)))
	}
	return findings
}

func costFinding(service, rule, wanted string) Finding {
	return Finding{ID: "cost/" + service + "/" + rule, Kind: "cost", Service: service, Verdict: Pass, Wanted: wanted}
}

// replicaSeconds is K1: instances run for not too many times as long as demand
// needs them. They cost from their start to their exit, whether they take work or
// not. What a release has beyond its number is told, and not counted: it is no
// matter of how the service is scaled.
func (h *history) replicaSeconds(c scenarios.CostCheck) Finding {
	f := costFinding(c.Service, "K1-replicas", fmt.Sprintf("at most %s the replica-seconds that are needed", c.Replicas))
	d := h.demandOf(c.Service)
	during := h.phases(c.Phases)
	switch {
	case d.why != "":
		return unknown(f, d.why)
	case length(during) == 0:
		return unknown(f, "no traffic flowed in these phases")
	}
	running := h.running(c.Service)
	own := h.withoutReleases(c.Service, running)
	p := provisionOf(d.needed, own, during)
	used, needed := p.areas()
	switch {
	case needed == 0:
		return unknown(f, fmt.Sprintf("nothing was needed of %s, so %s replica-seconds cannot be compared with it", c.Service, figure(used)))
	case used == 0:
		return unknown(f, "no instance of "+c.Service+" ran in these phases")
	}
	times := factorBeside(used/needed, *c.Replicas)
	f.Measured = fmt.Sprintf("%s: %s replica-seconds, %s needed", times, figure(used), figure(needed))
	f.Evidence = p.gaps(maxGaps, provided.tooMany, "too many")
	if extras := h.extras(c.Service, running, own, during); len(extras) > 0 {
		var spent time.Duration
		for _, e := range extras {
			spent += e.spent
		}
		f.Measured += fmt.Sprintf("; %s more during %s, not counted", figure(spent.Seconds()), plural(len(extras), "release"))
		f.Evidence = append(f.Evidence, extraEvidence(extras)...)
	}
	if used > float64(*c.Replicas)*needed*(1+tiny) {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s ran for %s replica-seconds, %s of the %s that were needed; the limit is %s", c.Service, figure(used), times, figure(needed), c.Replicas)
	}
	return d.unlessBlind(f)
}

// factor writes a multiple with three significant digits: 1.32x.
func factor(v float64) string { return figure(v) + "x" }

// measuredShare is the share of the time of instances that their use must be known of.
const measuredShare = 0.8

// cpuSeconds is K2: enough of the CPU that is set aside for instances is used, as
// far as it was measured.
func (h *history) cpuSeconds(c scenarios.CostCheck) Finding {
	f := costFinding(c.Service, "K2-cpu", fmt.Sprintf("at least %s of the requested CPU-seconds are used", c.CPU))
	cpus := float64(h.plan.Services[c.Service].Requests.CPUs)
	if cpus <= 0 {
		return unknown(f, "how much CPU is set aside for an instance of "+c.Service+" is not known; give autoscale.requests, or deploy.resources in the compose file")
	}
	var used, seen, lived time.Duration
	for _, i := range h.of(c.Service) {
		life, ok := h.life(i)
		if !ok {
			continue
		}
		m := h.meterOf(i)
		for _, s := range h.phases(c.Phases) {
			s = span{max(s.from, life.from), min(s.to, life.to)}
			lived += s.length()
			s.to = min(s.to, m.until())
			seen += s.length()
			if s.from < s.to {
				used += m.at(s.to) - m.at(s.from)
			}
		}
	}
	switch {
	case lived == 0:
		return unknown(f, "no instance of "+c.Service+" ran in these phases")
	case float64(seen) < measuredShare*float64(lived):
		return unknown(f, fmt.Sprintf("the CPU of %s was measured for only %s of the time of its instances", c.Service, share(int(seen/time.Millisecond), int(lived/time.Millisecond))))
	}
	set := cpus * seen.Seconds()
	of := used.Seconds() / set
	f.Measured = fmt.Sprintf("%s: %s CPU-seconds used, %s requested", percentBeside(of, *c.CPU), figure(used.Seconds()), figure(set))
	f.Evidence = []Evidence{{Text: fmt.Sprintf("%s of a core requested for each instance, for %s replica-seconds that were measured", figure(cpus), figure(seen.Seconds())),
		From: h.controlled().from, To: h.controlled().to}}
	if 100*of < float64(*c.CPU)-tiny {
		if h.unasked(c.Service, c.Phases) {
			return unknown(f, fmt.Sprintf("no load of %s is on record in these phases, so nothing shows that too much was set aside for it", c.Service))
		}
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s used %s of the CPU-seconds that were set aside for it, where %s should be", c.Service, percentBeside(of, *c.CPU), c.CPU)
	}
	return f
}

// life is the time from the start of an instance to its exit; false of a job, or
// of one that never started.
func (h *history) life(i *instance) (span, bool) {
	if i.started == nil || i.job {
		return span{}, false
	}
	s := span{*i.started, forever}
	if i.exited != nil {
		s.to = i.exited.at
	}
	return s, true
}

// meter is the CPU that an instance had used at moments, in order; it starts with
// none.
type meter []timed[journal.Usage]

func (h *history) meterOf(i *instance) meter {
	m := meter{{at: *i.started}}
	for _, u := range h.scale.usage {
		if last := m[len(m)-1]; u.body.Instance == i.name && u.at > last.at && u.body.CPU >= last.body.CPU {
			m = append(m, u)
		}
	}
	return m
}

// until is the last reading.
func (m meter) until() time.Duration { return m[len(m)-1].at }

// at is the use at a moment between the start and the last reading; between two
// readings it grows evenly.
func (m meter) at(t time.Duration) time.Duration {
	for n := 1; n < len(m); n++ {
		if before, after := m[n-1], m[n]; t <= after.at {
			part := float64(max(0, t-before.at)) / float64(after.at-before.at)
			return before.body.CPU + time.Duration(part*float64(after.body.CPU-before.body.CPU))
		}
	}
	return m[len(m)-1].body.CPU
}
