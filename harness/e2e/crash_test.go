package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// startAndAwait starts a run and returns once its progress shows the text.
func startAndAwait(t *testing.T, text, platform string, more ...string) (*exec.Cmd, *started) {
	t.Helper()
	cmd, o := command(t, nil, append([]string{"run", "scale-under-load", "--platform", platform}, more...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	o.await(t, text)
	return cmd, o
}

var runID = regexp.MustCompile(`(?m)run\s+(\S+): scale-under-load`)

func idOf(t *testing.T, o *started) string {
	t.Helper()
	match := runID.FindStringSubmatch(o.stderr.String())
	if match == nil {
		t.Fatalf("no run id in the progress\n%s", o.stderr)
	}
	return match[1]
}

// leftOf lists what exists on this machine of a run: engine objects by label,
// processes by the marker in their environment, files of the process platform.
func leftOf(t *testing.T, run, platform string) []string {
	t.Helper()
	var left []string
	if platform == "docker" {
		for _, kind := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}} {
			out, err := exec.Command("docker", append(kind, "--filter", "label=shakedown.run="+run)...).Output()
			if err != nil {
				t.Fatalf("docker %v: %v", kind, err)
			}
			for _, id := range strings.Fields(string(out)) {
				left = append(left, kind[0]+" "+id)
			}
		}
	}
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range environments {
		if content, err := os.ReadFile(file); err == nil && bytes.Contains(content, []byte("SHAKEDOWN_RUN="+run)) {
			left = append(left, "process "+file)
		}
	}
	files, _ := filepath.Glob(filepath.Join(os.TempDir(), "shakedown-"+run+"*"))
	return append(left, files...)
}

func TestNothingMustBeLeftAfterAKilledHarnessAndClean(t *testing.T) {
	onEachPlatform(t, whole, func(t *testing.T, platform string) {
		cmd, o := startAndAwait(t, "steady for", platform)
		run := idOf(t, o)
		if len(leftOf(t, run, platform)) == 0 {
			t.Fatal("nothing of the run was found while it ran: this test could not fail")
		}
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if out, err := exec.Command(filepath.Join(bin, "shakedown"), "clean").CombinedOutput(); err != nil {
			t.Fatalf("clean: %v\n%s", err, out)
		}
		if left := leftOf(t, run, platform); len(left) > 0 {
			t.Errorf("left after clean: %v", left)
		}
	}, &killing)
}

func TestTheFirstInterruptMustEndInOrderWithAReport(t *testing.T) {
	onEachPlatform(t, whole, func(t *testing.T, platform string) {
		cmd, o := startAndAwait(t, "steady for", platform)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		done := wait(t, cmd, o)
		if done.code != 130 {
			t.Errorf("exit code %d, want 130\n%s", done.code, tail(done.stderr))
		}
		for _, file := range []string{"verdict.json", "report.html"} {
			if _, err := os.Stat(filepath.Join(done.dir, file)); err != nil {
				t.Error(err)
			}
		}
		if left := leftOf(t, idOf(t, o), platform); len(left) > 0 {
			t.Errorf("left after the interrupt: %v", left)
		}
	})
}

func TestTheSecondInterruptMustTearDownAtOnce(t *testing.T) {
	onEachPlatform(t, whole, func(t *testing.T, platform string) {
		// an instance that takes its time to drain keeps an orderly stop waiting
		cmd, o := startAndAwait(t, "SIGTERM api-3", platform)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		o.await(t, "stopping in order")
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		done := wait(t, cmd, o)
		if done.code != 130 || !strings.Contains(done.stderr, "tearing down at once") {
			t.Errorf("exit code %d, want 130 at once\n%s", done.code, tail(done.stderr))
		}
		if _, err := os.Stat(filepath.Join(done.dir, "verdict.json")); err == nil {
			t.Error("a second interrupt still waited for the verdict")
		}
		if left := leftOf(t, idOf(t, o), platform); len(left) > 0 {
			t.Errorf("left after two interrupts: %v", left)
		}
	})
}

func TestTwoRunsAtOnceMustNotDisturbEachOther(t *testing.T) {
	onEachPlatform(t, 2*whole, func(t *testing.T, platform string) {
		short := []string{
			"--platform", platform,
			"--set", "traffic.cohorts[shoppers].arrivals=[{phase: steady, constant: 5/s}]",
		}
		first, o1 := command(t, nil, append([]string{"run", "scale-under-load"}, short...)...)
		second, o2 := command(t, nil, append([]string{"run", "scale-under-load"}, short...)...)
		for _, cmd := range []*exec.Cmd{first, second} {
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
		}
		for _, done := range []outcome{wait(t, first, o1), wait(t, second, o2)} {
			// at this rate there are too few samples for a verdict; errors are not expected
			if done.code != 0 && done.code != 3 {
				t.Errorf("exit code %d\n%s\n%s", done.code, done.stdout, tail(done.stderr))
			}
			if failed, _ := failedKinds(verdict(t, done)); len(failed) > 0 {
				t.Errorf("failed: %v\n%s", failed, done.stdout)
			}
		}
	})
}

func TestAReaderThatGoesAwayMustNotEndTheRun(t *testing.T) {
	onEachPlatform(t, light, func(t *testing.T, platform string) {
		compose := fmt.Sprintf(shop, "atelier:dev", "payments", "payments")
		cmd, o := command(t, nil, "run", project(t, compose, "/readyz", 0), "--platform", platform)
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = writer
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		writer.Close()
		first := make([]byte, 4096)
		n, err := reader.Read(first)
		if err != nil {
			t.Fatal(err)
		}
		reader.Close() // as `| head -1` does
		id := regexp.MustCompile(`run\s+(\S+): small`).FindSubmatch(first[:n])
		if id == nil {
			t.Fatalf("no run id in %s", first[:n])
		}
		done := wait(t, cmd, o)
		if done.code != 0 && done.code != 3 {
			t.Errorf("exit code %d", done.code)
		}
		if _, err := os.Stat(filepath.Join(done.dir, "verdict.json")); err != nil {
			t.Error(err)
		}
		if left := leftOf(t, string(id[1]), platform); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}
