package proof

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// The test program stands in for shakedown when this says how it behaves.
const actEnv = "PROOF_TEST_ACT"

func TestMain(m *testing.M) {
	if act := os.Getenv(actEnv); act != "" {
		os.Exit(pretend(act, os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// pretend is a shakedown that knows how each run ends before it began.
func pretend(act string, args []string) (code int) {
	dir := rundir.Dir(args[slices.Index(args, "--out")+1])
	verdict := func(v verify.Verdict) {
		if err := os.MkdirAll(string(dir), 0o755); err != nil {
			panic(err)
		}
		reason := strings.Join(append([]string{os.Getenv("HEALTH")}, args...), " ")
		if err := dir.WriteResult(verify.Result{Verdict: v, Checks: []verify.Finding{{ID: "slo/all/p99", Kind: "slo", Verdict: v, Reason: reason}}}); err != nil {
			panic(err)
		}
	}
	switch word, address, _ := strings.Cut(act, " "); word {
	case "pass":
		verdict(verify.Pass)
	case "fail":
		verdict(verify.Fail)
		return 99
	case "inconclusive":
		verdict(verify.Inconclusive)
		return 3
	case "lie":
		verdict(verify.Fail)
	case "silent":
	case "broken":
		fmt.Fprintln(os.Stderr, "first line\nshakedown: the engine is gone")
		return 1
	case "hang":
		time.Sleep(time.Hour) // until a signal ends it
	case "wait":
		return awaitInterrupts(address)
	}
	return 0
}

// awaitInterrupts tells an address that it waits, and of each interrupt, and
// ends with the second.
func awaitInterrupts(address string) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 1
	}
	for _, word := range []string{"w", "1", "2"} {
		if word != "w" {
			<-signals
		}
		fmt.Fprint(conn, word)
	}
	return 130
}

// script is a Runner that knows how each run ends; runs that it does not know
// pass with no finding worth a word.
type script map[string]Ended

// Run implements Runner.
func (s script) Run(ctx, _ context.Context, run Run) Ended {
	if ctx.Err() != nil {
		return Ended{Interrupted: true}
	}
	if ended, ok := s[run.Name]; ok {
		return ended
	}
	return found(finding("slo/shop/p99", verify.Pass))
}

// found is a run that ended with findings.
func found(findings ...verify.Finding) Ended {
	return Ended{Result: verify.Result{Verdict: verify.Combine(findings), Checks: findings}}
}

// finding is one of the kind and service that its id says.
func finding(id string, v verify.Verdict) verify.Finding {
	parts := strings.Split(id, "/")
	f := verify.Finding{ID: id, Kind: parts[0], Verdict: v}
	if len(parts) > 2 {
		f.Service = parts[1]
	}
	if v != verify.Pass {
		f.Reason = "because of " + filepath.Base(id)
	}
	return f
}
