//go:build unix

package proof

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// acting is a runner whose program behaves as told.
func acting(t *testing.T, act string) (Subprocess, Run) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	environ := append(os.Environ(), actEnv+"="+act)
	return Subprocess{Program: self, Environ: environ}, Run{Name: "x", Scenario: "small", Platform: "process", Dir: filepath.Join(t.TempDir(), "x")}
}

func TestExitCodeAndVerdictTogetherSayHowARunEnded(t *testing.T) {
	for _, c := range []struct {
		act    string
		want   verify.Verdict
		broken string
	}{
		{"pass", verify.Pass, ""},
		{"fail", verify.Fail, ""},
		{"inconclusive", verify.Inconclusive, ""},
		{"lie", "", "exit code 0 stands for pass, but verdict.json says fail"},
		{"silent", "", "exit code 0 without a verdict"},
		{"broken", "", "exit code 1: first line; shakedown: the engine is gone"},
	} {
		runner, run := acting(t, c.act)
		ended := runner.Run(t.Context(), t.Context(), run)
		if ended.Result.Verdict != c.want || !strings.Contains(ended.Broken, c.broken) || (ended.Broken == "") != (c.broken == "") || ended.Interrupted {
			t.Errorf("%s: %+v", c.act, ended)
		}
	}
}

func TestARunGetsItsOwnFlagsAndEnvironment(t *testing.T) {
	runner, run := acting(t, "fail")
	run.Environment, run.Args = []string{"HEALTH=poor"}, []string{"--control", "kill"}
	ended := runner.Run(t.Context(), t.Context(), run)
	want := "poor run --out " + run.Dir + " --platform process --progress quiet --control kill -- small"
	if got := ended.Result.Checks[0].Reason; got != want {
		t.Errorf("it was run with %q, want %q", got, want)
	}
}

func TestAProgramThatIsNotThereBreaksTheRun(t *testing.T) {
	if ended := (Subprocess{Program: "/no/such/shakedown"}).Run(t.Context(), t.Context(), Run{Dir: t.TempDir()}); !strings.Contains(ended.Broken, "/no/such/shakedown") {
		t.Errorf("%+v", ended)
	}
}

// waiting starts a run that waits for interrupts, and returns when it does.
func waiting(soft, hard context.Context, t *testing.T) (said func() string, ended <-chan Ended) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	runner, run := acting(t, "wait "+listener.Addr().String())
	over := make(chan Ended, 1)
	go func() { over <- runner.Run(soft, hard, run) }()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	said = func() string {
		word := make([]byte, 1)
		if _, err := conn.Read(word); err != nil {
			t.Fatal(err)
		}
		return string(word)
	}
	if word := said(); word != "w" {
		t.Fatalf("it said %q first", word)
	}
	return said, over
}

func TestTheFirstInterruptIsPassedOnOnceAndTheSecondAgain(t *testing.T) {
	soft, stop := context.WithCancel(t.Context())
	hard, stopNow := context.WithCancel(t.Context())
	defer stopNow()
	said, ended := waiting(soft, hard, t)
	stop()
	if word := said(); word != "1" {
		t.Fatalf("after the first interrupt it said %q", word)
	}
	select {
	case e := <-ended:
		t.Fatalf("it ended before the second interrupt: %+v", e)
	default:
	}
	stopNow()
	if word := said(); word != "2" {
		t.Fatalf("after the second interrupt it said %q", word)
	}
	if e := <-ended; !e.Interrupted || e.Broken != "" {
		t.Errorf("%+v", e)
	}
}

func TestARunThatDoesNotEndIsStoppedAndBroken(t *testing.T) {
	runner, run := acting(t, "hang")
	runner.Limit = time.Millisecond
	if e := runner.Run(t.Context(), t.Context(), run); !strings.Contains(e.Broken, "had not ended after 1ms") || e.Interrupted {
		t.Errorf("%+v", e)
	}
}

func TestNothingStartsAfterAnInterrupt(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	runner, run := acting(t, "pass")
	if ended := runner.Run(ctx, t.Context(), run); !ended.Interrupted {
		t.Errorf("%+v", ended)
	}
	if _, err := os.Stat(run.Dir); err == nil {
		t.Error("it ran")
	}
}
