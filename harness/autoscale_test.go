package harness

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// limited is a platform that can do some things and not others.
type limited struct {
	platform.Platform
	lacks map[platform.Feature]error
}

func (l limited) Name() string { return "process" }

func (l limited) Supports(f platform.Feature) error { return l.lacks[f] }

func TestPrescalingNeedsLimits(t *testing.T) {
	none := map[platform.Feature]error{}
	lacking := func(f platform.Feature) map[platform.Feature]error {
		return map[platform.Feature]error{f: errors.New("there are no cgroups")}
	}
	prescaled := func(policy string) *Loaded {
		document, _ := scenarios.Parse("burst.yaml", []byte("name: burst\nstack:\n  services:\n    importer:\n      prescale: {tier: enterprise}\n"), scenarios.Options{})
		return &Loaded{Document: document, Plan: &scenarios.Plan{
			Services: map[string]scenarios.PlannedService{"importer": {Prescale: &scenarios.Prescale{Policy: policy}}, "api": {}},
			Checks:   []scenarios.Check{{Prescale: &scenarios.PrescaleCheck{Service: "importer", Journey: "import"}}},
		}}
	}
	for name, c := range map[string]struct {
		loaded *Loaded
		lacks  map[platform.Feature]error
		want   []string
	}{
		"a platform that can": {prescaled(scenarios.ProactivePolicy), none, nil},
		"no memory limits": {prescaled(scenarios.ProactivePolicy), lacking(platform.MemoryLimits), []string{
			"burst.yaml:5:17: stack.services.importer.prescale:",
			"prescale of importer, and with it the check prescale of journey import, cannot be rehearsed: there are no cgroups",
			"--set stack.services.importer.prescale.policy=off",
		}},
		"no CPU limits":              {prescaled(scenarios.ReactivePolicy), lacking(platform.CPULimits), []string{"prescale of importer"}},
		"nothing is resized":         {prescaled(scenarios.OffPolicy), lacking(platform.MemoryLimits), nil},
		"nothing is to be prescaled": {&Loaded{Plan: &scenarios.Plan{}}, lacking(platform.MemoryLimits), nil},
	} {
		err := resizable(c.loaded, limited{lacks: c.lacks})
		if (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		for _, words := range c.want {
			if err != nil && !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v, want %q", name, err, words)
			}
		}
	}
}

// Whoever plans for processes learns it from the plan, not from the run.
func TestAPlanForProcessesRefusesPrescaling(t *testing.T) {
	document, _ := scenarios.Parse("burst.yaml", []byte("name: burst\n"), scenarios.Options{})
	loaded := &Loaded{Document: document, Plan: &scenarios.Plan{
		Services: map[string]scenarios.PlannedService{"importer": {Prescale: &scenarios.Prescale{Policy: scenarios.ProactivePolicy}}},
	}}
	if err := Fits(loaded, "process"); err == nil || !strings.Contains(err.Error(), "prescale of importer cannot be rehearsed") {
		t.Errorf("process: %v", err)
	}
	if err := Fits(loaded, "docker"); err != nil {
		t.Errorf("docker: %v", err)
	}
}

// Before traffic there is nobody to ask: the application is told so.
func TestSessionsBeforeTrafficAreRejected(t *testing.T) {
	var a autoscaling
	a.observe(journal.Event{})
	if answer := a.session(t.Context(), journal.SessionSignal{Account: "a"}); answer.State != "rejected" || answer.Reason == "" {
		t.Errorf("answer %+v", answer)
	}
}

// A controller that does not end keeps nobody who has asked twice for the end.
func TestTheWaitForTheControllerEnds(t *testing.T) {
	hard, stop := context.WithCancelCause(t.Context())
	fault, second := errors.New("a fault"), errors.New("interrupted again")
	ended := make(chan error, 1)
	ended <- fault
	if err := scaled(hard, ended); !errors.Is(err, fault) {
		t.Errorf("%v, want the fault", err)
	}
	stop(second)
	if err := scaled(hard, ended); !errors.Is(err, second) {
		t.Errorf("%v, want that of the interrupt", err)
	}
}
