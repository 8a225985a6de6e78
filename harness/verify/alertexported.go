package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// builtIn are the series that Prometheus makes itself.
var builtIn = []string{"ALERTS", "ALERTS_FOR_STATE", "up", "scrape_duration_seconds", "scrape_samples_scraped",
	"scrape_samples_post_metric_relabeling", "scrape_series_added", "scrape_body_size_bytes", "scrape_sample_limit", "scrape_timeout_seconds"}

// exports is N2. What a recording rule makes counts as exported: whether there is
// anything to make it of is judged where it stands.
func (l lint) exports(f Finding) Finding {
	known := l.known()
	looked, users := map[string]bool{}, map[string][]string{}
	var unknownNames []string
	for _, r := range l.judged() {
		for _, metric := range r.Metrics {
			looked[metric] = true
			if known[metric] || known[family(metric)] || absentOnly(r.Expr, metric) {
				continue
			}
			if users[metric] == nil {
				unknownNames = append(unknownNames, metric)
			}
			users[metric] = append(users[metric], called(r))
		}
	}
	var wrong []string
	for _, metric := range unknownNames {
		by := users[metric]
		wrong = append(wrong, fmt.Sprintf("nothing exports %s, named by %s%s%s", metric, strings.Join(by[:min(len(by), keysInReason)], ", "),
			andMore(len(by)-keysInReason, "rule"), instead(metric, closest(metric, known))))
	}
	f.Measured = plural(len(looked), "metric") + " named, all exported"
	if len(wrong) == 0 {
		return f
	}
	f = blamed(f, wrong, "metric")
	f.Measured = plural(len(wrong), "name") + " that nothing exports"
	why := ""
	if len(l.exported) == 0 {
		why = "the record does not list what was exported"
	}
	if why = join(why, l.neverRead()); why != "" {
		return unknown(f, join(why, f.Reason))
	}
	return f
}

// known are the names of all that is exported or made by Prometheus and its rules.
func (l lint) known() map[string]bool {
	known := map[string]bool{}
	for _, name := range builtIn {
		known[name] = true
	}
	for _, e := range l.exported {
		known[e.Metric] = true
	}
	for _, r := range l.rules() {
		if r.Record != "" {
			known[r.Record] = true
		}
	}
	return known
}

// family is the metric that a series of a histogram or of a summary belongs to.
func family(series string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if name, ok := strings.CutSuffix(series, suffix); ok {
			return name
		}
	}
	return series
}

// closest are the names that are near a wrong one, so that not all are listed where
// none is.
func closest(wrong string, known map[string]bool) []string {
	return nearest(wrong, slices.Sorted(maps.Keys(known)))
}

// absentOnly tells whether an expression names a metric only to ask whether it is
// absent.
func absentOnly(expr, metric string) bool {
	for _, call := range []string{"absent", "absent_over_time"} {
		expr = withoutCalls(expr, call)
	}
	return !names(expr, metric)
}

// withoutCalls is an expression without the calls of a function.
func withoutCalls(expr, function string) string {
	plain := unquoted(expr)
	var kept strings.Builder
	for at := 0; at < len(expr); {
		end, is := callAt(plain, at, function)
		if is {
			at = end
			continue
		}
		kept.WriteByte(expr[at])
		at++
	}
	return kept.String()
}

// callAt is where a call of a function that begins at a place ends; false if none
// begins there.
func callAt(plain string, at int, function string) (end int, is bool) {
	if !strings.HasPrefix(plain[at:], function) || at > 0 && word(plain[at-1]) {
		return 0, false
	}
	rest := plain[at+len(function):]
	inner := strings.TrimLeft(rest, " \t\n")
	if !strings.HasPrefix(inner, "(") {
		return 0, false
	}
	depth := 0
	for i := len(plain) - len(inner); i < len(plain); i++ {
		switch plain[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(plain), true
}

// neverRead says of which services no page of metrics could ever be read, although
// there is one: what they export is not known. "" if there is no such service.
func (l lint) neverRead() string {
	read := map[string]bool{}
	failed := map[string]timed[journal.ScrapeChanged]{}
	for _, s := range l.scrapes {
		if s.body.Up {
			read[s.body.Service] = true
		} else if _, again := failed[s.body.Service]; !again {
			failed[s.body.Service] = s
		}
	}
	why := ""
	for _, service := range slices.Sorted(maps.Keys(failed)) {
		if read[service] || l.assumed(service) {
			continue
		}
		why = join(why, fmt.Sprintf("the metrics of %s could never be read%s", service, after(" (", firstLine(failed[service].body.Error)+")")))
	}
	return why
}

// assumed tells that nobody said that a service has a page of metrics.
func (l lint) assumed(service string) bool {
	return l.h.plan.Metrics != nil && l.h.plan.Metrics.Pages[service].Assumed
}
