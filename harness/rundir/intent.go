package rundir

import (
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// An Intent is what run.json holds: everything that was decided before the
// run began.
type Intent struct {
	// Format is that of the run directory, which WriteIntent sets; 0 of runs from
	// before there was a number.
	Format   int       `json:"format"`
	Run      string    `json:"run"`     // the id that labels everything the run makes
	Version  string    `json:"version"` // of shakedown
	Started  time.Time `json:"started"` // wall-clock time of offset 0
	Platform string    `json:"platform"`
	Command  []string  `json:"command"`
	// Switches are the environment variables, as NAME=value, that were set for
	// the run and that the stack declares public: without them the command does
	// not do the same again.
	Switches []string `json:"switches,omitempty"`
	Machine  Machine  `json:"machine"`
	// Notes say what the run leaves unproven on this platform and what it had
	// to assume.
	Notes []string        `json:"notes,omitempty"`
	Plan  *scenarios.Plan `json:"plan"`
}

// Machine is what the run took place on.
type Machine struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	CPUs   int    `json:"cpus"` // that this process may use
	Kernel string `json:"kernel,omitempty"`
	Go     string `json:"go"`
	Engine string `json:"engine,omitempty"` // its version; "" without an engine
}

// ThisMachine describes the machine it is called on, but for the engine.
func ThisMachine() Machine {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // not everywhere; then it stays unknown
	return Machine{
		OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(),
		Kernel: strings.TrimSpace(string(kernel)), Go: runtime.Version(),
	}
}
