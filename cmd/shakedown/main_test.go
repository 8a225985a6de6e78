package main

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"testing"

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

// shop ADDRESS is a service of a stack: it answers everything, except /broken.
func shop() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			http.Error(w, "out of order", http.StatusConflict)
		}
	})
	_ = http.ListenAndServe(os.Args[1], nil) // until it is ended
	os.Exit(1)
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
