package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// needsMemoryLimits is the scenario of the library that real cgroups are needed
// for.
const needsMemoryLimits = "enterprise-import-burst"

// The claim that prescaling is made for, on the same sessions: importers that grow
// when they are seen to be full run out of memory; those that are larger before
// the models arrive complete every import, and sooner.
func TestImportersThatGrowTooLateMustRunOutOfMemory(t *testing.T) {
	needEngine(t)
	turn(t, 2*whole) // imports are as large as the limits allow
	o := compared(t)
	if o.code != 99 {
		t.Fatalf("exit code %d, want 99, that of the worse variant\n%s\n%s", o.code, o.stdout, tail(o.stderr))
	}
	reactive, proactive := o, o
	reactive.dir, proactive.dir = filepath.Join(o.dir, "reactive"), filepath.Join(o.dir, "proactive")
	for _, finding := range verdict(t, reactive).Checks {
		if strings.HasPrefix(finding.ID, "prescale/importer/P2") && finding.Verdict != verify.Fail {
			t.Errorf("reactive: %s is %s: %s", finding.ID, finding.Verdict, finding.Measured)
		}
	}
	if result := verdict(t, proactive); result.Verdict != verify.Pass {
		t.Errorf("proactive is %s\n%s", result.Verdict, o.stdout)
	}
	mustReportTheImportAsAWhole(t, proactive)
	for _, row := range []string{"out of memory", "import, upload to wait: p95", "import, upload to wait: lead at least"} {
		if !strings.Contains(o.stdout, row) {
			t.Errorf("the comparison does not tell of %q\n%s", row, o.stdout)
		}
	}
	if events, err := os.ReadFile(filepath.Join(proactive.dir, "scale-events.ndjson")); err != nil || !strings.Contains(string(events), `"type":"resize"`) {
		t.Errorf("scale-events.ndjson has no resize: %v", err)
	}
}

// compared runs both variants, and once more when the generator itself says that
// it could not keep its schedule.
func compared(t *testing.T) outcome {
	t.Helper()
	args := []string{"run", needsMemoryLimits, "--platform", "docker", "--variants", "reactive,proactive"}
	o := shakedown(t, nil, args...)
	if proactive := verdict(t, outcome{dir: filepath.Join(o.dir, "proactive")}); proactive.Verdict == verify.Inconclusive {
		t.Logf("inconclusive, so once more\n%s", o.stdout)
		o = shakedown(t, nil, args...)
	}
	return o
}

// Where nothing limits memory, nothing would be proven: the run is refused before
// anything is started.
func TestPrescalingMustBeRefusedWhereMemoryHasNoLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a run: not in -short")
	}
	turn(t, light)
	o := shakedown(t, nil, "run", needsMemoryLimits, "--platform", "process")
	for _, words := range []string{"prescale of importer", "memory limits", "--platform docker"} {
		if o.code != 4 || !strings.Contains(o.stderr, words) {
			t.Errorf("exit code %d without %q\n%s", o.code, words, o.stderr)
		}
	}
}
