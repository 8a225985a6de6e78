package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// overshoot is C5: there are never more instances, whether they take work yet or
// not, than the highest demand and so many beyond it.
func (h *history) overshoot(c scenarios.ScalingCheck, d demand) Finding {
	f := scalingFinding(c.Service, "C5-overshoot", fmt.Sprintf("never more than %s beyond the highest demand", plural(*c.Overshoot, "instance")))
	_, why := h.provisionOf(c.Service, d, c.Phases)
	if why != "" {
		return unknown(f, why)
	}
	need, there := h.peak(d.needed, c.Phases), h.peak(h.members(c.Service), c.Phases)
	over := max(0, there.n-need.n)
	f.Measured = fmt.Sprintf("%s beyond the highest demand: %s at most, %s needed at most", count(over), count(there.n), count(need.n))
	f.Evidence = []Evidence{
		{Text: "highest demand: " + d.words(need.at), From: need.at, To: need.at, Count: need.n},
		{Text: plural(there.n, "instance") + " at most", From: there.at, To: there.at, Count: there.n},
	}
	if over > *c.Overshoot {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("there were %s at %s, %s more than were ever needed; the limit is %s", plural(there.n, "instance"), offset(there.at), count(over), count(*c.Overshoot))
	}
	return d.unlessBlind(f)
}

// peak is the highest level of some phases and when it was reached first.
func (h *history) peak(l levels, phases []string) level {
	highest := level{at: -1}
	for _, s := range h.phases(phases) {
		for _, at := range turnsOf(s, l) {
			if n := l.at(at); highest.at < 0 || n > highest.n {
				highest = level{at, n}
			}
		}
	}
	return level{max(highest.at, time.Duration(0)), highest.n}
}
