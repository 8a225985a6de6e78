package remote_test

import (
	"reflect"
	"testing"

	"github.com/prometheus/prometheus/promql/promqltest"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/api"
	"github.com/shakedown-dev/shakedown/harness/observe/api/apitest"
)

func TestMetricsAreListedByServiceAndName(t *testing.T) {
	storage := promqltest.LoadedStorage(t, `load 1s
  up{job="api", service="api", instance="api-1"} 1x10
  ALERTS{alertname="A"} 1x10
  service:requests:rate5s{service="api"} 1x10
  requests_total{job="api", service="api", instance="api-1", code="200"} 1x10
  requests_total{job="api", service="api", instance="api-2", code="500"} 1x10
  latency_bucket{job="node", instance="n", le="1"} 1x10
  latency_bucket{job="node", instance="n", le="+Inf"} 1x10
  latency_sum{job="node", instance="n"} 1x10
  latency_count{job="node", instance="n"} 1x10
  word_count{job="node", instance="n"} 1x10
  disputed{job="node", instance="n"} 1x10
  shakedown_instances{job="shakedown", service="api", state="ready"} 1x10
  later{job="api"} _x20 1x10
`)
	t.Cleanup(func() { _ = storage.Close() })
	history := api.NewHistory(second(0))
	for _, e := range []journal.Exported{
		{Metric: "requests", Type: "counter"}, {Metric: "latency", Type: "histogram"}, {Metric: "word_count", Type: "gauge"},
		{Metric: "disputed", Type: "gauge"}, {Metric: "disputed", Type: "counter"}, {Metric: "shakedown_instances", Type: "gauge"},
	} {
		history.Observe(journal.Event{Body: e})
	}
	there := serve(t, api.Handler(api.Source{Engine: apitest.Engine(t), Queryable: storage}, api.Info{History: history}))
	got, err := there.Exported(t.Context(), second(0), second(10))
	if err != nil {
		t.Fatal(err)
	}
	want := []journal.Exported{
		{Metric: "shakedown_instances", Type: "gauge", Labels: []string{"service", "state"}, Series: 1},
		{Service: "api", Metric: "requests_total", Type: "counter", Labels: []string{"code"}, Series: 2},
		{Service: "node", Metric: "disputed", Series: 1},
		{Service: "node", Metric: "latency", Type: "histogram", Labels: []string{"le"}, Series: 4},
		{Service: "node", Metric: "word_count", Type: "gauge", Series: 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}
