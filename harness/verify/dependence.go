package verify

import (
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// What depends on faults: steady_state but for its first part, recovery,
// third_party, blast_radius and stampede. They name faults, or mean all of them.
// Each is inconclusive when one of its faults was not applied and reverted, or
// when the run was not well before the first fault. All other checks judge what
// happened whatever it was due to; that no fault did nothing in silence is a
// finding of its own, without which no run passes.

// faultsOf are the faults with these names, or all of the plan. One that the plan
// does not have was never injected.
func (h *history) faultsOf(names []string) []*faultRun {
	if len(names) == 0 {
		return h.faults.runs
	}
	var list []*faultRun
	for _, name := range names {
		n := slices.IndexFunc(h.faults.runs, func(f *faultRun) bool { return f.ID == name })
		if n < 0 {
			list = append(list, &faultRun{PlannedFault: scenarios.PlannedFault{ID: name}})
			continue
		}
		list = append(list, h.faults.runs[n])
	}
	return list
}

// dependent takes a verdict back that depends on faults which nothing shows to have
// been what they were meant to be.
func (h *history) dependent(f Finding, faults []*faultRun) Finding {
	why := ""
	if len(faults) == 0 {
		why = "the plan has no fault that this could be judged by"
	}
	for _, r := range faults {
		why = join(why, r.unproven())
	}
	if why == "" {
		why = h.unsteady()
	}
	if why != "" {
		f.Verdict, f.Reason = Inconclusive, why
	}
	if f.Measured == "" {
		f.Measured = "not known"
	}
	return h.whole(f)
}

// whole is settled for findings that may have said already that the run was cut.
func (h *history) whole(f Finding) Finding {
	if h.window.cut != "" && strings.HasPrefix(f.Reason, h.window.cut) {
		return f
	}
	return h.settled(f)
}

// unsteady says that the run was not well before the first fault, by the steady
// states that the plan asks for; "" if it was, or none is asked for.
func (h *history) unsteady() string {
	if h.faults.baseline == nil {
		why := ""
		for _, c := range h.plan.Checks {
			if c.SteadyState == nil {
				continue
			}
			if f := h.steadyBefore(*c.SteadyState); f.Verdict != Pass {
				why = join(why, "the baseline did not pass ("+f.ID+")")
			}
		}
		h.faults.baseline = &why
	}
	return *h.faults.baseline
}

// blaming is dependent for objectives of a journey that a check has itself: where they
// were missed before the first fault as well, none is to blame, whatever the steady
// states are that the plan asks for.
func (h *history) blaming(f Finding, faults []*faultRun, journey, step string, o scenarios.Objectives) Finding {
	f = h.dependent(f, faults)
	if f.Verdict == Inconclusive {
		return f
	}
	if b := h.steadyBefore(scenarios.SteadyStateCheck{Journey: journey, Step: step, Steady: o}); b.Verdict == Fail {
		return unknown(f, "the objectives were missed before the first fault as well: "+b.Measured)
	}
	return f
}

// concerns tells whether a fault is done to a service, as seen by those who call it.
func (f *faultRun) concerns(service string, aliases []string) bool {
	is := func(host string) bool {
		name, _, _ := strings.Cut(host, ":")
		return name == service || slices.Contains(aliases, name)
	}
	peers := peersOf(f.Spec)
	switch {
	case f.Spec.Egress != "":
		return is(f.Spec.Egress)
	case f.Spec.DNS != nil:
		return slices.ContainsFunc(f.Spec.DNS.Names, is)
	case len(peers) > 0 && slices.ContainsFunc(peers, is):
		return true
	}
	return slices.Contains(f.Services, service)
}

// peersOf are the services that a fault of the network narrows to.
func peersOf(f scenarios.Fault) []string {
	var list []string
	add := func(peer string) {
		if peer != "" {
			list = append(list, peer)
		}
	}
	switch {
	case f.Delay != nil:
		add(f.Delay.Peer)
	case f.Loss != nil:
		add(f.Loss.Peer)
	case f.Bandwidth != nil:
		add(f.Bandwidth.Peer)
	case f.Partition != nil:
		add(f.Partition.Peer)
	case f.Reset != nil:
		add(f.Reset.Peer)
	}
	return list
}
