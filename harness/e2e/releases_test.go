package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// changing is a scenario on the payments simulator, which needs no other
// service; the actions are the test's.
const changing = `
name: changing
stack:
  compose: [compose.yaml]
  services:
    shop: {port: 8080, ready: /readyz, initialized: /initz, replicas: 2, drain: {grace: 5s, endpoint_lag: 300ms}}
traffic:
  phases: [{name: steady, for: 2s}, {name: change, for: %s}]
  cohorts: [{name: all, journey: ask, arrivals: {constant: 60/s}}]
  journeys:
    ask: [{name: status, request: GET shop/v1/status}]
actions:
  %s
checks:
  - slo: {journey: ask, availability: 99%%}
  - readiness: {service: shop}
  %s
`

const (
	releaseCheck = "- release: {service: shop}"
	drainCheck   = "- drain: {service: shop}"
)

// changingProject writes scenario and compose file and returns the scenario's path.
func changingProject(t *testing.T, length, actions, checks string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"scenario.yaml": fmt.Sprintf(changing, length, actions, checks),
		"compose.yaml":  fmt.Sprintf(shop, "atelier:dev", "payments", "payments"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "scenario.yaml")
}

// findingsOf runs a scenario and returns its findings by id.
func findingsOf(t *testing.T, scenario, platform string) (outcome, map[string]verify.Finding) {
	t.Helper()
	o := shakedown(t, nil, "run", scenario, "--platform", platform)
	findings := map[string]verify.Finding{}
	for _, f := range verdict(t, o).Checks {
		findings[f.ID] = f
	}
	return o, findings
}

func TestAReleaseThatIsNeverReadyMustStopAndLeaveTheOldVersionServing(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]struct{ environment, said string }{
		"it exits":           {"{PAYMENTS_LATENCY: nonsense}", "PAYMENTS_LATENCY"},
		"it is never there":  {"{ATELIER_LISTEN: \"127.0.0.1:9\"}", "refused"},
		"and blue-green too": {"{PAYMENTS_LATENCY: nonsense}", "PAYMENTS_LATENCY"},
	} {
		t.Run(name, func(t *testing.T) {
			onEachPlatform(t, light, func(t *testing.T, platform string) {
				// An instance has to get as far as saying what is wrong: a container takes its time.
				deadline, length := "3s", "5s"
				if platform == "docker" {
					deadline, length = "8s", "10s"
				}
				action := "rolling_release: {service: shop, max_surge: 1, max_unavailable: 0, deadline: " + deadline + ", environment: " + broken.environment + "}"
				if strings.Contains(name, "blue-green") {
					action = "blue_green: {service: shop, deadline: " + deadline + ", environment: " + broken.environment + "}"
				}
				o, findings := findingsOf(t, changingProject(t, length, "- {at: change, "+action+"}", releaseCheck), platform)
				completed := findings["release/shop/L1-completed"]
				text := completed.Reason
				for _, e := range completed.Evidence {
					text += "\n" + e.Text
				}
				if o.code != 99 || completed.Verdict != verify.Fail || !strings.Contains(text, broken.said) {
					t.Errorf("exit code %d, L1 %s: %s; want 99 and %q\n%s", o.code, completed.Verdict, text, broken.said, o.stdout)
				}
				for _, id := range []string{"slo/ask/availability", "release/shop/L3-capacity"} {
					if f := findings[id]; f.Verdict != verify.Pass {
						t.Errorf("%s is %s (%s): the old version did not go on serving", id, f.Verdict, f.Reason)
					}
				}
				// An instance that exits at once ends the release before a request comes.
				if f := findings["release/shop/L2-no-failures"]; f.Verdict == verify.Fail {
					t.Errorf("requests failed: %s", f.Reason)
				}
			})
		})
	}
}

func TestEveryKindOfReleaseMustPassOnAHealthyStack(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]string{
		"rolling":     "rolling_release: {service: shop, max_surge: 1, max_unavailable: 0, environment: {PAYMENTS_LATENCY: 100ms-150ms}}",
		"blue-green":  "blue_green: {service: shop, keep: 500ms}",
		"start first": "replace_all: {service: shop, order: start-first}",
	} {
		t.Run(name, func(t *testing.T) {
			onEachPlatform(t, light, func(t *testing.T, platform string) {
				checks := releaseCheck
				if name != "blue-green" { // whose old instances have nothing to drain any more
					checks += "\n  " + drainCheck
				}
				o := shakedown(t, nil, "run", changingProject(t, "9s", "- {at: change, "+action+"}", checks), "--platform", platform)
				if o.code != 0 {
					t.Errorf("exit code %d, want 0\n%s\n%s", o.code, o.stdout, tail(o.stderr))
				}
			})
		})
	}
}

func TestAJobThatDoesNotEndWellMustBeSaid(t *testing.T) {
	t.Parallel()
	for name, job := range map[string]struct{ action, said string }{
		"it fails":         {"{name: once, service: shop, command: [nonsense], process: [atelier, nonsense]}", "exited with code 2"},
		"it runs too long": {"{name: once, service: shop, command: [payments], process: [atelier, payments], within: 1s}", "1s"},
	} {
		t.Run(name, func(t *testing.T) {
			onEachPlatform(t, light, func(t *testing.T, platform string) {
				restart := "\n  - {at: change, restart: {service: shop}}"
				o, findings := findingsOf(t, changingProject(t, "5s", "- {at: change, job: "+job.action+"}"+restart, ""), platform)
				f := findings["run/actions"]
				text := f.Reason
				for _, e := range f.Evidence {
					text += "\n" + e.Text
				}
				if o.code != 3 || !strings.Contains(text, job.said) {
					t.Errorf("exit code %d, run/actions says %q; want 3 and %q\n%s", o.code, text, job.said, o.stdout)
				}
			})
		})
	}
}

func TestEveryControlMustTurnItsCheckRed(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a whole stack: not in -short")
	}
	turn(t, light)
	action := "- {at: change, rolling_release: {service: shop, max_surge: 1, max_unavailable: 0}}"
	scenario := changingProject(t, "9s", action, releaseCheck+"\n  "+drainCheck)
	o := shakedown(t, nil, "prove", scenario, "--platform", "process", "--out", keptDir(t))
	if o.code != 0 {
		t.Fatalf("exit code %d, want 0\n%s\n%s", o.code, o.stdout, tail(o.stderr))
	}
	for _, control := range []string{"kill", "unready", "late-removal", "frozen"} {
		if !strings.Contains(o.stdout, control) {
			t.Errorf("%s was not tried\n%s", control, o.stdout)
		}
	}
}
