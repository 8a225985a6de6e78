package verify

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// defaultReversals is how often the direction of scaling may turn where that of
// the load does not: the load falls, and so does, a little later, the number of
// instances.
const defaultReversals = 1

// reversals is the limit of C6; false where a service is scaled by the clock alone
// and the check does not ask for it.
func (h *history) reversals(c scenarios.ScalingCheck) (limit int, ok bool) {
	if c.Reversals != nil {
		return *c.Reversals, true
	}
	a := h.plan.Services[c.Service].Autoscale
	return defaultReversals, a != nil && a.Kind() != "schedule"
}

// thrash is C6: the direction of scaling turns only so often while the direction
// of the load does not. Jitter, (E_S - E_D)/T, is shown beside it: how many more
// changes of supply than of demand there were a minute (Herbst et al., "Ready for
// Rain?", arXiv 1604.03470; as in their tool BUNGEE); above 0 the scaler swings,
// below it does not follow.
func (h *history) thrash(c scenarios.ScalingCheck, d demand, decisions []decision, limit int) Finding {
	f := scalingFinding(c.Service, "C6-thrash", fmt.Sprintf("scaling turns at most %s while the load does not", times(limit)))
	if why := h.unlooked(c.Service, decisions); why != "" {
		return unknown(f, why)
	}
	during := h.phases(c.Phases)
	turns, changes := h.turnsOfScaling(decisions, during)
	most, total := 0, 0
	for _, s := range split(turns, d.turns()) {
		total += len(s)
		if len(s) > most {
			most, f.Evidence = len(s), turnEvidence(s)
		}
	}
	f.Measured = fmt.Sprintf("%s in all, %s at most while the load kept its direction; %s", plural(total, "turn"), count(most), h.jitter(d, changes, during))
	switch {
	case most > limit && d.load.why != "" && h.window.flowed:
		return unknown(f, fmt.Sprintf("scaling turned %s, but whether the load did is not known: %s", times(most), d.load.why))
	case most > limit:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("scaling of %s turned %s while the load kept its direction; the limit is %s: %s", c.Service, times(most), count(limit), texts(f.Evidence[:min(len(f.Evidence), maxTurns)]))
	}
	return unlessUnseen(f, made(decisions, during))
}

// maxTurns is how many turns a reason names.
const maxTurns = 4

// made are the decisions of some stretches.
func made(decisions []decision, during []span) []decision {
	return slices.DeleteFunc(slices.Clone(decisions), func(n decision) bool {
		return !slices.ContainsFunc(during, func(s span) bool { return n.at >= s.from && n.at < s.to })
	})
}

// turnsOfScaling are the decisions that were carried out in some stretches, and
// went the other way than the one before them; changes is how many were carried
// out.
func (h *history) turnsOfScaling(decisions []decision, during []span) (turns []decision, changes int) {
	direction := 0
	for _, n := range decisions {
		if !n.carried() {
			continue
		}
		way := 1
		if n.change() < 0 {
			way = -1
		}
		if slices.ContainsFunc(during, func(s span) bool { return n.at >= s.from && n.at < s.to }) {
			changes++
			if direction == -way {
				turns = append(turns, n)
			}
		}
		direction = way
	}
	return turns, changes
}

func turnEvidence(turns []decision) []Evidence {
	var list []Evidence
	for _, n := range turns {
		list = append(list, Evidence{Text: fmt.Sprintf("%s to %s at %s (decision %d, %s)", count(n.Current), count(n.Desired), offset(n.at), n.ID, n.Reason), From: n.at, To: n.at})
	}
	return list
}

// split parts decisions at moments.
func split(decisions []decision, at []time.Duration) [][]decision {
	parts := make([][]decision, len(at)+1)
	for _, n := range decisions {
		i := 0
		for i < len(at) && at[i] <= n.at {
			i++
		}
		parts[i] = append(parts[i], n)
	}
	return parts
}

// jitter is the table cell of the numbers of changes.
func (h *history) jitter(d demand, changes int, during []span) string {
	text := plural(changes, "change")
	minutes := length(during).Minutes()
	if d.why != "" || minutes == 0 {
		return text
	}
	asked, begin := 0, h.controlled().from
	for _, s := range during {
		for _, t := range turnsOf(s, d.asked) {
			if t > begin && d.asked.At(t) != d.asked.At(t-1) {
				asked++
			}
		}
	}
	return fmt.Sprintf("%s, %s of demand: jitter %+.3g a minute", text, count(asked), float64(changes-asked)/minutes)
}

// A change of load that is smaller than a tenth is none to an autoscaler, whose
// tolerance it is; one that is within three standard deviations of what comes at
// random is none at all.
const (
	tolerated  = 0.1
	deviations = 3
)

// turns are the moments at which the load took another direction than before.
func (l load) turns() []time.Duration {
	var list []time.Duration
	if len(l.blocks) == 0 {
		return nil
	}
	direction, low, high := 0, l.blocks[0].rate, l.blocks[0].rate
	for _, b := range l.blocks {
		low, high = min(low, b.rate), max(high, b.rate)
		switch {
		case direction != 1 && departs(low, b):
			direction = 1
		case direction != -1 && departs(high, b):
			direction = -1
		default:
			continue
		}
		list = append(list, b.from)
		low, high = b.rate, b.rate
	}
	return list
}

// departs tells whether the load of a block is another than an earlier one.
func departs(from float64, b block) bool {
	chance := deviations * math.Sqrt((from+b.rate)/b.length().Seconds())
	return math.Abs(b.rate-from) > max(tolerated*max(from, b.rate), chance)
}
