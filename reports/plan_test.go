package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

const planSecond = scenarios.Duration(time.Second)

// planPhases lays phases of so many seconds one after another.
func planPhases(plan *scenarios.Plan, names []string, seconds ...int) {
	at := scenarios.Duration(0)
	for i, name := range names {
		end := at + scenarios.Duration(seconds[i])*planSecond
		plan.Phases = append(plan.Phases, scenarios.PlannedPhase{Name: name, Start: at, End: end})
		at = end
	}
	plan.Duration = at
}

// inPhase is a segment that fills a phase of a plan.
func inPhase(plan *scenarios.Plan, phase int, s scenarios.PlannedSegment) scenarios.PlannedSegment {
	p := plan.Phases[phase]
	s.Phase, s.Start, s.End = p.Name, p.Start, p.End
	return s
}

func requests(names ...string) []scenarios.PlannedStep {
	var steps []scenarios.PlannedStep
	for _, name := range names {
		steps = append(steps, scenarios.PlannedStep{Name: name})
	}
	return steps
}

// simplePlan has one cohort and an action.
func simplePlan() *scenarios.Plan {
	limit, share := scenarios.Duration(300*time.Millisecond), scenarios.Percent(99.9)
	plan := &scenarios.Plan{
		Scenario: "scale-under-load", Summary: "The api grows from two instances to three and shrinks to one at 200 requests a second.",
		Digest: "0123456789abcdef", Seed: 1, Tempo: 1, Multiple: 1,
		Journeys: map[string][]scenarios.PlannedStep{"shop": requests("sign-in", "browse", "new-project", "open", "buy")},
	}
	planPhases(plan, []string{"warmup", "steady", "grow", "shrink", "settle"}, 4, 6, 9, 8, 3)
	load := scenarios.PlannedLoad{Cohort: "shoppers", Journey: "shop"}
	load.Segments = append(load.Segments, inPhase(plan, 0, scenarios.PlannedSegment{Ramp: &scenarios.Ramp{From: 5, To: 40}}))
	for i := range 3 {
		load.Segments = append(load.Segments, inPhase(plan, i+1, scenarios.PlannedSegment{Constant: 40}))
	}
	plan.Load = []scenarios.PlannedLoad{load}
	plan.Actions = []scenarios.PlannedAction{{At: 11 * planSecond, Phase: "grow", Scale: &scenarios.Scale{Service: "api", To: 3}}}
	plan.Checks = []scenarios.Check{
		{SLO: &scenarios.SLOCheck{Journey: "shop", Step: "buy", Whole: true, Cohort: "shoppers", Tier: "pro", Phases: []string{"steady", "grow"}, P99: &limit, Availability: &share}},
		{Drain: &scenarios.DrainCheck{Service: "api"}},
	}
	return plan
}

// launchPlan has several cohorts with every kind of shape.
func launchPlan() *scenarios.Plan {
	plan := &scenarios.Plan{
		Scenario: "launch", Digest: "fedcba9876543210", Seed: 7, Tempo: 5, Multiple: 3,
		Connections: scenarios.PlannedConnections{Max: 1024, Reuse: true, MaxAge: 60 * planSecond, DialRate: 500},
		Targets:     map[string]scenarios.PlannedTarget{"pay": {Address: "127.0.0.1:8443", TLS: true, HTTP2: true}},
		Journeys: map[string][]scenarios.PlannedStep{
			"browse":  {{Name: "sign-in"}, {Choose: []scenarios.PlannedOption{{Weight: 2, Steps: requests("look", "look-again")}, {Weight: 1}}}},
			"import":  {{Name: "upload"}, {Name: "wait", Poll: &scenarios.Poll{Every: planSecond, Within: 60 * planSecond}}, {Repeat: &scenarios.PlannedRepeat{Times: scenarios.Size{Median: 3, P95: 9, Max: 20}, Steps: requests("work")}}},
			"endless": {{Repeat: &scenarios.PlannedRepeat{Times: scenarios.Size{Median: 3, P95: 9}, Steps: requests("work")}}},
		},
	}
	planPhases(plan, []string{"baseline", "burst", "recovery"}, 120, 300, 180)
	free := scenarios.PlannedLoad{Cohort: "free", Tier: "free", Journey: "browse", Tenants: 2000, Skew: 1.1, Cookies: true, Hot: &scenarios.Hot{Tenant: "acme", Share: 30, Phases: []string{"burst"}}}
	for i := range 3 {
		free.Segments = append(free.Segments, inPhase(plan, i, scenarios.PlannedSegment{Constant: 30, Poisson: true, Waves: []scenarios.Wave{{Amplitude: 20, Period: 300 * planSecond, Peak: 150 * planSecond}}}))
	}
	enterprise := scenarios.PlannedLoad{
		Cohort: "enterprise", Tier: "enterprise", Journey: "import", Tenants: 12,
		Sizes:  map[string]scenarios.Size{"objects": {Median: 20_000, P95: 60_000, Max: 200_000}, "parts": {Constant: 3}},
		Bursts: []scenarios.PlannedBurst{{Phase: "burst", Start: 130 * planSecond, End: 150 * planSecond, Sessions: 36, Poisson: true}},
	}
	day := scenarios.PlannedLoad{Cohort: "day", Journey: "endless", Tenants: 5}
	for hour := range 24 {
		from, to := scenarios.Rate(hour%12)/10, scenarios.Rate((hour+1)%12)/10
		s := inPhase(plan, 1, scenarios.PlannedSegment{Ramp: &scenarios.Ramp{From: from, To: to}})
		s.Start += scenarios.Duration(hour) * 12 * planSecond
		s.End = s.Start + 12*planSecond
		day.Segments = append(day.Segments, s)
	}
	batch := scenarios.PlannedLoad{Cohort: "batch", Journey: "browse", Closed: []scenarios.PlannedClosed{
		{Phase: "baseline", End: 120 * planSecond, Sessions: 50}, {Phase: "recovery", Start: 450 * planSecond, End: 600 * planSecond, Sessions: 1},
	}}
	flood := scenarios.PlannedLoad{Cohort: "flood", Journey: "browse", Segments: []scenarios.PlannedSegment{inPhase(plan, 2, scenarios.PlannedSegment{Constant: 40_000})}}
	plan.Load = []scenarios.PlannedLoad{free, enterprise, day, batch, flood}
	return plan
}

// replayPlan replays two recordings, one of which goes on after the end.
func replayPlan() *scenarios.Plan {
	plan := &scenarios.Plan{
		Scenario: "night", Seed: 1, Tempo: 1, Multiple: 2,
		Journeys: map[string][]scenarios.PlannedStep{"night": requests("replay"), "targets": requests("replay")},
	}
	planPhases(plan, []string{"first", "second"}, 60, 60)
	targets := scenarios.PlannedLoad{
		Cohort: "targets", Journey: "targets", Segments: []scenarios.PlannedSegment{inPhase(plan, 1, scenarios.PlannedSegment{Constant: 0.25})},
		Replay: &scenarios.PlannedReplay{File: "/srv/targets.txt", Format: "vegeta-http", Requests: 4, Lines: 12, Paced: true},
	}
	night := scenarios.PlannedLoad{Cohort: "night", Journey: "night", Replay: &scenarios.PlannedReplay{
		File: "/srv/logs/access.log", Format: "access-log", Requests: 90, Lines: 100, Malformed: 2,
		Samples: []string{"line 17: no time: \"GET / HTTP/1.1\x1b[31m\""}, Skipped: map[string]int{"method CONNECT": 3, "host without service": 5},
		Phase: "first", Start: 0, Speed: 10, Span: 1300 * planSecond,
	}}
	plan.Load = []scenarios.PlannedLoad{targets, night}
	return plan
}

// nightTimes are the recorded times of replayPlan's second load.
func nightTimes() map[int][]time.Duration {
	var all []time.Duration
	for i := range 90 {
		all = append(all, time.Duration(i*i)*1300*time.Second/(89*89))
	}
	return map[int][]time.Duration{1: all}
}

func planText(t interface{ Fatal(...any) }, plan *scenarios.Plan, recorded map[int][]time.Duration) string {
	var b bytes.Buffer
	if err := PlanWith(&b, plan, "create network\nstart api-1\n", recorded); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGoldenPlans(t *testing.T) {
	closed := simplePlan()
	closed.Load[0].Segments, closed.Load[0].Closed = nil, []scenarios.PlannedClosed{{Phase: "steady", Start: 4 * planSecond, End: 10 * planSecond, Sessions: 20}}
	for name, text := range map[string]string{
		"simple.txt":             planText(t, simplePlan(), nil),
		"launch.txt":             planText(t, launchPlan(), nil),
		"closed.txt":             planText(t, closed, nil),
		"replay.txt":             planText(t, replayPlan(), nil),
		"replay-with-times.txt":  planText(t, replayPlan(), nightTimes()),
		"nothing-in-it-yet.txt":  planText(t, &scenarios.Plan{Scenario: "empty"}, nil),
		"releases.txt":           planText(t, releasePlan(), nil),
		"scaling.txt":            planText(t, scalingPlan(), nil),
		"faults.txt":             planText(t, compiledPlan(t, "faults", "db", "store", "worker"), nil),
		"metrics.txt":            planText(t, compiledPlan(t, "metrics"), nil),
		"third-parties.txt":      planText(t, compiledPlan(t, "third-parties"), nil),
		"one-phase-of-short.txt": planText(t, shortPlan(), nil),
	} {
		path := filepath.Join("testdata", "plan", name)
		if *update {
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, []byte(text), 0o644))
		}
		want, err := os.ReadFile(path)
		must(t, err)
		if text != string(want) {
			t.Errorf("%s has changed (go test ./reports -run Plan -update writes it anew):\n%s", path, text)
		}
		for i, line := range strings.Split(text, "\n") {
			if width(line) > 80 || line != strings.TrimRight(line, " ") || line != clean(line) {
				t.Errorf("%s:%d is wider than 80 columns, ends with a space, or is no plain text: %q", name, i+1, line)
			}
		}
	}
}

// shortPlan has phases that share a column of the sparkline.
func shortPlan() *scenarios.Plan {
	plan := &scenarios.Plan{Scenario: "short", Journeys: map[string][]scenarios.PlannedStep{"shop": requests("look")}}
	planPhases(plan, []string{"a", "b", "a-very-long-name-of-a-phase", "c"}, 1, 1, 298, 10)
	load := scenarios.PlannedLoad{Cohort: "a-cohort-whose-name-is-longer-than-the-column", Journey: "shop"}
	for i := range plan.Phases {
		load.Segments = append(load.Segments, inPhase(plan, i, scenarios.PlannedSegment{Constant: scenarios.Rate(i) / 100}))
	}
	plan.Load = []scenarios.PlannedLoad{load}
	return plan
}

func TestRequestsOfAJourney(t *testing.T) {
	repeat := func(n scenarios.Size, steps ...scenarios.PlannedStep) scenarios.PlannedStep {
		return scenarios.PlannedStep{Repeat: &scenarios.PlannedRepeat{Times: n, Steps: steps}}
	}
	choose := func(options ...scenarios.PlannedOption) scenarios.PlannedStep {
		return scenarios.PlannedStep{Choose: options}
	}
	one := scenarios.PlannedStep{Name: "one"}
	for name, c := range map[string]struct {
		steps []scenarios.PlannedStep
		most  float64
		loose bool
	}{
		"straight":               {requests("a", "b", "c"), 3, false},
		"none":                   {nil, 0, false},
		"the longest way":        {[]scenarios.PlannedStep{one, choose(scenarios.PlannedOption{Weight: 1, Steps: requests("a", "b")}, scenarios.PlannedOption{Weight: 9, Steps: requests("c")})}, 3, true},
		"a way nobody takes":     {[]scenarios.PlannedStep{choose(scenarios.PlannedOption{Weight: 0, Steps: requests("a", "b")}, scenarios.PlannedOption{Weight: 9, Steps: requests("c")})}, 1, true},
		"five times":             {[]scenarios.PlannedStep{repeat(scenarios.Size{Constant: 5}, one, one)}, 10, false},
		"measured times":         {[]scenarios.PlannedStep{repeat(scenarios.Size{Values: []int{1, 7, 2}}, one)}, 7, true},
		"lognormal with a limit": {[]scenarios.PlannedStep{repeat(scenarios.Size{Median: 3, P95: 9, Max: 20}, one)}, 20, true},
		"lognormal without one":  {[]scenarios.PlannedStep{repeat(scenarios.Size{Median: 3, P95: 9}, one)}, math.Inf(1), true},
		"nothing without end":    {[]scenarios.PlannedStep{repeat(scenarios.Size{Median: 3, P95: 9})}, 0, true},
		"a choice, repeated":     {[]scenarios.PlannedStep{repeat(scenarios.Size{Constant: 5}, choose(scenarios.PlannedOption{Weight: 1, Steps: requests("a")}))}, 5, true},
		"polling":                {[]scenarios.PlannedStep{{Poll: &scenarios.Poll{Every: planSecond, Within: 10 * planSecond}}}, 11, true},
		"polling all the time":   {[]scenarios.PlannedStep{{Poll: &scenarios.Poll{Within: 10 * planSecond}}}, math.Inf(1), true},
	} {
		if most, loose := mostRequests(c.steps); most != c.most || loose != c.loose {
			t.Errorf("%s: %v requests, loose %t, want %v, %t", name, most, loose, c.most, c.loose)
		}
	}
}

func TestSpark(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		want   string
	}{
		"eight heights": {[]float64{1, 2, 3, 4, 5, 6, 7, 8}, "▁▂▃▄▅▆▇█"},
		"nothing":       {[]float64{0, 8, 0}, "·█·"},
		"only nothing":  {[]float64{0, 0}, "··"},
		"the faintest":  {[]float64{1e-9, 8}, "▁█"},
		"constant":      {[]float64{0.1 + 0.2, 0.3}, "██"},
		"no number":     {[]float64{math.NaN(), 1}, "·█"},
	} {
		most := 0.0
		for _, v := range c.values {
			if v > most {
				most = v
			}
		}
		if got := spark(c.values, most); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The columns of the sparkline are the rate: together they make the sessions.
func TestColumnsAddUpToTheSessions(t *testing.T) {
	for name, c := range map[string]struct {
		plan     *scenarios.Plan
		recorded map[int][]time.Duration
	}{
		"simple": {simplePlan(), nil}, "launch": {launchPlan(), nil}, "replay": {replayPlan(), nil}, "recorded": {replayPlan(), nightTimes()},
	} {
		for i, tally := range tally(c.plan, c.recorded) {
			var drawn, counted float64
			for _, v := range tally.columns {
				drawn += v * c.plan.Duration.Std().Seconds() / sparkWidth
			}
			for p := range c.plan.Phases {
				counted += tally.sessions[p]
			}
			if math.Abs(drawn-counted) > 2+5*math.Sqrt(counted) {
				t.Errorf("%s: %s has %.0f sessions and %.1f in its columns", name, c.plan.Load[i].Cohort, counted, drawn)
			}
		}
	}
}

// A plan from a file may hold anything that its types can: it is printed. Its
// arrivals are few, or so many that nobody counts them, for counting takes time.
func TestAnyPlanIsPrinted(t *testing.T) {
	small := launchPlan()
	for i := range small.Load[0].Segments {
		s := &small.Load[0].Segments[i]
		s.Constant, s.Waves[0].Amplitude = s.Constant/100, s.Waves[0].Amplitude/100
	}
	small.Load[4].Segments[0].Constant = 1e9 // too many, however little of it is left
	seed, err := json.Marshal(small)
	must(t, err)
	rate := rapid.OneOf(rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{-1, 1e-300, 1e9, 1e300, math.Inf(1), math.NaN()}))
	rapid.Check(t, func(t *rapid.T) {
		var plan scenarios.Plan
		if err := json.Unmarshal(seed, &plan); err != nil {
			t.Fatal(err)
		}
		odd := scenarios.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "duration"))
		load := &plan.Load[rapid.IntRange(0, len(plan.Load)-1).Draw(t, "load")]
		switch rapid.IntRange(0, 7).Draw(t, "what") {
		case 7:
			plan.Services = map[string]scenarios.PlannedService{"a": {
				Autoscale: &scenarios.PlannedAutoscale{Every: odd, Queue: &scenarios.QueueScaling{}, Floors: []scenarios.PlannedFloor{{End: odd}}},
				Prescale:  &scenarios.Prescale{Policy: rapid.String().Draw(t, "policy")}, Metrics: map[string]scenarios.MetricSource{rapid.String().Draw(t, "metric"): {}},
			}, "b": {Autoscale: &scenarios.PlannedAutoscale{Step: &scenarios.StepScaling{Out: []scenarios.ScaleStep{{}}}}}, "c": {Autoscale: &scenarios.PlannedAutoscale{TargetTracking: &scenarios.TargetTracking{}}}}
			plan.Actions = []scenarios.PlannedAction{{Interrupt: &scenarios.Interrupt{Notice: odd}}}
			plan.Checks = []scenarios.Check{{Scaling: &scenarios.ScalingCheck{}}, {Queue: &scenarios.QueueCheck{}}, {Prescale: &scenarios.PrescaleCheck{}}, {Cost: &scenarios.CostCheck{}}}
			plan.Lint, plan.Variant = []scenarios.LintRemark{{Text: rapid.String().Draw(t, "text")}}, rapid.String().Draw(t, "variant")
		case 6:
			plan.Control = scenarios.Control(rapid.String().Draw(t, "control"))
			plan.Actions = []scenarios.PlannedAction{{}, {Job: &scenarios.Job{Name: rapid.String().Draw(t, "name")}}, {Release: &scenarios.PlannedRelease{Image: rapid.String().Draw(t, "image"), Keep: odd}}}
			plan.Ledgers = []scenarios.PlannedLedger{{}, {SQL: &scenarios.SQLRead{Query: rapid.String().Draw(t, "query")}, Within: odd}}
			plan.Checks = []scenarios.Check{{}, {Release: &scenarios.ReleaseCheck{Job: &scenarios.JobCheck{}}}, {Drain: &scenarios.DrainCheck{Work: &scenarios.Work{}}}, {Stateless: &scenarios.StatelessCheck{}}, {Integrity: &scenarios.IntegrityCheck{}}}
		case 0:
			plan.Duration = odd
		case 1:
			plan.Phases[1].Start = odd
		case 2:
			plan.Phases = nil
		case 3:
			load.Segments = append(load.Segments, scenarios.PlannedSegment{Start: odd, End: 2 * odd, Constant: scenarios.Rate(rate.Draw(t, "rate"))})
		case 4:
			load.Bursts = append(load.Bursts, scenarios.PlannedBurst{Start: odd, Sessions: rapid.IntRange(-5, 5).Draw(t, "sessions")})
		case 5:
			load.Replay = &scenarios.PlannedReplay{Start: odd, Span: odd, Requests: rapid.IntRange(-5, 5).Draw(t, "requests"), Speed: rapid.Float64().Draw(t, "speed")}
		}
		planText(t, &plan, map[int][]time.Duration{2: {odd.Std()}})
	})
}

// A load that is in no phase is not walked through for ever.
func TestAPlanWithoutPhasesIsPrinted(t *testing.T) {
	endless := scenarios.PlannedLoad{Cohort: "flood", Segments: []scenarios.PlannedSegment{{End: 3600 * planSecond, Constant: 1e9}}}
	planText(t, &scenarios.Plan{Duration: 3600 * planSecond, Load: []scenarios.PlannedLoad{endless}}, nil)
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestPlanSaysWhatFailed(t *testing.T) {
	if err := Plan(brokenPipe{}, simplePlan(), ""); err == nil || fmt.Sprint(err) != "write plan: broken pipe" {
		t.Errorf("error %v", err)
	}
}

// A plan in which nobody comes says so, and words in the table are explained
// where they stand there and nowhere else.
func TestPlanExplainsItsTable(t *testing.T) {
	plan := func(rate float64, steps ...scenarios.PlannedStep) string {
		return planText(t, &scenarios.Plan{
			Scenario: "x", Phases: []scenarios.PlannedPhase{{Name: "p", End: scenarios.Duration(10 * time.Second)}}, Duration: scenarios.Duration(10 * time.Second),
			Load:     []scenarios.PlannedLoad{{Cohort: "c", Journey: "j", Segments: []scenarios.PlannedSegment{{Phase: "p", End: scenarios.Duration(10 * time.Second), Constant: scenarios.Rate(rate)}}}},
			Journeys: map[string][]scenarios.PlannedStep{"j": steps},
		}, nil)
	}
	one := scenarios.PlannedStep{Name: "a"}
	endless := scenarios.PlannedStep{Repeat: &scenarios.PlannedRepeat{Times: scenarios.Size{Median: 2, P95: 4}, Steps: []scenarios.PlannedStep{one}}}
	for _, test := range []struct {
		text                     string
		nobody, upTo, withoutMax bool
	}{
		{plan(0.001, one), true, false, false},
		{plan(5, one), false, false, false},
		{plan(5, endless), false, false, true},
		{plan(5, scenarios.PlannedStep{Choose: []scenarios.PlannedOption{{Weight: 1, Steps: []scenarios.PlannedStep{one}}, {Weight: 1}}}), false, true, false},
	} {
		have := [3]bool{strings.Contains(test.text, "nobody comes"), strings.Contains(test.text, `"up to":`), strings.Contains(test.text, `"no limit":`)}
		if have != [3]bool{test.nobody, test.upTo, test.withoutMax} {
			t.Errorf("%v in\n%s", have, test.text)
		}
	}
}

// releasePlan has every action, check and ledger, and secrets that no plan
// must show.
func releasePlan() *scenarios.Plan {
	plan := simplePlan()
	plan.Control = scenarios.ControlFrozen
	two, half, floor := scenarios.Portion{Number: 2}, scenarios.Portion{Percent: 25}, 3
	within, ready := scenarios.Percent(80), 30*planSecond
	secrets := map[string]string{"SLUGS": "s3cret", "DATABASE_URL": "postgres://shop:s3cret@db/shop"}
	plan.Actions = []scenarios.PlannedAction{
		{At: 1 * planSecond, Phase: "warmup", Restart: &scenarios.Pick{Service: "api", Instance: "oldest"}},
		{At: 2 * planSecond, Phase: "warmup", Stop: &scenarios.Pick{Service: "api", Instance: "api-2"}},
		{At: 5 * planSecond, Phase: "steady", Release: &scenarios.PlannedRelease{
			Strategy: scenarios.RollingStrategy, Service: "api", From: "v1", Version: "v2", Image: "registry.example/shop/with-a-name-that-goes-on-and-on/api:2026-11-22-and-more",
			Environment: secrets, MaxSurge: two, MaxUnavailable: half, MinReady: 2 * planSecond, Deadline: 60 * planSecond}},
		{At: 11 * planSecond, Phase: "grow", Release: &scenarios.PlannedRelease{Strategy: scenarios.RollingStrategy, Service: "worker", From: "v1", Version: "v2", MaxSurge: two, MaxUnavailable: half, Deadline: planSecond}},
		{At: 12 * planSecond, Phase: "grow", Release: &scenarios.PlannedRelease{Strategy: scenarios.BlueGreenStrategy, Service: "web", From: "v1", Version: "green", Keep: 10 * planSecond, Deadline: planSecond}},
		{At: 13 * planSecond, Phase: "grow", Release: &scenarios.PlannedRelease{Strategy: scenarios.ReplaceStrategy, Service: "web", From: "green", Version: "green", Deadline: planSecond}},
		{At: 14 * planSecond, Phase: "grow", Release: &scenarios.PlannedRelease{Strategy: scenarios.ReplaceStrategy, Service: "web", From: "green", Version: "green", StartFirst: true, Deadline: planSecond}},
		{At: 15 * planSecond, Phase: "grow", Job: &scenarios.Job{Name: "backfill", Service: "api", Command: []string{"backfill", "--token=s3cret"}, Environment: secrets, Within: 60 * planSecond}},
	}
	of := scenarios.Acknowledged{Journey: "shop", Step: "buy", Key: "${order}"}
	sql := &scenarios.SQLRead{Service: "worker", URLFrom: "DATABASE_URL", Query: "SELECT order_id, deliveries\n\tFROM fulfilments\n\tWHERE order_id IS NOT NULL\n"}
	plan.Checks = append(plan.Checks,
		scenarios.Check{Drain: &scenarios.DrainCheck{Service: "worker", ExitWithin: &within, Work: &scenarios.Work{Of: of}}},
		scenarios.Check{Readiness: &scenarios.ReadinessCheck{Service: "api", TimeToReady: &ready, Flaps: 1, FirstRequests: &ready, Dependency: "payments", UnreadyWithin: &ready}},
		scenarios.Check{Release: &scenarios.ReleaseCheck{Service: "api", Floor: &floor, Job: &scenarios.JobCheck{Name: "backfill"}}},
		scenarios.Check{Stateless: &scenarios.StatelessCheck{Service: "api", Journey: "shop", Steps: []string{"open", "buy"}}},
		scenarios.Check{Integrity: &scenarios.IntegrityCheck{Name: "orders", Want: "once", Of: &of}},
		scenarios.Check{Integrity: &scenarios.IntegrityCheck{Name: "charges", Want: "once"}},
		scenarios.Check{Integrity: &scenarios.IntegrityCheck{Name: "drift", Want: "none"}},
	)
	plan.Ledgers = []scenarios.PlannedLedger{
		{ID: "drain/worker", Journey: "shop", Step: "buy", Key: "${order}", Want: "once", Within: 30 * planSecond, SQL: sql},
		{ID: "integrity/charges", Want: "once", Within: 10 * planSecond, HTTP: &scenarios.PlannedHTTPRead{
			Service: "payments", Path: "/v1/charges?limit=500", Headers: map[string]string{"Authorization": "Bearer s3cret"}, Items: "$.charges", Key: "$.reference", Next: "$.next"}},
		{ID: "integrity/drift", Want: "none", Within: 10 * planSecond, SQL: sql},
	}
	return plan
}

// Neither values of environment variables nor headers nor arguments are in a
// plan: any of them may be a secret.
func TestPlanShowsNoSecrets(t *testing.T) {
	text := planText(t, releasePlan(), nil)
	if strings.Contains(text, "s3cret") {
		t.Errorf("a secret is in\n%s", text)
	}
	for _, name := range []string{"SLUGS", "DATABASE_URL", "backfill"} {
		if !strings.Contains(text, name) {
			t.Errorf("%s is not in\n%s", name, text)
		}
	}
}

func TestPlanNamesItsControl(t *testing.T) {
	for _, control := range append(scenarios.Controls(), "later") {
		plan := simplePlan()
		plan.Control = control
		if text := planText(t, plan, nil); !strings.Contains(text, "\nCONTROL "+string(control)+": wrong on purpose") {
			t.Errorf("%s is not in\n%s", control, text)
		}
		if writesOf := strings.Count(planText(t, plan, nil), "must"); control != "later" && writesOf != 1 {
			t.Errorf("%s: what must become of it is said %d times", control, writesOf)
		}
	}
	if text := planText(t, simplePlan(), nil); strings.Contains(text, "CONTROL") {
		t.Errorf("an ordinary run has a control:\n%s", text)
	}
}
