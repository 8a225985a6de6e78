package scenarios

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// checkConflicts reports faults that cannot both be done while they overlap, at
// the one that begins later.
func (c *compiler) checkConflicts() {
	for k, b := range c.faults {
		for _, a := range c.faults[:k] {
			if b.start >= a.over() {
				continue
			}
			if why := c.conflict(a, b); why != "" {
				place, path := c.doc.find(a.at)
				line := ""
				if place.flag == "" {
					line = fmt.Sprintf(" in line %d", place.line)
				}
				c.doc.report(b.at, fmt.Sprintf("fault %q contradicts %q (%s%s, %s): %s", b.id, a.id, path, line, lasting(a), why),
					"let one end before the other begins, or give them different targets")
				break
			}
		}
	}
}

// lasting says when a fault is in force.
func lasting(t faulted) string {
	if t.end == t.start {
		return "at " + t.start.String()
	}
	return fmt.Sprintf("from %s to %s", t.start, t.end)
}

// conflict says why b, which begins while a lasts, cannot be done beside it.
func (c *compiler) conflict(a, b faulted) string {
	common := slices.DeleteFunc(slices.Clone(a.services), func(name string) bool { return !slices.Contains(b.services, name) })
	if len(common) > 0 && a.front == b.front && !apart(a, b) {
		if why := c.clash(a, b, common[0]); why != "" {
			return why
		}
	}
	if why := c.blocked(a, b); why != "" {
		return why
	}
	return c.blocked(b, a)
}

// apart tells that the instances of two faults are others, by their zones.
func apart(a, b faulted) bool {
	y, z := a.fault.Target.Zone, b.fault.Target.Zone
	return y != "" && z != "" && y != z
}

// clash says why two faults cannot be done to a service at one time.
func (c *compiler) clash(a, b faulted, service string) string {
	life := func(t faulted) bool { return groupOf(t.fault.Kind()) == lifeCycleKinds }
	switch {
	case life(a) || life(b):
		switch {
		case a.fault.takesAway() && !a.takesAll():
			return "" // b picks among those that are left
		case a.fault.takesAway():
			return fmt.Sprintf("no instance of service %s is left to it", service)
		}
		return fmt.Sprintf("both may be done to the same instance of service %s, and one of them changes whether it runs", service)
	case a.fault.Kind() == b.fault.Kind() && a.fault.sameScope(b.fault):
		return fmt.Sprintf("both do the same to service %s", service)
	}
	return ""
}

// takesAll tells that nothing that the target describes is left out.
func (t faulted) takesAll() bool {
	s := t.fault.Target
	all := s.Pick == PickAll || s.Pick == "" && t.fault.defaultPick() == PickAll || s.Percent != nil && *s.Percent == 100
	return all && s.Count == 0
}

// sameScope tells that two faults of one kind on one service have something in
// common that they are done to.
func (f Fault) sameScope(g Fault) bool {
	meet := func(a, b string) bool { return a == "" || b == "" || a == b }
	switch {
	case f.Egress != "" || g.Egress != "":
		return f.Egress != "" && g.Egress != "" && sameHost(f.Egress, g.Egress) && f.Match.meets(g.Match)
	case f.DNS != nil:
		return namesMeet(f.DNS.Names, g.DNS.Names)
	case f.TLSReset != nil:
		return namesMeet(f.TLSReset.Names, g.TLSReset.Names)
	case f.TLSExpired != nil:
		return namesMeet(f.TLSExpired.Names, g.TLSExpired.Names)
	case f.DiskFill != nil:
		return f.DiskFill.Volume == g.DiskFill.Volume
	case f.ConnectionLimit != nil:
		return f.ConnectionLimit.Port == 0 || g.ConnectionLimit.Port == 0 || f.ConnectionLimit.Port == g.ConnectionLimit.Port
	case f.Reset != nil && f.Reset.Port != 0 && g.Reset.Port != 0 && f.Reset.Port != g.Reset.Port:
		return false
	case groupOf(f.Kind()) == networkKinds:
		return meet(f.peer(), g.peer())
	}
	return f.Match.meets(g.Match)
}

// sameHost tells that what is sent to one is, or may be, sent to the other.
func sameHost(a, b string) bool {
	host, port, _ := ParseEgress(a)
	other, number, _ := ParseEgress(b)
	return strings.EqualFold(host, other) && (port == 0 || number == 0 || port == number)
}

// namesMeet tells that a name may be meant by both of two lists, which without
// names mean all.
func namesMeet(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool {
			return x == y || strings.HasSuffix(x, "."+y) || strings.HasSuffix(y, "."+x)
		})
	})
}

// meets tells that a request may be meant by both. Shares are drawn one by one, and
// so they may.
func (m *RequestMatch) meets(n *RequestMatch) bool {
	if m == nil || n == nil {
		return true
	}
	methods := m.Method == "" || n.Method == "" || m.Method == n.Method
	return methods && (strings.HasPrefix(m.Path, n.Path) || strings.HasPrefix(n.Path, m.Path))
}

// blocked says why y finds nothing that it could be done to while x lasts.
func (c *compiler) blocked(x, y faulted) string {
	f, kind := x.fault, y.fault.Kind()
	shared := !apart(x, y) && slices.ContainsFunc(x.services, func(name string) bool { return slices.Contains(y.services, name) })
	between := f.peer() != "" && slices.Contains(y.services, f.peer()) && slices.Contains(x.services, y.fault.peer())
	needs := groupOf(kind) == networkKinds && y.fault.DNS == nil || proxied(kind) || groupOf(kind) == dataKinds
	switch {
	case !needs:
	case f.Partition != nil && between:
		return fmt.Sprintf("%s needs packets that get through between %s and %s", kind, x.services[0], f.peer())
	case f.Partition != nil && shared && f.Partition.Peer == "":
		if !y.front || x.takesAll() {
			return fmt.Sprintf("%s needs packets that get through, and the partition drops them all", kind)
		}
	case f.Partition != nil && shared && groupOf(kind) == networkKinds && y.fault.peer() == f.Partition.Peer:
		return fmt.Sprintf("%s needs packets that get through to %s, and the partition drops them", kind, f.Partition.Peer)
	case f.Partition != nil && shared && y.fault.Egress != "" && sameHost(y.fault.Egress, f.Partition.Peer):
		return fmt.Sprintf("%s needs requests that get through to %s, and the partition drops them", kind, f.Partition.Peer)
	case f.Outage == nil || !shared || x.front != y.front:
	case f.Egress != "":
		if y.fault.Egress != "" && sameHost(f.Egress, y.fault.Egress) && f.Match.meets(y.fault.Match) {
			return fmt.Sprintf("%s needs requests that get through to %s, and the outage answers none", kind, f.Egress)
		}
	case !x.front || f.Match.meets(y.fault.Match):
		return fmt.Sprintf("%s needs what the outage does not let through", kind)
	}
	return ""
}

// capped tells that blast_radius is about a fault: it takes instances, or a part
// of what they have.
func (t faulted) capped() bool {
	return !t.front && slices.Contains([]int{lifeCycleKinds, networkKinds, resourceKinds}, groupOf(t.fault.Kind())) ||
		!t.front && t.fault.Outage != nil && t.fault.Egress == ""
}

// checkCaps checks how many instances of a service faults have in hand at one
// time.
func (c *compiler) checkCaps() {
	b := c.doc.Scenario.BlastRadius
	if b == nil || b.Percent == nil && b.Instances == nil {
		return
	}
	for k, t := range c.faults {
		for _, name := range t.services {
			own := t.taken(name)
			if !t.capped() || own == 0 {
				continue
			}
			taken, others := own, []string{}
			for _, other := range c.faults[:k] {
				if n := other.taken(name); n > 0 && other.capped() && t.start < other.over() {
					taken, others = taken+n, append(others, other.id)
				}
			}
			instances := c.replicas(name)
			taken = min(taken, instances)
			if most, words := b.most(instances); taken > most {
				together := ""
				if own <= most {
					together = " together with " + list(others)
				}
				c.doc.report(t.at.to("target"), fmt.Sprintf("fault %q%s takes %d of %s of service %q, and blast_radius allows %d (%s)", t.id, together, taken, plural(instances, "instance"), name, most, words),
					"pick fewer, raise replicas, or raise the cap")
			}
		}
	}
}

// taken is how many instances of a service a fault picks.
func (t faulted) taken(service string) int {
	n := 0
	for _, instance := range t.picked {
		if instanceOf(instance, service) {
			n++
		}
	}
	return n
}

// most is how many of a service's instances faults may have in hand, and why.
func (b BlastRadius) most(instances int) (most int, words string) {
	most = instances
	if b.Instances != nil && *b.Instances < most {
		most, words = *b.Instances, fmt.Sprintf("instances: %d", *b.Instances)
	}
	if b.Percent != nil {
		if n := int(math.Floor(float64(*b.Percent)*float64(instances)/100 + 1e-9)); n < most {
			most, words = n, fmt.Sprintf("percent: %s", *b.Percent)
		}
	}
	return most, words
}
