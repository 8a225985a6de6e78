package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// compile makes a plan of text that has no mistakes.
func compile(t *testing.T, text string, info StackInfo, set ...string) *Plan {
	t.Helper()
	d, problems := Parse("test.yaml", []byte(text), Options{Set: set})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	plan, problems := d.Compile(info)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return plan
}

// The plans of all valid files, as run.json has them.
func TestPlans(t *testing.T) {
	for _, file := range files(t, "testdata/valid/*.yaml") {
		plan := compile(t, string(read(t, file)), shop())
		text, err := json.MarshalIndent(plan, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".json", string(text)+"\n")
		var again Plan
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if second, _ := json.MarshalIndent(again, "", "  "); string(second) != string(text) {
			t.Errorf("%s: the plan changes when it is stored and read back", file)
		}
	}
}

func TestDefaults(t *testing.T) {
	text := string(read(t, "testdata/valid/least.yaml"))
	plan := compile(t, text, shop())
	digest := sha256.Sum256([]byte(text))
	if plan.Seed != 1 || plan.Tempo != 1 || plan.Digest != hex.EncodeToString(digest[:]) {
		t.Errorf("got seed %d, tempo %v, digest %s", plan.Seed, plan.Tempo, plan.Digest)
	}
	want := PlannedService{
		Port: 8080, Replicas: 1, Balance: "request", Driven: true,
		Ready: Probe{Period: Duration(250 * time.Millisecond), Timeout: Duration(time.Second), Success: 1, Failure: 3},
		Drain: Drain{Grace: Duration(10 * time.Second)},
	}
	if got := plan.Services["api"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if step := plan.Journeys["ping"][0]; step.Path != "/" || step.Timeout != Duration(10*time.Second) {
		t.Errorf("got %+v", step)
	}
}

func TestChecksHaveTheirLimits(t *testing.T) {
	text := string(read(t, "testdata/valid/least.yaml")) + "  # more\n"
	plan := compile(t, text, shop(), "checks=[{drain: {service: api}}, {readiness: {service: api}}]")
	if got := plan.Checks[0].Drain.ExitWithin; got == nil || *got != 80 {
		t.Errorf("exit_within is %v", got)
	}
	if got := plan.Checks[1].Readiness.TimeToReady; got == nil || *got != Duration(30*time.Second) {
		t.Errorf("time_to_ready is %v", got)
	}
}

func TestSeed(t *testing.T) {
	for text, want := range map[string]int64{"": 1, "seed: 0\n": 0, "seed: -7\n": -7} {
		plan := compile(t, text+string(read(t, "testdata/valid/least.yaml")), shop())
		if plan.Seed != want {
			t.Errorf("%q: seed %d, want %d", text, plan.Seed, want)
		}
	}
}

// What the scenario says wins key by key over x-shakedown, which wins over
// the rest of the compose file; x-shakedown itself does not change.
func TestMerge(t *testing.T) {
	replicas, lag := 4, Duration(time.Second)
	extension := Service{
		Port:        8080,
		Ready:       &Probe{Path: "/readyz", Period: Duration(time.Second), Failure: 5},
		Initialized: "/initz",
		Drain:       &Drain{PreStop: Duration(2 * time.Second), EndpointLag: &lag},
		Replicas:    &replicas,
		Balance:     "connection",
		PublicEnv:   []string{"A"},
		Process:     &Process{Command: []string{"api"}, Environment: map[string]string{"A": "1", "B": "2"}},
	}
	before := fmt.Sprintf("%+v %+v %+v", *extension.Ready, *extension.Drain, *extension.Process)
	info := shop()
	info.Services["api"] = ServiceInfo{Ports: []int{8080}, Replicas: 2, StopGrace: 20 * time.Second, Extension: &extension}
	text := strings.Replace(string(read(t, "testdata/valid/least.yaml")), "{port: 8080}",
		"{ready: {period: 2s}, drain: {pre_stop: 0s}, balance: request, process: {environment: {B: '3', C: '4'}}}", 1)
	got := compile(t, text, info).Services["api"]
	want := PlannedService{
		Port:        8080,
		Ready:       Probe{Path: "/readyz", Period: Duration(2 * time.Second), Timeout: Duration(time.Second), Success: 1, Failure: 5},
		Initialized: "/initz",
		Drain:       Drain{Grace: Duration(20 * time.Second), EndpointLag: &lag},
		Replicas:    4, Balance: "request", Driven: true, PublicEnv: []string{"A"},
		Process: &Process{Command: []string{"api"}, Environment: map[string]string{"A": "1", "B": "3", "C": "4"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if after := fmt.Sprintf("%+v %+v %+v", *extension.Ready, *extension.Drain, *extension.Process); after != before {
		t.Errorf("the extension changed from %s to %s", before, after)
	}
}

// A service can have its role from x-shakedown alone, and its mistakes then
// point to where the scenario names the compose file.
func TestExtensionAlone(t *testing.T) {
	text := strings.Replace(string(read(t, "testdata/valid/least.yaml")), ", services: {api: {port: 8080}}", "", 1)
	info := shop()
	info.Services["api"] = ServiceInfo{Ports: []int{8080}, Extension: &Service{Port: 8080}}
	info.Services["db"] = ServiceInfo{Extension: &Service{Process: &Process{Omit: true}}}
	plan := compile(t, text, info)
	if plan.Services["api"].Port != 8080 || plan.Services["db"].Process == nil || len(plan.Services) != 2 {
		t.Errorf("got %+v", plan.Services)
	}
	info.Services["api"] = ServiceInfo{Ports: []int{80}, Extension: &Service{Port: 8080}}
	_, problems := all2(t, text, info)
	if len(problems) != 1 || problems[0].Path != "stack.services.api.port" || problems[0].Line != 3 {
		t.Errorf("got %v", problems)
	}
}

func all2(t *testing.T, text string, info StackInfo) (*Plan, Problems) {
	t.Helper()
	d, problems := Parse("test.yaml", []byte(text), Options{})
	if d == nil {
		t.Fatal(problems)
	}
	return d.Compile(info)
}

// Compile reports what Parse found and what only the stack shows, in the order
// of the file, and says the same when it is asked again.
func TestCompileReportsEverything(t *testing.T) {
	text := strings.NewReplacer("for: 10s", "for: 10", "GET api", "GET apy").Replace(string(read(t, "testdata/valid/least.yaml")))
	for range 2 {
		plan, problems := all2(t, text, shop())
		if plan != nil || len(problems) != 2 || problems[0].Line != 5 || problems[1].Line != 7 {
			t.Errorf("got %v", problems)
		}
	}
}

func TestTempo(t *testing.T) {
	text := string(read(t, "testdata/valid/everything.yaml"))
	plan := compile(t, text, shop(), "tempo=4x")
	if plan.Tempo != 4 || plan.Duration != Duration(22500*time.Millisecond) {
		t.Errorf("tempo %v, duration %s", plan.Tempo, plan.Duration)
	}
	var times []Duration
	for _, a := range plan.Actions {
		times = append(times, a.At)
	}
	if want := []Duration{0, Duration(17500 * time.Millisecond)}; !reflect.DeepEqual(times, want) {
		t.Errorf("actions at %v, want %v", times, want)
	}
	for _, segment := range plan.Load[0].Segments {
		if segment.Ramp.To > 1.5 {
			t.Errorf("tempo changed a rate: %+v", segment.Ramp)
		}
	}
	if plan.Services["api"].Drain.Grace != Duration(30*time.Second) {
		t.Errorf("tempo changed the grace period: %s", plan.Services["api"].Drain.Grace)
	}
}

// Segments of whole-run shapes lie in order inside their phases, without gap
// or overlap, and hold as many sessions as the shape.
func TestSegmentsCoverTheRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.Int64Range(int64(time.Second), int64(time.Hour))
		var phases []PlannedPhase
		var end Duration
		tempo := rapid.SampledFrom([]float64{1, 3, 7.3}).Draw(t, "tempo")
		for i, n := range rapid.SliceOfN(length, 1, 6).Draw(t, "phases") {
			start := scale(end, tempo)
			end += Duration(n)
			phases = append(phases, PlannedPhase{fmt.Sprint("p", i), start, scale(end, tempo)})
		}
		rate := rapid.Float64Range(0, 1000)
		a := Arrival{Ramp: &Ramp{Rate(rate.Draw(t, "from")), Rate(rate.Draw(t, "to"))}}
		want := float64(a.Ramp.From+a.Ramp.To) / 2 * scale(end, tempo).Std().Seconds()
		if rapid.Bool().Draw(t, "steps") {
			cut := Duration(rapid.Int64Range(1, int64(end)-1).Draw(t, "cut"))
			a = Arrival{Steps: []Step{{a.Ramp.From, cut}, {a.Ramp.To, end - cut}}}
			want = (float64(a.Steps[0].Rate)*cut.Std().Seconds() + float64(a.Steps[1].Rate)*(end-cut).Std().Seconds()) / tempo
		}
		var at Duration
		var got float64
		for _, s := range segments(Arrivals{a}, phases, tempo) {
			if s.Start != at || s.End <= s.Start {
				t.Fatalf("segment from %s to %s after %s", s.Start, s.End, at)
			}
			at = s.End
			mean := float64(s.Constant)
			if s.Ramp != nil {
				mean = float64(s.Ramp.From+s.Ramp.To) / 2
			}
			got += mean * (s.End - s.Start).Std().Seconds()
		}
		if at != phases[len(phases)-1].End || got-want > 1e-3+want*1e-6 || want-got > 1e-3+want*1e-6 {
			t.Fatalf("ended at %s with %v sessions, want %v", at, got, want)
		}
	})
}

func TestSegmentsOfPhases(t *testing.T) {
	phases := []PlannedPhase{{"a", 0, 10}, {"b", 10, 30}, {"c", 30, 40}}
	got := segments(Arrivals{
		{Phase: "c", Constant: 2},
		{Phase: "b", Steps: []Step{{Rate: 5, For: 15}, {Rate: 6, For: 5}}},
	}, phases, 1)
	want := []PlannedSegment{
		{Phase: "b", Start: 10, End: 25, Constant: 5},
		{Phase: "b", Start: 25, End: 30, Constant: 6},
		{Phase: "c", Start: 30, End: 40, Constant: 2},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestComposeFiles(t *testing.T) {
	text := strings.Replace(string(read(t, "testdata/valid/least.yaml")), "[compose.yaml]", "[compose.yaml, ../b.yaml, /abs/c.yaml]", 1)
	for _, tt := range []struct {
		file, dir string
		want      []string
	}{
		{"sub/s.yaml", "", []string{"sub/compose.yaml", "b.yaml", "/abs/c.yaml"}},
		{"s.yaml", "/base/x", []string{"/base/x/compose.yaml", "/base/b.yaml", "/abs/c.yaml"}},
	} {
		d, problems := Parse(tt.file, []byte(text), Options{Dir: tt.dir})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := d.ComposeFiles(); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s in %q: got %v, want %v", tt.file, tt.dir, got, tt.want)
		}
	}
}
