package harness

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/rundir"
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
	// StartTimeout is that of Options.
	StartTimeout time.Duration
	Command      []string // the command line, for the record
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
	dir, note, err := makeDir(request.Out, loaded.Plan.Scenario, started)
	if err != nil {
		return Options{}, errors.Join(err, chosen.TearDown(ctx))
	}
	notes = append(notes, note...)
	return Options{
		Run: id, Loaded: loaded, Platform: chosen, Dir: dir, Agent: agent,
		Build: request.Build, KeepOnFail: request.KeepOnFail, StartTimeout: request.StartTimeout,
		Intent: rundir.Intent{
			Run: id, Version: Version(), Started: started, Platform: chosen.Name(), Command: request.Command,
			Switches: switches(loaded.Plan, os.Environ()), Machine: rundir.ThisMachine(), Notes: notes, Plan: loaded.Plan,
		},
	}, nil
}

// makeDir makes the run directory; the link to the newest run is kept only
// where runs stand side by side, and never stops a run.
func makeDir(out, scenario string, started time.Time) (dir rundir.Dir, notes []string, err error) {
	if out != "" {
		dir, err = rundir.Create(out)
		return dir, nil, err
	}
	if dir, err = rundir.CreateDefault(scenario, started); err != nil {
		return "", nil, err
	}
	if err := dir.Latest(); err != nil {
		notes = append(notes, err.Error())
	}
	return dir, notes, nil
}

// switches lists the variables that are set and that some service declares
// public.
func switches(plan *scenarios.Plan, environ []string) []string {
	var set []string
	for _, assignment := range environ {
		name, value, _ := strings.Cut(assignment, "=")
		for _, service := range plan.Services {
			if value != "" && slices.Contains(service.PublicEnv, name) {
				set = append(set, assignment)
				break
			}
		}
	}
	slices.Sort(set)
	return set
}

// newRunID is short enough for container names and different for runs that
// start in the same second.
func newRunID(now time.Time) string {
	var random [3]byte
	rand.Read(random[:]) // never fails since Go 1.24
	return fmt.Sprintf("%s-%s", now.Format("150405"), hex.EncodeToString(random[:]))
}
