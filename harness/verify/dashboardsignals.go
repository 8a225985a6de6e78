package verify

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// exported is a metric of a service, the parts of a histogram or summary as one.
type exported struct {
	name   string // of a histogram or summary without _bucket, _sum, _count
	kind   string // "counter", "gauge", "histogram", "summary", or "" where nothing tells
	labels []string
	series int
}

// addExported takes in a metric. On a page without types the parts of a histogram come
// as metrics of their own, which the label le tells, and of a summary quantile.
func addExported(list []exported, e journal.Exported) []exported {
	m := exported{e.Metric, e.Type, e.Labels, e.Series}
	if m.kind == "unknown" || m.kind == "untyped" || m.kind == "gaugehistogram" {
		m.kind = ""
	}
	switch {
	case m.kind != "":
	case slices.Contains(m.labels, "le"):
		m.kind, m.name = "histogram", strings.TrimSuffix(m.name, "_bucket")
	case slices.Contains(m.labels, "quantile"):
		m.kind = "summary"
	case strings.HasSuffix(m.name, "_total"), strings.HasSuffix(m.name, "_count"):
		m.kind = "counter"
	}
	for i, other := range list {
		if other.name == m.name {
			list[i].series = max(other.series, m.series)
			list[i].kind = cmp.Or(other.kind, m.kind)
			for _, label := range m.labels {
				if !slices.Contains(list[i].labels, label) {
					list[i].labels = append(slices.Clone(list[i].labels), label)
				}
			}
			return list
		}
	}
	return append(list, m)
}

// String is the metric as one would select it: http_requests_total{code,method}.
func (m exported) String() string {
	labels := slices.DeleteFunc(slices.Clone(m.labels), func(l string) bool { return slices.Contains(scrapeLabels, l) })
	if len(labels) == 0 {
		return m.name
	}
	return m.name + "{" + strings.Join(labels, ",") + "}"
}

// scrapeLabels are those that every series has.
var scrapeLabels = []string{"job", "service", "instance", "phase"}

// metricParts are the endings of what a metric consists of.
var metricParts = []string{"_total", "_bucket", "_count", "_sum", "_created"}

// stem is a name without such an ending.
func stem(name string) string {
	for _, part := range metricParts {
		if rest, ok := strings.CutSuffix(name, part); ok {
			return rest
		}
	}
	return name
}

// named tells whether the metric is one of those that a check names, as it is or by one
// of its parts.
func (m exported) named(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return n == m.name || stem(n) == stem(m.name) })
}

// runtimeNames begin the names of what client libraries export by themselves.
var runtimeNames = regexp.MustCompile(`^(go|process|python|nodejs|jvm|dotnet|ruby|promhttp|prometheus|scrape|up|target)(_|$)`)

func (m exported) runtime() bool { return runtimeNames.MatchString(m.name) }

func (m exported) counts() bool { return m.kind == "counter" || m.distribution() }

func (m exported) distribution() bool { return m.kind == "histogram" || m.kind == "summary" }

// A signal is one of the four golden ones, and how it is recognized.
type signal struct {
	rule, name string
	wanted     string
	advice     string
	shows      func(exported) bool
}

var (
	requestNames    = regexp.MustCompile(`(^|_)(requests?|rpcs?|calls?|handled|handling|messages|jobs|queries|operations)(_|$)`)
	errorNames      = regexp.MustCompile(`(^|_)(errors?|failures?|failed|exceptions?)(_total|_count)?$`)
	durationNames   = regexp.MustCompile(`(^|_)(duration|latency|latencies|response_time|request_time|handling_seconds)(_|$)`)
	saturationNames = regexp.MustCompile(`(^|_)(in_?flight|in_progress|inprogress|pool|queue|queued|backlog|pending|waiting|utili[sz]ation|saturation|busy|connections|concurrency|workers|lag)(_|$)`)
	outcomeLabels   = []string{"code", "status", "status_code", "http_status", "http_status_code", "http_response_status_code",
		"response_code", "status_class", "grpc_code", "outcome", "result", "error", "error_type", "success"}
)

var goldenSignals = []signal{
	{"G1-rate", "rate", "a counter *_requests_total, or a histogram or summary of requests, which counts them",
		"count the requests that it serves in a counter like http_requests_total", showsRate},
	{"G2-errors", "errors", "a label code, status, outcome or error on the counter of requests, or a counter *_errors_total or *_failures_total",
		"give its counter of requests a label for the outcome (code), or count errors in a counter like http_request_errors_total", showsErrors},
	{"G3-duration", "duration", "a histogram or summary *_duration_seconds or *_latency_seconds",
		"observe how long requests take in a histogram like http_request_duration_seconds", showsDuration},
	{"G4-saturation", "saturation", "a gauge of what fills up: in flight, pool, queue, connections, utilization",
		"export a gauge like http_requests_in_flight, or the use of its pool of connections", showsSaturation},
}

func showsRate(m exported) bool {
	return m.counts() && requestNames.MatchString(m.name) && !errorNames.MatchString(m.name)
}

func showsErrors(m exported) bool {
	if m.kind == "counter" && errorNames.MatchString(m.name) {
		return true
	}
	return showsRate(m) && slices.ContainsFunc(m.labels, func(l string) bool { return slices.Contains(outcomeLabels, l) })
}

func showsDuration(m exported) bool { return m.distribution() && durationNames.MatchString(m.name) }

func showsSaturation(m exported) bool {
	return (m.kind == "gauge" || m.kind == "") && saturationNames.MatchString(m.name)
}

// find are the metrics that show the signal; what a runtime exports by itself does not.
func (s signal) find(metrics []exported) []exported {
	var found []exported
	for _, m := range metrics {
		if !m.runtime() && s.shows(m) {
			found = append(found, m)
		}
	}
	return found
}

// suggestion is what to do about a signal that is missing: of errors, to label the
// counter that is there.
func (s signal) suggestion(metrics []exported) string {
	tail := ", or name what shows it (signals." + s.name + ")"
	if s.name == "errors" {
		if rate := goldenSignals[0].find(metrics); len(rate) > 0 {
			return "label " + rate[0].name + " with the outcome (code)" + tail
		}
	}
	return s.advice + tail
}
