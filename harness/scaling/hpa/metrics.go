package hpa

import (
	"errors"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// An answer is what all metrics ask for.
type answer struct {
	metrics   []journal.ScaleMetric
	replicas  int32
	decisive  int                    // the index of the metric that asked for it
	condition journal.ScaleCondition // ScalingActive; False: there is no answer
}

// ask asks every metric; the highest proposal counts. While some cannot be told,
// the others may add replicas and not remove any.
func ask(in *Input) answer {
	all := in.Spec.Metrics
	result := answer{metrics: make([]journal.ScaleMetric, len(all))}
	tol := in.tolerances()
	invalid := 0
	for i := range all {
		one := propose(in, i, tol)
		result.metrics[i] = one.metric
		if one.err != nil {
			if invalid == 0 {
				result.condition = unable(one.reason, one.err)
			}
			invalid++
			continue
		}
		// A proposal of zero gives way to whatever comes after it, as upstream has it.
		if result.replicas == 0 || one.replicas > result.replicas {
			result.replicas, result.decisive = one.replicas, i
		}
	}
	switch {
	case len(all) == 0:
		result.condition = unable("InvalidMetricSourceType", errors.New("the specification has no metrics"))
	case invalid == len(all), invalid > 0 && result.replicas < in.Replicas:
		// no answer: the condition of the first that failed stands
	default:
		result.condition = validMetric(described(&all[result.decisive]))
	}
	return result
}
