package verify

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// overshoot is C5: there are never more instances, whether they take work yet or
// not, than the highest demand and so many beyond it. What a release has beyond
// its number does not count.
func (h *history) overshoot(c scenarios.ScalingCheck, d demand) Finding {
	f := scalingFinding(c.Service, "C5-overshoot", fmt.Sprintf("never more than %s beyond the highest demand", plural(*c.Overshoot, "instance")))
	if why := h.unprovisioned(c.Service, d, c.Phases); why != "" {
		return unknown(f, why)
	}
	members := h.members(c.Service)
	own := h.withoutReleases(c.Service, members)
	need, there := h.peak(d.needed, c.Phases), h.peak(own, c.Phases)
	over := max(0, there.N-need.N)
	f.Measured = fmt.Sprintf("%s beyond the highest demand: %s at most, %s needed at most", count(over), count(there.N), count(need.N))
	f.Evidence = []Evidence{
		{Text: "highest demand: " + d.words(need.At), From: need.At, To: need.At, Count: need.N},
		{Text: plural(there.N, "instance") + " at most", From: there.At, To: there.At, Count: there.N},
	}
	f.Evidence = append(f.Evidence, extraEvidence(h.extras(c.Service, members, own, h.phases(c.Phases)))...)
	if over > *c.Overshoot {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("there were %s at %s, %s more than were ever needed; the limit is %s", plural(there.N, "instance"), offset(there.At), count(over), count(*c.Overshoot))
	}
	return d.unlessBlind(f)
}

// peak is the highest level of some phases and when it was reached first.
func (h *history) peak(l levels, phases []string) level {
	highest := level{At: -1}
	for _, s := range h.phases(phases) {
		for _, at := range turnsOf(s, l) {
			if n := l.At(at); highest.At < 0 || n > highest.N {
				highest = level{at, n}
			}
		}
	}
	return level{max(highest.At, 0), highest.N}
}
