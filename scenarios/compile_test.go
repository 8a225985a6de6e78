package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
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

// here is the directory that paths in testdata are relative to.
func here(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// The plans of all valid files, as run.json has them.
func TestPlans(t *testing.T) {
	for _, file := range files(t, "testdata/valid/*.yaml") {
		plan := compile(t, string(read(t, file)), shop())
		text, err := json.MarshalIndent(plan, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".json", strings.ReplaceAll(string(text), here(t), "/here")+"\n")
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
		Drain: Drain{Grace: Duration(10 * time.Second)}, GraceFrom: "default",
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
		Replicas:    4, Balance: "request", Driven: true, GraceFrom: "compose", PublicEnv: []string{"A"},
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

// --load multiplies what arrives and nothing else.
func TestMultiple(t *testing.T) {
	text := read(t, "testdata/valid/traffic.yaml")
	load := func(multiple float64) *Plan {
		d, _ := Parse("test.yaml", text, Options{})
		d.Multiple = multiple
		plan, problems := d.Compile(shop())
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return plan
	}
	once, thrice := load(0), load(3)
	if once.Multiple != 1 || thrice.Multiple != 3 {
		t.Errorf("multiples are %v and %v", once.Multiple, thrice.Multiple)
	}
	for i, l := range thrice.Load {
		for k, s := range l.Segments {
			if was := once.Load[i].Segments[k]; !near(s.sessions(), 3*was.sessions()) || s.Start != was.Start || s.End != was.End {
				t.Errorf("%s: segment %d went from %+v to %+v", l.Cohort, k, was, s)
			}
		}
		if l.Replay != nil && !reflect.DeepEqual(l.Replay, once.Load[i].Replay) {
			t.Errorf("%s: the recording changed", l.Cohort)
		}
	}
	total := func(p *Plan) (bursts, closed int) {
		for _, l := range p.Load {
			for _, b := range l.Bursts {
				bursts += b.Sessions
			}
			for _, c := range l.Closed {
				closed += c.Sessions
			}
		}
		return bursts, closed
	}
	if b, c := total(once); b != 20+12 || c != 7 {
		t.Errorf("%d sessions in bursts, %d in closed loops", b, c)
	}
	if b, c := total(thrice); b != 3*(20+12) || c != 3*7 {
		t.Errorf("three times: %d sessions in bursts, %d in closed loops", b, c)
	}
	once.Multiple, thrice.Multiple = 0, 0
	once.Load, thrice.Load = nil, nil
	if !reflect.DeepEqual(once, thrice) {
		t.Error("the multiple changed more than arrivals")
	}
}

func TestMultipleOutOfRange(t *testing.T) {
	for _, multiple := range []float64{-1, math.NaN(), math.Inf(1), 1e7} {
		d, _ := Parse("test.yaml", read(t, "testdata/valid/least.yaml"), Options{})
		d.Multiple = multiple
		plan, problems := d.Compile(shop())
		if plan != nil || len(problems) != 1 || !strings.HasPrefix(problems[0].File, "--load") {
			t.Errorf("%v: got %v", multiple, problems)
		}
	}
}

// Parse opens nothing: a scenario whose files are not there has no problem
// until it is compiled.
func TestParseOpensNothing(t *testing.T) {
	text := read(t, "testdata/valid/traffic.yaml")
	d, problems := Parse("test.yaml", text, Options{Dir: "nowhere"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, problems = d.Compile(shop()); len(problems) != 6 {
		t.Errorf("got %d problems:\n%v", len(problems), problems)
	}
}

// Tempo shortens phases, not what was recorded: that would change its rates.
func TestTempoLeavesRecordingsAlone(t *testing.T) {
	text := strings.Replace(string(read(t, "testdata/valid/least.yaml")), "cohorts: [", "cohorts: [{name: log, replay: {file: testdata/files/access.log, service: api, speed: 10x}}, ", 1)
	if strings.Count(text, "access.log") != 1 {
		t.Fatal("least.yaml has another form now")
	}
	plan := compile(t, text, shop(), "tempo=1.5x")
	r := plan.Load[0].Replay
	if r.Speed != 10 || r.Span != Duration(55*time.Second) || plan.Journeys["log"][0].Name != "replay" {
		t.Errorf("got %+v, %+v", r, plan.Journeys)
	}
	d, _ := Parse("test.yaml", []byte(text), Options{Set: []string{"tempo=2x"}})
	if _, problems := d.Compile(shop()); len(problems) != 1 || !strings.Contains(problems[0].Suggestion, "speed: 11.1x") {
		t.Errorf("got %v", problems)
	}
}

// A speed that is suggested is enough, and not much more than that.
func TestFitting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span, left := Duration(rapid.Int64Range(1, int64(longest)).Draw(t, "span")), Duration(rapid.Int64Range(int64(time.Millisecond), int64(longest)).Draw(t, "left"))
		speed := float64(fitting(span, left))
		if exact := float64(span) / float64(left); exact > 0.01 && (speed <= exact || speed > exact*1.011) {
			t.Fatalf("%s in %s: %v, exactly %v", span, left, speed, exact)
		}
	})
}
