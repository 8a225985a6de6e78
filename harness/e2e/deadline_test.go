package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A probe that never passes, with all the time in the world, hangs the start; so does
// traffic that waits for an answer which never comes.
func TestARunThatHangsMustBeEndedByItsDeadlineWithAReport(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a whole stack: not in -short")
	}
	turn(t, light)
	compose := fmt.Sprintf(shop, "atelier:dev", "payments", "payments")
	scenario := project(t, compose, "/no-such-path", 0)
	began := time.Now()
	o := shakedown(t, nil, "run", scenario, "--platform", "process", "--start-timeout", "1h", "--deadline", "3s", "--fail-on", "fail")
	if o.code != 1 {
		t.Fatalf("exit code %d, want 1, whatever --fail-on says\n%s\n%s", o.code, o.stdout, tail(o.stderr))
	}
	if took := time.Since(began); took > time.Minute { // the start limit alone is an hour
		t.Errorf("it took %v", took)
	}
	for where, text := range map[string]string{"standard output": o.stdout, "standard error": o.stderr} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), "ended by its deadline, 3s after it had begun") {
			t.Errorf("%s does not name the deadline:\n%s", where, tail(text))
		}
	}
	for _, file := range []string{"verdict.json", "report.html", "junit.xml", "summary.md", "seal.json"} {
		if _, err := os.Stat(filepath.Join(o.dir, file)); err != nil {
			t.Error(err)
		}
	}
	if v := verdict(t, o); v.Verdict != "inconclusive" {
		t.Errorf("verdict %s", v.Verdict)
	}
	id := regexp.MustCompile(`run\s+(\S+): small`).FindStringSubmatch(o.stderr)
	if id == nil {
		t.Fatalf("no run id in the progress\n%s", o.stderr)
	}
	if left := leftOf(t, id[1], "process"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The harness is killed in mid-run: what it had recorded is reported, judged and named
// as incomplete.
func TestAKilledRunMustStillBeReported(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a whole stack: not in -short")
	}
	turn(t, whole, &killing)
	cmd, o := startAndAwait(t, "steady for", "process")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	shakedown(t, nil, "clean")
	done := shakedown(t, nil, "report", o.dir)
	if done.code != 0 || !strings.Contains(done.stdout, "Not a complete run: the record stops before the end of the run") {
		t.Errorf("exit code %d\n%s\n%s", done.code, tail(done.stdout), done.stderr)
	}
	printed := shakedown(t, nil, "report", o.dir, "--format", "json")
	var document struct {
		Complete bool     `json:"complete"`
		Problems []string `json:"problems"`
	}
	if err := json.Unmarshal([]byte(printed.stdout), &document); err != nil || document.Complete || len(document.Problems) == 0 {
		t.Errorf("%v: %+v", err, document)
	}
	if judged := shakedown(t, nil, "check", o.dir); judged.code != 3 {
		t.Errorf("check ended with %d, want 3: a run that was cut off proves nothing\n%s", judged.code, tail(judged.stdout))
	}
}
