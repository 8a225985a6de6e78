package api_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/api"
	"github.com/shakedown-dev/shakedown/harness/observe/api/apitest"
)

// The answers in testdata are those of Prometheus' own API: module oracle wrote them
// down.
func TestAnswersAreThoseOfPrometheus(t *testing.T) {
	source := api.Source{Engine: apitest.Engine(t), Queryable: apitest.Load(t, "testdata")}
	server := api.Handler(source, api.Info{Now: second(30), History: history()})
	for _, q := range apitest.Questions(t, "testdata") {
		t.Run(q.Name, func(t *testing.T) {
			if got, want := q.Ask(t, server), q.Recorded(t, "testdata"); !reflect.DeepEqual(got, want) {
				t.Errorf("\n got %v\nwant %v", got, want)
			}
		})
	}
}

func second(n int64) func() time.Time { return func() time.Time { return time.Unix(n, 0).UTC() } }

// history is what a run with the rules of testdata journals until second 30.
func history() *api.History {
	h := api.NewHistory(time.Unix(0, 0))
	for _, e := range []journal.Event{
		{T: 0, Body: journal.RulesLoaded{Files: []string{"testdata/rules.yml"}, Scale: 1, Source: "embedded", Rules: rules()}},
		{T: 5 * time.Second, Body: journal.RuleFailed{Group: "broken", Rule: "Ambiguous", Error: ambiguous}},
		{T: 23 * time.Second, Body: journal.AlertChanged{
			Group: "requests", Alert: "ErrorsHigh", Labels: map[string]string{"service": "api", "severity": "page"},
			From: journal.AlertInactive, To: journal.AlertPending, ActiveAt: 23 * time.Second, Value: 1.25,
		}},
		{T: 25 * time.Second, Body: journal.AlertChanged{
			Group: "broken", Alert: "InstanceDown", Labels: map[string]string{"instance": "api-2", "job": "api", "service": "api"},
			From: journal.AlertInactive, To: journal.AlertPending, ActiveAt: 25 * time.Second,
		}},
		{T: 25 * time.Second, Body: journal.AlertChanged{
			Group: "requests", Alert: "ErrorsHigh", Labels: map[string]string{"service": "api", "severity": "page"},
			From: journal.AlertPending, To: journal.AlertFiring, ActiveAt: 23 * time.Second, Value: 5,
			Annotations: map[string]string{"summary": "api fails"},
		}},
		{T: 31 * time.Second, Body: journal.AlertChanged{
			Group: "broken", Alert: "InstanceDown", Labels: map[string]string{"instance": "api-2", "job": "api", "service": "api"},
			From: journal.AlertPending, To: journal.AlertInactive, ActiveAt: 25 * time.Second,
		}},
	} {
		h.Observe(e)
	}
	return h
}

func rules() []journal.Rule {
	const file = "testdata/rules.yml"
	return []journal.Rule{
		{File: file, Group: "requests", Interval: time.Second, Record: "service:errors:rate5s", Expr: `sum by (service) (rate(http_requests_total{code="500"}[5s]))`},
		{
			File: file, Group: "requests", Interval: time.Second, Alert: "ErrorsHigh", Expr: "service:errors:rate5s > 1",
			For: 2 * time.Second, KeepFiring: 3 * time.Second,
			Labels: map[string]string{"severity": "page"}, Annotations: map[string]string{"summary": "{{ $labels.service }} fails"},
		},
		{File: file, Group: "requests", Interval: time.Second, Alert: "ErrorsHigh", Expr: "service:errors:rate5s > 100", Labels: map[string]string{"severity": "ticket"}},
		{File: file, Group: "broken", Interval: 5 * time.Second, Alert: "InstanceDown", Expr: "up == 0", For: time.Hour},
		{File: file, Group: "broken", Interval: 5 * time.Second, Alert: "Ambiguous", Expr: "up * on(service) up"},
	}
}

const ambiguous = `found duplicate series for the match group {service="api"} on the right hand-side of the operation: ` +
	`[{__name__="up", instance="api-1", job="api", service="api"}, {__name__="up", instance="api-2", job="api", service="api"}];` +
	`many-to-many matching not allowed: matching labels must be unique on one side`
