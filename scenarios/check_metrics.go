package scenarios

import (
	"cmp"
	"fmt"
	"slices"
)

// The names that every service's metrics have, without a source: those of its
// gateway, and those of what its instances use.
var (
	gatewayMetrics  = []string{RequestsPerInstance, InFlightPerInstance, P95Metric}
	resourceMetrics = []string{CPUMetric, MemoryMetric}
)

// ownMetric tells whether every service has a metric of that name.
func ownMetric(name string) bool {
	return slices.Contains(gatewayMetrics, name) || slices.Contains(resourceMetrics, name)
}

// checkMetrics checks where the metrics of a service are read.
func (c *compiler) checkMetrics(at location, name string, s Service) {
	for _, metric := range keys(s.Metrics) {
		at, source := at.to(metric), s.Metrics[metric]
		if ownMetric(metric) {
			c.doc.reportKey(at, fmt.Sprintf("every service has a metric %q", metric), "give this one another name")
		}
		c.doc.checkPositive(at.to("every"), source.Every, "the time between two readings")
		if source.Exposition != nil {
			c.checkExposition(at.to("exposition"), name, *source.Exposition)
		}
		if source.HTTP != nil {
			c.checkHTTPMetric(at.to("http"), *source.HTTP)
		}
		if source.PromQL != nil {
			targets := keys(c.doc.Scenario.Traffic.Targets)
			if from := source.PromQL.From; !slices.Contains(targets, from) && !c.third(from) {
				c.checkCall(at.to("promql", "from"), from, "asked for a metric", targets)
			}
		}
	}
}

func (c *compiler) checkExposition(at location, name string, e Exposition) {
	if e.Series != "" {
		if _, err := parseSeries(e.Series); err != nil {
			c.doc.reportForm(at.to("series"), err)
		}
	}
	of := cmp.Or(e.Service, name)
	if c.checkKnown(at.to("service"), of, nil) && c.pagePort(of, e.Port) == 0 {
		c.doc.report(at, fmt.Sprintf("service %q exposes no port that has the page", of), "name one under port")
	}
}

// pagePort is the port of a metrics page, 0 where there is none to take.
func (c *compiler) pagePort(service string, port int) int {
	port = cmp.Or(port, c.services[service].Port)
	if ports := c.info.Services[service].Ports; port == 0 && len(ports) > 0 {
		return ports[0]
	}
	return port
}

func (c *compiler) checkHTTPMetric(at location, m HTTPMetric) {
	c.doc.checkReading(at, m.Request, m.Headers)
	if m.Value != "" {
		c.doc.checkPath(at.to("value"), m.Value, c.doc.report)
	}
	if line, err := parseRequest(m.Request); err == nil && !c.third(line.Service) {
		c.checkCall(at.to("request"), line.Service, "asked for a metric", nil)
	}
}

// checkMetric checks the name of a metric of a service that something goes by,
// and reports whether there is one.
func (c *compiler) checkMetric(at location, service, metric string, own bool) bool {
	s := c.services[service]
	_, measured := s.Metrics[metric]
	switch {
	case metric == "":
		return false
	case measured, own && slices.Contains(resourceMetrics, metric):
		return true
	case own && slices.Contains(gatewayMetrics, metric):
		if !c.hasPort(service) {
			c.doc.report(at, fmt.Sprintf("%s is measured at the gateway, and service %q has no port, and so no gateway", metric, service), portHint(service, c.info.Services[service]))
		}
		return c.hasPort(service)
	}
	known := keys(s.Metrics)
	if own {
		known = slices.Concat(known, gatewayMetrics, resourceMetrics)
	}
	suggestion := fmt.Sprintf("say under stack.services.%s.metrics where it is read", service)
	if near := nearest(metric, known); near != "" {
		suggestion = fmt.Sprintf("did you mean %q?", near)
	}
	c.doc.report(at, fmt.Sprintf("service %q has no metric %q", service, shorten(metric)), suggestion)
	return false
}

// ofInstances tells whether a metric has nothing to be read from where a service
// has no instance.
func (c *compiler) ofInstances(service, metric string) bool {
	source, measured := c.services[service].Metrics[metric]
	if !measured {
		return ownMetric(metric)
	}
	switch {
	case source.Exposition != nil:
		return cmp.Or(source.Exposition.Service, service) == service
	case source.HTTP != nil:
		line, _ := parseRequest(source.HTTP.Request) // checked before
		return line.Service == service
	}
	return false
}
