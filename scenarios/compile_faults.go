package scenarios

import (
	"cmp"
	"maps"
	"slices"
)

// planFaults puts faults, third parties and what belongs to them into a plan, and
// checks what only its load shows.
func (c *compiler) planFaults(p *Plan, read map[string]bool) {
	c.planParties(p, read)
	for _, t := range c.faults {
		p.Faults = append(p.Faults, c.planFault(t, p))
	}
	p.BlastRadius = c.doc.Scenario.BlastRadius
	for _, s := range c.doc.Scenario.Stop {
		s.For = cmp.Or(s.For, defaultStopFor)
		p.Stop = append(p.Stop, s)
	}
	for i, check := range p.Checks {
		p.Checks[i] = c.planFaultCheck(check)
	}
	c.interpose(p)
	c.checkWindows(p)
}

// planFault fills in what a fault leaves open.
func (c *compiler) planFault(t faulted, p *Plan) PlannedFault {
	spec := t.fault.planned(p.Tempo, t.front)
	if t.end > t.start && !spec.Permanent {
		spec.For = t.end - t.start
	}
	if spec.CacheFlush != nil && spec.CacheFlush.Request == "" && spec.CacheFlush.Port == 0 && len(t.services) == 1 {
		flush := *spec.CacheFlush
		flush.Port = c.info.Services[t.services[0]].Ports[0]
		spec.CacheFlush = &flush
	}
	return PlannedFault{
		ID: t.id, Kind: spec.Kind(), At: t.start, End: t.end, Phase: t.phase,
		Services: t.services, Picked: t.picked, Seed: c.planned(t).Seed, Spec: spec,
	}
}

// planned is the fault with its defaults filled in, and its notices divided by
// tempo. Front tells that it is done in front of a service.
func (f Fault) planned(tempo float64, front bool) Fault {
	if f.Target.Count == 0 && f.Target.Percent == nil {
		f.Target.Pick = cmp.Or(f.Target.Pick, f.defaultPick())
	}
	if f.Match != nil {
		m := *f.Match
		m.Share = limitOr(m.Share, 100)
		f.Match = &m
	}
	if f.Egress != "" || f.Reset != nil || groupOf(f.Kind()) == tlsKinds {
		f.ExistingConnections = cmp.Or(f.ExistingConnections, ResetExisting)
	}
	as := OutageRefuse
	if front || f.Egress != "" {
		as = OutageStatus
	}
	switch {
	case f.CrashLoop != nil:
		f.CrashLoop = &CrashLoopFault{Every: cmp.Or(f.CrashLoop.Every, defaultLife)}
	case f.ZoneLoss != nil:
		f.ZoneLoss = &ZoneLossFault{As: cmp.Or(f.ZoneLoss.As, zoneKill)}
	case f.Reclaim != nil:
		reclaim := planReclaim(*f.Reclaim, tempo)
		f.Reclaim = &reclaim
	case f.HTTPErrors != nil:
		e := *f.HTTPErrors
		if e.Statuses = maps.Clone(e.Statuses); len(e.Statuses) == 0 {
			e.Statuses = map[string]int{defaultError: 1}
		}
		f.HTTPErrors = &e
	case f.Brownout != nil:
		b := *f.Brownout
		b.Peak = cmp.Or(b.Peak, 1)
		f.Brownout = &b
	case f.Flapping != nil:
		flapping := *f.Flapping
		flapping.As = cmp.Or(flapping.As, as)
		f.Flapping = &flapping
	case f.RateLimit != nil:
		f.RateLimit = planRateLimit(*f.RateLimit)
	case f.Outage != nil:
		f.Outage = &OutageFault{As: cmp.Or(f.Outage.As, as)}
	case f.SlowQueries != nil:
		q := *f.SlowQueries
		q.Concurrency = cmp.Or(q.Concurrency, defaultQueries)
		f.SlowQueries = &q
	default:
		return f.packets()
	}
	return f
}

// packets fills in what faults of the network leave open.
func (f Fault) packets() Fault {
	switch {
	case f.Delay != nil:
		d := *f.Delay
		d.Direction = cmp.Or(d.Direction, BothWays)
		f.Delay = &d
	case f.Loss != nil:
		l := *f.Loss
		l.Direction = cmp.Or(l.Direction, BothWays)
		f.Loss = &l
	case f.Bandwidth != nil:
		b := *f.Bandwidth
		b.Direction = cmp.Or(b.Direction, BothWays)
		f.Bandwidth = &b
	case f.Partition != nil:
		p := *f.Partition
		p.Direction = cmp.Or(p.Direction, BothWays)
		f.Partition = &p
	case f.DNS != nil && f.DNS.Answer == "slow":
		n := *f.DNS
		n.Delay = cmp.Or(n.Delay, defaultSlow)
		f.DNS = &n
	}
	return f
}

func planReclaim(r ReclaimFault, tempo float64) ReclaimFault {
	r.Notice = scale(cmp.Or(r.Notice, defaultNotice), tempo)
	r.Replace = limitOr(r.Replace, true)
	return r
}

// planFaultCheck fills in what a check of faults leaves open: the faults that it
// is about are named.
func (c *compiler) planFaultCheck(check Check) Check {
	f, ok := check.faultCheck(nil)
	if !ok {
		return check
	}
	about := c.about(check, f)
	switch {
	case check.SteadyState != nil:
		s := *check.SteadyState
		s.Faults, s.Settle = about, limitOr(s.Settle, defaultSettle)
		check.SteadyState = &s
	case check.Recovery != nil:
		r := *check.Recovery
		r.Faults = about
		check.Recovery = &r
	case check.ThirdParty != nil:
		t := *check.ThirdParty
		t.Faults = about
		if t.Backoff != nil {
			t.Backoff = &BackoffWanted{Least: t.Backoff.Least, Jitter: limitOr(t.Backoff.Jitter, defaultJitter)}
		}
		check.ThirdParty = &t
	case check.BlastRadius != nil:
		b := *check.BlastRadius
		b.Faults = about
		check.BlastRadius = &b
	case check.Stampede != nil:
		s := *check.Stampede
		s.Faults, s.Settle = about, limitOr(s.Settle, defaultStampede)
		check.Stampede = &s
	}
	return check
}

// about are the faults that a check is about, in the order of time.
func (c *compiler) about(check Check, f faultCheck) []string {
	var all []string
	for _, t := range c.faults {
		switch {
		case len(f.faults) > 0:
			if slices.Contains(f.faults, t.id) {
				all = append(all, t.id)
			}
		case check.ThirdParty == nil || c.doneTo(t, check.ThirdParty.Service):
			all = append(all, t.id)
		}
	}
	return all
}

// doneTo tells that a fault is done to a service, or to what is sent to it.
func (c *compiler) doneTo(t faulted, service string) bool {
	host, _, _ := ParseEgress(t.fault.Egress)
	if t.fault.Egress != "" {
		return host == service || slices.Contains(c.doc.Scenario.Stack.ThirdParties[service].Aliases, host)
	}
	return slices.Contains(t.services, service) || t.fault.peer() == service
}

// interpose puts proxies in front of services: those that faults are done to as
// their callers see them, and those whose calls are judged.
func (c *compiler) interpose(p *Plan) {
	put := func(name string) {
		if s, is := p.Services[name]; is && s.Port != 0 {
			s.Interposed = &Interposed{Port: s.Port, KeyHeader: DefaultKeyHeader, Calls: p.judgesCallsOf(name)}
			p.Services[name] = s
		}
	}
	for _, t := range c.faults {
		if t.front {
			for _, name := range t.services {
				put(name)
			}
		}
	}
	for _, check := range p.Checks {
		if check.ThirdParty != nil {
			put(check.ThirdParty.Service)
		}
	}
}
