package verify

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// provision is what was needed, d(t), beside what there was, s(t), in stretches in
// which neither changes. Both are step functions, so that areas are exact.
//
// The measures of elasticity are those of Herbst, Krebs, Oechsner, Kousiouris,
// Evangelinou, Iosup and Kounev, "Ready for Rain?" (SPEC RG Cloud, 2016, arXiv
// 1604.03470), normalized by demand as in Bauer, Herbst, Spinner, Ali-Eldin and
// Kounev, "Chameleon" (IEEE TPDS, 2018), as quoted by Imdoukh, Ahmad and
// Alfailakawi (2019, doi 10.1007/s00521-019-04507-z). They are not defined where
// nothing is needed: what is there then counts in whole instances.
type provision []provided

// provided is one stretch.
type provided struct {
	span
	needed, there int
}

func provisionOf(needed, there levels, during []span) provision {
	var p provision
	for _, s := range during {
		at := turnsOf(s, needed, there)
		for i, from := range at {
			to := s.to
			if i+1 < len(at) {
				to = at[i+1]
			}
			p = append(p, provided{span{from, to}, needed.At(from), there.At(from)})
		}
	}
	return p
}

// seconds is the time that all stretches take.
func (p provision) seconds() float64 {
	sum := 0.0
	for _, s := range p {
		sum += s.length().Seconds()
	}
	return sum
}

// under is theta_U, the sum of max(d-s, 0)/d dt over T, and tau_U, the share of T
// in which s < d. Both are 0 where there is no time.
func (p provision) under() (theta, tau float64) { return p.wrong(provided.missing) }

// over is theta_O, the sum of max(s-d, 0)/d dt over T, and tau_O, the share of T
// in which s > d.
func (p provision) over() (theta, tau float64) { return p.wrong(provided.tooMany) }

func (p provision) wrong(by func(provided) int) (theta, tau float64) {
	total := p.seconds()
	if total == 0 {
		return 0, 0
	}
	for _, s := range p {
		if n := by(s); n > 0 {
			theta += float64(n) / float64(max(1, s.needed)) * s.length().Seconds()
			tau += s.length().Seconds()
		}
	}
	return theta / total, tau / total
}

func (s provided) missing() int { return max(0, s.needed-s.there) }
func (s provided) tooMany() int { return max(0, s.there-s.needed) }

// areas are the replica-seconds that were used and that were needed.
func (p provision) areas() (used, needed float64) {
	for _, s := range p {
		used += float64(s.there) * s.length().Seconds()
		needed += float64(s.needed) * s.length().Seconds()
	}
	return used, needed
}

// A gap is a stretch in which something was wrong without a break.
type gap struct {
	span
	area  float64
	worst provided
}

// gaps lists the stretches in which most was wrong, so many at most and in order
// of time.
func (p provision) gaps(most int, by func(provided) int, word string) []Evidence {
	var gaps []gap
	for _, s := range p {
		n := by(s)
		if n == 0 || s.length() == 0 {
			continue
		}
		if last := len(gaps) - 1; last < 0 || gaps[last].to != s.from {
			gaps = append(gaps, gap{span: s.span, worst: s})
		}
		g := &gaps[len(gaps)-1]
		g.to = s.to
		g.area += float64(n) * s.length().Seconds()
		if n > by(g.worst) {
			g.worst = s
		}
	}
	slices.SortStableFunc(gaps, func(a, b gap) int { return cmp.Compare(b.area, a.area) })
	gaps = gaps[:min(len(gaps), most)]
	slices.SortFunc(gaps, func(a, b gap) int { return cmp.Compare(a.from, b.from) })
	var list []Evidence
	for _, g := range gaps {
		w := g.worst
		list = append(list, Evidence{Text: fmt.Sprintf("up to %s %s for %s: %s needed, %s there", count(by(w)), word, offset(g.length()),
			count(w.needed), count(w.there)), From: g.from, To: g.to, Count: by(w)})
	}
	return list
}

// underProvisioned is C3: not too much of what was needed was missing, and not
// for too long.
func (h *history) underProvisioned(c scenarios.ScalingCheck, d demand) Finding {
	f := scalingFinding(c.Service, "C3-under", "")
	limits := provisionLimits{tau: c.UnderTime, noun: "missing", gone: "missing", short: "short", name: "U",
		words: func(share float64, c scenarios.ScalingCheck) string { return shareBeside(share, c.UnderProvisioned) },
		idle:  "no load of " + c.Service + " came in these phases, so nothing shows that there were enough"}
	if c.UnderProvisioned != nil {
		share := float64(*c.UnderProvisioned) / 100
		limits.theta, limits.thetaText = &share, c.UnderProvisioned.String()
	}
	return h.provisioned(f, c, d, limits, h.serving(c.Service), provision.under, provided.missing)
}

// overProvisioned is C4: there was not too much beyond what was needed, and not
// for too long. What a release has beyond its number does not count.
func (h *history) overProvisioned(c scenarios.ScalingCheck, d demand) Finding {
	f := scalingFinding(c.Service, "C4-over", "")
	limits := provisionLimits{tau: c.OverTime, noun: "too many", gone: "there beyond it", short: "too many", name: "O",
		words: func(share float64, c scenarios.ScalingCheck) string {
			if c.OverProvisioned == nil {
				return factor(share)
			}
			return factorBeside(share, *c.OverProvisioned)
		}}
	if c.OverProvisioned != nil {
		share := float64(*c.OverProvisioned)
		limits.theta, limits.thetaText = &share, c.OverProvisioned.String()
	}
	there := h.serving(c.Service)
	own := h.withoutReleases(c.Service, there)
	f = h.provisioned(f, c, d, limits, own, provision.over, provided.tooMany)
	if f.Verdict != Inconclusive {
		f.Evidence = append(f.Evidence, extraEvidence(h.extras(c.Service, there, own, h.phases(c.Phases)))...)
	}
	return d.unlessBlind(f)
}

// provisionLimits are the limits of C3 or C4; nil for none.
type provisionLimits struct {
	theta     *float64 // a share
	thetaText string
	tau       *scenarios.Percent
	noun      string // of instances: some are missing
	gone      string // of what is needed: so much is missing
	short     string // of a service: it is short
	name      string // of theta and tau: U or O
	words     func(share float64, c scenarios.ScalingCheck) string
	idle      string // why nothing is shown where no load came; "" if something is
}

func (l provisionLimits) wanted() string {
	text := ""
	if l.theta != nil {
		text = fmt.Sprintf("on average at most %s of what is needed is %s (theta_%s)", l.thetaText, l.gone, l.name)
	}
	if l.tau != nil {
		text = join(text, fmt.Sprintf("some are %s in at most %s of the time (tau_%s)", l.noun, l.tau, l.name))
	}
	return text
}

// provisioned judges C3 or C4 by what was there.
func (h *history) provisioned(f Finding, c scenarios.ScalingCheck, d demand, l provisionLimits, there levels,
	measure func(provision) (theta, tau float64), by func(provided) int,
) Finding {
	f.Wanted = l.wanted()
	if why := h.unprovisioned(c.Service, d, c.Phases); why != "" {
		return unknown(f, why)
	}
	p := provisionOf(d.needed, there, h.phases(c.Phases))
	if l.idle != "" && d.idle(h.phases(c.Phases)) {
		return unknown(f, l.idle)
	}
	theta, tau := measure(p)
	average, part := l.words(theta, c), shareBeside(tau, l.tau)
	f.Measured = fmt.Sprintf("%s %s on average, %s in %s of %s (theta_%s, tau_%s)", average, l.short, l.short, part, offset(seconds(p.seconds())), l.name, l.name)
	f.Evidence = p.gaps(maxGaps, by, l.noun)
	if l.theta != nil && theta > *l.theta+tiny {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("on average %s of what %s needed was %s; the limit is %s", average, c.Service, l.noun, l.thetaText)
	}
	if l.tau != nil && tau > float64(*l.tau)/100+tiny {
		f.Verdict = Fail
		f.Reason = join(f.Reason, fmt.Sprintf("some instances of %s were %s in %s of the time; the limit is %s", c.Service, l.noun, part, l.tau))
	}
	return f
}

const (
	// maxGaps is how many stretches of wrong provisioning a finding names.
	maxGaps = 5
	// tiny is what rounding comes to in a share.
	tiny = 1e-9
)

// unprovisioned says why the provision of a service in some phases is not known; ""
// if it is.
func (h *history) unprovisioned(service string, d demand, phases []string) string {
	switch {
	case d.why != "":
		return d.why
	case length(h.phases(phases)) == 0:
		return "no traffic flowed in these phases"
	case h.routed(service) && len(h.listedCounts(service)) == 0:
		return "no gateway told which instances of " + service + " were in its endpoint list"
	}
	return h.gatewayDied(service)
}
