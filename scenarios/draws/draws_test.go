package draws

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	second      = scenarios.Duration(time.Second)
	millisecond = scenarios.Duration(time.Millisecond)
)

// planOf is a plan of two phases of 10 s with a load.
func planOf(seed int64, loads ...scenarios.PlannedLoad) *scenarios.Plan {
	return &scenarios.Plan{
		Seed: seed, Multiple: 1, Duration: 20 * second, Load: loads,
		Phases: []scenarios.PlannedPhase{{Name: "calm", End: 10 * second}, {Name: "surge", Start: 10 * second, End: 20 * second}},
	}
}

// tenants counts whose sessions begin at a moment.
func tenants(load scenarios.PlannedLoad, at time.Duration, sessions int) map[string]float64 {
	source, counts := New(planOf(3, load)), map[string]float64{}
	for ordinal := range uint64(sessions) {
		s := source.Session(0, ordinal, at)
		counts[s.Tenant()]++
	}
	return counts
}

func TestTenantsOfACohort(t *testing.T) {
	const n = 60_000
	hot := &scenarios.Hot{Tenant: "acme", Share: 30, Phases: []string{"surge"}}
	calm, surge := time.Second, 15*time.Second
	for name, c := range map[string]struct {
		load scenarios.PlannedLoad
		at   time.Duration
		want map[string]float64 // shares
		of   int                // tenants in all
	}{
		"one":                           {scenarios.PlannedLoad{Tenants: 1}, calm, map[string]float64{"c-1": 1}, 1},
		"none counts as one":            {scenarios.PlannedLoad{}, calm, map[string]float64{"c-1": 1}, 1},
		"uniform":                       {scenarios.PlannedLoad{Tenants: 4}, calm, map[string]float64{"c-1": .25, "c-2": .25, "c-3": .25, "c-4": .25}, 4},
		"skewed: 1, 1/2, 1/3":           {scenarios.PlannedLoad{Tenants: 3, Skew: 1}, calm, map[string]float64{"c-1": 6. / 11, "c-2": 3. / 11, "c-3": 2. / 11}, 3},
		"hot, in its phase":             {scenarios.PlannedLoad{Tenants: 3, Hot: hot}, surge, map[string]float64{"acme": .3, "c-2": .35, "c-3": .35}, 3},
		"hot, after the last phase":     {scenarios.PlannedLoad{Tenants: 3, Hot: hot}, time.Hour, map[string]float64{"acme": .3, "c-2": .35, "c-3": .35}, 3},
		"hot, outside: the first":       {scenarios.PlannedLoad{Tenants: 3, Hot: hot}, calm, map[string]float64{"acme": 1. / 3, "c-2": 1. / 3, "c-3": 1. / 3}, 3},
		"hot and skewed, in its phase":  {scenarios.PlannedLoad{Tenants: 3, Skew: 1, Hot: hot}, surge, map[string]float64{"acme": .3, "c-2": .42, "c-3": .28}, 3},
		"hot and skewed, outside":       {scenarios.PlannedLoad{Tenants: 3, Skew: 1, Hot: hot}, calm, map[string]float64{"acme": 6. / 11, "c-2": 3. / 11, "c-3": 2. / 11}, 3},
		"hot in all phases":             {scenarios.PlannedLoad{Tenants: 3, Hot: &scenarios.Hot{Tenant: "acme", Share: 30}}, calm, map[string]float64{"acme": .3}, 3},
		"hot and alone":                 {scenarios.PlannedLoad{Tenants: 1, Skew: 2, Hot: hot}, surge, map[string]float64{"acme": 1}, 1},
		"a hundred million, but skewed": {scenarios.PlannedLoad{Tenants: 100_000_000, Skew: 2}, calm, map[string]float64{"c-1": 6 / math.Pi / math.Pi}, 0},
	} {
		c.load.Cohort = "c"
		got := tenants(c.load, c.at, n)
		if c.of > 0 && len(got) != c.of {
			t.Errorf("%s: %d tenants, want %d: %v", name, len(got), c.of, got)
		}
		for tenant, share := range c.want {
			sigma := math.Sqrt(share * (1 - share) / n)
			if math.Abs(got[tenant]/n-share) > 4.5*sigma {
				t.Errorf("%s: %s has %.4f of the sessions, want %.4f", name, tenant, got[tenant]/n, share)
			}
		}
	}
}

// What a session is does not depend on what it has done, nor on its copies.
func TestTenantAndSizesDoNotDependOnOtherDraws(t *testing.T) {
	load := scenarios.PlannedLoad{
		Cohort: "c", Tenants: 1_000_000, Skew: 1.1,
		Sizes: map[string]scenarios.Size{"objects": {Median: 20_000, P95: 60_000}, "parts": {Median: 5, P95: 50}},
	}
	fewer := load
	fewer.Sizes = map[string]scenarios.Size{"objects": load.Sizes["objects"]}
	rapid.Check(t, func(t *rapid.T) {
		seed, ordinal := rapid.Int64().Draw(t, "seed"), rapid.Uint64Range(0, 1<<40).Draw(t, "ordinal")
		a := New(planOf(seed, load)).Session(0, ordinal, 0)
		b := New(planOf(seed, fewer)).Session(0, ordinal, 0)
		pause := &scenarios.Think{Median: second, P95: 5 * second}
		for range rapid.IntRange(0, 5).Draw(t, "thinks") {
			a.Think(pause)
			a.UUID()
		}
		n, _ := a.Size("objects")
		m, _ := b.Size("objects")
		if again, _ := a.Size("objects"); n != m || n != again || a.Tenant() != b.Tenant() {
			t.Errorf("tenants %s and %s, sizes %d, %d and %d", a.Tenant(), b.Tenant(), n, m, again)
		}
		if a.Choose([]int{1, 1, 1, 1, 1}) != b.Choose([]int{1, 1, 1, 1, 1}) || a.Times(load.Sizes["objects"]) != b.Times(load.Sizes["objects"]) {
			t.Error("choices depend on thinking")
		}
		copied := a
		if a.Think(pause) != copied.Think(pause) {
			t.Error("a copy does not go on from where the original stood")
		}
		if _, ok := a.Size("weight"); ok {
			t.Error("a size that the cohort has not")
		}
	})
}

// Two sizes of one session are independent, however alike.
func TestSizesDiffer(t *testing.T) {
	like := scenarios.Size{Median: 1_000_000, P95: 5_000_000}
	source := New(planOf(1, scenarios.PlannedLoad{Sizes: map[string]scenarios.Size{"a": like, "b": like}}))
	above := 0
	for ordinal := range uint64(1000) {
		s := source.Session(0, ordinal, 0)
		a, _ := s.Size("a")
		b, _ := s.Size("b")
		if a > b {
			above++
		}
	}
	if above < 420 || above > 580 { // 5 sigma
		t.Errorf("of 1,000 pairs %d have the first above the second, want about 500", above)
	}
}

func TestSessionsDiffer(t *testing.T) {
	load := scenarios.PlannedLoad{Cohort: "c"}
	seen, numbers := map[string]bool{}, map[uint64]bool{}
	for seed := range int64(5) {
		source := New(planOf(seed, load, load))
		for i := range 2 {
			for ordinal := range uint64(100) {
				s := source.Session(i, ordinal, 0)
				seen[s.UUID()], seen[s.UUID()] = true, true
				numbers[s.Number()] = true
			}
		}
	}
	if len(seen) != 2000 || len(numbers) != 200 {
		t.Errorf("%d different UUIDs of 2,000, %d numbers of 200", len(seen), len(numbers))
	}
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for uuid := range seen {
		if !form.MatchString(uuid) {
			t.Fatalf("%s is no UUID of version 4", uuid)
		}
	}
}

func TestLognormal(t *testing.T) {
	const n = 100_000
	s := New(planOf(1, scenarios.PlannedLoad{})).Session(0, 0, 0)
	var sizes, thinks []float64
	for range n {
		sizes = append(sizes, float64(s.Times(scenarios.Size{Median: 20_000, P95: 60_000})))
		thinks = append(thinks, s.Think(&scenarios.Think{Median: 2 * second, P95: 9 * second}).Seconds())
	}
	for name, c := range map[string]struct {
		draws       []float64
		median, p95 float64
	}{"sizes": {sizes, 20_000, 60_000}, "thinks": {thinks, 2, 9}} {
		slices.Sort(c.draws)
		if got := c.draws[n/2]; math.Abs(got/c.median-1) > 0.02 {
			t.Errorf("%s: median %v, want %v", name, got, c.median)
		}
		if got := c.draws[n*95/100]; math.Abs(got/c.p95-1) > 0.03 {
			t.Errorf("%s: p95 %v, want %v", name, got, c.p95)
		}
		// The median, with half of the draws below, says nothing of the shape: a
		// quarter is below median^(1-q) * p95^q with q = z(0.25)/z(0.95).
		q := -0.6744897501960817 / 1.6448536269514722
		if got, want := c.draws[n/4], c.median*math.Pow(c.p95/c.median, q); math.Abs(got/want-1) > 0.02 {
			t.Errorf("%s: p25 %v, want %v", name, got, want)
		}
	}
}

func TestSizesAndThinks(t *testing.T) {
	s := New(planOf(1, scenarios.PlannedLoad{})).Session(0, 0, 0)
	for name, c := range map[string]struct {
		size        scenarios.Size
		least, most int
	}{
		"constant":                {scenarios.Size{Constant: 7}, 7, 7},
		"nothing":                 {scenarios.Size{}, 0, 0},
		"below nothing":           {scenarios.Size{Constant: -7}, 0, 0},
		"cut at max":              {scenarios.Size{Median: 100, P95: 1000, Max: 100}, 0, 100},
		"a value":                 {scenarios.Size{Values: []int{5}}, 5, 5},
		"values, cut":             {scenarios.Size{Values: []int{5, 500}, Max: 50}, 5, 50},
		"p95 below the median":    {scenarios.Size{Median: 100, P95: 10}, 100, 100},
		"no p95":                  {scenarios.Size{Median: 100}, 100, 100},
		"as wide as numbers go":   {scenarios.Size{Median: 1, P95: math.MaxInt}, 0, largest},
		"as large as numbers are": {scenarios.Size{Median: math.MaxInt - 1, P95: math.MaxInt}, largest, math.MaxInt},
	} {
		for range 200 {
			if got := s.Times(c.size); got < c.least || got > c.most {
				t.Errorf("%s: drew %d, want %d to %d", name, got, c.least, c.most)
				break
			}
			think := scenarios.Think{Constant: scenarios.Duration(c.size.Constant), Median: scenarios.Duration(c.size.Median), P95: scenarios.Duration(c.size.P95), Max: scenarios.Duration(c.size.Max)}
			for _, v := range c.size.Values {
				think.Values = append(think.Values, scenarios.Duration(v))
			}
			if got := int(s.Think(&think)); got < c.least || got > c.most {
				t.Errorf("%s: thought for %d, want %d to %d", name, got, c.least, c.most)
				break
			}
		}
	}
	if got := s.Think(nil); got != 0 {
		t.Errorf("thought for %v without a think time", got)
	}
}

func TestEmpiricalValuesAreEquallyLikely(t *testing.T) {
	s := New(planOf(1, scenarios.PlannedLoad{})).Session(0, 0, 0)
	counts := map[int]float64{}
	for range 60_000 {
		counts[s.Times(scenarios.Size{Values: []int{10, 20, 20, 30}})]++
	}
	if d := chiSquare([]float64{counts[10], counts[20], counts[30]}, []float64{15_000, 30_000, 15_000}); math.Abs(d) > 3.5 {
		t.Errorf("counts %v are %.1f sigma off", counts, d)
	}
}

func TestChoose(t *testing.T) {
	s := New(planOf(1, scenarios.PlannedLoad{})).Session(0, 0, 0)
	counts := make([]float64, 4)
	for range 60_000 {
		counts[s.Choose([]int{1, 0, 2, 3})]++
	}
	if counts[1] != 0 {
		t.Errorf("a way without weight was taken %v times", counts[1])
	}
	if d := chiSquare([]float64{counts[0], counts[2], counts[3]}, []float64{10_000, 20_000, 30_000}); math.Abs(d) > 3.5 {
		t.Errorf("counts %v are %.1f sigma off", counts, d)
	}
	for _, none := range [][]int{nil, {}, {0, 0}, {-1}} {
		if got := s.Choose(none); got != -1 {
			t.Errorf("of %v way %d was taken", none, got)
		}
	}
	if got := s.Choose([]int{math.MaxInt, math.MaxInt, math.MaxInt}); got < 0 || got > 2 {
		t.Errorf("of three large weights %d was taken", got)
	}
}

func TestSessionsAllocateNothing(t *testing.T) {
	source := New(planOf(1, scenarios.PlannedLoad{
		Cohort: "c", Tenants: 1_000_000, Skew: 1.1, Hot: &scenarios.Hot{Tenant: "acme", Share: 10},
		Sizes: map[string]scenarios.Size{"objects": {Median: 20_000, P95: 60_000}},
	}))
	think, ordinal, sum := &scenarios.Think{Median: second, P95: 3 * second}, uint64(0), 0
	if n := testing.AllocsPerRun(1000, func() {
		s := source.Session(0, ordinal, time.Second)
		objects, _ := s.Size("objects")
		sum += objects + int(s.Think(think)) + s.Choose([]int{1, 2})
		ordinal++
	}); n != 0 {
		t.Errorf("%v allocations a session", n)
	}
}

func BenchmarkSession(b *testing.B) {
	source := New(planOf(1, scenarios.PlannedLoad{Cohort: "c", Tenants: 1_000_000, Skew: 1.1}))
	think := &scenarios.Think{Median: second, P95: 3 * second}
	b.ReportAllocs()
	for ordinal := uint64(0); b.Loop(); ordinal++ {
		s := source.Session(0, ordinal, time.Second)
		s.Think(think)
	}
}

func ExampleSession() {
	plan := &scenarios.Plan{Seed: 7, Load: []scenarios.PlannedLoad{{Cohort: "free", Tenants: 2000, Skew: 1.1}}}
	s := New(plan).Session(0, 41, 0)
	fmt.Println(s.Number(), s.Tenant(), s.UUID())
	// Output: 42 free-7 c852d50d-4b89-4364-bf27-2c175e432df0
}
