package manifest

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
)

// Default fills in what the API server would: minReplicas, a metric where there
// is none, and, where behavior is given, what its rules leave out. A missing
// behavior stays missing, and so does the stabilization window of scaleDown: the
// controller treats both in a way of its own.
func Default(spec *autoscalingv2.HorizontalPodAutoscalerSpec) {
	if spec.MinReplicas == nil {
		spec.MinReplicas = new(int32(1))
	}
	if len(spec.Metrics) == 0 {
		spec.Metrics = []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{
				Name:   corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: new(int32(80))},
			},
		}}
	}
	if spec.Behavior != nil {
		spec.Behavior.ScaleUp = ScaleUpRules(spec.Behavior.ScaleUp)
		spec.Behavior.ScaleDown = ScaleDownRules(spec.Behavior.ScaleDown)
	}
}

var (
	fourPods = autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: 4, PeriodSeconds: 15}
	asMany   = autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15}
)

// ScaleUpRules are rules of scaling up with upstream's defaults for what they
// leave out, all of them for nil: 4 more or double the number in 15 seconds, at
// once.
func ScaleUpRules(rules *autoscalingv2.HPAScalingRules) *autoscalingv2.HPAScalingRules {
	return defaultRules(rules, new(int32(0)), fourPods, asMany)
}

// ScaleDownRules are the same for scaling down: all may go in 15 seconds, after
// the controller's window.
func ScaleDownRules(rules *autoscalingv2.HPAScalingRules) *autoscalingv2.HPAScalingRules {
	return defaultRules(rules, nil, asMany)
}

// defaultRules fills in the rules of one direction. A list of policies that is
// empty stays so: validation refuses it.
func defaultRules(rules *autoscalingv2.HPAScalingRules, window *int32, policies ...autoscalingv2.HPAScalingPolicy) *autoscalingv2.HPAScalingRules {
	var filled autoscalingv2.HPAScalingRules
	if rules != nil {
		filled = *rules
	}
	if filled.StabilizationWindowSeconds == nil {
		filled.StabilizationWindowSeconds = window
	}
	if filled.SelectPolicy == nil {
		filled.SelectPolicy = new(autoscalingv2.MaxChangePolicySelect)
	}
	if filled.Policies == nil {
		filled.Policies = policies
	}
	return &filled
}
