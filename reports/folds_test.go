package reports

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func at(t time.Duration, b journal.Body) journal.Event { return journal.Event{T: t, Body: b} }

func TestSeries(t *testing.T) {
	step := func(name string, intended, sent, failed int, p99 time.Duration) journal.Traffic {
		return journal.Traffic{Journey: "j", Step: name, For: second, Intended: intended, Sent: sent, OK: sent - failed, Failed: failed, P50: p99 / 4, P95: p99 / 2, P99: p99}
	}
	half := step("a", 5, 5, 0, ms)
	half.For = 500 * ms
	points, merged := seriesOf(Run{Record: &journal.Record{Events: []journal.Event{
		at(6*second, step("a", 10, 9, 1, 20*ms)),
		at(6*second, step("b", 10, 10, 0, 80*ms)),
		at(6*second, step("", 100, 100, 50, second)), // a session is no request
		at(7*second, step("a", 10, 10, 10, 900*ms)),  // nothing succeeded: no quantile
		at(9*second+500*ms, half),
	}}})
	if merged {
		t.Error("there are no histograms to merge")
	}
	if len(points) != 3 {
		t.Fatalf("%d points, want 3", len(points))
	}
	first := points[0]
	if first.intended != 20 || first.sent != 19 || first.failed != 1 || first.p99 != 80*ms || first.p50 != 20*ms {
		t.Errorf("first second %+v", first)
	}
	if points[1].p99 != 0 || points[1].failed != 10 {
		t.Errorf("second without success %+v", points[1])
	}
	if points[2].sent != 10 { // 5 in half a second
		t.Errorf("half a second is not scaled: %+v", points[2])
	}
}

func TestSeriesMergesHistogramsOfASecond(t *testing.T) {
	interval := func(step string, from time.Duration, micros int64) journal.Interval {
		h := journal.NewHistogram()
		for range 10 {
			must(t, h.RecordValue(micros))
		}
		return journal.Interval{Tag: journal.Tag{Step: step, Measure: journal.Response}, From: from, To: from + second, Histogram: h}
	}
	count := journal.Traffic{Step: "a", For: second, OK: 10, P50: second, P95: second, P99: second}
	points, merged := seriesOf(Run{Record: &journal.Record{
		Events: []journal.Event{at(6*second, count), at(7*second, count)},
		Latency: []journal.Interval{
			interval("a", 5*second, 100), interval("b", 5*second, 1000), interval("", 5*second, 900_000), interval("a", 6*second, 500),
		},
	}})
	if !merged || len(points) != 2 {
		t.Fatalf("merged %v, %d points", merged, len(points))
	}
	if p := points[0]; p.p50 != 100*time.Microsecond || p.p99 != time.Millisecond {
		t.Errorf("first second p50 %v, p99 %v: sessions do not count, steps do alike", p.p50, p.p99)
	}
	if p := points[1]; p.p99 != 500*time.Microsecond {
		t.Errorf("second second p99 %v", p.p99)
	}
}

func TestTearDownIsNoAlarm(t *testing.T) {
	events := []journal.Event{
		at(0, journal.TrafficStarted{}),
		at(0, journal.EndpointAdded{Service: "api", Instance: "api-1"}),
		at(9*second, journal.InstanceExited{Service: "api", Instance: "api-2", Code: 137, Wanted: true}),
		at(10*second, journal.TrafficEnded{}),
		at(10*second+ms, journal.RunEnded{Reason: "completed"}),
		at(10*second+20*ms, journal.InstanceExited{Service: "api", Instance: "api-1", Code: 137, Wanted: true}),
	}
	lanes := lanesOf(events, windowOf(events))
	if got := lanes[0]; len(got.marks) != 0 || got.restless {
		t.Errorf("api-1 has marks %+v of the tear-down", got.marks)
	}
	if got := lanes[1]; len(got.marks) != 1 || got.marks[0].kind != "bad-exit" {
		t.Errorf("api-2 has marks %+v", got.marks)
	}
	entries, _ := chronicleOf(events)
	if first, last := entries[2], entries[len(entries)-1]; !first.grave || last.grave {
		t.Errorf("grave: %v before and %v after the end of the run", first.grave, last.grave)
	}
}

func TestThinKeepsTheWorst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, most := rapid.IntRange(1, 500).Draw(t, "n"), rapid.IntRange(1, 100).Draw(t, "most")
		points := make([]point, n)
		for i := range points {
			points[i] = point{
				from: time.Duration(i) * second, to: time.Duration(i+1) * second,
				intended: 100, sent: float64(rapid.IntRange(0, 100).Draw(t, "sent")),
				failed: float64(rapid.IntRange(0, 9).Draw(t, "failed")), p99: time.Duration(rapid.IntRange(0, 99).Draw(t, "p99")),
			}
		}
		thinned := thin(points, most)
		if len(thinned) > most && len(thinned) != n || thinned[0].from != points[0].from || thinned[len(thinned)-1].to != points[n-1].to {
			t.Fatalf("%d of %d points, %v to %v", len(thinned), n, thinned[0].from, thinned[len(thinned)-1].to)
		}
		for what, value := range map[string]func(point) float64{
			"p99": func(p point) float64 { return float64(p.p99) }, "failed": func(p point) float64 { return p.failed },
			"behind": func(p point) float64 { return p.intended - p.sent },
		} {
			before, _ := peak(points, value)
			after, _ := peak(thinned, value)
			if value(before) != value(after) {
				t.Fatalf("the worst %s was %v and is %v", what, value(before), value(after))
			}
		}
	})
}

func TestLanesTellTheRaceOfATermination(t *testing.T) {
	run := failingRun()
	w := windowOf(run.Record.Events)
	lanes := lanesOf(run.Record.Events, w)
	var got *lane
	for _, l := range lanes {
		if l.instance == "api-2" {
			got = l
		}
	}
	leave := origin + 22*second
	want := []stretch{
		{starting, 2600 * ms, 4400 * ms}, {serving, 4400 * ms, leave},
		{leaving, leave, leave + 700*ms}, {draining, leave + 700*ms, leave + 6040*ms},
	}
	if len(got.stretches) != len(want) {
		t.Fatalf("stretches %+v, want %+v", got.stretches, want)
	}
	for i := range want {
		if got.stretches[i] != want[i] {
			t.Errorf("stretch %d is %+v, want %+v", i, got.stretches[i], want[i])
		}
	}
	if len(got.failures) != 34 {
		t.Errorf("%d failures, want 34", len(got.failures))
	}
}

func TestLaneThatFlaps(t *testing.T) {
	events := []journal.Event{
		at(0, journal.TrafficStarted{}),
		at(1*second, journal.InstanceStarted{Service: "api", Instance: "api-1"}),
		at(2*second, journal.EndpointAdded{Service: "api", Instance: "api-1"}),
		at(3*second, journal.EndpointRemoved{Service: "api", Instance: "api-1", Reason: "unready"}),
		at(4*second, journal.EndpointAdded{Service: "api", Instance: "api-1"}),
		at(5*second, journal.InstanceExited{Service: "api", Instance: "api-1", Code: 2}),
		at(6*second, journal.TrafficEnded{}),
	}
	l := lanesOf(events, windowOf(events))[0]
	var states []state
	for _, s := range l.stretches {
		states = append(states, s.state)
	}
	if want := []state{starting, serving, unready, serving, ghost}; !equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}
	if l.marks[0].kind != "bad-exit" || l.marks[0].label != "exit 2, unasked" {
		t.Errorf("mark %+v", l.marks[0])
	}
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestLaneThatIsListedTooEarly(t *testing.T) {
	no := false
	events := []journal.Event{
		at(1*second, journal.InstanceStarted{Service: "api", Instance: "api-1"}),
		at(2*second, journal.EndpointAdded{Service: "api", Instance: "api-1", Initialized: &no}),
		at(3*second, journal.InitializationDone{Service: "api", Instance: "api-1"}),
		at(4*second, journal.RunEnded{Reason: "completed"}),
	}
	l := lanesOf(events, windowOf(events))[0]
	want := []stretch{{starting, 1 * second, 2 * second}, {early, 2 * second, 3 * second}, {serving, 3 * second, 4 * second}}
	if !equal(l.stretches, want) {
		t.Errorf("stretches %+v, want %+v", l.stretches, want)
	}
}

func TestLanesOfServicesWithoutGatewayJustRun(t *testing.T) {
	run := failingRun()
	w := windowOf(run.Record.Events)
	drawn, quiet, more := shown(lanesOf(run.Record.Events, w), w)
	if got := strings.Join(quiet, " "); got != "postgres-1 redis-1" || more != 0 {
		t.Errorf("quiet %q, %d more", got, more)
	}
	var names []string
	for _, l := range drawn {
		names = append(names, l.instance)
	}
	if got := strings.Join(names, " "); got != "api-1 api-2 api-3 payments-1 web-1" {
		t.Errorf("drawn %q: the service with events comes first", got)
	}
}

func TestBlames(t *testing.T) {
	no := false
	request := func(end time.Duration, instance string, reused bool, f journal.Failure) journal.Event {
		return at(end, journal.Request{Service: "api", Instance: instance, Start: end - 10*ms, Reused: reused, Failure: f})
	}
	events := []journal.Event{
		request(700*ms, "", false, journal.NoEndpoint),
		request(800*ms, "", false, journal.NoEndpoint),
		at(900*ms, journal.TrafficStarted{}),
		at(1*second, journal.EndpointAdded{Service: "api", Instance: "api-3", Initialized: &no}),
		request(1500*ms, "api-3", false, journal.Status5xx),
		at(2*second, journal.InitializationDone{Service: "api", Instance: "api-3"}),
		request(3*second, "api-3", true, journal.Timeout),
		request(4*second, "", false, journal.NoEndpoint),
		at(10*second, journal.InstanceTerminating{Service: "api", Instance: "api-2"}),
		request(10500*ms, "api-2", false, journal.Reset),
		at(11*second, journal.InstanceSignalled{Service: "api", Instance: "api-2", Signal: "SIGTERM"}),
		request(11200*ms, "api-2", true, journal.Refused),
		request(11400*ms, "api-2", true, journal.Refused),
		request(12100*ms, "api-2", false, journal.Closed),
		request(12200*ms, "api-2", false, journal.ClientGone),
		request(12300*ms, "api-2", false, journal.NoFailure),
		at(13*second, journal.Tally{Service: "api", Instance: "api-2", For: second, Suppressed: 5}),
	}
	blames, suppressed := blamesOf(events)
	if suppressed != 5 {
		t.Errorf("suppressed %d, want 5", suppressed)
	}
	var got []string
	for _, b := range blames {
		got = append(got, b.String())
	}
	want := []string{
		"3 requests failed on api-2, 200 ms to 1.2 s after SIGTERM, 2 on reused and 1 on new connections (2 refused, 1 client gave up, 1 closed before the answer)",
		"2 requests failed before traffic began, while the stack came up, because no instance of api was ready",
		"1 request failed on api-3, before its initialization was complete, all on new connections (1 status 5xx)",
		"1 request failed on api-3, while serving, all on reused connections (1 timed out)",
		"1 request failed because no instance of api was ready",
		"1 request failed on api-2, 500 ms after it was told to stop, before SIGTERM, all on new connections (1 reset)",
	}
	if !equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestGroupsAreCapped(t *testing.T) {
	var events []journal.Event
	for i := range 60 {
		events = append(events, at(second, journal.ErrorGroup{Journey: "j", Step: "s", Outcome: "fail", Message: strings.Repeat("x", i%30), Count: 1 + i%30, First: second, Last: 2 * second}))
	}
	groups, rest, restCount := groupsOf(allGroups(events))
	if len(groups) != maxGroups || rest != 10 || groups[0].Count != 60 { // 30 messages twice
		t.Fatalf("%d groups, the first of %d, rest %d", len(groups), groups[0].Count, rest)
	}
	all := restCount
	for _, g := range groups {
		all += g.Count
	}
	if all != 930 {
		t.Errorf("%d errors in all, want 930", all)
	}
}

func TestSections(t *testing.T) {
	run := failingRun()
	slices.Reverse(run.Record.Events) // their order must not matter to that of the steps
	slices.SortStableFunc(run.Record.Events, func(a, b journal.Event) int { return cmp.Compare(a.T, b.T) })
	sections := sectionsOf(run, timesOf(run.Record.Latency))
	var names []string
	for _, s := range sections {
		names = append(names, s.phase)
		if s.rows[len(s.rows)-1].step != "" || len(s.rows) != 5 {
			t.Errorf("phase %q has %d rows and ends with %q", s.phase, len(s.rows), s.rows[len(s.rows)-1].step)
		}
	}
	if !equal(names, []string{"baseline", "scale-up", "scale-down", ""}) {
		t.Fatalf("sections %q", names)
	}
	var steps []string
	for _, r := range sections[0].rows {
		steps = append(steps, r.step)
	}
	if !equal(steps, []string{"home", "session", "catalogue", "checkout", ""}) {
		t.Errorf("steps %q are not in the order of the journey", steps)
	}
	whole, sum := sections[3].rows[0], 0
	for _, s := range sections[:3] {
		sum += s.rows[0].requests()
	}
	if whole.requests() != sum || whole.p95 == 0 {
		t.Errorf("whole run has %d requests, its phases %d; p95 %v", whole.requests(), sum, whole.p95)
	}
}

func TestWindowCoversADrainThatOutlastsTraffic(t *testing.T) {
	events := []journal.Event{
		at(5*second, journal.TrafficStarted{}),
		at(34*second, journal.InstanceTerminating{Service: "a", Instance: "a-2"}),
		at(35*second, journal.TrafficEnded{}),
		at(36*second, journal.InstanceTerminating{Service: "a", Instance: "a-1"}),
		at(40*second, journal.InstanceExited{Service: "a", Instance: "a-2"}),
		at(60*second, journal.InstanceExited{Service: "a", Instance: "a-1"}), // the stack's end, not the run's
	}
	w := windowOf(events)
	if w.to < 40*second || w.to > 45*second || w.from > 5*second || w.driven() != 30*second {
		t.Errorf("window %v to %v, %v of traffic", w.from, w.to, w.driven())
	}
}

func TestReproduce(t *testing.T) {
	tests := []struct {
		name    string
		command []string
		want    string
	}{
		{"seed is added", []string{"shakedown", "run", "x"}, "shakedown run x --seed 7"},
		{"seed is kept", []string{"shakedown", "run", "--seed=9", "x"}, "shakedown run --seed=9 x"},
		{"directory goes", []string{"bin/shakedown", "run", "--out", "dir", "x"}, "bin/shakedown run x --seed 7"},
		{"joined directory goes", []string{"/opt/shakedown", "run", "-out=dir", "x"}, "shakedown run x --seed 7"},
		{"odd arguments are quoted", []string{"shakedown", "run", "--set", "a=b c", "it's"}, `shakedown run --set 'a=b c' 'it'\''s' --seed 7`},
		{"flags end before the operands", []string{"shakedown", "run", "--control", "kill", "--", "x"}, "shakedown run --control kill --seed 7 -- x"},
		{"made from the scenario", nil, "shakedown run x --seed 7"},
	}
	for _, tt := range tests {
		run := Run{Intent: rundir.Intent{Command: tt.command, Plan: &scenarios.Plan{Scenario: "x", Seed: 7}}}
		if got := reproduce(run); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestACommandWithoutItsSecretsIsNotPassedOffAsWhole(t *testing.T) {
	for value, want := range map[string]string{
		"env={MODE: [env shop.v2.MODE]}": "in place of [env shop.v2.MODE]",
		"env=[redacted]":                 "in place of [redacted]",
		"phases[0].for=20s":              "",
	} {
		run := Run{Intent: rundir.Intent{Command: []string{"shakedown", "run", "--set", value, "x"}}}
		said := ""
		for _, r := range remarksOf(run) {
			if strings.Contains(r.text, "not complete") {
				said = r.text
			}
		}
		if (said == "") != (want == "") || !strings.Contains(said, want) {
			t.Errorf("%s: %q, want %q", value, said, want)
		}
	}
}

// What stands below a check in the table is no caveat below it as well.
func TestATerminalTellsAReasonOnce(t *testing.T) {
	run := Run{
		Intent: rundir.Intent{Notes: []string{"memory limits are not applied"}},
		Result: verify.Result{Verdict: verify.Inconclusive, Checks: []verify.Finding{{ID: "slo/a", Verdict: verify.Inconclusive, Reason: "too few requests"}}},
	}
	var b strings.Builder
	if err := Text(&b, run, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"too few requests", "memory limits are not applied"} {
		if n := strings.Count(b.String(), want); n != 1 {
			t.Errorf("%q stands there %d times:\n%s", want, n, b.String())
		}
	}
}

// The columns share the room so that the table gets short: a single long cell
// does not press the other column together.
func TestOneLongCellDoesNotSqueezeTheOtherColumn(t *testing.T) {
	const sentence = "nothing is routed after removal from the endpoint list"
	findings := []verify.Finding{{ID: "release/api/L4-versions", Wanted: "both versions serve", Measured: strings.Repeat("v1 answered 607 requests; ", 8)}}
	for range 12 {
		findings = append(findings, verify.Finding{ID: "drain/api/D3-after-removal", Wanted: sentence, Measured: "no request after removal"})
	}
	widths := columns(findings, 85)
	if lines := len(wrap(sentence, widths[1])); lines > 2 || widths[0]+widths[1]+widths[2] != 85 {
		t.Errorf("columns of %v: what is wanted takes %d lines", widths, lines)
	}
}

func TestRemarksOnceEach(t *testing.T) {
	run := Run{
		Intent: rundir.Intent{Notes: []string{"memory limits are not applied"}},
		Record: &journal.Record{
			Events: []journal.Event{
				at(1, journal.Note{Level: "info", Text: "memory limits are not applied"}),
				at(2, journal.Note{Level: "warning", Text: "clock drifted"}),
				at(3, journal.RunEnded{Reason: "interrupted"}),
			},
			Problems: []string{"one line is damaged"},
		},
		Result: verify.Result{Checks: []verify.Finding{{ID: "slo/a", Verdict: verify.Inconclusive, Reason: "too few"}}},
	}
	var got []string
	for _, r := range remarksOf(run) {
		got = append(got, r.text)
	}
	want := []string{
		"The run was interrupted: only what happened until then was judged.", "one line is damaged",
		"memory limits are not applied", "clock drifted", "slo/a: too few",
	}
	if !equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
