package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

// deaf tells whether the metric can never show as much as the autoscaler wants to
// see before it adds an instance.
func (l *linter) deaf(target, most float64) bool { return most <= target*(1+l.upTolerance())*(1+1e-9) }

// never tells that no load whatsoever adds an instance for its CPU. Where it is
// scaled by another metric as well, that is all that adds any.
func (l *linter) never(target, most float64) {
	text := fmt.Sprintf("%s never adds an instance for want of CPU: its metric shows at most %.0f%%, and one is added above %.3g%%", l.name, most*100, target*(1+l.upTolerance())*100)
	if l.scaler.HPA != nil {
		text += fmt.Sprintf(" (target %.0f%%, tolerance %.3g%%)", target*100, l.upTolerance()*100)
	}
	if other := l.other(); other != "" {
		l.remark("cycles", false, "%s; only %s adds any", text, other)
		return
	}
	l.remark("cycles", true, "%s; lower the target, or raise the limit of CPU above the request", text)
}

// other names the metrics of an HPA that show more the more there is to do, beside
// the processor that shows no more when it is busy all the time: it follows
// whichever asks for most. "" where there is none.
func (l *linter) other() string {
	if l.scaler.HPA == nil {
		return ""
	}
	var found []string
	for _, m := range l.scaler.HPA.Metrics {
		switch {
		case m.Pods != nil:
			found = append(found, m.Pods.Metric.Name)
		case m.Object != nil:
			found = append(found, m.Object.Metric.Name)
		case m.External != nil:
			found = append(found, m.External.Metric.Name)
		}
	}
	return strings.Join(found, " or ")
}

// cycles is how many rounds it takes at least to the peak, and how long: where the
// metric saturates each brings most / target times the instances, and where the
// policies of an HPA allow less, that. The instances of the beginning count for what
// they carry, where that is known, so that a load that begins with next to nothing
// needs no more rounds than one that begins with all they can take.
func (l *linter) cycles() {
	target, most, known := l.target()
	if !known {
		return
	}
	factor := most / target
	if l.deaf(target, most) {
		l.never(target, most)
		factor = 1
	}
	if l.other() != "" {
		factor = math.Inf(1)
	}
	low, high := l.span()
	low = max(low, float64(l.first())*float64(l.scaler.Capacity)*target/most)
	if low == 0 || l.unmeasured() || high <= low || factor <= 1 {
		return
	}
	l.climbs(high/low, factor, most)
}

// climbs says how long it takes until there are k times the instances, where the
// metric asks for factor times as many a round, and what makes it so long.
func (l *linter) climbs(k, factor, most float64) {
	first := max(1, l.first())
	wanted, limit := math.Ceil(float64(first)*k*(1-1e-9)), float64(max(first, l.scaler.Max))
	peak := int(min(wanted, limit))
	if peak <= first {
		return
	}
	g := l.ascent(first, peak, factor)
	words := fmt.Sprintf("from %s to %d, for %.3gx of the load", plural(first, "instance"), peak, k)
	if wanted > limit {
		words = fmt.Sprintf("from %s to %d, the most there may be, for %.3gx of the load", plural(first, "instance"), peak, k)
	}
	if g.disabled {
		l.remark("cycles", len(l.scaler.Floors) == 0, "%s never gets %s: behavior.scaleUp.selectPolicy is Disabled, so no metric adds any; take it out, or schedule instances ahead", l.name, words)
		return
	}
	needed, reached := g.run()
	if !reached || needed.rounds == 1 && math.IsInf(factor, 1) {
		return // nothing holds it back
	}
	why, mend := "", ""
	if needed.rounds > 1 {
		why, mend = l.holdsBack(g, needed, most)
	}
	took, left := scale(Duration(needed.took), l.plan.Tempo).Std(), l.climb()
	text := fmt.Sprintf("%s needs %s to get %s%s: %s with a look each %s", l.name, plural(needed.rounds, "round"), words, why, round(took), round(scale(Duration(g.look), l.plan.Tempo).Std()))
	bad := left > 0 && took > left
	if bad {
		text += fmt.Sprintf("; the load is at its peak after %s; %s", round(left), cmp.Or(mend, "schedule instances ahead"))
	}
	l.remark("cycles", bad, "%s", text)
}

// holdsBack tells what makes an ascent take more than one round, and what would
// shorten it: whatever it would be done sooner without.
func (l *linter) holdsBack(g ascent, needed climb, most float64) (why, mend string) {
	metric, _ := g.withoutPolicies().run()
	policies, _ := g.withoutMetric().run()
	saturates := fmt.Sprintf(", because its metric shows at most %.0f%% and so grows by %.2gx a round", most*100, g.factor)
	switch byMetric, byPolicies := policies.took < needed.took, metric.took < needed.took; {
	case byPolicies && !byMetric:
		return ", because its scale-up policies allow no more, whatever its metrics ask for", "allow more in behavior.scaleUp.policies, or schedule instances ahead"
	case byPolicies, !byMetric && g.limits():
		return saturates + ", and its scale-up policies allow little more", "allow more in behavior.scaleUp.policies, and lower the target or scale on a metric that does not saturate"
	}
	return saturates, "lower the target, or scale on a metric that does not saturate"
}

// ascent is how the autoscaler gets from a number of instances to another.
func (l *linter) ascent(first, peak int, factor float64) ascent {
	g := ascent{first: first, peak: peak, factor: factor, look: max(l.scaler.Every.Std(), time.Millisecond)}
	if !math.IsInf(factor, 1) { // a saturated metric wants a reading that the new instances are in
		g.look = max(g.look, l.scaler.Resolution.Std())
	}
	switch h := l.scaler.HPA; {
	case h == nil:
	case h.Behavior == nil:
		g.classic = true
	default:
		up := manifest.ScaleUpRules(h.Behavior.ScaleUp)
		g.policies = up.Policies
		g.least = *up.SelectPolicy == autoscalingv2.MinChangePolicySelect
		g.disabled = *up.SelectPolicy == autoscalingv2.DisabledPolicySelect
	}
	return g
}
