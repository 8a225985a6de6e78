package verify

import (
	"fmt"
	"slices"
	"time"
)

// extra is what a release had of a service beyond its number of instances for a
// while: a rolling one its surge, a blue-green one the other colour.
type extra struct {
	span
	detail string // of the release
	most   int
	spent  time.Duration // all of them added up
}

// withoutReleases takes off a number of instances what releases had beyond it.
// Nobody's autoscaler asked for those, and they are gone when the release is over:
// they are no over-provisioning. During a release there counts what there was when
// it began, or what the autoscaler has asked for since if that is more.
func (h *history) withoutReleases(service string, there levels) levels {
	var own levels
	set, releases := h.setBy(service), h.releases(service)
	for _, at := range h.momentsOf(releases, there, set) {
		n := there.At(at)
		if i := slices.IndexFunc(releases, func(r *rollout) bool { return r.start <= at && at < r.until }); i >= 0 {
			n = min(n, max(there.At(releases[i].start-1), set.At(at)))
		}
		own = own.Set(at, n)
	}
	return own
}

// momentsOf are those at which levels or releases turn, in order.
func (h *history) momentsOf(releases []*rollout, all ...levels) []time.Duration {
	var list []time.Duration
	for _, l := range all {
		for _, v := range l {
			list = append(list, v.At)
		}
	}
	for _, r := range releases {
		list = append(list, r.start, r.until)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// setBy is how many instances the decisions that were carried out asked for.
func (h *history) setBy(service string) levels {
	var set levels
	for _, n := range h.decisionsOf(service) {
		if n.carried() {
			set = set.Set(n.at, n.Desired)
		}
	}
	return set
}

// extras are what releases had beyond a number of instances, in some stretches.
func (h *history) extras(service string, there, own levels, during []span) []extra {
	var list []extra
	for _, r := range h.releases(service) {
		e := extra{detail: r.detail}
		for _, s := range during {
			s = span{max(s.from, r.start), min(s.to, r.until)}
			for _, p := range provisionOf(own, there, []span{s}) {
				n := p.tooMany()
				if n == 0 || p.length() == 0 {
					continue
				}
				if e.most == 0 {
					e.from = p.from
				}
				e.to, e.most = p.to, max(e.most, n)
				e.spent += time.Duration(n) * p.length()
			}
		}
		if e.most > 0 {
			list = append(list, e)
		}
	}
	return list
}

func (e extra) evidence() Evidence {
	return Evidence{Text: fmt.Sprintf("not counted: up to %s more for %s, of the %s", count(e.most), offset(e.length()), e.detail), From: e.from, To: e.to, Count: e.most}
}

func extraEvidence(list []extra) []Evidence {
	var all []Evidence
	for _, e := range list {
		all = append(all, e.evidence())
	}
	return all
}
