package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// checkThreshold checks what the thresholds of a check say.
func (d *Document) checkThreshold(at location, c ThresholdCheck, steps map[string][]string) {
	d.checkPhases(at.to("phases"), c.Phases)
	checkAbove(d, at.to("for"), c.For)
	preset, merged := PresetThresholds(c.Preset), c.merged()
	for _, name := range keys(c.Metrics) {
		here, own := at.to("metrics", name), c.Metrics[name]
		_, inPreset := preset[name]
		if own.Off {
			d.checkOff(here, name, inPreset)
			continue
		}
		d.checkThresholdSubject(here, name, own, steps)
		if d.reportedIn(here) {
			continue
		}
		t := merged[name]
		if t.Warning == nil && t.Critical == nil {
			d.report(here, "has neither warning nor critical", "give one of them, or both")
			continue
		}
		d.checkLevel(here.to("warning"), name, own.Query, own.Warning)
		d.checkLevel(here.to("critical"), name, own.Query, own.Critical)
		if !d.reportedIn(here) {
			d.checkOrder(here, t, own)
		}
	}
}

// checkOff checks that there is something to leave out.
func (d *Document) checkOff(at location, name string, inPreset bool) {
	if !inPreset {
		d.report(at.to("off"), fmt.Sprintf("has no effect: no preset has %q", shorten(name)), "leave the metric out")
		return
	}
	for _, key := range []string{"query", "journey", "step", "service", "warning", "critical", "below"} {
		d.reportUseless(at, key, "the metric is left out", "leave out either of the two")
	}
}

// checkThresholdSubject checks what a metric is of.
func (d *Document) checkThresholdSubject(at location, name string, t Threshold, steps map[string][]string) {
	requests := slices.Contains(requestThresholds, name) || slices.Contains(successThresholds, name)
	resources := slices.Contains(resourceThresholds, name)
	if t.Query != "" {
		for _, key := range []string{"journey", "step", "service"} {
			d.reportUseless(at, key, "the query says what the metric is", "leave it out, or leave query out")
		}
		return
	}
	if !requests {
		for _, key := range []string{"journey", "step"} {
			d.reportUseless(at, key, fmt.Sprintf("%q is not of requests", shorten(name)), "leave it out, or say under query what the metric is")
		}
	}
	if !resources {
		d.reportUseless(at, "service", fmt.Sprintf("%q is not of instances", shorten(name)), "leave it out, or say under query what the metric is")
	}
	d.checkUserStep(at, t.Journey, t.Step, steps)
	if t.Step != "" && t.Journey == "" && !d.given(at, "journey") {
		d.report(at.to("step"), "a step of which journey?", "add journey")
	}
	if knownThreshold(name) || d.given(at, "query") || d.reportedIn(at) {
		return
	}
	switch known := slices.Concat(requestThresholds, resourceThresholds, keys(saasDefault)); {
	case slices.Contains(successThresholds, name):
		if t.Journey == "" {
			d.report(at, fmt.Sprintf("nothing says which requests %s is about", name), "add journey, and step if it is one of them; or a query")
		}
	case saasDefault[name].Warning != nil:
		d.report(at, fmt.Sprintf("nothing says what %s is in this stack", name), "add query: an expression of PromQL")
	default:
		suggestion := "add query: an expression of PromQL"
		if near := nearest(name, known); near != "" {
			suggestion = fmt.Sprintf("did you mean %q? else %s", near, suggestion)
		}
		d.reportKey(at, fmt.Sprintf("the run knows no metric %q by itself", shorten(name)), suggestion)
	}
}

// checkOrder checks that the critical state is the worse one.
func (d *Document) checkOrder(at location, t, own Threshold) {
	if t.Warning == nil || t.Critical == nil {
		return
	}
	worse := *t.Warning > *t.Critical
	if *t.Below {
		worse = *t.Warning < *t.Critical
	}
	if !worse {
		return
	}
	where, preset := at.to("warning"), ""
	switch {
	case own.Warning == nil:
		where, preset = at.to("critical"), "; the warning is the preset's"
	case own.Critical == nil:
		preset = "; the critical value is the preset's"
	}
	hint := "exchange them"
	if preset != "" {
		hint = "give both"
	}
	if own.Below == nil && !*t.Below {
		hint += ", or set below: true if low values are the bad ones"
	}
	d.report(where, fmt.Sprintf("the warning at %s is worse than the critical value of %s%s", t.Warning, t.Critical, preset), hint)
}

// The metrics whose values are shares, and those whose values are times.
var (
	shares = []string{"availability", "error_rate", "cpu", "memory", "database_connections", "disk", "signup_success", "payment_success"}
	times  = []string{"p50", "p95", "p99", "queue_latency"}
)

// mostPlain is the longest time that somebody writes as a plain number of seconds.
const mostPlain = 60

// checkLevel checks that a value is of the kind that a metric has. In which unit a query
// of somebody's own has a share or a time, nobody knows.
func (d *Document) checkLevel(at location, metric, query string, level *Level) {
	n := d.node(at)
	if level == nil || n == nil || d.reportedIn(at) {
		return
	}
	text := strings.TrimSpace(n.text)
	_, plain := parseNumber(text)
	percent, time := strings.HasSuffix(text, "%"), slices.Contains(times, metric)
	share := query == "" && slices.Contains(shares, metric)
	switch {
	case share && plain != nil && !percent:
		d.report(at, fmt.Sprintf("%s is a share, and %s is a time", metric, shorten(text)), "write it like 90%")
	case share && (*level < 0 || *level > 1):
		d.report(at, fmt.Sprintf("%s is a share, and %s is more than all", metric, shorten(text)), fmt.Sprintf("write %s%% if that is what you mean", shorten(text)))
	case time && percent:
		d.report(at, fmt.Sprintf("%s is a time, and %s is a percentage", metric, shorten(text)), "write it like 500ms")
	case query == "" && time && plain == nil && *level > mostPlain:
		d.report(at, fmt.Sprintf("%s is a time, and %s are seconds", metric, shorten(text)), fmt.Sprintf("write %sms or %ss, whichever you mean", shorten(text), shorten(text)))
	case metric == "queue_depth" && plain != nil:
		d.report(at, fmt.Sprintf("queue_depth is a number of jobs, and %s is none", shorten(text)), "write it like 1000")
	}
}

// checkMeasurable checks that the stack has what the thresholds that are asked for are
// about.
func (c *compiler) checkMeasurable(at location, t ThresholdCheck) {
	for _, name := range keys(t.Metrics) {
		here, own := at.to("metrics", name), t.Metrics[name]
		if own.Off || own.Query != "" || !slices.Contains(resourceThresholds, name) || c.doc.reportedIn(here) {
			continue
		}
		if own.Service != "" && !c.checkKnown(here.to("service"), own.Service, nil) {
			continue
		}
		if !c.measurable(name, own) {
			key := map[string]string{CPUMetric: "cpus", MemoryMetric: "memory"}[name]
			of := "no service has a limit"
			if own.Service != "" {
				of = fmt.Sprintf("service %q has none", own.Service)
			}
			c.doc.report(here, fmt.Sprintf("%s is a share of the limit, and %s", name, of), fmt.Sprintf("add deploy.resources.limits.%s in the compose file", key))
		}
	}
}
