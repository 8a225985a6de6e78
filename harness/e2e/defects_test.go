package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

func TestTheHealthyStackMustPass(t *testing.T) {
	onEachPlatform(t, whole, func(t *testing.T, platform string) {
		o := shakedown(t, nil, "run", "scale-under-load", "--platform", platform)
		if o.code != 0 {
			t.Fatalf("exit code %d, want 0\n%s\n%s", o.code, o.stdout, tail(o.stderr))
		}
		for _, file := range []string{"run.json", "journal.ndjson", "latency.hlog", "verdict.json", "report.html", "junit.xml", "summary.md", "logs/api-1.log"} {
			if info, err := os.Stat(filepath.Join(o.dir, file)); err != nil || info.Size() == 0 {
				t.Errorf("%s is missing or empty: %v", file, err)
			}
		}
		judgingAgainMustGiveTheSameBytes(t, o)
	})
}

func judgingAgainMustGiveTheSameBytes(t *testing.T, o outcome) {
	t.Helper()
	path := filepath.Join(o.dir, "verdict.json")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if again := shakedown(t, nil, "check", o.dir); again.code != o.code {
		t.Errorf("check: exit code %d, the run had %d\n%s", again.code, o.code, again.stderr)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Errorf("check changed the verdict\nbefore: %s\nafter: %s", before, after)
	}
}

// The matrix (make defects) tries every defect on both platforms; this one run
// looks at what a finding tells of the requests that were lost.
func TestAFindingMustNameWhatWasLost(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a whole stack: not in -short")
	}
	turn(t, whole)
	o := shakedown(t, []string{"ATELIER_DEFECT=drain-listener-first"}, "run", "scale-under-load", "--platform", "process")
	if o.code != 99 {
		t.Fatalf("exit code %d, want 99\n%s\n%s", o.code, o.stdout, tail(o.stderr))
	}
	mustNameWhatWasLost(t, verdict(t, o))
	judgingAgainMustGiveTheSameBytes(t, o)
}

var lost = regexp.MustCompile(`api-\d.*after SIGTERM.*\d+ on new.*\d+ on reused`)

// mustNameWhatWasLost wants the instance, the time since SIGTERM and the counts
// on new and on reused connections in one reason.
func mustNameWhatWasLost(t *testing.T, result verify.Result) {
	t.Helper()
	var reasons []string
	for _, finding := range result.Checks {
		if finding.Kind == "drain" && finding.Verdict == verify.Fail {
			reasons = append(reasons, finding.Reason)
			if lost.MatchString(finding.Reason) {
				return
			}
		}
	}
	t.Errorf("no drain finding names instance, time since SIGTERM and connections:\n%s", strings.Join(reasons, "\n"))
}
