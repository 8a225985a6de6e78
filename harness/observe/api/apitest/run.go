package apitest

import (
	"errors"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/store"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Started is when the run of StoredRun started. Traffic starts 5 s later.
var Started = time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC)

// StoredRun writes a run into a directory: phases calm (10 s) and surge (20 s), of which
// every second there is up of two instances, and requests_total with 10 more in calm
// and 50 more in surge. The alert Surge fires from 5 s after the start of surge on.
func StoredRun(t *testing.T, path string) {
	t.Helper()
	dir := StoredRunWithoutMetrics(t, path, &scenarios.PlannedMetrics{Every: scenarios.Duration(time.Second)})
	s, err := store.Create(dir.Metrics(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	appender := s.Appender(t.Context())
	requests := 0.0
	for second := range 36 {
		if second >= 5 && second < 15 {
			requests += 10
		} else if second >= 15 {
			requests += 50
		}
		at := Started.Add(time.Duration(second) * time.Second).UnixMilli()
		for metric, value := range map[string]float64{
			`{__name__="up", service="api", instance="api-1"}`:       1,
			`{__name__="up", service="api", instance="api-2"}`:       float64(second % 2),
			`{__name__="requests_total", service="api", code="200"}`: requests,
		} {
			parsed, parseErr := language.ParseMetric(metric)
			_, appendErr := appender.Append(0, parsed, at, value)
			err = errors.Join(err, parseErr, appendErr)
		}
	}
	if err := errors.Join(err, appender.Commit(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// StoredRunWithoutMetrics writes the same run, but nothing that was measured.
func StoredRunWithoutMetrics(t *testing.T, path string, metrics *scenarios.PlannedMetrics) rundir.Dir {
	t.Helper()
	dir, err := rundir.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	err = dir.WriteIntent(rundir.Intent{Run: "r", Started: Started, Plan: &scenarios.Plan{Scenario: "small", Metrics: metrics}}, nil)
	w, createErr := journal.Create(dir.Journal(), nil)
	if err := errors.Join(err, createErr); err != nil {
		t.Fatal(err)
	}
	for _, e := range []journal.Event{
		{T: 0, Body: journal.RulesLoaded{Scale: 1, Source: "embedded", Rules: []journal.Rule{
			{File: "rules.yaml", Group: "g", Interval: time.Second, Alert: "Surge", Expr: "rate(requests_total[5s]) > 20"},
		}}},
		{T: 5 * time.Second, Body: journal.TrafficStarted{}},
		{T: 5 * time.Second, Body: journal.PhaseStarted{Phase: "calm", For: 10 * time.Second}},
		{T: 15 * time.Second, Body: journal.PhaseEnded{Phase: "calm"}},
		{T: 15 * time.Second, Body: journal.PhaseStarted{Phase: "surge", For: 20 * time.Second}},
		{T: 20 * time.Second, Body: journal.AlertChanged{
			Group: "g", Alert: "Surge", Labels: map[string]string{"service": "api"},
			From: journal.AlertInactive, To: journal.AlertFiring, ActiveAt: 20 * time.Second, Value: 50,
		}},
		{T: 35 * time.Second, Body: journal.PhaseEnded{Phase: "surge"}},
		{T: 35 * time.Second, Body: journal.TrafficEnded{}},
		{T: 40 * time.Second, Body: journal.RunEnded{Reason: "completed"}},
	} {
		err = errors.Join(err, w.Append(e))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

var language = parser.NewParser(parser.Options{})
