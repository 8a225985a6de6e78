// Package e2e holds the obligations of the whole tool: the built programs run
// as a user runs them, on real containers and on processes. Each test is named
// after what must hold.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

var (
	// bin is where the programs under test were built.
	bin string
	// environment is what the tests were started with, and what a user's command gets:
	// nothing in it tells where the programs are.
	environment []string
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "shakedown-e2e-bin-")
	if err != nil {
		panic(err)
	}
	bin = dir
	flag.Parse()
	if !testing.Short() { // command skips what needs them
		build(dir)
	}
	environment = os.Environ()
	for name, value := range map[string]string{binVariable: dir, "SHAKEDOWN_AGENT": filepath.Join(dir, "shakedown-agent"), "PATH": dir + ":" + os.Getenv("PATH")} {
		if err := os.Setenv(name, value); err != nil { // for runs in this process
			panic(err)
		}
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// build makes the programs under test.
func build(dir string) {
	// As make build does it, so that what it has compiled is not compiled once more.
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir, "../../cmd/shakedown", "../../cmd/shakedown-agent", "../../compose/atelier")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the programs under test: %v\n%s", err, out)
		os.Exit(1)
	}
}

// onEachPlatform runs an obligation on both platforms, each when it is its turn; docker is skipped, out
// loud, where no engine answers or the reference images cannot be had.
func onEachPlatform(t *testing.T, weight int64, obligation func(t *testing.T, platform string), locks ...sync.Locker) {
	t.Helper()
	if testing.Short() {
		t.Skip("drives a whole stack: not in -short")
	}
	t.Parallel()
	for _, platform := range []string{"process", "docker"} {
		t.Run(platform, func(t *testing.T) {
			if platform == "docker" {
				needEngine(t)
			}
			turn(t, weight, locks...)
			obligation(t, platform)
		})
	}
}

func needEngine(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a container engine: not in -short")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "docker", "image", "inspect", "postgres:15", "redis:7.0").CombinedOutput(); err != nil {
		t.Skipf("no engine with the reference images answers (make images): %v: %.200s", err, out)
	}
}

// outcome is how a command ended.
type outcome struct {
	dir            string
	code           int
	stdout, stderr string
}

// shakedown runs the tool to its end and keeps the run directory of a failed test.
func shakedown(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	cmd, o := command(t, env, args...)
	return wait(t, cmd, o)
}

// started is a command under way.
type started struct {
	outcome
	stdout, stderr *transcript
}

// await returns once standard error holds the text.
func (s *started) await(t *testing.T, text string) {
	t.Helper()
	select {
	case <-s.stderr.holds(text):
	case <-time.After(2 * time.Minute):
		t.Fatalf("the command never said %q:\n%s", text, tail(s.stderr.String()))
	}
}

// transcript keeps what a command writes and tells when it says something.
type transcript struct {
	mu      sync.Mutex
	content bytes.Buffer
	awaited map[string]chan struct{}
}

// Write implements io.Writer.
func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	n, err := tr.content.Write(p)
	for text, said := range tr.awaited {
		if strings.Contains(tr.content.String(), text) {
			close(said)
			delete(tr.awaited, text)
		}
	}
	return n, err
}

// String is all that was written so far.
func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.content.String()
}

// holds is closed once the text has been written.
func (tr *transcript) holds(text string) <-chan struct{} {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	said := make(chan struct{})
	if strings.Contains(tr.content.String(), text) {
		close(said)
		return said
	}
	if tr.awaited == nil {
		tr.awaited = map[string]chan struct{}{}
	}
	tr.awaited[text] = said
	return said
}

// command prepares a run with a directory of its own.
func command(t *testing.T, env []string, args ...string) (*exec.Cmd, *started) {
	t.Helper()
	if testing.Short() {
		t.Skip("drives the built programs: not in -short")
	}
	o := &started{stdout: &transcript{}, stderr: &transcript{}}
	if args[0] == "run" {
		o.dir = keptDir(t)
		args = append(args, "--out", o.dir, "--progress", "plain")
	}
	cmd := exec.Command(filepath.Join(bin, "shakedown"), args...)
	cmd.Env = slices.Concat(environment, []string{"NO_COLOR=1"}, env)
	cmd.Stdout, cmd.Stderr = o.stdout, o.stderr
	return cmd, o
}

func wait(t *testing.T, cmd *exec.Cmd, o *started) outcome {
	t.Helper()
	var err error
	if cmd.Process == nil {
		err = cmd.Run()
	} else {
		err = cmd.Wait()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	o.code = cmd.ProcessState.ExitCode()
	o.outcome.stdout, o.outcome.stderr = o.stdout.String(), o.stderr.String()
	return o.outcome
}

// keptDir is a directory that survives a failed test, and is named then.
func keptDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "shakedown-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("artifacts kept in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	return filepath.Join(dir, "run")
}

// verdict reads verdict.json of a run.
func verdict(t *testing.T, o outcome) verify.Result {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(o.dir, "verdict.json"))
	if err != nil {
		t.Fatalf("%v\nstderr:\n%s", err, tail(o.stderr))
	}
	var result verify.Result
	if err := json.Unmarshal(content, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// failedKinds tells which kinds of checks failed, and which were inconclusive.
func failedKinds(result verify.Result) (failed, inconclusive map[string]bool) {
	failed, inconclusive = map[string]bool{}, map[string]bool{}
	for _, finding := range result.Checks {
		switch finding.Verdict {
		case verify.Fail:
			failed[finding.Kind] = true
		case verify.Inconclusive:
			inconclusive[finding.Kind] = true
		}
	}
	return failed, inconclusive
}

func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
