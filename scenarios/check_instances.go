package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A fleet is the instances of a service as actions change them.
type fleet struct {
	instances int  // that are there and not leaving
	started   int  // ever: the highest number
	elastic   bool // nobody knows before the run: instances is the most that there may be
	versions  *lineage
}

// fleet is the instances that a service begins with. Of one with an autoscaler
// the largest number is taken at all times: what cannot be done with that cannot
// be done at all.
func (c *compiler) fleet(name string) *fleet {
	n := c.replicas(name)
	if _, most, elastic := c.limits(name); elastic {
		return &fleet{instances: max(n, most), elastic: true, versions: newLineage()}
	}
	return &fleet{instances: n, started: n, versions: newLineage()}
}

// resize starts or stops instances until there are so many.
func (f *fleet) resize(to int) {
	if f.elastic {
		f.instances = max(f.instances, to)
		return
	}
	f.started += max(0, to-f.instances)
	f.instances = to
}

// replace starts so many instances in place of others.
func (f *fleet) replace(n int) { f.started += n }

// checkActions checks what actions do to the stack, in the order of time: how
// many instances there are when each begins.
func (c *compiler) checkActions() {
	for i, a := range c.doc.Scenario.Actions {
		at := location{"actions", i, a.kind()}
		switch name := a.service(); {
		case a.Job != nil:
			c.checkKnown(at.to("service"), name, nil)
			c.checkJobName(at.to("name"), a.Job.Name)
			continue
		case a.BlueGreen != nil:
			c.checkCall(at.to("service"), name, "switched from one version to another", nil)
		default:
			c.checkKnown(at.to("service"), name, nil)
		}
		if c.doc.reportedIn(location{"actions", i}) {
			c.unsure[a.service()] = true
		}
	}
	for name := range c.services {
		if c.doc.reportedIn(location{"stack", "services", name}) {
			c.unsure[name] = true
		}
	}
	phases := location{"traffic", "phases"}
	c.untimed = c.doc.node(phases) == nil || c.doc.reportedIn(phases) || c.doc.reportedIn(location{"tempo"})
	if !c.untimed {
		c.follow()
		c.checkFloors()
	}
}

// follow goes through the actions in the order of time. After a mistake it
// leaves a service alone: what follows may follow from it.
func (c *compiler) follow() {
	s := c.doc.Scenario
	tempo := cmp.Or(float64(s.Tempo), 1)
	fleets := map[string]*fleet{}
	for _, m := range inOrder(s.Actions, layPhases(s.Traffic.Phases, tempo), tempo) {
		name := m.action.service()
		if m.action.Job == nil && !c.unsure[name] {
			if fleets[name] == nil {
				fleets[name] = c.fleet(name)
			}
			if !c.perform(&m, fleets[name]) {
				c.unsure[name] = true
			}
		}
		c.moments = append(c.moments, m)
	}
}

// perform does to a fleet what an action does, and reports whether it can.
func (c *compiler) perform(m *moment, f *fleet) bool {
	a, name := m.action, m.action.service()
	at := location{"actions", m.index, a.kind()}
	m.instances = f.instances
	if a.Scale != nil {
		f.resize(a.Scale.To)
		return true
	}
	if f.instances == 0 {
		c.doc.report(at.to("service"), fmt.Sprintf("service %q has no instance at that moment", name), "raise replicas or scale it up before, or leave the action out")
		return false
	}
	if r := a.release(); r != nil {
		m.from = f.versions.now
		m.version = f.versions.next(r)
		f.replace(f.instances)
		return c.checkVersion(at.to("version"), r, m.from) && (a.RollingRelease == nil || c.checkRolling(at, *a.RollingRelease, f.instances))
	}
	if a.Interrupt != nil {
		return c.checkInterrupted(at, m, f)
	}
	if !c.checkPicked(at.to("instance"), a.pick(), f) || !c.checkLeft(at.to("service"), a, f) {
		return false
	}
	if a.Stop != nil {
		f.resize(f.instances - 1)
	} else {
		f.replace(1)
	}
	return true
}

// checkInterrupted checks that instances can be taken away, and that the notice
// leaves time for their termination sequence.
func (c *compiler) checkInterrupted(at location, m *moment, f *fleet) bool {
	s := c.doc.Scenario
	i := planInterrupt(m.action.Interrupt, cmp.Or(float64(s.Tempo), 1))
	grace := planDrain(c.services[i.Service].Drain, c.info.Services[i.Service].StopGrace).Grace
	replaced := *i.Replace
	where := at.to("notice")
	if c.doc.node(where) == nil {
		where = at
	}
	switch {
	case i.Notice <= grace:
		c.doc.report(where, fmt.Sprintf("the notice is %s%s, and the grace period of service %q is %s", i.Notice, atTempo(s.Tempo), i.Service, grace),
			"give a notice that is longer than the grace period, which tempo does not divide")
	case i.Count > f.instances:
		c.doc.report(at.to("count"), fmt.Sprintf("%d are interrupted, and service %q has %s at that moment", i.Count, i.Service, plural(f.instances, "instance")), "interrupt fewer, or raise replicas")
	case !replaced && !f.elastic && i.Count == f.instances && c.driven[i.Service]:
		c.doc.report(at.to("replace"), fmt.Sprintf("this takes all instances of service %q away, and traffic drives it", i.Service), "leave replace out, interrupt fewer, or give the service an autoscaler")
	default:
		if replaced {
			f.replace(i.Count)
		} else {
			f.resize(f.instances - i.Count)
		}
		return true
	}
	return false
}

// atTempo says that a length was divided.
func atTempo(tempo Factor) string {
	if tempo == 0 || tempo == 1 {
		return ""
	}
	return fmt.Sprintf(" at tempo %s", tempo)
}

// checkPicked checks that an instance that is named can be there.
func (c *compiler) checkPicked(at location, p *Pick, f *fleet) bool {
	number, named := strings.CutPrefix(p.Instance, p.Service+"-")
	if n, err := strconv.Atoi(number); f.elastic || !named || err != nil || n <= f.started {
		return true
	}
	c.doc.report(at, fmt.Sprintf("%s is not there at that moment: the last instance that was started is %s-%d", p.Instance, p.Service, f.started),
		"name one that is, or write oldest or newest")
	return false
}

// checkLeft checks that traffic finds an instance when one is taken away.
func (c *compiler) checkLeft(at location, a Action, f *fleet) bool {
	name := a.service()
	if f.instances > 1 || !c.driven[name] {
		return true
	}
	if a.Stop != nil {
		c.doc.report(at, fmt.Sprintf("this stops the last instance of service %q, and traffic drives it", name),
			fmt.Sprintf("raise its replicas; if you want to see it gone, write scale: {service: %s, to: 0}", name))
		return false
	}
	c.doc.report(at, fmt.Sprintf("service %q has one instance at that moment, and traffic drives it: nobody serves while it is restarted", name),
		fmt.Sprintf("raise its replicas; if you want to see it gone for a while, write replace_all: {service: %s}", name))
	return false
}

// checkVersion checks that a release brings another version.
func (c *compiler) checkVersion(at location, r *PlannedRelease, from string) bool {
	if r.Version != from {
		return true
	}
	c.doc.report(at, fmt.Sprintf("version %q is what runs already", from), "name another, or leave the key out")
	return false
}

// checkRolling checks that a rolling release can go on, and that it leaves
// somebody to serve.
func (c *compiler) checkRolling(at location, r RollingRelease, instances int) bool {
	surge, unavailable := r.limits()
	more, fewer := surge.Of(instances, true), unavailable.Of(instances, false)
	switch {
	case more == 0 && fewer == 0:
		where := at.to("max_surge")
		if c.doc.node(where) == nil {
			where = at.to("max_unavailable")
		}
		c.doc.report(where, fmt.Sprintf("max_surge %s and max_unavailable %s both come to 0 of %s: no instance could ever be replaced", surge, unavailable, plural(instances, "instance")),
			"set max_surge: 1")
	case fewer >= instances && c.driven[r.Service]:
		suggestion := "set max_unavailable: 0, max_surge: 1"
		if unavailable.Percent == 0 && fewer < mostInstances {
			suggestion = fmt.Sprintf("raise replicas to %d, or %s", fewer+1, suggestion)
		}
		c.doc.report(at.to("max_unavailable"), fmt.Sprintf("max_unavailable %s lets all of %s of service %q be missing at once, and traffic drives it", unavailable, plural(instances, "instance"), r.Service), suggestion)
	default:
		return true
	}
	return false
}

// plural is a number with what it counts.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// checkJobName checks that the name of a job, and that of its instance, is
// nobody else's.
func (c *compiler) checkJobName(at location, job string) {
	if c.third(job) {
		c.doc.report(at, fmt.Sprintf("%q is the name of a third party", job), "give the job a name of its own")
		return
	}
	for _, name := range keys(c.info.Services) {
		taken := ""
		switch {
		case job == "":
		case job == name:
			taken = "a service"
		case job == "gateway-"+name:
			taken = fmt.Sprintf("the gateway of service %q", name)
		case instanceOf(job, name):
			taken = fmt.Sprintf("an instance of service %q", name)
		case instanceOf(name, job):
			taken = fmt.Sprintf("service %q, as its instance is called", name)
		}
		if taken != "" {
			c.doc.report(at, fmt.Sprintf("%q is the name of %s", shorten(job), taken), "give the job a name of its own")
			return
		}
	}
}

// stops reports whether some action or an autoscaler takes instances of a service
// away. Where that cannot be told because of an earlier problem, it may.
func (c *compiler) stops(service string) bool {
	_, _, elastic := c.limits(service)
	return elastic || c.untimed || c.unsure[service] || slices.ContainsFunc(c.moments, func(m moment) bool {
		if m.action.service() != service || m.action.Job != nil {
			return false
		}
		return m.action.Scale == nil || m.action.Scale.To < m.instances
	})
}

// checkFloors checks that the capacity that checks want is there when a release
// begins.
func (c *compiler) checkFloors() {
	for i, check := range c.doc.Scenario.Checks {
		if check.Release == nil || check.Release.Floor == nil || c.unsure[check.Release.Service] {
			continue
		}
		for _, m := range c.moments {
			if m.action.release() != nil && m.action.service() == check.Release.Service && *check.Release.Floor > m.instances {
				c.doc.report(location{"checks", i, "release", "floor"}, fmt.Sprintf("a release begins with %s, fewer than the floor of %d", plural(m.instances, "instance"), *check.Release.Floor),
					"lower the floor, or raise replicas")
				break
			}
		}
	}
}
