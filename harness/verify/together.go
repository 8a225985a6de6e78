package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// several is how many instances must have been in the endpoint list: that the
// only one of a service becomes unready says nothing about what they share.
const several = 2

// together is R5: at no moment are all instances of a service out of its
// endpoint list because they are unready: what they share, such as a dependency,
// must not take all of them away at once. A check that names the dependency wants
// to have seen it disturbed; without one there is only something to say when it
// happened: false otherwise.
func (h *history) together(c scenarios.ReadinessCheck) (Finding, bool) {
	f := readinessFinding(c.Service, "R5-together", "never all instances unready at once")
	outages := h.outages(c.Service)
	var total time.Duration
	turnedAway := 0
	for n, o := range outages {
		total, turnedAway = total+o.to-o.from, turnedAway+o.turnedAway
		if n < maxNamed {
			f.Reason = join(f.Reason, o.words())
			f.Evidence = append(f.Evidence, Evidence{Text: o.words(), From: o.from, To: o.to, Count: o.turnedAway})
		}
	}
	if n := len(outages); n > maxNamed {
		f.Reason = join(f.Reason, plural(n-maxNamed, "more time"))
	}
	seen := 0
	if c.Dependency != "" {
		f.Wanted += ", whatever becomes of " + c.Dependency
		for _, d := range h.disturbances(c.Dependency, h.patience(c.Service)) {
			e, ok := h.stayedReady(c.Service, d)
			if ok {
				seen++
			}
			if ok && seen <= maxNamed {
				f.Evidence = append(f.Evidence, e)
			}
		}
	}
	switch {
	case len(outages) > 0:
		f.Verdict = Fail
		f.Measured = fmt.Sprintf("all unready at once for %s, %s found no endpoint", offset(total), plural(turnedAway, "request"))
	case seen > 0:
		f.Measured = "never all at once, while " + c.Dependency + " was disturbed"
	default:
		f.Verdict, f.Measured = Inconclusive, "nothing disturbed "+c.Dependency
		f.Reason = fmt.Sprintf("%s was neither stopped nor replaced while %d instances of %s were ready under traffic and their probes had the time to notice, so nothing shows that they would have stayed so; let an action restart it, well before the end",
			c.Dependency, several, c.Service)
	}
	return f, len(outages) > 0 || c.Dependency != ""
}

// outage is a stretch in which all instances of a service were unready.
type outage struct {
	from, to   time.Duration
	instances  int // at its beginning
	turnedAway int
}

func (o outage) words() string {
	return fmt.Sprintf("all %d instances were unready at once from %s to %s (%s), when %s found no endpoint",
		o.instances, offset(o.from), offset(o.to), offset(o.to-o.from), plural(o.turnedAway, "request"))
}

// outages finds the stretches of traffic in which no instance of a service was
// in the endpoint list and several were out of it for being unready, but for those
// in which a fault was done to each of them.
func (h *history) outages(service string) []outage {
	var found []outage
	var open *outage
	standings(h.of(service), func(at time.Duration, number map[standing]int) {
		down := number[listed] == 0 && number[unready] >= several
		switch {
		case down && open == nil:
			open = &outage{from: at, instances: number[unready]}
		case !down && open != nil:
			open.to = at
			found = append(found, *open)
			open = nil
		}
	})
	if open != nil {
		open.to = h.window.to
		found = append(found, *open)
	}
	var during []outage
	for _, o := range found {
		o.from, o.to = max(o.from, h.window.from), min(o.to, h.window.to)
		if h.window.flowed && o.from < o.to && !h.allExcused(service, o.from) {
			o.turnedAway = h.foundNone(service, o.from, o.to)
			during = append(during, o)
		}
	}
	return during
}

// foundNone is how many requests between two moments found no instance of a
// service ready. Those beyond the gateway's cap are only counted by the second.
func (h *history) foundNone(service string, from, to time.Duration) int {
	single, counted := 0, 0
	for _, x := range h.turnedAway {
		if x.Service == service && x.Start >= from && x.Start <= to {
			single++
		}
	}
	for _, t := range h.unserved {
		if t.body.Service == service && t.at >= from && t.at-t.body.For <= to {
			counted += min(t.body.Suppressed, t.body.Failed[journal.NoEndpoint])
		}
	}
	return single + counted
}
