package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// rehearsals are the library's scenarios, at a tempo that leaves each enough
// requests for its percentiles and no more. scale-under-load has obligations of
// its own, and proof/everything is what the matrix of defects runs.
var rehearsals = map[string][]string{
	"alerts-drill":            nil,
	"blue-green":              nil,
	"cache-loss":              nil,
	"cache-value":             nil,
	"cold-start":              nil,
	"database-restart":        nil,
	"database-saturation":     nil,
	"edge-cache-purge":        nil,
	"enterprise-import-burst": nil, // on containers alone: it has obligations of its own
	"gameday":                 {"--set", "tempo=12x"},
	"hot-tenant":              {"--set", "tempo=1.5x"},
	"launch-5x":               nil,
	"long-requests":           nil,
	"migration-under-load":    nil,
	"network-degraded":        nil,
	"normal-day":              {"--set", "tempo=2880x"},
	"partition":               nil,
	"payments-429":            nil,
	"payments-outage":         nil,
	"queue-backlog":           nil,
	"random-kill":             nil,
	"rolling-release":         nil,
	"scale-in-safety":         nil,
	"silent-baseline":         nil,
	"slow-payments":           nil,
	"spot-interruption":       nil,
	"stateless-proof":         nil,
	"swizzle":                 nil,
	"thrash":                  nil,
	"thresholds-normal-day":   nil,
	"viral-signup-surge":      nil,
	"zone-loss":               nil,
}

// Every scenario on both platforms takes half an hour: SHAKEDOWN_E2E=all.
// Otherwise those run that say most: on containers those whose limits, or whose database, matter,
// and not those on processes whose ways others have walked already.
var (
	onDocker     = []string{"spot-interruption", "database-restart"}
	notOnProcess = []string{
		"blue-green", "cold-start", "long-requests", "normal-day", "thrash",
		"slow-payments", "payments-outage", "cache-value", "edge-cache-purge", "zone-loss",
		"alerts-drill", "silent-baseline",
	}
	// needContainers break what processes have not.
	needContainers = []string{"database-restart", "database-saturation", "network-degraded", "partition", "swizzle"}
)

func TestEveryScenarioOfTheLibraryMustValidateAndPlan(t *testing.T) {
	t.Parallel()
	listed := shakedown(t, nil, "scenarios")
	if listed.code != 0 {
		t.Fatalf("scenarios: exit code %d\n%s", listed.code, listed.stderr)
	}
	found := map[string]bool{}
	for line := range strings.Lines(listed.stdout) {
		name, _, _ := strings.Cut(line, " ")
		if name == "" { // a variant of the one before
			continue
		}
		found[name] = true
		t.Run(name, func(t *testing.T) {
			turn(t, light)
			if o := shakedown(t, nil, "validate", name); o.code != 0 || !strings.Contains(o.stdout, name+": valid") {
				t.Errorf("validate: exit code %d\n%s%s", o.code, o.stdout, o.stderr)
			}
			plan := shakedown(t, nil, "plan", name)
			if plan.code != 0 || !strings.Contains(plan.stdout, "sessions") || !strings.ContainsAny(plan.stdout, "▁▂▃▄▅▆▇█") {
				t.Errorf("plan: exit code %d, without arrivals or the course of their rate\n%s%s", plan.code, plan.stdout, plan.stderr)
			}
			if again := shakedown(t, nil, "plan", name); again.stdout != plan.stdout {
				t.Error("the same scenario has two plans")
			}
			if other := shakedown(t, nil, "plan", name, "--load", "3x"); other.code != 0 || other.stdout == plan.stdout {
				t.Errorf("plan --load 3x: exit code %d, and the same plan\n%s", other.code, other.stderr)
			}
		})
	}
	for name := range rehearsals {
		if !found[name] {
			t.Errorf("the library does not list %s", name)
		}
	}
}

func TestTheLibraryMustPassOnAHealthyStack(t *testing.T) {
	t.Parallel()
	for name, overrides := range rehearsals {
		if name == needsMemoryLimits {
			continue
		}
		t.Run(name, func(t *testing.T) {
			onEachPlatform(t, whole, func(t *testing.T, platform string) {
				chosen := slices.Contains(onDocker, name)
				if platform == "process" {
					chosen = !slices.Contains(notOnProcess, name)
					if slices.Contains(needContainers, name) {
						t.Skip("breaks what only containers have: what is refused has a test of its own")
					}
				}
				if !chosen && os.Getenv("SHAKEDOWN_E2E") != "all" {
					t.Skip("with SHAKEDOWN_E2E=all only: a minute more")
				}
				o := rehearse(t, platform, name, overrides)
				if o.code != 0 {
					t.Fatalf("exit code %d, want 0\n%s\n%s", o.code, o.stdout, tail(o.stderr))
				}
			})
		})
	}
}

// rehearse runs a scenario, and once more when the generator itself says that
// it could not keep its schedule: what else the machine does is no defect.
func rehearse(t *testing.T, platform, name string, overrides []string) outcome {
	t.Helper()
	args := append([]string{"run", name, "--platform", platform}, overrides...)
	o := shakedown(t, nil, args...)
	if o.code == 3 {
		t.Logf("inconclusive, so once more\n%s", o.stdout)
		o = shakedown(t, nil, args...)
	}
	return o
}

// mustReportTheImportAsAWhole wants all sessions of the import judged from
// their beginning to their end, and in the reports.
func mustReportTheImportAsAWhole(t *testing.T, o outcome) {
	t.Helper()
	judged := false
	for _, finding := range verdict(t, o).Checks {
		if finding.ID == "slo/import/whole/p50" {
			judged = finding.Verdict == verify.Pass && strings.Contains(finding.Measured, "of 24 sessions")
		}
	}
	if !judged {
		t.Errorf("the import was not judged as a whole, over its 24 sessions\n%s", o.stdout)
	}
	for _, file := range []string{"report.html", "junit.xml", "summary.md"} {
		content, err := os.ReadFile(filepath.Join(o.dir, file))
		if err != nil || !strings.Contains(string(content), "slo/import/whole/p50") {
			t.Errorf("%s does not tell of the import as a whole: %v", file, err)
		}
	}
}
