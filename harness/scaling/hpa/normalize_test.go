package hpa_test

import (
	"fmt"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// A step is an evaluation in a series: at a second metrics ask for a number, and
// this comes of it.
type step struct{ at, wanted, desired int }

// follow evaluates one after the other; what is desired is applied.
func follow(t *testing.T, spec autoscalingv2.HorizontalPodAutoscalerSpec, replicas int, steps ...step) hpa.Output {
	t.Helper()
	var out hpa.Output
	for _, s := range steps {
		out = hpa.Recommend(asking(spec, int32(replicas), int32(s.wanted), at(s.at), out.History))
		if int(out.Desired) != s.desired || out.Decision.Wanted != s.wanted || out.Decision.Desired != s.desired {
			t.Fatalf("at %d s: from %d, wanted %d: desired %d (%s: %s), want %d",
				s.at, replicas, s.wanted, out.Desired, out.Decision.Reason, out.Decision.Message, s.desired)
		}
		replicas = s.desired
	}
	return out
}

func TestWithoutBehavior(t *testing.T) {
	for name, c := range map[string]struct {
		min, max, replicas int
		steps              []step
		able, limited      string
		reason, message    string
	}{
		"as asked": {1, 100, 5, []step{{0, 8, 8}},
			"True SucceededRescale", "False DesiredWithinRange", "SucceededRescale", "external metric wanted(nil) above target"},
		"four at least": {1, 100, 1, []step{{0, 9, 4}},
			"True SucceededRescale", "True ScaleUpLimit", "SucceededRescale", "external metric wanted(nil) above target"},
		"double": {1, 100, 3, []step{{0, 9, 6}},
			"True SucceededRescale", "True ScaleUpLimit", "SucceededRescale", "external metric wanted(nil) above target"},
		"double again": {1, 100, 3, []step{{0, 99, 6}, {15, 99, 12}, {30, 99, 24}, {45, 99, 48}, {60, 99, 96}, {75, 99, 99}},
			"True SucceededRescale", "False DesiredWithinRange", "SucceededRescale", "external metric wanted(nil) above target"},
		"the maximum": {1, 5, 3, []step{{0, 9, 5}},
			"True SucceededRescale", "True TooManyReplicas", "SucceededRescale", "external metric wanted(nil) above target"},
		"double is the maximum": {1, 6, 3, []step{{0, 9, 6}},
			"True SucceededRescale", "True TooManyReplicas", "SucceededRescale", "external metric wanted(nil) above target"},
		"at the maximum": {1, 5, 5, []step{{0, 9, 5}},
			"True ReadyForNewScale", "True TooManyReplicas", "TooManyReplicas", "the desired replica count is more than the maximum replica count"},
		"at the minimum": {3, 5, 3, []step{{0, 1, 3}},
			"True ScaleDownStabilized", "False DesiredWithinRange", "ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent recommendation"},
		"at the minimum, long after": {3, 5, 3, []step{{0, 1, 3}, {301, 1, 3}},
			"True ReadyForNewScale", "True TooFewReplicas", "TooFewReplicas", "the desired replica count is less than the minimum replica count"},
		"content": {1, 5, 3, []step{{0, 3, 3}},
			"True ReadyForNewScale", "False DesiredWithinRange", "DesiredWithinRange", "the desired count is within the acceptable range"},
		"a controller that starts removes nothing": {1, 10, 8, []step{{0, 2, 8}, {300, 2, 8}, {301, 2, 2}},
			"True SucceededRescale", "False DesiredWithinRange", "SucceededRescale", "All metrics below target"},
		"down when the last high one is older than the window": {1, 20, 5, []step{{0, 9, 9}, {10, 3, 9}, {300, 3, 9}, {301, 3, 3}},
			"True SucceededRescale", "False DesiredWithinRange", "SucceededRescale", "All metrics below target"},
		"down to the highest of the window": {1, 20, 5, []step{{0, 9, 9}, {10, 7, 9}, {20, 4, 9}, {305, 4, 7}},
			"True SucceededRescale", "False DesiredWithinRange", "SucceededRescale", "All metrics below target"},
		"down as far as it likes": {1, 100, 90, []step{{0, 1, 90}, {301, 1, 1}},
			"True SucceededRescale", "False DesiredWithinRange", "SucceededRescale", "All metrics below target"},
		"up to what was asked for, though no more": {1, 20, 3, []step{{0, 9, 6}, {15, 6, 9}},
			"True SucceededRescale", "False DesiredWithinRange", "SucceededRescale", "recent recommendations were higher than current one, applying the highest recent recommendation"},
		"up though less is asked for": {1, 20, 3, []step{{0, 9, 6}, {15, 2, 9}},
			"True SucceededRescale", "False DesiredWithinRange", "SucceededRescale", "All metrics below target"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: new(int32(c.min)), MaxReplicas: int32(c.max)}
			d := follow(t, spec, c.replicas, c.steps...).Decision
			wantCondition(t, d, "AbleToScale", c.able)
			wantCondition(t, d, "ScalingLimited", c.limited)
			wantCondition(t, d, "ScalingActive", "True ValidMetricFound")
			if d.Reason != c.reason || d.Message != c.message {
				t.Errorf("%s: %q, want %s: %q", d.Reason, d.Message, c.reason, c.message)
			}
		})
	}
}

// The window of the controller may be another one.
func TestStabilizationOfTheController(t *testing.T) {
	for _, behavior := range []*autoscalingv2.HorizontalPodAutoscalerBehavior{nil, {}} {
		spec := autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 10, Behavior: behavior}
		first := asking(spec, 8, 2, at(0), hpa.History{})
		first.Config.DownscaleStabilization = 60*time.Second + time.Millisecond
		after := hpa.Recommend(first)
		second := asking(spec, 8, 2, at(61), after.History)
		second.Config = first.Config
		if out := hpa.Recommend(second); after.Desired != 8 || out.Desired != 2 {
			t.Errorf("desired %d, then %d", after.Desired, out.Desired)
		}
	}
}

// Limits that the present number is outside of are enforced at once, without
// metrics, windows and policies.
func TestOutsideTheLimits(t *testing.T) {
	slow := &autoscalingv2.HPAScalingRules{
		StabilizationWindowSeconds: new(int32(3600)),
		Policies:                   []autoscalingv2.HPAScalingPolicy{{Type: autoscalingv2.PodsScalingPolicy, Value: 1, PeriodSeconds: 1800}},
	}
	for name, c := range map[string]struct {
		replicas, desired int32
		active            string
		reason, message   string
	}{
		"none":            {0, 0, "False ScalingDisabled", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero"},
		"above":           {50, 10, "", "SucceededRescale", "Current number of replicas above Spec.MaxReplicas"},
		"below":           {1, 4, "", "SucceededRescale", "Current number of replicas below Spec.MinReplicas"},
		"at the maximum":  {10, 10, "True ValidMetricFound", "ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent recommendation"},
		"at the minimum":  {4, 5, "True ValidMetricFound", "SucceededRescale", "external metric wanted(nil) above target"},
		"within, no need": {7, 7, "True ValidMetricFound", "DesiredWithinRange", "the desired count is within the acceptable range"},
	} {
		for _, behavior := range []*autoscalingv2.HorizontalPodAutoscalerBehavior{nil, {ScaleDown: slow}} {
			t.Run(fmt.Sprintf("%s, behavior %v", name, behavior != nil), func(t *testing.T) {
				spec := autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: new(int32(4)), MaxReplicas: 10, Behavior: behavior}
				wanted := map[int32]int32{10: 5, 4: 5, 7: 7}[c.replicas]
				out := hpa.Recommend(asking(spec, c.replicas, wanted, now, hpa.History{}))
				d := out.Decision
				if out.Desired != c.desired || d.Reason != c.reason || d.Message != c.message || d.Current != int(c.replicas) {
					t.Errorf("desired %d, %s: %s; want %d, %s: %s", out.Desired, d.Reason, d.Message, c.desired, c.reason, c.message)
				}
				wantCondition(t, d, "ScalingActive", c.active)
				if c.active == "" && (len(d.Metrics) != 0 || d.Wanted != int(c.desired) || len(out.History.Recommendations) != 1) {
					t.Errorf("metrics were asked: %+v", d)
				}
			})
		}
	}
}
