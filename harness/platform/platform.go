// Package platform is the seam between the harness and what runs instances:
// a container engine (docker) or child processes (process). Every
// implementation passes the suite in platformtest.
package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"syscall"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// Platform runs the instances of one run. It is made for one run id; all it
// creates is marked with that id, so that Discover and Clean find it after a
// crash, and two platforms on one machine never touch each other's.
//
// Names are those of the run ("api-2", "default"); the platform maps them to
// its own. Every method is one call to the engine (or one act on a process),
// is safe for concurrent use, and returns an error that names the thing it
// failed on but not the step, which the caller adds. Remove, Signal and
// TearDown on what is already gone return nil.
type Platform interface {
	// Name is "docker" or "process".
	Name() string
	// Supports returns nil if the feature works here, else why not, in words
	// for the user.
	Supports(Feature) error

	// EnsureImage makes the service's image available: present, else pulled
	// from a registry that answers within seconds, else built from the
	// service's build section; Build forces the last. It returns how
	// ("present", "pulled", "built"). The error tells what was tried.
	EnsureImage(ctx context.Context, service types.ServiceConfig, build bool) (how string, err error)
	// CreateNetwork makes a network of the run.
	CreateNetwork(ctx context.Context, name string, config types.NetworkConfig) error
	// CreateVolume makes a named volume of the run.
	CreateVolume(ctx context.Context, name string, config types.VolumeConfig) error

	// Create prepares an instance without starting it.
	Create(ctx context.Context, spec Spec) error
	// Attach connects to a created instance's standard input and output; call
	// it before Start, on a spec with Attach set. Close gives the instance end
	// of file and ends reading; CloseWrite, which the result has too, gives it
	// end of file and lets what it still says be read.
	Attach(ctx context.Context, name string) (io.ReadWriteCloser, error)
	// Start starts a created instance, or one that has exited again. It
	// returns when the main process runs; an instance that exits at once is
	// reported by an event.
	Start(ctx context.Context, name string) error
	// Signal sends a signal to the main process.
	Signal(ctx context.Context, name string, signal syscall.Signal) error
	// Pause freezes every process of a running instance; Resume lets them go on.
	// Doing it again does nothing, and so does Resume of what does not run any more
	// or is gone. What is frozen can still be killed, removed and resized.
	Pause(ctx context.Context, name string) error
	Resume(ctx context.Context, name string) error
	// Wait blocks until the instance's main process is gone. It still answers
	// for an instance that was removed after it ran; for one that was never
	// started it is an error.
	Wait(ctx context.Context, name string) (Exit, error)
	// Resize changes the limits of a running instance; zero fields stay. When it
	// returns they were read back from what enforces them. Memory that is in use
	// is not taken away: that is an error, in the engine's words where it has
	// some, and no limit has changed.
	Resize(ctx context.Context, name string, resources Resources) error
	// Stats samples what the instance uses now. It takes milliseconds wherever
	// that is possible; it is called once a second for every instance.
	Stats(ctx context.Context, name string) (Stats, error)
	// Health is the state of the instance's own health check (compose
	// healthcheck).
	Health(ctx context.Context, name string) (Health, error)
	// Endpoint tells where a port of a started instance answers.
	Endpoint(ctx context.Context, name string, port int) (Endpoint, error)
	// Logs copies the instance's standard output and error to w until the
	// instance is gone (follow) or the present end. On a spec with Attach it
	// has standard error alone, and may keep only the last 64 KiB of it.
	Logs(ctx context.Context, name string, follow bool, w io.Writer) error
	// Remove deletes a stopped instance, or kills and deletes a running one.
	Remove(ctx context.Context, name string) error

	// Events delivers what happens to the run's instances, in order, until
	// TearDown has ended, and is then closed. There is one channel for the
	// life of the platform; its reader must keep up (see Feed).
	Events() <-chan Event
	// TearDown kills and removes everything of the run and closes Events. It
	// goes on after errors and returns them joined.
	TearDown(ctx context.Context) error
}

// PortTaken is the error of Start for a Publish whose Host port another program
// holds.
func PortTaken(port int) error {
	return fmt.Errorf("port %d on 127.0.0.1 is taken by another program; stop that program "+
		"(ss -ltnp shows it) or publish on another port", port)
}

// ErrNotFound is returned (wrapped) for an instance the run does not have.
var ErrNotFound = errors.New("no such instance")

// ErrNoEngine is returned (wrapped) where no engine that can be used answers.
var ErrNoEngine = errors.New("no engine")

// Feature is something that not every platform can do.
type Feature string

// The features a plan can need.
const (
	MemoryLimits  Feature = "memory limits"
	CPULimits     Feature = "CPU limits"
	NetworkFaults Feature = "network faults" // Spec.Beside, with the right to change the network
	Images        Feature = "images"
	// CgroupPlacement is Spec.Within.
	CgroupPlacement Feature = "placement in control groups"
	Pausing         Feature = "pausing"
)

// Spec is one instance to create.
type Spec struct {
	Name    string   // unique in the run: "api-2", "gateway-api"
	Service string   // the compose service it belongs to, "" for the harness's own
	Aliases []string // names under which other instances reach it
	// Config is the compose service after rewriting: image, command,
	// environment, limits, volumes, networks, healthcheck.
	Config types.ServiceConfig
	// Program is the path of a static program on this machine that is run
	// with Config.Command as its arguments, in place of an image and an entry
	// point. It may serve many instances.
	Program string
	// Address is the loopback address for the instance on the process
	// platform; other platforms ignore it.
	Address string
	Publish []Publish
	// Attach keeps standard input open for Attach and gives standard output
	// to it instead of to Logs.
	Attach bool
	// Beside is a running instance whose network namespace this one shares. It has
	// no networks, aliases, host name and ports of its own then.
	Beside string
	// Within is an instance in whose control group this one is: what it uses counts
	// for that one's limits.
	Within string
	// Mounts are volumes that other instances have.
	Mounts []Mount
	// Files are put into the instance before it starts. Platforms without a file
	// system for each instance refuse them.
	Files []File
}

// Mount is a named volume of an instance, at a path of its own.
type Mount struct {
	Instance string
	Volume   string // as the compose service of the instance names it
	Path     string
}

// File is a small file that everybody in the instance can read. The directory
// that it is in holds nothing else.
type File struct {
	Path    string
	Content []byte
}

// Publish makes a container port reachable on 127.0.0.1; Host 0 takes one that
// is free. The process platform answers on the instance's own loopback address
// for Host 0.
type Publish struct{ Port, Host int }

// An Addresser is a platform on which names do not resolve, so that every
// instance has to be told the others' addresses.
type Addresser interface {
	// Address is the loopback address of instance n of a service; n = 0 is
	// the service's own (its gateway). The same question always has the same
	// answer in one run, and no two runs on a machine share an address.
	Address(service string, n int) string
}

// A Sharer is a platform with a directory that all instances of a run reach
// under the same path. It is deleted with the run.
type Sharer interface{ Shared() string }

// A StopSignaler is a platform whose images may say how they want to be asked
// to stop.
type StopSignaler interface {
	// StopSignal is the name or the number of the signal that asks a created
	// instance to stop, of its compose service or else of its image ("SIGQUIT",
	// "3"); "" if neither says.
	StopSignal(ctx context.Context, name string) (string, error)
}

// An Inspector is a platform that can tell what runs inside of its instances.
type Inspector interface {
	// MainProcess is the command line of a running instance's main process as it
	// is now: program and arguments, with blanks between. It may hold secrets.
	MainProcess(ctx context.Context, name string) (command string, err error)
}

// A Sizer is a platform that tells how large the machine is that instances run on,
// which need not be the one that the harness runs on.
type Sizer interface {
	// Size is what instances can use there at most, all together. No instance can
	// have more CPUs; more memory it may be given, which is no limit then.
	Size(ctx context.Context) (Resources, error)
}

// A Locator is a platform that tells the addresses of instances.
type Locator interface {
	// Addresses are those of a started instance on the networks of the run; of one
	// that is beside another there are none.
	Addresses(ctx context.Context, name string) ([]Address, error)
}

// Address is where an instance is on a network of the run.
type Address struct {
	Network string // as CreateNetwork was given it, "" where there is but one
	IP      netip.Addr
}

// An Identifier is a platform that tells how others find an instance after the
// harness has died; see the Undoer of each platform.
type Identifier interface {
	// Identify is about a created instance; on processes, about a started one.
	Identify(name string) (Identity, error)
}

// Identity is how an instance is found again.
type Identity struct {
	ID     string // of the container, or of the process
	Mark   string // of a process: when it was started
	Quotas bool   // its CPU limit was set by a quota
}

// Resources are limits of an instance; 0 means not set.
type Resources struct {
	CPUs   float64 // cores
	Memory int64   // bytes
}

// Exit is how a main process ended.
type Exit struct {
	Code int  // 128+n when signal n killed it
	OOM  bool // the kernel killed it for want of memory
}

// Stats is one sample of use.
type Stats struct {
	CPU    time.Duration // used since the start, all cores
	Memory int64         // bytes in use, without reclaimable cache
	Limit  int64         // bytes allowed, 0 without limit
	CPUs   float64       // cores allowed, 0 without limit
	// Throttled is for how long it was kept from the processors by that limit, since
	// the start.
	Throttled time.Duration
}

// Health is the state of an instance's own health check.
type Health string

// The states of Health; NoHealthcheck where it has none.
const (
	NoHealthcheck Health = "none"
	Starting      Health = "starting"
	Healthy       Health = "healthy"
	Unhealthy     Health = "unhealthy"
)

// Endpoint is where a port of an instance answers.
type Endpoint struct {
	Inside    string // host:port for other instances of the run
	Published string // host:port on loopback for the harness, "" if not published
}

// EventKind is what happened to an instance.
type EventKind string

// The kinds of events.
const (
	Started EventKind = "started"
	Exited  EventKind = "exited"
	OOM     EventKind = "oom" // the kernel killed something in the instance
)

// Event is something that happened to an instance. At carries a monotonic
// reading and is when the harness learned of it.
type Event struct {
	At   time.Time
	Kind EventKind
	Name string
	Exit Exit // of Exited
}

// Leftover is what a run has left on the machine.
type Leftover struct {
	Run   string
	Owner string   // mark of the harness that made it, as owner.Self had it
	Alive bool     // that harness still runs
	Items []string // "container shakedown-…-api-1", "process 4711 atelier api", ...
}

// A Cleaner finds and removes what earlier runs left. Both platforms have one
// that needs no run.
type Cleaner interface {
	// Discover lists what is there, run by run.
	Discover(ctx context.Context) ([]Leftover, error)
	// Clean removes everything of one run.
	Clean(ctx context.Context, run string) error
}
