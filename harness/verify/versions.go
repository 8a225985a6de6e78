package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// versions is L4: old and new instances serve as the strategy of a release
// says, each in its time.
func (h *history) versions(service string, releases []*rollout) Finding {
	f := releaseFinding(service, "L4-versions", wantedVersions(releases))
	open := ""
	for _, r := range releases {
		s := h.succession(r)
		f.Measured = join(f.Measured, r.about(releases, s.measured))
		f.Evidence = append(f.Evidence, Evidence{Text: r.detail + ": " + s.measured, From: r.start, To: r.until})
		f.Evidence = append(f.Evidence, s.evidence...)
		if s.wrong != "" {
			f.Verdict, f.Reason = Fail, join(f.Reason, r.about(releases, s.wrong))
		}
		if s.unproven != "" {
			open = join(open, r.about(releases, s.unproven))
		}
	}
	if open != "" && f.Verdict != Fail {
		f.Verdict, f.Reason = Inconclusive, open
	}
	return f
}

// wantedVersions is what the strategies of the releases promise.
func wantedVersions(releases []*rollout) string {
	wanted, seen := "", map[string]bool{}
	for _, r := range releases {
		if !seen[r.strategy] {
			seen[r.strategy] = true
			wanted = join(wanted, promises[r.strategy])
		}
	}
	if wanted == "" {
		return "old and new version serve as the release declares"
	}
	return wanted
}

var promises = map[string]string{
	scenarios.RollingStrategy:   "both versions serve during the release, only the new one afterwards",
	scenarios.BlueGreenStrategy: "only the old version serves before the switch, only the new one afterwards",
	scenarios.ReplaceStrategy:   "only new instances serve after the release",
}

// succession is who served when in a release.
type succession struct {
	measured string
	wrong    string // what must not be
	unproven string // what there was no request to show
	evidence []Evidence
}

// served is what became of the requests of some instances in a stretch of time.
type served struct{ total, good int }

// succession judges one release by its strategy.
func (h *history) succession(r *rollout) succession {
	var s succession
	if r.strategy == scenarios.BlueGreenStrategy {
		h.switched(r, &s)
	} else {
		h.replaced(r, &s)
	}
	if !r.done() {
		s.unproven = "the release did not come to its end, so nothing shows who would have served then"
	}
	return s
}

// replaced judges a release in which instances give way one after another, or
// all at once.
func (h *history) replaced(r *rollout, s *succession) {
	before, during, after := servedBy(r.old, r.start, r.until), servedBy(r.fresh, r.start, r.until), servedBy(r.fresh, r.until, r.after)
	s.measured = fmt.Sprintf("during the release %s answered %s, %s %s; afterwards %s %s",
		r.before(), requests(before.good), r.behind(), count(during.good), r.behind(), count(after.good))
	for _, i := range r.old {
		if r.done() { // one that stopped half-way leaves the old ones where they are
			h.overstays(r, i, r.until, "after the release", s)
		}
	}
	if r.strategy == scenarios.RollingStrategy {
		s.expect(before, r.before(), "during the release")
		s.expect(during, r.behind(), "during the release")
	}
	s.expect(after, r.behind(), "after the release")
}

// switched judges a release in which all traffic goes over in one moment.
func (h *history) switched(r *rollout, s *succession) {
	at, ok := r.switchedAt()
	if !ok {
		s.measured = "no switch"
		s.unproven = "no instance of " + r.behind() + " came into the endpoint list, so nothing was switched over"
		for _, i := range r.fresh {
			h.tooSoon(r, i, s)
		}
		return
	}
	before, after := servedBy(r.old, h.window.from, at), servedBy(r.fresh, at, r.after)
	s.measured = fmt.Sprintf("before the switch at %s %s answered %s, afterwards %s %s",
		offset(at), r.before(), requests(before.good), r.behind(), count(after.good))
	s.evidence = append(s.evidence, Evidence{Text: "traffic switched over to " + r.behind(), From: at, To: at})
	lag := h.longestLag(r.service)
	for _, i := range r.old {
		h.overstays(r, i, i.outBy(at, 2*lag), "after the switch", s)
	}
	for _, i := range r.fresh {
		h.tooSoon(r, i, s)
	}
	s.expect(before, r.before(), "before the switch")
	s.expect(after, r.behind(), "after the switch")
}

// switchedAt is when the first of the new instances came into the endpoint list.
func (r *rollout) switchedAt() (at time.Duration, ok bool) {
	for _, i := range r.fresh {
		for _, a := range i.added {
			if a.at >= r.start && a.at <= r.until && (!ok || a.at < at) {
				at, ok = a.at, true
			}
		}
	}
	return at, ok
}

// longestLag is the longest that the endpoint list of a service takes to drop an
// instance, as far as plan and record tell.
func (h *history) longestLag(service string) time.Duration {
	var lag time.Duration
	if planned := h.plan.Services[service].Drain.EndpointLag; planned != nil {
		lag = planned.Std()
	}
	for _, i := range h.of(service) {
		if i.terminating != nil {
			lag = max(lag, i.terminating.body.Lag)
		}
	}
	return lag
}

// outBy is when an old instance had to be without traffic: when the switch took
// it from the list, or when it left for another reason before that or while the
// switch took effect. One that stayed should have gone with the switch.
func (i *instance) outBy(at, lag time.Duration) time.Duration {
	for _, r := range i.removed {
		switch reason := r.body.Reason; {
		case reason == "switched" && r.at >= at, reason != "unready" && r.at >= at && r.at-at <= lag:
			return r.at
		}
	}
	return at
}

// expect wants answers from a side of the release. Where requests came and none
// was answered the side did not serve; without any nobody knows.
func (s *succession) expect(have served, who, when string) {
	switch {
	case have.good > 0:
	case have.total > 0:
		s.wrong = join(s.wrong, fmt.Sprintf("%s answered none of %s %s", who, requests(have.total), when))
	default:
		s.unproven = join(s.unproven, fmt.Sprintf("no request reached %s %s, so nothing shows that it served", who, when))
	}
}

// overstays tells of requests that went to an old instance when its time was
// over.
func (h *history) overstays(r *rollout, i *instance, from time.Duration, when string, s *succession) {
	n, first, last := i.routed(from, r.after, h.plan.Services[r.service].Balance == "connection")
	if n == 0 {
		return
	}
	text := fmt.Sprintf("at least %s went to it, the first %s %s", plural(n, "request"), offset(max(0, first-from)), when)
	s.wrong = join(s.wrong, r.named(i)+": "+text)
	s.evidence = append(s.evidence, Evidence{Text: r.named(i) + ": " + text, Instance: i.name, From: first, To: last, Count: n})
}

// tooSoon tells of requests that went to a new instance before it was in the
// endpoint list.
func (h *history) tooSoon(r *rollout, i *instance, s *succession) {
	listed := r.until
	if len(i.added) > 0 {
		listed = i.added[0].at
	}
	n, first := 0, listed
	for _, x := range i.exchanges {
		if x.Start < listed {
			n, first = n+1, min(first, x.Start)
		}
	}
	sum := 0
	for _, t := range i.tallies {
		if t.at < listed && t.body.Total > 0 {
			sum, first = sum+t.body.Total, min(first, t.at-t.body.For)
		}
	}
	if n = max(n, sum); n == 0 {
		return
	}
	text := fmt.Sprintf("%s went to it before the switch", plural(n, "request"))
	s.wrong = join(s.wrong, r.named(i)+": "+text)
	s.evidence = append(s.evidence, Evidence{Text: r.named(i) + ": " + text, Instance: i.name, From: first, To: listed, Count: n})
}

// routed is how many requests went to an instance between two moments, as far
// as the record proves it: those that stand in it one by one, or what the
// tallies count beyond those that were under way at the first moment. Where
// client connections stay with their instance only new connections count.
func (i *instance) routed(from, to time.Duration, pinned bool) (n int, first, last time.Duration) {
	for _, x := range i.exchanges {
		if x.Start <= from || x.Start > to || pinned && x.Reused && !x.bad() {
			continue
		}
		if n == 0 {
			first, last = x.Start, x.Start
		}
		n, first, last = n+1, min(first, x.Start), max(last, x.Start)
	}
	sum, open := 0, 0
	var begin, end time.Duration
	for _, t := range i.tallies {
		b := t.body
		if t.at <= from { // what was under way then may end later
			open = b.InFlight
			continue
		}
		if t.at-b.For < from { // the tally of the moment itself: what it counts may be older
			open = b.InFlight
			continue
		}
		if t.at > to {
			break
		}
		if sum == 0 {
			begin = t.at - b.For
		}
		end = t.at
		if pinned {
			sum += b.New
		} else {
			sum += b.Total
		}
	}
	if sum-open > n {
		return sum - open, begin, end
	}
	return n, first, last
}

// servedBy sums the requests of instances that ended between two moments for
// certain, without those that the client gave up: nobody knows about them.
func servedBy(instances []*instance, from, to time.Duration) served {
	var s served
	for _, i := range instances {
		var whole []timed[journal.Tally]
		for _, t := range i.tallies {
			if t.at-t.body.For < from || t.at > to {
				continue
			}
			failed := 0
			for _, n := range t.body.Failed {
				failed += n
			}
			s.total += t.body.Total - t.body.Failed[journal.ClientGone]
			s.good += max(0, t.body.Total-failed)
			whole = append(whole, t)
		}
		for _, x := range i.exchanges {
			if x.Start < from || x.end > to || slices.ContainsFunc(whole, func(t timed[journal.Tally]) bool { return counted(t, x) }) {
				continue
			}
			if x.Failure == journal.NoFailure {
				s.good++
			}
			if !x.abandoned() {
				s.total++
			}
		}
	}
	return s
}

// requests is a number of them.
func requests(n int) string { return plural(n, "request") }
