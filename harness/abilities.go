package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/docker"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
	"github.com/shakedown-dev/shakedown/harness/platform/process"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// probePatience bounds the look at what agents can do.
const probePatience = 15 * time.Second

// abilities finds out what agents can do on a platform, in the words of
// engine.Ground: an agent tells, in a container without a network, which is
// gone afterwards. It is nil where there is nothing to find out.
func abilities(ctx context.Context, on platform.Platform, agent string) (map[string]string, error) {
	if on.Supports(platform.NetworkFaults) != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	const name = "agent-probe"
	spec := platform.Spec{
		Name: name, Program: agent, Attach: true,
		Config: types.ServiceConfig{Name: name, ContainerSpec: types.ContainerSpec{
			Command: types.ShellCommand{"chaos"}, NetworkMode: "none", CapDrop: []string{"ALL"}, CapAdd: []string{"NET_ADMIN"},
		}},
	}
	if err := on.Create(ctx, spec); err != nil {
		return nil, fmt.Errorf("look what faults can be done here: create %s: %w", name, err)
	}
	can, err := ask(ctx, on, name)
	if err := on.Remove(context.WithoutCancel(ctx), name); err != nil {
		return nil, fmt.Errorf("remove %s: %w", name, err)
	}
	if err != nil { // an engine that does not give agents what they need
		return map[string]string{string(engine.NetAdmin): err.Error()}, nil
	}
	return can, nil
}

// ask starts the agent and lets it tell.
func ask(ctx context.Context, on platform.Platform, name string) (map[string]string, error) {
	conn, err := on.Attach(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("attach to %s: %w", name, err)
	}
	if err := on.Start(ctx, name); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), conn.Close())
	}
	l, err := link.Connect(ctx, conn, order.Hello{Protocol: order.Protocol, Lease: scenarios.DefaultLease, Namespace: true}, clock.Start(), link.Sink{})
	if err != nil {
		return nil, err
	}
	return l.Ready().Can, l.Close()
}

// able tells, before anything is made, which faults of a plan cannot be done
// on a platform: a run whose faults do nothing proves nothing.
func able(ctx context.Context, loaded *Loaded, on platform.Platform, agent string) error {
	if err := Fits(loaded, on.Name()); err != nil || !slices.ContainsFunc(loaded.Plan.Faults, needsAgents) || frozen(loaded.Plan) {
		return err
	}
	can, err := abilities(ctx, on, agent)
	if err != nil {
		return err
	}
	return refusals(loaded, engine.Check(loaded.Plan, on.Name(), can))
}

// Fits tells what of a plan cannot be done on a platform by its name, whatever
// machine that is on: resources that change, and faults.
func Fits(loaded *Loaded, platform string) error {
	if processes := (*process.Platform)(nil); platform == processes.Name() {
		if err := resizable(loaded, processes); err != nil {
			return err
		}
	}
	if frozen(loaded.Plan) {
		return nil
	}
	return refusals(loaded, engine.Check(loaded.Plan, platform, nil))
}

// frozen tells that nothing of the plan is carried out.
func frozen(plan *scenarios.Plan) bool { return plan.Control == scenarios.ControlFrozen }

// refusals are faults that cannot be done, where they are written.
func refusals(loaded *Loaded, problems []engine.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	refused := scenarios.Problems{}
	for _, p := range problems {
		refused = append(refused, loaded.Document.FaultProblem(p.Fault, p.String()))
	}
	return refused
}

// needsAgents tells whether a fault may be done by an agent in its target's
// network.
func needsAgents(f scenarios.PlannedFault) bool {
	return f.Spec.Egress != "" || slices.ContainsFunc(engine.Catalogue(), func(k engine.Kind) bool {
		return k.Name == f.Kind && slices.Contains(k.Needs, engine.NetAdmin)
	}) || f.Spec.ZoneLoss != nil || f.Spec.Outage != nil
}

// FaultRow is a kind of fault with what becomes of it here.
type FaultRow struct {
	Kind     string   `json:"kind"`
	Group    string   `json:"group"`
	Summary  string   `json:"summary"`
	Needs    []string `json:"needs"`
	Revert   string   `json:"revert"`
	Evidence string   `json:"evidence"`
	// Docker and Process are what does it on that platform; "" where nothing can, and
	// then the reason is beside it. A reason beside a backend says why it is not the
	// first choice.
	Docker     string `json:"docker"`
	DockerWhy  string `json:"docker_why,omitempty"`
	Process    string `json:"process"`
	ProcessWhy string `json:"process_why,omitempty"`
}

// Faults is the catalogue with what this machine can do. Engine says what was
// found out about the engine: "" if one answers.
func Faults(ctx context.Context) (rows []FaultRow, noEngine string) {
	can, err := abilitiesHere(ctx)
	if err != nil {
		noEngine = err.Error()
	}
	docker, process := engine.Describe("docker", can), engine.Describe("process", nil)
	for i, k := range docker {
		row := FaultRow{
			Kind: k.Name, Group: k.Group, Summary: k.Summary, Needs: []string{}, Revert: string(k.Revert), Evidence: k.Evidence,
			Docker: k.Backend, DockerWhy: k.Why, Process: process[i].Backend, ProcessWhy: process[i].Why,
		}
		for _, need := range k.Needs {
			row.Needs = append(row.Needs, string(need))
		}
		if noEngine != "" {
			row.Docker, row.DockerWhy = "", "no engine can be used: "+noEngine
		}
		rows = append(rows, row)
	}
	return rows, noEngine
}

// abilitiesHere asks the engine of this machine.
func abilitiesHere(ctx context.Context) (can map[string]string, err error) {
	agent, err := FindProgram(AgentProgram, "SHAKEDOWN_AGENT")
	if err != nil {
		return nil, err
	}
	on, err := docker.Open(ctx, newRunID(time.Now()), owner.Self())
	if err != nil {
		return nil, err
	}
	can, err = abilities(ctx, on, agent)
	return can, errors.Join(err, on.TearDown(context.WithoutCancel(ctx)))
}

// diagnoseFaults tells which backends of faults do not work here.
func diagnoseFaults(ctx context.Context) Diagnosis {
	d := Diagnosis{Name: "faults", State: "ok", Text: "agents can do all of them here"}
	can, err := abilitiesHere(ctx)
	if err != nil {
		d.State, d.Text, d.Hint = "warning", err.Error(), "faults of the network and of resources need an engine; shakedown faults lists what is left"
		return d
	}
	var lacking []string
	for what, why := range can {
		if why != "" {
			lacking = append(lacking, what+" ("+why+")")
		}
	}
	if slices.Sort(lacking); len(lacking) > 0 {
		d.State, d.Text, d.Hint = "warning", "does not work: "+strings.Join(lacking, ", "), "shakedown faults tells which kinds that concerns"
	}
	return d
}
