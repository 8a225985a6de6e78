package library_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/library"
)

func TestEveryScenarioIsValidAndNamedLikeItsFile(t *testing.T) {
	names := library.Names()
	if !slices.Contains(names, "scale-under-load") || !slices.IsSorted(names) {
		t.Errorf("the library has %v", names)
	}
	for _, name := range names {
		source, ok := library.Read(name)
		if !ok {
			t.Fatalf("%s cannot be read", name)
		}
		d, problems := scenarios.Parse(name+".yaml", source, scenarios.Options{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if d.Scenario.Name != name || d.Scenario.Summary == "" {
			t.Errorf("%s calls itself %q: %q", name, d.Scenario.Name, d.Scenario.Summary)
		}
		if !bytes.HasPrefix(source, []byte("# yaml-language-server: $schema=../scenario.schema.json\n")) {
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

// The demo's promise: 200 requests a second while instances come and go, and
// half a minute of traffic.
func TestScaleUnderLoadHoldsItsRate(t *testing.T) {
	source, _ := library.Read("scale-under-load")
	d, _ := scenarios.Parse("scale-under-load.yaml", source, scenarios.Options{})
	s := d.Scenario
	info := scenarios.StackInfo{Services: map[string]scenarios.ServiceInfo{"api": {Ports: []int{8080}, Replicas: 1}}}
	plan, problems := d.Compile(info)
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
