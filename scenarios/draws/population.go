package draws

import (
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/draws/seeded"
)

// A population is the tenants of a cohort, numbered from 1. With a hot tenant
// number 1 is that one: within its phases it has exactly its share of the
// sessions and the others share the rest as they would without it; outside of
// them it is a tenant like the others, the first.
type population struct {
	cohort string
	size   uint64
	skew   float64
	all    zipf // of all tenants, where there is a skew
	others zipf // of all but the first
	hot    *scenarios.Hot
	heat   []window // when the hot tenant has its share
}

// steepest is the largest exponent that the language knows.
const steepest = 5

// A window is a time until before its end.
type window struct{ start, end time.Duration }

func newPopulation(load scenarios.PlannedLoad, phases []scenarios.PlannedPhase) population {
	p := population{cohort: load.Cohort, size: uint64(max(load.Tenants, 1)), skew: min(float64(load.Skew), steepest), hot: load.Hot}
	if p.skew > 0 {
		p.all = newZipf(p.skew, 1, p.size)
		p.others = newZipf(p.skew, min(2, p.size), p.size)
	}
	if p.hot != nil {
		p.heat = windows(p.hot.Phases, phases)
	}
	return p
}

// windows are the times of the phases that are named, all of them when none
// is. What comes after the last phase belongs to it.
func windows(names []string, phases []scenarios.PlannedPhase) []window {
	const always = time.Duration(1<<63 - 1)
	if len(names) == 0 {
		return []window{{-always, always}}
	}
	var all []window
	for i, phase := range phases {
		for _, name := range names {
			if name != phase.Name {
				continue
			}
			w := window{phase.Start.Std(), phase.End.Std()}
			if i == len(phases)-1 {
				w.end = always
			}
			all = append(all, w)
		}
	}
	return all
}

// draw is the number of a session's tenant at a moment.
func (p *population) draw(r *seeded.Rand, at time.Duration) uint64 {
	if p.isHot(at) {
		switch {
		case p.size == 1 || r.Unit()*100 < float64(p.hot.Share):
			return 1
		case p.skew > 0:
			return p.others.draw(r)
		}
		return 2 + r.Below(p.size-1)
	}
	if p.skew > 0 {
		return p.all.draw(r)
	}
	return 1 + r.Below(p.size)
}

func (p *population) isHot(at time.Duration) bool {
	for _, w := range p.heat {
		if at >= w.start && at < w.end {
			return true
		}
	}
	return false
}

// name is what a tenant is called.
func (p *population) name(tenant uint64) string {
	if tenant == 1 && p.hot != nil {
		return p.hot.Tenant
	}
	return p.cohort + "-" + strconv.FormatUint(tenant, 10)
}
