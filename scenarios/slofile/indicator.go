package slofile

import (
	"fmt"
	"regexp"
	"strings"
)

// An indicator is what an SLI of OpenSLO measures.
type indicator struct {
	good, bad, total string
	means            Meaning
	threshold        bool // it is a thresholdMetric, which was refused
}

// indicatorOf is the indicator of an SLO: its own, or one that it refers to.
func (o *openSLO) indicatorOf(spec *fields) *indicator {
	ref := spec.text("indicatorRef")
	own, given := spec.get("indicator")
	switch {
	case given && ref != "":
		spec.r.report(spec.at.to("indicatorRef"), "indicator and indicatorRef exclude one another", "keep one of the two")
	case given:
		_, inner := spec.r.begin(own, spec.at.to("indicator"), true)
		if inner != nil {
			return inner.indicator()
		}
	case ref == "" && spec.values["indicatorRef"] == nil:
		spec.missing("indicatorRef", "the name of an SLI of this file; or indicator")
	case ref != "" && o.indicators[ref] == nil:
		spec.r.report(spec.at.to("indicatorRef"), fmt.Sprintf("this file has no SLI %q", shorten(ref)), "write it into the same file, after a line ---")
	}
	return o.indicators[ref]
}

// indicator reads the spec of an SLI. It is never nil.
func (f *fields) indicator() *indicator {
	defer f.end()
	f.pass("description")
	if _, given := f.get("thresholdMetric"); given {
		f.r.report(f.at.to("thresholdMetric"), "a thresholdMetric is one value a time: of the events behind it nothing is known, and so no budget can be counted",
			"write a ratioMetric of events within the threshold and of all events; of a histogram: the bucket of the threshold and the count")
		f.pass("ratioMetric")
		return &indicator{threshold: true}
	}
	ratio := f.object("ratioMetric")
	if ratio == nil {
		f.missing("ratioMetric", "{counter: true, good: ..., total: ...}")
		return &indicator{}
	}
	return ratio.ratio()
}

// ratio reads a ratio metric.
func (f *fields) ratio() *indicator {
	defer f.end()
	counter, said := f.flag("counter")
	good, isGood := f.source("good")
	bad, isBad := f.source("bad")
	total, isTotal := f.source("total")
	raw, isRaw := f.source("raw")
	rawType := f.text("rawType")
	switch {
	case isRaw && (isGood || isBad || isTotal):
		f.r.report(f.at.to("raw"), "raw is the ratio itself, and excludes good, bad and total", "keep raw alone, or leave it out")
	case isRaw:
		return f.raw(raw, rawType)
	case rawType != "":
		f.r.report(f.at.to("rawType"), "has no effect without raw", "leave it out")
	case isGood && isBad:
		f.r.report(f.at.to("bad"), "good and bad exclude one another", "keep one of the two")
	case !isGood && !isBad:
		f.missing("good", "the events that are good; or bad")
	case !isTotal:
		f.missing("total", "all events")
	}
	i := &indicator{good: good, bad: bad, total: total, means: Gauges}
	switch {
	case windowed(good + bad + total):
		i.means = Windows
	case counter || !said:
		i.means = Counters
		f.growing(map[string]string{"good": good, "bad": bad, "total": total})
	}
	return i
}

// raw is a ratio that somebody else has made.
func (f *fields) raw(query, kind string) *indicator {
	switch kind {
	case "success":
		return &indicator{good: query, means: Share}
	case "failure":
	case "":
		f.missing("rawType", "success, for good by total; or failure, for bad by total")
	default:
		f.r.report(f.at.to("rawType"), fmt.Sprintf("%q is neither success nor failure", shorten(kind)), "success is good by total, failure bad by total")
	}
	return &indicator{bad: query, means: Share}
}

// rates are functions whose values do not grow.
var rates = regexp.MustCompile(`\b(rate|irate|increase|delta|idelta|deriv|avg_over_time)\s*\(`)

// growing refuses rates where counters are asked for.
func (f *fields) growing(queries map[string]string) {
	for _, name := range []string{"good", "bad", "total"} {
		if function := rates.FindStringSubmatch(queries[name]); function != nil {
			f.r.report(f.at.to(name, "metricSource", "spec", "query"), fmt.Sprintf("%s is no counter, which grows: events could not be counted", function[1]),
				"write the counter alone, as sum(http_requests_total), or set counter: false")
		}
	}
}

// source is the query of a metric; given tells that the field is there.
func (f *fields) source(name string) (query string, given bool) {
	metric := f.object(name)
	if metric == nil {
		return "", false
	}
	defer metric.end()
	source := metric.object("metricSource")
	if source == nil {
		metric.missing("metricSource", "{type: Prometheus, spec: {query: ...}}")
		return "", true
	}
	defer source.end()
	source.pass("metricSourceRef")
	kind := source.text("type")
	if kind != "" && !strings.EqualFold(kind, "prometheus") {
		source.r.report(source.at.to("type"), fmt.Sprintf("%q cannot be asked", shorten(kind)), "only metrics of Prometheus can be")
		source.pass("spec")
		return "", true
	}
	spec := source.object("spec")
	if spec == nil {
		source.missing("spec", "{query: ...}")
		return "", true
	}
	defer spec.end()
	return spec.wanted("query", "sum(http_requests_total)"), true
}
