package reports

import (
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// scalingPlan has every kind of autoscaler, source, policy and check, and a secret
// that no plan must show.
func scalingPlan() *scenarios.Plan {
	plan := simplePlan()
	plan.Variant, plan.Tempo = "proactive", 5
	cooldown, maxAge, tolerance := 300*planSecond, 30*planSecond, resource.MustParse("50m")
	value := func(text string) scenarios.Value { return must1(scenarios.ParseValue(text)) }
	scaled := func(a scenarios.PlannedAutoscale) scenarios.PlannedService {
		a.Min, a.Max, a.Every, a.Resolution = 2, 10, 15*planSecond, 15*planSecond
		return scenarios.PlannedService{Port: 8080, Replicas: 2, Autoscale: &a, Limits: scenarios.ResourceClass{CPUs: .5, Memory: 192 << 20}}
	}
	api := scaled(scenarios.PlannedAutoscale{
		HPA: &autoscalingv2.HorizontalPodAutoscalerSpec{
			Metrics: []autoscalingv2.MetricSpec{
				{Type: "Resource", Resource: &autoscalingv2.ResourceMetricSource{Name: "cpu", Target: autoscalingv2.MetricTarget{AverageUtilization: ptr[int32](60)}}},
				{Type: "ContainerResource", ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: "memory", Container: "api", Target: autoscalingv2.MetricTarget{AverageUtilization: ptr[int32](80)}}},
				{Type: "Pods", Pods: &autoscalingv2.PodsMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: "http_requests"}, Target: autoscalingv2.MetricTarget{AverageValue: ptr(resource.MustParse("20"))}}},
				{Type: "Object", Object: &autoscalingv2.ObjectMetricSource{DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Ingress", Name: "shop"}, Metric: autoscalingv2.MetricIdentifier{Name: "hits"}, Target: autoscalingv2.MetricTarget{Value: ptr(resource.MustParse("2k"))}}},
				{Type: "External", External: &autoscalingv2.ExternalMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: "lag"}}},
				{Type: "Later"},
			},
			Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{
				ScaleUp: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: ptr[int32](0), Tolerance: &tolerance, SelectPolicy: ptr(autoscalingv2.MaxChangePolicySelect), Policies: []autoscalingv2.HPAScalingPolicy{
					{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15}, {Type: autoscalingv2.PodsScalingPolicy, Value: 4, PeriodSeconds: 15}}},
				ScaleDown: &autoscalingv2.HPAScalingRules{},
			},
		},
		Manifest: "api of compose/k8s/api-hpa.yaml", Capacity: 27,
		Floors: []scenarios.PlannedFloor{{Start: 4 * planSecond, End: 10 * planSecond, Min: 6}},
	})
	api.Requests = scenarios.ResourceClass{CPUs: .25, Memory: 64 << 20}
	api.Metrics = map[string]scenarios.MetricSource{
		"http_requests": {Exposition: &scenarios.Exposition{Series: `http_requests_total{code="200"}`, Rate: true}, Every: 2 * planSecond},
		"hits":          {HTTP: &scenarios.HTTPMetric{Request: "GET web/status", Value: "$.hits", Headers: map[string]string{"Authorization": "Bearer s3cret"}}},
		"lag":           {PromQL: &scenarios.PromQLMetric{Query: "sum(lag)", From: "prometheus"}},
	}
	plan.Services = map[string]scenarios.PlannedService{
		"api": api,
		"web": scaled(scenarios.PlannedAutoscale{TargetTracking: &scenarios.TargetTracking{Metric: "p95", Target: value("250ms"), Total: true, Cooldown: &cooldown, WarmUp: 5 * planSecond, ScaleIn: ptr(false)}}),
		"search": scaled(scenarios.PlannedAutoscale{Step: &scenarios.StepScaling{Metric: "cpu", Periods: 2, Cooldown: &cooldown, WarmUp: planSecond,
			Out: []scenarios.ScaleStep{{Above: ptr(value("70%")), Change: &scenarios.Portion{Number: 1}}, {Above: ptr(value("90%")), Change: &scenarios.Portion{Percent: 50}}},
			In:  []scenarios.ScaleStep{{Below: ptr(value("30%")), To: ptr(2)}}}}),
		"worker": unported(scaled(scenarios.PlannedAutoscale{Queue: &scenarios.QueueScaling{Backlog: "depth", PerInstance: 50, Activation: 5, Age: "age", MaxAge: &maxAge, Cooldown: &cooldown}})),
		"night":  scaled(scenarios.PlannedAutoscale{Floors: []scenarios.PlannedFloor{{Min: 3, End: planSecond}}}),
		"importer": {Prescale: &scenarios.Prescale{Policy: scenarios.ProactivePolicy, Tier: "enterprise", Large: scenarios.ResourceClass{CPUs: 1, Memory: 512 << 20}, Budget: 1,
			Beyond: scenarios.QueueBeyond, QueueFor: 10 * planSecond, Hold: 600 * planSecond, Instances: scenarios.OneInstance,
			Webhook: &scenarios.PrescaleWebhook{Service: "api", Variable: "PRESCALE_WEBHOOK"}, Header: &scenarios.PrescaleHeader{Service: "api", Tier: "X-Tier", Account: "X-Account"}}},
		"renderer": {Prescale: &scenarios.Prescale{Policy: scenarios.ReactivePolicy, Large: scenarios.ResourceClass{Memory: 1 << 30}, Above: ptr(scenarios.Percent(80)), Every: 15 * planSecond, Hold: 60 * planSecond}, Limits: scenarios.ResourceClass{Memory: 512 << 20}},
		"archive":  {Prescale: &scenarios.Prescale{Policy: scenarios.OffPolicy, Tier: "pro", Large: scenarios.ResourceClass{CPUs: 2}}},
		"postgres": {},
	}
	plan.Actions = append(plan.Actions,
		scenarios.PlannedAction{At: 12 * planSecond, Phase: "grow", Interrupt: &scenarios.Interrupt{Service: "api", Count: 2, Notice: 24 * planSecond}},
		scenarios.PlannedAction{At: 13 * planSecond, Phase: "grow", Interrupt: &scenarios.Interrupt{Service: "web", Count: 1, Notice: 24 * planSecond, Replace: ptr(false)}})
	of := scenarios.Acknowledged{Journey: "shop", Step: "buy"}
	plan.Checks = []scenarios.Check{
		{Scaling: &scenarios.ScalingCheck{Service: "api", Phases: []string{"grow"}, Reaction: ptr(20 * planSecond), Recovery: &scenarios.Recovery{Journey: "shop", Step: "buy", P95: planSecond, Within: 60 * planSecond},
			UnderProvisioned: ptr(scenarios.Percent(10)), UnderTime: ptr(scenarios.Percent(20)), OverProvisioned: ptr(scenarios.Factor(.5)), OverTime: ptr(scenarios.Percent(60)), Overshoot: ptr(1), Reversals: ptr(0)}},
		{Queue: &scenarios.QueueCheck{Service: "worker", MaxBacklog: ptr(500), MaxAge: &maxAge, Surge: "grow", DrainedWithin: ptr(30 * planSecond), Drained: 5, Work: &scenarios.Work{Of: of}}},
		{Prescale: &scenarios.PrescaleCheck{Service: "importer", Journey: "import", Step: "upload", Done: "wait", Lead: 2 * planSecond, ReturnedWithin: 5 * planSecond}},
		{Cost: &scenarios.CostCheck{Service: "api", Phases: []string{"grow"}, Replicas: ptr(scenarios.Factor(1.5)), CPU: ptr(scenarios.Percent(30))}},
	}
	plan.Lint = []scenarios.LintRemark{
		{Rule: "survivable-ramp", Service: "api", Level: "warning", Text: "api carries a climb to 1.7x within 11s, and the plan climbs to 3x in such a time: requests will queue"},
		{Rule: "grace", Service: "web", Level: "info", Text: "no request takes longer than the grace period"},
	}
	return plan
}

func unported(s scenarios.PlannedService) scenarios.PlannedService {
	s.Port = 0
	return s
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAPlanOfScalingShowsNoSecrets(t *testing.T) {
	if text := planText(t, scalingPlan(), nil); strings.Contains(text, "s3cret") {
		t.Errorf("a secret is in\n%s", text)
	}
}

func TestLintIsPrintedAlone(t *testing.T) {
	var b strings.Builder
	must(t, Lint(&b, scalingPlan()))
	if !strings.HasPrefix(b.String(), "  warning  api, survivable-ramp: ") || !strings.Contains(b.String(), "\n  info     web, grace: ") {
		t.Errorf("%q", b.String())
	}
	b.Reset()
	if must(t, Lint(&b, simplePlan())); b.Len() > 0 {
		t.Errorf("%q", b.String())
	}
	if err := Lint(brokenPipe{}, scalingPlan()); err == nil {
		t.Error("an error of the writer is kept back")
	}
}
