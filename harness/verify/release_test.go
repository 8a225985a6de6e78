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

// stored is the run of a file in testdata.
func stored(t testing.TB, name string) (*journal.Record, *scenarios.Plan) {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	return readCase(t, archive)
}

// finding is the one with that ID; a test without it is broken.
func finding(t testing.TB, r Result, id string) Finding {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(f Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("there is no finding %s in %+v", id, r.Checks)
	}
	return r.Checks[i]
}

// Every rule on releases, sessions and what was acknowledged has a case that
// passes, one that fails and one that proves nothing.
func TestEveryRuleOnReleasesCanFailAndPass(t *testing.T) {
	rules := []string{"L1-completed", "L2-no-failures", "L3-capacity", "L4-versions", "L5-job", "S1-elsewhere", "S2-loss", "integrity/orders"}
	seen := map[string]map[Verdict]bool{}
	for _, rule := range rules {
		seen[rule] = map[Verdict]bool{}
	}
	for _, kind := range []string{"release", "stateless", "integrity"} {
		files, err := filepath.Glob("testdata/" + kind + "-*.txtar")
		if err != nil || len(files) == 0 {
			t.Fatalf("no testdata of %s: %v", kind, err)
		}
		for _, file := range files {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range recorded(t, archive).Checks {
				for _, rule := range rules {
					if strings.HasSuffix(f.ID, rule) {
						seen[rule][f.Verdict] = true
					}
				}
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

// One request that was under way at any moment of a release and failed is
// enough, whatever it met, and no other request is.
func TestOneLostRequestFailsARelease(t *testing.T) {
	rec, plan := stored(t, "release-rolling")
	const start, until = 12 * time.Second, 16 * time.Second
	rapid.Check(t, func(rt *rapid.T) {
		from := time.Duration(rapid.Int64Range(int64(3*time.Second), int64(30*time.Second)).Draw(rt, "from"))
		end := from + time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(rt, "length"))
		lost := journal.Request{Service: "api", Method: "GET", Path: "/", Start: from, Reused: rapid.Bool().Draw(rt, "reused"),
			Instance: rapid.SampledFrom([]string{"api-1", "api-2", "api-3", ""}).Draw(rt, "instance")}
		lost.Failure = journal.NoEndpoint
		if lost.Instance != "" {
			lost.Failure = rapid.SampledFrom([]journal.Failure{journal.Refused, journal.Closed, journal.Status5xx, journal.Timeout, journal.ClientGone}).Draw(rt, "failure")
		}
		more := *rec
		more.Events = insert(slices.Clone(rec.Events), journal.Event{T: end, Body: lost})
		f := finding(t, Judge(&more, plan), "release/api/L2-no-failures")
		want := Pass
		if from <= until && end >= start && lost.Failure != journal.ClientGone {
			want = Fail
		}
		if f.Verdict != want {
			rt.Fatalf("%+v from %v to %v: %s, want %s: %s", lost, from, end, f.Verdict, want, f.Reason)
		}
		if want == Fail && !strings.Contains(f.Reason, "1 request failed") || want == Fail && !strings.Contains(f.Reason, lost.Instance) {
			rt.Fatalf("the reason does not say whose failure it was: %s", f.Reason)
		}
	})
}

// The same failure counted twice, in a tally and one by one, is one.
func TestALostRequestIsCountedOnce(t *testing.T) {
	rec, plan := stored(t, "release-failures")
	f := finding(t, Judge(rec, plan), "release/api/L2-no-failures")
	if !strings.HasPrefix(f.Measured, "17 of 520 requests failed") {
		t.Errorf("measured %q", f.Measured)
	}
}

// Nothing that is cut short passes: not a release, not a session, not a
// comparison.
func TestAPartOfAReleaseNeverPasses(t *testing.T) {
	for _, name := range []string{"release-job", "release-blue-green", "stateless-shared", "integrity-once", "integrity-none"} {
		rec, plan := stored(t, name)
		ended := slices.IndexFunc(rec.Events, func(e journal.Event) bool { _, ok := e.Body.(journal.RunEnded); return ok })
		for n := range ended {
			for _, f := range Judge(&journal.Record{Events: rec.Events[:n]}, plan).Checks {
				if f.Verdict == Pass {
					t.Fatalf("%s: after %d of %d events %s passes", name, n, len(rec.Events), f.ID)
				}
			}
		}
	}
}

// In which order events of the same kind were written does not show.
func TestOrderOfWritingDoesNotShow(t *testing.T) {
	for _, name := range []string{"release-failures", "stateless-in-memory"} {
		rec, plan := stored(t, name)
		want := string(renderVerdict(t, Judge(rec, plan)))
		var loose []int
		for i, e := range rec.Events {
			switch e.Body.(type) {
			case journal.Request, journal.Moved:
				loose = append(loose, i)
			}
		}
		rapid.Check(t, func(rt *rapid.T) {
			same := *rec
			same.Events = slices.Clone(rec.Events)
			for i, from := range rapid.Permutation(loose).Draw(rt, "order") {
				same.Events[loose[i]] = rec.Events[from]
			}
			if have := string(renderVerdict(t, Judge(&same, plan))); have != want {
				rt.Fatalf("%s: have\n%s\nwant\n%s", name, have, want)
			}
		})
	}
}

// releasePlan has every check on releases, sessions and what was acknowledged.
func releasePlan() *scenarios.Plan {
	floor := 1
	return &scenarios.Plan{
		Scenario: "drill",
		Services: map[string]scenarios.PlannedService{"api": {Port: 8080, Balance: "request"}},
		Checks: []scenarios.Check{
			{Release: &scenarios.ReleaseCheck{Service: "api", Floor: &floor, Job: &scenarios.JobCheck{Name: "backfill", Read: &scenarios.Truth{}}}},
			{Release: &scenarios.ReleaseCheck{Service: "api"}},
			{Stateless: &scenarios.StatelessCheck{Service: "api", Journey: "shop"}},
			{Stateless: &scenarios.StatelessCheck{Service: "api", Journey: "shop", Steps: []string{"buy"}}},
			{Integrity: &scenarios.IntegrityCheck{Name: "orders", Of: &scenarios.Acknowledged{Journey: "shop", Step: "buy"}}},
			{Integrity: &scenarios.IntegrityCheck{Name: "drift", Want: "none"}},
		},
	}
}

// drawReleases makes any events at all that these checks look at.
func drawReleases(rt *rapid.T) []journal.Event {
	when := rapid.Int64Range(0, int64(40*time.Second))
	name := rapid.SampledFrom([]string{"api-1", "api-2", "api-3", ""})
	number := rapid.IntRange(-1, 5)
	drawn := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) journal.Event {
		at, in := time.Duration(when.Draw(rt, "at")), name.Draw(rt, "instance")
		strategy := rapid.SampledFrom([]string{"rolling_release", "blue_green", "replace_all"}).Draw(rt, "strategy")
		version := rapid.SampledFrom([]string{"", "v1", "v2"}).Draw(rt, "version")
		text := rapid.SampledFrom([]string{"", "start api-3: gone\nlog", "context canceled"}).Draw(rt, "error")
		bodies := []journal.Body{
			journal.TrafficStarted{}, journal.TrafficEnded{}, journal.RunEnded{Reason: rapid.SampledFrom([]string{"completed", "interrupted"}).Draw(rt, "reason")},
			journal.ActionStarted{Service: "api", Action: strategy, Version: version, Floor: number.Draw(rt, "floor")},
			journal.ActionEnded{Service: "api", Action: strategy, Error: text},
			journal.ActionStarted{Service: "backfill", Action: "job"}, journal.ActionEnded{Service: "backfill", Action: "job", Error: text},
			journal.InstanceStarted{Service: "api", Instance: in, Version: version}, journal.InstanceStarted{Service: "backfill", Instance: "backfill-1", Job: true},
			journal.InstanceTerminating{Service: "api", Instance: in, Grace: 10 * time.Second},
			journal.InstanceExited{Service: "api", Instance: in, Wanted: true},
			journal.EndpointAdded{Service: "api", Instance: in},
			journal.EndpointRemoved{Service: "api", Instance: in, Reason: rapid.SampledFrom([]string{"unready", "terminating", "gone", "switched"}).Draw(rt, "why")},
			journal.Request{Service: "api", Instance: in, Start: at - time.Duration(rapid.Int64Range(-5, int64(at)).Draw(rt, "length")),
				Failure: rapid.SampledFrom([]journal.Failure{"", journal.Refused, journal.ClientGone, journal.NoEndpoint}).Draw(rt, "failure")},
			journal.Tally{Service: "api", Instance: in, For: time.Second, Total: number.Draw(rt, "total"), Suppressed: number.Draw(rt, "suppressed"),
				InFlight: number.Draw(rt, "in flight"), Failed: map[journal.Failure]int{"reset": number.Draw(rt, "failed")}},
			journal.Moved{Service: "api", Home: in, Journey: "shop", Step: rapid.SampledFrom([]string{"buy", "browse", ""}).Draw(rt, "step"),
				For: time.Second, Total: number.Draw(rt, "moved"), Refused: number.Draw(rt, "refused")},
			journal.Ledger{ID: rapid.SampledFrom([]string{"integrity/orders", "integrity/drift", "release/api/backfill"}).Draw(rt, "id"),
				Acknowledged: number.Draw(rt, "acknowledged"), Found: number.Draw(rt, "found"), Missing: number.Draw(rt, "missing"), MissingKeys: []string{"a", "b"},
				Repeated: number.Draw(rt, "repeated"), FoundKeys: []string{"c"}, Lost: number.Draw(rt, "lost"), Error: text},
		}
		return journal.Event{T: at, Body: rapid.SampledFrom(bodies).Draw(rt, "body")}
	}), 0, 60).Draw(rt, "events")
	slices.SortStableFunc(drawn, func(a, b journal.Event) int { return int(a.T - b.T) })
	return drawn
}

// Whatever stands in a record, judging it twice gives the same, no check
// crashes, no cell is empty or goes over a line, and nothing but a pass comes
// without a reason.
func TestJudgingReleasesIsAFunction(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rec, plan := &journal.Record{Events: drawReleases(rt)}, releasePlan()
		first, second := Judge(rec, plan), Judge(rec, plan)
		if a, b := string(renderVerdict(t, first)), string(renderVerdict(t, second)); a != b {
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
			case strings.Contains(f.Measured+f.Wanted+f.Reason, "\n"):
				rt.Fatalf("%s: a line break in %+v", f.ID, f)
			}
		}
	})
}

func TestLongTextsAreCutBetweenCharacters(t *testing.T) {
	for _, test := range []struct{ text, line string }{
		{"", ""},
		{"one line", "one line"},
		{"  start api-3: its last lines:\n  a\n", "start api-3: its last lines"},
		{"api-3 exited with code 1; its last log lines:\n  no database", "api-3 exited with code 1"},
		{"api-3 exited with code 1; it wrote no log", "api-3 exited with code 1; it wrote no log"},
		{strings.Repeat("ä", 200), strings.Repeat("ä", 120) + "…"},
	} {
		if have := firstLine(test.text); have != test.line {
			t.Errorf("first line of %q is %q, want %q", test.text, have, test.line)
		}
	}
	if have := capped(strings.Repeat("€", 2000)); len(have) > maxErrorText+len("…") || strings.ContainsRune(have, '�') {
		t.Errorf("%d bytes: %.40q", len(have), have)
	}
}

func TestAnErrorDoesNotRepeatWhatItIsOf(t *testing.T) {
	for _, test := range []struct{ detail, text, want string }{
		{"run job seed", "run job seed: seed-1 exited with code 7", "seed-1 exited with code 7"},
		{"scale api to 3", "start api-3: no such image", "start api-3: no such image"},
		{"scale api to 3", "no engine", "no engine"},
	} {
		if have := without(test.detail, test.text); have != test.want {
			t.Errorf("%q of %q is %q, want %q", test.text, test.detail, have, test.want)
		}
	}
}
