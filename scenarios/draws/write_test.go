package draws

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// shop has everything that a session draws for.
func shop() []scenarios.PlannedStep {
	pause := &scenarios.Think{Median: second, P95: 4 * second}
	return []scenarios.PlannedStep{
		{Name: "sign-in"},
		{Choose: []scenarios.PlannedOption{
			{Weight: 3, Steps: []scenarios.PlannedStep{{Name: "browse", Think: pause}}},
			{Weight: 1, Steps: []scenarios.PlannedStep{{Name: "buy", Think: pause}, {Name: "pay"}}},
			{Weight: 1},
		}},
		{Repeat: &scenarios.PlannedRepeat{Times: scenarios.Size{Values: []int{0, 1, 3}}, Steps: []scenarios.PlannedStep{{Name: "look", Think: pause}}}},
	}
}

// shopping is a plan with every kind of draw.
func shopping(seed int64) *scenarios.Plan {
	plan := planOf(seed,
		scenarios.PlannedLoad{
			Cohort: "free", Tier: "free", Journey: "shop", Tenants: 2000, Skew: 1.1, Hot: &scenarios.Hot{Tenant: "acme", Share: 20},
			Segments: []scenarios.PlannedSegment{{Phase: "calm", End: 10 * second, Constant: 3, Poisson: true}},
		},
		scenarios.PlannedLoad{
			Cohort: "large", Tier: "enterprise", Journey: "shop", Tenants: 12,
			Sizes:  map[string]scenarios.Size{"objects": {Median: 20_000, P95: 60_000}, "parts": {Constant: 3}, "views": {Values: []int{1, 2}}},
			Bursts: []scenarios.PlannedBurst{{Phase: "surge", Start: 10 * second, End: 12 * second, Sessions: 12, Poisson: true}},
		})
	plan.Journeys = map[string][]scenarios.PlannedStep{"shop": shop()}
	return plan
}

func written(t interface{ Fatal(...any) }, plan *scenarios.Plan, limit int) string {
	var b bytes.Buffer
	if err := Write(&b, plan, nil, limit); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSameSeedSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Int64().Draw(t, "seed")
		first := written(t, shopping(seed), 1000)
		if again := written(t, shopping(seed), 1000); again != first {
			t.Fatal("the same seed gave other sessions")
		}
		if other := written(t, shopping(seed+rapid.Int64Range(1, 1000).Draw(t, "step")), 1000); other == first {
			t.Error("another seed gave the same sessions")
		}
		lines := strings.SplitAfter(first, "\n")
		limit := rapid.IntRange(-1, len(lines)).Draw(t, "limit")
		if got, want := written(t, shopping(seed), limit), strings.Join(lines[:min(max(limit, 0), len(lines))], ""); got != want {
			t.Errorf("%d sessions are not the first ones of all", limit)
		}
	})
}

// The bytes of a seed are part of what users keep: they must not change
// unnoticed from one version to the next.
func TestBytesStayTheSame(t *testing.T) {
	want := `{"number":1,"at":"273.017411ms","phase":"calm","cohort":"free","tier":"free","tenant":"free-792","walk":[{"step":"sign-in"},{"step":"buy","think":"1.848639787s"},{"step":"pay"},{"step":"look","think":"499.343978ms"}]}
`
	if got := written(t, shopping(1), 1); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestLines(t *testing.T) {
	var free, large int
	var lastAt scenarios.Duration
	for text := range strings.Lines(written(t, shopping(1), math.MaxInt)) {
		var line Line
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if line.At < lastAt {
			t.Errorf("session %d at %v follows one at %v", line.Number, line.At, lastAt)
		}
		lastAt = line.At
		switch line.Cohort {
		case "free":
			free++
			if line.Phase != "calm" || line.Tier != "free" || line.Number%2 != 1 || line.Sizes != nil {
				t.Errorf("line %s", text)
			}
		case "large":
			large++
			if line.Phase != "surge" || line.Tier != "enterprise" || line.Number%2 != 0 || line.Sizes["parts"] != 3 || len(line.Sizes) != 3 {
				t.Errorf("line %s", text)
			}
		}
		checkWalk(t, line.Walk)
	}
	if large != 12 || math.Abs(float64(free)-30) > 5*math.Sqrt(30) {
		t.Errorf("%d sessions of free, %d of large, want about 30 and 12", free, large)
	}
}

// checkWalk knows the ways through shop.
func checkWalk(t *testing.T, walk []Stride) {
	t.Helper()
	var names []string
	for _, s := range walk {
		names = append(names, s.Step)
		if pauses := slices.Contains([]string{"browse", "buy", "look"}, s.Step); pauses != (s.Think > 0) {
			t.Errorf("%s is thought about for %v", s.Step, s.Think)
		}
	}
	way := strings.TrimSuffix(strings.TrimSuffix(strings.Join(names, " ")+" ", "look look look "), "look ")
	if !slices.Contains([]string{"sign-in ", "sign-in browse ", "sign-in buy pay "}, way) {
		t.Errorf("no way through the journey: %v", names)
	}
}

// A driver that asks step by step takes the way that the plan shows.
func TestWalkIsWhatADriverTakes(t *testing.T) {
	source := New(shopping(4))
	taken := map[string]int{}
	for ordinal := range uint64(400) {
		s, d := source.Session(0, ordinal, 0), source.Session(0, ordinal, 0)
		walk, whole := Walk(&s, shop())
		taken[walk[len(walk)-1].Step]++
		var want []Stride
		steps := shop()
		want = append(want, Stride{Step: "sign-in"})
		switch d.Choose([]int{3, 1, 1}) {
		case 0:
			want = append(want, Stride{"browse", scenarios.Duration(d.Think(steps[1].Choose[0].Steps[0].Think))})
		case 1:
			want = append(want, Stride{"buy", scenarios.Duration(d.Think(steps[1].Choose[1].Steps[0].Think))}, Stride{Step: "pay"})
		}
		for range d.Times(steps[2].Repeat.Times) {
			want = append(want, Stride{"look", scenarios.Duration(d.Think(steps[2].Repeat.Steps[0].Think))})
		}
		if !whole || !slices.Equal(walk, want) {
			t.Fatalf("session %d walks %v, a driver %v", ordinal, walk, want)
		}
	}
	if len(taken) != 4 {
		t.Errorf("walks end with %v, want every way to be taken", taken)
	}
}

func TestEndlessWalksAreCut(t *testing.T) {
	forever := scenarios.Size{Constant: math.MaxInt}
	nothing := []scenarios.PlannedStep{{Choose: []scenarios.PlannedOption{{Weight: 1}}}}
	for name, steps := range map[string][]scenarios.PlannedStep{
		"requests":         {{Repeat: &scenarios.PlannedRepeat{Times: forever, Steps: []scenarios.PlannedStep{{Name: "look"}}}}},
		"without requests": {{Repeat: &scenarios.PlannedRepeat{Times: forever, Steps: nothing}}},
		"without anything": {{Repeat: &scenarios.PlannedRepeat{Times: forever}}},
	} {
		s := New(shopping(1)).Session(0, 0, 0)
		if walk, whole := Walk(&s, steps); whole || len(walk) > longest {
			t.Errorf("%s: a walk of %d, whole %t", name, len(walk), whole)
		}
	}
}

func TestWriteReplays(t *testing.T) {
	plan := planOf(1, scenarios.PlannedLoad{Cohort: "night", Journey: "night", Replay: &scenarios.PlannedReplay{Speed: 2}})
	plan.Journeys = map[string][]scenarios.PlannedStep{"night": {{Name: "replay"}}}
	var b bytes.Buffer
	if err := Write(&b, plan, map[int][]time.Duration{0: {0, 20 * time.Second, time.Hour}}, 10); err != nil {
		t.Fatal(err)
	}
	want := `{"number":1,"at":"0s","phase":"calm","cohort":"night","tenant":"night-1","walk":[{"step":"replay"}]}
{"number":2,"at":"10s","phase":"surge","cohort":"night","tenant":"night-1","walk":[{"step":"replay"}]}
{"number":3,"at":"30m0s","phase":"surge","cohort":"night","tenant":"night-1","walk":[{"step":"replay"}]}
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteSaysWhatFailed(t *testing.T) {
	if err := Write(fullDisk{}, shopping(1), nil, 5); err == nil || !strings.Contains(err.Error(), "write sessions: no space left") {
		t.Errorf("error %v", err)
	}
}
