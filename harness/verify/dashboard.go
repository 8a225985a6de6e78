package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// dashboard judges whether each service shows the four golden signals in what it
// exports itself: G1 its rate, G2 its errors, G3 its duration, G4 its saturation.
func (h *history) dashboard(c scenarios.DashboardCheck) []Finding {
	services := c.Services
	if len(services) == 0 {
		services = h.shownServices()
	}
	if len(services) == 0 {
		return []Finding{unknown(Finding{ID: "dashboard", Kind: "dashboard"}, "no service of the plan has a metrics page")}
	}
	pages := h.pages()
	var findings []Finding
	for _, service := range services {
		for _, s := range goldenSignals {
			findings = append(findings, h.whole(h.shows(service, s, pages[service], c.Signals[s.name])))
		}
	}
	return findings
}

// shownServices are those with a port, but for those whose page is left out.
func (h *history) shownServices() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(h.plan.Services)) {
		if h.plan.Services[name].Port > 0 && h.hasPage(name) {
			list = append(list, name)
		}
	}
	return list
}

// hasPage tells whether the metrics page of a service was to be read. Where an existing
// Prometheus is asked the plan does not tell.
func (h *history) hasPage(service string) bool {
	if h.plan.Metrics == nil || h.plan.Metrics.From != "" {
		return true
	}
	_, has := h.plan.Metrics.Pages[service]
	return has
}

// page is what instances of a service exported.
type page struct {
	metrics []exported
	error   string // why it could not be read, the last time
	seen    bool   // it could be read at some time
}

// pages are those of all services by name.
func (h *history) pages() map[string]page {
	pages := map[string]page{}
	for _, e := range h.rec.Events {
		switch b := e.Body.(type) {
		case journal.Exported:
			p := pages[b.Service]
			p.metrics = addExported(p.metrics, b)
			pages[b.Service] = p
		case journal.ScrapeChanged:
			p := pages[b.Service]
			if b.Up {
				p.seen = true
			} else {
				p.error = b.Error
			}
			pages[b.Service] = p
		}
	}
	return pages
}

// shows judges one signal of a service.
func (h *history) shows(service string, s signal, p page, named []string) Finding {
	f := Finding{ID: "dashboard/" + service + "/" + s.rule, Kind: "dashboard", Service: service, Verdict: Pass, Wanted: s.wanted}
	if len(named) > 0 {
		f.Wanted = strings.Join(named, " or ") + ", or else " + s.wanted
	}
	switch {
	case len(p.metrics) > 0:
	case !h.hasPage(service):
		return unknown(f, "the metrics page of "+service+" is left out, or it has no port; name one (metrics.scrape)")
	case p.error != "":
		return unknown(f, "the metrics of "+service+" could not be read: "+firstLine(p.error))
	case p.seen:
		return unknown(f, "the metrics page of "+service+" holds no metric of its own")
	default:
		return unknown(f, "no metrics of "+service+" were read")
	}
	found := slices.DeleteFunc(slices.Clone(p.metrics), func(m exported) bool { return !m.named(named) })
	if len(found) == 0 {
		found = s.find(p.metrics)
	}
	if len(found) == 0 {
		f.Verdict, f.Measured = Fail, "none of "+plural(len(p.metrics), "metric")
		f.Reason = fmt.Sprintf("nothing that %s exports shows its %s: looked for %s; %s", service, s.name, s.wanted, s.suggestion(p.metrics))
		f.Evidence = append(f.Evidence, Evidence{Text: "it exports " + namesOf(p.metrics), Count: len(p.metrics)})
		return f
	}
	f.Measured = found[0].String()
	if more := len(found) - 1; more > 0 {
		f.Measured += fmt.Sprintf(" and %s more", count(more))
	}
	for _, m := range found[:min(len(found), maxNamed)] {
		f.Evidence = append(f.Evidence, Evidence{Text: m.String() + ", " + count(m.series) + " series", Count: m.series})
	}
	return f
}

// namesOf lists what is exported, as far as it is of the service's own making.
func namesOf(metrics []exported) string {
	var names []string
	for _, m := range metrics {
		if !m.runtime() {
			names = append(names, m.name)
		}
	}
	if len(names) == 0 {
		return "nothing but what its runtime does by itself"
	}
	if more := len(names) - maxNamed; more > 0 {
		return strings.Join(names[:maxNamed], ", ") + " and " + count(more) + " more"
	}
	return strings.Join(names, ", ")
}
