package verify

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// unlimited says that no service has a limit that a use could be a share of; "" if one
// has.
func (h *history) unlimited(t thresholdRun) string {
	for _, name := range h.usageServices(t) {
		if h.limited(t, name) {
			return ""
		}
	}
	if t.Service != "" {
		return t.Service + " has no limit of " + t.name
	}
	return "no service has a limit of " + t.name
}

// usageServices are those that a threshold is about, in order of their names.
func (h *history) usageServices(t thresholdRun) []string {
	if t.Service != "" {
		return []string{t.Service}
	}
	return slices.Sorted(maps.Keys(h.plan.Services))
}

// limited tells whether instances of a service have a limit: the plan's, one that was
// read with their use, or one that they were given.
func (h *history) limited(t thresholdRun, service string) bool {
	limits := h.plan.Services[service].Limits
	if t.name == cpuShareMetric {
		return limits.CPUs > 0 || slices.ContainsFunc(h.scale.resized, func(r timed[journal.Resized]) bool {
			return r.body.Service == service && r.body.CPUs > 0
		})
	}
	return limits.Memory > 0 || slices.ContainsFunc(h.scale.usage, func(u timed[journal.Usage]) bool {
		return u.body.Service == service && u.body.Limit > 0
	})
}

// cpuLimit are the cores that an instance might use at a moment, 0 for no limit.
func (h *history) cpuLimit(service, instance string, at time.Duration) float64 {
	limit := float64(h.plan.Services[service].Limits.CPUs)
	for _, r := range h.scale.resized {
		if r.body.Instance == instance && r.body.Error == "" && r.at <= at && r.body.CPUs > 0 {
			limit = r.body.CPUs
		}
	}
	return limit
}

// gatherUsage reads the use of CPU or memory of each instance as a share of its limit.
func (h *history) gatherUsage(t thresholdRun, stretches []span) gathered {
	var g gathered
	for _, service := range h.usageServices(t) {
		if !h.limited(t, service) {
			g.remarks = append(g.remarks, Evidence{Text: "left out: " + service + " has no limit of " + t.name})
			continue
		}
		if len(h.instances) > 0 && len(h.of(service)) == 0 { // this platform has none, or the scenario wants none
			g.remarks = append(g.remarks, Evidence{Text: "left out: no instance of " + service + " was started"})
			continue
		}
		tracks := h.usageTracks(t, service, stretches)
		if len(tracks) == 0 {
			g.doubt = join(g.doubt, t.name+" of "+service+" was never read")
			continue
		}
		g.tracks = append(g.tracks, tracks...)
		for _, s := range stretches {
			if gap, is := mute(tracks, s, t.long); is {
				g.doubt = join(g.doubt, fmt.Sprintf("%s of %s was not read from %s to %s, so nobody knows what it was then", t.name, service, offset(gap.from), offset(gap.to)))
				break
			}
		}
	}
	if len(g.tracks) == 0 {
		g.why = g.doubt
	}
	return g
}

// usageTracks are one for each instance of a service.
func (h *history) usageTracks(t thresholdRun, service string, stretches []span) []track {
	byInstance := map[string][]timed[journal.Usage]{}
	for _, u := range h.scale.usage {
		if u.body.Service == service {
			byInstance[u.body.Instance] = append(byInstance[u.body.Instance], u)
		}
	}
	var tracks []track
	for _, name := range slices.Sorted(maps.Keys(byInstance)) {
		line := track{name: name, instance: name}
		if t.name == cpuShareMetric {
			line.marks = h.cpuMarks(service, byInstance[name])
		} else {
			line.marks = memoryMarks(byInstance[name], int64(h.plan.Services[service].Limits.Memory))
		}
		line.every = usualStep(line.marks)
		line.marks = slices.DeleteFunc(line.marks, func(m mark) bool { return m.length() > line.silence() || !amid(m.span, stretches) })
		if len(line.marks) > 0 {
			tracks = append(tracks, line)
		}
	}
	return tracks
}

// cpuMarks are the shares of the limit that were used from one reading to the next.
func (h *history) cpuMarks(service string, list []timed[journal.Usage]) []mark {
	var marks []mark
	for n := 1; n < len(list); n++ {
		before, u := list[n-1], list[n]
		limit := h.cpuLimit(service, u.body.Instance, u.at)
		if u.at <= before.at || u.body.CPU < before.body.CPU || limit <= 0 {
			continue
		}
		used := (u.body.CPU - before.body.CPU).Seconds() / (u.at - before.at).Seconds()
		marks = append(marks, mark{span{before.at, u.at}, used / limit})
	}
	return marks
}

// memoryMarks are shares of the limit that was read, or else of the plan's.
func memoryMarks(list []timed[journal.Usage], planned int64) []mark {
	var marks []mark
	for _, u := range list {
		limit := u.body.Limit
		if limit <= 0 {
			limit = planned
		}
		if limit > 0 {
			marks = append(marks, mark{span{u.at, u.at}, float64(u.body.Memory) / float64(limit)})
		}
	}
	return marks
}
