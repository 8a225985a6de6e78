package scenarios

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios/replay"
	"github.com/shakedown-dev/shakedown/scenarios/slofile"
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
	defaultSurge       = Percent(25) // and the most that may be missing, as Kubernetes has it
	defaultDeadline    = Duration(60 * time.Second)
	defaultJob         = Duration(60 * time.Second)
	defaultTruth       = Duration(10 * time.Second)
	defaultNotice      = Duration(2 * time.Minute)
	defaultMin         = 1
	defaultMax         = 10
	defaultLook        = Duration(15 * time.Second) // of autoscalers, of readings of use, and of the reactive policy
	defaultCooldown    = Duration(300 * time.Second)
	defaultPeriods     = 1
	defaultMeasure     = Duration(time.Second)
	defaultPage        = "/metrics"
	defaultCombine     = SumOfInstances
	defaultHold        = Duration(10 * time.Minute)
	defaultBudget      = 10
	defaultBeyond      = RejectBeyond
	defaultQueueFor    = Duration(10 * time.Second)
	defaultAbove       = Percent(80)
	defaultInstances   = AllInstances
	defaultReversals   = 1
	defaultCompleted   = Percent(100)
	defaultReturned    = Duration(5 * time.Second)
	defaultSettle      = Duration(5 * time.Second)
	defaultStampede    = Duration(10 * time.Second)
	defaultJitter      = Percent(10)
	defaultStopFor     = Duration(10 * time.Second)
	defaultLife        = Duration(2 * time.Second) // of an instance in a crash loop
	defaultSlow        = Duration(2 * time.Second) // a slow look-up
	defaultRetryAfter  = Duration(time.Second)
	defaultError       = "503"
	defaultQueries     = 4
	defaultStatus      = 200
	defaultEffectOf    = "${key}"
)

// Compile checks the scenario against its compose project and makes the plan
// of a run. The problems are all there are, those of Parse included, in the
// order of the file; the plan is nil when there is any. It opens the files that
// traffic names: measured days, bodies, certificates and recordings; and the
// manifests of autoscalers. Where no variant was asked for, each is tried, and
// its mistakes are the scenario's.
func (d *Document) Compile(info StackInfo) (*Plan, Problems) {
	c := newCompiler(d, info)
	plan, problems := c.compile()
	if d.Variant == "" {
		for _, name := range keys(d.Scenario.Variants) {
			problems = append(problems, c.variant(name, problems, plan != nil)...)
		}
	}
	if problems = problems.sorted(); len(problems) > 0 {
		return nil, problems
	}
	plan.Lint = Lint(plan)
	return plan, nil
}

// A compiler is one Compile. It reports into a copy of the document.
type compiler struct {
	doc       *Document
	info      StackInfo
	services  map[string]Service  // scenario merged over x-shakedown
	manifests map[string]*hpaFile // of services that have one that could be read
	driven    map[string]bool     // services that traffic is sent to
	faults    []faulted           // those without a mistake, in the order of time
	moments   []moment            // actions in the order of time
	unsure    map[string]bool     // services with mistakes, so that nobody knows how many instances they have
	untimed   bool                // phases have mistakes, so that actions have no order
	days      map[string][]float64
	replays   map[int]*replay.Recording // by cohort; nil: not read yet
	filed     map[int][]slofile.SLO     // by the number of the slo; of those that name a file
}

func newCompiler(d *Document, info StackInfo) *compiler {
	doc := *d
	doc.problems = slices.Clone(d.problems)
	return &compiler{doc: &doc, info: withoutThirdParties(info, d.Scenario.Stack.ThirdParties), unsure: map[string]bool{}}
}

// compile makes the plan, or says why there is none.
func (c *compiler) compile() (*Plan, Problems) {
	c.readAsMeant()
	c.merge()
	c.checkServices()
	c.checkParties()
	c.checkTargets()
	c.driven = c.drivenServices()
	c.checkScaled()
	c.checkActions()
	c.checkFaults()
	c.checkCalls()
	c.checkObserved()
	c.checkMultiple()
	if c.replays == nil {
		c.openFiles()
	}
	if problems := c.doc.problems.sorted(); len(problems) > 0 {
		return nil, problems
	}
	plan := c.plan()
	return plan, c.doc.problems.sorted()
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
		Hypotheses:  s.Hypotheses,
		Variant:     c.doc.Variant,
		Digest:      hex.EncodeToString(digest[:]),
		Seed:        s.Seed,
		Tempo:       cmp.Or(float64(s.Tempo), 1),
		Multiple:    c.doc.Multiple,
		Services:    map[string]PlannedService{},
		Connections: planConnections(s.Traffic.Connections),
	}
	p.Phases = c.phases(p.Tempo)
	p.Duration = p.Phases[len(p.Phases)-1].End
	read := c.readServices()
	for name, service := range c.services {
		planned := c.service(name, service)
		planned.Read = read[name]
		c.scaled(&planned, name, p)
		p.Services[name] = planned
	}
	for name, target := range s.Traffic.Targets {
		if p.Targets == nil {
			p.Targets = map[string]PlannedTarget{}
		}
		p.Targets[name] = c.target(target)
	}
	p.Journeys = c.journeys()
	p.Load = c.loads(p)
	for _, m := range c.moments {
		p.Actions = append(p.Actions, m.planned(p.Tempo))
	}
	slowest := c.slowest()
	for _, check := range s.Checks {
		p.Checks = append(p.Checks, planScalingCheck(planCheck(check, slowest), p.Services))
	}
	c.planFaults(p, read)
	c.planMetrics(p)
	p.Milestones = milestones(p.Checks)
	for _, comparison := range c.doc.comparisons() {
		p.Ledgers = append(p.Ledgers, comparison.planned())
	}
	return p
}

// phases lays the phases one after another. One that tempo shrinks to nothing
// is a problem.
func (c *compiler) phases(tempo float64) []PlannedPhase {
	planned := layPhases(c.doc.Scenario.Traffic.Phases, tempo)
	for i, p := range planned {
		if p.End-p.Start < Duration(time.Millisecond) {
			c.doc.report(location{"traffic", "phases", i, "for"}, fmt.Sprintf("the phase lasts less than 1ms at tempo %s", Factor(tempo)), "let it last longer, or lower tempo")
		}
	}
	return planned
}

// layPhases lays phases one after another.
func layPhases(phases []Phase, tempo float64) []PlannedPhase {
	var planned []PlannedPhase
	var sum Duration
	for _, p := range phases {
		start := scale(sum, tempo)
		sum += p.For
		planned = append(planned, PlannedPhase{p.Name, start, scale(sum, tempo)})
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
	p := PlannedService{
		Port:        s.Port,
		Ready:       planProbe(s.Ready),
		Initialized: s.Initialized,
		Drain:       planDrain(s.Drain, info.StopGrace),
		Replicas:    c.replicas(name),
		Balance:     s.Balance,
		Publish:     s.Publish,
		Driven:      c.driven[name],
		GraceFrom:   graceFrom(s.Drain, info.StopGrace),
		PublicEnv:   s.PublicEnv,
		Process:     s.Process,
		Zones:       s.Zones,
		TrustCA:     s.TrustCA,
	}
	switch {
	case p.Balance != "":
	case p.Driven:
		p.Balance = "request"
	default:
		p.Balance = "connection"
	}
	return p
}

// replicas is how many instances a service begins with.
func (c *compiler) replicas(name string) int {
	if s := c.services[name]; s.Replicas != nil {
		return *s.Replicas
	}
	return c.info.Services[name].Replicas
}

// drivenServices are those that traffic is sent to.
func (c *compiler) drivenServices() map[string]bool {
	driven := map[string]bool{}
	c.eachCall(func(_ location, name, _ string) { driven[name] = true })
	return driven
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

// graceFrom tells who chose the grace period of a service.
func graceFrom(drain *Drain, stopGrace time.Duration) string {
	switch {
	case drain != nil && drain.Grace != 0:
		return "scenario"
	case stopGrace != 0:
		return "compose"
	}
	return "default"
}
