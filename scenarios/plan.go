package scenarios

import (
	"fmt"
	"time"
)

// A Plan is a compiled scenario: all names resolved, all defaults filled in,
// all times absolute. It is what run.json stores and what a run plays; it can
// be serialized and handed to another generator.
type Plan struct {
	Scenario string `json:"scenario"`
	Summary  string `json:"summary,omitempty"`
	// Hypotheses are what was expected before the run.
	Hypotheses []string `json:"hypotheses,omitempty"`
	// Digest is the SHA-256 of the scenario source after overrides.
	Digest string  `json:"digest"`
	Seed   int64   `json:"seed"`
	Tempo  float64 `json:"tempo"`
	// Multiple is what --load multiplied every arrival with, 1 without. It is in
	// the rates and sessions of Load already, not in the times of replays.
	Multiple    float64                   `json:"multiple"`
	Duration    Duration                  `json:"duration"`
	Phases      []PlannedPhase            `json:"phases"`
	Services    map[string]PlannedService `json:"services"`
	Journeys    map[string][]PlannedStep  `json:"journeys"`
	Load        []PlannedLoad             `json:"load"`
	Targets     map[string]PlannedTarget  `json:"targets,omitempty"`
	Connections PlannedConnections        `json:"connections"`
	Actions     []PlannedAction           `json:"actions,omitempty"`
	Faults      []PlannedFault            `json:"faults,omitempty"` // in order of At
	BlastRadius *BlastRadius              `json:"blast_radius,omitempty"`
	Stop        []StopCondition           `json:"stop,omitempty"` // defaults filled in
	Checks      []Check                   `json:"checks"`
	// ThirdParties are the stand-ins, by name.
	ThirdParties map[string]PlannedThirdParty `json:"third_parties,omitempty"`
	// Ledgers are what checks compare after the last request; see PlannedLedger.
	Ledgers []PlannedLedger `json:"ledgers,omitempty"`
	// Milestones are steps that checks want to know the moments of.
	Milestones []PlannedMilestone `json:"milestones,omitempty"`
	// Metrics is what is measured; nil: only what the run records anyway.
	Metrics *PlannedMetrics `json:"metrics,omitempty"`
	// SLOs are those of the scenario and of its files.
	SLOs []PlannedSLO `json:"slos,omitempty"`
	// Variant names the one of the scenario's that this is, "" for none.
	Variant string `json:"variant,omitempty"`
	// Lint is what can be told before the run from the plan alone.
	Lint []LintRemark `json:"lint,omitempty"`
	// Control is what the run does wrong on purpose, to prove that a check can
	// fail; "" for an ordinary run. Compile leaves it empty.
	Control Control `json:"control,omitempty"`
}

// PlannedPhase is a phase with its offsets from the start of traffic.
type PlannedPhase struct {
	Name  string   `json:"name"`
	Start Duration `json:"start"`
	End   Duration `json:"end"`
}

// PlannedService is a service with a role in the rehearsal, defaults filled in.
type PlannedService struct {
	Port        int    `json:"port"` // 0: no gateway
	Ready       Probe  `json:"ready"`
	Initialized string `json:"initialized,omitempty"`
	Drain       Drain  `json:"drain"` // EndpointLag nil: drawn for each removal
	Replicas    int    `json:"replicas"`
	Balance     string `json:"balance"`
	Publish     int    `json:"publish,omitempty"`
	Driven      bool   `json:"driven"`         // journeys call it
	Read        bool   `json:"read,omitempty"` // a ledger or a metric reads from it over HTTP
	// GraceFrom tells who chose Drain.Grace: "scenario" (or x-shakedown),
	// "compose" (stop_grace_period), or "default" (nobody).
	GraceFrom string   `json:"grace_from,omitempty"`
	PublicEnv []string `json:"public_env,omitempty"`
	Process   *Process `json:"process,omitempty"`
	// Zones are the failure domains of its instances, in turn by number.
	Zones   []string `json:"zones,omitempty"`
	TrustCA bool     `json:"trust_ca,omitempty"`
	// Interposed tells that a proxy stands in front of the gateway; nil: none does.
	Interposed *Interposed `json:"interposed,omitempty"`
	// Metrics, Autoscale and Prescale have their defaults filled in; durations are
	// those of the control loop's own time.
	Metrics   map[string]MetricSource `json:"metrics,omitempty"`
	Autoscale *PlannedAutoscale       `json:"autoscale,omitempty"`
	Prescale  *Prescale               `json:"prescale,omitempty"`
	// Limits are the compose file's, Requests what utilization is a share of; 0
	// where there is none.
	Limits   ResourceClass `json:"limits,omitzero"`
	Requests ResourceClass `json:"requests,omitzero"`
}

// PlannedStep is a step of a journey: a request, taken apart, or a choice or
// a repetition, which have only the fields of that name.
type PlannedStep struct {
	Name     string             `json:"name,omitempty"`
	Service  string             `json:"service,omitempty"` // or the name of a target
	Method   string             `json:"method,omitempty"`
	Path     string             `json:"path,omitempty"` // with a leading slash, templates unexpanded
	Headers  map[string]string  `json:"headers,omitempty"`
	Body     string             `json:"body,omitempty"`      // JSON bodies are rendered, templates unexpanded
	BodyFile string             `json:"body_file,omitempty"` // absolute
	Payload  *Payload           `json:"payload,omitempty"`
	Gzip     bool               `json:"gzip,omitempty"`
	Chunked  bool               `json:"chunked,omitempty"`
	Think    *Think             `json:"think,omitempty"`
	Timeout  Duration           `json:"timeout,omitempty"`
	Expect   Expect             `json:"expect"`
	Extract  map[string]Extract `json:"extract,omitempty"`
	Poll     *Poll              `json:"poll,omitempty"` // defaults filled in
	Choose   []PlannedOption    `json:"choose,omitempty"`
	Repeat   *PlannedRepeat     `json:"repeat,omitempty"`
}

// PlannedOption is one way of a choice.
type PlannedOption struct {
	Weight int           `json:"weight"`
	Steps  []PlannedStep `json:"steps,omitempty"`
}

// PlannedRepeat is a repetition.
type PlannedRepeat struct {
	Times Size          `json:"times"`
	Steps []PlannedStep `json:"steps"`
}

// Requests are the requests among steps and inside of them, in order.
func Requests(steps []PlannedStep) []PlannedStep {
	var all []PlannedStep
	for _, s := range steps {
		switch {
		case s.Repeat != nil:
			all = append(all, Requests(s.Repeat.Steps)...)
		case s.Choose != nil:
			for _, option := range s.Choose {
				all = append(all, Requests(option.Steps)...)
			}
		default:
			all = append(all, s)
		}
	}
	return all
}

// PlannedLoad is the sessions of one cohort. Rates and numbers of sessions
// are what is asked of the driver: shares, multiples and Plan.Multiple are in
// them.
type PlannedLoad struct {
	Cohort string `json:"cohort"`
	Tier   string `json:"tier,omitempty"`
	// Journey names one of the plan's. A replay of requests has one of its own,
	// named after the cohort, with the only step "replay".
	Journey  string           `json:"journey"`
	Tenants  int              `json:"tenants"`
	Skew     Skew             `json:"skew,omitempty"`
	Hot      *Hot             `json:"hot,omitempty"`
	Sizes    map[string]Size  `json:"sizes,omitempty"`
	Cookies  bool             `json:"cookies,omitempty"`
	Segments []PlannedSegment `json:"segments,omitempty"` // in order of Start; those that overlap add up
	Bursts   []PlannedBurst   `json:"bursts,omitempty"`   // in order of Start
	Closed   []PlannedClosed  `json:"closed,omitempty"`   // in order of Start, not overlapping
	Replay   *PlannedReplay   `json:"replay,omitempty"`
}

// PlannedSegment is a shape between two offsets from the start of traffic: a
// linear part, Constant or Ramp, with Waves added to it, all of it within one
// phase. Rates are sessions a second; their sum is never negative. Where nobody
// arrives there is no segment.
type PlannedSegment struct {
	Phase    string   `json:"phase"`
	Start    Duration `json:"start"`
	End      Duration `json:"end"`
	Constant Rate     `json:"constant,omitempty"`
	Ramp     *Ramp    `json:"ramp,omitempty"`
	Waves    []Wave   `json:"waves,omitempty"`
	Poisson  bool     `json:"poisson,omitempty"`
}

// Wave is Amplitude * cos(2 pi (t - Peak) / Period), t from the start of
// traffic.
type Wave struct {
	Amplitude Rate     `json:"amplitude"`
	Period    Duration `json:"period"`
	Peak      Duration `json:"peak"`
}

// PlannedBurst is a number of sessions between two offsets, within one phase.
type PlannedBurst struct {
	Phase    string   `json:"phase"`
	Start    Duration `json:"start"`
	End      Duration `json:"end"`
	Sessions int      `json:"sessions"`
	Poisson  bool     `json:"poisson,omitempty"` // at random within, else evenly
}

// PlannedClosed is a closed loop between two offsets, within one phase. Where
// one ends as the next begins they are one loop: users who are under way go on,
// and only the difference in their number begins or is not begun anew.
type PlannedClosed struct {
	Phase    string   `json:"phase"`
	Start    Duration `json:"start"`
	End      Duration `json:"end"`
	Sessions int      `json:"sessions"`
}

// PlannedReplay is a recording, read once to plan it: the driver reads it
// again and refuses it when the digest has changed. A request recorded At is
// sent at Start + At / Speed, before the end of the plan; tempo is not in it.
type PlannedReplay struct {
	File   string `json:"file"`   // absolute
	Format string `json:"format"` // never empty
	Digest string `json:"digest"` // SHA-256
	// Requests is how many are to be sent once; Span is the time between the
	// first and the last of them, as recorded.
	Requests int      `json:"requests"`
	Span     Duration `json:"span"`
	Lines    int      `json:"lines"`
	// Malformed counts the lines that could not be read, Samples shows some.
	Malformed int      `json:"malformed,omitempty"`
	Samples   []string `json:"samples,omitempty"`
	// Skipped counts what was left out, by reason.
	Skipped map[string]int    `json:"skipped,omitempty"`
	Phase   string            `json:"phase"`
	Start   Duration          `json:"start"` // of the first request, from the start of traffic
	Speed   float64           `json:"speed"`
	Paced   bool              `json:"paced,omitempty"` // by the load's segments and bursts, not by recorded times
	Times   bool              `json:"times,omitempty"` // only the times count: arrivals walk Journey
	Service string            `json:"service,omitempty"`
	Hosts   map[string]string `json:"hosts,omitempty"`
	Headers []string          `json:"headers,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"`
}

// PlannedTarget is an address on loopback that journeys call by name.
type PlannedTarget struct {
	Address string `json:"address"` // host:port
	TLS     bool   `json:"tls,omitempty"`
	HTTP2   bool   `json:"http2,omitempty"`
	CA      string `json:"ca,omitempty"` // absolute
	Host    string `json:"host"`         // the name in its certificate, without port
}

// PlannedConnections is Connections with the defaults filled in.
type PlannedConnections struct {
	Max      int      `json:"max"`
	Reuse    bool     `json:"reuse"`
	MaxAge   Duration `json:"max_age,omitempty"`   // 0: no limit
	DialRate Rate     `json:"dial_rate,omitempty"` // 0: no limit
}

// PlannedAction is an action with its offset from the start of traffic; one of
// the pointers is set.
type PlannedAction struct {
	At      Duration        `json:"at"`
	Phase   string          `json:"phase"`
	Scale   *Scale          `json:"scale,omitempty"`
	Restart *Pick           `json:"restart,omitempty"`
	Stop    *Pick           `json:"stop,omitempty"`
	Release *PlannedRelease `json:"release,omitempty"`
	Job     *Job            `json:"job,omitempty"` // Within filled in
	// Interrupt has its defaults filled in; Notice is divided by tempo.
	Interrupt *Interrupt `json:"interrupt,omitempty"`
}

// Kind is the word for the action in the record: "scale", "restart", "stop",
// "rolling_release", "blue_green", "replace_all", "job" or "interrupt".
func (a PlannedAction) Kind() string {
	switch {
	case a.Scale != nil:
		return "scale"
	case a.Restart != nil:
		return "restart"
	case a.Stop != nil:
		return "stop"
	case a.Release != nil:
		return a.Release.Strategy
	case a.Job != nil:
		return "job"
	case a.Interrupt != nil:
		return "interrupt"
	}
	return ""
}

// Subject is the service that the action is about; of a job, its name.
func (a PlannedAction) Subject() string {
	switch {
	case a.Scale != nil:
		return a.Scale.Service
	case a.Restart != nil:
		return a.Restart.Service
	case a.Stop != nil:
		return a.Stop.Service
	case a.Release != nil:
		return a.Release.Service
	case a.Job != nil:
		return a.Job.Name
	case a.Interrupt != nil:
		return a.Interrupt.Service
	}
	return ""
}

// String says the action in a few words: "scale api to 3".
func (a PlannedAction) String() string {
	switch {
	case a.Scale != nil:
		return fmt.Sprintf("scale %s to %d", a.Scale.Service, a.Scale.To)
	case a.Restart != nil:
		return a.Restart.words("restart")
	case a.Stop != nil:
		return a.Stop.words("stop")
	case a.Release != nil:
		return a.Release.String()
	case a.Job != nil:
		return "run job " + a.Job.Name
	case a.Interrupt != nil:
		return fmt.Sprintf("interrupt %s of %s with a notice of %s", plural(a.Interrupt.Count, "instance"), a.Interrupt.Service, a.Interrupt.Notice)
	}
	return "nothing"
}

func (p Pick) words(verb string) string {
	if p.Instance == "oldest" || p.Instance == "newest" {
		return fmt.Sprintf("%s the %s instance of %s", verb, p.Instance, p.Service)
	}
	return verb + " " + p.Instance
}

// The strategies of a release, in the words of the language.
const (
	RollingStrategy   = "rolling_release"
	BlueGreenStrategy = "blue_green"
	ReplaceStrategy   = "replace_all"
)

// PlannedRelease is a release of any strategy, with the defaults filled in.
// What is about another strategy is zero.
type PlannedRelease struct {
	Strategy string `json:"strategy"`
	Service  string `json:"service"`
	// From and Version are the versions before and after. They are the same where
	// instances are replaced by others of the same version.
	From        string            `json:"from"`
	Version     string            `json:"version"`
	Image       string            `json:"image,omitempty"`       // "": unchanged
	Environment map[string]string `json:"environment,omitempty"` // added to that of From
	// MaxSurge and MaxUnavailable are resolved against the number of instances
	// when the release begins; they never both come to 0.
	MaxSurge       Portion  `json:"max_surge,omitzero"`
	MaxUnavailable Portion  `json:"max_unavailable,omitzero"`
	MinReady       Duration `json:"min_ready,omitempty"`
	Keep           Duration `json:"keep,omitempty"`
	StartFirst     bool     `json:"start_first,omitempty"` // of replace_all
	Deadline       Duration `json:"deadline"`
}

// String says the release in a few words.
func (r PlannedRelease) String() string {
	to := ""
	if r.Version != r.From {
		to = ": " + r.From + " to " + r.Version
	}
	switch r.Strategy {
	case RollingStrategy:
		return fmt.Sprintf("rolling release of %s%s (surge %s, unavailable %s)", r.Service, to, r.MaxSurge, r.MaxUnavailable)
	case BlueGreenStrategy:
		return fmt.Sprintf("blue-green release of %s%s", r.Service, to)
	}
	order := "stop first"
	if r.StartFirst {
		order = "start first"
	}
	return fmt.Sprintf("replace all of %s%s (%s)", r.Service, to, order)
}

// PlannedLedger is a comparison that is made after the last request: the keys
// that were acknowledged, if Journey is set, against those that are read.
type PlannedLedger struct {
	// ID names it in the record: "integrity/orders", "drain/worker",
	// "release/api/backfill". It is unique in a plan.
	ID      string           `json:"id"`
	Journey string           `json:"journey,omitempty"`
	Step    string           `json:"step,omitempty"`
	Key     string           `json:"key,omitempty"` // template, unexpanded
	Want    string           `json:"want"`          // "once" or "none"
	Within  Duration         `json:"within"`
	SQL     *SQLRead         `json:"sql,omitempty"`
	HTTP    *PlannedHTTPRead `json:"http,omitempty"`
}

// PlannedHTTPRead is an HTTPRead taken apart.
type PlannedHTTPRead struct {
	Service string            `json:"service"`
	Path    string            `json:"path"` // with a leading slash
	Headers map[string]string `json:"headers,omitempty"`
	Items   string            `json:"items"`
	Key     string            `json:"key"`
	Next    string            `json:"next,omitempty"`
}

// Control is something that a run does wrong on purpose, on any stack, so that
// the check that is meant for it can be seen to fail.
type Control string

// The controls.
const (
	NoControl Control = ""
	// ControlKill sends SIGKILL where the termination sequence would begin: drain
	// must fail.
	ControlKill Control = "kill"
	// ControlUnready routes to instances from their start, whatever their
	// readiness probe says: readiness must fail.
	ControlUnready Control = "unready"
	// ControlLateRemoval removes endpoints only after the grace period and two
	// seconds more: drain must fail.
	ControlLateRemoval Control = "late-removal"
	// ControlFrozen carries out no action and no decision of an autoscaler that adds,
	// removes, replaces or resizes instances: drain, readiness, release, scaling,
	// queue and prescale must not pass. A frozen run is also what capacity is
	// calibrated with.
	ControlFrozen Control = "frozen"
)

// Controls are all there are.
func Controls() []Control {
	return []Control{ControlKill, ControlUnready, ControlLateRemoval, ControlFrozen}
}

// StackInfo is what a compose project tells of its services, as far as a
// scenario can refer to it.
type StackInfo struct {
	Services map[string]ServiceInfo
}

// ServiceInfo is one service of a compose project.
type ServiceInfo struct {
	Ports     []int         // container ports it exposes or publishes
	Extension *Service      // its x-shakedown, nil without one
	StopGrace time.Duration // stop_grace_period, 0 when not set
	Replicas  int           // deploy.replicas or scale, 1 when not set
	// Limits and Reservations are those of deploy.resources, else of cpus, mem_limit
	// and mem_reservation; 0 when not set.
	Limits, Reservations ResourceClass
	Labels               map[string]string
	Volumes              []string // named ones that it mounts
}
