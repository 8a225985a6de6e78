package scenarios

import (
	"fmt"
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
		if check.Drain != nil {
			c.takePart(check.Drain.Service)
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
		s := c.services[f.name]
		scratch.decode(f.value, reflect.ValueOf(&s).Elem(), "", rules{})
		c.services[f.name] = s
	}
}

// checkServices checks the services that have a role against the compose
// project and against one another.
func (c *compiler) checkServices() {
	published := map[int]string{}
	for _, name := range keys(c.services) {
		at, s := location{"stack", "services", name}, c.services[name]
		info, ok := c.info.Services[name]
		if !ok {
			c.doc.reportKey(at, fmt.Sprintf("the compose project has no service %q", shorten(name)), didYouMean(name, keys(c.info.Services)))
			continue
		}
		c.checkPort(at, name, s, info)
		c.checkDrain(at, s, info)
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
		if _, taken := c.info.Services[name]; taken {
			c.doc.reportKey(location{"traffic", "targets", name}, fmt.Sprintf("the compose project has a service %q", name), "give the target another name")
		}
	}
}
