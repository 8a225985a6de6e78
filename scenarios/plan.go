package scenarios

import "time"

// A Plan is a compiled scenario: all names resolved, all defaults filled in,
// all times absolute. It is what run.json stores and what a run plays; it can
// be serialized and handed to another generator.
type Plan struct {
	Scenario string `json:"scenario"`
	Summary  string `json:"summary,omitempty"`
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
	Checks      []Check                   `json:"checks"`
}

// PlannedPhase is a phase with its offsets from the start of traffic.
type PlannedPhase struct {
	Name  string   `json:"name"`
	Start Duration `json:"start"`
	End   Duration `json:"end"`
}

// PlannedService is a service with a role in the rehearsal, defaults filled in.
type PlannedService struct {
	Port        int      `json:"port"` // 0: no gateway
	Ready       Probe    `json:"ready"`
	Initialized string   `json:"initialized,omitempty"`
	Drain       Drain    `json:"drain"` // EndpointLag nil: drawn for each removal
	Replicas    int      `json:"replicas"`
	Balance     string   `json:"balance"`
	Publish     int      `json:"publish,omitempty"`
	Driven      bool     `json:"driven"` // journeys call it
	PublicEnv   []string `json:"public_env,omitempty"`
	Process     *Process `json:"process,omitempty"`
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

// PlannedAction is an action with its offset from the start of traffic.
type PlannedAction struct {
	At    Duration `json:"at"`
	Phase string   `json:"phase"`
	Scale *Scale   `json:"scale,omitempty"`
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
}
