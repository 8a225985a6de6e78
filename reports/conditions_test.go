package reports

import (
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A latency from a closed loop is told apart in whatever format it is read.
func TestEveryFormatLabelsClosedLoops(t *testing.T) {
	run := healthyRun()
	for _, f := range formats() {
		if text := strings.ToLower(render(t, run, f.render)); strings.Contains(text, "closed loop") {
			t.Errorf("%s: an open loop is called closed", f.name)
		}
	}
	run.Intent.Plan.Load = []scenarios.PlannedLoad{{Cohort: "free", Journey: "shop", Closed: []scenarios.PlannedClosed{{Phase: "scale-up", Sessions: 50}}}}
	for _, f := range formats() {
		text := strings.Join(strings.Fields(render(t, run, f.render)), " ")
		for _, want := range []string{"Closed loop: 50 sessions of cohort free in scale-up", "load slowed down with the system"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q", f.name, want)
			}
		}
	}
	for _, f := range []string{"text", "markdown", "html"} {
		var b strings.Builder
		must(t, Write(&b, run, f))
		if !strings.Contains(b.String(), "seed 7 · 3x load · closed loop") {
			t.Errorf("the head of %s does not say that there was a closed loop", f)
		}
	}
}

func TestEveryFormatTellsTheMultiple(t *testing.T) {
	run := healthyRun()
	for _, test := range []struct {
		multiple float64
		want     string
	}{{3, "3x load"}, {0.5, "0.5x load"}, {1, ""}, {0, ""}} {
		run.Intent.Plan.Multiple = test.multiple
		for _, f := range formats() {
			text := render(t, run, f.render)
			if f.name == "json" {
				continue // a number there
			}
			if has := strings.Contains(text, "x load"); has != (test.want != "") || !strings.Contains(text, test.want) {
				t.Errorf("%s at %gx: want %q", f.name, test.multiple, test.want)
			}
		}
	}
	run.Intent.Plan.Multiple = 3
	if !strings.Contains(render(t, run, JSON), `"multiple": 3,`) {
		t.Error("json does not tell the multiple")
	}
}

func TestReplaysAreRemarked(t *testing.T) {
	clean := journal.Replayed{Cohort: "web", File: "/srv/a.har", Format: "har", Lines: 44, Requests: 40}
	dirty := journal.Replayed{Cohort: "old", File: "b.log", Format: "access-log", Lines: 1000, Requests: 900, Malformed: 60,
		Samples: []string{"<b>\x1b[31m\"", strings.Repeat("x", 500), "third", "fourth"}, Skipped: map[string]int{"to another host": 30, "of another method": 10},
		Withheld: map[string]int{"Cookie": 7, "Authorization": 1200}, WithoutBody: 3, Reordered: 4, Spread: 5}
	run := Run{Record: &journal.Record{Events: []journal.Event{at(0, clean), at(0, dirty)}}}
	want := []remark{
		{text: "Cohort web replayed a.har (har): 44 recorded requests, 40 requests to send."},
		{warning: true, text: `Cohort old replayed b.log (access-log): 1,000 lines, 900 requests to send; 60 lines could not be read (6 %), such as "<b>[31m\"" and "` +
			strings.Repeat("x", sampleLength-1) + `…" and "third"; left out: 10 (of another method), 30 (to another host)` +
			"; headers with credentials left out: 1,200 Authorization, 7 Cookie; 3 sent without a body, which was not recorded; 4 put in order of time; " +
			"5 spread within their second, beyond which no time was recorded."},
	}
	remarks := remarksOf(run)
	for i, w := range want {
		if have := remarks[i+1]; have != w { // the first is that the record stops
			t.Errorf("have %+v\nwant %+v", have, w)
		}
	}
	for _, f := range formats() {
		text := render(t, run, f.render)
		if strings.Contains(text, "<b>") && f.name != "text" && f.name != "json" {
			t.Errorf("%s: a sample is not escaped", f.name)
		}
		if strings.Contains(text, "\x1b") || strings.Contains(text, strings.Repeat("x", sampleLength)) || strings.Contains(text, "fourth") {
			t.Errorf("%s: samples are not cut", f.name)
		}
	}
}

// What the driver calls a closed loop while it runs is told once afterwards.
func TestAClosedLoopIsRemarkedOnce(t *testing.T) {
	run := Run{Record: &journal.Record{Events: []journal.Event{
		at(0, journal.Note{Level: "info", Text: "cohort free is a closed loop of 3 sessions in phase three: its rate is what the system lets it be"}),
		at(0, journal.Note{Level: "info", Text: "cohort free is something else"}),
	}}}
	run.Intent.Plan = &scenarios.Plan{Load: []scenarios.PlannedLoad{{Cohort: "free", Journey: "j", Closed: []scenarios.PlannedClosed{{Phase: "three", Sessions: 3}}}}}
	loops, others := 0, 0
	for _, r := range remarksOf(run) {
		if strings.Contains(strings.ToLower(r.text), "closed loop") {
			loops++
		}
		if strings.Contains(r.text, "something else") {
			others++
		}
	}
	if loops != 1 || others != 1 {
		t.Errorf("%d remarks on the loop, %d of the other note: %+v", loops, others, remarksOf(run))
	}
}

// Every format says what went wrong and what came back, not only how often.
func TestEveryFormatTellsWhatWentWrong(t *testing.T) {
	run := healthyRun()
	run.Record.Events = append(run.Record.Events, at(second, journal.ErrorGroup{
		Journey: "shop", Step: "home", Outcome: "fail", Message: "extract token: nothing at $.token", Count: 7, First: second, Last: 2 * second,
		Sample: "GET /: status 200, body {}",
	}))
	for _, f := range formats() {
		if f.name == "junit" || f.name == "junit.xml" {
			continue // a form for verdicts
		}
		text := strings.Join(strings.Fields(strings.ReplaceAll(render(t, run, f.render), `\$`, "$")), " ")
		if !strings.Contains(text, "nothing at $.token") {
			t.Errorf("%s does not say what went wrong", f.name)
		}
		if f.name != "markdown" && !strings.Contains(text, "status 200, body {}") {
			t.Errorf("%s does not say what came back", f.name)
		}
	}
}

// A limit on whole sessions is no line in the chart of requests.
func TestLimitsInTheChartAreThoseOfRequests(t *testing.T) {
	short, long := scenarios.Duration(second), scenarios.Duration(30*second)
	run := Run{}
	run.Intent.Plan = &scenarios.Plan{Checks: []scenarios.Check{
		{SLO: &scenarios.SLOCheck{Journey: "j", Whole: true, P95: &long}}, {SLO: &scenarios.SLOCheck{Journey: "j", P95: &short}},
	}}
	if have := limitsOf(run); len(have) != 1 || have[0] != (limit{"p95", second}) {
		t.Errorf("%+v", have)
	}
}
