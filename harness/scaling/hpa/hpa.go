// Package hpa is Kubernetes' horizontal pod autoscaler as a pure function. It
// agrees with the controller of Kubernetes v1.36, replica for replica; the oracle
// beside it holds it to that.
package hpa

import (
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Config is the settings of the controller, its flags upstream.
type Config struct {
	Tolerance               float64
	CPUInitializationPeriod time.Duration
	InitialReadinessDelay   time.Duration
	DownscaleStabilization  time.Duration
}

// Defaults are upstream's.
func Defaults() Config {
	return Config{Tolerance: 0.1, CPUInitializationPeriod: 5 * time.Minute, InitialReadinessDelay: 30 * time.Second, DownscaleStabilization: 5 * time.Minute}
}

// Phase is the phase of a pod.
type Phase string

// The phases that matter.
const (
	Pending Phase = "Pending"
	Running Phase = "Running"
	Failed  Phase = "Failed"
)

// A Pod is what the controller sees of an instance.
type Pod struct {
	Name     string
	Phase    Phase
	Deleting bool
	Started  time.Time // zero: no start time yet
	// Ready is its Ready condition: nil without one; Changed is its last transition.
	Ready      *bool
	Changed    time.Time
	Containers []Container
}

// A Container has the requests that utilization is a share of; nil without one.
type Container struct {
	Name        string
	MilliCPU    *int64
	MilliMemory *int64 // thousandths of a byte, as upstream counts
}

// A PodMetric is the metric of one pod, in thousandths.
type PodMetric struct {
	Value  int64
	At     time.Time
	Window time.Duration
}

// A Reading is what one metric of the specification is at the moment: Pods for
// resource, container-resource and pods metrics, Values (in thousandths) for
// object and external ones. Of an object metric the first value counts, those of
// an external one are added up. A reading without any value is one that could
// not be read, as it is for upstream's clients of the metrics APIs.
type Reading struct {
	Pods   map[string]PodMetric
	Values []int64
	At     time.Time
	Err    error
}

// History is what the controller remembers of one HPA. The zero value is that of
// a controller that has just started. It is not changed; Recommend returns another.
//
// The one that Recommend returns takes it that Desired is applied: a change of
// replicas counts against the policies from then on. Where it was not applied
// (held back, or refused) go on with Unapplied.
type History struct {
	Recommendations []Recommendation
	Up, Down        []ScaleEvent
	LastScale       time.Time
	Known           bool // the first evaluation has been

	// conditions stay from one evaluation to the next, as in the status of an HPA:
	// one that does not get to a condition leaves it as it was.
	conditions conditions
}

// Unapplied is the history after a decision that was not applied, given the one
// before it. As upstream when the target refuses a new size, it keeps the
// recommendation and has no change of replicas. An HPA that is held back for a
// while therefore goes on asking for the same, with its windows full: once let
// go, it acts on all that was recommended meanwhile.
func (h History) Unapplied(before History) History {
	h.Up, h.Down, h.LastScale = before.Up, before.Down, before.LastScale
	return h
}

// A Recommendation is a number of replicas that was recommended.
type Recommendation struct {
	Replicas int32
	At       time.Time
}

// A ScaleEvent is a change of replicas that was made, as a positive number.
type ScaleEvent struct {
	Change int32
	At     time.Time
	// Outdated marks one whose place may be taken.
	Outdated bool
}

// Input is one evaluation. Readings are in the order of Spec.Metrics. Spec is
// defaulted (see manifest.Default) and one that upstream's validation accepts. One that is
// not does no harm: it has the default limits and rules where it lacks them, and
// a metric without a type or a target is one that cannot be told. Nothing of an
// Input is changed, so that evaluations may share a Spec, also concurrently.
type Input struct {
	Config   Config
	Spec     *autoscalingv2.HorizontalPodAutoscalerSpec
	Replicas int32 // spec.replicas of the target
	Status   int32 // status.replicas of the target
	Pods     []Pod
	Readings []Reading
	History  History
	Now      time.Time
}

// Output is what came of it.
type Output struct {
	// Desired is what the target is to have; it differs from Input.Replicas where
	// the controller would rescale.
	Desired int32
	// Decision has everything but ID, Service, Autoscaler, Held and Took.
	Decision journal.ScaleDecision
	History  History
}
