package reports

import (
	"fmt"
	"math/rand/v2"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func ptr[T any](v T) *T { return &v }

// scalingRun is a run with everything that scales: an HPA on api, a queue that
// worker is scaled on, prescaling of importer with a budget, and a notice.
func scalingRun() Run {
	s := &synthetic{random: rand.New(rand.NewPCG(9, 10)), fine: true}
	s.stack()
	s.start(2700*ms, "importer", "importer-1", 700*ms)
	s.start(2750*ms, "importer", "importer-2", 700*ms)
	s.at(2800*ms, journal.InstanceStarted{Service: "worker", Instance: "worker-1", Cause: "stack up"})
	s.at(origin, journal.TrafficStarted{})
	for i, name := range []string{"baseline", "surge", "settle"} {
		from := origin + time.Duration(i)*10*second
		s.at(from, journal.PhaseStarted{Phase: name, For: 10 * second})
		s.at(from+10*second, journal.PhaseEnded{Phase: name})
		rate := []int{30, 110, 40}[i]
		s.traffic(load{from, from + 10*second, name, "home", rate, 4 * ms, nil, nil})
		s.traffic(load{from, from + 10*second, name, "", rate, 160 * ms, nil, nil})
	}
	s.generator(origin, origin+30*second)
	s.hpa()
	s.queue()
	s.prescale()
	s.at(origin+24*second, journal.Interrupted{Service: "api", Instances: []string{"api-1"}, Notice: 4 * second})
	s.end()
	for i, e := range s.events {
		if b, ok := e.Body.(journal.Tally); ok {
			b.Driven = b.Total // nobody else calls
			s.events[i].Body = b
		}
	}
	run := Run{Dir: "runs/20261130-091500-monday", Intent: intent(), Record: s.record()}
	run.Intent.Command = []string{"shakedown", "run", "monday", "--variant", "proactive"}
	run.Intent.Plan = planOfScaling()
	run.Result = scalingResult()
	return run
}

// decide writes an evaluation of api's autoscaler.
func (s *synthetic) decide(t time.Duration, d journal.ScaleDecision, value float64, proposed int) {
	d.Service, d.Autoscaler, d.Took = "api", "hpa", 21*time.Microsecond
	d.Metrics = []journal.ScaleMetric{{Name: "cpu", Value: &value, Target: 60, Unit: "%", Proposed: &proposed}}
	d.Conditions = []journal.ScaleCondition{{Type: "AbleToScale", Status: "True", Reason: "ReadyForNewScale"}}
	s.at(t, d)
}

// hpa writes the decisions on api: out in two steps, one of them with an engine
// that refuses an instance, back in after the window, and one that cannot read.
func (s *synthetic) hpa() {
	for i, v := range []float64{31, 34, 33} {
		s.decide(origin+time.Duration(3*i+1)*second, journal.ScaleDecision{ID: i + 1, Current: 2, Wanted: 2, Desired: 2, Reason: "DesiredWithinRange", Message: "the desired count is within the acceptable range"}, v, 2)
	}
	out := origin + 13*second
	s.decide(out, journal.ScaleDecision{ID: 4, Current: 2, Wanted: 4, Desired: 4, Reason: "SucceededRescale", Message: "cpu resource utilization (percentage of request) above target"}, 104, 4)
	s.at(out+2*ms, journal.ScaleApplied{ID: 4, Service: "api", Started: []string{"api-3", "api-4"}})
	s.scaleOut(out, 4, "api-3", 410*ms, 1900*ms)
	s.scaleOut(out, 4, "api-4", 520*ms, 2300*ms)
	again := origin + 17*second
	s.decide(again, journal.ScaleDecision{ID: 5, Current: 4, Wanted: 7, Desired: 6, Reason: "SucceededRescale", Message: "cpu resource utilization (percentage of request) above target"}, 98, 7)
	s.at(again+2*ms, journal.ScaleApplied{ID: 5, Service: "api", Started: []string{"api-5", "api-6"}})
	s.scaleOut(again, 5, "api-5", 390*ms, 1800*ms)
	s.at(again+700*ms, journal.Operation{Op: "instance.start", Subject: "api-6", Cause: journal.DecisionCause(5, "scale api to 6"), Took: 300 * ms, Error: "no space left on device"})
	s.at(origin+20*second, journal.ScaleDecision{ID: 6, Service: "api", Autoscaler: "hpa", Current: 5, Wanted: 5, Desired: 5, Reason: "FailedGetResourceMetric", Message: "unable to get metrics",
		Metrics: []journal.ScaleMetric{{Name: "cpu", Target: 60, Unit: "%", Missing: 5, Error: "no reading for 3 periods"}}})
	in := origin + 26*second
	s.decide(in, journal.ScaleDecision{ID: 7, Current: 5, Wanted: 3, Desired: 3, Reason: "SucceededRescale", Message: "All metrics below target"}, 22, 3)
	s.at(in+2*ms, journal.ScaleApplied{ID: 7, Service: "api", Stopping: []string{"api-5", "api-4"}})
	s.drain(in+3*ms, "api", "api-5", journal.DecisionCause(7, "scale api to 3"), 1200*ms)
	s.drain(in+3*ms, "api", "api-4", journal.DecisionCause(7, "scale api to 3"), 1300*ms)
	for i, name := range []string{"api-1", "api-2", "api-3", "api-4", "api-5"} {
		for t := second; t <= 30*second; t += second {
			s.at(origin+t, journal.Usage{Service: "api", Instance: name, CPU: t / time.Duration(2+i), Memory: 60 << 20, Limit: 256 << 20})
		}
	}
}

func (s *synthetic) scaleOut(t time.Duration, id int, instance string, started, ready time.Duration) {
	s.at(t+started, journal.InstanceStarted{Service: "api", Instance: instance, Cause: journal.DecisionCause(id, "scale api")})
	s.at(t+ready, journal.ProbeChanged{Service: "api", Instance: instance, Ready: true, Detail: "status 200"})
	s.at(t+ready, journal.EndpointAdded{Service: "api", Instance: instance})
	gone := origin + 30*second
	if instance == "api-4" || instance == "api-5" {
		gone = origin + 26*second
	}
	s.tallies("api", instance, t+ready, gone, 20)
}

// queue writes the backlog of worker and what its autoscaler made of it.
func (s *synthetic) queue() {
	for t := time.Duration(0); t < 30*second; t += second {
		depth := 10.0
		if t > 10*second {
			depth = max(4, 180-12*max(0, (t-14*second).Seconds()))
		}
		s.at(origin+t, journal.Measured{Service: "worker", Metric: "orders_waiting", Value: depth})
		s.at(origin+t, journal.Measured{Service: "worker", Metric: "orders_age", Value: depth / 40})
	}
	s.at(origin+15*second+500*ms, journal.Measured{Service: "worker", Metric: "orders_waiting", Error: "refused"})
	proposed, value := 4, 180.0
	at := origin + 11500*ms
	s.at(at, journal.ScaleDecision{ID: 20, Service: "worker", Autoscaler: "queue", Current: 1, Wanted: 4, Desired: 4, Reason: "BacklogAboveTarget", Message: "180 jobs, 50 for each instance",
		Metrics: []journal.ScaleMetric{{Name: "orders_waiting", Value: &value, Target: 50, Proposed: &proposed}}})
	s.at(at+ms, journal.ScaleApplied{ID: 20, Service: "worker", Started: []string{"worker-2", "worker-3", "worker-4"}})
	for i := range 3 {
		s.at(at+300*ms+time.Duration(i)*40*ms, journal.InstanceStarted{Service: "worker", Instance: fmt.Sprintf("worker-%d", i+2), Cause: journal.DecisionCause(20, "scale worker to 4")})
	}
}

// prescale writes three accounts: one in time, one that has to wait, one that is
// turned away and whose instance runs out of memory.
func (s *synthetic) prescale() {
	importers := []string{"importer-1", "importer-2"}
	resize := func(t time.Duration, id int, class string, to int64) {
		for i, name := range importers {
			s.at(t+time.Duration(i)*15*ms, journal.Resized{Decision: id, Service: "importer", Instance: name, Class: class, FromCPUs: .5, CPUs: map[string]float64{"large": 1, "base": .5}[class],
				FromMemory: (192<<20 + 512<<20) - to, Memory: to, Cause: journal.DecisionCause(id, "tenant-1 signed in"), Took: 11 * ms})
		}
	}
	claim := func(t time.Duration, id int, account, state, reason string, waited time.Duration) {
		s.at(t, journal.Claim{Decision: id, Service: "importer", Account: account, State: state, Via: "webhook", Waited: waited, Answered: true, Reason: reason})
	}
	work := func(t time.Duration, tenant string, session int, done string) {
		m := journal.Milestone{Journey: "import", Step: "upload", Cohort: "enterprises", Tier: "enterprise", Tenant: tenant, Session: session, Outcome: "started"}
		s.at(t, m)
		m.Outcome = "ok"
		s.at(t+300*ms, m)
		m.Step, m.Outcome = "wait", "started"
		s.at(t+400*ms, m)
		m.Outcome = done
		s.at(t+3*second, m)
	}
	for i, at := range []time.Duration{11 * second, 11500 * ms, 12 * second} {
		s.at(origin+at, journal.SessionSignal{Service: "api", Via: "webhook", Account: fmt.Sprintf("tenant-%d", i+1), Tier: "enterprise"})
	}
	s.at(origin+11*second, journal.ScaleDecision{ID: 30, Service: "importer", Autoscaler: "proactive", Current: 2, Wanted: 2, Desired: 2, Reason: "SessionStarted", Message: "a session of tenant-1 starts"})
	resize(origin+11*second+18*ms, 30, "large", 512<<20)
	claim(origin+11*second+40*ms, 30, "tenant-1", "granted", "", 0)
	claim(origin+11500*ms, 31, "tenant-2", "queued", "", 0)
	claim(origin+13*second, 31, "tenant-2", "granted", "", 1500*ms)
	claim(origin+12*second, 32, "tenant-3", "rejected", "the budget of 1 account is used up", 0)
	claim(origin+13*second, 30, "tenant-1", "released", "", 0)
	work(origin+12*second, "tenant-1", 1, "ok")
	work(origin+12800*ms, "tenant-2", 2, "ok")
	work(origin+14*second, "tenant-3", 3, "fail")
	s.at(origin+15*second, journal.InstanceExited{Service: "importer", Instance: "importer-2", Code: 137, OOM: true})
	s.at(origin+15*second, journal.EndpointRemoved{Service: "importer", Instance: "importer-2", Reason: "gone"})
	s.at(origin+23*second, journal.Resized{Decision: 33, Service: "importer", Instance: "importer-1", Class: "base", FromCPUs: 1, CPUs: .5, FromMemory: 512 << 20, Memory: 192 << 20, Cause: journal.DecisionCause(33, "held long enough"),
		Error: "unable to set memory limit to 201326592 (current usage: 262144000)"})
	s.at(origin+24*second, journal.Resized{Decision: 33, Service: "importer", Instance: "importer-1", Class: "base", FromCPUs: 1, CPUs: .5, FromMemory: 512 << 20, Memory: 192 << 20, Cause: journal.DecisionCause(33, "held long enough"), Took: 9 * ms})
	for t := second; t < 30*second; t += second {
		used := int64(40 << 20)
		if t > 12*second && t < 24*second {
			used = 250 << 20
		}
		for _, name := range importers {
			if name == "importer-1" || t < 15*second {
				s.at(origin+t, journal.Usage{Service: "importer", Instance: name, CPU: t / 5, Memory: used, Limit: 192 << 20})
			}
		}
	}
}

// waiting is a behavior that waits so many seconds before it removes instances.
func waiting(seconds int32) *autoscalingv2.HorizontalPodAutoscalerBehavior {
	return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: &seconds}}
}

func planOfScaling() *scenarios.Plan {
	call := func(name, service string) scenarios.PlannedStep {
		return scenarios.PlannedStep{Name: name, Service: service}
	}
	return &scenarios.Plan{
		Lint:     []scenarios.LintRemark{{Rule: "cycles", Service: "api", Level: "warning", Text: "api needs 3 rounds to get from 2 to 6 instances; the load is at its peak before"}},
		Scenario: "monday", Variant: "proactive", Summary: "Everybody comes at nine, and some bring models.", Digest: "5ca1ab1e", Seed: 7, Tempo: 5, Multiple: 1, Duration: scenarios.Duration(30 * second),
		Phases: []scenarios.PlannedPhase{
			{Name: "baseline", End: scenarios.Duration(10 * second)}, {Name: "surge", Start: scenarios.Duration(10 * second), End: scenarios.Duration(20 * second)},
			{Name: "settle", Start: scenarios.Duration(20 * second), End: scenarios.Duration(30 * second)},
		},
		Services: map[string]scenarios.PlannedService{
			"api":    {Port: 8080, Replicas: 2, Driven: true, Autoscale: &scenarios.PlannedAutoscale{HPA: &autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 6, Behavior: waiting(30)}, Manifest: "api, compose/k8s/api-hpa.yaml", Min: 2, Max: 6, Every: scenarios.Duration(15 * second), Resolution: scenarios.Duration(15 * second), Capacity: 22}},
			"worker": {Replicas: 1, Autoscale: &scenarios.PlannedAutoscale{Queue: &scenarios.QueueScaling{Backlog: "orders_waiting", PerInstance: 50, Age: "orders_age"}, Min: 1, Max: 4, Every: scenarios.Duration(15 * second)}},
			"importer": {Port: 8080, Replicas: 2, Limits: scenarios.ResourceClass{CPUs: .5, Memory: 192 << 20}, Prescale: &scenarios.Prescale{
				Policy: "proactive", Tier: "enterprise", Webhook: &scenarios.PrescaleWebhook{Service: "api", Variable: "PRESCALE_WEBHOOK"}, Large: scenarios.ResourceClass{CPUs: 1, Memory: 512 << 20}, Hold: scenarios.Duration(45 * second), Budget: 1, Beyond: "queue", QueueFor: scenarios.Duration(10 * second),
			}},
		},
		Journeys: map[string][]scenarios.PlannedStep{"shop": {call("home", "api")}, "import": {call("sign-in", "api"), call("upload", "api"), call("wait", "api")}},
		Load:     []scenarios.PlannedLoad{{Cohort: "free", Journey: "shop"}, {Cohort: "enterprises", Tier: "enterprise", Journey: "import", Tenants: 3}},
		Checks: []scenarios.Check{
			{Scaling: &scenarios.ScalingCheck{Service: "api", Reaction: ptr(scenarios.Duration(5 * second))}},
			{Queue: &scenarios.QueueCheck{Service: "worker", MaxBacklog: ptr(200), MaxAge: ptr(scenarios.Duration(6 * second))}},
			{Prescale: &scenarios.PrescaleCheck{Service: "importer", Journey: "import", Step: "upload", Done: "wait"}},
			{Cost: &scenarios.CostCheck{Service: "api", Replicas: ptr(scenarios.Factor(1.5))}},
		},
		Milestones: []scenarios.PlannedMilestone{{Journey: "import", Step: "upload"}, {Journey: "import", Step: "wait"}},
	}
}

func scalingResult() verify.Result {
	return verify.Result{Scenario: "monday", Verdict: verify.Fail, Checks: []verify.Finding{
		passed("scaling/api/C1-reaction", "scaling", "api", "an instance more within 5 s", "4.9 s: 3 s to the decision, 410 ms to started, 1.49 s to ready"),
		passed("queue/worker/Q1-backlog", "queue", "worker", "never more than 200 jobs", "at most 180"),
		{
			ID: "prescale/importer/P2-unbroken", Kind: "prescale", Service: "importer", Verdict: verify.Fail, Wanted: "no instance runs out of memory", Measured: "1 did",
			Reason: "importer-2 ran out of memory.", Evidence: []verify.Evidence{{Text: "exited with code 137, killed for want of memory", Instance: "importer-2", From: origin + 15*second, To: origin + 15*second}},
		},
	}}
}
