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
	prescaled := func(policy string) *scenarios.Plan {
		return &scenarios.Plan{Services: map[string]scenarios.PlannedService{"importer": {Prescale: &scenarios.Prescale{Policy: policy}}, "api": {}}}
	}
	for name, c := range map[string]struct {
		plan  *scenarios.Plan
		lacks map[platform.Feature]error
		want  string
	}{
		"a platform that can":        {prescaled(scenarios.ProactivePolicy), none, ""},
		"no memory limits":           {prescaled(scenarios.ProactivePolicy), map[platform.Feature]error{platform.MemoryLimits: errors.New("no cgroups")}, "prescale of importer cannot be rehearsed on the process platform, and neither can its checks: it needs memory limits: no cgroups; use --platform docker"},
		"no CPU limits":              {prescaled(scenarios.ReactivePolicy), map[platform.Feature]error{platform.CPULimits: errors.New("no cgroups")}, "it needs CPU limits"},
		"nothing is resized":         {prescaled(scenarios.OffPolicy), map[platform.Feature]error{platform.MemoryLimits: errors.New("no cgroups")}, ""},
		"nothing is to be prescaled": {&scenarios.Plan{}, map[platform.Feature]error{platform.MemoryLimits: errors.New("no cgroups")}, ""},
	} {
		err := resizable(c.plan, limited{lacks: c.lacks})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
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
