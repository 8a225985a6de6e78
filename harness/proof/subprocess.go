package proof

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Subprocess makes runs with a shakedown program, each in a process and a
// process group of its own: an interrupt from the terminal reaches it only
// through the contexts, in order.
type Subprocess struct {
	// Program is the path of shakedown.
	Program string
	// Environ is the environment that all runs get, NAME=value.
	Environ []string
	// Limit is how long a run may take; it is stopped then, in an orderly way, and
	// is broken. 0: no limit.
	Limit time.Duration
}

// lastWords is how many lines of standard error tell why a run broke.
const lastWords = 6

// Run implements Runner.
func (s Subprocess) Run(ctx, hard context.Context, run Run) Ended {
	if ctx.Err() != nil {
		return Ended{Interrupted: true}
	}
	args := append([]string{"run", "--out", run.Dir, "--platform", run.Platform, "--progress", "quiet"}, run.Args...)
	cmd := exec.Command(s.Program, append(args, "--", run.Scenario)...)
	cmd.Env = append(append([]string{}, s.Environ...), run.Environment...)
	cmd.SysProcAttr = ownGroup()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return Ended{Broken: fmt.Sprintf("start %s: %v", s.Program, err)}
	}
	late, told := s.follow(ctx, hard, cmd)
	ended := verdictOf(run.Dir, cmd.ProcessState.ExitCode(), stderr.String())
	if told && cmd.ProcessState.ExitCode() < 0 { // it was not so far yet that it listens to signals
		ended = Ended{Interrupted: true}
	}
	if late && ended.Interrupted { // else it ended by itself in that moment
		ended = Ended{Broken: fmt.Sprintf("the run had not ended after %s and was stopped", s.Limit)}
	}
	ended.Took = time.Since(started)
	return ended
}

// follow waits for the end of a run and passes interrupts on. It returns whether
// the run was stopped for its limit, and whether it was told to stop at all.
func (s Subprocess) follow(ctx, hard context.Context, cmd *exec.Cmd) (late, told bool) {
	over := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer close(over)
		_ = cmd.Wait() // the exit code says it
	})
	defer waiting.Wait()
	var limit <-chan time.Time
	if s.Limit > 0 {
		timer := time.NewTimer(s.Limit)
		defer timer.Stop()
		limit = timer.C
	}
	soft, now := ctx.Done(), hard.Done()
	for {
		select {
		case <-over:
			return late, told
		case <-limit:
			late, told, limit, soft = true, true, nil, nil
			interrupt(cmd.Process)
		case <-soft:
			told, soft, limit = true, nil, nil
			interrupt(cmd.Process)
		case <-now:
			if soft != nil { // the first interrupt has to come first
				interrupt(cmd.Process)
			}
			told, soft, now, limit = true, nil, nil, nil
			interrupt(cmd.Process)
		}
	}
}

// verdictOf reads what a run left and compares it with how it exited. The two
// have to agree: a verdict without its exit code is one that CI would not see.
func verdictOf(dir string, code int, stderr string) Ended {
	var want verify.Verdict
	switch code {
	case 0:
		want = verify.Pass
	case 99:
		want = verify.Fail
	case 3:
		want = verify.Inconclusive
	case 130:
		return Ended{Interrupted: true}
	default:
		return Ended{Broken: strings.TrimSuffix(fmt.Sprintf("exit code %d: %s", code, tail(stderr)), ": ")}
	}
	result, err := rundir.Dir(dir).ReadResult()
	switch {
	case err != nil:
		return Ended{Broken: fmt.Sprintf("exit code %d without a verdict: %v", code, err)}
	case result.Verdict != want:
		return Ended{Broken: fmt.Sprintf("exit code %d stands for %s, but verdict.json says %s", code, want, result.Verdict)}
	}
	return Ended{Result: result}
}

// tail is the last lines of a text, in one.
func tail(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.Join(lines[max(0, len(lines)-lastWords):], "; ")
}
