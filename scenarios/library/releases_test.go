package library_test

import (
	"slices"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// release is the one of a plan that brings a version in.
func release(t *testing.T, plan *scenarios.Plan, version string) scenarios.PlannedAction {
	t.Helper()
	i := slices.IndexFunc(plan.Actions, func(a scenarios.PlannedAction) bool { return a.Release != nil && a.Release.Version == version })
	if i < 0 {
		t.Fatalf("%s has no release of %s: %v", plan.Scenario, version, plan.Actions)
	}
	return plan.Actions[i]
}

// has tells whether a plan has a check of a kind.
func has(plan *scenarios.Plan, is func(scenarios.Check) bool) bool {
	return slices.ContainsFunc(plan.Checks, is)
}

func TestARollingReleaseLosesNoCapacityAndIsFollowedByARestart(t *testing.T) {
	plan := compiled(t, "rolling-release")
	r := release(t, plan, "v2")
	api := plan.Services["api"].Replicas
	if api != 3 || r.Release.MaxUnavailable.Of(api, false) != 0 || r.Release.MaxSurge.Of(api, true) != 1 || len(r.Release.Environment) == 0 {
		t.Errorf("%d instances, %+v", api, r.Release)
	}
	last := plan.Actions[len(plan.Actions)-1]
	if last.Restart == nil || last.At < r.At+scenarios.Duration(10*time.Second) {
		t.Errorf("the restart: %+v", last)
	}
	if !has(plan, func(c scenarios.Check) bool {
		return c.Readiness != nil && c.Readiness.FirstRequests != nil && c.Readiness.UnreadyWithin != nil
	}) {
		t.Error("readiness is not judged by first requests and by what follows the stop signal")
	}
}

func TestBlueGreenLeavesTheOldVersionToReturnTo(t *testing.T) {
	r := release(t, compiled(t, "blue-green"), "green")
	if r.Release.Strategy != scenarios.BlueGreenStrategy || r.Release.Keep.Std() < time.Second {
		t.Errorf("%+v", r.Release)
	}
}

// What a cold start costs shows only while traffic needs the new instances.
func TestAColdStartIsUnderARamp(t *testing.T) {
	plan := compiled(t, "cold-start")
	var to []int
	for _, a := range plan.Actions {
		to = append(to, a.Scale.To)
		if rising := plan.Load[0].Segments[1]; a.At < rising.Start || a.At >= rising.End || rising.Ramp == nil || rising.Ramp.To <= rising.Ramp.From {
			t.Errorf("%s is not while traffic rises", a)
		}
	}
	if plan.Services["api"].Replicas != 1 || !slices.Equal(to, []int{2, 4}) {
		t.Errorf("from %d to %v", plan.Services["api"].Replicas, to)
	}
}

// Filling before everybody writes both would leave rows behind, reading before
// all is filled would miss some.
func TestAMigrationWritesBothThenFillsThenReads(t *testing.T) {
	plan := compiled(t, "migration-under-load")
	dual, slugs := release(t, plan, "dual"), release(t, plan, "slugs")
	i := slices.IndexFunc(plan.Actions, func(a scenarios.PlannedAction) bool { return a.Job != nil })
	if i < 0 || plan.Actions[i].At < dual.At+scenarios.Duration(10*time.Second) || slugs.At <= plan.Actions[i].At {
		t.Fatalf("in the order %v", plan.Actions)
	}
	if dual.Release.Environment["ATELIER_SLUGS"] != "dual" || slugs.Release.Environment["ATELIER_SLUGS"] != "on" {
		t.Errorf("releases with %v and %v", dual.Release.Environment, slugs.Release.Environment)
	}
	ids := map[string]string{}
	for _, l := range plan.Ledgers {
		ids[l.ID] = l.Want
	}
	if ids["integrity/drift"] != "none" || ids["integrity/projects"] != "once" || ids["release/api/backfill"] != "once" {
		t.Errorf("compared at the end: %v", ids)
	}
}

func TestEachInstanceIsLostOnce(t *testing.T) {
	plan := compiled(t, "stateless-proof")
	lost := map[string]int{}
	for _, a := range plan.Actions {
		switch {
		case a.Restart != nil:
			lost[a.Restart.Instance]++
		case a.Stop != nil:
			lost[a.Stop.Instance]++
		}
	}
	if len(lost) != plan.Services["api"].Replicas || lost["api-1"] != 1 || lost["api-2"] != 1 || lost["api-3"] != 1 {
		t.Errorf("lost: %v of %d", lost, plan.Services["api"].Replicas)
	}
	if last := plan.Actions[len(plan.Actions)-1]; last.Stop == nil {
		t.Errorf("the last is replaced: %s", last)
	}
}

// A consumer that has nothing in hand can be stopped by anybody.
func TestConsumersAreStoppedWithWorkInHand(t *testing.T) {
	plan := compiled(t, "long-requests")
	studios := load(t, plan, "studios")
	acted := map[string]int{}
	for _, a := range plan.Actions {
		acted[a.Subject()]++
		if !slices.ContainsFunc(studios.Bursts, func(b scenarios.PlannedBurst) bool {
			return a.At >= b.End && a.At <= b.End+scenarios.Duration(2*time.Second) && b.Sessions >= 2*plan.Services["importer"].Replicas
		}) {
			t.Errorf("%s at %s is not just after a burst", a, a.At)
		}
	}
	for _, service := range []string{"importer", "worker"} {
		if drain := plan.Services[service].Drain; acted[service] != 2 || drain.Takes == 0 || drain.Takes >= drain.Grace || drain.Grace.Std() <= 10*time.Second {
			t.Errorf("%s: %d actions, grace %s for %s", service, acted[service], drain.Grace, drain.Takes)
		}
	}
}

// What the matrix breaks is exchanged, and has something in hand then.
func TestTheMatrixTouchesEverythingThatADefectBreaks(t *testing.T) {
	plan := compiled(t, "proof/everything")
	released := map[string]bool{}
	for _, a := range plan.Actions {
		if a.Release != nil {
			released[a.Release.Service] = true
		}
	}
	if !released["api"] || !released["importer"] || plan.Duration.Std() > 25*time.Second {
		t.Errorf("%s, released: %v", plan.Duration, released)
	}
	var keys []string
	for _, step := range scenarios.Requests(plan.Journeys["shop"]) {
		if key := step.Headers["Idempotency-Key"]; key != "" {
			keys = append(keys, key)
		}
	}
	if len(keys) != 2 || keys[0] != keys[1] || keys[0] == "${uuid}" {
		t.Errorf("the two clicks have the keys %v", keys)
	}
}
