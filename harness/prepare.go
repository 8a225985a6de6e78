package harness

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// version is set by the linker (-X); a build without it tells its module version.
var version string

// Version is the version of this build.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// Request is what a user asks of a run besides the scenario.
type Request struct {
	Out        string // run directory; "" for runs/<time>-<scenario>
	Platform   string // "auto", "docker" or "process"
	Build      bool
	KeepOnFail bool
	Results    string // file for every request in vegeta's encoding; "" for none
	// StartTimeout is that of Options.
	StartTimeout time.Duration
	Command      []string // the command line, for the record
	Hold         bool     // the stack is only held up: the run directory is not the latest
}

// Prepare chooses the platform and makes the run directory. Nothing has been
// started when it returns.
func Prepare(ctx context.Context, loaded *Loaded, request Request) (Options, error) {
	agent, err := FindProgram(AgentProgram, "SHAKEDOWN_AGENT")
	if err != nil {
		return Options{}, err
	}
	started := time.Now()
	id := newRunID(started)
	chosen, notes, err := openPlatform(ctx, request.Platform, id)
	if err != nil {
		return Options{}, err
	}
	err = fits(loaded, chosen, request)
	if err == nil {
		err = room(ctx, loaded, chosen)
	}
	if err == nil && !request.Hold {
		err = able(ctx, loaded, chosen, agent)
	}
	if err != nil {
		return Options{}, errors.Join(err, chosen.TearDown(context.WithoutCancel(ctx)))
	}
	dir, note, err := makeDir(request, loaded.Plan.Scenario, started)
	if err != nil {
		return Options{}, errors.Join(err, chosen.TearDown(ctx))
	}
	notes = append(notes, note...)
	return Options{
		Run: id, Loaded: loaded, Secrets: secretsOf(loaded), Platform: chosen, Dir: dir, Agent: agent,
		Build: request.Build, KeepOnFail: request.KeepOnFail, StartTimeout: request.StartTimeout,
		Results: request.Results,
		Intent: rundir.Intent{
			Run: id, Version: Version(), Started: started, Platform: chosen.Name(), Command: request.Command,
			Switches: switches(loaded.Plan, os.Environ()), Machine: rundir.ThisMachine(), Notes: notes, Plan: loaded.Plan,
		},
	}, nil
}

// fits tells before anything is made whether the stack can run on the platform;
// what it says is about the scenario, so it counts as a mistake in it.
func fits(loaded *Loaded, on platform.Platform, request Request) error {
	if request.KeepOnFail && on.Name() == "process" {
		return scenarios.Problems{{Message: "--keep-on-fail: the process platform cannot keep instances, which end with shakedown; use --platform docker"}}
	}
	if _, err := stack.Outline(loaded.Project, loaded.Plan, on.Name()); err != nil {
		return scenarios.Problems{{Message: err.Error()}}
	}
	return resizable(loaded, on)
}

// makeDir makes the run directory; the link to the newest run is kept only
// where runs stand side by side, and never stops a run.
func makeDir(request Request, scenario string, started time.Time) (dir rundir.Dir, notes []string, err error) {
	if request.Out != "" {
		dir, err = rundir.Create(request.Out)
		return dir, nil, err
	}
	if dir, err = rundir.CreateDefault(scenario, started); err != nil {
		return "", nil, err
	}
	if request.Hold {
		return dir, nil, nil
	}
	if err := dir.Latest(); err != nil {
		notes = append(notes, err.Error())
	}
	return dir, notes, nil
}

// newRunID is short enough for container names and different for runs that
// start in the same second.
func newRunID(now time.Time) string {
	var random [3]byte
	rand.Read(random[:]) // never fails since Go 1.24
	return fmt.Sprintf("%s-%s", now.Format("150405"), hex.EncodeToString(random[:]))
}
