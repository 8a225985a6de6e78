package scenarios

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// What is scraped no more often, and no less often.
const (
	leastScrape = Duration(100 * time.Millisecond)
	mostScrape  = Duration(time.Minute)
)

// checkMetricsSection checks what of the metrics can be seen without the stack.
func (d *Document) checkMetricsSection() {
	m, at := d.Scenario.Metrics, location{"metrics"}
	if m == nil {
		return
	}
	if d.given(at, "every") && !d.reportedIn(at.to("every")) && (m.Every < leastScrape || m.Every > mostScrape) {
		d.report(at.to("every"), fmt.Sprintf("%s is out of range", m.Every), fmt.Sprintf("give a time from %s to %s", leastScrape, mostScrape))
	}
	for i, file := range m.Rules {
		if slices.Contains(m.Rules[:i], file) {
			d.report(at.to("rules", i), fmt.Sprintf("file %q is named twice", shorten(file)), "name each file once: its rules would be evaluated twice")
		}
	}
	if len(m.Rules) == 0 {
		d.reportUseless(at, "rule_tempo", "there are no rules", "name rule files under rules, or leave it out")
	}
	for _, service := range keys(m.Scrape) {
		if here := at.to("scrape", service); m.Scrape[service].Off {
			d.reportUseless(here, "port", "the service is left out", "leave out either of the two")
			d.reportUseless(here, "path", "the service is left out", "leave out either of the two")
		}
	}
	d.checkElsewhere(at, *m)
	d.checkListen(at.to("listen"), m.Listen)
	d.checkOTLP(at.to("otlp"), m.OTLP)
}

// checkElsewhere checks what goes with a Prometheus that exists already.
func (d *Document) checkElsewhere(at location, m Metrics) {
	if m.Prometheus == nil {
		return
	}
	if d.given(at, "rules") {
		d.reportKey(at.to("rules"), "rules cannot be evaluated by a Prometheus that is only asked", "let that one load them, or leave prometheus out")
	}
	for _, key := range []string{"scrape", "max_series"} {
		d.reportUseless(at, key, "nothing is scraped where a Prometheus is asked", "leave it out, or leave prometheus out")
	}
}

// checkListen checks an address that the run's own metrics are served at.
func (d *Document) checkListen(at location, address string) {
	if address == "" {
		return
	}
	const form = "write it like 127.0.0.1:9464"
	host, port, err := net.SplitHostPort(address)
	number, bad := strconv.Atoi(port)
	switch {
	case err != nil:
		d.report(at, fmt.Sprintf("%q is not an address with a port", shorten(address)), form)
	case !loopback(host):
		d.report(at, fmt.Sprintf("%q is not on this machine alone", shorten(address)), form+": metrics are served on loopback")
	case bad != nil || number < 1 || number > 65535:
		d.report(at, fmt.Sprintf("%q has no port from 1 to 65535", shorten(address)), form)
	}
}

// checkOTLP checks the address of a collector.
func (d *Document) checkOTLP(at location, address string) {
	if address == "" {
		return
	}
	const form = "write scheme, host and port, as in http://127.0.0.1:4318"
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.report(at, fmt.Sprintf("%q is not an address of HTTP", shorten(address)), form)
	case u.User != nil:
		d.report(at, "the address has a user in it", form)
	case !loopback(u.Hostname()):
		d.report(at, fmt.Sprintf("%q is not on this machine", shorten(u.Hostname())), "collectors are on loopback: "+form)
	case u.Port() == "":
		d.report(at, fmt.Sprintf("%q has no port", shorten(address)), form)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		d.report(at, fmt.Sprintf("%q goes on after the port", shorten(address)), fmt.Sprintf("write %s://%s: the paths of OTLP are added", u.Scheme, u.Host))
	}
}

// prometheus is the service or target that is a Prometheus, "" for none.
func (c *compiler) prometheus() string {
	if m := c.doc.Scenario.Metrics; m != nil && m.Prometheus != nil {
		return m.Prometheus.From
	}
	return ""
}

// checkObserved checks against the stack what is measured, and what checks want of it.
func (c *compiler) checkObserved() {
	at := location{"metrics"}
	if m := c.doc.Scenario.Metrics; m != nil {
		for _, service := range keys(m.Scrape) {
			c.checkPage(at.to("scrape", service), service, m.Scrape[service])
		}
		for i, file := range m.Rules {
			if file != "" {
				c.regular(at.to("rules", i), file)
			}
		}
		targets := keys(c.doc.Scenario.Traffic.Targets)
		if from := c.prometheus(); from != "" && !slices.Contains(targets, from) {
			c.checkCall(at.to("prometheus", "from"), from, "asked for metrics", targets)
		}
	}
	c.readSLOs()
	alerts := c.alertNames()
	for i, check := range c.doc.Scenario.Checks {
		at := location{"checks", i}
		c.checkAlertNames(at, check, alerts)
		switch {
		case check.Alert != nil && check.Alert.Independent != "":
			c.checkKnown(at.to("alert", "independent"), check.Alert.Independent, nil)
		case check.Threshold != nil:
			c.checkMeasurable(at.to("threshold"), *check.Threshold)
		case check.ErrorBudget != nil:
			c.checkBudgetOf(at.to("error_budget"), *check.ErrorBudget)
		case check.Dashboard != nil:
			c.checkShown(at.to("dashboard"), *check.Dashboard)
		}
	}
	for i, s := range c.doc.Scenario.Stop {
		if at := (location{"stop", i}); s.Service != "" && s.Journey == "" && c.checkKnown(at.to("service"), s.Service, nil) {
			c.checkMetric(at.to("metric"), s.Service, s.Metric, false)
		}
	}
}

// checkPage checks that a service has the page that is to be scraped.
func (c *compiler) checkPage(at location, service string, page ScrapePage) {
	switch {
	case c.third(service):
		c.doc.reportKey(at, fmt.Sprintf("%q is a third party of this scenario, which has no metrics page", service), "leave it out")
	case !slices.Contains(keys(c.info.Services), service):
		c.doc.reportKey(at, fmt.Sprintf("the compose project has no service %q", shorten(service)), didYouMean(service, keys(c.info.Services)))
	case !page.Off && c.pagePort(service, page.Port) == 0 && !c.doc.reportedIn(at.to("port")):
		c.doc.report(at, fmt.Sprintf("service %q exposes no port that has the page", service), "name one under port")
	}
}

// checkShown checks that services show something of themselves.
func (c *compiler) checkShown(at location, d DashboardCheck) {
	scrape := limitOrZero(c.doc.Scenario.Metrics).Scrape
	for i, service := range d.Services {
		here := at.to("services", i)
		if service == "" || !c.checkKnown(here, service, nil) {
			continue
		}
		page, named := scrape[service]
		switch {
		case page.Off:
			c.doc.report(here, fmt.Sprintf("service %q is left out of what is scraped", service), fmt.Sprintf("take off: true out of metrics.scrape.%s, or leave the service out here", service))
		case !named && !c.hasPort(service) && c.prometheus() == "":
			c.doc.report(here, fmt.Sprintf("service %q has no port, and nobody says where its metrics page is", service), fmt.Sprintf("add metrics.scrape.%s: {port: ...}", service))
		}
	}
}

// checkBudgetOf checks that an error budget is that of an SLO.
func (c *compiler) checkBudgetOf(at location, b ErrorBudgetCheck) {
	known := c.sloNames()
	switch {
	case b.SLO == "":
	case len(known) == 0 && !c.doc.reportedIn(location{"slos"}) && len(c.doc.Scenario.SLOs) == 0:
		c.doc.report(at.to("slo"), fmt.Sprintf("slo %q is never defined: the scenario has no slos", shorten(b.SLO)), "add it under slos: {name: ..., journey: ..., objective: 99.9%}")
	case c.unreadSLOs():
	default:
		c.doc.checkName(at.to("slo"), "slo", b.SLO, known)
	}
}

// unreadSLOs tells that there is a file of SLOs that could not be read, so that nobody
// knows their names.
func (c *compiler) unreadSLOs() bool {
	for i, s := range c.doc.Scenario.SLOs {
		if s.fileKey() != "" && len(c.filed[i]) == 0 {
			return true
		}
	}
	return false
}
