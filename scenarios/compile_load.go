package scenarios

import (
	"cmp"
	"fmt"
	"time"
)

// loads are the sessions of every cohort, in the order of the scenario.
func (c *compiler) loads(p *Plan) []PlannedLoad {
	t := c.doc.Scenario.Traffic
	l := layout{phases: p.Phases, tempo: p.Tempo, multiple: p.Multiple, days: c.days}
	c.checkArrivals(location{"traffic", "arrivals"}, t.Arrivals, l)
	shares := l.lay(t.Arrivals).divide(len(t.Cohorts), func(phase string) []int { return weightsIn(t.Cohorts, phase) })
	var loads []PlannedLoad
	for i, cohort := range t.Cohorts {
		c.checkArrivals(location{"traffic", "cohorts", i, "arrivals"}, cohort.Arrivals, l)
		come := shares[i]
		if len(cohort.Weight) == 0 {
			come = l.lay(cohort.Arrivals)
		}
		load := PlannedLoad{
			Cohort: cohort.Name, Tier: cohort.Tier, Journey: cohort.journeyName(),
			Tenants: max(cohort.Tenants, 1), Skew: cohort.Skew, Hot: cohort.Hot,
			Sizes: cohort.Sizes, Cookies: cohort.Cookies,
			Segments: come.segments, Bursts: come.bursts, Closed: come.closed,
		}
		if cohort.Replay != nil {
			load.Replay = c.replay(i, cohort, p.Phases)
		}
		loads = append(loads, load)
	}
	return loads
}

// The most sessions a second, and in one burst or loop, that a plan asks for.
const mostSessions = 1e9

// checkArrivals checks what only tempo and multiples bring about.
func (c *compiler) checkArrivals(at location, arrivals Arrivals, l layout) {
	for i, a := range arrivals {
		c.checkTempo(at.to(i), a, l.tempo)
		come := l.lay(Arrivals{a})
		for _, s := range come.segments {
			if s.peak() > mostSessions {
				c.reportTooMany(at.to(i), fmt.Sprintf("the rate reaches %s", s.peak()))
				break
			}
		}
		for _, b := range come.bursts {
			if b.Sessions > mostSessions {
				c.reportTooMany(at.to(i), fmt.Sprintf("the burst has %d sessions", b.Sessions))
			}
		}
		for _, loop := range come.closed {
			if loop.Sessions > mostSessions {
				c.reportTooMany(at.to(i), fmt.Sprintf("the closed loop has %d sessions", loop.Sessions))
				break
			}
		}
	}
}

func (c *compiler) reportTooMany(at location, what string) {
	c.doc.report(at, what+", times and --load included", "the most is 1000000000")
}

// checkTempo reports what tempo shrinks to nothing.
func (c *compiler) checkTempo(at location, a Arrival, tempo float64) {
	tooShort := func(d Duration) bool { return scale(d, tempo) < Duration(time.Millisecond) }
	const fix = "let it last longer, or lower tempo"
	if a.Burst != nil && tooShort(a.Burst.Within) {
		c.doc.report(at.to("burst", "within"), fmt.Sprintf("the burst lasts less than 1ms at tempo %s", Factor(tempo)), fix)
	}
	if a.Sine != nil && a.Sine.Period != 0 && tooShort(a.Sine.Period) {
		c.doc.report(at.to("sine", "period"), fmt.Sprintf("the period lasts less than 1ms at tempo %s", Factor(tempo)), fix)
	}
	for i, part := range a.Sum {
		c.checkTempo(at.to("sum", i), part, tempo)
	}
}

// planConnections fills in how connections are held.
func planConnections(written *Connections) PlannedConnections {
	var c Connections
	if written != nil {
		c = *written
	}
	return PlannedConnections{
		Max:      cmp.Or(c.Max, defaultConnections),
		Reuse:    c.Reuse == nil || *c.Reuse,
		MaxAge:   c.MaxAge,
		DialRate: c.DialRate,
	}
}

// target takes the address of a target apart.
func (c *compiler) target(t Target) PlannedTarget {
	u, err := parseTarget(t.URL)
	if err != nil {
		return PlannedTarget{} // checked before
	}
	p := PlannedTarget{Address: u.Host, TLS: u.Scheme == "https", HTTP2: t.HTTP2, Host: u.Hostname()}
	if t.CA != "" {
		p.CA = c.absolute(t.CA)
	}
	return p
}
