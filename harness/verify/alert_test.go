package verify

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Every rule on alerts has a case that passes, one that fails and one that proves
// nothing.
func TestEveryRuleOnAlertsCanFailAndPass(t *testing.T) {
	rules := []string{"A1-fires", "A2-resolves", "A3-labels", "A4-silent", "A5-independent", "A6-only", "V1-announced", "V2-meant",
		"N1-can-fire", "N2-exported", "N3-ranges", "N4-evaluated"}
	files, err := filepath.Glob("testdata/alert*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]map[Verdict]bool{}
	for _, rule := range rules {
		seen[rule] = map[Verdict]bool{}
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range recorded(t, archive).Checks {
			id, _, _ := strings.Cut(f.ID, "#")
			if of := seen[id[strings.LastIndex(id, "/")+1:]]; of != nil {
				of[f.Verdict] = true
			}
		}
	}
	for _, rule := range rules {
		for _, v := range []Verdict{Pass, Fail, Inconclusive} {
			if !seen[rule][v] {
				t.Errorf("no case in testdata where %s is %s", rule, v)
			}
		}
	}
}

// moved is a record with the changes of an alert to a state at another time.
func movedTo(rec *journal.Record, state string, at time.Duration) *journal.Record {
	var all []journal.Event
	var change journal.Event
	for _, e := range rec.Events {
		if c, ok := e.Body.(journal.AlertChanged); ok && c.To == state {
			change = e
			continue
		}
		all = append(all, e)
	}
	change.T = at
	return &journal.Record{Events: insert(all, change), Latency: rec.Latency}
}

// An alert is in time when it fires within the time that it has, to the nanosecond.
func TestAnAlertIsInTimeOrItIsNot(t *testing.T) {
	rec, plan := stored(t, "alert-announced") // the fault lasts from 22 s to 42 s; 15 s to fire, 10 s to resolve
	rapid.Check(t, func(rt *rapid.T) {
		fired := time.Duration(rapid.OneOf(rapid.Int64Range(int64(25*time.Second), int64(46*time.Second)),
			rapid.SampledFrom([]int64{int64(37 * time.Second), int64(37*time.Second) + 1})).Draw(rt, "fired"))
		f := finding(t, Judge(movedTo(rec, journal.AlertFiring, fired), plan), "alert/HighErrors/A1-fires")
		if want := map[bool]Verdict{true: Pass, false: Fail}[fired <= 37*time.Second]; f.Verdict != want {
			rt.Fatalf("fired at %v: %s (%s)", fired, f.Verdict, f.Reason)
		}
	})
}

// It is over in time or not in the same way; what is over before the cause is over
// too.
func TestAnAlertIsOverInTimeOrItIsNot(t *testing.T) {
	rec, plan := stored(t, "alert-announced")
	rapid.Check(t, func(rt *rapid.T) {
		over := time.Duration(rapid.OneOf(rapid.Int64Range(int64(31*time.Second), int64(61*time.Second)),
			rapid.SampledFrom([]int64{int64(52 * time.Second), int64(52*time.Second) + 1})).Draw(rt, "over"))
		f := finding(t, Judge(movedTo(rec, journal.AlertInactive, over), plan), "alert/HighErrors/A2-resolves")
		if want := map[bool]Verdict{true: Pass, false: Fail}[over <= 52*time.Second]; f.Verdict != want {
			rt.Fatalf("over at %v: %s (%s)", over, f.Verdict, f.Reason)
		}
	})
}

// A phase is silent when nothing fires at any moment of it.
func TestSilenceIsOfEveryMoment(t *testing.T) {
	rec, plan := stored(t, "alert-announced") // the baseline lasts from 2 s to 22 s
	rec = leftOut(rec, func(e journal.Event) bool { _, ok := e.Body.(journal.AlertChanged); return ok })
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) time.Duration {
			return time.Duration(rapid.OneOf(rapid.IntRange(0, 30), rapid.SampledFrom([]int{1, 2, 3, 21, 22, 23})).Draw(rt, name)) * time.Second
		}
		from := draw("from")
		to := from + draw("length") + 1
		changes := journal.AlertChanged{Group: "api", Alert: "HighErrors", From: journal.AlertInactive, To: journal.AlertFiring}
		other := leftOut(rec, func(journal.Event) bool { return false })
		other.Events = insert(other.Events, journal.Event{T: from, Body: changes})
		changes.From, changes.To = journal.AlertFiring, journal.AlertInactive
		other.Events = insert(other.Events, journal.Event{T: to, Body: changes})
		f := finding(t, Judge(other, plan), "alert/HighErrors/A4-silent")
		if fires := from < 22*time.Second && to > 2*time.Second; (f.Verdict == Fail) != fires {
			rt.Fatalf("fired from %v to %v: %s (%s)", from, to, f.Verdict, f.Reason)
		}
	})
}

// Damage to the record takes back what it may hide, and nothing that was seen.
func TestDamageHidesAlerts(t *testing.T) {
	for name, want := range map[string]map[string]Verdict{
		"alert-never":      {"alert/HighErrors/A1-fires": Inconclusive},
		"alert-unresolved": {"alert/HighErrors/A2-resolves": Inconclusive, "alert/HighErrors/A6-only": Fail},
		"alert-before":     {"alert/HighErrors/A1-fires": Fail, "alert/HighErrors/A4-silent": Fail},
	} {
		rec, plan := stored(t, name)
		rec.Damaged = 1
		for id, verdict := range want {
			if f := finding(t, Judge(rec, plan), id); f.Verdict != verdict {
				t.Errorf("%s: %s is %s (%s), want %s", name, id, f.Verdict, f.Reason, verdict)
			}
		}
	}
}

// Within, For and Within of coverage have defaults, and where resolves is not asked
// for the time that A6 looks at is that to fire.
func TestDefaultsOfAlerts(t *testing.T) {
	rec, plan := stored(t, "alert-announced")
	plan.Checks = []scenarios.Check{{Alert: &scenarios.AlertCheck{Alert: "HighErrors", Fault: "errors-payments", Only: true}}}
	r := Judge(rec, plan)
	if f := finding(t, r, "alert/HighErrors/A1-fires"); f.Wanted != "fires within 30s of fault errors-payments" {
		t.Error(f.Wanted)
	}
	if f := finding(t, r, "alert/HighErrors/A6-only"); !strings.HasPrefix(f.Wanted, "no other alert fires until 30s after") {
		t.Error(f.Wanted)
	}
	if slices.ContainsFunc(r.Checks, func(f Finding) bool { return strings.HasSuffix(f.ID, "A2-resolves") }) {
		t.Error("the time to resolve is judged although nobody asked")
	}
	rec, plan = stored(t, "alert-coverage-announced")
	plan.Checks[1].AlertCoverage = &scenarios.AlertCoverageCheck{}
	if f := finding(t, Judge(rec, plan), "alert-coverage/V1-announced"); f.Wanted != "every breach of an objective for 5s is announced within 30s" {
		t.Error(f.Wanted)
	}
}

// The baseline is not silent where it is the cause itself, by its name or as the
// phase of the fault.
func TestTheCauseIsNotSilent(t *testing.T) {
	rec, plan := stored(t, "alert-announced")
	for name, c := range map[string]scenarios.AlertCheck{
		"the phase":              {Alert: "HighErrors", Phase: "baseline"},
		"the phase of the fault": {Alert: "HighErrors", Fault: "errors-payments"},
	} {
		plan.Checks = []scenarios.Check{{Alert: &c}}
		plan.Faults[0].Phase = "baseline"
		if slices.ContainsFunc(Judge(rec, plan).Checks, func(f Finding) bool { return strings.HasSuffix(f.ID, "A4-silent") }) {
			t.Errorf("%s is to be silent", name)
		}
	}
}

// everyAlertCheck is a plan with all kinds of checks on alerts.
func everyAlertCheck() *scenarios.Plan {
	plan := everyCheck()
	within := scenarios.Duration(10 * time.Second)
	plan.Phases = append(plan.Phases, scenarios.PlannedPhase{Name: "baseline", End: within})
	percent := scenarios.Percent(99)
	labels := map[string]string{"severity": "page"}
	plan.Checks = []scenarios.Check{
		{SLO: &scenarios.SLOCheck{Journey: "shop", P50: &within, P95: &within, P99: &within, Availability: &percent}},
		{Alert: &scenarios.AlertCheck{Alert: "High", Fault: "errors", Within: &within, Resolves: &within, Labels: labels, Independent: "api", Only: true, Silent: []string{"surge", "gone"}}},
		{Alert: &scenarios.AlertCheck{Alert: "Slow", Phase: "surge", Resolves: &within, Labels: labels, Independent: "worker", Only: true}},
		{AlertCoverage: &scenarios.AlertCoverageCheck{Ignore: []string{"Dead"}}},
		{AlertLint: &scenarios.AlertLintCheck{Ignore: []string{"Dead"}}},
	}
	return plan
}

// Whatever stands in the record, judging alerts depends on nothing else, no check
// crashes, no table cell is empty, nothing but a pass comes without a reason, and
// evidence ends when it has begun.
func TestJudgingAlertsIsAFunction(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events := drawEvents(rt)
		for range rapid.IntRange(0, 20).Draw(rt, "of alerts") {
			at := time.Duration(rapid.Int64Range(0, int64(40*time.Second)).Draw(rt, "at"))
			events = insert(events, journal.Event{T: at, Body: drawAlert(rt)})
		}
		rec, plan := &journal.Record{Events: events}, everyAlertCheck()
		first, second := Judge(rec, plan), Judge(rec, plan)
		if a, b := renderVerdict(t, first), renderVerdict(t, second); string(a) != string(b) {
			rt.Fatalf("two verdicts on one record:\n%s%s", a, b)
		}
		for _, f := range first.Checks {
			switch {
			case strings.HasPrefix(f.Reason, "checker crashed"):
				rt.Fatal(f.Reason)
			case f.Verdict != Pass && f.Reason == "":
				rt.Fatalf("%s is %s without a reason", f.ID, f.Verdict)
			case f.Measured == "" || f.Wanted == "":
				rt.Fatalf("%s: an empty cell: %+v", f.ID, f)
			}
			for _, e := range f.Evidence {
				if strings.HasPrefix(f.Kind, "alert") && e.To < e.From {
					rt.Fatalf("%s: evidence that ends before it begins: %+v", f.ID, e)
				}
			}
		}
	})
}

// drawAlert makes anything that is said of rules and of alerts.
func drawAlert(rt *rapid.T) journal.Body {
	alert := rapid.SampledFrom([]string{"High", "Slow", "Dead", ""}).Draw(rt, "alert")
	state := rapid.SampledFrom([]string{journal.AlertInactive, journal.AlertPending, journal.AlertFiring, "later"})
	expr := rapid.SampledFrom([]string{"", "a / b > 0.1", "rate(a[", `x{y="(`, "absent(a) or (b", "a > 1e999", "or or or"}).Draw(rt, "expr")
	length := func(name string) time.Duration {
		return time.Duration(rapid.SampledFrom([]int64{-1, 0, int64(time.Second), int64(time.Hour)}).Draw(rt, name))
	}
	rules := []journal.Rule{
		{Group: "g", Alert: alert, Expr: expr, For: length("for"), Interval: length("interval"), Metrics: []string{"r", "a"}, Ranges: []time.Duration{length("range")}},
		{Group: "h", Record: "r", Expr: expr, Metrics: []string{"r", "b"}},
	}
	return rapid.SampledFrom([]journal.Body{
		journal.RulesLoaded{Rules: rules}, journal.RulesLoaded{Rules: rules[:1]},
		journal.AlertChanged{Group: "g", Alert: alert, From: state.Draw(rt, "from"), To: state.Draw(rt, "to"), Labels: rapid.SampledFrom([]map[string]string{nil, {"severity": "page"}}).Draw(rt, "labels")},
		journal.AlertChanged{Group: "g", Alert: "High", To: journal.AlertFiring, Labels: map[string]string{"severity": "page"}},
		journal.RuleFailed{Group: "g", Rule: rapid.SampledFrom([]string{"High", "r"}).Draw(rt, "rule"), Error: "no"},
		journal.ScrapeChanged{Service: "api", Instance: "api-1", Up: rapid.Bool().Draw(rt, "up")},
		journal.Exported{Service: "api", Metric: rapid.SampledFrom([]string{"a", "b", ""}).Draw(rt, "metric")},
		journal.PhaseStarted{Phase: rapid.SampledFrom([]string{"surge", "baseline"}).Draw(rt, "phase"), For: length("phase lasts")}, journal.PhaseEnded{Phase: "surge"},
		journal.ScaleDecision{ID: 1, Service: "api", Current: 1, Desired: 2}, journal.ScaleApplied{ID: 1, Service: "api"},
	}).Draw(rt, "of alert")
}
