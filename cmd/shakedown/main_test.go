package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/shakedown-dev/shakedown/harness/gateway"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"shakedown": func() { os.Exit(Main(os.Args, os.Stdout, os.Stderr)) },
		"shop":      shop,
		"shakedown-agent": func() {
			if err := gateway.ServeAgent(os.Stdin, os.Stdout); err != nil {
				os.Exit(1)
			}
			os.Exit(0)
		},
	})
}

// shop ADDRESS is a service of a stack: it answers everything, except /broken,
// takes its time for /slow, and leaves as services should when it is told to.
func shop() {
	var leaving atomic.Bool
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		switch r.URL.Path {
		case "/broken":
			http.Error(w, "out of order", http.StatusConflict)
		case "/slow":
			time.Sleep(200 * time.Millisecond)
		}
	})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	server := &http.Server{Addr: os.Args[1]}
	go func() {
		<-signals
		leaving.Store(true)
		time.Sleep(800 * time.Millisecond) // until everybody has heard it
		if server.Shutdown(context.Background()) == nil {
			os.Exit(0)
		}
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		os.Exit(1)
	}
	select {} // Shutdown ends the process
}

// TestScripts runs the command line as a user types it; the scripts are its
// executable documentation.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("NO_COLOR", "1")
			self, err := os.Executable() // most scripts get not so far as to start the agent
			env.Setenv("SHAKEDOWN_AGENT", self)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits CODE COMMAND [ARG...] wants the command to end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case err == nil && want == 0:
	case errors.As(err, &exit) && exit.ExitCode() == want:
	default:
		ts.Fatalf("want exit code %d: %v", want, err)
	}
}

func TestFlagsMayFollowTheScenario(t *testing.T) {
	app := newApp(os.Stdout, os.Stderr)
	for _, c := range []struct{ name, in, want []string }{
		{[]string{"value flag behind"}, []string{"shakedown", "run", "x", "--seed", "7"}, []string{"shakedown", "run", "--seed", "7", "x"}},
		{[]string{"boolean flag takes no value"}, []string{"shakedown", "run", "--json", "x"}, []string{"shakedown", "run", "--json", "x"}},
		{[]string{"equals sign"}, []string{"shakedown", "run", "x", "--seed=7"}, []string{"shakedown", "run", "--seed=7", "x"}},
		{[]string{"after --"}, []string{"shakedown", "run", "--", "-x"}, []string{"shakedown", "run", "--", "-x"}},
		{[]string{"unknown command"}, []string{"shakedown", "fly", "x", "--seed"}, []string{"shakedown", "fly", "x", "--seed"}},
		{[]string{"no argument"}, []string{"shakedown", "run"}, []string{"shakedown", "run"}},
	} {
		if got := flagsFirst(app, c.in); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q became %q, want %q", c.name[0], c.in, got, c.want)
		}
	}
}
