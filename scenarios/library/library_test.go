package library_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/library"
)

func TestEveryScenarioIsValidAndNamedLikeItsFile(t *testing.T) {
	names, proofs := library.Names(), library.Proofs()
	if !slices.Contains(names, "scale-under-load") || !slices.IsSorted(names) {
		t.Errorf("the library has %v", names)
	}
	for _, name := range slices.Concat(names, proofs) {
		source, ok := library.Read(name)
		if !ok {
			t.Fatalf("%s cannot be read", name)
		}
		d, problems := scenarios.Parse(name+".yaml", source, scenarios.Options{Dir: here})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if d.Scenario.Name != strings.ReplaceAll(name, "/", "-") || d.Scenario.Summary == "" {
			t.Errorf("%s calls itself %q: %q", name, d.Scenario.Name, d.Scenario.Summary)
		}
		up := strings.Repeat("../", strings.Count(name, "/")+1)
		if !bytes.HasPrefix(source, []byte("# yaml-language-server: $schema="+up+"scenario.schema.json\n")) {
			t.Errorf("%s does not name its schema for editors", name)
		}
	}
}

func TestReadOfAnUnknownName(t *testing.T) {
	for _, name := range []string{"", "nope", "../library/scale-under-load", "scale-under-load.yaml"} {
		if _, ok := library.Read(name); ok {
			t.Errorf("%q was read", name)
		}
	}
}

// What is for the matrix of defects runs by its name and is listed nowhere.
func TestProofsAreHidden(t *testing.T) {
	if !slices.Equal(library.Proofs(), []string{"proof/alerts", "proof/cache", "proof/database", "proof/dependency", "proof/everything", "proof/payments", "proof/prescale", "proof/queue", "proof/retries", "proof/scaling"}) {
		t.Errorf("the matrix has %v", library.Proofs())
	}
	for _, name := range library.Names() {
		if strings.Contains(name, "/") || slices.Contains(library.Proofs(), "proof/"+name) {
			t.Errorf("%s is listed for users", name)
		}
	}
}

// referenceStack is what the compose files of the reference stack tell of the
// services that scenarios name.
var referenceStack = scenarios.StackInfo{Services: map[string]scenarios.ServiceInfo{
	"api": {Ports: []int{8080}, Replicas: 1, Extension: &scenarios.Service{Port: 8080},
		Limits: scenarios.ResourceClass{CPUs: 1, Memory: 192 << 20}, Reservations: scenarios.ResourceClass{CPUs: 0.25, Memory: 64 << 20}},
	"importer": {Ports: []int{8080}, Replicas: 2,
		Limits: scenarios.ResourceClass{CPUs: 0.25, Memory: 64 << 20}, Reservations: scenarios.ResourceClass{CPUs: 0.25, Memory: 64 << 20}},
	"payments": {Ports: []int{8080}, Replicas: 1, Extension: &scenarios.Service{Port: 8080}},
	"web":      {Ports: []int{8080}, Replicas: 1, Extension: &scenarios.Service{Port: 8080}},
	"postgres": {Ports: []int{5432}, Replicas: 1},
	"redis":    {Ports: []int{6379}, Replicas: 1},
	"cache":    {Ports: []int{6379}, Replicas: 1},
	"worker": {Ports: []int{8080}, Replicas: 1,
		Limits: scenarios.ResourceClass{CPUs: 0.5, Memory: 96 << 20}, Reservations: scenarios.ResourceClass{CPUs: 0.1, Memory: 32 << 20}},
}}

// here is where the reference stack is, which paths of the library are relative to.
const here = "../.."

// compiled is the plan of a scenario of the library.
func compiled(t *testing.T, name string) *scenarios.Plan {
	t.Helper()
	source, ok := library.Read(name)
	if !ok {
		t.Fatalf("the library has no %s", name)
	}
	d, problems := scenarios.Parse(name+".yaml", source, scenarios.Options{Dir: here})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	plan, problems := d.Compile(referenceStack)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return plan
}

// load is what one cohort of a plan does.
func load(t *testing.T, plan *scenarios.Plan, cohort string) scenarios.PlannedLoad {
	t.Helper()
	i := slices.IndexFunc(plan.Load, func(l scenarios.PlannedLoad) bool { return l.Cohort == cohort })
	if i < 0 {
		t.Fatalf("%s has no cohort %s", plan.Scenario, cohort)
	}
	return plan.Load[i]
}

// rates are the lowest and the highest rate of segments in a phase.
func rates(plan *scenarios.Plan, phase string, loads ...scenarios.PlannedLoad) (low, high float64) {
	from, to := scenarios.Duration(0), scenarios.Duration(0)
	for _, p := range plan.Phases {
		if p.Name == phase {
			from, to = p.Start, p.End
		}
	}
	low = math.Inf(1)
	const parts = 100
	for i := range parts {
		at := from + (to-from)*scenarios.Duration(i)/parts
		sum := 0.0
		for _, l := range loads {
			for _, s := range l.Segments {
				sum += rateAt(s, at)
			}
		}
		low, high = min(low, sum), max(high, sum)
	}
	return low, high
}

func rateAt(s scenarios.PlannedSegment, at scenarios.Duration) float64 {
	switch {
	case at < s.Start || at >= s.End:
		return 0
	case s.Ramp != nil:
		done := float64(at-s.Start) / float64(s.End-s.Start)
		return float64(s.Ramp.From) + done*float64(s.Ramp.To-s.Ramp.From)
	}
	return float64(s.Constant)
}

func near(got, want float64) bool { return math.Abs(got-want) < 0.02*want }

func TestASignUpSurgeIsOf300PercentInAMinute(t *testing.T) {
	plan := compiled(t, "viral-signup-surge")
	newcomers := load(t, plan, "newcomers")
	_, before := rates(plan, "before", newcomers)
	_, crest := rates(plan, "crest", newcomers)
	if !near(crest, 4*before) {
		t.Errorf("from %g/s to %g/s, want 300 %% more", before, crest)
	}
	surge := plan.Phases[slices.IndexFunc(plan.Phases, func(p scenarios.PlannedPhase) bool { return p.Name == "surge" })]
	if minutes := (surge.End - surge.Start).Std().Minutes() * plan.Tempo; !near(minutes, 1) {
		t.Errorf("the surge takes %g minutes", minutes)
	}
}

func TestALaunchIsOfFiveTimesToday(t *testing.T) {
	plan := compiled(t, "launch-5x")
	_, today := rates(plan, "today", plan.Load...)
	low, high := rates(plan, "plateau", plan.Load...)
	if !near(low, 5*today) || !near(high, 5*today) {
		t.Errorf("%g/s today, %g/s to %g/s on the plateau", today, low, high)
	}
}

func TestANormalDayFollowsTheSun(t *testing.T) {
	plan := compiled(t, "normal-day")
	_, night := rates(plan, "night", plan.Load...)
	_, day := rates(plan, "afternoon", plan.Load...)
	if _, evening := rates(plan, "evening", plan.Load...); !near(evening, 25) || night > day/3 || plan.Duration.Std() != time.Minute {
		t.Errorf("%g/s at night, %g/s in the afternoon, %g/s in the evening, %s in all", night, day, evening, plan.Duration)
	}
}

func TestAnImportBurstIsOfTwelveSessionsAtOnceWithLargeModels(t *testing.T) {
	plan := compiled(t, "enterprise-import-burst")
	enterprises := load(t, plan, "enterprises")
	for _, b := range enterprises.Bursts {
		if b.Sessions != 12 || (b.End-b.Start).Std() > 10*time.Second {
			t.Errorf("%d sessions within %s", b.Sessions, b.End-b.Start)
		}
	}
	steps := scenarios.Requests(plan.Journeys[enterprises.Journey])
	if len(enterprises.Bursts) == 0 || enterprises.Tier != "enterprise" || enterprises.Sizes["objects"].Median < 10_000 ||
		steps[0].Path != "/v1/sessions" || steps[2].Payload == nil || steps[2].Payload.Count != "${objects}" || steps[3].Poll == nil || len(steps) < 5 {
		t.Errorf("enterprises %+v walk %+v", enterprises, steps)
	}
}

func TestAHotTenantHasMoreTrafficThanAllOthers(t *testing.T) {
	plan := compiled(t, "hot-tenant")
	studios := load(t, plan, "studios")
	_, mine := rates(plan, "hot", studios)
	_, all := rates(plan, "hot", plan.Load...)
	if hot := studios.Hot; hot == nil || mine*float64(hot.Share)/100 < all/2 || studios.Skew == 0 || !slices.Equal(hot.Phases, []string{"hot"}) {
		t.Errorf("%g/s of %g/s are the studios', hot tenant %+v", mine, all, hot)
	}
}

// What runs where there are two cores is modest, and over in about a minute.
func TestScenariosAreModest(t *testing.T) {
	for _, name := range slices.Concat(library.Names(), library.Proofs()) {
		plan := compiled(t, name)
		longest := 65 * time.Second
		if name == "alerts-drill" { // five faults, each detected and over before the next
			longest = 2 * time.Minute
		}
		if name == "gameday" { // people take their time
			longest = 15 * time.Minute
		}
		if plan.Duration.Std() > longest {
			t.Errorf("%s lasts %s", name, plan.Duration)
		}
		for _, phase := range plan.Phases {
			requests := 0.0
			for _, l := range plan.Load {
				_, high := rates(plan, phase.Name, l)
				requests += high * float64(len(scenarios.Requests(plan.Journeys[l.Journey])))
			}
			if requests > 201 {
				t.Errorf("%s has up to %.0f requests/s in %s", name, requests, phase.Name)
			}
		}
	}
}

// The demo's promise: 200 requests a second while instances come and go, and
// half a minute of traffic.
func TestScaleUnderLoadHoldsItsRate(t *testing.T) {
	source, _ := library.Read("scale-under-load")
	d, _ := scenarios.Parse("scale-under-load.yaml", source, scenarios.Options{Dir: here})
	s := d.Scenario
	plan, problems := d.Compile(referenceStack)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if seconds := plan.Duration.Std().Seconds(); seconds < 25 || seconds > 35 {
		t.Errorf("traffic lasts %s", plan.Duration)
	}
	var to []int
	for _, a := range plan.Actions {
		to = append(to, a.Scale.To)
		for _, segment := range plan.Load[0].Segments {
			rate := float64(segment.Constant) * float64(len(s.Traffic.Journeys["shop"]))
			if segment.Start <= a.At && a.At < segment.End && rate != 200 {
				t.Errorf("%v requests/s at %s", rate, a.At)
			}
		}
	}
	if plan.Services["api"].Replicas != 2 || !slices.Equal(to, []int{3, 1}) {
		t.Errorf("from %d replicas to %v", plan.Services["api"].Replicas, to)
	}
}
