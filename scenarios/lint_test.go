package scenarios

import (
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
)

// lintPlan is a service on 2 instances at 60 % of CPU, whose load triples within
// 10 s at 40 s.
func lintPlan(change func(*Plan, *PlannedService)) *Plan {
	utilization := int32(60)
	api := PlannedService{
		Port: 8080, Replicas: 2, Drain: Drain{Grace: Duration(10 * time.Second)},
		Limits: ResourceClass{CPUs: 0.5}, Requests: ResourceClass{CPUs: 0.5},
		Autoscale: &PlannedAutoscale{
			Min: 2, Max: 8, Every: Duration(15 * time.Second), Resolution: Duration(15 * time.Second),
			HPA: &autoscalingv2.HorizontalPodAutoscalerSpec{Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{Name: "cpu", Target: autoscalingv2.MetricTarget{
					Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &utilization,
				}},
			}}},
		},
	}
	p := &Plan{
		Tempo: 1, Duration: Duration(200 * time.Second),
		Journeys: map[string][]PlannedStep{"visit": {
			{Name: "open", Service: "api"},
			{Choose: []PlannedOption{{Weight: 1, Steps: []PlannedStep{{Name: "buy", Service: "api"}, {Name: "see", Service: "web"}}}, {Weight: 1}}},
			{Repeat: &PlannedRepeat{Times: Size{Constant: 2}, Steps: []PlannedStep{{Name: "look", Service: "api"}}}},
		}},
		Load: []PlannedLoad{{Journey: "visit", Segments: []PlannedSegment{
			{Start: 0, End: Duration(40 * time.Second), Constant: 10},
			{Start: Duration(40 * time.Second), End: Duration(50 * time.Second), Ramp: &Ramp{From: 10, To: 30}},
			{Start: Duration(50 * time.Second), End: Duration(200 * time.Second), Constant: 30},
		}}},
	}
	change(p, &api)
	p.Services = map[string]PlannedService{"api": api, "web": {Port: 80}}
	return p
}

func TestLint(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Plan, *PlannedService)
		rule   string
		level  string // "": there is no such remark
		text   string
	}{
		"a climb that nobody survives": {func(*Plan, *PlannedService) {}, "survivable-ramp", "warning",
			"carries a climb to 1.7x within 35s, the time until another instance helps (readings every 15s, a look every 15s, 5s to start), because 60% of 100% are in use when it is content; the plan climbs from 35/s to 105/s in such a time, 3x: requests will queue"},
		"enough instances from the start": {func(_ *Plan, s *PlannedService) { s.Autoscale.Capacity, s.Replicas = 30, 4 }, "survivable-ramp", "info",
			"4 instances of api survive a climb of 2.43/s each second from 35/s on: they carry 120/s, and 70/s more come within 35s, the time until another instance helps (readings every 15s, a look every 15s, 5s to start); the plan climbs by 2/s each second, to 105/s"},
		"not quite enough": {func(_ *Plan, s *PlannedService) { s.Autoscale.Capacity = 30 }, "survivable-ramp", "warning", "2 instances of api survive a climb of 0.714/s each second from 35/s on: they carry 60/s, and 70/s more come within 35s"},
		"a climb that is survived": {func(p *Plan, _ *PlannedService) {
			p.Load[0].Segments[1].Ramp.To = 15
			p.Load[0].Segments[2].Constant = 15
		},
			"survivable-ramp", "info", "35/s to 52.5/s"},
		"faster readings at tempo": {func(p *Plan, _ *PlannedService) { p.Tempo = 10 }, "survivable-ramp", "warning", "within 8s, the time until another instance helps (readings every 1.5s"},
		"the window of the scale-up counts": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: pointerTo(int32(60))}}
		}, "survivable-ramp", "warning", "within 1m35s"},
		"no climb": {func(p *Plan, _ *PlannedService) { p.Load[0].Segments = p.Load[0].Segments[:1] }, "cycles", "", ""},
		"rounds": {func(*Plan, *PlannedService) {}, "cycles", "warning",
			"api needs 2 rounds to get from 2 instances to 6, for 3x of the load, because its metric shows at most 100% and so grows by 1.7x a round, and its scale-up policies allow little more: 30s with a look each 15s; the load is at its peak after 10s; allow more in behavior.scaleUp.policies, and lower the target"},
		"a limit above the request shows more": {func(_ *Plan, s *PlannedService) { s.Limits.CPUs = 1 }, "cycles", "warning",
			"needs 2 rounds to get from 2 instances to 6, for 3x of the load, because its scale-up policies allow no more, whatever its metrics ask for: 30s with a look each 15s; the load is at its peak after 10s; allow more in behavior.scaleUp.policies, or schedule instances ahead"},
		"four more where there is a behavior": {func(_ *Plan, s *PlannedService) {
			s.Limits.CPUs, s.Autoscale.HPA.Behavior = 1, &autoscalingv2.HorizontalPodAutoscalerBehavior{}
		}, "cycles", "warning", "api needs 1 round to get from 2 instances to 6, for 3x of the load: 15s with a look each 15s; the load is at its peak after 10s; schedule instances ahead"},
		"one more a round": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.Behavior = lintPolicies(autoscalingv2.MinChangePolicySelect)
		}, "cycles", "warning",
			"needs 4 rounds to get from 2 instances to 6, for 3x of the load, because its scale-up policies allow no more"}, // 2, 3, 4, 5, 6
		"the larger of two policies": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.Behavior = lintPolicies(autoscalingv2.MaxChangePolicySelect)
		}, "cycles", "warning",
			"needs 2 rounds to get from 2 instances to 6, for 3x of the load, because its metric shows"},
		"none are ever added": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.Behavior = lintPolicies(autoscalingv2.DisabledPolicySelect)
		}, "cycles", "warning", "api never gets from 2 instances to 6, for 3x of the load: behavior.scaleUp.selectPolicy is Disabled, so no metric adds any; take it out, or schedule instances ahead"},
		"none but those that are scheduled": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.Behavior, s.Autoscale.Floors = lintPolicies(autoscalingv2.DisabledPolicySelect), []PlannedFloor{{Min: 6}}
		}, "cycles", "info", "selectPolicy is Disabled"},
		"one more a minute": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.Behavior = lintUp(autoscalingv2.MaxChangePolicySelect, lintPolicy(autoscalingv2.PodsScalingPolicy, 1, 60))
		}, "cycles", "warning", "needs 4 rounds to get from 2 instances to 6, for 3x of the load, because its scale-up policies allow no more, whatever its metrics ask for: 3m15s with"},
		"one more a minute, at tempo": {func(p *Plan, s *PlannedService) {
			s.Autoscale.HPA.Behavior = lintUp(autoscalingv2.MaxChangePolicySelect, lintPolicy(autoscalingv2.PodsScalingPolicy, 1, 60))
			p.Tempo = 5
		}, "cycles", "warning", ": 39s with a look each 3s; the load is at its peak after 10s"},
		"another metric beside CPU goes on": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.Metrics = append(s.Autoscale.HPA.Metrics, lintPods("sessions"))
			s.Autoscale.HPA.Behavior = lintUp(autoscalingv2.MaxChangePolicySelect, lintPolicy(autoscalingv2.PodsScalingPolicy, 2, 30))
		}, "cycles", "warning", "needs 2 rounds to get from 2 instances to 6, for 3x of the load, because its scale-up policies allow no more, whatever its metrics ask for: 45s with a look each 15s; the load is at its peak after 10s; allow more in behavior.scaleUp.policies, or schedule instances ahead"},
		"another metric and policies that allow it": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.Metrics = append(s.Autoscale.HPA.Metrics, lintPods("sessions"))
			s.Autoscale.HPA.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{}
		}, "cycles", "", ""},
		"another metric may have more instances there": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.Metrics = append(s.Autoscale.HPA.Metrics, lintPods("sessions"))
		}, "survivable-ramp", "info", "requests will queue, unless sessions, by which it is scaled as well, has more instances there by then"},
		"another metric where CPU cannot show its target": {func(_ *Plan, s *PlannedService) {
			*s.Autoscale.HPA.Metrics[0].Resource.Target.AverageUtilization = 150
			s.Autoscale.HPA.Metrics = append(s.Autoscale.HPA.Metrics, lintPods("sessions"))
			s.Autoscale.HPA.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{}
		}, "cycles", "info", "api never adds an instance for want of CPU: its metric shows at most 100%, and one is added above 165% (target 150%, tolerance 10%); only sessions adds any"},
		"more than there may be": {func(_ *Plan, s *PlannedService) { s.Autoscale.Max = 5 }, "cycles", "warning", "from 2 instances to 5, the most there may be, for 3x of the load"},
		"a climb that is steeper, and carried": {func(p *Plan, s *PlannedService) { // 4 carry 120/s, and 6 that 105/s ask for 180/s
			s.Autoscale.Capacity, s.Replicas = 30, 4
			p.Load[0].Segments = []PlannedSegment{
				{Start: 0, End: Duration(40 * time.Second), Constant: 1},
				{Start: Duration(40 * time.Second), End: Duration(120 * time.Second), Constant: 30},
				{Start: Duration(120 * time.Second), End: Duration(200 * time.Second), Constant: 57},
			}
		}, "survivable-ramp", "warning", "6 instances of api survive a climb of 2.14/s each second from 105/s on: they carry 180/s, and 94.5/s more come"},
		"two instances of 12/s": {func(p *Plan, s *PlannedService) { // 17.5/s, and 21/s more within 35 s, from two that carry 24/s
			s.Autoscale.Capacity = 12
			p.Load[0].Segments[0].Constant, p.Load[0].Segments[1].Ramp.From, p.Load[0].Segments[1].Ramp.To, p.Load[0].Segments[2].Constant = 4, 4, 9, 9
		}, "survivable-ramp", "warning", "2 instances of api survive a climb of 0.286/s each second from 14/s on: they carry 24/s, and 17.5/s more come within 35s"},
		"a metric that does not saturate": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.TargetTracking = nil, &TargetTracking{Metric: RequestsPerInstance, Target: Value{20, "/s"}}
		}, "cycles", "", ""},
		"target tracking on CPU": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.TargetTracking = nil, &TargetTracking{Metric: CPUMetric, Target: Value{50, "%"}}
		}, "cycles", "warning", "2 rounds"},
		"a tolerance and a window": {func(*Plan, *PlannedService) {}, "flap-guard", "info", "adds one at 10% more; it removes one when it was needed by nobody for 5m0s"},
		"neither": {func(_ *Plan, s *PlannedService) {
			none := resource.MustParse("0")
			s.Autoscale.HPA.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{
				ScaleUp:   &autoscalingv2.HPAScalingRules{Tolerance: &none},
				ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: pointerTo(int32(0))},
			}
		}, "flap-guard", "warning", "will make it swing"},
		"steps too close": {func(_ *Plan, s *PlannedService) { s.Autoscale.HPA, s.Autoscale.Step = nil, lintSteps(60, 45) }, "flap-guard", "warning",
			"removes one of 3 instances at cpu of 45, which leaves 67.5 for each of the others; it adds one from 60 on: it will swing"},
		"steps far enough apart": {func(_ *Plan, s *PlannedService) { s.Autoscale.HPA, s.Autoscale.Step = nil, lintSteps(60, 30) }, "flap-guard", "info", "leaves 45 for each of the others"},
		"requests longer than the grace period": {func(p *Plan, s *PlannedService) {
			s.Drain.PreStop = Duration(8 * time.Second)
			p.Checks = []Check{{SLO: &SLOCheck{Journey: "visit", P99: pointerTo(Duration(3 * time.Second))}}}
		}, "grace", "warning", "may take 3s (p99), and an instance that is removed has 2s"},
		"requests that fit": {func(p *Plan, _ *PlannedService) {
			p.Checks = []Check{{SLO: &SLOCheck{Journey: "visit", Step: "buy", P99: pointerTo(Duration(3 * time.Second))}}}
		}, "grace", "info", "has 10s"},
		"requests to somebody else": {func(p *Plan, _ *PlannedService) {
			p.Checks = []Check{{SLO: &SLOCheck{Journey: "visit", Step: "see", P99: pointerTo(Duration(time.Minute))}}}
		}, "grace", "", ""},
		"a target that the metric cannot show": {func(_ *Plan, s *PlannedService) { *s.Autoscale.HPA.Metrics[0].Resource.Target.AverageUtilization = 91 }, "cycles", "warning",
			"api never adds an instance for want of CPU: its metric shows at most 100%, and one is added above 100% (target 91%, tolerance 10%); lower the target"},
		"and so no climb is spoken of":   {func(_ *Plan, s *PlannedService) { *s.Autoscale.HPA.Metrics[0].Resource.Target.AverageUtilization = 91 }, "survivable-ramp", "", ""},
		"a target that it can just show": {func(_ *Plan, s *PlannedService) { *s.Autoscale.HPA.Metrics[0].Resource.Target.AverageUtilization = 90 }, "cycles", "warning", "api needs"},
		"tracking has no tolerance": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.TargetTracking = nil, &TargetTracking{Metric: CPUMetric, Target: Value{100, "%"}}
		}, "cycles", "warning", "one is added above 100%; lower the target"},
		"no limit of CPU":                                {func(_ *Plan, s *PlannedService) { s.Limits.CPUs = 0 }, "cycles", "", ""},
		"nor a climb to speak of":                        {func(_ *Plan, s *PlannedService) { s.Limits.CPUs = 0 }, "survivable-ramp", "", ""},
		"a load from nothing":                            {fromNothing, "cycles", "info", "2 rounds to get from 2 instances to 6, for 2.92x of the load"}, // 2 of 30/s at 60 % carry 36/s
		"a load that the first instances carry":          {func(p *Plan, s *PlannedService) { fromNothing(p, s); s.Autoscale.Capacity = 100 }, "cycles", "", ""},
		"a load from nothing, of which nothing is known": {func(p *Plan, s *PlannedService) { fromNothing(p, s); s.Autoscale.Capacity = 0 }, "cycles", "", ""},
		"two of four at once": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.Step = nil, lintSteps(60, 35)
			s.Autoscale.Step.In[0].Change.Number = 2
		}, "flap-guard", "warning", "removes 2 of 4 instances at cpu of 35, which leaves 70 for each of the others; it adds one from 60 on: it will swing"},
		"a share of them": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.Step = nil, lintSteps(60, 31)
			s.Autoscale.Step.In[0].Change = &Portion{Percent: 50}
		}, "flap-guard", "warning", "removes 3 of 5 instances at cpu of 31, which leaves 77.5"},
		"down to a number": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.Step = nil, lintSteps(60, 16)
			s.Autoscale.Step.In[0].Change, s.Autoscale.Step.In[0].To = nil, pointerTo(1)
		}, "flap-guard", "warning", "removes 6 of 8 instances at cpu of 16, which leaves 64"},
		"a lower step that removes more": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.Step = nil, lintSteps(60, 30)
			s.Autoscale.Step.In = append(s.Autoscale.Step.In, ScaleStep{Below: &Value{20, "%"}, To: pointerTo(2)})
		}, "flap-guard", "warning", "removes 6 of 8 instances at cpu of 20, which leaves 80"},
		"a metric that does not hang on instances": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.Step = nil, lintSteps(60, 45)
			s.Autoscale.Step.Metric = P95Metric
		}, "flap-guard", "", ""},
		"a metric of a page, averaged": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.Step = nil, lintSteps(60, 45)
			s.Autoscale.Step.Metric, s.Metrics = "sessions", map[string]MetricSource{"sessions": {Exposition: &Exposition{Combine: MeanOfInstances}}}
		}, "flap-guard", "warning", "it will swing"},
		"requests that are routed until late": {func(p *Plan, s *PlannedService) {
			s.Drain.PreStop, s.Drain.EndpointLag = Duration(2*time.Second), pointerTo(Duration(8*time.Second))
			p.Checks = []Check{{SLO: &SLOCheck{Journey: "visit", P99: pointerTo(Duration(3 * time.Second))}}}
		}, "grace", "warning", "has 2s for it after the last that is routed to it (endpoint_lag); raise drain.grace"},
		"requests that fit exactly": {func(p *Plan, s *PlannedService) {
			s.Drain.PreStop = Duration(7 * time.Second)
			p.Checks = []Check{{SLO: &SLOCheck{Journey: "visit", P99: pointerTo(Duration(3 * time.Second))}}}
		}, "grace", "info", "has 3s for it after its stop signal"},
		"a service that nothing routes to": {func(p *Plan, s *PlannedService) {
			s.Port = 0
			p.Checks = []Check{{SLO: &SLOCheck{Journey: "visit", P99: pointerTo(Duration(time.Minute))}}}
		}, "grace", "", ""},
		"an objective of another kind": {func(p *Plan, s *PlannedService) {
			s.Drain.PreStop = Duration(8 * time.Second)
			p.Checks = []Check{{SLO: &SLOCheck{Journey: "visit", P95: pointerTo(Duration(3 * time.Second))}}}
		}, "grace", "warning", "may take 3s (p95), and an instance that is removed has 2s"},
		"the objective of an SLO": {func(p *Plan, s *PlannedService) {
			s.Drain.PreStop = Duration(8 * time.Second)
			p.Checks = []Check{{SLO: &SLOCheck{Journey: "visit", P99: pointerTo(Duration(time.Second))}}}
			p.SLOs = []PlannedSLO{{Name: "fast", Journey: "visit", Latency: Duration(4 * time.Second)}, {Name: "elsewhere", Good: "up"}}
		}, "grace", "warning", "may take 4s (SLO fast)"},
		"tracking that forgets": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.TargetTracking = nil, &TargetTracking{Metric: InFlightPerInstance, Target: Value{8, ""}, Cooldown: pointerTo(Duration(15 * time.Second))}
		}, "flap-guard", "warning", "adds an instance as soon as in_flight_per_instance is above 8, where it may be just after one was removed, and removes one again 15s after that, which is no longer than the 15s between two looks"},
		"tracking that remembers": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.TargetTracking = nil, &TargetTracking{Metric: InFlightPerInstance, Target: Value{8, ""}, Cooldown: pointerTo(Duration(16 * time.Second))}
		}, "flap-guard", "", ""},
		"tracking of what does not hang on instances": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.TargetTracking = nil, &TargetTracking{Metric: P95Metric, Target: Value{1, "s"}}
		}, "flap-guard", "", ""},
		"tracking that waits for what is new": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.TargetTracking = nil, &TargetTracking{
				Metric: InFlightPerInstance, Target: Value{8, ""}, Cooldown: pointerTo(Duration(0)), WarmUp: Duration(16 * time.Second),
			}
		}, "flap-guard", "", ""},
		"always as many": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.Step, s.Autoscale.Max = nil, lintSteps(60, 45), 2
		}, "flap-guard", "", ""},
		"an HPA that never removes": {func(_ *Plan, s *PlannedService) {
			never := autoscalingv2.DisabledPolicySelect
			s.Autoscale.HPA.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &autoscalingv2.HPAScalingRules{SelectPolicy: &never}}
		}, "flap-guard", "", ""},
		"an autoscaler that only looks at first": {func(p *Plan, s *PlannedService) {
			p.Phases = []PlannedPhase{{Name: "warm", End: Duration(20 * time.Second)}, {Name: "all", Start: Duration(20 * time.Second), End: p.Duration}}
			s.Replicas, s.Autoscale.PausedIn = 9, []string{"warm"}
		}, "replicas", "", ""},
		"a load that comes and goes": {func(p *Plan, s *PlannedService) {
			p.Load[0].Segments = []PlannedSegment{{End: p.Duration, Constant: 20, Waves: []Wave{{Amplitude: 15, Period: Duration(100 * time.Second), Peak: Duration(50 * time.Second)}}}}
		}, "cycles", "warning", "for 7x of the load"},
		"tracking that never removes": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.TargetTracking = nil, &TargetTracking{Metric: CPUMetric, Target: Value{50, "%"}, ScaleIn: pointerTo(false)}
		}, "flap-guard", "", ""},
		"a queue that forgets": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.Queue = nil, &QueueScaling{Backlog: "jobs", PerInstance: 5, Cooldown: pointerTo(Duration(0))}
		}, "flap-guard", "warning", "by a single job beyond each multiple of 5, and remembers what the backlog asked for for 0s, which is no longer than the 15s between two looks"},
		"a queue that remembers": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA, s.Autoscale.Queue = nil, &QueueScaling{Backlog: "jobs", PerInstance: 5, Cooldown: pointerTo(Duration(300 * time.Second))}
		}, "flap-guard", "", ""},
		"more at first than there may be":  {func(_ *Plan, s *PlannedService) { s.Replicas = 9 }, "replicas", "warning", "api begins with 9 instances, and the most of its manifest is 8: its first look removes 1;"},
		"fewer at first than the least":    {func(_ *Plan, s *PlannedService) { s.Replicas = 1 }, "replicas", "info", "api begins with 1 instance, and the least of its manifest is 2: its first look adds 1,"},
		"as many at first as there may be": {func(_ *Plan, s *PlannedService) { s.Replicas = 8 }, "replicas", "", ""},
		"a manifest of another workload": {func(_ *Plan, s *PlannedService) {
			s.Autoscale.HPA.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "importer"}
		}, "workload", "info", "api is scaled by the manifest of Deployment importer"},
		"a manifest of its own": {func(_ *Plan, s *PlannedService) { s.Autoscale.HPA.ScaleTargetRef.Name = "api" }, "workload", "", ""},
		"nobody scales it":      {func(_ *Plan, s *PlannedService) { s.Autoscale = nil }, "flap-guard", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var found *LintRemark
			for _, r := range Lint(lintPlan(c.change)) {
				if r.Rule == c.rule {
					found = &r
				}
			}
			switch {
			case c.level == "" && found != nil:
				t.Errorf("remark %+v", *found)
			case c.level != "" && found == nil:
				t.Error("there is no such remark")
			case found != nil && (found.Service != "api" || found.Level != c.level || !strings.Contains(found.Text, c.text)):
				t.Errorf("%s: %s\nwant %s: %s", found.Level, found.Text, c.level, c.text)
			}
		})
	}
}

// fromNothing makes the load climb from nothing, on instances of 30 requests a second.
func fromNothing(p *Plan, s *PlannedService) {
	p.Load[0].Segments = p.Load[0].Segments[1:]
	p.Load[0].Segments[0].Start, p.Load[0].Segments[0].Ramp.From = 0, 0
	s.Autoscale.Capacity = 30
}

// lintPolicies add one instance, or one and a half times as many as there are.
func lintPolicies(by autoscalingv2.ScalingPolicySelect) *autoscalingv2.HorizontalPodAutoscalerBehavior {
	return lintUp(by, lintPolicy(autoscalingv2.PodsScalingPolicy, 1, 15), lintPolicy(autoscalingv2.PercentScalingPolicy, 150, 15))
}

func lintUp(by autoscalingv2.ScalingPolicySelect, policies ...autoscalingv2.HPAScalingPolicy) *autoscalingv2.HorizontalPodAutoscalerBehavior {
	return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &autoscalingv2.HPAScalingRules{SelectPolicy: &by, Policies: policies}}
}

func lintPolicy(kind autoscalingv2.HPAScalingPolicyType, value, seconds int32) autoscalingv2.HPAScalingPolicy {
	return autoscalingv2.HPAScalingPolicy{Type: kind, Value: value, PeriodSeconds: seconds}
}

// lintPods is a metric of pods, besides the processor.
func lintPods(name string) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: name}}}
}

func lintSteps(out, in float64) *StepScaling {
	return &StepScaling{
		Metric: CPUMetric, Out: []ScaleStep{{Above: &Value{out, "%"}, Change: &Portion{Number: 1}}}, In: []ScaleStep{{Below: &Value{in, "%"}, Change: &Portion{Number: 1}}},
	}
}

func pointerTo[T any](v T) *T { return &v }
