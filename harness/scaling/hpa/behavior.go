package hpa

import (
	"math"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

// normalizeWithBehavior first stabilises in both directions, then limits the rate.
func (in Input) normalizeWithBehavior(wanted, low int32) settled {
	up := *manifest.ScaleUpRules(in.Spec.Behavior.ScaleUp)
	down := *manifest.ScaleDownRules(in.Spec.Behavior.ScaleDown)
	s := settled{able: readyForNewScale, limited: withinRange}
	var stable int32
	stable, s.place = in.stabilize(wanted, window(up, 0), window(down, in.Config.DownscaleStabilization))
	switch {
	case stable == wanted:
	case wanted >= in.Replicas:
		s.able = scaleUpStabilized
	default:
		s.able = scaleDownStabilized
	}
	switch s.desired = stable; {
	case stable > in.Replicas:
		high, limited := in.Spec.MaxReplicas, tooManyReplicas
		if limit := max(in.upTo(up), in.Replicas); limit < high {
			high, limited = limit, scaleUpLimit
		}
		if stable > high {
			s.desired, s.limited = high, limited
		}
	case stable < in.Replicas:
		floor, limited := low, tooFewReplicas
		if limit := min(in.downTo(down), in.Replicas); limit > floor {
			floor, limited = limit, scaleDownLimit
		}
		if stable < floor {
			s.desired, s.limited = floor, limited
		}
	}
	return s
}

// window is a stabilization window; the one of scaling down is the controller's
// unless set, in whole seconds.
func window(rules autoscalingv2.HPAScalingRules, otherwise time.Duration) time.Duration {
	if rules.StabilizationWindowSeconds == nil {
		return otherwise.Truncate(time.Second)
	}
	return time.Duration(*rules.StabilizationWindowSeconds) * time.Second
}

// stabilize moves the present number no further than all recommendations within
// a window agree on: up to the lowest, down to the highest. What is exactly as old
// as a window is no longer in it. With it comes the place of a recommendation that
// is older than both.
func (in Input) stabilize(wanted int32, up, down time.Duration) (int32, int) {
	lowest, highest, place := wanted, wanted, -1
	upCutoff, downCutoff := in.Now.Add(-up), in.Now.Add(-down)
	for i, one := range in.History.Recommendations {
		if one.At.After(upCutoff) {
			lowest = min(lowest, one.Replicas)
		}
		if one.At.After(downCutoff) {
			highest = max(highest, one.Replicas)
		}
		if one.At.Before(upCutoff) && one.At.Before(downCutoff) {
			place = i
		}
	}
	return min(max(in.Replicas, lowest), highest), place
}

// upTo is the most that the policies of scaling up allow. Arithmetic wraps as
// upstream's does: a policy of 2147483647 pods allows nothing.
func (in Input) upTo(rules autoscalingv2.HPAScalingRules) int32 {
	limit, choose := int32(math.MinInt32), larger
	switch *rules.SelectPolicy {
	case autoscalingv2.DisabledPolicySelect:
		return in.Replicas
	case autoscalingv2.MinChangePolicySelect:
		limit, choose = math.MaxInt32, smaller
	}
	for _, policy := range rules.Policies {
		start := in.periodStart(policy.PeriodSeconds)
		allowed := start + policy.Value
		if policy.Type == autoscalingv2.PercentScalingPolicy {
			// rounded up, or a small target could never grow
			allowed = ceil(float64(start) * (1 + float64(policy.Value)/100))
		}
		limit = choose(limit, allowed)
	}
	return limit
}

// downTo is the least that the policies of scaling down allow.
func (in Input) downTo(rules autoscalingv2.HPAScalingRules) int32 {
	limit, choose := int32(math.MaxInt32), smaller
	switch *rules.SelectPolicy {
	case autoscalingv2.DisabledPolicySelect:
		return in.Replicas
	case autoscalingv2.MinChangePolicySelect:
		limit, choose = math.MinInt32, larger
	}
	for _, policy := range rules.Policies {
		start := in.periodStart(policy.PeriodSeconds)
		allowed := start - policy.Value
		if policy.Type == autoscalingv2.PercentScalingPolicy {
			allowed = number(float64(start) * (1 - float64(policy.Value)/100))
		}
		limit = choose(limit, allowed)
	}
	return limit
}

// periodStart is how many replicas there were when a policy's period began, going
// by what the controller itself has added and removed since.
func (in Input) periodStart(seconds int32) int32 {
	cutoff := in.Now.Add(-time.Duration(seconds) * time.Second)
	return in.Replicas - changed(in.History.Up, cutoff) + changed(in.History.Down, cutoff)
}

// changed adds up what happened after the cutoff.
func changed(events []ScaleEvent, cutoff time.Time) int32 {
	var sum int32
	for _, one := range events {
		if one.At.After(cutoff) {
			sum += one.Change
		}
	}
	return sum
}

func larger(a, b int32) int32  { return max(a, b) }
func smaller(a, b int32) int32 { return min(a, b) }
