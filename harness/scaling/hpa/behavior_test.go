package hpa_test

import (
	"math"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

type (
	rules    = autoscalingv2.HPAScalingRules
	policies = []autoscalingv2.HPAScalingPolicy
)

func podsIn(seconds, value int32) autoscalingv2.HPAScalingPolicy {
	return autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: value, PeriodSeconds: seconds}
}

func percentIn(seconds, value int32) autoscalingv2.HPAScalingPolicy {
	return autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: value, PeriodSeconds: seconds}
}

func TestBehavior(t *testing.T) {
	const (
		largest  = autoscalingv2.MaxChangePolicySelect
		smallest = autoscalingv2.MinChangePolicySelect
		disabled = autoscalingv2.DisabledPolicySelect
	)
	atOnce := new(int32(0))
	for name, c := range map[string]struct {
		up, down      *rules
		replicas      int
		steps         []step
		able, limited string // of the last
	}{
		"empty: four more or double": {nil, nil, 3, []step{{0, 99, 7}, {15, 99, 14}, {30, 99, 28}, {45, 99, 56}, {60, 99, 99}}, "True SucceededRescale", "False DesiredWithinRange"},
		"limited":                    {nil, nil, 3, []step{{0, 99, 7}}, "True SucceededRescale", "True ScaleUpLimit"},
		"limited by the maximum":     {nil, nil, 99, []step{{0, 150, 100}}, "True SucceededRescale", "True TooManyReplicas"},
		"at the maximum":             {nil, nil, 100, []step{{0, 150, 100}}, "True ReadyForNewScale", "True TooManyReplicas"},
		"double is the maximum":      {nil, nil, 50, []step{{0, 150, 100}}, "True SucceededRescale", "True TooManyReplicas"},
		"more often than the period": {nil, nil, 3, []step{{0, 99, 7}, {10, 99, 7}, {15, 99, 14}}, "True SucceededRescale", "True ScaleUpLimit"},
		"nothing left in the period": {nil, nil, 3, []step{{0, 99, 7}, {10, 99, 7}}, "True ReadyForNewScale", "True ScaleUpLimit"},
		"down after the window":      {nil, nil, 50, []step{{0, 2, 50}, {299, 2, 50}, {300, 2, 2}}, "True SucceededRescale", "False DesiredWithinRange"},
		"a start blocks down":        {nil, nil, 50, []step{{0, 2, 50}, {15, 2, 50}}, "True ScaleDownStabilized", "False DesiredWithinRange"},
		"down to the highest":        {nil, nil, 9, []step{{0, 9, 9}, {15, 7, 9}, {300, 3, 7}, {315, 3, 3}}, "True SucceededRescale", "False DesiredWithinRange"},

		"up pods":                        {&rules{Policies: policies{podsIn(60, 2)}}, nil, 3, []step{{0, 9, 5}, {30, 9, 5}, {59, 9, 5}, {60, 9, 7}}, "True SucceededRescale", "True ScaleUpLimit"},
		"up percent, rounded up":         {&rules{Policies: policies{percentIn(15, 10)}}, nil, 11, []step{{0, 99, 13}, {15, 99, 15}}, "True SucceededRescale", "True ScaleUpLimit"},
		"up percent of the period start": {&rules{Policies: policies{percentIn(60, 100)}}, nil, 2, []step{{0, 3, 3}, {15, 99, 4}, {30, 99, 4}, {60, 99, 6}}, "True SucceededRescale", "True ScaleUpLimit"},
		"up, the most":                   {&rules{SelectPolicy: new(largest), Policies: policies{podsIn(15, 3), percentIn(15, 100)}}, nil, 2, []step{{0, 99, 5}, {15, 99, 10}}, "True SucceededRescale", "True ScaleUpLimit"},
		"up, the least":                  {&rules{SelectPolicy: new(smallest), Policies: policies{podsIn(15, 3), percentIn(15, 100)}}, nil, 2, []step{{0, 99, 4}, {15, 99, 7}}, "True SucceededRescale", "True ScaleUpLimit"},
		"up disabled":                    {&rules{SelectPolicy: new(disabled)}, nil, 5, []step{{0, 99, 5}}, "True ReadyForNewScale", "True ScaleUpLimit"},
		"what went down comes back":      {&rules{Policies: policies{podsIn(60, 1)}}, &rules{StabilizationWindowSeconds: atOnce}, 9, []step{{0, 2, 2}, {15, 99, 10}}, "True SucceededRescale", "True ScaleUpLimit"},
		"too many pods allow none":       {&rules{Policies: policies{podsIn(60, math.MaxInt32)}}, nil, 5, []step{{0, 99, 5}}, "True ReadyForNewScale", "True ScaleUpLimit"},
		"too many percent allow none":    {&rules{Policies: policies{percentIn(60, math.MaxInt32)}}, nil, 100, []step{{0, 200, 100}}, "True ReadyForNewScale", "True TooManyReplicas"},

		"down pods":                        {nil, &rules{StabilizationWindowSeconds: atOnce, Policies: policies{podsIn(60, 2)}}, 9, []step{{0, 1, 7}, {59, 1, 7}, {60, 1, 5}}, "True SucceededRescale", "True ScaleDownLimit"},
		"down percent, cut off":            {nil, &rules{StabilizationWindowSeconds: atOnce, Policies: policies{percentIn(15, 10)}}, 11, []step{{0, 1, 9}, {15, 1, 8}}, "True SucceededRescale", "True ScaleDownLimit"},
		"down, the most":                   {nil, &rules{StabilizationWindowSeconds: atOnce, Policies: policies{podsIn(15, 3), percentIn(15, 50)}}, 10, []step{{0, 1, 5}, {15, 1, 2}}, "True SucceededRescale", "True ScaleDownLimit"},
		"down, the least":                  {nil, &rules{StabilizationWindowSeconds: atOnce, SelectPolicy: new(smallest), Policies: policies{podsIn(15, 3), percentIn(15, 50)}}, 10, []step{{0, 1, 7}, {15, 1, 4}, {30, 1, 2}}, "True SucceededRescale", "True ScaleDownLimit"},
		"down disabled":                    {nil, &rules{StabilizationWindowSeconds: atOnce, SelectPolicy: new(disabled)}, 9, []step{{0, 1, 9}}, "True ReadyForNewScale", "True ScaleDownLimit"},
		"down to the minimum":              {nil, &rules{StabilizationWindowSeconds: atOnce}, 9, []step{{0, 0, 1}}, "True SucceededRescale", "True TooFewReplicas"},
		"the policy is the minimum":        {nil, &rules{StabilizationWindowSeconds: atOnce, Policies: policies{podsIn(15, 8)}}, 9, []step{{0, 0, 1}}, "True SucceededRescale", "True TooFewReplicas"},
		"at the minimum":                   {nil, &rules{StabilizationWindowSeconds: atOnce}, 1, []step{{0, 0, 1}}, "True ReadyForNewScale", "True TooFewReplicas"},
		"what went up goes":                {nil, &rules{StabilizationWindowSeconds: atOnce, Policies: policies{podsIn(60, 1)}}, 2, []step{{0, 6, 6}, {15, 1, 1}}, "True SucceededRescale", "False DesiredWithinRange"},
		"nothing left to remove":           {nil, &rules{StabilizationWindowSeconds: atOnce, Policies: policies{podsIn(60, 2)}}, 9, []step{{0, 1, 7}, {30, 1, 7}}, "True ReadyForNewScale", "True ScaleDownLimit"},
		"less than nothing left":           {nil, &rules{StabilizationWindowSeconds: atOnce, Policies: policies{podsIn(60, 2)}}, 150, []step{{0, 100, 100}, {15, 1, 100}}, "True ReadyForNewScale", "True ScaleDownLimit"},
		"down percent of the period start": {nil, &rules{StabilizationWindowSeconds: atOnce, Policies: policies{percentIn(60, 50)}}, 8, []step{{0, 6, 6}, {15, 1, 4}, {30, 1, 4}, {60, 1, 3}}, "True SucceededRescale", "True ScaleDownLimit"},

		"up window, the lowest":    {&rules{StabilizationWindowSeconds: new(int32(60))}, nil, 3, []step{{0, 9, 3}, {30, 6, 3}, {59, 9, 3}, {60, 9, 6}, {90, 9, 9}}, "True SucceededRescale", "False DesiredWithinRange"},
		"up window holds":          {&rules{StabilizationWindowSeconds: new(int32(60))}, nil, 3, []step{{0, 9, 3}}, "True ScaleUpStabilized", "False DesiredWithinRange"},
		"two windows, between":     {&rules{StabilizationWindowSeconds: new(int32(60))}, &rules{StabilizationWindowSeconds: new(int32(60))}, 5, []step{{0, 5, 5}, {15, 9, 5}, {30, 2, 5}, {60, 9, 5}}, "True ScaleUpStabilized", "False DesiredWithinRange"},
		"down in two windows":      {&rules{StabilizationWindowSeconds: new(int32(60))}, &rules{StabilizationWindowSeconds: new(int32(30))}, 5, []step{{0, 5, 5}, {15, 2, 5}, {30, 3, 3}}, "True SucceededRescale", "False DesiredWithinRange"},
		"stabilised, then limited": {&rules{StabilizationWindowSeconds: new(int32(30)), Policies: policies{podsIn(15, 1)}}, nil, 3, []step{{0, 9, 3}, {30, 9, 4}, {45, 6, 5}}, "True SucceededRescale", "True ScaleUpLimit"},
		"content":                  {nil, nil, 5, []step{{0, 5, 5}}, "True ReadyForNewScale", "False DesiredWithinRange"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := autoscalingv2.HorizontalPodAutoscalerSpec{
				MaxReplicas: 100,
				Behavior:    &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: c.up, ScaleDown: c.down},
			}
			d := follow(t, spec, c.replicas, c.steps...).Decision
			wantCondition(t, d, "AbleToScale", c.able)
			wantCondition(t, d, "ScalingLimited", c.limited)
		})
	}
}

// Percentages are exact also where there are many.
func TestPercentOfMany(t *testing.T) {
	spec := autoscalingv2.HorizontalPodAutoscalerSpec{
		MaxReplicas: 10000,
		Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{
			ScaleUp:   &rules{Policies: policies{percentIn(15, 30)}},
			ScaleDown: &rules{Policies: policies{percentIn(15, 30)}, StabilizationWindowSeconds: new(int32(0))},
		},
	}
	follow(t, spec, 2000, step{0, 9000, 2600}, step{15, 9000, 3380}, step{30, 1, 2366})
}

func TestTolerances(t *testing.T) {
	quantity := func(text string) *resource.Quantity { return new(resource.MustParse(text)) }
	for name, c := range map[string]struct {
		behavior *autoscalingv2.HorizontalPodAutoscalerBehavior
		value    int64 // of a target of 1000, with 10 replicas
		want     int
	}{
		"the controller's, up":           {nil, 1100, 10},
		"the controller's, beyond":       {nil, 1101, 12},
		"the controller's, down":         {nil, 900, 10},
		"the controller's, beyond, down": {nil, 899, 9},
		"its own, up":                    {&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &rules{Tolerance: quantity("0.5")}}, 1500, 10},
		"its own, beyond":                {&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &rules{Tolerance: quantity("0.5")}}, 1501, 16},
		"its own leaves the other":       {&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &rules{Tolerance: quantity("0.5")}}, 899, 9},
		"its own, down":                  {&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &rules{Tolerance: quantity("500m")}}, 500, 10},
		"its own, beyond, down":          {&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &rules{Tolerance: quantity("500m")}}, 499, 5},
		"none":                           {&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &rules{Tolerance: quantity("0")}}, 1001, 11},
		"none, at the target":            {&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &rules{Tolerance: quantity("0")}}, 1000, 10},
	} {
		t.Run(name, func(t *testing.T) {
			pods, metrics := fleet("0x10")
			for name := range metrics {
				metrics[name] = hpa.PodMetric{Value: c.value}
			}
			spec := defaulted(autoscalingv2.HorizontalPodAutoscalerSpec{
				MaxReplicas: 100, Behavior: c.behavior,
				Metrics: []autoscalingv2.MetricSpec{ofPods("jobs", 1000)},
			})
			out := hpa.Recommend(hpa.Input{
				Config: hpa.Defaults(), Spec: spec, Replicas: 10, Pods: pods,
				Readings: []hpa.Reading{{Pods: metrics}}, Now: now,
			})
			if out.Decision.Wanted != c.want {
				t.Errorf("wants %d, want %d", out.Decision.Wanted, c.want)
			}
		})
	}
}
