package scenarios

import (
	"fmt"
	"slices"
)

// aim finds the services that a fault is done to, and checks that it can be;
// it reports whether they are known.
func (c *compiler) aim(t *faulted) bool {
	at, s := t.at.to("target"), t.fault.Target
	switch {
	case s.Service != "":
		if !c.third(s.Service) && !c.checkKnown(at.to("service"), s.Service, keys(c.doc.Scenario.Stack.ThirdParties)) {
			return false
		}
		t.services = []string{s.Service}
	case s.Label != "":
		if t.services = c.labelled(s.Label); len(t.services) == 0 {
			c.doc.report(at.to("label"), fmt.Sprintf("no service of the compose project has the label %q", shorten(s.Label)), c.labelHint(s.Label))
			return false
		}
	case s.Zone != "":
		if t.services = c.zoned(s.Zone); len(t.services) == 0 {
			c.doc.report(at.to("zone"), fmt.Sprintf("no service has a zone %q", shorten(s.Zone)), c.zoneHint(s.Zone, keys(c.services)))
			return false
		}
	default:
		return false // reported
	}
	if s.Service != "" && c.third(s.Service) {
		return c.aimAtThirdParty(t)
	}
	c.checkZone(at.to("zone"), *t)
	c.checkEgressOf(*t)
	c.checkPeer(*t)
	c.checkResources(*t)
	c.checkData(*t)
	return c.checkFront(t)
}

// labelHint is what labels there are.
func (c *compiler) labelHint(wrong string) string {
	labels := map[string]bool{}
	for _, info := range c.info.Services {
		for key, value := range info.Labels {
			labels[key+"="+value] = true
		}
	}
	if len(labels) == 0 {
		return "no service has any: add labels in the compose file"
	}
	return didYouMean(wrong, keys(labels))
}

// zoneHint is what zones some services have.
func (c *compiler) zoneHint(wrong string, services []string) string {
	zones := map[string]bool{}
	for _, name := range services {
		for _, zone := range c.services[name].Zones {
			zones[zone] = true
		}
	}
	if len(zones) == 0 {
		where := "stack.services"
		if len(services) == 1 {
			where += "." + services[0]
		}
		return "there are none: add zones: [a, b] under " + where
	}
	return didYouMean(wrong, keys(zones))
}

// checkZone checks that a service that is named has the zone.
func (c *compiler) checkZone(at location, t faulted) {
	zone := t.fault.Target.Zone
	if zone == "" {
		return
	}
	for _, name := range t.services {
		if !slices.Contains(c.services[name].Zones, zone) && t.fault.Target.Service == name {
			c.doc.report(at, fmt.Sprintf("service %q has no zone %q", name, shorten(zone)), c.zoneHint(zone, []string{name}))
		}
	}
}

// aimAtThirdParty checks what can be done to a third party: it has no instances.
func (c *compiler) aimAtThirdParty(t *faulted) bool {
	at, name, kind := t.at, t.fault.Target.Service, t.fault.Kind()
	switch {
	case !proxied(kind):
		c.doc.report(at.to("target", "service"), fmt.Sprintf("%q is a third party: it has no instance that %s could be done to", name, kind),
			"take a fault of HTTP or of third parties: outage, brownout, flapping, http_latency, http_errors, ...")
		return false
	case t.fault.Egress != "":
		c.doc.reportKey(at.to("egress"), fmt.Sprintf("%q is a third party, which sends nothing", name), "leave it out, or name the service that calls it as target")
		return false
	case groupOf(kind) == tlsKinds && !c.doc.Scenario.Stack.ThirdParties[name].TLS && !c.doc.given(location{"stack", "third_parties", name}, "tls"):
		c.doc.report(at.to("target", "service"), fmt.Sprintf("third party %q does not speak TLS", name), fmt.Sprintf("add tls: true under stack.third_parties.%s", name))
		return false
	}
	t.front = true
	if t.fault.Outage != nil {
		c.doc.checkWhole(at.to("target"), kind)
	}
	return true
}

// checkFront finds out whether a fault is done in front of its services, and
// checks that they can be told apart as it needs.
func (c *compiler) checkFront(t *faulted) bool {
	kind := t.fault.Kind()
	if !proxied(kind) || t.fault.Egress != "" || c.doc.given(t.at, "egress") {
		return true
	}
	where := t.at.to("target")
	if t.fault.Target.Service != "" {
		where = where.to("service")
	}
	if groupOf(kind) == tlsKinds {
		c.doc.report(where, fmt.Sprintf("%s is done to a third party with tls, or to what a service sends, and %q is a service of the stack", kind, t.services[0]),
			"name a third party, or add egress: host:port")
		return false
	}
	var with, without []string
	for _, name := range t.services {
		if c.hasPort(name) {
			with = append(with, name)
		} else {
			without = append(without, name)
		}
	}
	switch {
	case len(without) == 0:
		t.front = true
		if t.fault.Outage != nil {
			c.doc.checkWhole(t.at.to("target"), kind)
		}
	case t.fault.Outage == nil:
		c.doc.report(where, fmt.Sprintf("%s is about HTTP, and service %q has no port", kind, without[0]), portHint(without[0], c.info.Services[without[0]]))
		return false
	case len(with) > 0:
		c.doc.report(where, fmt.Sprintf("service %q has a port, and service %q has none: an outage of the one is not done as one of the other", with[0], without[0]), "write a fault for each")
		return false
	default:
		return c.checkBareOutage(*t)
	}
	return true
}

// checkBareOutage checks an outage of a service that does not speak HTTP, as far
// as anybody knows.
func (c *compiler) checkBareOutage(t faulted) bool {
	name := t.services[0]
	switch {
	case t.fault.Outage.As == OutageStatus:
		c.doc.report(t.at.to("outage", "as"), fmt.Sprintf("service %q has no port, and so nobody who answers with a status", name), "write refuse, reset or hang, or "+portHint(name, c.info.Services[name]))
	case t.fault.Match != nil:
		c.doc.reportKey(t.at.to("match"), fmt.Sprintf("service %q has no port, and so no requests to tell apart", name), "leave it out, or "+portHint(name, c.info.Services[name]))
	case t.fault.ExistingConnections == DrainExisting:
		c.doc.report(t.at.to("existing_connections"), fmt.Sprintf("drain waits for the end of requests, and service %q has no port, and so none", name), "write reset or new-only")
	default:
		return true
	}
	return false
}

// checkEgressOf checks that what instances send can be taken apart.
func (c *compiler) checkEgressOf(t faulted) {
	host, _, err := ParseEgress(t.fault.Egress)
	if t.fault.Egress == "" || err != nil {
		return
	}
	for _, name := range t.services {
		if host == name {
			c.doc.report(t.at.to("egress"), fmt.Sprintf("service %q is the target itself", name), "leave egress out: then the fault is done to what others send to it")
		}
		if t.fault.TLSExpired != nil && !c.services[name].TrustCA {
			c.doc.report(t.at.to("tls_expired"), fmt.Sprintf("service %q does not trust the run's authority: it would refuse any certificate of it, expired or not", name),
				fmt.Sprintf("add trust_ca: true under stack.services.%s", name))
		}
	}
}

// peer is the service that a fault of the network is narrowed to.
func (f Fault) peer() string {
	switch {
	case f.Delay != nil:
		return f.Delay.Peer
	case f.Loss != nil:
		return f.Loss.Peer
	case f.Bandwidth != nil:
		return f.Bandwidth.Peer
	case f.Partition != nil:
		return f.Partition.Peer
	case f.Reset != nil:
		return f.Reset.Peer
	}
	return ""
}

// checkPeer checks that the peer of a fault of the network is there.
func (c *compiler) checkPeer(t faulted) {
	peer, at := t.fault.peer(), t.at.to(t.fault.Kind(), "peer")
	switch {
	case peer == "":
	case slices.Contains(t.services, peer) && len(t.services) == 1:
		c.doc.report(at, fmt.Sprintf("service %q is the target itself", peer), "name another service, or leave it out")
	case !c.third(peer):
		c.checkKnown(at, peer, keys(c.doc.Scenario.Stack.ThirdParties))
	}
}

// checkResources checks that there are limits that a fault of resources can be
// measured with: without one it would use what the machine has.
func (c *compiler) checkResources(t faulted) {
	f, at := t.fault, t.at.to(t.fault.Kind())
	for _, name := range t.services {
		info := c.info.Services[name]
		switch {
		case f.MemoryPressure != nil && info.Limits.Memory == 0:
			c.doc.report(at, fmt.Sprintf("service %q has no limit of memory: what is used up would be the machine's", name), fmt.Sprintf("add deploy.resources.limits.memory to service %s in the compose file", name))
		case f.CPUThrottle != nil && info.Limits.CPUs != 0 && f.CPUThrottle.CPUs >= info.Limits.CPUs:
			c.doc.report(at.to("cpus"), fmt.Sprintf("%s is no less than the limit of service %q, which is %s", f.CPUThrottle.CPUs, name, info.Limits.CPUs), "give a lower limit")
		case f.DiskFill != nil && f.DiskFill.Volume != "" && !slices.Contains(info.Volumes, f.DiskFill.Volume):
			suggestion := didYouMean(f.DiskFill.Volume, info.Volumes)
			if len(info.Volumes) == 0 {
				suggestion = "it has no named volume; a tmpfs with a size, as a volume of the compose file, is one that can be filled"
			}
			c.doc.report(at.to("volume"), fmt.Sprintf("service %q mounts no volume %q", name, shorten(f.DiskFill.Volume)), suggestion)
		}
	}
}

// checkData checks that a cache or a database can be reached.
func (c *compiler) checkData(t faulted) {
	f, at := t.fault, t.at.to(t.fault.Kind())
	switch {
	case f.CacheFlush != nil:
		for _, name := range t.services {
			if f.CacheFlush.Request != "" && !c.hasPort(name) {
				c.doc.report(at.to("request"), fmt.Sprintf("service %q has no port that a request could be sent to", name), portHint(name, c.info.Services[name]))
			} else if f.CacheFlush.Request == "" && f.CacheFlush.Port == 0 && len(c.info.Services[name].Ports) == 0 {
				c.doc.report(at, fmt.Sprintf("service %q exposes no port that a cache could be at", name), "name one under port")
			}
		}
	case f.PoolExhaustion != nil:
		c.checkKnown(at.to("access", "service"), f.PoolExhaustion.Access.Service, nil)
	case f.SlowQueries != nil:
		c.checkKnown(at.to("access", "service"), f.SlowQueries.Access.Service, nil)
	default:
		return
	}
	if len(t.services) > 1 && f.CacheFlush == nil {
		c.doc.report(t.at.to("target"), fmt.Sprintf("the connections of one database are used up, and the target are %s", plural(len(t.services), "service")), "name the database under target.service")
	}
}

// checkProtected checks that nothing is done to services that are protected.
func (c *compiler) checkProtected() {
	b := c.doc.Scenario.BlastRadius
	if b == nil {
		return
	}
	parties := keys(c.doc.Scenario.Stack.ThirdParties)
	for i, name := range b.Protect {
		if !c.third(name) {
			c.checkKnown(location{"blast_radius", "protect", i}, name, parties)
		}
	}
	for _, t := range c.faults {
		for _, name := range t.services {
			if slices.Contains(b.Protect, name) {
				c.doc.report(t.at.to("target"), fmt.Sprintf("service %q is protected by blast_radius", name), "choose another target, or take it out of blast_radius.protect")
			}
		}
	}
}
