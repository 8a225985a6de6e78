package scenarios

import "time"

// A Plan is a compiled scenario: all names resolved, all defaults filled in,
// all times absolute. It is what run.json stores and what a run plays; it can
// be serialized and handed to another generator.
type Plan struct {
	Scenario string `json:"scenario"`
	Summary  string `json:"summary,omitempty"`
	// Digest is the SHA-256 of the scenario source after overrides.
	Digest   string                    `json:"digest"`
	Seed     int64                     `json:"seed"`
	Tempo    float64                   `json:"tempo"`
	Duration Duration                  `json:"duration"`
	Phases   []PlannedPhase            `json:"phases"`
	Services map[string]PlannedService `json:"services"`
	Journeys map[string][]PlannedStep  `json:"journeys"`
	Load     []PlannedLoad             `json:"load"`
	Actions  []PlannedAction           `json:"actions,omitempty"`
	Checks   []Check                   `json:"checks"`
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

// PlannedStep is a step of a journey, its request taken apart.
type PlannedStep struct {
	Name    string             `json:"name"`
	Service string             `json:"service"`
	Method  string             `json:"method"`
	Path    string             `json:"path"` // with a leading slash, templates unexpanded
	Headers map[string]string  `json:"headers,omitempty"`
	Body    string             `json:"body,omitempty"` // JSON bodies are rendered, templates unexpanded
	Think   Duration           `json:"think,omitempty"`
	Timeout Duration           `json:"timeout"`
	Expect  Expect             `json:"expect"`
	Extract map[string]Extract `json:"extract,omitempty"`
}

// PlannedLoad is the sessions of one cohort.
type PlannedLoad struct {
	Cohort   string           `json:"cohort"`
	Journey  string           `json:"journey"`
	Segments []PlannedSegment `json:"segments"` // in order, not overlapping
}

// PlannedSegment is a shape between two offsets from the start of traffic;
// exactly one of the shapes is set. Rates are sessions a second.
type PlannedSegment struct {
	Phase    string   `json:"phase"`
	Start    Duration `json:"start"`
	End      Duration `json:"end"`
	Constant Rate     `json:"constant,omitempty"`
	Ramp     *Ramp    `json:"ramp,omitempty"`
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
