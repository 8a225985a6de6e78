package scenarios

import "cmp"

// The words for what a comparison wants.
const (
	wantOnce = "once"
	wantNone = "none"
)

// planCheck fills in the limits that have a default. Slowest is the highest p99
// of requests to a service.
func planCheck(check Check, slowest map[string]Duration) Check {
	if check.Drain != nil {
		drain := *check.Drain
		drain.ExitWithin = limitOr(drain.ExitWithin, defaultExitWithin)
		if drain.Work != nil {
			drain.Work = &Work{Of: drain.Work.Of, Read: drain.Work.Read.planned()}
		}
		check.Drain = &drain
	}
	if check.Readiness != nil {
		readiness := *check.Readiness
		readiness.TimeToReady = limitOr(readiness.TimeToReady, defaultTimeToReady)
		if p99 := slowest[readiness.Service]; p99 > 0 {
			readiness.FirstRequests = limitOr(readiness.FirstRequests, p99)
		}
		check.Readiness = &readiness
	}
	if check.Release != nil && check.Release.Job != nil && check.Release.Job.Read != nil {
		release, read := *check.Release, check.Release.Job.Read.planned()
		release.Job = &JobCheck{Name: release.Job.Name, Read: &read}
		check.Release = &release
	}
	if check.Integrity != nil {
		integrity := *check.Integrity
		integrity.Want = cmp.Or(integrity.Want, wantOnce)
		integrity.Read = integrity.Read.planned()
		check.Integrity = &integrity
	}
	if check.Regression != nil {
		regression := check.Regression.Planned()
		check.Regression = &regression
	}
	return check
}

// limitOr is a limit, or what stands for it by default.
func limitOr[T any](limit *T, otherwise T) *T {
	if limit == nil {
		return &otherwise
	}
	return limit
}

// planned is the reading with its time filled in.
func (t Truth) planned() Truth {
	t.Within = cmp.Or(t.Within, defaultTruth)
	return t
}

// slowest is the highest p99 that the scenario asks of requests to a service,
// by service. Objectives of whole sessions say nothing of a request.
func (c *compiler) slowest() map[string]Duration {
	highest := map[string]Duration{}
	calls := c.calls()
	for _, check := range c.doc.Scenario.Checks {
		slo := check.SLO
		if slo == nil || slo.P99 == nil || slo.Whole {
			continue
		}
		for _, call := range calls[slo.Journey] {
			if slo.Step == "" || slo.Step == call.step {
				highest[call.service] = max(highest[call.service], *slo.P99)
			}
		}
	}
	return highest
}

// A call is a step and a service that it calls.
type call struct{ step, service string }

// calls are those of every journey that can be judged.
func (c *compiler) calls() map[string][]call {
	t := c.doc.Scenario.Traffic
	all := map[string][]call{}
	for name, journey := range t.Journeys {
		for _, r := range journey.requests() {
			line, _ := parseRequest(r.Request) // checked before
			all[name] = append(all[name], call{r.Name, line.Service})
		}
	}
	for _, cohort := range t.Cohorts {
		if cohort.replays() {
			all[cohort.Name] = append(all[cohort.Name], call{replayStep, cohort.Replay.Service})
			for _, service := range cohort.Replay.Hosts {
				all[cohort.Name] = append(all[cohort.Name], call{replayStep, service})
			}
		}
	}
	return all
}

// planned is the ledger that a comparison becomes.
func (c comparison) planned() PlannedLedger {
	l := PlannedLedger{ID: c.id, Want: cmp.Or(c.want, wantOnce), Within: c.read.planned().Within, SQL: c.read.SQL}
	if c.of != nil {
		l.Journey, l.Step, l.Key = c.of.Journey, c.of.Step, c.of.Key
	}
	if r := c.read.HTTP; r != nil {
		line, _ := parseRequest(r.Request) // checked before
		l.HTTP = &PlannedHTTPRead{Service: line.Service, Path: line.Path, Headers: r.Headers, Items: r.Items, Key: r.Key, Next: r.Next}
	}
	return l
}

// readServices are those that a ledger or a metric reads from over HTTP, and the one
// that is a Prometheus.
func (c *compiler) readServices() map[string]bool {
	read := map[string]bool{}
	if from := c.prometheus(); from != "" {
		read[from] = true
	}
	for _, comparison := range c.doc.comparisons() {
		if r := comparison.read.HTTP; r != nil {
			line, _ := parseRequest(r.Request) // checked before
			read[line.Service] = true
		}
	}
	for _, s := range c.services {
		for _, source := range s.Metrics {
			switch {
			case source.HTTP != nil:
				line, _ := parseRequest(source.HTTP.Request) // checked before
				read[line.Service] = true
			case source.PromQL != nil:
				read[source.PromQL.From] = true // the name of a target is no service's
			}
		}
	}
	return read
}
