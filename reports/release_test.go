package reports

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const rolling = "rolling release of api: v1 to v2 (surge 1, unavailable 0)"

// bring starts an instance of the new version.
func (s *synthetic) bring(t time.Duration, instance string, ready time.Duration) {
	s.start(t, "api", instance, ready)
	for i := range s.events {
		if b, ok := s.events[i].Body.(journal.InstanceStarted); ok && b.Instance == instance {
			b.Version, b.Cause = "v2", rolling
			s.events[i].Body = b
		}
	}
}

// releaseRun is a rolling release with a job, in which an old instance drops
// requests, sessions hang on their instance, and two orders are lost.
func releaseRun() Run {
	s := &synthetic{random: rand.New(rand.NewPCG(7, 8)), fine: true}
	s.stack()
	from := origin + 10*second
	s.at(origin, journal.TrafficStarted{})
	for i, name := range []string{"baseline", "release", "migration"} {
		begin := origin + time.Duration(i)*10*second
		s.at(begin, journal.PhaseStarted{Phase: name, For: 10 * second})
		s.at(begin+10*second, journal.PhaseEnded{Phase: name})
	}
	s.traffic(load{origin, origin + 30*second, "release", "order", 50, 14 * ms, nil, nil})
	s.traffic(load{origin, origin + 30*second, "release", "", 50, 160 * ms, nil, nil})
	s.generator(origin, origin+30*second)

	s.at(from, journal.ActionStarted{Service: "api", Action: "rolling_release", Planned: 10 * second, Detail: rolling, From: "v1", Version: "v2", Replicas: 2, Floor: 2})
	s.bring(from+50*ms, "api-3", 1500*ms)
	s.drain(from+1600*ms, "api", "api-1", rolling, 1100*ms)
	s.bring(from+2800*ms, "api-4", 1500*ms)
	s.drain(from+4400*ms, "api", "api-2", rolling, 1100*ms)
	for i := range 7 {
		t := from + 4600*ms + time.Duration(i)*60*ms
		s.at(t, journal.Request{ID: fmt.Sprint(4000 + i), Service: "api", Instance: "api-2", Method: "POST", Path: "/v1/orders", Start: t - 3*ms, Reused: i%3 != 0,
			Failure: map[bool]journal.Failure{true: journal.Closed, false: journal.Refused}[i%3 != 0]})
	}
	s.at(from+5600*ms, journal.ActionEnded{Service: "api", Action: "rolling_release", Detail: rolling, Version: "v2"})
	s.tallies("api", "api-1", origin, from+2300*ms, 50)
	s.tallies("api", "api-2", origin, from+5100*ms, 50)
	s.tallies("api", "api-3", from+2*second, origin+30*second, 50)
	s.tallies("api", "api-4", from+5*second, origin+30*second, 50)

	job := origin + 21*second
	s.at(job, journal.ActionStarted{Service: "backfill", Action: "job", Planned: 21 * second, Detail: "run job backfill"})
	s.at(job+200*ms, journal.InstanceStarted{Service: "backfill", Instance: "backfill-1", Version: "v2", Job: true, Cause: "run job backfill"})
	s.at(job+4*second, journal.InstanceExited{Service: "backfill", Instance: "backfill-1", Code: 0, Wanted: false})
	s.at(job+4050*ms, journal.ActionEnded{Service: "backfill", Action: "job", Detail: "run job backfill"})
	s.at(from+1560*ms, journal.MainProcess{Service: "api", Instance: "api-3", Command: "/atelier api"})
	s.at(origin-ms, journal.MainProcess{Service: "web", Instance: "web-1", Command: "/bin/sh -c 'atelier web'", Shell: true})

	for i, home := range []string{"api-1", "api-2", "api-3"} {
		at := from + time.Duration(i+1)*2*second
		s.at(at, journal.Moved{Service: "api", Home: home, Journey: "shop", Step: "order", For: second, Total: 40})
		s.at(at+4*second, journal.Moved{Service: "api", Home: home, Journey: "shop", Step: "order", For: second, Total: 30, Refused: 3 - i,
			Sample: "HTTP/1.1 401 Unauthorized\ncontent-type: application/json\n\n{\"error\":\"unknown session\"}"})
	}
	s.at(origin+30*second+120*ms, journal.TrafficEnded{})
	for i, l := range []journal.Ledger{
		{ID: "integrity/orders", Acknowledged: 1493, Found: 1491, Missing: 2, MissingKeys: []string{"ord-411", "ord-412"}, Took: 10 * second, Readings: 21},
		{ID: "integrity/drift", Found: 0, Took: 80 * ms, Readings: 1},
		{ID: "release/api/backfill", Found: 1, Took: 90 * ms, Readings: 1},
	} {
		s.at(origin+40*second+time.Duration(i)*ms, l)
	}
	s.at(origin+40*second+10*ms, journal.RunEnded{Reason: "completed"})
	s.at(origin+41*second, journal.InstanceSignalled{Service: "postgres", Instance: "postgres-1", Signal: "SIGKILL"})
	s.at(origin+41*second+9*ms, journal.InstanceExited{Service: "postgres", Instance: "postgres-1", Code: 137})

	run := Run{Dir: "runs/20261130-091500-rolling-release", Intent: intent(), Record: s.record()}
	run.Intent.Command = []string{"shakedown", "run", "rolling-release"}
	run.Intent.Plan = planOfRelease()
	run.Result = verify.Judge(run.Record, run.Intent.Plan)
	return run
}

func planOfRelease() *scenarios.Plan {
	sql := &scenarios.SQLRead{Service: "api", URLFrom: "DATABASE_URL", Query: "SELECT id FROM orders"}
	truth := scenarios.Truth{SQL: sql}
	return &scenarios.Plan{
		Scenario: "rolling-release", Summary: "A new version of api comes in while people order.", Digest: "77aa01", Seed: 7, Tempo: 1, Multiple: 1,
		Services: map[string]scenarios.PlannedService{"api": {Port: 8080, Balance: "request", Replicas: 2}},
		Journeys: map[string][]scenarios.PlannedStep{"shop": {{Name: "sign-in", Service: "api"}, {Name: "order", Service: "api"}}},
		Checks: []scenarios.Check{
			{Release: &scenarios.ReleaseCheck{Service: "api", Job: &scenarios.JobCheck{Name: "backfill", Read: &truth}}},
			{Stateless: &scenarios.StatelessCheck{Service: "api", Journey: "shop"}},
			{Integrity: &scenarios.IntegrityCheck{Name: "orders", Of: &scenarios.Acknowledged{Journey: "shop", Step: "order", Key: "${order}"}, Read: truth}},
			{Integrity: &scenarios.IntegrityCheck{Name: "drift", Want: "none", Read: truth}},
		},
		Ledgers: []scenarios.PlannedLedger{
			{ID: "release/api/backfill", Want: "once", SQL: sql},
			{ID: "integrity/orders", Journey: "shop", Step: "order", Key: "${order}", Want: "once", SQL: sql},
			{ID: "integrity/drift", Want: "none", SQL: sql},
		},
	}
}

// A control is no run to judge a system by, and every format says so.
func TestAControlIsInEveryFormat(t *testing.T) {
	for _, control := range append(scenarios.Controls(), "later") {
		run := healthyRun()
		run.Intent.Plan.Control = control
		for _, f := range formats() {
			text := strings.Join(strings.Fields(render(t, run, f.render)), " ")
			want := "spoiled on purpose: control " + string(control)
			if f.name == "json" {
				want = `"control": "` + string(control) + `"`
			}
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say that the run is the control %s", f.name, control)
			}
		}
	}
	for _, f := range formats() {
		if text := render(t, healthyRun(), f.render); strings.Contains(text, "spoiled") && f.name != "html" || strings.Contains(text, `"control"`) {
			t.Errorf("%s says that an ordinary run is a control", f.name)
		}
	}
	if text := render(t, healthyRun(), HTML); strings.Contains(text, "on purpose") {
		t.Error("the page says that an ordinary run is a control")
	}
}

func TestLedgersAreInEveryFormat(t *testing.T) {
	run := releaseRun()
	for _, f := range formats() {
		text := strings.Join(strings.Fields(render(t, run, f.render)), " ")
		for _, want := range []string{"integrity/orders", "integrity/drift", "release/api/backfill", "ord-412"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not name %s", f.name, want)
			}
		}
	}
	var got Document
	must(t, json.Unmarshal([]byte(render(t, run, JSON)), &got))
	if len(got.Ledgers) != 3 || got.Ledgers[0].Of != "shop/order" || got.Ledgers[0].Missing != 2 || got.Ledgers[1].Want != "none" {
		t.Errorf("ledgers %+v", got.Ledgers)
	}
	if text := render(t, Run{}, JSON); !strings.Contains(text, `"ledgers": []`) {
		t.Error("no ledgers must be an empty list")
	}
}

func TestALedgerInWords(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e", "f"}
	for _, test := range []struct {
		ledger Ledger
		want   string
		grave  bool
	}{
		{Ledger{ID: "x", Of: "shop/order", Want: "once", Acknowledged: 4, Found: 5}, "x: 4 acknowledged, 5 found, 0 missing, 0 twice", false},
		{Ledger{ID: "x", Of: "shop/order", Want: "once", Acknowledged: 9, Found: 2, Missing: 7, MissingKeys: keys}, "x: 9 acknowledged, 2 found, 7 missing, 0 twice; missing: a, b, c, d, e and 2 more", true},
		{Ledger{ID: "x", Want: "once", Found: 3, Repeated: 1, RepeatedKeys: keys[:1]}, "x: 3 found, 1 twice; more than once: a", true},
		{Ledger{ID: "x", Want: "none", Found: 0}, "x: 0 found", false},
		{Ledger{ID: "x", Want: "none", Found: 2, FoundKeys: keys[:2]}, "x: 2 found; found: a, b", true},
		{Ledger{ID: "x", Of: "s/o", Acknowledged: 1, Found: 1, Lost: 1, Again: 3, MostDeliveries: 2}, "x: 1 acknowledged, 1 found, 0 missing, 0 twice; 1 acknowledgement could not be written down; 3 delivered again, 2 times at most", true},
		{Ledger{ID: "x", Of: "s/o", Acknowledged: 1, Error: "connection refused"}, "x: could not be read: connection refused", true},
	} {
		if have := test.ledger.String(); have != test.want || test.ledger.grave() != test.grave {
			t.Errorf("%q, grave %v; want %q, %v", have, test.ledger.grave(), test.want, test.grave)
		}
	}
}

// entriesOf are the entries of the table of events as "kind subject: text".
func entriesOf(events []journal.Event) (list []string, grave []bool) {
	entries, _ := chronicleOf(events)
	for _, e := range entries {
		list, grave = append(list, e.kind+" "+e.subject+": "+e.text), append(grave, e.grave)
	}
	return list, grave
}

func TestEventsOfARelease(t *testing.T) {
	events := []journal.Event{
		at(0, journal.InstanceStarted{Service: "api", Instance: "api-1", Cause: "bring up"}),
		at(0, journal.InstanceStarted{Service: "web", Instance: "web-1", Cause: "bring up"}),
		at(1, journal.ActionStarted{Service: "api", Action: "blue_green", Detail: "blue-green release of api: v1 to v2", Replicas: 1, Floor: 1}),
		at(2, journal.InstanceStarted{Service: "api", Instance: "api-2", Version: "v2", Cause: "release"}),
		at(3, journal.MainProcess{Service: "api", Instance: "api-2", Command: "/app"}),
		at(3, journal.MainProcess{Service: "web", Instance: "web-1", Command: "/bin/sh -c run", Shell: true}),
		at(4, journal.EndpointRemoved{Service: "api", Instance: "api-1", Reason: "switched"}),
		at(5, journal.ActionEnded{Service: "api", Action: "blue_green", Detail: "blue-green release of api: v1 to v2", Error: "stop api-1: it is gone; its last lines:\nno\nmore"}),
		at(6, journal.InstanceStarted{Service: "backfill", Instance: "backfill-1", Job: true, Cause: "job"}),
		at(7, journal.InstanceExited{Service: "backfill", Instance: "backfill-1"}),
		at(8, journal.InstanceExited{Service: "db", Instance: "db-1", Code: 137}),
		at(9, journal.RunEnded{Reason: "completed"}),
		at(10, journal.InstanceSignalled{Service: "db", Instance: "db-2", Signal: "SIGKILL"}),
		at(11, journal.InstanceExited{Service: "db", Instance: "db-2", Code: 137}),
		at(12, journal.InstanceExited{Service: "db", Instance: "db-3", Code: 137, OOM: true}),
	}
	have, grave := entriesOf(events)
	want := []struct {
		text  string
		grave bool
	}{
		{"instance api-1: started as v1, bring up", false},
		{"instance web-1: started, bring up", false},
		{"action api: blue-green release of api: v1 to v2; 1 instance, never fewer than 1 in the endpoint list", false},
		{"instance api-2: started as v2, release", false},
		{"instance web-1: its main process is a shell, which does not pass signals on: /bin/sh -c run", true},
		{"endpoint api-1: leaves the endpoint list: traffic switched over", false},
		{"action api: went wrong: blue-green release of api: v1 to v2: stop api-1: it is gone; its last lines:", true},
		{"job backfill-1: started, job", false},
		{"job backfill-1: exited with code 0", false},
		{"instance db-1: exited with code 137, although nobody had asked", true},
		{"run : run ends: completed", false},
		{"instance db-2: SIGKILL", false},
		{"instance db-2: taken down with the stack, code 137", false},
		{"instance db-3: exited with code 137, killed for want of memory", true},
	}
	if len(have) != len(want) {
		t.Fatalf("%d entries, want %d:\n%s", len(have), len(want), strings.Join(have, "\n"))
	}
	for i, w := range want {
		if have[i] != w.text || grave[i] != w.grave {
			t.Errorf("%q, grave %v; want %q, %v", have[i], grave[i], w.text, w.grave)
		}
	}
}

func TestLanesShowVersionsAndJobs(t *testing.T) {
	run := releaseRun()
	w := windowOf(run.Record.Events)
	drawn, quiet, _ := shown(lanesOf(run.Record.Events, w), w)
	var have []string
	for _, l := range drawn {
		have = append(have, strings.TrimSpace(l.instance+" "+l.tag()))
	}
	want := []string{"api-1 v1", "api-2 v1", "api-3 v2", "api-4 v2", "backfill-1 job", "payments-1", "web-1"}
	if !equal(have, want) {
		t.Errorf("lanes %q, want %q", have, want)
	}
	if slices.Contains(quiet, "backfill-1") {
		t.Error("the job is not drawn")
	}
	for _, l := range drawn {
		if l.job && (len(l.marks) != 1 || l.marks[0].kind != "exit") {
			t.Errorf("marks of the job %+v: it ends by itself, as it should", l.marks)
		}
	}
}

func TestBlamesNameTheVersion(t *testing.T) {
	blames, _ := blamesOf(releaseRun().Record.Events)
	if len(blames) != 1 || blames[0].who() != "api-2 (v1)" || !strings.Contains(blames[0].String(), "on api-2 (v1), ") {
		t.Errorf("%+v", blames)
	}
	blames, _ = blamesOf(failingRun().Record.Events)
	if blames[0].who() != "api-2" {
		t.Errorf("%q: with one version there is nothing to tell apart", blames[0].who())
	}
}

// What an image last said before it went stands line by line.
func TestEvidenceKeepsTheLinesOfALog(t *testing.T) {
	run := failingRun()
	run.Result.Checks = []verify.Finding{{ID: "release/api/L1-completed", Verdict: verify.Fail, Reason: "no", Evidence: []verify.Evidence{
		{Text: "start api-3: not ready; its last log lines:\n  listening\n\n  connect: refused\n", From: second, To: 2 * second},
	}}}
	for name, want := range map[string]string{
		"text":     "      · start api-3: not ready; its last log lines: (1.00 s to 2.00 s)\n          listening\n          connect: refused\n",
		"junit":    "- start api-3: not ready; its last log lines: (1.00 s to 2.00 s)\n      listening\n      connect: refused",
		"markdown": "- start api-3: not ready; its last log lines: (1.00 s to 2.00 s)<br>  listening<br>  connect: refused\n",
		"html":     "<pre>  listening\n  connect: refused</pre>",
	} {
		var b strings.Builder
		must(t, Write(&b, run, name))
		if !strings.Contains(strings.ReplaceAll(b.String(), "&#xA;", "\n"), want) {
			t.Errorf("%s has no\n%s", name, want)
		}
	}
}
