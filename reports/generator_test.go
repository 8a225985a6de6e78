package reports

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// lateRun is the healthy run with a generator that was late: one request in
// thirty by a second.
func lateRun() Run {
	run := healthyRun()
	late := journal.NewHistogram()
	_ = late.RecordValues(1_000_000, 50) // within range
	run.Record.Latency = append(run.Record.Latency, journal.Interval{
		Tag: journal.Tag{Phase: "baseline", Cohort: "free", Journey: "shop", Step: "home", Measure: journal.Lag}, To: second, Histogram: late,
	})
	return run
}

func TestEveryFormatSaysWhetherTheGeneratorWasGoodEnough(t *testing.T) {
	good, bad := healthyRun(), lateRun()
	for _, f := range formats() {
		squeeze := func(run Run) string {
			return strings.ToLower(strings.Join(strings.Fields(render(t, run, f.render)), " "))
		}
		was, is := squeeze(good), squeeze(bad)
		no := "not good enough"
		if f.name == "json" {
			no = `"good": false`
		}
		if strings.Contains(was, no) {
			t.Errorf("%s: a good generator is not good enough", f.name)
		}
		if !strings.Contains(is, no) || !strings.Contains(is, "the generator was late itself: 1 request in 100") {
			t.Errorf("%s does not say that the generator was late, and why", f.name)
		}
		if yes := map[bool]string{true: `"good": true`, false: "good enough"}[f.name == "json"]; !strings.Contains(was, yes) {
			t.Errorf("%s does not say that the generator was good enough", f.name)
		}
		for _, want := range []string{"event loop", "net/http"} {
			if !strings.Contains(was, want) {
				t.Errorf("%s does not name the engine %s", f.name, want)
			}
		}
	}
}

func TestGeneratorFigures(t *testing.T) {
	traffic := journal.Traffic{Journey: "shop", Step: "a", For: second, Intended: 100, Sent: 97, OK: 90, Failed: 10, Own: 3}
	run := Run{Record: &journal.Record{Events: []journal.Event{
		at(0, journal.TrafficStarted{}),
		at(second, traffic),
		at(second, journal.Traffic{Journey: "shop", For: second, Intended: 9, Sent: 9, OK: 9, Own: 3}), // sessions are no requests
		at(second, journal.Generator{For: second, Area: 3, Sojourn: 2, CPU: second, Thread: 500 * ms, CPUs: 4, Steal: -1, Files: 10, FileLimit: 100,
			Connections: 5, Dialled: 5, Exhausted: map[string]int{"ports": 2}, Dispersion: .2, Asked: -1, Memory: 3 << 20, InFlight: 7, Sessions: 3, Queued: 2}),
		at(4*second, journal.Generator{For: 3 * second, Area: 1, Sojourn: 2, CPU: 6 * second, Thread: -1, CPUs: 4, Steal: -1, Files: 30, FileLimit: 100,
			Connections: 3, Dialled: 2, Exhausted: map[string]int{"ports": 1, "files": 1}, Dispersion: .6, Asked: -1, Memory: 2 << 20}),
		at(4*second, journal.Engine{Engine: "net/http", Service: "b", Requests: 1, Why: "TLS"}),
		at(4*second, journal.Engine{Engine: "event loop", Service: "a", Requests: 99, Why: "plain"}),
		at(4*second, journal.TrafficEnded{}),
		at(4*second, journal.RunEnded{Reason: "completed"}),
	}}}
	g := generatorOf(run, nil, times{})
	for _, f := range []struct {
		what       string
		have, want float64
	}{
		{"intended", float64(g.Intended), 100}, {"sent", float64(g.Sent), 97}, {"own", float64(g.Own), 3},
		{"area", g.Area, 4}, {"sojourn", g.Sojourn, 4}, {"ports", float64(g.Exhausted["ports"]), 3}, {"files missing", float64(g.Exhausted["files"]), 1},
		{"thread", g.Thread, .5}, {"worst thread", g.ThreadWorst, .5}, // of the second that tells
		{"cpu", g.CPU, (.25 + 3*.5) / 4}, {"worst cpu", g.CPUWorst, .5}, {"cpus", g.CPUs, 4},
		{"steal", g.Steal, -1}, {"worst steal", g.StealWorst, -1}, {"dispersion", g.Dispersion, (.2 + 3*.6) / 4}, {"asked", g.Asked, -1},
		{"files", float64(g.Files), 30}, {"limit", float64(g.FileLimit), 100}, {"connections", float64(g.Connections), 5}, {"dialled", float64(g.Dialled), 7},
		{"in flight", float64(g.InFlight), 7}, {"sessions", float64(g.Sessions), 3}, {"queued", float64(g.Queued), 2},
		{"memory", float64(g.Memory), 3 << 20}, {"seconds", float64(g.Seconds), 2}, {"achieved rate", g.achievedRate, 97. / 4},
	} {
		if d := f.have - f.want; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s %g, want %g", f.what, f.have, f.want)
		}
	}
	if g.Good || len(g.Doubts) != 1 || !strings.Contains(g.Doubts[0], "for want of") {
		t.Errorf("doubts %q", g.Doubts)
	}
	if have, want := g.words(), "event loop and net/http; 97 of 100 requests sent, thread 50 %"; have != want {
		t.Errorf("%q, want %q", have, want)
	}
	if g.Engines[0].Service != "a" {
		t.Errorf("engines %+v are not in order of their services", g.Engines)
	}
	facts := ""
	for _, f := range g.facts() {
		facts += f.name + ": " + f.value + "\n"
	}
	for _, want := range []string{"Not sent for want of something of its own: 4: ports 3, files 1", "Dispersion of session starts: – asked, 0.5 sent", "Steal: –, – in the worst second", "24.2/s of 25/s"} {
		if !strings.Contains(facts, want) {
			t.Errorf("no %q in\n%s", want, facts)
		}
	}
}

// Nothing is said of a generator that told nothing and had nothing to do.
func TestNoGenerator(t *testing.T) {
	if g := generatorOf(Run{}, nil, times{}); g.words() != "" || pageGeneratorOf(Run{}, window{}, g) != nil {
		t.Errorf("%q", g.words())
	}
}

// Buckets hold every value once, under the right bound.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := journal.NewHistogram()
		values := rapid.SliceOfN(rapid.Int64Range(1, 600_000_000), 1, 60).Draw(rt, "values")
		for _, v := range values {
			_ = h.RecordValue(v)
		}
		buckets := bucketsOf(h)
		sum := 0
		for i, b := range buckets {
			sum += b.Count
			if i > 0 && buckets[i-1].UpTo >= b.UpTo {
				rt.Fatalf("bounds do not rise: %v", buckets)
			}
		}
		if sum != len(values) || buckets[0].Count == 0 || buckets[len(buckets)-1].Count == 0 {
			rt.Fatalf("%d of %d values in %v", sum, len(values), buckets)
		}
		top := time.Duration(slices.Max(values)) * time.Microsecond
		last := buckets[len(buckets)-1].UpTo
		if last < top*998/1000 || last > max(top*26/10, 10*time.Microsecond) {
			rt.Fatalf("the last bound is %v for a highest value of %v", last, top)
		}
	})
	bound, have := 10*time.Microsecond, ""
	for range 7 {
		have += bound.String() + " "
		bound = nextBound(bound)
	}
	if want := "10µs 20µs 50µs 100µs 200µs 500µs 1ms "; have != want {
		t.Errorf("bounds %s, want %s", have, want)
	}
	if bucketsOf(journal.NewHistogram()) != nil {
		t.Error("nothing has buckets")
	}
}

// New members only: what readers of version 1 know stays as it was.
func TestJSONListsAreLists(t *testing.T) {
	var d map[string]any
	must(t, json.Unmarshal([]byte(render(t, Run{}, JSON)), &d))
	for _, path := range [][]string{
		{"closed_loops"}, {"replays"}, {"generator", "doubts"}, {"generator", "engines"}, {"generator", "lag"},
		{"breakdowns", "journeys"}, {"breakdowns", "steps"}, {"breakdowns", "polls"}, {"breakdowns", "cohorts"}, {"breakdowns", "tiers"}, {"breakdowns", "instances"},
	} {
		var v any = d
		for _, name := range path {
			v = v.(map[string]any)[name]
		}
		if _, ok := v.([]any); !ok {
			t.Errorf("%s is %v, not a list", strings.Join(path, "."), v)
		}
	}
}

// A generator that had nothing to do has proven nothing.
func TestAGeneratorWithoutRequestsIsNotGoodEnough(t *testing.T) {
	run := Run{Record: &journal.Record{Events: []journal.Event{
		at(second, journal.TrafficStarted{}),
		at(2*second, journal.Generator{For: second}),
		at(2*second, journal.TrafficEnded{}),
		at(2*second, journal.RunEnded{Reason: "completed"}),
	}}}
	if g := generatorOf(run, nil, times{}); g.Good || !strings.Contains(g.verdict(), "not good enough: no request was due") {
		t.Errorf("%v, %q", g.Good, g.verdict())
	}
}

func TestRequestsWithoutAConnectionAreSaid(t *testing.T) {
	g := Generator{Intended: 60, Sent: 10, Own: 5, Thread: -1}
	if have, want := g.words(), "10 of 60 requests sent (45 got no connection)"; have != want {
		t.Errorf("%q, want %q", have, want)
	}
	if facts := g.facts(); facts[1].name != "Not sent for want of a connection" || facts[1].value != "45" {
		t.Errorf("facts %+v", facts)
	}
}

// What lenient checks tolerate is still in the figures.
func TestALagThatOnlyLenientChecksTolerateIsNoClaim(t *testing.T) {
	for lag, claims := range map[time.Duration]bool{4 * ms: true, 13 * ms: false} {
		g := Generator{Good: true, LagP99: lag, tolerable: 50 * ms}
		if have := strings.Contains(g.verdict(), "nothing speaks against"); have != claims {
			t.Errorf("lag %v: %q", lag, g.verdict())
		}
		if !claims && g.Assurance() != "Its lag p99 of 13 ms is within the 50 ms that the checks tolerate; response times near it may be its own." {
			t.Errorf("%q", g.Assurance())
		}
	}
}
