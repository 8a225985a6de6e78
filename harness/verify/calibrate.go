package verify

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Calibration is what one instance of a service carried, by a run in which
// nothing scaled it.
type Calibration struct {
	Service   string `json:"service"`
	Instances int    `json:"instances"` // that shared the load, throughout
	// Capacity is the highest load, in requests a second for each instance, that was
	// carried while every objective held, over a stretch of about five seconds. Where
	// nothing broke AtLeast is true: more may be possible.
	Capacity float64 `json:"capacity"`
	AtLeast  bool    `json:"at_least,omitempty"`
	// Held is that stretch; Broke the first one that did not hold, with another
	// right after it that did not either; nil where nothing broke.
	Held  LoadLevel  `json:"held"`
	Broke *LoadLevel `json:"broke,omitempty"`
	// Objectives are what had to hold, in words.
	Objectives []string `json:"objectives"`
	// Remarks are what a reader should know of the figure.
	Remarks []string `json:"remarks,omitempty"`
}

// A LoadLevel is a stretch of a run with its load; From and To are offsets from
// the start of the run.
type LoadLevel struct {
	From   time.Duration `json:"from_ns"`
	To     time.Duration `json:"to_ns"`
	Rate   float64       `json:"rate"`   // requests a second, of the service as a whole
	Missed []string      `json:"missed"` // the objectives that did not hold, with figures
}

// String is the capacity in words: "at least 48.2 requests a second".
func (c Calibration) String() string {
	text := perSecond(c.Capacity, "request") + " for each instance of " + c.Service
	if c.AtLeast {
		text = "at least " + text
	}
	return text
}

// Calibrate finds out what one instance of a service carries, from a run with a
// constant number of them: the highest load over a stretch in which the
// percentiles and the availability held that the plan's SLO checks ask of journeys
// that call the service. A run that does not tell is an error that says why, and
// what to do. Neither argument is changed, and both may be nil.
func Calibrate(rec *journal.Record, plan *scenarios.Plan, service string) (c Calibration, err error) {
	defer func() {
		if p := recover(); p != nil { // whatever stands in the files of a run
			c, err = Calibration{}, fmt.Errorf("calibrate %s: the record could not be judged: %.100v", service, p)
		}
	}()
	if rec == nil {
		rec = &journal.Record{}
	}
	if plan == nil {
		plan = &scenarios.Plan{}
	}
	if c, err = newHistory(rec, plan).calibrate(service); err != nil {
		return Calibration{}, fmt.Errorf("calibrate %s: %w", service, err)
	}
	return c, nil
}

func (h *history) calibrate(service string) (Calibration, error) {
	c := Calibration{Service: service}
	if _, known := h.plan.Services[service]; !known {
		return c, errors.New("the plan has no such service; name one of the scenario's stack.services")
	}
	if !h.routed(service) {
		return c, errors.New("it takes no requests: nothing routes to it; give autoscale.capacity in jobs a second")
	}
	aims := h.aims(service)
	if len(aims) == 0 {
		return c, errors.New("no slo check of the scenario is about requests that call it, so nothing says what it has to hold; add one with a p95, a p99 or an availability")
	}
	for _, a := range aims {
		c.Objectives = append(c.Objectives, a.words)
	}
	if why := h.unusable(service); why != "" {
		return c, errors.New(why)
	}
	instances, why := h.constant(service)
	if why != "" {
		return c, errors.New(why)
	}
	c.Instances = instances
	load := h.loadOf(service)
	if load.why != "" {
		return c, errors.New(load.why)
	}
	return h.search(c, load, aims)
}

// unusable says why a run tells nothing of capacity at all.
func (h *history) unusable(service string) string {
	switch {
	case h.window.cut != "":
		return h.window.cut + "; let it run to its end"
	case h.rec.Damaged > 0:
		return h.damage()
	}
	return h.gatewayDied(service)
}

// constant is the number of instances that took work throughout; else why it is
// not one number.
func (h *history) constant(service string) (n int, why string) {
	there := h.serving(service)
	run := h.controlled()
	n = there.At(run.from)
	for _, at := range turnsOf(run, there)[1:] {
		if is := there.At(at); is != n {
			return n, fmt.Sprintf("the number of instances that took work changed from %s to %s at %s; calibrate needs a frozen run, in which nothing scales or breaks down", count(n), count(is), offset(at))
		}
	}
	if n == 0 {
		return n, "no instance took work when traffic began"
	}
	return n, ""
}

// search goes through the loads of a run.
func (h *history) search(c Calibration, l load, aims []objective) (Calibration, error) {
	var levels []LoadLevel
	for _, b := range l.blocks {
		if missed, judged := h.missed(aims, b.span); judged && b.rate > 0 {
			levels = append(levels, LoadLevel{b.from, b.to, b.rate, missed})
		}
	}
	if len(levels) == 0 {
		return c, errors.New("no requests that the slo checks are about ended in any stretch of it")
	}
	before := levels
	if i := firstBroken(levels); i >= 0 {
		// What comes right before led to it, and what follows has to recover from it.
		c.Broke, before = &levels[i], levels[:max(0, i-1)]
	}
	c.AtLeast = c.Broke == nil
	found := false
	for _, l := range before {
		if len(l.Missed) == 0 && (!found || l.Rate > c.Held.Rate) {
			c.Held, found = l, true
		}
	}
	if !found {
		return c, fmt.Errorf("nothing was carried for long: %s already came to %s; begin with less load, or more instances", perSecond(c.Broke.Rate, "request"), c.Broke.Missed[0])
	}
	c.Held.Missed = []string{}
	c.Capacity = c.Held.Rate / float64(c.Instances)
	c.Remarks = h.remarks(c, aims)
	return c, nil
}

// firstBroken is the first level at which objectives did not hold, nor at the one
// after it: what breaks once may be chance. Negative if there is none.
func firstBroken(levels []LoadLevel) int {
	for i, l := range levels {
		again := i+1 == len(levels) || len(levels[i+1].Missed) > 0
		if len(l.Missed) > 0 && again {
			return i
		}
	}
	return -1
}

// remarks are what casts doubt on a figure, or bounds it.
func (h *history) remarks(c Calibration, aims []objective) []string {
	var list []string
	if c.AtLeast {
		list = append(list, "nothing broke: raise the load until it does (--load) to know more")
	}
	for _, a := range aims {
		if why := h.sampleOf(a.check).generator.suspect(a.strictest()).reason; why != "" && !slices.Contains(list, why) {
			list = append(list, why)
		}
	}
	return list
}

// objective is an SLO check on requests that call a service.
type objective struct {
	check scenarios.SLOCheck
	words string
}

func (o objective) strictest() time.Duration {
	limit, _ := strictest(&o.check)
	return limit
}

// aims are the SLO checks about requests that call a service. Those on whole
// sessions are about what else they do too.
func (h *history) aims(service string) []objective {
	var list []objective
	for _, c := range h.plan.Checks {
		if c.SLO == nil || c.SLO.Whole || c.SLO.P95 == nil && c.SLO.P99 == nil && c.SLO.Availability == nil {
			continue
		}
		calls := func(s scenarios.PlannedStep) bool {
			return s.Service == service && (c.SLO.Step == "" || c.SLO.Step == s.Name)
		}
		if !slices.ContainsFunc(scenarios.Requests(h.plan.Journeys[c.SLO.Journey]), calls) {
			continue
		}
		check := *c.SLO
		check.Phases, check.P50 = nil, nil // stretches are judged wherever they lie
		list = append(list, objective{check, objectiveWords(check)})
	}
	return list
}

func objectiveWords(c scenarios.SLOCheck) string {
	text := ""
	if c.P95 != nil {
		text = join(text, "p95 <= "+latency(c.P95.Std()))
	}
	if c.P99 != nil {
		text = join(text, "p99 <= "+latency(c.P99.Std()))
	}
	if c.Availability != nil {
		text = join(text, "availability >= "+c.Availability.String())
	}
	return subject(c) + ": " + text
}

// missed are the objectives that did not hold in a stretch; false where no request
// that one is about ended in it.
func (h *history) missed(aims []objective, during span) (missed []string, judged bool) {
	for _, a := range aims {
		chosen := selection{a.check}
		var sum tally
		for _, t := range h.traffic {
			b := t.body
			if t.at-b.For/2 >= during.from && t.at-b.For/2 < during.to && chosen.sessions(b.Phase, b.Cohort, b.Tier, b.Journey) && chosen.step(b.Step) {
				sum.add(b)
			}
		}
		ended := sum.ok + sum.failed - sum.own + sum.unknown
		if ended == 0 {
			continue
		}
		judged = true
		missed = append(missed, h.missedBy(a, chosen, during, sum.ok, ended)...)
	}
	return missed, judged
}

// missedBy are the limits of one check that did not hold in a stretch. Requests
// without a right answer are slower than any limit.
func (h *history) missedBy(a objective, chosen selection, during span, ok, ended int) (missed []string) {
	if want := a.check.Availability; want != nil && float64(ok)*100 < float64(*want)*float64(ended)-tiny {
		missed = append(missed, fmt.Sprintf("availability %s of %s, wanted %s", share(ok, ended), plural(ended, "request"), want))
	}
	response := journal.NewHistogram()
	for _, i := range h.rec.Latency {
		middle := i.From + (i.To-i.From)/2
		if middle >= during.from && middle < during.to && i.Tag.Measure == journal.Response && chosen.step(i.Tag.Step) &&
			chosen.sessions(i.Tag.Phase, i.Tag.Cohort, i.Tag.Tier, i.Tag.Journey) {
			i.AddTo(response)
		}
	}
	s := sample{response: response, tally: tally{ok: ok, failed: ended - ok}}
	for _, l := range []struct {
		name  string
		q     float64
		limit *scenarios.Duration
	}{{"p95", 95, a.check.P95}, {"p99", 99, a.check.P99}} {
		if l.limit == nil {
			continue
		}
		switch r := s.read(l.q, l.limit.Std()); {
		case !r.reached:
			missed = append(missed, fmt.Sprintf("no %s: %s of %s had no right answer", l.name, count(ended-ok), plural(ended, "request")))
		case r.exceeds:
			missed = append(missed, fmt.Sprintf("%s %s, wanted %s", l.name, latency(r.value), latency(l.limit.Std())))
		}
	}
	return missed
}
