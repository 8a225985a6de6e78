package harness

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/shakedown-dev/shakedown/harness/rundir"
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
	Command    []string // the command line, for the record
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
	out := request.Out
	if out == "" {
		out = filepath.Join("runs", started.Format("20060102-150405")+"-"+loaded.Plan.Scenario)
	}
	dir, err := rundir.Create(out)
	if err != nil {
		return Options{}, err
	}
	return Options{
		Run: id, Loaded: loaded, Platform: chosen, Dir: dir, Agent: agent,
		Build: request.Build, KeepOnFail: request.KeepOnFail,
		Intent: rundir.Intent{
			Run: id, Version: Version(), Started: started, Platform: chosen.Name(), Command: request.Command,
			Machine: rundir.ThisMachine(), Notes: notes, Plan: loaded.Plan,
		},
	}, nil
}

// newRunID is short enough for container names and different for runs that
// start in the same second.
func newRunID(now time.Time) string {
	var random [3]byte
	rand.Read(random[:]) // never fails since Go 1.24
	return fmt.Sprintf("%s-%s", now.Format("150405"), hex.EncodeToString(random[:]))
}
