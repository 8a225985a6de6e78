package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// release judges every release of a service that began under traffic: L1 it
// went through, L2 no request failed, L3 enough instances were there at every
// moment, L4 the versions served as its strategy says, L5 its job ran once.
func (h *history) release(c scenarios.ReleaseCheck) []Finding {
	releases := h.releases(c.Service)
	findings := []Finding{
		h.settled(h.completed(c.Service, releases)),
		h.settled(h.unharmed(c.Service, releases)),
		h.settled(h.capacity(c, releases)),
		h.settled(h.versions(c.Service, releases)),
	}
	if c.Job != nil {
		findings = append(findings, h.settled(h.jobOnce(c)))
	}
	for i := range findings {
		switch f := &findings[i]; {
		case f.Verdict == Fail:
		case len(releases) == 0:
			f.Verdict = Inconclusive
			f.Measured = cmp.Or(f.Measured, "no release")
			f.Reason = join(h.window.cut, "no release of "+c.Service+" came about while traffic flowed")
		case f.Verdict == Pass && !slices.ContainsFunc(releases, (*rollout).began):
			f.Verdict, f.Reason = Inconclusive, "no instance was started for any release of "+c.Service
		}
	}
	return findings
}

func releaseFinding(service, rule, wanted string) Finding {
	return Finding{ID: "release/" + service + "/" + rule, Kind: "release", Service: service, Verdict: Pass, Wanted: wanted}
}

// rollout is one release in the record.
type rollout struct {
	service  string
	detail   string // in words: "rolling release of api: v1 to v2"
	strategy string
	from, to string // versions
	floor    int    // what the strategy promises
	start    time.Duration
	ended    *timed[journal.ActionEnded]
	// until is when the last instance that it replaced was gone, or its end if
	// that came later. Traffic flowed in its wake up to after: the next release,
	// or the end of traffic.
	until, after time.Duration

	old, fresh []*instance // as instances of the service came before it or by it
}

// releases lists those of a service that began under traffic, in that order.
func (h *history) releases(service string) []*rollout {
	var list []*rollout
	taken := map[int]bool{}
	for _, a := range h.actionsStarted {
		b := a.body
		if b.Service != service || !isRelease(b.Action) || !h.window.holds(a.at) {
			continue
		}
		r := &rollout{service: service, detail: cmp.Or(b.Detail, b.Action+" of "+service), strategy: b.Action, floor: b.Floor, start: a.at}
		r.from = cmp.Or(b.From, firstVersion)
		r.to = cmp.Or(b.Version, r.from)
		for n, e := range h.actionsEnded {
			if !taken[n] && e.at >= a.at && e.body.Service == service && e.body.Action == b.Action && e.body.Detail == b.Detail {
				taken[n], r.ended = true, &h.actionsEnded[n]
				break
			}
		}
		if n := len(list); n > 0 {
			list[n-1].after = a.at
		}
		r.after = h.window.to
		list = append(list, r)
	}
	for _, r := range list {
		r.sort(h)
	}
	return list
}

// isRelease tells whether an action of that kind replaces instances by those
// of another version, or of the same.
func isRelease(action string) bool {
	return action == scenarios.RollingStrategy || action == scenarios.BlueGreenStrategy || action == scenarios.ReplaceStrategy
}

// firstVersion is what a run begins with.
const firstVersion = "v1"

// sort tells the instances that the release brought from those that it was to
// replace, and finds when the last of these was gone.
func (r *rollout) sort(h *history) {
	r.until = h.window.over
	if r.ended != nil {
		r.until = r.ended.at
	}
	end := r.until
	for _, i := range h.of(r.service) {
		if i.job {
			continue
		}
		if r.brought(i) {
			r.fresh = append(r.fresh, i)
			continue
		}
		r.old = append(r.old, i)
		if t := i.terminating; t != nil && i.exited != nil && t.at >= r.start && t.at <= end && i.exited.at <= h.window.over {
			r.until = max(r.until, i.exited.at)
		}
	}
}

// brought tells whether an instance came by the release. Where the version
// stays the same it is its start that tells.
func (r *rollout) brought(i *instance) bool {
	if r.from != r.to {
		return cmp.Or(i.version, firstVersion) == r.to
	}
	return i.started != nil && *i.started >= r.start
}

// failed is the error that the release ended with, "" without one.
func (r *rollout) failed() string {
	if r.ended == nil {
		return ""
	}
	return r.ended.body.Error
}

// done tells whether it came to its end without an error.
func (r *rollout) done() bool { return r.ended != nil && r.failed() == "" }

// began tells whether any instance was started for it.
func (r *rollout) began() bool {
	for _, i := range r.fresh {
		if i.started != nil && *i.started >= r.start && *i.started <= r.until {
			return true
		}
	}
	return false
}

// side names the version of an instance, or which of two of the same version
// it is.
func (r *rollout) side(i *instance) string {
	switch {
	case r.from != r.to:
		return cmp.Or(i.version, firstVersion)
	case r.brought(i):
		return "new"
	}
	return "old"
}

// named is an instance with its side.
func (r *rollout) named(i *instance) string { return i.name + " (" + r.side(i) + ")" }

// before and behind name what is replaced and what comes, in words.
func (r *rollout) before() string {
	if r.from != r.to {
		return r.from
	}
	return "the old instances"
}

func (r *rollout) behind() string {
	if r.from != r.to {
		return r.to
	}
	return "the new instances"
}

// about puts the release before a remark where there are several.
func (r *rollout) about(all []*rollout, remark string) string {
	if len(all) < 2 {
		return remark
	}
	return r.detail + ": " + remark
}

// completed is L1: every release came to its end.
func (h *history) completed(service string, releases []*rollout) Finding {
	f := releaseFinding(service, "L1-completed", "every release goes through")
	through, slowest := 0, time.Duration(0)
	for _, r := range releases {
		v, remark, e := h.outcome(r)
		f.Evidence = append(f.Evidence, e...)
		if v == Pass {
			through, slowest = through+1, max(slowest, r.ended.at-r.start)
			continue
		}
		f.Verdict = worse(f.Verdict, v)
		f.Reason = join(f.Reason, r.detail+": "+remark)
	}
	if len(releases) > 0 {
		f.Measured = fmt.Sprintf("%s of %s went through", count(through), count(len(releases)))
		if through == len(releases) {
			f.Measured += ", in " + offset(slowest)
			if through > 1 {
				f.Measured += " at most"
			}
		}
	}
	return f
}

// outcome says how one release ended.
func (h *history) outcome(r *rollout) (Verdict, string, []Evidence) {
	v, remark, from := Pass, "", r.start
	full := ""
	switch {
	case r.ended == nil && h.window.cut != "":
		v, remark = Inconclusive, "it was under way when the record ends"
	case r.ended == nil:
		v, remark = Fail, "it was still under way when the run ended"
	case r.failed() != "" && h.window.cut != "" && strings.Contains(r.failed(), "context canceled"):
		v, remark = Inconclusive, "it was broken off with the run"
	case r.failed() != "":
		text := without(r.detail, r.failed())
		v, remark, full = Fail, firstLine(text), capped(text)
	case !r.began():
		v, remark = Inconclusive, "no instance was started for it"
	default:
		return v, "", []Evidence{{Text: r.detail + ": went through in " + offset(r.ended.at-r.start), From: from, To: r.ended.at}}
	}
	return v, remark, []Evidence{{Text: r.detail + ": " + cmp.Or(full, remark), From: from, To: r.until}}
}

// worse is the verdict that outweighs the other.
func worse(a, b Verdict) Verdict { return Combine([]Finding{{Verdict: a}, {Verdict: b}}) }
