package verify

import (
	"maps"
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

// Every rule on autoscaling has a case that passes, one that fails and one that
// proves nothing.
func TestEveryRuleOnScalingCanFailAndPass(t *testing.T) {
	seen := map[string]map[Verdict]bool{}
	for _, rule := range []string{"C1-reaction", "C2-recovery", "C3-under", "C4-over", "C5-overshoot", "C6-thrash", "C7-limits", "C8-stabilization",
		"Q1-backlog", "Q2-age", "Q3-drained", "Q4-undisturbed", "P1-effective", "P2-unbroken", "P3-completed", "P4-returned", "P5-answered",
		"K1-replicas", "K2-cpu"} {
		seen[rule] = map[Verdict]bool{}
	}
	for _, kind := range []string{"scaling", "queue", "prescale", "cost"} {
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
				if rule := f.ID[strings.LastIndex(f.ID, "/")+1:]; seen[rule] != nil {
					seen[rule][f.Verdict] = true
				}
			}
		}
	}
	for rule, verdicts := range seen {
		for _, v := range []Verdict{Pass, Fail, Inconclusive} {
			if !verdicts[v] {
				t.Errorf("no case in testdata where %s is %s", rule, v)
			}
		}
	}
}

// However a run of an autoscaler is cut short, it does not pass.
func TestAPartOfAScaledRunNeverPasses(t *testing.T) {
	for _, name := range []string{"scaling-tracking", "scaling-hpa", "queue-whole", "prescale-proactive", "cost-whole"} {
		rec, plan := stored(t, name)
		ended := slices.IndexFunc(rec.Events, func(e journal.Event) bool { _, ok := e.Body.(journal.RunEnded); return ok })
		if Judge(rec, plan).Verdict != Pass {
			t.Errorf("%s does not pass as a whole", name)
		}
		for n := range ended {
			for _, f := range Judge(&journal.Record{Events: rec.Events[:n], Latency: rec.Latency}, plan).Checks {
				if f.Verdict == Pass {
					t.Fatalf("%s: after %d of %d events %s passes", name, n, len(rec.Events), f.ID)
				}
			}
		}
	}
}

// However a run that passes is cut short, nothing in it has failed: what had not
// come about by then may have been about to.
func TestAPartOfAPassingScaledRunNeverFails(t *testing.T) {
	for _, name := range []string{"scaling-tracking", "scaling-hpa", "scaling-scheduled", "scaling-release", "scaling-newcomers-stayed", "queue-whole", "prescale-proactive", "cost-whole"} {
		rec, plan := stored(t, name)
		ended := slices.IndexFunc(rec.Events, func(e journal.Event) bool { _, ok := e.Body.(journal.RunEnded); return ok })
		for n := range ended {
			for _, f := range Judge(&journal.Record{Events: rec.Events[:n], Latency: rec.Latency}, plan).Checks {
				if f.Verdict == Fail {
					t.Fatalf("%s: after %d of %d events %s fails: %s", name, n, len(rec.Events), f.ID, f.Reason)
				}
			}
		}
	}
}

// One removal that comes too early is enough, and one that does not is none.
func TestOneHastyRemovalIsEnough(t *testing.T) {
	rec, plan := stored(t, "scaling-hpa") // a window of 60 s, six at this tempo; 5 are asked for at 61 s for the last time
	rapid.Check(t, func(rt *rapid.T) {
		at := time.Duration(rapid.Int64Range(int64(61*time.Second+1), int64(69*time.Second)).Draw(rt, "at"))
		if early := 67 * time.Second; at > early-fastestLook-1 && at <= early {
			rt.Skip("a moment more or less is nobody's concern")
		}
		more := *rec
		for _, e := range []journal.Body{
			journal.ScaleDecision{ID: 99, Service: "api", Autoscaler: "hpa", Current: 5, Wanted: 2, Desired: 4, Reason: "SucceededRescale"},
			journal.ScaleApplied{ID: 99, Service: "api", Stopping: []string{"api-5"}},
		} {
			more.Events = insert(slices.Clone(more.Events), journal.Event{T: at, Body: e})
		}
		want := Pass
		if at < 67*time.Second {
			want = Fail
		}
		if f := finding(t, Judge(&more, plan), "scaling/api/C8-stabilization"); f.Verdict != want {
			rt.Fatalf("a removal at %v: %s, want %s (%s)", at, f.Verdict, want, f.Reason)
		}
	})
}

// An instance that is enlarged before the first byte is in time, and any moment
// after it is too late.
func TestThePrescaleHasToComeFirst(t *testing.T) {
	rec, plan := stored(t, "prescale-proactive") // the first byte is at 16 s, the lead half a second
	rapid.Check(t, func(rt *rapid.T) {
		at := time.Duration(rapid.Int64Range(int64(3*time.Second), int64(25*time.Second)).Draw(rt, "at"))
		more := &journal.Record{}
		for _, e := range rec.Events {
			if r, ok := e.Body.(journal.Resized); ok && r.Instance == "importer-1" && r.Class == largeClass {
				continue
			}
			more.Events = append(more.Events, e)
		}
		more.Events = insert(more.Events, journal.Event{T: at, Body: journal.Resized{Service: "importer", Instance: "importer-1", Class: largeClass}})
		want := Pass
		if at > 15500*time.Millisecond {
			want = Fail
		}
		if f := finding(t, Judge(more, plan), "prescale/importer/P1-effective"); f.Verdict != want {
			rt.Fatalf("large at %v: %s, want %s (%s)", at, f.Verdict, want, f.Reason)
		}
	})
}

// Judging runs of autoscalers depends on nothing but the record; no check
// crashes, no cell is empty, nothing but a pass comes without a reason.
func TestJudgingScalingIsAFunction(t *testing.T) {
	plans := map[string]*scenarios.Plan{}
	for _, name := range []string{"scaling-tracking", "scaling-hpa", "scaling-scheduled", "queue-whole", "prescale-budget", "prescale-reactive", "prescale-one", "prescale-header", "cost-whole"} {
		_, plans[name] = stored(t, name)
	}
	rapid.Check(t, func(rt *rapid.T) {
		plan := plans[rapid.SampledFrom(slices.Sorted(maps.Keys(plans))).Draw(rt, "plan")]
		rec := &journal.Record{Events: drawScaling(rt)}
		first := Judge(rec, plan)
		if a, b := string(renderVerdict(t, first)), string(renderVerdict(t, Judge(rec, plan))); a != b {
			rt.Fatalf("two verdicts on one record:\n%s%s", a, b)
		}
		for _, f := range first.Checks {
			switch {
			case strings.HasPrefix(f.Reason, "checker crashed"):
				rt.Fatal(f.ID, f.Reason)
			case f.Verdict != Pass && f.Reason == "":
				rt.Fatalf("%s is %s without a reason", f.ID, f.Verdict)
			case f.Measured == "" || f.Wanted == "":
				rt.Fatalf("%s: an empty cell: %+v", f.ID, f)
			}
		}
		if _, err := Calibrate(rec, plan, "api"); err != nil && strings.Contains(err.Error(), "could not be judged") {
			rt.Fatal(err)
		}
	})
}

// drawScaling makes any events at all of services that are scaled, whatever may
// stand in a record.
func drawScaling(rt *rapid.T) []journal.Event {
	when := rapid.Int64Range(0, int64(100*time.Second))
	service := rapid.SampledFrom([]string{"api", "worker", "importer"}).Draw(rt, "service")
	number := rapid.IntRange(-1, 9)
	n := rapid.IntRange(0, 60).Draw(rt, "events")
	events := []journal.Event{{Body: journal.RunStarted{}}, {T: 2 * time.Second, Body: journal.TrafficStarted{}},
		{T: 92 * time.Second, Body: journal.TrafficEnded{}}, {T: 93 * time.Second, Body: journal.RunEnded{Reason: "completed"}}}
	if rapid.Bool().Draw(rt, "cut") {
		events = events[:2]
	}
	for range n {
		at := time.Duration(when.Draw(rt, "at"))
		instance := service + "-" + rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "number")
		account := rapid.SampledFrom([]string{"acme", "globex"}).Draw(rt, "account")
		id := number.Draw(rt, "id")
		value := rapid.Float64Range(-5, 500).Draw(rt, "value")
		bodies := []journal.Body{
			journal.InstanceStarted{Service: service, Instance: instance, Cause: journal.DecisionCause(id, "x")},
			journal.InstanceTerminating{Service: service, Instance: instance, Grace: time.Second},
			journal.InstanceSignalled{Service: service, Instance: instance, Signal: rapid.SampledFrom([]string{"SIGTERM", "SIGKILL"}).Draw(rt, "signal")},
			journal.InstanceExited{Service: service, Instance: instance, Code: number.Draw(rt, "code"), OOM: rapid.Bool().Draw(rt, "oom"), Wanted: rapid.Bool().Draw(rt, "wanted")},
			journal.EndpointAdded{Service: service, Instance: instance}, journal.EndpointRemoved{Service: service, Instance: instance, Reason: "unready"},
			journal.ProbeChanged{Service: service, Instance: instance, Ready: rapid.Bool().Draw(rt, "ready")},
			journal.ScaleDecision{ID: id, Service: service, Autoscaler: rapid.SampledFrom([]string{"hpa", "queue", "replace", "proactive", ""}).Draw(rt, "scaler"),
				Current: number.Draw(rt, "current"), Wanted: number.Draw(rt, "wanted number"), Desired: number.Draw(rt, "desired"),
				Held:    rapid.SampledFrom([]string{"", "frozen"}).Draw(rt, "held"),
				Metrics: []journal.ScaleMetric{{Name: "m", Value: rapid.Ptr(rapid.Just(value), true).Draw(rt, "metric"), Error: "x"}}},
			journal.ScaleApplied{ID: id, Service: service, Started: []string{instance}, Error: rapid.SampledFrom([]string{"", "no\nlog"}).Draw(rt, "error")},
			journal.Resized{Decision: id, Service: service, Instance: instance, Class: rapid.SampledFrom([]string{"large", "base", ""}).Draw(rt, "class"), Error: rapid.SampledFrom([]string{"", "no"}).Draw(rt, "resize error")},
			journal.SessionSignal{Service: "api", Account: account, Tier: "enterprise"},
			journal.Claim{Service: service, Account: account, State: rapid.SampledFrom([]string{granted, renewed, queued, rejected, "released"}).Draw(rt, "state"), Instance: instance, Answered: rapid.Bool().Draw(rt, "answered")},
			journal.Usage{Service: service, Instance: instance, CPU: time.Duration(when.Draw(rt, "cpu"))},
			journal.Measured{Service: service, Metric: rapid.SampledFrom([]string{"depth", "oldest"}).Draw(rt, "name"), Value: value, Error: rapid.SampledFrom([]string{"", "x"}).Draw(rt, "unread")},
			journal.Interrupted{Service: service, Instances: []string{instance}, Notice: time.Second},
			journal.Milestone{Journey: "import", Step: rapid.SampledFrom([]string{"upload", "imported"}).Draw(rt, "step"), Tier: "enterprise", Tenant: account,
				Session: number.Draw(rt, "session"), Outcome: rapid.SampledFrom([]string{"started", "ok", "fail", "unknown"}).Draw(rt, "outcome")},
			journal.Traffic{Journey: "shop", Step: rapid.SampledFrom([]string{"browse", "buy", ""}).Draw(rt, "shop step"), Tier: "enterprise",
				For: time.Duration(rapid.Int64Range(-1, int64(5*time.Second)).Draw(rt, "for")), Intended: number.Draw(rt, "intended"), OK: number.Draw(rt, "ok"), Sent: 1, Failed: number.Draw(rt, "failed"), P95: time.Second},
			journal.Tally{Service: service, Instance: instance, For: time.Second, Total: number.Draw(rt, "total")},
			journal.Ledger{ID: "queue/worker", Acknowledged: number.Draw(rt, "acknowledged"), Found: number.Draw(rt, "found"), Again: number.Draw(rt, "again"), MostDeliveries: number.Draw(rt, "deliveries")},
			journal.ActionStarted{Service: service, Action: rapid.SampledFrom([]string{"interrupt", "scale"}).Draw(rt, "action"), Detail: "x"},
			journal.ActionEnded{Service: service, Action: "interrupt", Detail: "x"},
		}
		events = append(events, journal.Event{T: at, Body: rapid.SampledFrom(bodies).Draw(rt, "body")})
	}
	slices.SortStableFunc(events, func(a, b journal.Event) int { return int(min(1, max(-1, a.T-b.T))) })
	return events
}
