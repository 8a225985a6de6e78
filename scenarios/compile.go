package scenarios

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios/replay"
)

// The defaults that a plan fills in where neither scenario nor compose file
// says otherwise.
const (
	defaultPeriod      = Duration(250 * time.Millisecond)
	defaultTimeout     = Duration(time.Second)
	defaultSuccess     = 1
	defaultFailure     = 3
	defaultGrace       = Duration(10 * time.Second)
	defaultRequest     = Duration(10 * time.Second)
	defaultExitWithin  = Percent(80)
	defaultTimeToReady = Duration(30 * time.Second)
	defaultConnections = 1024
	defaultEvery       = Duration(time.Second)
	defaultWithin      = Duration(60 * time.Second)
	defaultMalformed   = Percent(1)
)

// Compile checks the scenario against its compose project and makes the plan
// of a run. The problems are all there are, those of Parse included, in the
// order of the file; the plan is nil when there is any. It opens the files that
// traffic names: measured days, bodies, certificates and recordings.
func (d *Document) Compile(info StackInfo) (*Plan, Problems) {
	c := &compiler{doc: &Document{}, info: info}
	*c.doc = *d
	c.doc.problems = slices.Clone(d.problems)
	c.merge()
	c.checkServices()
	c.checkTargets()
	c.checkCalls()
	c.checkMultiple()
	c.openFiles()
	if problems := c.doc.problems.sorted(); len(problems) > 0 {
		return nil, problems
	}
	plan := c.plan()
	if problems := c.doc.problems.sorted(); len(problems) > 0 {
		return nil, problems
	}
	return plan, nil
}

// A compiler is one Compile. It reports into a copy of the document.
type compiler struct {
	doc      *Document
	info     StackInfo
	services map[string]Service // scenario merged over x-shakedown
	days     map[string][]float64
	replays  map[int]*replay.Recording // by cohort
}

// checkMultiple checks what the caller set in the document. It has no place in
// the file.
func (c *compiler) checkMultiple() {
	m := c.doc.Multiple
	if m == 0 {
		c.doc.Multiple = 1
	} else if !(m > 0 && m <= 1e6) {
		c.doc.problems = append(c.doc.problems, Problem{
			File: fmt.Sprintf("--load %gx", m), Message: "the multiple is out of range", Suggestion: "arrivals are multiplied by more than 0x and up to 1000000x",
		})
	}
}

// plan turns a scenario without problems into a plan.
func (c *compiler) plan() *Plan {
	s := c.doc.Scenario
	digest := sha256.Sum256(c.doc.Source)
	p := &Plan{
		Scenario:    s.Name,
		Summary:     s.Summary,
		Digest:      hex.EncodeToString(digest[:]),
		Seed:        s.Seed,
		Tempo:       cmp.Or(float64(s.Tempo), 1),
		Multiple:    c.doc.Multiple,
		Services:    map[string]PlannedService{},
		Connections: planConnections(s.Traffic.Connections),
	}
	p.Phases = c.phases(p.Tempo)
	p.Duration = p.Phases[len(p.Phases)-1].End
	for name, service := range c.services {
		p.Services[name] = c.service(name, service)
	}
	for name, target := range s.Traffic.Targets {
		if p.Targets == nil {
			p.Targets = map[string]PlannedTarget{}
		}
		p.Targets[name] = c.target(target)
	}
	p.Journeys = c.journeys()
	p.Load = c.loads(p)
	p.Actions = planActions(s.Actions, p.Phases, p.Tempo)
	for _, check := range s.Checks {
		p.Checks = append(p.Checks, planCheck(check))
	}
	return p
}

// phases lays the phases one after another. One that tempo shrinks to nothing
// is a problem.
func (c *compiler) phases(tempo float64) []PlannedPhase {
	var planned []PlannedPhase
	var sum Duration
	for i, p := range c.doc.Scenario.Traffic.Phases {
		start := scale(sum, tempo)
		sum += p.For
		end := scale(sum, tempo)
		if end-start < Duration(time.Millisecond) {
			c.doc.report(location{"traffic", "phases", i, "for"}, fmt.Sprintf("the phase lasts less than 1ms at tempo %s", Factor(tempo)), "let it last longer, or lower tempo")
		}
		planned = append(planned, PlannedPhase{p.Name, start, end})
	}
	return planned
}

// scale is a duration at a tempo.
func scale(d Duration, tempo float64) Duration {
	if tempo == 1 {
		return d
	}
	return Duration(float64(d)/tempo + 0.5)
}

// service fills in what is left open about a service.
func (c *compiler) service(name string, s Service) PlannedService {
	info := c.info.Services[name]
	driven := c.driven(name)
	p := PlannedService{
		Port:        s.Port,
		Ready:       planProbe(s.Ready),
		Initialized: s.Initialized,
		Drain:       planDrain(s.Drain, info.StopGrace),
		Replicas:    info.Replicas,
		Balance:     s.Balance,
		Publish:     s.Publish,
		Driven:      driven,
		PublicEnv:   s.PublicEnv,
		Process:     s.Process,
	}
	if s.Replicas != nil {
		p.Replicas = *s.Replicas
	}
	switch {
	case p.Balance != "":
	case driven:
		p.Balance = "request"
	default:
		p.Balance = "connection"
	}
	return p
}

// driven reports whether traffic is sent to the service.
func (c *compiler) driven(service string) bool {
	found := false
	c.eachCall(func(_ location, name, _ string) { found = found || name == service })
	return found
}

// planProbe fills in a probe; without one, Path stays empty.
func planProbe(ready *Probe) Probe {
	var p Probe
	if ready != nil {
		p = *ready
	}
	p.Period = cmp.Or(p.Period, defaultPeriod)
	p.Timeout = cmp.Or(p.Timeout, defaultTimeout)
	p.Success = cmp.Or(p.Success, defaultSuccess)
	p.Failure = cmp.Or(p.Failure, defaultFailure)
	return p
}

// planDrain fills in a termination sequence.
func planDrain(drain *Drain, stopGrace time.Duration) Drain {
	var p Drain
	if drain != nil {
		p = *drain
	}
	p.Grace = cmp.Or(p.Grace, Duration(stopGrace), defaultGrace)
	return p
}

// planActions puts actions on the run's time, in its order.
func planActions(actions []Action, phases []PlannedPhase, tempo float64) []PlannedAction {
	var planned []PlannedAction
	for _, a := range actions {
		for _, p := range phases {
			if p.Name == a.At.Phase {
				planned = append(planned, PlannedAction{At: p.Start + scale(a.At.Offset, tempo), Phase: p.Name, Scale: a.Scale})
			}
		}
	}
	slices.SortStableFunc(planned, func(a, b PlannedAction) int { return cmp.Compare(a.At, b.At) })
	return planned
}

// planCheck fills in the limits that have a default.
func planCheck(c Check) Check {
	if c.Drain != nil {
		drain := *c.Drain
		if drain.ExitWithin == nil {
			limit := defaultExitWithin
			drain.ExitWithin = &limit
		}
		c.Drain = &drain
	}
	if c.Readiness != nil {
		readiness := *c.Readiness
		if readiness.TimeToReady == nil {
			limit := defaultTimeToReady
			readiness.TimeToReady = &limit
		}
		c.Readiness = &readiness
	}
	return c
}
