package stack

import (
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// What the platform cannot do is refused before anything is started.
func TestActionsRefused(t *testing.T) {
	image := &scenarios.PlannedRelease{Strategy: scenarios.RollingStrategy, Service: "api", From: "v1", Version: "v2", Image: "shop:2", Environment: map[string]string{"A": "b"}}
	job := backfill()
	job.Process = nil
	gone := &scenarios.Scale{Service: "cache", To: 2}
	const source = `
services:
  api: {image: shop, x-shakedown: {process: {command: [shop]}}}
  cache: {image: redis, x-shakedown: {process: {omit: true}}}
`
	for _, c := range []struct {
		name             string
		action           scenarios.PlannedAction
		process, engines string // errors
	}{
		{"image", scenarios.PlannedAction{Release: image}, "rolling release of api: v1 to v2 (surge 0, unavailable 0): the process platform has no images, so it cannot bring in shop:2", ""},
		{"job", scenarios.PlannedAction{Job: job}, "run job backfill: the process platform does not know how to run it; write process:", ""},
		{"left out", scenarios.PlannedAction{Scale: gone}, "scale cache to 2: service cache does not run here", ""},
		{"job of nobody", scenarios.PlannedAction{Job: &scenarios.Job{Name: "x", Service: "nobody"}}, "run job x: service nobody does not run here", "run job x: service nobody does not run here"},
	} {
		for platform, want := range map[string]string{"process": c.process, "docker": c.engines} {
			_, err := Outline(project(t, source), &scenarios.Plan{Actions: []scenarios.PlannedAction{c.action}}, platform)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s on %s: %v, want %q", c.name, platform, err, want)
			}
		}
	}
	both := &scenarios.Plan{Actions: []scenarios.PlannedAction{{Release: image}, {Job: job}}}
	if _, err := Outline(project(t, source), both, "process"); err == nil || strings.Count(err.Error(), "the process platform") != 2 {
		t.Errorf("two mistakes: %v", err)
	}
}
