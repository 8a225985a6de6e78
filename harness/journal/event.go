// Package journal is the record of a run: typed events on one monotonic clock,
// written as NDJSON while the run goes on and read back by checks and reports.
// It imports nothing that acts.
package journal

import (
	"encoding/json"
	"time"
)

// An Event is one thing that happened in a run.
type Event struct {
	// T is the offset from the start of the run on the run's monotonic clock.
	// Events that precede the start (bringing up the stack) have a negative T
	// only if the clock was started late; the harness starts it first.
	T time.Duration
	// Body says what happened; its dynamic type is one of the types in this file.
	Body Body
}

// A Body is the typed content of an event. Kind is the word in the "type"
// member of the NDJSON line; it never changes once published.
type Body interface{ Kind() string }

// RunStarted opens every journal.
type RunStarted struct {
	Run      string `json:"run"`
	Scenario string `json:"scenario"`
	Platform string `json:"platform"`
	Seed     int64  `json:"seed"`
}

// RunEnded closes a journal that was not cut off. Reason is "completed",
// "interrupted", "stopped" by a stop condition, "aborted" by a person who steers, or
// "error"; Error says what went wrong.
type RunEnded struct {
	Reason string `json:"reason"`
	Error  string `json:"error,omitempty"`
}

// Operation is one call to the engine (or its equivalent on a platform
// without one), with the reason it was made.
type Operation struct {
	Op      string        `json:"op"`      // "network.create", "instance.create", "instance.start", ...
	Subject string        `json:"subject"` // the network, volume, image or instance
	Cause   string        `json:"cause"`
	Took    time.Duration `json:"took"` // nanoseconds
	Error   string        `json:"error,omitempty"`
}

// TrafficStarted marks the origin of the phases: every offset in the plan
// counts from the T of this event.
type TrafficStarted struct{}

// TrafficEnded marks the moment at which the last session was over or given up.
type TrafficEnded struct{}

// PhaseStarted marks the beginning of a phase of the scenario.
type PhaseStarted struct {
	Phase string        `json:"phase"`
	For   time.Duration `json:"for"` // nanoseconds
}

// PhaseEnded marks the end of a phase.
type PhaseEnded struct {
	Phase string `json:"phase"`
}

// ActionStarted says that a planned action began; Planned is its offset from
// the start of traffic, Detail its words ("scale api to 3"). Action is the kind
// of it, in the words of the language: "scale", "rolling_release", "job".
type ActionStarted struct {
	Service string        `json:"service"` // of a job, its name
	Action  string        `json:"action,omitempty"`
	Planned time.Duration `json:"planned"` // nanoseconds
	Detail  string        `json:"detail"`
	// Of a release: the versions before and after, the instances there were, and
	// how many of them must be in the endpoint list at any moment.
	From     string `json:"from,omitempty"`
	Version  string `json:"version,omitempty"`
	Replicas int    `json:"replicas,omitempty"`
	Floor    int    `json:"floor,omitempty"`
}

// ActionEnded says how an action ended.
type ActionEnded struct {
	Service string `json:"service"`
	Action  string `json:"action,omitempty"`
	Detail  string `json:"detail"`
	Version string `json:"version,omitempty"` // of a release
	Error   string `json:"error,omitempty"`
}

// InstanceStarted says that an instance's main process runs. Version is that
// of a release, "" before the first of its service. Job tells that it is a
// one-off; Service is the job's name then.
type InstanceStarted struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Version  string `json:"version,omitempty"`
	Job      bool   `json:"job,omitempty"`
	Cause    string `json:"cause"`
}

// MainProcess tells what runs as the main process of an instance, once it is
// ready: for the first instance of each version of a service.
type MainProcess struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Command  string `json:"command"` // with its arguments, capped, redacted
	// Shell tells that it is a shell, which does not pass signals on.
	Shell bool `json:"shell,omitempty"`
}

// InstanceTerminating begins the termination sequence: from this moment the
// endpoint list is being updated (it takes effect after Lag) and SIGTERM
// follows after PreStop.
type InstanceTerminating struct {
	Service  string        `json:"service"`
	Instance string        `json:"instance"`
	Cause    string        `json:"cause"`
	Lag      time.Duration `json:"lag"`      // nanoseconds until the data plane drops it
	PreStop  time.Duration `json:"pre_stop"` // nanoseconds until SIGTERM
	Grace    time.Duration `json:"grace"`    // nanoseconds until SIGKILL, pre_stop included
}

// InstanceSignalled says that a signal was sent; T is the moment before the
// call, so that nothing that the signal caused can carry an earlier time.
type InstanceSignalled struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Signal   string `json:"signal"` // "SIGTERM", "SIGKILL", ...
}

// InstanceExited says that an instance's main process is gone. Wanted tells
// whether the run had asked for it.
type InstanceExited struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Code     int    `json:"code"` // 128+n when a signal killed it
	OOM      bool   `json:"oom,omitempty"`
	Wanted   bool   `json:"wanted"`
}

// EndpointAdded says that the gateway routes to an instance from now on.
// Initialized is what the instance itself declared at that moment: nil when
// it offers no such mark, false when it was still initializing.
type EndpointAdded struct {
	Service     string `json:"service"`
	Instance    string `json:"instance"`
	Initialized *bool  `json:"initialized,omitempty"`
}

// EndpointRemoved says that the gateway opens no new exchange to an instance
// from now on. Reason is "terminating", "unready", "gone", or "switched" when
// all traffic went over to other instances.
type EndpointRemoved struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Reason   string `json:"reason"`
}

// ProbeChanged says that the result of an instance's readiness probe turned.
// It is written for terminating instances too.
type ProbeChanged struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Ready    bool   `json:"ready"`
	Detail   string `json:"detail,omitempty"` // "status 503", "refused", "timeout", ...
}

// InitializationDone says that an instance declared its initialization
// complete.
type InitializationDone struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
}

// A Failure names how an exchange between gateway and instance failed.
type Failure string

// The ways an exchange can fail; NoFailure means a complete response with a
// status below 500.
const (
	NoFailure   Failure = ""
	Refused     Failure = "refused"      // the instance's port did not accept
	DialTimeout Failure = "dial-timeout" // no answer to the connection attempt
	Reset       Failure = "reset"        // connection reset before a response
	Closed      Failure = "closed"       // connection closed before a response
	Timeout     Failure = "timeout"      // no response in time
	Truncated   Failure = "truncated"    // connection lost in the middle of the response
	Status5xx   Failure = "status-5xx"   // a complete response with status 500 or above
	NoEndpoint  Failure = "no-endpoint"  // no instance was ready
	BadResponse Failure = "bad-response" // what came back was not HTTP
	ClientGone  Failure = "client-gone"  // the client gave up first: nobody knows
)

// Request is one exchange seen by a gateway, written one by one only when it
// matters on its own: it failed, it touched an instance between the start of
// its termination and its exit, or it was among the first to reach a new
// instance. All others are counted in Tally. T is the end of the exchange.
type Request struct {
	ID       string        `json:"id,omitempty"` // the driver's number of the request, if it sent one
	Service  string        `json:"service"`
	Instance string        `json:"instance,omitempty"`
	Method   string        `json:"method"`
	Path     string        `json:"path"`     // without the query
	Start    time.Duration `json:"start"`    // offset from the start of the run, nanoseconds
	Status   int           `json:"status"`   // 0 when there was no response
	Reused   bool          `json:"reused"`   // it went out on a connection that had carried an exchange before
	ConnAge  time.Duration `json:"conn_age"` // nanoseconds since that connection was opened
	Close    bool          `json:"close"`    // the instance asked for the connection to be closed
	Failure  Failure       `json:"failure,omitempty"`
	Error    string        `json:"error,omitempty"`
	Nth      int           `json:"nth,omitempty"` // ordinal among the requests of this instance, from 1
}

// Tally counts the exchanges of one gateway with one instance that ended in
// the interval of length For before T. Individual counts those that also stand in the
// journal as a Request, Suppressed those that should but exceeded the cap.
type Tally struct {
	Service    string          `json:"service"`
	Instance   string          `json:"instance,omitempty"`
	For        time.Duration   `json:"for"` // nanoseconds
	Total      int             `json:"total"`
	Driven     int             `json:"driven,omitempty"` // of Total: carried the driver's number
	New        int             `json:"new"`              // on new connections
	Reused     int             `json:"reused"`
	Failed     map[Failure]int `json:"failed,omitempty"`
	Individual int             `json:"individual,omitempty"`
	Suppressed int             `json:"suppressed,omitempty"`
	InFlight   int             `json:"in_flight"` // at T
	// Times counts the complete answers by how long the exchange took: the number of
	// a bucket of TimesBucket, and how many.
	Times map[int]int `json:"times,omitempty"`
}

// Traffic counts what the driver saw of one step (Step "" is the journey as a
// whole) in the interval of length For before T. Sent counts what was sent,
// the outcomes what ended; quantiles are of the response time of successful
// ones, from the intended send time, in nanoseconds.
type Traffic struct {
	Phase    string        `json:"phase"` // of the intended send time
	Cohort   string        `json:"cohort"`
	Tier     string        `json:"tier,omitempty"`
	Journey  string        `json:"journey"`
	Step     string        `json:"step,omitempty"`
	For      time.Duration `json:"for"`
	Intended int           `json:"intended"`
	Sent     int           `json:"sent"`
	OK       int           `json:"ok"`
	Failed   int           `json:"failed"`
	Unknown  int           `json:"unknown"`
	Own      int           `json:"own,omitempty"` // of Failed: not sent for want of something of the generator's: ports, descriptors
	P50      time.Duration `json:"p50"`
	P95      time.Duration `json:"p95"`
	P99      time.Duration `json:"p99"`
	Max      time.Duration `json:"max"`
}

// Generator is what the driver says of itself for the interval of length For
// before T. Shares are from 0 to 1; what cannot be known here is negative.
type Generator struct {
	For time.Duration `json:"for"` // nanoseconds
	// InFlight and Sessions are at T; Queued are the requests among InFlight
	// that wait for a connection.
	InFlight int `json:"in_flight"`
	Sessions int `json:"sessions"`
	Queued   int `json:"queued"`
	// Area is the integral over the interval of the requests under way, each
	// from the moment the driver got to it, in request-seconds; Sojourn the sum
	// of the times that those which ended had been under way. By Little's law
	// both sums over a run are the same, or the measurement is wrong.
	Area    float64 `json:"area"`
	Sojourn float64 `json:"sojourn"`
	// CPU is what the process used, Thread what the driver's own thread used;
	// CPUs is how many the process may use.
	CPU    time.Duration `json:"cpu"`
	Thread time.Duration `json:"thread"`
	CPUs   float64       `json:"cpus"`
	// Busy is the share of the machine's CPU time that was used by anybody,
	// Steal the share that the hypervisor gave to others.
	Busy  float64 `json:"busy"`
	Steal float64 `json:"steal"`
	// Files are the open descriptors, FileLimit how many there may be.
	Files     int `json:"files"`
	FileLimit int `json:"file_limit"`
	// Connections are open at T, Dialled were opened in the interval.
	Connections int `json:"connections"`
	Dialled     int `json:"dialled"`
	// Exhausted counts requests that were not sent, by what was missing:
	// "ports", "files", "memory".
	Exhausted map[string]int `json:"exhausted,omitempty"`
	// Dispersion is the variance over the mean of the sessions begun in each
	// millisecond, Asked the same of the intended ones: 1 is Poisson, less is
	// more even, more comes in clumps.
	Dispersion float64 `json:"dispersion"`
	Asked      float64 `json:"asked"`
	// Memory is what the process has from the system, in bytes.
	Memory int64 `json:"memory"`
}

// Moved counts requests that were answered by another instance than the one
// that answered the first request of their session to the same service, its
// home. Only complete answers with a status below 500 count: what a session
// needs was there, or it was not. The requests were sent in the interval of
// length For before T, which is written when they are over.
type Moved struct {
	Service string        `json:"service"`
	Home    string        `json:"home"`
	Journey string        `json:"journey"`
	Step    string        `json:"step"`
	For     time.Duration `json:"for"` // nanoseconds
	Total   int           `json:"total"`
	Refused int           `json:"refused,omitempty"` // of Total: not what the step expects
	Sample  string        `json:"sample,omitempty"`  // of a refusal, redacted
}

// Ledger is what came of the comparison of what was acknowledged with what
// could be read afterwards. Keys are capped lists, redacted.
type Ledger struct {
	ID string `json:"id"` // of the plan's ledger
	// Acknowledged is how many different keys were acknowledged; Lost how many
	// acknowledgements could not be written down, of which nothing is known.
	Acknowledged int `json:"acknowledged"`
	Lost         int `json:"lost,omitempty"`
	// Found is how many rows were read at last; Missing are acknowledged keys that
	// were not among them, Repeated keys that were there more than once.
	Found        int      `json:"found"`
	Missing      int      `json:"missing,omitempty"`
	MissingKeys  []string `json:"missing_keys,omitempty"`
	Repeated     int      `json:"repeated,omitempty"`
	RepeatedKeys []string `json:"repeated_keys,omitempty"`
	// FoundKeys are some of those that were found where nothing should be.
	FoundKeys []string `json:"found_keys,omitempty"`
	// Again counts keys whose work was delivered more than once, MostDeliveries is
	// the most for one key; both 0 where the reading does not tell.
	Again          int `json:"again,omitempty"`
	MostDeliveries int `json:"most_deliveries,omitempty"`
	// Took is the time from the end of traffic to the last reading, Readings how
	// many there were.
	Took     time.Duration `json:"took"` // nanoseconds
	Readings int           `json:"readings"`
	Error    string        `json:"error,omitempty"` // of the last reading
}

// Engine says what carried a part of the requests of a run.
type Engine struct {
	Engine   string `json:"engine"`  // "event loop" or "net/http"
	Service  string `json:"service"` // or target
	Requests int    `json:"requests"`
	Why      string `json:"why"` // in words for the report
}

// Replayed says what was read from a recording before traffic began.
type Replayed struct {
	Cohort    string         `json:"cohort"`
	File      string         `json:"file"`
	Format    string         `json:"format"`
	Lines     int            `json:"lines"`
	Requests  int            `json:"requests"`
	Malformed int            `json:"malformed,omitempty"`
	Samples   []string       `json:"samples,omitempty"`
	Skipped   map[string]int `json:"skipped,omitempty"` // by reason
	// Withheld counts headers that were left out for the credentials in them, by
	// name; WithoutBody the requests whose body was not recorded; Reordered those
	// that stood behind a later one; Spread those whose time, known to the second
	// only, was moved within it.
	Withheld    map[string]int `json:"withheld,omitempty"`
	WithoutBody int            `json:"without_body,omitempty"`
	Reordered   int            `json:"reordered,omitempty"`
	Spread      int            `json:"spread,omitempty"`
}

// ErrorGroup counts failures of one kind that the driver saw, with one sample.
type ErrorGroup struct {
	Journey string        `json:"journey"`
	Step    string        `json:"step"`
	Outcome string        `json:"outcome"` // "fail" or "unknown"
	Message string        `json:"message"`
	Count   int           `json:"count"`
	First   time.Duration `json:"first"` // offset from the start of the run, nanoseconds
	Last    time.Duration `json:"last"`
	Sample  string        `json:"sample,omitempty"` // capped, redacted
}

// Note is a remark for the reader of the run: what is unproven, what was
// assumed. Level is "warning", "info", or "detail" for what only somebody who
// reads the journal wants to know.
type Note struct {
	Level string `json:"level"`
	Text  string `json:"text"`
}

// Unknown is an event of a kind that this version does not know.
type Unknown struct {
	Type string
	Data json.RawMessage
}

// Kind implements Body.
func (RunStarted) Kind() string { return "run.started" }

// Kind implements Body.
func (RunEnded) Kind() string { return "run.ended" }

// Kind implements Body.
func (Operation) Kind() string { return "operation" }

// Kind implements Body.
func (TrafficStarted) Kind() string { return "traffic.started" }

// Kind implements Body.
func (TrafficEnded) Kind() string { return "traffic.ended" }

// Kind implements Body.
func (PhaseStarted) Kind() string { return "phase.started" }

// Kind implements Body.
func (PhaseEnded) Kind() string { return "phase.ended" }

// Kind implements Body.
func (ActionStarted) Kind() string { return "action.started" }

// Kind implements Body.
func (ActionEnded) Kind() string { return "action.ended" }

// Kind implements Body.
func (InstanceStarted) Kind() string { return "instance.started" }

// Kind implements Body.
func (InstanceTerminating) Kind() string { return "instance.terminating" }

// Kind implements Body.
func (InstanceSignalled) Kind() string { return "instance.signalled" }

// Kind implements Body.
func (InstanceExited) Kind() string { return "instance.exited" }

// Kind implements Body.
func (EndpointAdded) Kind() string { return "endpoint.added" }

// Kind implements Body.
func (EndpointRemoved) Kind() string { return "endpoint.removed" }

// Kind implements Body.
func (ProbeChanged) Kind() string { return "probe.changed" }

// Kind implements Body.
func (InitializationDone) Kind() string { return "initialization.done" }

// Kind implements Body.
func (Request) Kind() string { return "request" }

// Kind implements Body.
func (Tally) Kind() string { return "tally" }

// Kind implements Body.
func (Traffic) Kind() string { return "traffic" }

// Kind implements Body.
func (Generator) Kind() string { return "generator" }

// Kind implements Body.
func (MainProcess) Kind() string { return "main.process" }

// Kind implements Body.
func (Moved) Kind() string { return "moved" }

// Kind implements Body.
func (Ledger) Kind() string { return "ledger" }

// Kind implements Body.
func (Engine) Kind() string { return "engine" }

// Kind implements Body.
func (Replayed) Kind() string { return "replayed" }

// Kind implements Body.
func (ErrorGroup) Kind() string { return "error.group" }

// Kind implements Body.
func (Note) Kind() string { return "note" }

// Kind implements Body.
func (u Unknown) Kind() string { return u.Type }
