package hpa_test

import (
	"reflect"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// quick scales at once, and looks back a minute for adding and two for removing.
var quick = autoscalingv2.HorizontalPodAutoscalerSpec{
	MaxReplicas: 100,
	Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{
		ScaleUp:   &rules{Policies: policies{podsIn(15, 50), podsIn(60, 60)}},
		ScaleDown: &rules{StabilizationWindowSeconds: new(int32(0)), Policies: policies{percentIn(120, 100)}},
	},
}

func TestHistory(t *testing.T) {
	history := hpa.Recommend(asking(quick, 5, 5, at(0), hpa.History{})).History
	want := hpa.History{Known: true, Recommendations: []hpa.Recommendation{{Replicas: 5, At: at(0)}, {Replicas: 5, At: at(0)}}}
	wantHistory(t, history, want)

	// both are older than any window: the last of them gives its place
	history = hpa.Recommend(asking(quick, 5, 9, at(15), history)).History
	want.Recommendations[1] = hpa.Recommendation{Replicas: 9, At: at(15)}
	want.Up, want.LastScale = []hpa.ScaleEvent{{Change: 4, At: at(15)}}, at(15)
	wantHistory(t, history, want)

	history = hpa.Recommend(asking(quick, 9, 3, at(30), history)).History
	want.Recommendations[1] = hpa.Recommendation{Replicas: 3, At: at(30)}
	want.Down, want.LastScale = []hpa.ScaleEvent{{Change: 6, At: at(30)}}, at(30)
	wantHistory(t, history, want)

	// an event as old as the longest period is kept, and an older one replaced
	history = hpa.Recommend(asking(quick, 3, 4, at(75), history)).History
	want.Recommendations[1] = hpa.Recommendation{Replicas: 4, At: at(75)}
	want.Up, want.LastScale = append(want.Up, hpa.ScaleEvent{Change: 1, At: at(75)}), at(75)
	wantHistory(t, history, want)
	history = hpa.Recommend(asking(quick, 4, 6, at(76), history)).History
	want.Recommendations[1] = hpa.Recommendation{Replicas: 6, At: at(76)}
	want.Up[0], want.LastScale = hpa.ScaleEvent{Change: 2, At: at(76)}, at(76)
	wantHistory(t, history, want)

	// of two outdated ones the last is replaced, the other is marked
	history = hpa.Recommend(asking(quick, 6, 9, at(200), history)).History
	want.Recommendations[1] = hpa.Recommendation{Replicas: 9, At: at(200)}
	want.Up[0].Outdated, want.Up[1], want.LastScale = true, hpa.ScaleEvent{Change: 3, At: at(200)}, at(200)
	wantHistory(t, history, want)

	// somebody else's change is none of it, one because of a limit is
	history = hpa.Recommend(asking(quick, 150, 9, at(215), history)).History
	want.Down[0], want.LastScale = hpa.ScaleEvent{Change: 50, At: at(215)}, at(215)
	wantHistory(t, history, want)
}

// wantHistory compares all but the conditions.
func wantHistory(t *testing.T, have, want hpa.History) {
	t.Helper()
	if !have.Known || !have.LastScale.Equal(want.LastScale) || !reflect.DeepEqual(have.Recommendations, want.Recommendations) ||
		!reflect.DeepEqual(have.Up, want.Up) || !reflect.DeepEqual(have.Down, want.Down) {
		t.Errorf("history\n%+v, want\n%+v", have, want)
	}
}

// Without a behavior there are no events, and recommendations stay for the whole
// window, its end included.
func TestHistoryWithoutBehavior(t *testing.T) {
	spec := autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 100}
	history := hpa.Recommend(asking(spec, 5, 7, at(0), hpa.History{})).History
	history = hpa.Recommend(asking(spec, 7, 7, at(300), history)).History
	if len(history.Recommendations) != 3 || history.Up != nil || !history.LastScale.Equal(at(0)) {
		t.Errorf("history %+v", history)
	}
	history = hpa.Recommend(asking(spec, 7, 7, at(301), history)).History
	if len(history.Recommendations) != 3 || !history.Recommendations[1].At.Equal(at(301)) {
		t.Errorf("history %+v", history)
	}
	history = hpa.Recommend(asking(spec, 7, 7, at(302), history)).History
	if len(history.Recommendations) != 3 || !history.Recommendations[0].At.Equal(at(302)) {
		t.Errorf("history %+v", history)
	}
}

// A decision that was not applied counts as a recommendation, not as a change.
func TestUnapplied(t *testing.T) {
	spec := quick
	spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &rules{Policies: policies{podsIn(60, 2)}}}
	events := hpa.History{
		Up:        []hpa.ScaleEvent{{Change: 1, At: at(-100)}},
		Down:      []hpa.ScaleEvent{{Change: 2, At: at(-200)}},
		LastScale: at(-100),
	}
	history := events
	for i := range 4 {
		before := history
		out := hpa.Recommend(asking(spec, 5, 9, at(15*i), before))
		if out.Desired != 7 || len(out.History.Up) != 1 || out.History.Up[0].Change != 2 {
			t.Fatalf("time %d: desired %d, want 7 (%+v)", i, out.Desired, out.History.Up)
		}
		history = out.History.Unapplied(before)
		if len(history.Recommendations) != 2+i {
			t.Fatalf("time %d: %+v", i, history)
		}
		events.Recommendations = history.Recommendations
		wantHistory(t, history, events)
	}
}

// Conditions stand until an evaluation says something else.
func TestConditionsStay(t *testing.T) {
	spec := autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 10}
	first := hpa.Recommend(asking(spec, 10, 20, at(0), hpa.History{}))
	wantCondition(t, first.Decision, "ScalingLimited", "True TooManyReplicas")

	in := asking(spec, 10, 20, at(15), first.History)
	in.Readings = nil
	second := hpa.Recommend(in)
	wantCondition(t, second.Decision, "AbleToScale", "True SucceededGetScale")
	wantCondition(t, second.Decision, "ScalingActive", "False FailedGetExternalMetric")
	wantCondition(t, second.Decision, "ScalingLimited", "True TooManyReplicas")
	if second.Decision.Message != "the HPA was unable to compute the replica count: unable to get external metric wanted: no metrics returned from external metrics API" {
		t.Errorf("message %q", second.Decision.Message)
	}

	third := hpa.Recommend(asking(spec, 0, 5, at(30), second.History))
	wantCondition(t, third.Decision, "ScalingActive", "False ScalingDisabled")
	wantCondition(t, third.Decision, "ScalingLimited", "True TooManyReplicas")

	kinds := ""
	for _, c := range hpa.Recommend(asking(spec, 5, 5, at(345), third.History)).Decision.Conditions {
		kinds += c.Type + " " + c.Status + " "
	}
	if kinds != "AbleToScale True ScalingActive True ScalingLimited False " {
		t.Errorf("conditions %s", kinds)
	}
	if fresh := hpa.Recommend(asking(spec, 20, 5, at(0), hpa.History{})).Decision.Conditions; len(fresh) != 1 {
		t.Errorf("conditions %+v", fresh)
	}
}
