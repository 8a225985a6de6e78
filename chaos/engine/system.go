// Package engine does the faults of a plan at their time and takes them back:
// it chooses targets, starts agents before traffic does, keeps the undo helper
// informed, looks for evidence, and heals everything when the run ends in any
// way. What each kind needs, does and undoes stands in a file of its own.
package engine

import (
	"context"
	"net/netip"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// System is what faults are done to: the stack of a run. Its methods are safe
// for concurrent use, and journal the calls they make; cause names the fault.
// Instances are named as in the run, "api-2".
type System interface {
	// Platform is "docker" or "process".
	Platform() string
	// Instances of a service that run and are not leaving, in order of number.
	Instances(service string) []Instance
	// Kill ends an instance with SIGKILL; the exit counts as wanted. The service's
	// gateway is told at once, as of any exit.
	Kill(ctx context.Context, instance, cause string) error
	// Stop runs the termination sequence of an instance; nothing takes its place.
	Stop(ctx context.Context, instance, cause string) error
	// Replace starts a new instance in the place of one that is gone, and returns when it
	// is ready (behind a gateway: in the endpoint list), with its name. Where whoever scales the
	// service replaces what is gone, it does nothing and the name is "".
	Replace(ctx context.Context, instance, cause string) (name string, err error)
	// Pause freezes an instance, Resume lets it go on.
	Pause(ctx context.Context, instance, cause string) error
	Resume(ctx context.Context, instance, cause string) error
	// Limit sets the limit of CPU of an instance and gives the one of before, for Limit again.
	Limit(ctx context.Context, instance string, cpus float64, cause string) (before float64, err error)
	// Interrupt is the action interrupt on some instances.
	Interrupt(ctx context.Context, instances []string, notice time.Duration, replace bool, cause string) error
	// Usage is what an instance uses now.
	Usage(ctx context.Context, instance string) (Usage, error)
	// Addresses are those at which a service (its gateway or proxy, and its instances), or
	// one instance, is reached on the networks that it shares with another instance.
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
	// Port is the first port of a service, 0 for none.
	Port(service string) int
	// Database is the URL at which the harness reaches a PostgreSQL of the stack.
	Database(access scenarios.DatabaseAccess) (string, error)
	// Fetch sends a request to an instance from inside of the stack's networks.
	Fetch(ctx context.Context, instance, method, path string, headers map[string]string) (status int, err error)
	// Accompany starts an agent beside an instance; it ends with Close of the link, with the
	// stack, and with the run.
	Accompany(ctx context.Context, at Place, sink link.Sink) (*link.Link, error)
	// Proxy is the agent that stands in front of a service, or is the third party of that
	// name; nil where the plan has none. What it says goes to the sink that was given
	// to the stack.
	Proxy(service string) *link.Link
	// Undo describes what would bring an instance back, for a helper that outlives the
	// run; see undo.Step. Of what a method above does.
	Undo(method, instance string, before float64) Undo
}

// Instance is one that faults can be done to.
type Instance struct {
	Name    string
	Service string
	Zone    string // "" without zones
}

// Usage is what an instance uses.
type Usage struct {
	CPU       time.Duration // since its start
	Memory    int64
	Limit     int64         // of memory, 0 for none
	CPUs      float64       // limit, 0 for none
	Throttled time.Duration // since its start, where it is known
}

// Place is where an agent is to be.
type Place struct {
	Instance string
	// Network puts it into the network namespace of the instance, Resources into its
	// control group; both is refused. Volume mounts a volume of the instance, and Path
	// tells where.
	Network   bool
	Resources bool
	Volume    string
	Path      string
	Hello     order.Hello
}

// Undo is one step that a helper takes when the run has died.
type Undo struct {
	Platform string  `json:"platform"`
	Act      string  `json:"act"`  // "resume", "limit", "start"
	ID       string  `json:"id"`   // the engine's name of the container, or a process ID
	Mark     string  `json:"mark"` // of a process: when it was started
	CPUs     float64 `json:"cpus,omitempty"`
	Quota    int64   `json:"quota,omitempty"`
}
