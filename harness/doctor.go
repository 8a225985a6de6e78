package harness

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// Diagnosis is one thing that doctor looked at.
type Diagnosis struct {
	Name string `json:"name"`
	// State is "ok", "warning" (works, with less proof) or "problem".
	State string `json:"state"`
	Text  string `json:"text"`
	// Hint says what to do about it.
	Hint string `json:"hint,omitempty"`
}

// Doctor looks at what a run will need on this machine. It starts nothing but
// an agent that tells what it can do, and returns the diagnoses in the order a reader wants them.
func Doctor(ctx context.Context) []Diagnosis {
	docker, engine := diagnoseEngine(ctx)
	return append([]Diagnosis{
		diagnoseProgram(AgentProgram, "SHAKEDOWN_AGENT", "problem"),
		diagnoseProgram(AtelierProgram, "SHAKEDOWN_ATELIER", "warning"),
		docker,
		diagnoseLoopback(),
		diagnoseCores(),
		diagnoseFaults(ctx),
		diagnoseLeftovers(ctx),
	}, engine...)
}

func diagnoseProgram(name, override, missing string) Diagnosis {
	path, err := FindProgram(name, override)
	if err != nil {
		return Diagnosis{Name: name, State: missing, Text: err.Error(), Hint: "make build"}
	}
	return Diagnosis{Name: name, State: "ok", Text: path}
}

// diagnoseEngine opens the engine as a run would; more holds what it tells of
// itself.
func diagnoseEngine(ctx context.Context) (d Diagnosis, more []Diagnosis) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	chosen, _, err := openPlatform(ctx, "docker", "doctor")
	if err != nil {
		return Diagnosis{Name: "docker", State: "warning", Text: err.Error(),
			Hint: "start an engine, or use --platform process, which cannot show memory limits or network faults"}, nil
	}
	defer chosen.TearDown(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was made
	d = Diagnosis{Name: "docker", State: "ok", Text: "an engine on this machine answers"}
	if out, err := exec.CommandContext(ctx, "docker", "info", "--format",
		"engine {{.ServerVersion}}, cgroup v{{.CgroupVersion}}, {{.Driver}}").Output(); err == nil {
		d.Text = strings.TrimSpace(string(out))
	}
	if sizer, ok := chosen.(platform.Sizer); ok {
		if machine, err := sizer.Size(ctx); err == nil {
			d.Text += fmt.Sprintf("; instances can use %s CPUs and %s of memory", cpus(machine), memory(machine.Memory))
		}
	}
	if _, err := exec.LookPath("docker"); err != nil {
		return d, nil // only the client can be asked for more
	}
	for _, image := range []string{"postgres:15", "redis:7.0", "atelier:dev"} {
		found := Diagnosis{Name: "image " + image, State: "ok", Text: "present"}
		if exec.CommandContext(ctx, "docker", "image", "inspect", image).Run() != nil {
			found.State, found.Text, found.Hint = "warning", "not present; only the reference stack needs it", "make images"
		}
		more = append(more, found)
	}
	return d, more
}

// diagnoseLoopback tries the addresses that the process platform gives to
// instances; on some systems only 127.0.0.1 is there.
func diagnoseLoopback() Diagnosis {
	listener, err := net.Listen("tcp", "127.31.41.59:0")
	if err != nil {
		return Diagnosis{Name: "loopback addresses", State: "problem", Text: err.Error(),
			Hint: "the process platform needs 127.0.0.0/8; add aliases to the loopback interface or use docker"}
	}
	listener.Close()
	return Diagnosis{Name: "loopback addresses", State: "ok", Text: "any of 127.0.0.0/8 can be listened on"}
}

func diagnoseCores() Diagnosis {
	d := Diagnosis{Name: "cores", State: "ok", Text: fmt.Sprintf("%d, Go uses %d", runtime.NumCPU(), runtime.GOMAXPROCS(0))}
	if runtime.NumCPU() < 2 {
		d.State, d.Hint = "warning", "generator and stack share one core: expect inconclusive latency checks"
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		d.Text += ", load " + strings.Fields(string(load))[0]
	}
	return d
}

func diagnoseLeftovers(ctx context.Context) Diagnosis {
	left, err := Leftovers(ctx)
	d := Diagnosis{Name: "left by earlier runs", State: "ok", Text: "nothing"}
	if err != nil {
		d.State, d.Text = "warning", err.Error()
	}
	for _, l := range left {
		if !l.Alive {
			d.State, d.Text, d.Hint = "warning", fmt.Sprintf("run %s left %d things", l.Run, len(l.Items)), "shakedown clean"
		}
	}
	return d
}
