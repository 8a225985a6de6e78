package oracle

import (
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"sigs.k8s.io/yaml"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// A Span is a duration that is written as in "1m30s".
type Span time.Duration

// MarshalText writes the span.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

const (
	second = Span(time.Second)
	minute = Span(time.Minute)

	// syncPeriod is how often upstream's controller reconciles an HPA.
	syncPeriod = 15 * time.Second
)

// A Case is everything that decides what an autoscaler sees.
type Case struct {
	Name string `json:"name"`
	// Seed is that of everything in the plant that is left to chance.
	Seed uint64 `json:"seed"`
	For  Span   `json:"for"`
	// Spec is as somebody would write it, before defaults.
	Spec  autoscalingv2.HorizontalPodAutoscalerSpec `json:"spec"`
	Flags *Flags                                    `json:"flags,omitempty"` // nil: upstream's defaults
	// Replicas is spec.replicas of the target at the start.
	Replicas int32 `json:"replicas"`
	// Outside is what somebody else sets spec.replicas to, in the order of time.
	Outside []Change `json:"outside,omitempty"`
	// Edits are other specifications, put in place of the one before; their metrics
	// are the same ones.
	Edits []Edit `json:"edits,omitempty"`
	// Refused is when the target refuses a new size.
	Refused []Stretch `json:"refused,omitempty"`
	Pods    Pods      `json:"pods"`
	// Signals are the metrics, in the order of those of the defaulted specification.
	Signals []Signal `json:"signals"`
}

// Flags are those of the controller.
type Flags struct {
	Tolerance               float64 `json:"tolerance"`
	CPUInitializationPeriod Span    `json:"cpuInitializationPeriod"`
	InitialReadinessDelay   Span    `json:"initialReadinessDelay"`
	DownscaleStabilization  Span    `json:"downscaleStabilization"`
}

// A Change is one of spec.replicas, a time after the start.
type Change struct {
	At       Span  `json:"at"`
	Replicas int32 `json:"replicas"`
}

// An Edit is a specification from the evaluation of that number on; the first is 0.
type Edit struct {
	Evaluation int                                       `json:"evaluation"`
	Spec       autoscalingv2.HorizontalPodAutoscalerSpec `json:"spec"`
}

// specAt is the specification that counts at an evaluation, before defaults.
func (c *Case) specAt(evaluation int) *autoscalingv2.HorizontalPodAutoscalerSpec {
	spec := &c.Spec
	for i := range c.Edits {
		if c.Edits[i].Evaluation <= evaluation {
			spec = &c.Edits[i].Spec
		}
	}
	return spec
}

// Pods says how pods come and go. Shares are between 0 and 1; which pods they
// hit is drawn from the seed.
type Pods struct {
	// Fixed are pods that are there whatever the replicas; with them, only
	// StatusLag of the rest means something, and status.replicas is what was asked for.
	Fixed []FixedPod `json:"fixed,omitempty"`

	Containers []Container `json:"containers,omitempty"`
	// Prior says that the first pods have been there and ready for an hour.
	Prior bool `json:"prior,omitempty"`
	// Lag is from a change of spec.replicas until pods exist, Schedule how long
	// they are pending, Start how long they then run before they are ready; all three
	// are longer for some pods, by up to the share Spread.
	Lag      Span    `json:"lag,omitempty"`
	Schedule Span    `json:"schedule,omitempty"`
	Start    Span    `json:"start,omitempty"`
	Spread   float64 `json:"spread,omitempty"`
	// Grace is how long pods are there after they are deleted.
	Grace Span `json:"grace,omitempty"`
	// NeverReady and Flapping are shares of pods; the latter stop being ready for
	// 40 s every 4 minutes.
	NeverReady float64 `json:"neverReady,omitempty"`
	Flapping   float64 `json:"flapping,omitempty"`
	// Failing is the share of pods that fail at the age FailAt and are replaced;
	// they stay in the list for Kept.
	Failing float64 `json:"failing,omitempty"`
	FailAt  Span    `json:"failAt,omitempty"`
	Kept    Span    `json:"kept,omitempty"`
	// Completing is the share of the failing ones that have succeeded instead.
	Completing float64 `json:"completing,omitempty"`
	// NoCondition and NoStartTime are shares of pods without the one or the other.
	NoCondition float64 `json:"noCondition,omitempty"`
	NoStartTime float64 `json:"noStartTime,omitempty"`
	// Unasked is the share of pods whose last container has no requests, Doubled
	// that of pods with twice the requests.
	Unasked float64 `json:"unasked,omitempty"`
	Doubled float64 `json:"doubled,omitempty"`
	// StatusLag is by how much status.replicas is behind.
	StatusLag Span `json:"statusLag,omitempty"`
}

// A Container has requests in thousandths; nil has none.
type Container struct {
	Name        string `json:"name"`
	MilliCPU    *int64 `json:"milliCPU,omitempty"`
	MilliMemory *int64 `json:"milliMemory,omitempty"`
}

// A FixedPod is in one state all the time. Its moments are before the first
// evaluation; nil is none.
type FixedPod struct {
	Name       string      `json:"name"`
	Phase      hpa.Phase   `json:"phase"`
	Deleting   bool        `json:"deleting,omitempty"`
	Started    *Span       `json:"started,omitempty"`
	Ready      *bool       `json:"ready,omitempty"`
	Changed    Span        `json:"changed"`
	Containers []Container `json:"containers,omitempty"`
	// Samples are by signal; nil is none.
	Samples []*Sample `json:"samples"`
}

// A Sample is a fixed metric of a fixed pod. It is always Age old.
type Sample struct {
	Value  int64 `json:"value"`
	Age    Span  `json:"age,omitempty"`
	Window Span  `json:"window,omitempty"`
}

// A Signal is how a metric behaves.
type Signal struct {
	// Load is the load on all pods together, in thousandths of the metric's unit.
	Load []Leg `json:"load,omitempty"`
	// Shared says of object and external metrics that the value is the load on one
	// ready pod and not that on all. Those of pods always are.
	Shared bool `json:"shared,omitempty"`
	// Values stand for Load, of object and external metrics.
	Values []int64 `json:"values,omitempty"`
	// Series is how many series an external metric has.
	Series int `json:"series,omitempty"`
	// Limit is what one pod uses at most, Idle what one uses that is not ready.
	Limit int64 `json:"limit,omitempty"`
	Idle  int64 `json:"idle,omitempty"`
	// Skew is by what share pods differ.
	Skew float64 `json:"skew,omitempty"`
	// Age is that of samples, Window what they are measured over.
	Age    Span `json:"age,omitempty"`
	Window Span `json:"window,omitempty"`
	// Missing is the share of pods and moments without a sample, Stray that of
	// pending, failed and deleting pods with one.
	Missing float64 `json:"missing,omitempty"`
	Stray   float64 `json:"stray,omitempty"`
	// Ghosts is how many samples are of pods that do not exist; each is three times
	// that of a pod.
	Ghosts int `json:"ghosts,omitempty"`
	// While it is Broken the metric cannot be read; while it is Empty it has no
	// samples or values.
	Broken []Stretch `json:"broken,omitempty"`
	Empty  []Stretch `json:"empty,omitempty"`
}

// A Stretch is from one moment after the start until just before another.
type Stretch struct {
	From  Span `json:"from"`
	Until Span `json:"until"`
}

func within(stretches []Stretch, at Span) bool {
	for _, s := range stretches {
		if s.From <= at && at < s.Until {
			return true
		}
	}
	return false
}

// String is the case in YAML.
func (c *Case) String() string {
	text, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Sprintf("%+v (not YAML: %v)", *c, err)
	}
	return string(text)
}

// config is the controller's settings.
func (c *Case) config() hpa.Config {
	if c.Flags == nil {
		return hpa.Defaults()
	}
	return hpa.Config{
		Tolerance:               c.Flags.Tolerance,
		CPUInitializationPeriod: time.Duration(c.Flags.CPUInitializationPeriod),
		InitialReadinessDelay:   time.Duration(c.Flags.InitialReadinessDelay),
		DownscaleStabilization:  time.Duration(c.Flags.DownscaleStabilization),
	}
}
