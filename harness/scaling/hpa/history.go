package hpa

import (
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

// Changes to a History go to copies of its lists: a caller may keep any of them.

// begun is the history at the beginning of an evaluation. The first takes the
// present number for a recommendation, so that a controller that starts does not
// remove anything within the window.
func (h History) begun(replicas int32, now time.Time) History {
	h.Known = true
	if len(h.Recommendations) == 0 {
		h.Recommendations = []Recommendation{{Replicas: replicas, At: now}}
	}
	return h
}

// recommended has one more recommendation, in the place of one that no window
// reaches, if there is one.
func (h History) recommended(one Recommendation, place int) History {
	h.Recommendations = placed(h.Recommendations, one, place)
	return h
}

// scaled has a change of replicas. Without a behavior there are no policies that
// would ask for it, only the moment is kept.
func (h History) scaled(behavior *autoscalingv2.HorizontalPodAutoscalerBehavior, change int32, now time.Time) History {
	h.LastScale = now
	switch {
	case behavior == nil:
	case change > 0:
		h.Up = remembered(h.Up, change, longest(*manifest.ScaleUpRules(behavior.ScaleUp)), now)
	default:
		h.Down = remembered(h.Down, -change, longest(*manifest.ScaleDownRules(behavior.ScaleDown)), now)
	}
	return h
}

// remembered has one more event, in the place of one that is older than any period.
func remembered(events []ScaleEvent, change int32, period time.Duration, now time.Time) []ScaleEvent {
	events = append(make([]ScaleEvent, 0, len(events)+1), events...)
	cutoff, place := now.Add(-period), -1
	for i := range events {
		if events[i].At.Before(cutoff) {
			events[i].Outdated = true
		}
		if events[i].Outdated {
			place = i
		}
	}
	one := ScaleEvent{Change: change, At: now}
	if place < 0 {
		return append(events, one)
	}
	events[place] = one
	return events
}

func longest(rules autoscalingv2.HPAScalingRules) time.Duration {
	var seconds int32
	for _, policy := range rules.Policies {
		seconds = max(seconds, policy.PeriodSeconds)
	}
	return time.Duration(seconds) * time.Second
}

// placed is a copy of a list with one more entry, at a place, or at its end.
func placed(list []Recommendation, one Recommendation, place int) []Recommendation {
	list = append(make([]Recommendation, 0, len(list)+1), list...)
	if place < 0 {
		return append(list, one)
	}
	list[place] = one
	return list
}
