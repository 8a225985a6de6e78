package remote

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Exported are the metrics that were scraped in a time, by service (the label service,
// or job where there is none) and name: without the results of rules and what scrapes
// say of themselves. Metrics of the run itself have no service.
func (p *Prometheus) Exported(ctx context.Context, from, to time.Time) ([]journal.Exported, error) {
	known, err := p.api.Metadata(ctx, "", "")
	if err != nil {
		return nil, p.explain("ask for the types of metrics of", err)
	}
	series, _, err := p.api.Series(ctx, []string{`{__name__!=""}`}, from, to)
	if err != nil {
		return nil, p.explain(fmt.Sprintf("ask for the series between %s and %s of", from.Format(time.RFC3339), to.Format(time.RFC3339)), err)
	}
	return tally(series, types(known)), nil
}

// types are the types of metrics; one that two services disagree on has none.
func types(known map[string][]v1.Metadata) map[string]v1.MetricType {
	all := map[string]v1.MetricType{}
	for name, list := range known {
		if len(list) == 1 && list[0].Type != v1.MetricTypeUnknown {
			all[name] = list[0].Type
		}
	}
	return all
}

// family finds the metric that a series belongs to, and its type: that of
// latency_bucket is latency, if that is a histogram.
func family(name string, types map[string]v1.MetricType) (string, v1.MetricType) {
	if t, ok := types[name]; ok {
		return name, t
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		base, cut := strings.CutSuffix(name, suffix)
		if t := types[base]; cut && (t == v1.MetricTypeHistogram || t == v1.MetricTypeSummary) {
			return base, t
		}
	}
	if base, cut := strings.CutSuffix(name, "_total"); cut { // OpenMetrics names counters so
		return name, types[base]
	}
	return name, ""
}

// reported are the series that Prometheus adds itself.
var reported = map[string]bool{
	"up": true, "scrape_duration_seconds": true, "scrape_samples_scraped": true, "scrape_timeout_seconds": true,
	"scrape_samples_post_metric_relabeling": true, "scrape_series_added": true, "scrape_sample_limit": true,
	"scrape_body_size_bytes": true, "ALERTS": true, "ALERTS_FOR_STATE": true,
}

// ownPrefix begins the names of what the run exports of itself.
const ownPrefix = "shakedown_"

func tally(series []model.LabelSet, types map[string]v1.MetricType) []journal.Exported {
	type key struct{ service, metric string }
	found := map[key]*journal.Exported{}
	for _, labels := range series {
		name := string(labels[model.MetricNameLabel])
		if name == "" || reported[name] || strings.Contains(name, ":") { // rules record names with colons
			continue
		}
		metric, kind := family(name, types)
		own := strings.HasPrefix(metric, ownPrefix)
		service := cmp.Or(string(labels["service"]), string(labels[model.JobLabel]))
		if own {
			service = ""
		}
		e := found[key{service, metric}]
		if e == nil {
			e = &journal.Exported{Service: service, Metric: metric, Type: string(kind)}
			found[key{service, metric}] = e
		}
		e.Series++
		e.Labels = with(e.Labels, labels, own)
	}
	var all []journal.Exported
	for _, e := range found {
		slices.Sort(e.Labels)
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b journal.Exported) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Metric, b.Metric))
	})
	return all
}

// with adds the names of labels that the metric has of itself.
func with(names []string, labels model.LabelSet, own bool) []string {
	for name := range maps.Keys(labels) {
		added := name == model.MetricNameLabel || name == model.JobLabel || !own && (name == model.InstanceLabel || name == "service")
		if !added && !slices.Contains(names, string(name)) {
			names = append(names, string(name))
		}
	}
	return names
}
