package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// labels is A3: of what fired for the cause in time at least one had all the labels
// that are wanted. Whoever is called by one of them needs no other.
func (a alarm) labels() Finding {
	f, is := a.unjudged(a.finding("A3-labels", "fires with "+labelled(a.Labels)))
	if is {
		return f
	}
	deadline := a.from + a.within
	var wrong []*episode
	for _, e := range a.fired {
		if e.over <= a.first {
			continue
		}
		if *e.fired > deadline {
			continue
		}
		if e.has(a.Labels) {
			f.Evidence = append(f.Evidence, e.evidence(a.until)...)
			f.Measured = "fired with " + labelled(e.labels)
			return f
		}
		wrong = append(wrong, e)
	}
	if len(wrong) == 0 {
		return unknown(f, "it did not fire in time, so nothing shows its labels")
	}
	if why := a.unseen(deadline); why != "" {
		return unknown(f, why)
	}
	for _, e := range wrong[:min(len(wrong), maxNamed)] {
		f.Evidence = append(f.Evidence, e.evidence(a.until)...)
	}
	f.Verdict, f.Measured = Fail, "fired with "+orNoLabels(labelled(wrong[0].labels))
	f.Reason = "none of " + seriesCount(len(wrong)) + " that fired has all of them: " + a.differences(wrong[0])
	if len(wrong) == 1 {
		f.Reason = "it fired without them: " + a.differences(wrong[0])
	}
	return f
}

func orNoLabels(labels string) string {
	if labels == "" {
		return "no labels"
	}
	return labels
}

// differences are the labels of an episode that are not as wanted.
func (a alarm) differences(e *episode) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		switch have, ok := e.labels[name]; {
		case !ok:
			parts = append(parts, fmt.Sprintf("%s is missing, wanted %q", name, a.Labels[name]))
		case have != a.Labels[name]:
			parts = append(parts, fmt.Sprintf("%s is %q, wanted %q", name, have, a.Labels[name]))
		}
	}
	return strings.Join(parts, ", ")
}
