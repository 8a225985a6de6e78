package harness

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// sized is a platform whose machine has a size.
type sized struct {
	platform.Platform
	machine platform.Resources
	err     error
}

func (s sized) Size(context.Context) (platform.Resources, error) { return s.machine, s.err }

const gib = 1 << 30

// prescaledBurst is a scenario with a prescaled importer.
func prescaledBurst(services map[string]scenarios.PlannedService) *Loaded {
	document, _ := scenarios.Parse("burst.yaml", []byte("name: burst\nstack:\n  services:\n    importer:\n      prescale: {tier: enterprise}\n"), scenarios.Options{})
	return &Loaded{Document: document, Plan: &scenarios.Plan{Services: services}}
}

func largeOf(large, base scenarios.ResourceClass) map[string]scenarios.PlannedService {
	return map[string]scenarios.PlannedService{"importer": {Replicas: 1, Limits: base, Prescale: &scenarios.Prescale{Policy: scenarios.ProactivePolicy, Large: large}}}
}

// What a machine cannot give is refused before anything is started, with the
// figures of both, where the scenario asks for it.
func TestLargeClassesBeyondTheMachine(t *testing.T) {
	machine := platform.Resources{CPUs: 2, Memory: 23*gib + gib/2}
	off := largeOf(scenarios.ResourceClass{CPUs: 64, Memory: 900 * gib}, scenarios.ResourceClass{})
	off["importer"].Prescale.Policy = scenarios.OffPolicy
	for name, c := range map[string]struct {
		services map[string]scenarios.PlannedService
		machine  platform.Resources
		want     []string
	}{
		"all of the machine": {largeOf(scenarios.ResourceClass{CPUs: 2, Memory: 23*gib + gib/2}, scenarios.ResourceClass{}), machine, nil},
		"more memory": {largeOf(scenarios.ResourceClass{CPUs: 1, Memory: 900 * gib}, scenarios.ResourceClass{}), machine, []string{
			"burst.yaml:5:17: stack.services.importer.prescale:", "the large class of importer has 900GiB of memory", "machine has 23.5GiB",
		}},
		"more CPUs": {largeOf(scenarios.ResourceClass{CPUs: 2.5, Memory: gib}, scenarios.ResourceClass{}), machine, []string{
			"burst.yaml:5:17:", "the large class of importer has 2.5 CPUs", "the engine has 2:",
		}},
		"both": {largeOf(scenarios.ResourceClass{CPUs: 64, Memory: 900 * gib}, scenarios.ResourceClass{}), machine, []string{"64 CPUs", "900GiB"}},
		"more CPUs to begin with": {largeOf(scenarios.ResourceClass{}, scenarios.ResourceClass{CPUs: 3}), machine, []string{
			"burst.yaml:5:7:", "importer may use 3 CPUs by the compose file, and the engine has 2",
		}},
		"nothing is resized":         {off, machine, nil},
		"the machine does not tell":  {largeOf(scenarios.ResourceClass{CPUs: 64, Memory: 900 * gib}, scenarios.ResourceClass{}), platform.Resources{}, nil},
		"nothing is to be prescaled": {map[string]scenarios.PlannedService{"api": {Replicas: 1}}, machine, nil},
	} {
		err := room(t.Context(), prescaledBurst(c.services), sized{machine: c.machine})
		if problems := (scenarios.Problems{}); (err == nil) != (c.want == nil) || err != nil && !errors.As(err, &problems) {
			t.Errorf("%s: %v, want mistakes with %q", name, err, c.want)
		}
		for _, words := range c.want {
			if err != nil && !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v, want %q", name, err, words)
			}
		}
	}
}

// Limits of memory that are none are worth a warning; that all instances together
// could want more than there is is worth knowing.
func TestMemoryLimitsBeyondTheMachine(t *testing.T) {
	machine := platform.Resources{CPUs: 2, Memory: 8 * gib}
	limited := func(replicas int, memory scenarios.Bytes) scenarios.PlannedService {
		return scenarios.PlannedService{Replicas: replicas, Limits: scenarios.ResourceClass{Memory: memory}}
	}
	scaled := limited(1, gib)
	scaled.Autoscale = &scenarios.PlannedAutoscale{Max: 9}
	for name, c := range map[string]struct {
		services map[string]scenarios.PlannedService
		want     []string
	}{
		"as much as there is": {map[string]scenarios.PlannedService{"api": limited(2, 3*gib), "db": limited(1, 2*gib), "web": limited(4, 0)}, nil},
		"one":                 {map[string]scenarios.PlannedService{"api": limited(1, 9*gib)}, []string{"warning api: the compose file limits its memory to 9GiB, and the engine's machine has 8.0GiB"}},
		"together":            {map[string]scenarios.PlannedService{"api": limited(2, 3*gib), "db": limited(1, 2*gib+512<<20)}, []string{"info api: the memory limits of all instances that there may be (3, 6.0GiB of it those of api) come to 8.5GiB, and the engine's machine has 8.0GiB"}},
		"scaled out":          {map[string]scenarios.PlannedService{"api": scaled, "db": limited(1, 512<<20)}, []string{"info api: the memory limits of all instances that there may be (10, 9.0GiB of it those of api) come to 9.5GiB"}},
	} {
		loaded := prescaledBurst(c.services)
		loaded.Plan.Lint = []scenarios.LintRemark{{Rule: "cycles", Text: "of others"}}
		for range 2 { // asking again adds nothing
			if err := room(t.Context(), loaded, sized{machine: machine}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		got := loaded.Plan.Lint[1:]
		if len(got) != len(c.want) || loaded.Plan.Lint[0].Rule != "cycles" {
			t.Fatalf("%s: %+v, want %q", name, loaded.Plan.Lint, c.want)
		}
		for i, r := range got {
			if text := r.Level + " " + r.Service + ": " + r.Text; r.Rule != "machine" || !strings.HasPrefix(text, c.want[i]) {
				t.Errorf("%s: %s (%s), want %q", name, text, r.Rule, c.want[i])
			}
		}
	}
}

// A platform that cannot tell is not asked; one that does not answer is no mistake
// in the scenario.
func TestNobodyTellsTheSizeOfTheMachine(t *testing.T) {
	loaded := prescaledBurst(largeOf(scenarios.ResourceClass{Memory: 900 * gib}, scenarios.ResourceClass{}))
	if err := room(t.Context(), loaded, called{name: "process"}); err != nil {
		t.Errorf("%v", err)
	}
	broken := errors.New("no answer")
	err := room(t.Context(), loaded, sized{err: broken})
	if problems := (scenarios.Problems{}); !errors.Is(err, broken) || errors.As(err, &problems) {
		t.Errorf("%v", err)
	}
}
