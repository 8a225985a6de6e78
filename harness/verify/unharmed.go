package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// unharmed is L2: no request to the service fails from the start of a release
// until the last instance that it replaced is gone, wherever it went.
func (h *history) unharmed(service string, releases []*rollout) Finding {
	f := releaseFinding(service, "L2-no-failures", "no request fails during a release")
	var all toll
	quiet, doubt, given := "", "", ""
	for _, r := range releases {
		t := h.tollOf(r)
		all.merge(t)
		f.Evidence = append(f.Evidence, t.evidence(r)...)
		switch {
		case t.failed() > 0:
			f.Verdict, f.Reason = Fail, join(f.Reason, r.about(releases, t.reason()))
		case t.total == 0:
			quiet = join(quiet, "no request reached "+service+" during "+r.detail)
		case t.total == t.given:
			given = join(given, "the clients gave up every request during "+r.detail+", so nobody knows how they would have ended")
		}
		if t.spoiled > 0 {
			doubt = join(doubt, fmt.Sprintf("%s failed during %s while fault %s lasted, so nobody knows whether they would have without it",
				plural(t.spoiled, "request"), r.detail, t.fault))
		}
		if t.maybe > 0 {
			doubt = join(doubt, fmt.Sprintf("%s that failed around the start or the end of %s were counted but not written down one by one, so nobody knows when that was",
				plural(t.maybe, "request"), r.detail))
		}
	}
	if len(releases) > 0 {
		f.Measured = all.measured()
	}
	if open := join(join(quiet, given), doubt); open != "" && f.Verdict != Fail {
		f.Verdict, f.Reason = Inconclusive, open
	}
	return f
}

// The parts of an instance's life that a failure is put down to.
const (
	inTermination  = "while it was terminating"
	inPreparation  = "before it was initialized"
	inService      = "while it served"
	withoutAnybody = "because no instance was ready"
)

// toll is what became of the requests during a release.
type toll struct {
	total   int // at least
	given   int // given up by the client
	maybe   int // failed around the edges, perhaps outside
	spoiled int // failed, but a fault may be the reason
	fault   string
	parts   []*tollPart
}

// tollPart is what failed on one instance in one part of its life.
type tollPart struct {
	instance, side, part string
	failed, fresh        int
	reused               int
	unseen               int // of failed: counted, not written down one by one
	kinds                map[journal.Failure]int
	requests             []exchange
	from, to             time.Duration
}

// tollOf collects the requests of a release, of every instance and of none.
func (h *history) tollOf(r *rollout) toll {
	var t toll
	for _, i := range slices.Concat(r.old, r.fresh) {
		t.take(r, i, func(x exchange) string {
			switch {
			case i.terminating != nil && x.end >= i.terminating.at:
				return inTermination
			case i.early(x.Start):
				return inPreparation
			}
			return inService
		})
	}
	t.take(r, h.nobody(r.service), func(exchange) string { return withoutAnybody })
	slices.SortStableFunc(t.parts, func(a, b *tollPart) int { return cmp.Compare(b.failed, a.failed) })
	return t
}

// nobody is what requests met that found no instance of a service ready.
func (h *history) nobody(service string) *instance {
	i := &instance{service: service}
	for _, x := range h.turnedAway {
		if x.Service == service {
			i.exchanges = append(i.exchanges, x)
		}
	}
	slices.SortStableFunc(i.exchanges, compareExchanges)
	for _, t := range h.unserved {
		if t.body.Service == service {
			i.tallies = append(i.tallies, t)
		}
	}
	return i
}

// take adds the requests of an instance. Those that were under way at the start
// or at the end of the release count: it may be what they failed for.
func (t *toll) take(r *rollout, i *instance, part func(exchange) string) {
	t.total += i.atLeast(r.start, r.until)
	for _, x := range i.exchanges {
		switch {
		case x.Start > r.until || x.end < r.start:
		case x.abandoned():
			t.given++
		case x.bad() && x.fault != "":
			t.spoiled, t.fault = t.spoiled+1, x.fault
		case x.bad():
			t.part(i, r, part(x)).add(x)
		}
	}
	for _, tally := range i.tallies {
		begin := tally.at - tally.body.For
		if tally.at < r.start || begin > r.until {
			continue
		}
		switch unseen := i.unseen(tally); {
		case unseen == 0:
		case begin >= r.start && tally.at <= r.until:
			p := t.part(i, r, part(exchange{Request: journal.Request{Start: begin}, end: tally.at}))
			p.failed, p.unseen = p.failed+unseen, p.unseen+unseen
			p.span(begin, tally.at)
		default:
			t.maybe += unseen
		}
	}
}

// atLeast is how many requests of an instance ended between two moments for
// certain.
func (i *instance) atLeast(from, to time.Duration) int {
	n := 0
	var whole []timed[journal.Tally]
	for _, t := range i.tallies {
		if t.at-t.body.For >= from && t.at <= to {
			n += t.body.Total
			whole = append(whole, t)
		}
	}
	for _, x := range i.exchanges {
		if x.Start <= to && x.end >= from && !slices.ContainsFunc(whole, func(t timed[journal.Tally]) bool { return counted(t, x) }) {
			n++
		}
	}
	return n
}

// counted tells whether an exchange is among those of a tally.
func counted(t timed[journal.Tally], x exchange) bool {
	return x.end > t.at-t.body.For && x.end <= t.at
}

// unseen is how many failures of a tally do not stand in the record one by one.
func (i *instance) unseen(t timed[journal.Tally]) int {
	n := 0
	for failure, counted := range t.body.Failed {
		if failure != journal.ClientGone {
			n += counted
		}
	}
	if n == 0 {
		return 0
	}
	for _, x := range i.exchanges {
		if x.bad() && counted(t, x) {
			n--
		}
	}
	return max(0, n)
}

func (t *toll) part(i *instance, r *rollout, name string) *tollPart {
	for _, p := range t.parts {
		if p.instance == i.name && p.part == name {
			return p
		}
	}
	p := &tollPart{instance: i.name, part: name, kinds: map[journal.Failure]int{}}
	if i.name != "" {
		p.side = r.side(i)
	}
	t.parts = append(t.parts, p)
	return p
}

func (p *tollPart) add(x exchange) {
	p.failed++
	p.kinds[x.Failure]++
	p.requests = append(p.requests, x)
	p.span(x.Start, x.end)
	switch {
	case x.Failure == journal.NoEndpoint:
	case x.Reused:
		p.reused++
	default:
		p.fresh++
	}
}

// span widens the time of the part.
func (p *tollPart) span(from, to time.Duration) {
	if p.from == 0 && p.to == 0 {
		p.from, p.to = from, to
	}
	p.from, p.to = min(p.from, from), max(p.to, to)
}

func (t *toll) merge(o toll) {
	t.total += o.total
	t.given += o.given
	t.maybe += o.maybe
	t.parts = append(t.parts, o.parts...)
}

func (t *toll) failed() int {
	n := 0
	for _, p := range t.parts {
		n += p.failed
	}
	return n
}

// measured is the table cell.
func (t *toll) measured() string {
	if t.total == 0 {
		return "no request during a release"
	}
	s := plural(t.total, "request") + ", none failed"
	if n := t.failed(); n > 0 {
		s = fmt.Sprintf("%s of %s failed", count(n), plural(max(t.total, n), "request")) + t.where()
	}
	if t.given > 0 {
		s += fmt.Sprintf("; %s given up by the client", count(t.given))
	}
	return s
}

// where says on what connections requests failed, and how many found no
// instance.
func (t *toll) where() string {
	fresh, reused, none := 0, 0, 0
	for _, p := range t.parts {
		fresh, reused = fresh+p.fresh, reused+p.reused
		if p.instance == "" {
			none += p.failed
		}
	}
	s := ""
	if fresh+reused > 0 {
		s = fmt.Sprintf(": %s on new, %s on reused connections", count(fresh), count(reused))
	}
	if none > 0 {
		s += ", " + count(none) + " for want of an instance"
	}
	return s
}

// reason says whose failures they were.
func (t *toll) reason() string {
	reason := ""
	for _, p := range t.parts {
		reason = join(reason, p.who()+p.sentence())
	}
	return reason
}

func (p *tollPart) who() string {
	if p.instance == "" {
		return ""
	}
	return p.instance + " (" + p.side + "): "
}

// sentence says how many failed, in which part of the instance's life, and how.
func (p *tollPart) sentence() string {
	s := plural(p.failed, "request") + " failed " + p.part
	how := kinds(p.kinds)
	if p.instance != "" && p.fresh+p.reused > 0 {
		how = fmt.Sprintf("%s on new, %s on reused connections; %s", count(p.fresh), count(p.reused), how)
	}
	if p.unseen > 0 {
		how = join(how, count(p.unseen)+" beyond the record's limit")
	}
	return s + " (" + how + ")"
}

// evidence tells of one release, part by part, and names the requests that
// were lost.
func (t *toll) evidence(r *rollout) []Evidence {
	text := r.detail + ": " + t.measured()
	list := []Evidence{{Text: text, From: r.start, To: r.until, Count: t.total}}
	for _, p := range t.parts {
		list = append(list, Evidence{Text: p.who() + p.sentence(), Instance: p.instance, From: p.from, To: p.to, Count: p.failed})
	}
	for _, p := range t.parts {
		for n, x := range p.requests {
			if n == maxNamed {
				list = append(list, Evidence{Text: plural(len(p.requests)-n, "more lost request"), Instance: p.instance, From: x.Start, To: p.to, Count: len(p.requests) - n})
				break
			}
			list = append(list, Evidence{Text: r.lost(x), Instance: p.instance, From: x.Start, To: x.end, Count: 1})
		}
	}
	return list
}

// lost identifies one request that failed.
func (r *rollout) lost(x exchange) string {
	if x.Failure != journal.NoEndpoint {
		return losses{instance: x.Instance, zero: r.start, event: "the start of the release"}.name(x)
	}
	s := "lost: " + x.Method + " " + x.Path
	if x.ID != "" {
		s += " (request " + x.ID + ")"
	}
	return s + ": " + string(x.Failure) + ", " + offset(x.end-r.start) + " after the start of the release"
}
