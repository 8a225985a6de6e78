package reports

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// writeScaling writes what scales services and their resources, and by what.
func writeScaling(b *strings.Builder, plan *scenarios.Plan) {
	title := "\nScaling\n"
	for _, name := range sortedNames(plan.Services) {
		s := plan.Services[name]
		if s.Autoscale == nil && s.Prescale == nil && len(s.Metrics) == 0 {
			continue
		}
		b.WriteString(title)
		title = ""
		b.WriteString("  " + clean(name) + "\n")
		if a := s.Autoscale; a != nil {
			writeHanging(b, detailLead, autoscaleWords(*a))
			for _, text := range aims(*a) {
				writeHanging(b, detailLead+"  ", text)
			}
			for _, f := range a.Floors {
				writeHanging(b, detailLead+"  ", fmt.Sprintf("at least %d from %s to %s", f.Min, f.Start, f.End))
			}
			writeHanging(b, detailLead, measuring(*a, s))
		}
		if p := s.Prescale; p != nil {
			for _, text := range prescaleLines(*p, s.Limits) {
				writeHanging(b, detailLead, text)
			}
		}
		for _, metric := range sortedNames(s.Metrics) {
			writeHanging(b, detailLead, "metric "+metric+": "+sourceWords(name, s.Metrics[metric]))
		}
	}
	if title == "" && plan.Tempo > 0 && plan.Tempo != 1 {
		writeHanging(b, "  ", fmt.Sprintf("the times of autoscalers and prescaling are divided by the tempo, %gx", plan.Tempo))
	}
}

// autoscaleWords are the kind of an autoscaler and its limits.
func autoscaleWords(a scenarios.PlannedAutoscale) string {
	return after(fmt.Sprintf("%s, %d to %s", a.Kind(), a.Min, plural(a.Max, "instance")), ": ", a.Manifest)
}

// measuring is how often an autoscaler looks, and what it counts with.
func measuring(a scenarios.PlannedAutoscale, s scenarios.PlannedService) string {
	text := fmt.Sprintf("looks every %s, use of CPU and memory each %s", a.Every, a.Resolution)
	if !s.Requests.IsZero() {
		text += "; requests " + classWords(s.Requests)
	}
	if a.Capacity > 0 {
		return text + "; one instance carries " + a.Capacity.String()
	}
	text += "; what one instance carries is not given"
	if s.Port > 0 { // it takes requests
		text += " (shakedown calibrate measures it)"
	}
	return text
}

// classWords are resources, without those that are not set.
func classWords(c scenarios.ResourceClass) string {
	var parts []string
	if c.CPUs > 0 {
		parts = append(parts, c.CPUs.String()+" CPU")
	}
	if c.Memory > 0 {
		parts = append(parts, c.Memory.String())
	}
	if len(parts) == 0 {
		return "no limits"
	}
	return strings.Join(parts, ", ")
}

// aims are what an autoscaler goes by, a line each.
func aims(a scenarios.PlannedAutoscale) []string {
	switch {
	case a.HPA != nil:
		return hpaAims(*a.HPA)
	case a.TargetTracking != nil:
		return []string{trackingWords(*a.TargetTracking)}
	case a.Step != nil:
		return stepAims(*a.Step)
	case a.Queue != nil:
		return []string{queueWords(*a.Queue)}
	}
	return nil
}

// hpaAims are the metrics and the behavior of a manifest.
func hpaAims(spec autoscalingv2.HorizontalPodAutoscalerSpec) (list []string) {
	for _, m := range spec.Metrics {
		list = append(list, hpaMetric(m))
	}
	if b := spec.Behavior; b != nil {
		for _, rules := range []struct {
			name  string
			rules *autoscalingv2.HPAScalingRules
		}{{"up", b.ScaleUp}, {"down", b.ScaleDown}} {
			if text := rulesWords(rules.rules); text != "" {
				list = append(list, "scale "+rules.name+": "+text)
			}
		}
	}
	return list
}

func hpaMetric(m autoscalingv2.MetricSpec) string {
	switch {
	case m.Resource != nil:
		return string(m.Resource.Name) + " at " + targetWords(m.Resource.Target)
	case m.ContainerResource != nil:
		return fmt.Sprintf("%s of container %s at %s", m.ContainerResource.Name, m.ContainerResource.Container, targetWords(m.ContainerResource.Target))
	case m.Pods != nil:
		return m.Pods.Metric.Name + " at " + targetWords(m.Pods.Target)
	case m.Object != nil:
		return fmt.Sprintf("%s of %s %s at %s", m.Object.Metric.Name, m.Object.DescribedObject.Kind, m.Object.DescribedObject.Name, targetWords(m.Object.Target))
	case m.External != nil:
		return m.External.Metric.Name + " at " + targetWords(m.External.Target)
	}
	return "metric of type " + string(m.Type)
}

func targetWords(t autoscalingv2.MetricTarget) string {
	switch {
	case t.AverageUtilization != nil:
		return fmt.Sprintf("%d %% of the request", *t.AverageUtilization)
	case t.AverageValue != nil:
		return t.AverageValue.String() + " for each instance"
	case t.Value != nil:
		return t.Value.String()
	}
	return "no target"
}

// rulesWords are the window, the policies and the tolerance of a direction, "" if
// none is set.
func rulesWords(r *autoscalingv2.HPAScalingRules) string {
	if r == nil {
		return ""
	}
	var parts []string
	if r.StabilizationWindowSeconds != nil {
		parts = append(parts, fmt.Sprintf("window %ds", *r.StabilizationWindowSeconds))
	}
	for _, p := range r.Policies {
		unit := ""
		if p.Type == autoscalingv2.PercentScalingPolicy {
			unit = "%"
		}
		parts = append(parts, fmt.Sprintf("%d%s each %ds", p.Value, unit, p.PeriodSeconds))
	}
	if r.SelectPolicy != nil {
		parts = append(parts, "select "+string(*r.SelectPolicy))
	}
	if r.Tolerance != nil {
		parts = append(parts, "tolerance "+r.Tolerance.String())
	}
	return strings.Join(parts, ", ")
}

func trackingWords(t scenarios.TargetTracking) string {
	text := fmt.Sprintf("%s at %s", t.Metric, t.Target)
	if t.Total {
		text += " for each instance, of a total"
	}
	if t.Cooldown != nil {
		text += fmt.Sprintf("; cooldown %s", *t.Cooldown)
	}
	if t.WarmUp > 0 {
		text += fmt.Sprintf("; warm-up %s", t.WarmUp)
	}
	if t.ScaleIn != nil && !*t.ScaleIn {
		text += "; never removes"
	}
	return text
}

func stepAims(s scenarios.StepScaling) (list []string) {
	for _, step := range s.Out {
		list = append(list, stepWords(s.Metric, "out", step))
	}
	for _, step := range s.In {
		list = append(list, stepWords(s.Metric, "in", step))
	}
	text := fmt.Sprintf("after %s in a row", plural(max(s.Periods, 1), "reading"))
	if s.Cooldown != nil {
		text += fmt.Sprintf("; cooldown %s", *s.Cooldown)
	}
	if s.WarmUp > 0 {
		text += fmt.Sprintf("; warm-up %s", s.WarmUp)
	}
	return append(list, text)
}

func stepWords(metric, direction string, s scenarios.ScaleStep) string {
	text := direction + ": " + metric
	if s.Above != nil {
		text += " from " + s.Above.String() + " on"
	}
	if s.Below != nil {
		text += " up to " + s.Below.String()
	}
	if s.Change != nil {
		text += ", by " + s.Change.String()
	}
	if s.To != nil {
		text += fmt.Sprintf(", to %d", *s.To)
	}
	return text
}

func queueWords(q scenarios.QueueScaling) string {
	text := fmt.Sprintf("%s at %d for each instance", q.Backlog, q.PerInstance)
	if q.Activation > 0 {
		text += fmt.Sprintf("; none up to %d", q.Activation)
	}
	if q.MaxAge != nil {
		text += fmt.Sprintf("; one more whenever %s is beyond %s", q.Age, *q.MaxAge)
	}
	if q.Cooldown != nil {
		text += fmt.Sprintf("; cooldown %s", *q.Cooldown)
	}
	return text
}

// prescaleLines are whom a larger class is for, who tells of them, and what it is.
func prescaleLines(p scenarios.Prescale, base scenarios.ResourceClass) []string {
	lines := []string{fmt.Sprintf("prescaling %s: %s to %s", p.Policy, classWords(base), classWords(p.Large.Or(base)))}
	switch p.Policy {
	case scenarios.ReactivePolicy:
		text := fmt.Sprintf("looks every %s", p.Every)
		if p.Above != nil {
			text += fmt.Sprintf(", from %s of a limit on", *p.Above)
		}
		return append(lines, text+"; held for "+p.Hold.String())
	case scenarios.OffPolicy:
		return append(lines, "signs of tier "+p.Tier+" are only watched")
	}
	who := "for accounts of tier " + p.Tier
	if w := p.Webhook; w != nil {
		who += fmt.Sprintf(", told by %s (webhook in %s)", w.Service, w.Variable)
	}
	if h := p.Header; h != nil {
		who += fmt.Sprintf(", seen at %s (headers %s and %s)", h.Service, h.Tier, h.Account)
	}
	beyond := "rejected"
	if p.Beyond == scenarios.QueueBeyond {
		beyond = fmt.Sprintf("queued for up to %s", p.QueueFor)
	}
	return append(lines, who, fmt.Sprintf("%s of the instances; budget %s, beyond it %s; held for %s",
		cmp.Or(p.Instances, scenarios.AllInstances), plural(p.Budget, "account"), beyond, p.Hold))
}

// sourceWords are where a metric is read.
func sourceWords(service string, m scenarios.MetricSource) string {
	text := ""
	switch {
	case m.Exposition != nil:
		e := m.Exposition
		text = e.Series
		if e.Rate {
			text += " a second"
		}
		text = fmt.Sprintf("%s of %s, page %s, %s of its instances", text, cmp.Or(e.Service, service), cmp.Or(e.Path, "/metrics"), cmp.Or(e.Combine, scenarios.SumOfInstances))
	case m.HTTP != nil:
		text = fmt.Sprintf("%s of %s", m.HTTP.Value, m.HTTP.Request)
	case m.PromQL != nil:
		text = fmt.Sprintf("%s asked of %s", cut(m.PromQL.Query, mostQuery), m.PromQL.From)
	}
	if m.Every > 0 {
		text += fmt.Sprintf(", every %s", m.Every)
	}
	return text
}

// Lint writes what can be told of a plan before it is played, a remark a line or
// more, of 80 columns; nothing where there is nothing to say.
func Lint(w io.Writer, plan *scenarios.Plan) error {
	var b strings.Builder
	for _, r := range plan.Lint {
		writeHanging(&b, fmt.Sprintf("  %-7s  ", clean(r.Level)), fmt.Sprintf("%s, %s: %s", r.Service, r.Rule, r.Text))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write remarks: %w", err)
	}
	return nil
}

// remarked is what could be told of the run's plan.
func (r Run) remarked() []scenarios.LintRemark {
	if r.Intent.Plan == nil {
		return nil
	}
	return r.Intent.Plan.Lint
}

// writeLint writes them below a title.
func writeLint(b *strings.Builder, plan *scenarios.Plan) {
	if len(plan.Lint) > 0 {
		b.WriteString("\nWorth knowing before\n")
		_ = Lint(b, plan) // a strings.Builder takes everything
	}
}
