package scenarios

import (
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// PlannedAutoscale is an autoscaler with its defaults filled in. Durations are
// those of the control loop's own time: Plan.Tempo is not in them, but for those
// of Floors. One of HPA, TargetTracking, Step and Queue is set, or none.
type PlannedAutoscale struct {
	HPA            *autoscalingv2.HorizontalPodAutoscalerSpec `json:"hpa,omitempty"`
	Manifest       string                                     `json:"manifest,omitempty"` // of HPA: its name and file, for people
	TargetTracking *TargetTracking                            `json:"target_tracking,omitempty"`
	Step           *StepScaling                               `json:"step,omitempty"`
	Queue          *QueueScaling                              `json:"queue,omitempty"`
	Floors         []PlannedFloor                             `json:"floors,omitempty"` // in order of Start
	// Min and Max are the manifest's, where there is one.
	Min        int      `json:"min"`
	Max        int      `json:"max"`
	Every      Duration `json:"every"`
	Resolution Duration `json:"resolution"`
	Capacity   Rate     `json:"capacity,omitempty"` // 0: not known
	// PausedIn are phases in which it decides and does not act; see Plan.Paused.
	PausedIn []string `json:"paused_in,omitempty"`
}

// Paused tells that the autoscaler of a service decides and does not act at an offset
// from the start of traffic; false where there is none.
func (p *Plan) Paused(service string, at Duration) bool {
	a := p.Services[service].Autoscale
	return a != nil && slices.ContainsFunc(p.Phases, func(phase PlannedPhase) bool {
		return phase.Start <= at && at < phase.End && slices.Contains(a.PausedIn, phase.Name)
	})
}

// Kind is the word for the autoscaler: "hpa", "target_tracking", "step",
// "queue" or "schedule".
func (a PlannedAutoscale) Kind() string {
	switch {
	case a.HPA != nil:
		return "hpa"
	case a.TargetTracking != nil:
		return "target_tracking"
	case a.Step != nil:
		return "step"
	case a.Queue != nil:
		return "queue"
	}
	return "schedule"
}

// PlannedFloor is a least number of instances between two offsets from the
// start of traffic.
type PlannedFloor struct {
	Start Duration `json:"start"`
	End   Duration `json:"end"`
	Min   int      `json:"min"`
}

// The policies of Prescale.
const (
	ProactivePolicy = "proactive"
	ReactivePolicy  = "reactive"
	OffPolicy       = "off"
)

// The words of Prescale.Instances and Prescale.Beyond.
const (
	AllInstances = "all"
	OneInstance  = "one"
	RejectBeyond = "reject"
	QueueBeyond  = "queue"
)

// The words of Exposition.Combine.
const (
	SumOfInstances  = "sum"
	MaxOfInstances  = "max"
	MeanOfInstances = "mean"
)

// The names of metrics that every service with a gateway, or with instances,
// has.
const (
	RequestsPerInstance = "requests_per_instance"  // a second
	InFlightPerInstance = "in_flight_per_instance" // at the moment
	P95Metric           = "p95"                    // seconds, at the gateway
	CPUMetric           = "cpu"                    // percent of the request
	MemoryMetric        = "memory"                 // percent of the request
)

// A PlannedMilestone is a step whose beginning and end the driver writes down
// for each session.
type PlannedMilestone struct {
	Journey string `json:"journey"`
	Step    string `json:"step"`
}
