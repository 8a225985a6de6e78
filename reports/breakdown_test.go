package reports

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The driver writes a step's histograms apart by the instance that answered,
// by cohort and by tier. However it does, all that is told of steps, phases,
// seconds and the run is the same.
func TestHowHistogramsAreSplitDoesNotShow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		whole := Run{Record: &journal.Record{}}
		split := Run{Record: &journal.Record{}}
		for n := range rapid.IntRange(1, 4).Draw(rt, "seconds") {
			from := second * 5
			for range n {
				from += second
			}
			count := journal.Traffic{Phase: "p", Journey: "j", Step: "a", For: second}
			h := journal.NewHistogram()
			for _, v := range rapid.SliceOfN(rapid.Int64Range(1, 1e6), 1, 20).Draw(rt, "values") {
				_ = h.RecordValue(v)
				one := journal.NewHistogram()
				_ = one.RecordValue(v)
				split.Record.Latency = append(split.Record.Latency, journal.Interval{
					Tag: journal.Tag{
						Phase: "p", Journey: "j", Step: "a", Measure: journal.Response,
						Cohort: rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "cohort"), Tier: rapid.SampledFrom([]string{"", "pro"}).Draw(rt, "tier"),
						Instance: rapid.SampledFrom([]string{"", "api-1", "api-2"}).Draw(rt, "instance"),
					}, From: from, To: from + second, Histogram: one,
				})
				count.OK++
			}
			tag := journal.Tag{Phase: "p", Journey: "j", Step: "a", Measure: journal.Response}
			whole.Record.Latency = append(whole.Record.Latency, journal.Interval{Tag: tag, From: from, To: from + second, Histogram: h})
			for _, run := range []Run{whole, split} {
				run.Record.Events = append(run.Record.Events, at(from+second, count))
			}
		}
		told := func(run Run) []any {
			sums := run.sums()
			merged := timesOf(sums)
			points, _ := seriesOf(run)
			return []any{totalsOf(run, window{}, merged), sectionsOf(run, merged), points, breakdownsOf(run, sums).Steps}
		}
		if have, want := told(split), told(whole); !reflect.DeepEqual(have, want) {
			rt.Fatalf("have %+v\nwant %+v", have, want)
		}
	})
}

func TestBreakdowns(t *testing.T) {
	traffic := func(cohort, tier, step string, ok, failed int) journal.Event {
		return at(second, journal.Traffic{Phase: "p", Cohort: cohort, Tier: tier, Journey: "j", Step: step, For: second, OK: ok, Failed: failed, Max: ms})
	}
	measured := func(measure, cohort, tier, step, instance string, n, micros int64) journal.Interval {
		h := journal.NewHistogram()
		must(t, h.RecordValues(micros, n))
		return journal.Interval{Tag: journal.Tag{Phase: "p", Cohort: cohort, Tier: tier, Journey: "j", Step: step, Instance: instance, Measure: measure}, To: second, Histogram: h}
	}
	run := Run{Record: &journal.Record{
		Events: []journal.Event{traffic("x", "pro", "", 5, 1), traffic("x", "pro", "a", 30, 2), traffic("y", "", "a", 10, 0), traffic("y", "", "b", 40, 0)},
		Latency: []journal.Interval{
			measured(journal.Response, "x", "pro", "", "", 5, 900_000),
			measured(journal.Response, "x", "pro", "a", "api-10", 20, 100), measured(journal.Response, "x", "pro", "a", "", 10, 100),
			measured(journal.Response, "y", "", "a", "api-2", 10, 300), measured(journal.Response, "y", "", "b", "api-2", 40, 200),
			measured(journal.Service, "y", "", "b", "", 40, 9), measured(journal.Lag, "y", "", "b", "", 40, 7),
			measured(journal.Waited, "y", "", "b", "", 4, 700),
		},
	}}
	b := breakdownsOf(run, run.sums())
	short := func(parts []Part) string {
		var texts []string
		for _, p := range parts {
			texts = append(texts, strings.Join([]string{p.label(), count(p.Count), count(p.OK), count(p.Failed), p.P50.String()}, " "))
		}
		return strings.Join(texts, "; ")
	}
	for _, test := range []struct {
		what  string
		parts []Part
		want  string
	}{
		{"journeys", b.Journeys, "j 6 5 1 0s"},
		{"steps", b.Steps, "j / a 42 40 2 100µs; j / b 40 40 0 200µs"},
		{"polls", b.Polls, "j / b 4 0 0 0s"},
		{"cohorts", b.Cohorts, "y 50 50 0 200µs; x 32 30 2 100µs"},
		{"tiers", b.Tiers, "pro 32 30 2 100µs"},
		{"instances", b.Instances, "api-2 50 0 0 200µs; api-10 20 0 0 100µs"},
	} {
		if have := short(test.parts); have != test.want {
			t.Errorf("%s: %s\nwant %s", test.what, have, test.want)
		}
	}
	var titles []string
	for _, table := range b.tables() {
		titles = append(titles, strings.Fields(table.title)[0]+" "+strings.Fields(table.title)[2])
	}
	if have, want := strings.Join(titles, ", "), "Sessions journey,, Polling, the, Requests cohort, Requests tier, Right by"; have != want {
		t.Errorf("tables %s, want %s", have, want)
	}
}

// A run with ever so many instances fills a table, not the memory of a browser.
func TestManyPartsAreCut(t *testing.T) {
	var parts []Part
	for range maxParts + 7 {
		parts = append(parts, Part{Name: "api-1"})
	}
	page := pageParts(Breakdowns{Instances: parts})
	if len(page) != 1 || len(page[0].Rows) != maxParts || page[0].More != 7 {
		t.Errorf("%d tables, %d rows", len(page), len(page[0].Rows))
	}
	m := &markdownWriter{left: markdownLimit}
	m.breakdowns(Breakdowns{Instances: parts})
	if text := m.text.String(); strings.Count(text, "\n| ") != maxParts+3 || !strings.Contains(text, "7 more") {
		t.Errorf("%d lines", strings.Count(text, "\n| "))
	}
}

// Steps inside of choices and repetitions stand where the journey has them.
func TestNestedStepsStandInTheirOrder(t *testing.T) {
	request := func(name string) scenarios.PlannedStep { return scenarios.PlannedStep{Name: name} }
	run := Run{Record: &journal.Record{}}
	run.Intent.Plan = &scenarios.Plan{Journeys: map[string][]scenarios.PlannedStep{"j": {
		request("zero"),
		{Repeat: &scenarios.PlannedRepeat{Steps: []scenarios.PlannedStep{request("two"), {Choose: []scenarios.PlannedOption{{Steps: []scenarios.PlannedStep{request("one")}}}}}}},
		request("last"),
	}}}
	for _, name := range []string{"last", "one", "two", "zero", ""} {
		run.Record.Events = append(run.Record.Events, at(second, journal.Traffic{Phase: "p", Journey: "j", Step: name, For: second, OK: 1}))
	}
	const want = "zero two one last"
	var table, parts []string
	for _, r := range sectionsOf(run, times{})[0].rows {
		table = append(table, r.step)
	}
	for _, p := range breakdownsOf(run, nil).Steps {
		parts = append(parts, p.Step)
	}
	if have := strings.Join(table, " "); have != want+" " {
		t.Errorf("table %q", have)
	}
	if have := strings.Join(parts, " "); have != want {
		t.Errorf("parts %q", have)
	}
}
