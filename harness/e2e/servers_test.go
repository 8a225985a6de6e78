package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// onServer runs a scenario of testdata/servers on one of its services, on real
// containers.
func onServer(t *testing.T, scenario, service string) (outcome, map[string]verify.Finding) {
	t.Helper()
	needEngine(t)
	turn(t, light)
	content, err := os.ReadFile(filepath.Join("testdata", "servers", scenario))
	if err != nil {
		t.Fatal(err)
	}
	// The other services would only be in the way: each test has a compose file of
	// its own beside the recipes.
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "servers"))); err != nil {
		t.Fatal(err)
	}
	onlyService(t, filepath.Join(dir, "compose.yaml"), service)
	file := filepath.Join(dir, scenario)
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(content), "SERVICE", service)), 0o644); err != nil {
		t.Fatal(err)
	}
	o := shakedown(t, nil, "run", file, "--platform", "docker")
	findings := map[string]verify.Finding{}
	for _, f := range verdict(t, o).Checks {
		findings[f.ID] = f
	}
	return o, findings
}

// onlyService keeps one service of a compose file in which each begins with two
// spaces and its name.
func onlyService(t *testing.T, file, service string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	keep := true
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   ") {
			keep = strings.TrimSpace(line) == service+":"
		}
		if keep {
			kept.WriteString(line)
		}
	}
	if err := os.WriteFile(file, []byte(kept.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAnOrdinaryServerThatDrainsMustPass(t *testing.T) {
	o, findings := onServer(t, "nginx.yaml", "nginx")
	if o.code != 0 {
		t.Fatalf("exit code %d, want 0\n%s\n%s", o.code, o.stdout, tail(o.stderr))
	}
	if f := findings["readiness/nginx/R1-initialized"]; !strings.Contains(f.Measured, "probe alone") {
		t.Errorf("R1 does not say that it had the probe alone: %q", f.Measured)
	}
	if f := findings["drain/nginx/D1-in-flight"]; f.Verdict != verify.Pass || !strings.Contains(f.Wanted, "SIGQUIT") {
		t.Errorf("D1 = %s, %q, %q; want the image's own stop signal and requests in flight", f.Verdict, f.Wanted, f.Measured)
	}
}

func TestAnOrdinaryServerThatDropsWhatItHasMustFailDrain(t *testing.T) {
	o, findings := onServer(t, "nginx.yaml", "nginx-cut")
	if f := findings["drain/nginx-cut/D1-in-flight"]; o.code != 99 || f.Verdict != verify.Fail {
		t.Errorf("exit code %d, D1 %s (%s); want 99 and fail\n%s", o.code, f.Verdict, f.Measured, o.stdout)
	}
}

func TestAServerThatIgnoresSIGTERMMustFailDrain(t *testing.T) {
	o, findings := onServer(t, "python.yaml", "python")
	f := findings["drain/python/D5-exit"]
	if o.code != 99 || f.Verdict != verify.Fail || !strings.Contains(f.Reason, "SIGKILL") {
		t.Errorf("exit code %d, D5 %s (%s); want 99 and a kill\n%s", o.code, f.Verdict, f.Reason, o.stdout)
	}
}

func TestAShellAsMainProcessMustFailDrain(t *testing.T) {
	o, findings := onServer(t, "python.yaml", "python-shell")
	f := findings["drain/python-shell/D7-settings"]
	if o.code != 99 || f.Verdict != verify.Fail || !strings.Contains(f.Reason, "shell") {
		t.Errorf("exit code %d, D7 %s (%s); want 99 and a shell\n%s", o.code, f.Verdict, f.Reason, o.stdout)
	}
}
