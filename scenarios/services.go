package scenarios

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// merge lays what the scenario says of services over what the compose project
// says under x-shakedown, key by key.
func (c *compiler) merge() {
	c.services = map[string]Service{}
	for name, info := range c.info.Services {
		if info.Extension != nil {
			c.services[name] = *info.Extension
		}
	}
	c.mergeWritten()
	for _, a := range c.doc.Scenario.Actions {
		if a.Job == nil {
			c.takePart(a.service())
		}
	}
	for _, check := range c.doc.Scenario.Checks {
		switch {
		case check.Drain != nil:
			c.takePart(check.Drain.Service)
		case check.Cost != nil:
			c.takePart(check.Cost.Service)
		}
	}
	c.takeFaulted()
	c.takeObserved()
	for _, name := range keys(c.services) {
		for _, source := range c.services[name].Metrics {
			if source.Exposition != nil {
				c.takePart(source.Exposition.Service)
			}
		}
	}
}

// takeObserved gives a role to services whose metrics somebody wants to see.
func (c *compiler) takeObserved() {
	for name := range limitOrZero(c.doc.Scenario.Metrics).Scrape {
		c.takePart(name)
	}
	c.takePart(c.prometheus())
	for _, check := range c.doc.Scenario.Checks {
		switch {
		case check.Dashboard != nil:
			for _, name := range check.Dashboard.Services {
				c.takePart(name)
			}
		case check.Threshold != nil:
			for _, t := range check.Threshold.Metrics {
				c.takePart(t.Service)
			}
		}
	}
}

// takePart gives a service that is acted on or watched a role, if neither
// scenario nor compose file does.
func (c *compiler) takePart(name string) {
	_, exists := c.info.Services[name]
	if _, has := c.services[name]; exists && !has {
		c.services[name] = Service{}
	}
}

// mergeWritten lays what the scenario says over what is there.
func (c *compiler) mergeWritten() {
	written := c.doc.node(location{"stack", "services"})
	if written == nil || written.kind != mapKind {
		return
	}
	scratch := &decoder{src: c.doc.src} // its problems are known from Parse
	for _, f := range written.fields {
		s := giveWay(c.services[f.name], f.value)
		scratch.decode(f.value, reflect.ValueOf(&s).Elem(), "", rules{})
		c.services[f.name] = s
	}
}

// readAsMeant takes the settings of a service that the compose project does not have for
// those of the one whose name is nearest: the name is the mistake, which is reported,
// and not what would be missing without them.
func (c *compiler) readAsMeant() {
	written := c.doc.node(location{"stack", "services"})
	if written == nil || written.kind != mapKind {
		return
	}
	services, wrong := maps.Clone(c.doc.Scenario.Stack.Services), Problems{}
	renamed := *written
	renamed.fields = slices.Clone(written.fields)
	for i, f := range renamed.fields {
		if _, exists := c.info.Services[f.name]; exists || c.third(f.name) {
			continue
		}
		path := child("stack.services", f.name)
		wrong.add(c.doc.src, f.at, path, fmt.Sprintf("the compose project has no service %q", shorten(f.name)), didYouMean(f.name, keys(c.info.Services)))
		meant := nearest(f.name, keys(c.info.Services))
		if meant == "" || renamed.field(meant) != nil {
			continue
		}
		renamed.fields[i].name = meant
		services[meant] = services[f.name]
		delete(services, f.name)
		c.doc.problems.move(path, child("stack.services", meant))
	}
	c.doc.problems = append(c.doc.problems, wrong...)
	stack := c.doc.root.get("stack").with("services", &renamed)
	c.doc.root = c.doc.root.with("stack", stack)
	c.doc.Scenario.Stack.Services = services
}

// giveWay takes out of what x-shakedown says of a service what the scenario says
// in another way: another kind of autoscaler, another source of a metric.
func giveWay(s Service, written *node) Service {
	if autoscale := written.get("autoscale"); s.Autoscale != nil && autoscale != nil {
		kinds := names(autoscale.fields, func(f field) string { return f.name })
		if len(intersect(kinds, autoscaleKinds)) > 0 {
			s.Autoscale = s.Autoscale.WithoutKind(contains(kinds, "hpa"))
		}
	}
	metrics := written.get("metrics")
	if metrics != nil && len(s.Metrics) > 0 {
		s.Metrics = maps.Clone(s.Metrics)
		for _, f := range metrics.fields {
			delete(s.Metrics, f.name)
		}
	}
	return s
}

// checkServices checks the services that have a role against the compose
// project and against one another.
func (c *compiler) checkServices() {
	published := map[int]string{}
	for _, name := range keys(c.services) {
		at, s := location{"stack", "services", name}, c.services[name]
		info, ok := c.info.Services[name]
		if c.third(name) {
			c.doc.reportKey(at, fmt.Sprintf("%q is a third party of this scenario, and no service of the compose project", name), "take it out of stack.services, or out of stack.third_parties")
			continue
		}
		if !ok {
			continue // reported
		}
		c.checkPort(at, name, s, info)
		c.checkDrain(at, s, info)
		c.checkMetrics(at.to("metrics"), name, s)
		c.checkZones(at.to("zones"), s.Zones)
		if s.Ready != nil && s.Ready.Path == "" {
			c.doc.report(at.to("ready"), "the probe has no path", "write ready: /readyz, or the path that answers when the service is ready")
		}
		if s.Publish == 0 {
			continue
		}
		if other, taken := published[s.Publish]; taken {
			c.doc.report(at.to("publish"), fmt.Sprintf("port %d is published for service %q already", s.Publish, other), "give each service a port of its own, or leave publish out")
		}
		published[s.Publish] = name
	}
}

// checkPort checks what a service with a port needs: that the port is
// exposed, and that the names of its gateway and instances are free.
func (c *compiler) checkPort(at location, name string, s Service, info ServiceInfo) {
	if s.Port == 0 && c.doc.node(at.to("port")) != nil {
		return // a port that could not be read, reported already
	}
	if s.Port == 0 {
		for _, key := range []string{"ready", "initialized", "publish", "balance"} {
			if c.doc.node(at.to(key)) != nil {
				c.doc.reportKey(at.to(key), fmt.Sprintf("has no effect: service %q has no port", name), portHint(name, info))
			}
		}
		return
	}
	if !slices.Contains(info.Ports, s.Port) {
		message := fmt.Sprintf("service %q does not expose port %d in the compose project", name, s.Port)
		if c.doc.node(at.to("port")) == nil {
			message += "; its x-shakedown names it"
		}
		c.doc.report(at.to("port"), message, exposeHint(name, s.Port, info))
	}
	for _, other := range keys(c.info.Services) {
		if other == "gateway-"+name || instanceOf(other, name) {
			c.doc.reportKey(at, fmt.Sprintf("two services fight for the name %q: the compose project has one, and service %q takes it with its gateway gateway-%s and its instances %s-1, %s-2, ...", other, name, name, name, name),
				fmt.Sprintf("rename service %q in the compose file", other))
		}
	}
}

// checkZones checks that zones have names of their own.
func (c *compiler) checkZones(at location, zones []string) {
	for i, zone := range zones {
		switch {
		case c.doc.reported(at.to(i)):
		case zone == "":
			c.doc.report(at.to(i), "the zone has no name", "give each zone a name")
		case slices.Contains(zones[:i], zone):
			c.doc.report(at.to(i), fmt.Sprintf("zone %q is named twice", shorten(zone)), "name each zone once: instances take turns")
		}
	}
}

// instanceOf reports whether a service has the name of an instance of another.
func instanceOf(name, service string) bool {
	number, ok := strings.CutPrefix(name, service+"-")
	n, err := strconv.Atoi(number)
	return ok && err == nil && n > 0 && strconv.Itoa(n) == number
}

// portHint says how a service gets a port.
func portHint(name string, info ServiceInfo) string {
	port := "the container port that serves HTTP"
	if len(info.Ports) > 0 {
		port = listPorts(info.Ports)
	}
	return fmt.Sprintf("add port under stack.services.%s (%s)", name, port)
}

func exposeHint(name string, port int, info ServiceInfo) string {
	if len(info.Ports) == 0 {
		return fmt.Sprintf("add expose: [\"%d\"] to service %s in the compose file", port, name)
	}
	return fmt.Sprintf("it exposes %s", listPorts(info.Ports))
}

func listPorts(ports []int) string {
	ports = slices.Sorted(slices.Values(ports))
	return enumerate(names(ports, strconv.Itoa))
}

// checkDrain checks that a grace period leaves time after pre_stop.
func (c *compiler) checkDrain(at location, s Service, info ServiceInfo) {
	drain := planDrain(s.Drain, info.StopGrace)
	if drain.PreStop == 0 || drain.Grace > drain.PreStop {
		return
	}
	origin := ""
	if s.Drain.Grace == 0 {
		origin = " (the default)"
		if info.StopGrace > 0 {
			origin = " (stop_grace_period of the compose file)"
		}
	}
	where := at.to("drain", "grace")
	if c.doc.node(where) == nil {
		where = at.to("drain", "pre_stop")
	}
	c.doc.report(where, fmt.Sprintf("grace %s%s ends before SIGTERM, which pre_stop delays by %s", drain.Grace, origin, drain.PreStop),
		fmt.Sprintf("grace includes pre_stop; give it more than %s", drain.PreStop))
}

// checkTargets checks that the names of targets are free.
func (c *compiler) checkTargets() {
	for _, name := range keys(c.doc.Scenario.Traffic.Targets) {
		at := location{"traffic", "targets", name}
		if _, taken := c.info.Services[name]; taken {
			c.doc.reportKey(at, fmt.Sprintf("the compose project has a service %q", name), "give the target another name")
		}
		if c.third(name) {
			c.doc.reportKey(at, fmt.Sprintf("there is a third party %q", name), "give the target another name")
		}
	}
}
