package reports

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/race"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A decision gathers what came of it: instances by their cause, readiness,
// resizes, and what went wrong with any of it.
func TestDecisionsGatherWhatCameOfThem(t *testing.T) {
	cause := journal.DecisionCause(2, "scale api to 3")
	list := decisionsOf([]journal.Event{
		at(1*second, journal.ScaleDecision{ID: 1, Service: "api", Current: 1, Desired: 1}),
		at(2*second, journal.ScaleDecision{ID: 2, Service: "api", Current: 1, Desired: 3}),
		at(2*second+ms, journal.ScaleApplied{ID: 2, Service: "api", Started: []string{"api-2", "api-3"}}),
		at(3*second, journal.InstanceStarted{Service: "api", Instance: "api-2", Cause: cause}),
		at(3*second, journal.InstanceStarted{Service: "api", Instance: "api-9", Cause: "scale api to 9"}), // by an action
		at(4*second, journal.EndpointAdded{Service: "api", Instance: "api-2"}),
		at(5*second, journal.EndpointAdded{Service: "api", Instance: "api-2"}), // again, after a flap
		at(5*second, journal.EndpointAdded{Service: "api", Instance: "api-9"}),
		at(6*second, journal.Operation{Op: "instance.create", Subject: "api-3", Cause: cause, Error: "no such image"}),
		at(6*second, journal.Operation{Op: "network.create", Subject: "front", Cause: "bring up", Error: "of nobody's making"}),
		at(7*second, journal.ScaleDecision{ID: 3, Service: "api", Current: 3, Desired: 1}),
		at(7*second, journal.ScaleApplied{ID: 3, Service: "api", Stopping: []string{"api-3"}, Error: "lane taken"}),
		at(8*second, journal.ScaleDecision{ID: 4, Service: "importer", Autoscaler: "reactive", Current: 1, Desired: 1}),
		at(8*second, journal.Resized{Decision: 4, Service: "importer", Instance: "importer-1", Class: "large"}),
		at(9*second, journal.ScaleDecision{ID: 5, Service: "api", Current: 2, Desired: 3, Held: "frozen"}),
		at(9*second, journal.ScaleApplied{ID: 99}), at(9*second, journal.Resized{Decision: 98}),
	})
	var changing []int
	for _, d := range list {
		if d.changing() {
			changing = append(changing, d.ID)
		}
	}
	if len(list) != 5 || !slices.Equal(changing, []int{2, 3, 4, 5}) {
		t.Fatalf("%d decisions, changing %v", len(list), changing)
	}
	out := list[1]
	if out.Change != 2 || len(out.Started) != 2 || *out.Started[0].Started != 3*second || *out.Started[0].Ready != 4*second || out.Started[1].Started != nil {
		t.Errorf("%+v", out)
	}
	if out.startedWords() != "1 of 2" || out.Error != "instance.create api-3: no such image" || *out.Applied != 2*second+ms {
		t.Errorf("%q, %q, %v", out.startedWords(), out.Error, out.Applied)
	}
	if list[2].Error != "lane taken" || !slices.Equal(list[2].Stopping, []string{"api-3"}) || !slices.Equal(list[3].Resized, []string{"importer-1"}) {
		t.Errorf("%+v, %+v", list[2], list[3])
	}
	if list[4].trouble() != "not applied: frozen" {
		t.Errorf("%q", list[4].trouble())
	}
}

// Each line is an object with its type and its moment, in order of time, and
// every decision has one, those that changed nothing too.
func TestScaleEventsAreLines(t *testing.T) {
	text := render(t, scalingRun(), ScaleEvents)
	counts := map[string]int{}
	idle, last := 0, time.Duration(0)
	for line := range strings.Lines(text) {
		var l struct {
			Type   string         `json:"type"`
			T      *time.Duration `json:"t_ns"`
			Change int            `json:"change"`
		}
		must(t, json.Unmarshal([]byte(line), &l))
		if l.T == nil || *l.T < last {
			t.Errorf("after %v: %s", last, line)
		}
		last = *l.T
		if counts[l.Type]++; l.Type == "decision" && l.Change == 0 {
			idle++
		}
	}
	want := map[string]int{"decision": 9, "instance": 10, "resize": 4, "claim": 5, "interruption": 1}
	for kind, n := range want {
		if counts[kind] != n {
			t.Errorf("%d lines of %s, want %d", counts[kind], kind, n)
		}
	}
	if idle != 5 || len(counts) != len(want) {
		t.Errorf("%d decisions that changed nothing, kinds %v", idle, counts)
	}
}

// A run directory has the log where there is something to log.
func TestScaleEventsAreStored(t *testing.T) {
	for name, wanted := range map[string]bool{"scaling": true, "drain": false} {
		run := storedRuns[name].read(t)
		run.Dir = t.TempDir()
		must(t, WriteAll(run))
		if _, err := os.Stat(rundir.Dir(run.Dir).ScaleEvents()); (err == nil) != wanted {
			t.Errorf("%s: %v", name, err)
		}
		if wanted && filepath.Base(rundir.Dir(run.Dir).ScaleEvents()) != "scale-events.ndjson" {
			t.Error("the name of the file is a promise")
		}
	}
}

func TestARunThatScalesNothingHasNoSection(t *testing.T) {
	if s := scalingOf(failingRun(), windowOf(failingRun().Record.Events)); s != nil {
		t.Errorf("%+v", s)
	}
	if text := render(t, failingRun(), JSON); strings.Contains(text, `"scaling"`) {
		t.Error("JSON has a section on scaling")
	}
}

func TestScaledServices(t *testing.T) {
	run := scalingRun()
	s := scalingOf(run, windowOf(run.Record.Events))
	byName := map[string]ScaledService{}
	for _, service := range s.Services {
		byName[service.Service] = service
	}
	api := byName["api"]
	// Two for 30 s, and from their starts: api-3 to the end, api-4 and api-5 until
	// they have gone 1.3 s and 1.2 s after 26 s.
	want := 2*30 + (30 - 13.41) + (27.303 - 13.52) + (27.203 - 17.39)
	if math.Abs(api.ReplicaSeconds-want) > 0.1 || api.Least != 2 || api.Most != 5 || api.Changes != 3 || api.Evaluations != 7 {
		t.Errorf("api %+v, want %.2f replica-seconds", api, want)
	}
	importer := byName["importer"]
	if importer.OOMKills != 1 || importer.Exits != 1 || importer.Refused != 1 || importer.Resizes != 3 || importer.Policy != "proactive" {
		t.Errorf("importer %+v", importer)
	}
	if byName["worker"].Autoscaler != "queue" || byName["worker"].CPUSeconds != nil {
		t.Errorf("worker %+v", byName["worker"])
	}
}

func TestCPUCountsFromTheStartOfNewInstances(t *testing.T) {
	w := window{traffic: 10 * second, silent: 20 * second}
	use := func(t, cpu time.Duration, instance string) journal.Event {
		return at(t, journal.Usage{Service: "api", Instance: instance, CPU: cpu})
	}
	got := cpuSeconds([]journal.Event{
		at(second, journal.InstanceStarted{Service: "api", Instance: "api-1"}),
		use(5*second, 100*second, "api-1"), // before traffic
		use(11*second, 101*second, "api-1"), use(19*second, 104*second, "api-1"),
		at(12*second, journal.InstanceStarted{Service: "api", Instance: "api-2"}),
		use(13*second, second, "api-2"), use(18*second, 5*second, "api-2"),
		use(25*second, 90*second, "api-2"), // after it
	}, w)
	if got["api"] != 8*second {
		t.Errorf("%v, want 3 s of api-1 and 5 s of api-2", got["api"])
	}
}

// Claims: the first word counts, unless it was to wait.
func TestAccounts(t *testing.T) {
	accounts := accountsOf(scalingRun())
	var have []string
	for _, a := range accounts {
		have = append(have, strings.Join(a.cells(), " | "))
	}
	want := []string{
		"tenant-1 | importer | 16.00 s | granted | 16.03 s | 17.00 s | 967 ms | 1 of 1",
		"tenant-2 | importer | 16.50 s | granted after 1.5 s | 16.03 s | 17.80 s | 1.77 s | 1 of 1",
		"tenant-3 | importer | 17.00 s | rejected | – | 19.00 s | – | 0 of 1",
	}
	if !slices.Equal(have, want) {
		t.Errorf("%q\nwant %q", have, want)
	}
}

func TestLevels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l levels
		var moments []time.Duration
		var values []float64
		now := time.Duration(0)
		for range rapid.IntRange(0, 40).Draw(t, "changes") {
			now += time.Duration(rapid.IntRange(0, 3).Draw(t, "later")) * second
			v := float64(rapid.IntRange(0, 4).Draw(t, "value"))
			l, moments, values = l.to(now, v), append(moments, now), append(values, v)
		}
		probe := time.Duration(rapid.IntRange(-1, 130).Draw(t, "probe")) * second
		want := 0.0
		for i, m := range moments {
			if m <= probe {
				want = values[i]
			}
		}
		if got := l.at(probe); got != want {
			t.Fatalf("%v at %v, want %v", got, probe, want)
		}
		if got := l.between(probe, probe+60*second); len(got) > 0 && probe >= l[0].At && (got[0].At != probe || got[0].N != want) {
			t.Fatalf("from %v on: %v, want %v first", probe, got, want)
		}
		if few := l.thinned(5); len(few) > 5 && len(l) > 5 || few.highest() != l.highest() {
			t.Fatalf("%v became %v", l, few)
		}
	})
}

func TestMetricsInWords(t *testing.T) {
	value := func(v float64) *float64 { return &v }
	for _, test := range []struct {
		metric journal.ScaleMetric
		want   string
	}{
		{journal.ScaleMetric{Name: "cpu", Value: value(92.4), Target: 60, Unit: "%"}, "cpu 92.4 % of 60 %"},
		{journal.ScaleMetric{Name: "requests", Value: value(1204), Target: 40, Unit: "/s"}, "requests 1,204/s of 40/s"},
		{journal.ScaleMetric{Name: "p95", Value: value(0.25), Target: 1, Unit: "s"}, "p95 250 ms of 1 s"},
		{journal.ScaleMetric{Name: "memory", Value: value(200 << 20), Target: 1 << 30, Unit: "B"}, "memory 200 MiB of 1 GiB"},
		{journal.ScaleMetric{Name: "depth", Value: value(0), Target: 1e20}, "depth 0 of 1e+20"},
		{journal.ScaleMetric{Name: "depth", Target: 50}, "depth not read"},
	} {
		if have := metricWords(test.metric); have != test.want {
			t.Errorf("%q, want %q", have, test.want)
		}
	}
	most := 7
	if m := deciding([]journal.ScaleMetric{{Name: "a"}, {Name: "b", Proposed: &most}, {Name: "c"}}); m.Name != "b" {
		t.Errorf("%s decides", m.Name)
	}
}

// What the chronicle tells of scaling: no decision that changes nothing, no
// claim that is renewed, no refusal of a resize twice.
func TestEventsOfScaling(t *testing.T) {
	have, grave := entriesOf([]journal.Event{
		at(1, journal.ScaleDecision{Service: "api", Current: 2, Desired: 2}),
		at(2, journal.ScaleDecision{Service: "api", Autoscaler: "queue", Current: 2, Desired: 1, Reason: "Less"}),
		at(3, journal.Claim{Service: "importer", Account: "a", State: "granted"}),
		at(3, journal.Claim{Service: "importer", Account: "a", State: "renewed"}),
		at(3, journal.Claim{Service: "importer", Account: "b", State: "rejected", Reason: "full"}),
		at(4, journal.Resized{Instance: "importer-1", Class: "base", Error: "in use"}),
		at(5, journal.Resized{Instance: "importer-1", Class: "base", Error: "in use"}),
		at(6, journal.Resized{Instance: "importer-1", Class: "base", FromCPUs: 1, CPUs: .5}),
		at(7, journal.Interrupted{Service: "api", Instances: []string{"api-1"}, Notice: 2 * time.Minute}),
	})
	want := []string{
		"scaling api: api: 2 to 1 instance (queue; Less)",
		"claim importer: importer: account a granted",
		"claim importer: importer: account b rejected: full",
		"resize importer-1: importer-1 could not be made base: in use",
		"resize importer-1: importer-1 made base: 1 to 0.5 CPU",
		"notice api: 2m 00s of notice for api-1 of api",
	}
	if !slices.Equal(have, want) || !slices.Equal(grave, []bool{false, false, true, true, false, true}) {
		t.Errorf("%q %v\nwant %q", have, grave, want)
	}
}

// scaledHour is a run of an hour in which everything is scaled all the time.
func scaledHour() Run {
	run := hour()
	plan := *planOfScaling()
	run.Intent.Plan = &plan
	plan.Duration = scenarios.Duration(3600 * second)
	events := run.Record.Events
	id := 0
	for t := origin; t < origin+3600*second; t += second {
		for i := range 10 {
			events = append(events, at(t, journal.Usage{Service: "importer", Instance: "importer-" + string(rune('0'+i)), Memory: int64(t/second) << 20, Limit: 192 << 20, CPU: t}))
		}
		events = append(events, at(t, journal.Measured{Service: "worker", Metric: "orders_waiting", Value: float64(t / second % 97)}))
		if t%(3*second) == 0 {
			id++
			v := 50.
			events = append(events, at(t, journal.ScaleDecision{ID: id, Service: "api", Autoscaler: "hpa", Current: 2 + id%3, Wanted: 4, Desired: 2 + (id+1)%3, Metrics: []journal.ScaleMetric{{Name: "cpu", Value: &v, Target: 60}}}),
				at(t, journal.Resized{Decision: id, Service: "importer", Instance: "importer-1", Class: []string{"large", "base"}[id%2], Memory: int64(192+320*(id%2)) << 20}))
		}
	}
	slices.SortStableFunc(events, func(a, b journal.Event) int { return int(min(1, max(-1, a.T-b.T))) })
	run.Record.Events = events
	return run
}

func TestThePageOfAScaledHourIsSmall(t *testing.T) {
	if race.On {
		t.Skip("renders an hour")
	}
	if page := render(t, scaledHour(), HTML); len(page) > 2<<20 {
		t.Errorf("%d bytes", len(page))
	}
}

func BenchmarkScaledHour(b *testing.B) {
	run := scaledHour()
	for _, f := range append(formats(), format{name: "scale-events", render: ScaleEvents}) {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				if err := f.render(io.Discard, run); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The stored run is one that could have been: judged again, nothing fails but what
// it is there to show.
func TestTheStoredScalingRunIsSound(t *testing.T) {
	run := storedRuns["scaling"].read(t)
	for _, f := range verify.Judge(run.Record, run.Intent.Plan).Checks {
		if failed := f.Verdict == verify.Fail; failed != (f.ID == "prescale/importer/P2-unbroken") {
			t.Errorf("%s: %s (%s)", f.ID, f.Verdict, f.Reason)
		}
	}
}

// A reading that failed says nothing of the metric: the line ends there, and goes on
// where it is read again.
func TestReadingsThatFailAreAGap(t *testing.T) {
	reading := func(at time.Duration, value float64, err string) journal.Event {
		return journal.Event{T: at * time.Second, Body: journal.Measured{Service: "worker", Metric: "backlog", Value: value, Error: err}}
	}
	got := measuredOf([]journal.Event{
		reading(0, 0, "status 503"), reading(1, 4, ""), reading(2, 0, "status 503"), reading(3, 0, "status 503"), reading(4, 6, ""),
		{T: 5 * time.Second, Body: journal.Measured{Service: "worker", Metric: "age", Value: 9}},
	}, "worker", "backlog")
	want := levels{{At: time.Second, N: 4}, {At: 2 * time.Second, N: gap}, {At: 4 * time.Second, N: 6}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
