package scenarios

import (
	"cmp"
	"slices"
)

// scaled fills in what makes the instances or the resources of a service change
// by themselves.
func (c *compiler) scaled(p *PlannedService, name string, plan *Plan) {
	s := c.services[name]
	p.Limits, p.Requests = c.info.Services[name].Limits, c.requests(name)
	for metric, source := range s.Metrics {
		if p.Metrics == nil {
			p.Metrics = map[string]MetricSource{}
		}
		p.Metrics[metric] = c.planMetric(source, name)
	}
	if s.Autoscale != nil {
		p.Autoscale = c.planAutoscale(*s.Autoscale, name, plan)
	}
	if s.Prescale != nil {
		p.Prescale = planPrescale(*s.Prescale, p.Limits)
	}
}

func (c *compiler) planMetric(m MetricSource, name string) MetricSource {
	m.Every = cmp.Or(m.Every, defaultMeasure)
	if m.Exposition != nil {
		e := *m.Exposition
		e.Service = cmp.Or(e.Service, name)
		e.Port = c.pagePort(e.Service, e.Port)
		e.Series, _ = parseSeries(e.Series) // checked before
		e.Path = cmp.Or(e.Path, defaultPage)
		e.Combine = cmp.Or(e.Combine, defaultCombine)
		m.Exposition = &e
	}
	return m
}

func (c *compiler) planAutoscale(a Autoscale, name string, plan *Plan) *PlannedAutoscale {
	least, most, _ := c.limits(name)
	p := &PlannedAutoscale{
		Min: least, Max: most,
		Every:      cmp.Or(a.Every, defaultLook),
		Resolution: cmp.Or(a.Resolution, defaultLook),
		Capacity:   a.Capacity,
		PausedIn:   a.PausedIn,
		Floors:     planFloors(a.Schedule, plan),
	}
	switch {
	case a.HPA != "":
		m := c.manifests[name]
		p.HPA, p.Manifest = &m.Spec, m.words(name, c.doc.resolve(a.HPA))
	case a.TargetTracking != nil:
		t := *a.TargetTracking
		t.Cooldown, t.ScaleIn = limitOr(t.Cooldown, defaultCooldown), limitOr(t.ScaleIn, true)
		p.TargetTracking = &t
	case a.Step != nil:
		s := *a.Step
		s.Cooldown, s.Periods = limitOr(s.Cooldown, defaultCooldown), cmp.Or(s.Periods, defaultPeriods)
		p.Step = &s
	case a.Queue != nil:
		q := *a.Queue
		q.Cooldown = limitOr(q.Cooldown, defaultCooldown)
		p.Queue = &q
	}
	return p
}

// planFloors puts floors on the run's time.
func planFloors(schedule []ScheduledFloor, plan *Plan) []PlannedFloor {
	var floors []PlannedFloor
	for _, f := range schedule {
		i := slices.IndexFunc(plan.Phases, func(p PlannedPhase) bool { return p.Name == f.At.Phase })
		start := plan.Phases[i].Start + scale(f.At.Offset, plan.Tempo)
		floors = append(floors, PlannedFloor{Start: start, End: start + scale(f.For, plan.Tempo), Min: f.Min})
	}
	slices.SortStableFunc(floors, func(a, b PlannedFloor) int { return cmp.Compare(a.Start, b.Start) })
	return floors
}

func planPrescale(p Prescale, limits ResourceClass) *Prescale {
	p.Policy = cmp.Or(p.Policy, ProactivePolicy)
	p.Large = p.Large.Or(limits)
	p.Instances = cmp.Or(p.Instances, defaultInstances)
	p.Hold = cmp.Or(p.Hold, defaultHold)
	p.Budget = cmp.Or(p.Budget, defaultBudget)
	p.Beyond = cmp.Or(p.Beyond, defaultBeyond)
	p.QueueFor = cmp.Or(p.QueueFor, defaultQueueFor)
	p.Above = limitOr(p.Above, defaultAbove)
	p.Every = cmp.Or(p.Every, defaultLook)
	return &p
}

// planScalingCheck fills in what a check of scaling leaves open.
func planScalingCheck(check Check, services map[string]PlannedService) Check {
	if check.Scaling != nil {
		s := *check.Scaling
		if a := services[s.Service].Autoscale; a != nil && a.Kind() != "schedule" {
			s.Reversals = limitOr(s.Reversals, defaultReversals)
		}
		check.Scaling = &s
	}
	if check.Queue != nil {
		q := *check.Queue
		var scaled *QueueScaling
		if a := services[q.Service].Autoscale; a != nil {
			scaled = a.Queue
		}
		q.Backlog, q.Age = queueMetrics(q, scaled)
		if q.Work != nil {
			q.Work = &Work{Of: q.Work.Of, Read: q.Work.Read.planned()}
		}
		check.Queue = &q
	}
	if check.Prescale != nil {
		p := *check.Prescale
		p.Done = cmp.Or(p.Done, p.Step)
		p.Completed = limitOr(p.Completed, defaultCompleted)
		p.ReturnedWithin = cmp.Or(p.ReturnedWithin, defaultReturned)
		check.Prescale = &p
	}
	return check
}

// milestones are the steps that checks want to know the moments of, each once.
func milestones(checks []Check) []PlannedMilestone {
	var all []PlannedMilestone
	for _, check := range checks {
		if p := check.Prescale; p != nil {
			for _, step := range []string{p.Step, p.Done} {
				if m := (PlannedMilestone{Journey: p.Journey, Step: step}); !slices.Contains(all, m) {
					all = append(all, m)
				}
			}
		}
	}
	return all
}
