package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A faulted is a fault in its place on the run's time, with what it is done to.
type faulted struct {
	index      int // in the file
	at         location
	id         string
	fault      Fault
	start, end Duration // the same for what is over at once
	phase      string
	services   []string // in order of name
	front      bool     // done by a proxy under the name of the service, to all of it
	picked     []string // of the instances that the run begins with
}

// over is when others may begin without meeting it.
func (f faulted) over() Duration { return max(f.end, f.start+1) }

// third tells whether a name is that of a third party.
func (c *compiler) third(name string) bool {
	_, is := c.doc.Scenario.Stack.ThirdParties[name]
	return is
}

// withoutThirdParties is what a compose project tells of its services, but for
// those in whose place there are third parties.
func withoutThirdParties(info StackInfo, parties map[string]ThirdParty) StackInfo {
	rest := StackInfo{Services: map[string]ServiceInfo{}}
	for name, service := range info.Services {
		if _, is := parties[name]; !is {
			rest.Services[name] = service
		}
	}
	return rest
}

// takeFaulted gives services that faults are done to a part in the rehearsal.
func (c *compiler) takeFaulted() {
	for _, f := range c.doc.Scenario.Faults {
		c.takePart(f.Target.Service)
		if f.Target.Label != "" {
			for _, name := range c.labelled(f.Target.Label) {
				c.takePart(name)
			}
		}
	}
	for _, check := range c.doc.Scenario.Checks {
		if check.Stampede != nil {
			c.takePart(check.Stampede.Service)
		}
	}
}

// labelled are the services with a label of the compose file.
func (c *compiler) labelled(label string) []string {
	key, value, _ := strings.Cut(label, "=")
	var all []string
	for _, name := range keys(c.info.Services) {
		if got, has := c.info.Services[name].Labels[key]; has && got == value {
			all = append(all, name)
		}
	}
	return all
}

// zoned are the services with a zone of that name.
func (c *compiler) zoned(zone string) []string {
	var all []string
	for _, name := range keys(c.services) {
		if _, exists := c.info.Services[name]; exists && slices.Contains(c.services[name].Zones, zone) {
			all = append(all, name)
		}
	}
	return all
}

// checkFaults checks faults against the stack, and puts them on the run's time. A
// fault that has a mistake is left out of what is compared with others.
func (c *compiler) checkFaults() {
	ids := faultIDs(c.doc.Scenario.Faults)
	for i, f := range c.doc.Scenario.Faults {
		at := location{"faults", i}
		if f.Kind() == "" || c.doc.reported(at) {
			continue
		}
		before := len(c.doc.problems)
		t := faulted{index: i, at: at, id: ids[i], fault: f}
		if !c.aim(&t) || c.doc.reportedIn(at) || len(c.doc.problems) > before {
			continue
		}
		if !c.untimed {
			c.place(&t)
		}
		if c.doc.reportedIn(at) {
			continue
		}
		c.faults = append(c.faults, t)
	}
	slices.SortStableFunc(c.faults, func(a, b faulted) int { return cmp.Compare(a.start, b.start) })
	c.checkProtected()
	if !c.untimed {
		c.checkPicks()
		c.checkConflicts()
		c.checkCaps()
	}
}

// tempo is that of the scenario.
func (c *compiler) tempo() float64 { return cmp.Or(float64(c.doc.Scenario.Tempo), 1) }

// place puts a fault on the run's time, and checks that it fits.
func (c *compiler) place(t *faulted) {
	phases := layPhases(c.doc.Scenario.Traffic.Phases, c.tempo())
	i := slices.IndexFunc(phases, func(p PlannedPhase) bool { return p.Name == t.fault.At.Phase })
	if i < 0 {
		return // reported
	}
	end := phases[len(phases)-1].End
	t.phase, t.start = t.fault.At.Phase, phases[i].Start+scale(t.fault.At.Offset, c.tempo())
	t.end = t.start + scale(t.fault.For, c.tempo())
	if t.fault.Permanent {
		t.end = end
	}
	lasts, given := t.end-t.start, t.at.to("for")
	switch {
	case t.fault.atOnce() || t.fault.Permanent:
	case t.end > end:
		c.doc.report(given, fmt.Sprintf("the fault lasts until %s, and the run ends at %s", t.end, end), "let it begin earlier or end sooner, or let the last phase last longer")
	case lasts < Duration(1e6):
		c.doc.report(given, fmt.Sprintf("the fault lasts less than 1ms%s", atTempo(c.doc.Scenario.Tempo)), "let it last longer, or lower tempo")
	default:
		c.checkRoom(*t, lasts)
	}
}

// checkRoom checks that what a fault does again and again has the time for it.
func (c *compiler) checkRoom(t faulted, lasts Duration) {
	at := t.at.to(t.fault.Kind())
	switch f := t.fault; {
	case f.CrashLoop != nil:
		if life := cmp.Or(f.CrashLoop.Every, defaultLife); life >= lasts {
			c.doc.report(at, fmt.Sprintf("an instance lives for %s, and the fault lasts %s%s: there is no loop", life, lasts, atTempo(c.doc.Scenario.Tempo)),
				"let it last longer, or lower every, which tempo does not divide")
		}
	case f.Flapping != nil:
		if f.Flapping.Down >= lasts {
			c.doc.report(at.to("down"), fmt.Sprintf("it is gone for %s at a time, and the fault lasts %s%s: it would never be there", f.Flapping.Down, lasts, atTempo(c.doc.Scenario.Tempo)),
				"let it last longer, lower down, which tempo does not divide, or write outage")
		}
	case f.Reclaim != nil:
		notice := planReclaim(*f.Reclaim, c.tempo()).Notice
		if notice > lasts {
			c.doc.report(t.at.to("for"), fmt.Sprintf("the fault lasts %s, and the notice alone %s%s", lasts, notice, atTempo(c.doc.Scenario.Tempo)), "let it last longer than the notice")
		}
		for _, name := range t.services {
			grace := planDrain(c.services[name].Drain, c.info.Services[name].StopGrace).Grace
			where := at.to("notice")
			if c.doc.node(where) == nil {
				where = at
			}
			if notice <= grace {
				c.doc.report(where, fmt.Sprintf("the notice is %s%s, and the grace period of service %q is %s", notice, atTempo(c.doc.Scenario.Tempo), name, grace),
					"give a notice that is longer than the grace period, which tempo does not divide")
			}
		}
	}
}

// candidates are the instances of services, so many of each, by number.
func (c *compiler) candidates(services []string, number func(name string) int) []Candidate {
	var all []Candidate
	for _, name := range services {
		zones := c.services[name].Zones
		for i := range number(name) {
			all = append(all, Candidate{fmt.Sprintf("%s-%d", name, i+1), name, ZoneOf(zones, i+1)})
		}
	}
	return all
}

// planned is the fault as far as picking goes.
func (c *compiler) planned(t faulted) PlannedFault {
	return PlannedFault{ID: t.id, Services: t.services, Seed: seedOf(c.doc.Scenario.Seed, "fault", t.id), Spec: t.fault}
}

// checkPicks picks among the instances that the run begins with, and checks that
// there is somebody to pick when a fault begins.
func (c *compiler) checkPicks() {
	for i := range c.faults {
		t := &c.faults[i]
		if t.front || ofDatabase(t.fault.Kind()) || slices.ContainsFunc(t.services, func(name string) bool { return c.unsure[name] }) {
			continue
		}
		f := c.planned(*t)
		t.picked, _ = f.Choose(c.candidates(t.services, c.replicas))
		there := c.candidates(t.services, func(name string) int { return c.most(name, t.start) })
		if _, err := f.Choose(there); err != nil {
			at, suggestion := t.at.to("target"), "raise replicas, or pick fewer"
			for _, key := range append(slices.Clone(selectionKeys), "zone") {
				if c.doc.given(at, key) {
					at = at.to(key)
					break
				}
			}
			c.doc.report(at, fmt.Sprintf("%v at %s, when the fault begins", err, t.start), suggestion)
		}
	}
}

// most is how many instances of a service there may be at a time.
func (c *compiler) most(name string, at Duration) int {
	fleet := c.fleet(name)
	for _, m := range c.moments {
		if m.at > at || m.action.service() != name || m.action.Job != nil {
			continue
		}
		switch a := m.action; {
		case a.Scale != nil:
			fleet.resize(a.Scale.To)
		case a.Stop != nil:
			fleet.resize(fleet.instances - 1)
		case a.Interrupt != nil && a.Interrupt.Replace != nil && !*a.Interrupt.Replace:
			fleet.resize(fleet.instances - max(1, a.Interrupt.Count))
		}
	}
	return max(0, fleet.instances)
}
