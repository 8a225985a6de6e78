package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// leftOut is a record without some of its events.
func leftOut(rec *journal.Record, gone func(journal.Event) bool) *journal.Record {
	return &journal.Record{Events: slices.DeleteFunc(slices.Clone(rec.Events), gone), Latency: rec.Latency}
}

// What the record does not show is neither a pass nor a failure of an autoscaler.
func TestWhatIsNotOnRecordProvesNothingOfScaling(t *testing.T) {
	const second = time.Second
	cases := []struct {
		name, stored, id string
		change           func(*journal.Record, *scenarios.Plan) *journal.Record
		want             Verdict
		words            string
	}{
		{
			"an objective is missed to the last request", "scaling-tracking", "scaling/api/C2-recovery",
			func(rec *journal.Record, _ *scenarios.Plan) *journal.Record { // the only request after the rise of load is missed, within the limit
				return leftOut(rec, func(e journal.Event) bool { _, ok := e.Body.(journal.Traffic); return ok && e.T > 27*second })
			}, Inconclusive, "nothing shows that it was met again",
		},
		{
			"what ends after the last phase is what took longest", "scaling-tracking", "scaling/api/C2-recovery",
			func(rec *journal.Record, _ *scenarios.Plan) *journal.Record {
				return withLast(rec, journal.Traffic{Journey: "shop", Step: "browse", For: second, OK: 3, P95: 5 * second}, 4*second)
			}, Pass, "",
		},
		{
			"the gateway that counts the load died", "scaling-not-driven", "scaling/api/C6-thrash",
			func(rec *journal.Record, plan *scenarios.Plan) *journal.Record {
				plan.Checks[0].Scaling.Reversals = new(int)
				rec = leftOut(rec, func(journal.Event) bool { return false })
				rec.Events = insert(rec.Events, journal.Event{T: 30 * second, Body: journal.InstanceExited{Instance: "gateway-api", Code: 1}})
				return rec
			}, Inconclusive, "the gateway of api stopped by itself",
		},
		{
			"no job ever came", "queue-whole", "queue/worker/Q1-backlog",
			func(rec *journal.Record, _ *scenarios.Plan) *journal.Record {
				return leftOut(rec, func(e journal.Event) bool { _, ok := e.Body.(journal.Traffic); return ok })
			}, Inconclusive, "no buy of shop was acknowledged",
		},
		{
			"an account waited for too long, and was granted", "prescale-proactive", "prescale/importer/P5-answered",
			func(rec *journal.Record, plan *scenarios.Plan) *journal.Record { // ten seconds are one at this tempo
				rec = leftOut(rec, func(journal.Event) bool { return false })
				rec.Events = insert(rec.Events, journal.Event{T: 19 * second, Body: journal.Claim{Service: "importer", Account: "acme", State: granted, Waited: 2100 * time.Millisecond, Answered: true}})
				return rec
			}, Fail, "acme waited 2.100 s until it was granted",
		},
		{
			"no instance ran", "cost-whole", "cost/api/K1-replicas",
			func(rec *journal.Record, _ *scenarios.Plan) *journal.Record {
				return leftOut(rec, func(e journal.Event) bool { _, ok := e.Body.(journal.InstanceStarted); return ok })
			}, Inconclusive, "no instance of api ran",
		},
		{
			"a backlog that nobody read, and too many instances", "queue-whole", "scaling/worker/C4-over",
			func(rec *journal.Record, plan *scenarios.Plan) *journal.Record {
				plan.Checks[1].Scaling.OverProvisioned = new(scenarios.Factor)
				return leftOut(rec, func(e journal.Event) bool {
					m, ok := e.Body.(journal.Measured)
					return ok && m.Metric == "depth" && e.T > 60*second
				})
			}, Inconclusive, "depth was not read",
		},
		{
			"a backlog that nobody read, and too high a peak", "queue-whole", "scaling/worker/C5-overshoot",
			func(rec *journal.Record, plan *scenarios.Plan) *journal.Record {
				plan.Checks[1].Scaling.Overshoot = new(int)
				return leftOut(rec, func(e journal.Event) bool { m, ok := e.Body.(journal.Measured); return ok && m.Metric == "depth" })
			}, Inconclusive, "depth was not read",
		},
		{
			"a backlog that nobody read, and too many replica-seconds", "queue-whole", "cost/worker/K1-replicas",
			func(rec *journal.Record, plan *scenarios.Plan) *journal.Record {
				one := scenarios.Factor(1)
				plan.Checks[2].Cost.Replicas = &one
				return leftOut(rec, func(e journal.Event) bool { m, ok := e.Body.(journal.Measured); return ok && m.Metric == "depth" })
			}, Inconclusive, "depth was not read",
		},
	}
	for _, c := range cases {
		rec, plan := stored(t, c.stored)
		f := finding(t, Judge(c.change(rec, plan), plan), c.id)
		if f.Verdict != c.want || !strings.Contains(f.Reason, c.words) {
			t.Errorf("%s: %s (%s), want %s: %s", c.name, f.Verdict, f.Reason, c.want, c.words)
		}
	}
}

// withLast puts traffic off to so long after the last phase, with an interval of
// the driver's right before.
func withLast(rec *journal.Record, last journal.Traffic, after time.Duration) *journal.Record {
	more := &journal.Record{Latency: rec.Latency}
	for _, e := range rec.Events {
		switch e.Body.(type) {
		case journal.TrafficEnded:
			e.T += after
			last.Cohort = "people"
			more.Events = append(more.Events, journal.Event{T: e.T, Body: last})
		case journal.RunEnded, journal.Ledger:
			e.T += after
		}
		more.Events = append(more.Events, e)
	}
	return more
}

// A backlog keeps no more workers busy than it has jobs, however long one takes.
func TestABusyInstanceHasAJob(t *testing.T) {
	rec, plan := stored(t, "queue-whole")
	auto := *plan.Services["worker"].Autoscale
	auto.Capacity = 0.1 // a job takes ten seconds
	auto.Min = 0
	worker := plan.Services["worker"]
	worker.Autoscale = &auto
	plan.Services["worker"] = worker
	jobs := leftOut(rec, func(e journal.Event) bool {
		_, load := e.Body.(journal.Traffic)
		m, read := e.Body.(journal.Measured)
		return load || read && m.Metric == "depth"
	})
	for at := 3 * time.Second; at < 92*time.Second; at += time.Second {
		jobs.Events = insert(jobs.Events, journal.Event{T: at, Body: journal.Measured{Service: "worker", Metric: "depth", Value: 2}})
	}
	jobs.Events = insert(jobs.Events, journal.Event{T: 92 * time.Second, Body: journal.Traffic{Journey: "shop", Step: "buy", For: time.Second}})
	needed := levels{}
	for _, l := range Demands(jobs, plan)["worker"] {
		needed = append(needed, l)
	}
	if n := needed.At(40 * time.Second); n != 2 {
		t.Errorf("two jobs keep %d of four workers busy, want 2", n)
	}
}

// Changes of demand at the beginning of the phases that a check is about are
// changes too.
func TestJitterCountsTheChangeThatAPhaseBeginsWith(t *testing.T) {
	rec, plan := stored(t, "scaling-tracking")
	plan.Checks[0].Scaling.Phases = []string{"surge"}
	f := finding(t, Judge(rec, plan), "scaling/api/C6-thrash")
	if want := "1 change, 1 of demand: jitter +0 a minute"; !strings.HasSuffix(f.Measured, want) {
		t.Errorf("%s, want %s", f.Measured, want)
	}
}

// Work that the end of the run cut off fails nothing, and passes nothing.
func TestWorkThatTheEndCutOff(t *testing.T) {
	const id = "prescale/importer/P3-completed"
	ended := func(e journal.Event) bool {
		m, ok := e.Body.(journal.Milestone)
		return ok && m.Session == 2 && m.Step == "imported" && m.Outcome == "ok"
	}
	for _, c := range []struct {
		name    string
		at      time.Duration
		outcome string
		want    Verdict
	}{
		{"under way when traffic ended", 62 * time.Second, "unknown", Inconclusive},
		{"broken off in the middle of the run", 40 * time.Second, "unknown", Fail},
		{"failed at the end", 62 * time.Second, "fail", Fail},
		{"done at the end", 62 * time.Second, "ok", Pass},
	} {
		rec, plan := stored(t, "prescale-proactive") // traffic ends at 62 s
		i := slices.IndexFunc(rec.Events, ended)
		m := rec.Events[i].Body.(journal.Milestone)
		m.Outcome = c.outcome
		rec = leftOut(rec, ended)
		at := slices.IndexFunc(rec.Events, func(e journal.Event) bool { return e.T >= c.at })
		rec.Events = slices.Insert(rec.Events, at, journal.Event{T: c.at, Body: m})
		if f := finding(t, Judge(rec, plan), id); f.Verdict != c.want {
			t.Errorf("%s: %s (%s), want %s", c.name, f.Verdict, f.Reason, c.want)
		}
	}
}

// A session that had the first step behind it when the last phase ended had no
// chance; one that had it long before just did not go on.
func TestWorkThatWasNeverGoneOnWith(t *testing.T) {
	for at, want := range map[time.Duration]Verdict{61 * time.Second: Fail, 62 * time.Second: Inconclusive} { // the last phase ends at 62 s
		rec, plan := stored(t, "prescale-proactive")
		rec = leftOut(rec, func(e journal.Event) bool {
			m, ok := e.Body.(journal.Milestone)
			return ok && m.Session == 2 && (m.Step == "imported" || m.Outcome != "started")
		})
		done := journal.Milestone{Journey: "import", Step: "upload", Cohort: "enterprises", Tier: "enterprise", Tenant: "initech", Session: 2, Outcome: "ok"}
		i := slices.IndexFunc(rec.Events, func(e journal.Event) bool { return e.T >= at })
		rec.Events = slices.Insert(rec.Events, i, journal.Event{T: at, Body: done})
		if f := finding(t, Judge(rec, plan), "prescale/importer/P3-completed"); f.Verdict != want {
			t.Errorf("uploaded at %v: %s (%s), want %s", at, f.Verdict, f.Reason, want)
		}
	}
}

// Who is announced when it is too late for an answer waits for none.
func TestAnnouncedAtTheEnd(t *testing.T) {
	const id = "prescale/importer/P5-answered"
	for _, c := range []struct {
		at   time.Duration
		want Verdict
	}{{50 * time.Second, Fail}, {57 * time.Second, Fail}, {58 * time.Second, Pass}, {62500 * time.Millisecond, Pass}} {
		rec, plan := stored(t, "prescale-proactive") // traffic ends at 62 s
		rec = leftOut(rec, func(journal.Event) bool { return false })
		signal := journal.SessionSignal{Service: "api", Via: "webhook", Account: "hooli", Tier: "enterprise"}
		rec.Events = insert(rec.Events, journal.Event{T: c.at, Body: signal})
		if f := finding(t, Judge(rec, plan), id); f.Verdict != c.want {
			t.Errorf("announced at %v: %s (%s), want %s", c.at, f.Verdict, f.Reason, c.want)
		}
	}
	rec, plan := stored(t, "prescale-proactive")
	rec = leftOut(rec, func(e journal.Event) bool {
		s, ok := e.Body.(journal.SessionSignal)
		_, claimed := e.Body.(journal.Claim)
		return claimed || ok && (s.Account != "acme" || e.T > 14*time.Second)
	})
	for i := range rec.Events {
		if _, ok := rec.Events[i].Body.(journal.SessionSignal); ok {
			rec.Events[i].T = 60 * time.Second
		}
	}
	if f := finding(t, Judge(rec, plan), id); f.Verdict != Inconclusive {
		t.Errorf("only announced at the end: %s (%s)", f.Verdict, f.Measured)
	}
}

// A reason names the first removals that came too early, and counts the others.
func TestManyHastyRemovals(t *testing.T) {
	rec, plan := stored(t, "scaling-hpa")
	rec = leftOut(rec, func(journal.Event) bool { return false })
	for i := range 40 {
		at := 62*time.Second + time.Duration(i)*100*time.Millisecond
		rec.Events = insert(rec.Events, journal.Event{T: at, Body: journal.ScaleDecision{ID: 100 + i, Service: "api", Autoscaler: "hpa", Current: 5, Wanted: 2, Desired: 4}})
		rec.Events = insert(rec.Events, journal.Event{T: at, Body: journal.ScaleApplied{ID: 100 + i, Service: "api", Stopping: []string{"api-5"}}})
	}
	f := finding(t, Judge(rec, plan), "scaling/api/C8-stabilization")
	if f.Verdict != Fail || !strings.Contains(f.Reason, "37 more removals came too early") || strings.Count(f.Reason, "decision 1") != keysInReason || len(f.Evidence) > 2*maxNamed {
		t.Errorf("%s with %d pieces of evidence: %s", f.Verdict, len(f.Evidence), f.Reason)
	}
}
