package scenarios

import (
	"fmt"
	"slices"
)

// autoscaleKinds are the keys of what an autoscaler goes by, besides schedule.
var autoscaleKinds = []string{"hpa", "target_tracking", "step", "queue"}

// checkScaled checks the services whose instances, or whose resources, change by
// themselves.
func (c *compiler) checkScaled() {
	c.manifests = map[string]*hpaFile{}
	for _, name := range keys(c.services) {
		at, s := location{"stack", "services", name}, c.services[name]
		if _, exists := c.info.Services[name]; !exists {
			continue // reported
		}
		if s.Autoscale != nil {
			c.checkAutoscale(at.to("autoscale"), name, *s.Autoscale)
		}
		if s.Prescale != nil {
			c.checkPrescale(at.to("prescale"), name, *s.Prescale)
		}
	}
}

// limits are the least and the most instances that an autoscaler leaves a
// service; the last result is false where it has none.
func (c *compiler) limits(name string) (least, most int, elastic bool) {
	a := c.services[name].Autoscale
	if a == nil {
		return 0, 0, false
	}
	switch m := c.manifests[name]; {
	case m != nil:
		return int(*m.Spec.MinReplicas), int(m.Spec.MaxReplicas), true
	case a.HPA != "":
		return 0, mostInstances, true // it could not be read
	}
	least, most = defaultMin, defaultMax
	if a.Min != nil {
		least = *a.Min
	}
	if a.Max != nil {
		most = *a.Max
	}
	return least, most, true
}

func (c *compiler) checkAutoscale(at location, name string, a Autoscale) {
	before := len(c.doc.problems)
	switch kinds := a.kinds(); {
	case len(kinds) > 1:
		c.doc.report(at, enumerate(kinds)+" exclude one another", "keep exactly one of them")
	case len(kinds) == 0 && len(a.Schedule) == 0 && !c.doc.reportedIn(at):
		c.doc.report(at, "names none of "+enumerate(autoscaleKinds)+", and no schedule", "say what the service is scaled by")
	}
	c.doc.checkPositive(at.to("every"), a.Every, "the time between two looks")
	c.doc.checkPositive(at.to("resolution"), a.Resolution, "the time between two readings")
	c.checkRequests(at.to("requests"), name, a)
	if n := c.doc.node(at.to("capacity")); n != nil && a.Capacity == 0 && !c.doc.reported(at.to("capacity")) {
		c.doc.report(at.to("capacity"), "an instance that carries nothing serves nobody", "give what one instance carries, which shakedown calibrate measures")
	}
	if a.HPA != "" {
		c.checkHPA(at, name, a)
	}
	c.checkLimits(at, name, a)
	if t := a.TargetTracking; t != nil {
		c.checkTracking(at.to("target_tracking"), name, *t)
	}
	if s := a.Step; s != nil {
		c.checkStep(at.to("step"), name, *s)
	}
	if q := a.Queue; q != nil {
		c.checkQueueScaling(at.to("queue"), name, *q)
	}
	c.checkSchedule(at.to("schedule"), name, a)
	c.doc.checkPhases(at.to("paused_in"), a.PausedIn)
	if len(c.doc.problems) > before {
		c.unsure[name] = true // some may stand in other files
	}
}

// kinds are the keys of what the autoscaler goes by that are given.
func (a Autoscale) kinds() []string {
	given := []bool{a.HPA != "", a.TargetTracking != nil, a.Step != nil, a.Queue != nil}
	var kinds []string
	for i, kind := range autoscaleKinds {
		if given[i] {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// checkLimits checks the least and the most instances that there may be.
func (c *compiler) checkLimits(at location, name string, a Autoscale) {
	if a.HPA != "" {
		if a.Min != nil {
			c.doc.reportKey(at.to("min"), "has no effect: the manifest has minReplicas", "change it there")
		}
		if a.Max != nil {
			c.doc.reportKey(at.to("max"), "has no effect: the manifest has maxReplicas", "change it there")
		}
		return
	}
	least, most, _ := c.limits(name)
	if least > most && !c.doc.reported(at.to("min")) && !c.doc.reported(at.to("max")) {
		where, limit := at.to("min"), fmt.Sprintf("the max of %d", most)
		if a.Max == nil {
			limit += ", which is the default"
		}
		if c.doc.node(where) == nil {
			where = at.to("max")
		}
		c.doc.report(where, fmt.Sprintf("the min of %d is above %s", least, limit), "lower min, or raise max")
	}
	if metric := a.goesBy(); least == 0 && metric != "" && c.ofInstances(name, metric) {
		c.doc.report(at.to("min"), fmt.Sprintf("without an instance there is no metric %q, and so none would ever come back", metric),
			"set min: 1, or take the metric from another service")
	}
	if a.Queue != nil && least > 0 {
		c.doc.reportUseless(at.to("queue"), "activation", fmt.Sprintf("min is %d, and so there always is an instance", least), "set min: 0, or leave it out")
	}
}

// goesBy is the metric that the service is scaled by, "" where it is none of
// ours.
func (a Autoscale) goesBy() string {
	switch {
	case a.TargetTracking != nil:
		return a.TargetTracking.Metric
	case a.Step != nil:
		return a.Step.Metric
	case a.Queue != nil:
		return a.Queue.Backlog
	}
	return ""
}

// checkRequests checks what utilization is to be a share of.
func (c *compiler) checkRequests(at location, name string, a Autoscale) {
	if a.Requests == nil {
		return
	}
	if a.Requests.IsZero() && !c.doc.reportedIn(at) {
		c.doc.report(at, "names neither cpus nor memory", "give one of them, or leave requests out")
	}
	limits := c.info.Services[name].Limits
	if r := a.Requests.CPUs; limits.CPUs > 0 && r > limits.CPUs {
		c.doc.report(at.to("cpus"), fmt.Sprintf("%s is above the limit, which is %s in the compose file", r, limits.CPUs), "request no more than the limit")
	}
	if r := a.Requests.Memory; limits.Memory > 0 && r > limits.Memory {
		c.doc.report(at.to("memory"), fmt.Sprintf("%s is above the limit, which is %s in the compose file", r, limits.Memory), "request no more than the limit")
	}
}

// requests are what utilization is a share of: as Kubernetes has it, what is
// limited and not requested is requested up to its limit.
func (c *compiler) requests(name string) ResourceClass {
	var r ResourceClass
	if a := c.services[name].Autoscale; a != nil && a.Requests != nil {
		r = *a.Requests
	}
	info := c.info.Services[name]
	return r.Or(info.Reservations).Or(info.Limits)
}

// lacksRequest tells that a metric is a share of what is not there. A request that
// could not be read was reported.
func (c *compiler) lacksRequest(name, metric string) bool {
	r := c.requests(name)
	lacks := metric == CPUMetric && r.CPUs == 0 || metric == MemoryMetric && r.Memory == 0
	return lacks && !c.doc.reportedIn(location{"stack", "services", name, "autoscale", "requests"})
}

// checkRequested checks that there is something that a metric of a resource is a
// share of.
func (c *compiler) checkRequested(at location, name, metric string) {
	if c.lacksRequest(name, metric) {
		c.doc.report(at, fmt.Sprintf("%s is a share of what is requested, and service %q requests none", metric, name), requestHint(name, metric))
	}
}

func requestHint(name, metric string) string {
	key := "cpus"
	if metric == MemoryMetric {
		key = "memory"
	}
	return fmt.Sprintf("add deploy.resources.reservations.%s to service %s in the compose file, or autoscale.requests.%s under stack.services.%s", key, name, key, name)
}

// units are those that the targets of metrics of our own may have.
var units = map[string]struct {
	allowed       []string
	measured, one string
}{
	RequestsPerInstance: {[]string{"", "/s"}, "requests a second", "50/s"},
	InFlightPerInstance: {[]string{""}, "a number of requests", "8"},
	P95Metric:           {[]string{"", "s"}, "a time", "250ms"},
	CPUMetric:           {[]string{"", "%"}, "a share of the request", "70%"},
	MemoryMetric:        {[]string{"", "%"}, "a share of the request", "80%"},
}

// checkGoal checks the value that a metric is compared with.
func (c *compiler) checkGoal(at location, metric string, v Value) {
	if u, ours := units[metric]; ours && !slices.Contains(u.allowed, v.Unit) {
		c.doc.report(at, fmt.Sprintf("%s is %s, and %s is none", metric, u.measured, v), "write it like "+u.one)
	}
}

// checkGoesBy checks the metric that something is scaled by.
func (c *compiler) checkGoesBy(at location, name, metric string) {
	if c.checkMetric(at, name, metric, true) {
		c.checkRequested(at, name, metric)
	}
}

func (c *compiler) checkTracking(at location, name string, t TargetTracking) {
	c.checkGoesBy(at.to("metric"), name, t.Metric)
	c.checkGoal(at.to("target"), t.Metric, t.Target)
	if t.Target.Number == 0 && !c.doc.reportedIn(at) {
		c.doc.report(at.to("target"), "a target of zero can never be kept", "give a value above zero")
	}
	if t.Total && ownMetric(t.Metric) {
		c.doc.reportUseless(at, "total", t.Metric+" is of one instance, not of the service as a whole", "leave it out")
	}
}

func (c *compiler) checkStep(at location, name string, s StepScaling) {
	c.checkGoesBy(at.to("metric"), name, s.Metric)
	c.checkSteps(at.to("out"), name, s.Metric, s.Out, true)
	c.checkSteps(at.to("in"), name, s.Metric, s.In, false)
	if len(s.Out) == 0 || len(s.In) == 0 || c.doc.reportedIn(at) {
		return
	}
	if below, above := *s.In[0].Below, *s.Out[0].Above; below.Number >= above.Number {
		c.doc.report(at.to("in", 0, "below"), fmt.Sprintf("instances are removed up to %s, and added from %s on: both at once in between", below, above), "remove only below what adds")
	}
}

// checkSteps checks the steps of one direction: the mildest comes first.
func (c *compiler) checkSteps(at location, name, metric string, steps []ScaleStep, out bool) {
	key, other, order := "above", "below", "higher"
	if !out {
		key, other, order = "below", "above", "lower"
	}
	var last *Value
	for i, step := range steps {
		at := at.to(i)
		limit, wrong := step.Above, step.Below
		if !out {
			limit, wrong = wrong, limit
		}
		switch {
		case wrong != nil:
			c.doc.reportKey(at.to(other), fmt.Sprintf("this step says %s, and in this direction steps have %s", other, key), "write "+key)
		case limit == nil || c.doc.reportedIn(at.to(key)):
		case out && limit.Number == 0:
			c.doc.report(at.to(key), "a metric is never below zero: this step would always apply", "give a value above zero")
		case last != nil && (out && limit.Number <= last.Number || !out && limit.Number >= last.Number):
			c.doc.report(at.to(key), fmt.Sprintf("%s does not go beyond %s, the step before", limit, last), "give each step a "+order+" value than the one before")
		default:
			c.checkGoal(at.to(key), metric, *limit)
			last = limit
		}
		c.checkSize(at, name, step)
	}
}

// checkSize checks how far one step goes.
func (c *compiler) checkSize(at location, name string, step ScaleStep) {
	if c.doc.reportedIn(at.to("change")) || c.doc.reportedIn(at.to("to")) {
		return
	}
	least, most, _ := c.limits(name)
	switch {
	case step.Change == nil && step.To == nil:
		c.doc.report(at, "says neither change nor to", "say how many instances are added or removed, or how many there are afterwards")
	case step.Change != nil && step.To != nil:
		c.doc.reportKey(at.to("to"), "change and to exclude one another", "keep one of the two")
	case step.Change != nil && *step.Change == Portion{}:
		c.doc.report(at.to("change"), "this step changes nothing", "give 1 or more, or leave the step out")
	case step.To != nil && (*step.To < least || *step.To > most):
		c.doc.report(at.to("to"), fmt.Sprintf("%d is not from min to max, which are %d and %d", *step.To, least, most), "give a number between them")
	}
}

func (c *compiler) checkQueueScaling(at location, name string, q QueueScaling) {
	c.checkMetric(at.to("backlog"), name, q.Backlog, false)
	c.checkMetric(at.to("age"), name, q.Age, false)
	if q.MaxAge == nil {
		return
	}
	c.doc.checkPositive(at.to("max_age"), *q.MaxAge, "the age of a job")
	if q.Age == "" {
		c.doc.reportUseless(at, "max_age", "nobody knows how old jobs are", "name the metric under age")
	}
}

func (c *compiler) checkSchedule(at location, name string, a Autoscale) {
	least, most, _ := c.limits(name)
	for i, floor := range a.Schedule {
		at := at.to(i)
		c.doc.checkMoment(at.to("at"), floor.At)
		c.doc.checkPositive(at.to("for"), floor.For, "a floor")
		switch {
		case floor.Min == 0: // reported when it was read
		case floor.Min > most:
			c.doc.report(at.to("min"), fmt.Sprintf("%d is above the most that there may be, which is %d", floor.Min, most), "lower it, or raise the most")
		case floor.Min <= least:
			c.doc.report(at.to("min"), fmt.Sprintf("%d changes nothing: the least number is %d at all times", floor.Min, least), "raise it, or leave the floor out")
		}
	}
}
