package scenarios

import (
	"slices"
	"time"
)

// The time between two values of a query that nobody chose another for.
const defaultQueryStep = Duration(time.Second)

// Queries are what a run is asked for the check: one over all of traffic, up to end,
// or one for each of its phases, in the order of the check. Skip is left out at the
// beginning of each. Phases are the plan's.
func (c PromQLCheck) Queries(phases []PlannedPhase, end Duration) []PlannedQuery {
	query := func(id string, from, to Duration) PlannedQuery {
		step := c.Step
		if step == 0 {
			step = defaultQueryStep
		}
		return PlannedQuery{ID: id, Expr: c.Query, Start: min(from+c.Skip, to), End: to, Step: step}
	}
	id := "promql/" + c.Name
	if len(c.Phases) == 0 {
		return []PlannedQuery{query(id, 0, end)}
	}
	var all []PlannedQuery
	for _, name := range c.Phases {
		i := slices.IndexFunc(phases, func(p PlannedPhase) bool { return p.Name == name })
		if i >= 0 {
			all = append(all, query(id+"/"+name, phases[i].Start, phases[i].End))
		}
	}
	return all
}

// ThresholdQueryID is the ID of the query for a metric of threshold checks that has an
// expression. It is asked over all of traffic, once for all checks.
func ThresholdQueryID(metric string) string { return "threshold/" + metric }

// Queries are what a run is asked for an SLO of a file, over all of traffic, up to end:
// for good or bad events and for all of them, or for the share of bad ones alone. None
// for an SLO of requests that the driver sends.
func (s PlannedSLO) Queries(end Duration) []PlannedQuery {
	var all []PlannedQuery
	for _, q := range []struct{ id, expr string }{{s.GoodID(), s.Good}, {s.BadID(), s.Bad}, {s.TotalID(), s.Total}} {
		if q.expr != "" {
			all = append(all, PlannedQuery{ID: q.id, Expr: q.expr, End: end, Step: defaultQueryStep})
		}
	}
	return all
}

// GoodID is the ID of the query for Good.
func (s PlannedSLO) GoodID() string { return "slo/" + s.Name + "/good" }

// BadID is the ID of the query for Bad.
func (s PlannedSLO) BadID() string { return "slo/" + s.Name + "/bad" }

// TotalID is the ID of the query for Total.
func (s PlannedSLO) TotalID() string { return "slo/" + s.Name + "/total" }

// thresholdQueries are those of a check, in the order of the names of metrics.
func (c ThresholdCheck) thresholdQueries(end Duration) []PlannedQuery {
	var all []PlannedQuery
	for _, metric := range keys(c.Metrics) {
		if t := c.Metrics[metric]; t.Query != "" && !t.Off {
			all = append(all, PlannedQuery{ID: ThresholdQueryID(metric), Expr: t.Query, End: end, Step: defaultQueryStep})
		}
	}
	return all
}

// queries are what the checks of a plan want to know, each once.
func (p *Plan) queries() []PlannedQuery {
	var all []PlannedQuery
	add := func(queries []PlannedQuery) {
		for _, q := range queries {
			if !slices.Contains(all, q) {
				all = append(all, q)
			}
		}
	}
	for _, check := range p.Checks {
		switch {
		case check.PromQL != nil:
			add(check.PromQL.Queries(p.Phases, p.Duration))
		case check.Threshold != nil:
			add(check.Threshold.thresholdQueries(p.Duration))
		case check.ErrorBudget != nil:
			for _, s := range p.SLOs {
				if s.Name == check.ErrorBudget.SLO {
					add(s.Queries(p.Duration))
				}
			}
		}
	}
	return all
}
