package scenarios

import (
	"cmp"
	"fmt"
	"slices"
)

// checkScaling checks what a check of scaling refers to inside the file.
func (d *Document) checkScaling(at location, c Check, steps map[string][]string) {
	if s := c.Scaling; s != nil {
		d.checkFollowing(at.to("scaling"), *s, steps)
	}
	if q := c.Queue; q != nil {
		d.checkQueue(at.to("queue"), *q)
	}
	if p := c.Prescale; p != nil {
		d.checkPrescaled(at.to("prescale"), *p)
	}
	if k := c.Cost; k != nil {
		d.checkPhases(at.to("cost", "phases"), k.Phases)
		checkAbove(d, at.to("cost", "cpu"), k.CPU)
	}
}

func (d *Document) checkFollowing(at location, s ScalingCheck, steps map[string][]string) {
	d.checkPhases(at.to("phases"), s.Phases)
	if s.Change != nil {
		d.checkMoment(at.to("change"), *s.Change)
	}
	checkAbove(d, at.to("reaction"), s.Reaction)
	if r := s.Recovery; r != nil {
		at := at.to("recovery")
		if r.Journey != "" {
			d.checkName(at.to("journey"), "journey", r.Journey, keys(steps))
		}
		if r.Step != "" {
			d.checkName(at.to("step"), "step", r.Step, steps[r.Journey])
		}
		d.checkPositive(at.to("p95"), r.P95, "a limit")
		d.checkPositive(at.to("within"), r.Within, "a recovery")
	}
}

func (d *Document) checkQueue(at location, q QueueCheck) {
	if q.MaxBacklog == nil && q.MaxAge == nil && q.DrainedWithin == nil && q.Work == nil && !d.reportedIn(at) {
		d.report(at, "asks for nothing", "give max_backlog, max_age, drained_within or work")
	}
	checkAbove(d, at.to("max_age"), q.MaxAge)
	checkAbove(d, at.to("drained_within"), q.DrainedWithin)
	phases := d.phaseNames()
	if q.Surge != "" {
		d.checkName(at.to("surge"), "phase", q.Surge, phases)
	}
	switch {
	case q.DrainedWithin == nil:
		for _, key := range []string{"surge", "drained"} {
			d.reportUseless(at, key, "it is about drained_within", "add drained_within, or leave it out")
		}
	case q.Surge == "":
		d.report(at, "drained_within counts from the end of a phase, and none is named", "name the one that fills the queue under surge")
	case len(phases) > 0 && q.Surge == phases[len(phases)-1]:
		d.report(at.to("surge"), fmt.Sprintf("phase %q is the last: nobody looks at the queue after it", q.Surge), "add a phase after it, in which the queue can be worked off")
	}
}

func (d *Document) checkPrescaled(at location, p PrescaleCheck) {
	d.checkPositive(at.to("returned_within"), p.ReturnedWithin, "giving back")
	checkAbove(d, at.to("completed"), p.Completed)
	journey := d.checkWalked(at.to("journey"), p.Journey)
	if journey == nil {
		return
	}
	steps := names(journey.requests(), func(r JourneyStep) string { return r.Name })
	if p.Step != "" {
		d.checkName(at.to("step"), "step", p.Step, steps)
	}
	if p.Done == "" {
		return
	}
	d.checkName(at.to("done"), "step", p.Done, steps)
	if first, last := slices.Index(steps, p.Step), slices.Index(steps, p.Done); last >= 0 && last < first {
		d.report(at.to("done"), fmt.Sprintf("step %q comes before step %q", p.Done, p.Step), "name the step whose success says that the work is completed")
	}
}

// checkScalingOf checks what checks of scaling want of the services that they are
// about.
func (c *compiler) checkScalingOf(at location, check Check) {
	if s := check.Scaling; s != nil {
		c.checkFollower(at.to("scaling"), *s)
	}
	if q := check.Queue; q != nil {
		c.checkQueued(at.to("queue"), *q)
	}
	if p := check.Prescale; p != nil && c.checkKnown(at.to("prescale", "service"), p.Service, nil) && c.services[p.Service].Prescale == nil {
		c.doc.report(at.to("prescale", "service"), fmt.Sprintf("service %q is not prescaled", p.Service), fmt.Sprintf("add prescale under stack.services.%s", p.Service))
	}
	if k := check.Cost; k != nil && c.checkKnown(at.to("cost", "service"), k.Service, nil) {
		if k.Replicas != nil {
			c.checkCapacity(at.to("cost", "replicas"), k.Service)
		}
		if k.CPU != nil {
			c.checkRequested(at.to("cost", "cpu"), k.Service, CPUMetric)
		}
	}
}

// checkCapacity checks that demand can be counted.
func (c *compiler) checkCapacity(at location, service string) {
	if a := c.services[service].Autoscale; a != nil && a.Capacity > 0 || c.doc.reportedIn(location{"stack", "services", service}) {
		return
	}
	c.doc.report(at, fmt.Sprintf("nobody knows what an instance of service %q carries, and so how many are needed", service),
		fmt.Sprintf("add capacity under stack.services.%s.autoscale; shakedown calibrate measures it", service))
}

func (c *compiler) checkFollower(at location, s ScalingCheck) {
	if !c.checkKnown(at.to("service"), s.Service, nil) {
		return
	}
	a := c.services[s.Service].Autoscale
	if a == nil {
		c.doc.report(at.to("service"), fmt.Sprintf("service %q has no autoscaler", s.Service), fmt.Sprintf("add autoscale under stack.services.%s", s.Service))
		return
	}
	for _, key := range []string{"under_provisioned", "under_time", "over_provisioned", "over_time", "overshoot"} {
		if c.doc.given(at, key) {
			c.checkCapacity(at.to(key), s.Service)
		}
	}
	for _, key := range []string{"reaction", "recovery"} {
		if c.doc.given(at, key) && s.Change == nil && a.Capacity == 0 && !c.doc.given(at, "change") {
			c.doc.report(at.to(key), fmt.Sprintf("counts from the change of load, and without the capacity of service %q nobody knows when that is", s.Service),
				fmt.Sprintf("add change: the moment at which the load rises; or capacity under stack.services.%s.autoscale", s.Service))
		}
	}
}

func (c *compiler) checkQueued(at location, q QueueCheck) {
	if !c.checkKnown(at.to("service"), q.Service, nil) {
		return
	}
	var scaled *QueueScaling
	if a := c.services[q.Service].Autoscale; a != nil {
		scaled = a.Queue
	}
	backlog, age := queueMetrics(q, scaled)
	c.checkQueueMetric(at, "backlog", backlog, q, q.MaxBacklog != nil || q.DrainedWithin != nil)
	c.checkQueueMetric(at, "age", age, q, q.MaxAge != nil)
}

// queueMetrics are the metrics of a queue check: those that it names, else those
// by which the service is scaled.
func queueMetrics(q QueueCheck, scaled *QueueScaling) (backlog, age string) {
	backlog, age = q.Backlog, q.Age
	if scaled != nil {
		return cmp.Or(backlog, scaled.Backlog), cmp.Or(age, scaled.Age)
	}
	return backlog, age
}

// checkQueueMetric checks one of the metrics of a queue.
func (c *compiler) checkQueueMetric(at location, key, metric string, q QueueCheck, needed bool) {
	_, measured := c.services[q.Service].Metrics[metric]
	switch {
	case metric == "" && needed:
		c.doc.report(at, fmt.Sprintf("nobody knows the %s of the queue", key), fmt.Sprintf("name a metric under %s, or under stack.services.%s.autoscale.queue", key, q.Service))
	case metric != "" && !measured && c.doc.given(at, key): // otherwise said of the autoscaler
		c.checkMetric(at.to(key), q.Service, metric, false)
	}
}
