package hpa

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Recommend is one pass of the controller's reconciliation. It is a pure function
// and safe for concurrent use. It does not fail: what keeps the controller from
// scaling stands in the conditions, and Desired is then the present number.
//
// Target sizes of zero are as with upstream's default gates: an HPA leaves a
// target alone that has no replicas.
func Recommend(in Input) Output {
	in.History = in.History.begun(in.Replicas, in.Now)
	in.History.conditions.set(gotScale)
	low, high := least(in.Spec), in.Spec.MaxReplicas
	switch {
	case in.Replicas == 0:
		return in.rest(scalingDisabled, 0, nil)
	case in.Replicas > high:
		return in.rescale(high, high, "Current number of replicas above Spec.MaxReplicas", nil)
	case in.Replicas < low:
		return in.rescale(low, low, "Current number of replicas below Spec.MinReplicas", nil)
	}
	asked := ask(&in)
	in.History.conditions.set(asked.condition)
	if asked.condition.Status == no {
		return in.rest(asked.condition, in.Replicas, asked.metrics)
	}
	return in.settle(asked, low)
}

// settle turns what the metrics ask for into what the target is to have.
func (in Input) settle(asked answer, low int32) Output {
	wanted := max(asked.replicas, 0)
	after := in.normalize(wanted, low)
	in.History = in.History.recommended(Recommendation{Replicas: wanted, At: in.Now}, after.place)
	in.History.conditions.set(after.able)
	in.History.conditions.set(after.limited)
	if after.desired == in.Replicas {
		return in.rest(after.telling(), wanted, asked.metrics)
	}
	why := in.why(asked, wanted)
	if why == "" {
		why = after.telling().Message
	}
	return in.rescale(wanted, after.desired, why, asked.metrics)
}

// why is the reason of a rescale in upstream's words. It looks at what the metrics
// ask for, not at what became of that; where they ask for nothing it is empty.
func (in Input) why(asked answer, wanted int32) string {
	switch {
	case wanted > in.Replicas:
		return described(&in.Spec.Metrics[asked.decisive]) + " above target"
	case wanted < in.Replicas:
		return "All metrics below target"
	}
	return ""
}

// rescale is an evaluation that changes the target, as if that had succeeded.
func (in Input) rescale(wanted, desired int32, why string, metrics []journal.ScaleMetric) Output {
	rescaled := condition(ableToScale, yes, "SucceededRescale",
		fmt.Sprintf("the HPA controller was able to update the target scale to %d", desired))
	in.History.conditions.set(rescaled)
	in.History = in.History.scaled(in.Spec.Behavior, desired-in.Replicas, in.Now)
	return in.output(wanted, desired, rescaled.Reason, why, metrics)
}

// rest is an evaluation that leaves the target as it is, for the reason that a
// condition gives.
func (in Input) rest(because journal.ScaleCondition, wanted int32, metrics []journal.ScaleMetric) Output {
	in.History.conditions.set(because)
	return in.output(wanted, in.Replicas, because.Reason, because.Message, metrics)
}

func (in Input) output(wanted, desired int32, reason, message string, metrics []journal.ScaleMetric) Output {
	return Output{
		Desired: desired,
		Decision: journal.ScaleDecision{
			Current: int(in.Replicas), Wanted: int(wanted), Desired: int(desired),
			Metrics: metrics, Reason: reason, Message: message,
			Conditions: in.History.conditions.list(),
		},
		History: in.History,
	}
}

func least(spec *autoscalingv2.HorizontalPodAutoscalerSpec) int32 {
	if spec.MinReplicas == nil {
		return 1
	}
	return *spec.MinReplicas
}
