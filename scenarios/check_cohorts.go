package scenarios

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// checkCohort checks who arrives, when, and what they do.
func (d *Document) checkCohort(at location, c Cohort) {
	d.checkWalks(at, c)
	d.checkArrivals(at.to("arrivals"), c.Arrivals)
	d.checkSource(at, c)
	d.checkWeight(at, c)
	d.checkTenants(at, c)
	for _, name := range keys(c.Sizes) {
		here := at.to("sizes", name)
		d.checkVariable(here, name)
		d.checkSize(here, c.Sizes[name])
	}
	if c.Replay != nil {
		d.checkReplay(at, c)
	}
}

// checkWalks checks that the cohort's journey is there. Only a replay needs none.
func (d *Document) checkWalks(at location, c Cohort) {
	journeys := d.Scenario.Traffic.Journeys
	switch {
	case c.Journey != "" && len(journeys) > 0:
		d.checkName(at.to("journey"), "journey", c.Journey, keys(journeys))
	case c.Journey != "" && !d.reportedIn(location{"traffic", "journeys"}):
		d.report(at.to("journey"), fmt.Sprintf("journey %q is never defined", shorten(c.Journey)), "define it under traffic.journeys")
	case !d.given(at, "journey") && !d.given(at, "replay") && !d.reported(at):
		d.report(at, `"journey" is missing`, "add journey: ...")
	}
}

// checkSource checks that exactly one thing says when sessions begin.
func (d *Document) checkSource(at location, c Cohort) {
	given := d.givenOf(at, "arrivals", "weight")
	switch {
	case len(given) == 2:
		d.reportKey(at.to("weight"), "arrivals and weight exclude one another", "keep one of the two: arrivals of the cohort's own, or a share of traffic.arrivals")
	case len(given) == 1 && c.Replay != nil && c.Journey != "":
		d.reportKey(at.to(given[0]), "the replay says when sessions begin already: beside a journey only its times count", "leave out "+given[0]+", or journey to send the recorded requests at these times")
	case len(given) == 0 && !d.given(at, "replay") && !d.reported(at):
		d.report(at, "nothing says when its sessions begin", "give the cohort arrivals, a weight in traffic.arrivals, or a replay")
	}
}

// The most that a weight can be.
const mostWeight = 1_000_000

// checkWeight checks a cohort's share of the arrivals of all.
func (d *Document) checkWeight(at location, c Cohort) {
	if !d.given(at, "weight") {
		return
	}
	if !d.given(location{"traffic"}, "arrivals") {
		d.reportKey(at.to("weight"), "a weight is a share of traffic.arrivals, and there are none", "add traffic.arrivals, or give the cohort arrivals of its own")
	}
	at = at.to("weight")
	for _, phase := range keys(c.Weight) {
		if phase != "" {
			d.checkName(at.to(phase), "phase", phase, d.phaseNames())
		}
		if n := c.Weight[phase]; n < 0 || n > mostWeight {
			d.report(at.to(phase), fmt.Sprintf("%d is out of range", n), fmt.Sprintf("give a number from 0 to %d", mostWeight))
		}
	}
	for _, phase := range d.phaseNames() {
		if c.Weight.in(phase) != 0 {
			return
		}
	}
	if !d.reportedIn(at) && !d.reportedIn(location{"traffic", "phases"}) {
		d.report(at, "the weight is zero in every phase, so nobody ever arrives", "give a weight above zero, or remove the cohort")
	}
}

// in is the weight in a phase.
func (w Weights) in(phase string) int {
	if n, ok := w[phase]; ok {
		return n
	}
	return w[""]
}

// checkTenants checks how sessions fall on tenants.
func (d *Document) checkTenants(at location, c Cohort) {
	tenants := max(c.Tenants, 1)
	if tenants == 1 && !d.reportedIn(at.to("tenants")) {
		d.reportUseless(at, "skew", "the cohort has one tenant", "give it tenants: 100, or leave out skew")
	}
	if c.Hot == nil {
		return
	}
	at = at.to("hot")
	d.checkPhases(at.to("phases"), c.Hot.Phases)
	if tenants == 1 && !d.reportedIn(at[:len(at)-1].to("tenants")) {
		d.reportKey(at, "a hot tenant needs others beside it, and the cohort has one tenant", "give the cohort tenants: 100")
	}
	if tenants > 1 && instanceOf(c.Hot.Tenant, c.Name) && c.Hot.Tenant != c.Name+"-1" {
		d.report(at.to("tenant"), fmt.Sprintf("%q is the name of another tenant of the cohort", c.Hot.Tenant), fmt.Sprintf("the hot tenant is the first: write %q, or another name", c.Name+"-1"))
	}
	if n := d.node(at.to("share")); n != nil && (c.Hot.Share == 100 || c.Hot.Share == 0 && n.readsZero()) {
		d.report(at.to("share"), fmt.Sprintf("a share of %s leaves nothing to compare", c.Hot.Share), "give a share above 0% and below 100%")
	}
}

// checkVariable checks a name under which a variable is defined.
func (d *Document) checkVariable(at location, name string) {
	switch {
	case isBuiltin(name):
		d.reportKey(at, fmt.Sprintf("${%s} is set by shakedown itself", name), "use another name")
	case !template.ValidName(name):
		d.reportKey(at, fmt.Sprintf("%q is not the name of a variable", shorten(name)), "a variable has letters, digits, _, - and .")
	}
}
