package proof

import (
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// A Row says how a defect of the reference stack has to show itself.
type Row struct {
	Defect defects.Defect
	// Scenario is the one of the library that provokes it.
	Scenario string
	// Meant is the check that has to fail.
	Meant Meant
	// Allowed are kinds of checks that may fail beside it and beside slo, because
	// clients feel what is broken.
	Allowed []string
	// Set makes it a defect of settings: it is no switch of the reference stack, but
	// these overrides of the scenario.
	Set []string
	// Platform is the only one that can show it, "" for every one.
	Platform string
}

// The defects of settings.
const (
	// ScaleThrash is an autoscaler without tolerance and window.
	ScaleThrash defects.Defect = "scale-thrash"
	// QueueCPUScaled scales workers that wait on the CPU that they do not use.
	QueueCPUScaled defects.Defect = "queue-cpu-scaled"
	// AlertMissing is rule files without the alert on failing payments.
	AlertMissing defects.Defect = "alert-missing"
	// AlertThresholdWrong is an alert on slow requests whose threshold is in another
	// unit than its metric.
	AlertThresholdWrong defects.Defect = "alert-threshold-wrong"
	// AlertForTooLong is an alert on slow requests that waits until they are over.
	AlertForTooLong defects.Defect = "alert-for-too-long"
)

// Meant picks findings: those of a kind whose rule is one of some, as D1 of
// drain or orders of integrity. No rules means any.
type Meant struct {
	Kind  string
	Rules []string
}

// The scenarios of the matrix.
const (
	everything = "proof/everything"
	dependency = "proof/dependency"
	scaling    = "proof/scaling"
	prescale   = "proof/prescale"
	queue      = "proof/queue"
	payments   = "proof/payments"
	retries    = "proof/retries"
	cache      = "proof/cache"
	database   = "proof/database"
	alerts     = "proof/alerts"
)

// Matrix is every defect with the check meant for it, in the order of their
// documentation.
func Matrix() []Row {
	return slices.Concat(lifeCycle(), scaled(), disturbed(), watched())
}

// Names are the defects of the matrix.
func Names() (names []defects.Defect) {
	for _, row := range Matrix() {
		names = append(names, row.Defect)
	}
	return names
}

// scaled are the defects of autoscaling, whose scenarios allow what clients and
// others feel of too few instances.
func scaled() []Row {
	return []Row{
		{Defect: defects.ScaleMetricStuck, Scenario: scaling, Meant: Meant{"scaling", []string{"C1"}}, Allowed: []string{"cost"}},
		{Defect: defects.ScaleSlowStart, Scenario: scaling, Meant: Meant{"scaling", []string{"C1"}}, Allowed: []string{"readiness", "cost"}},
		{Defect: ScaleThrash, Scenario: scaling, Meant: Meant{"scaling", []string{"C6"}}, Allowed: []string{"cost"},
			Set: []string{"stack.services.api.autoscale.hpa=compose/k8s/api-hpa-thrash.yaml"}},
		{Defect: defects.PrescaleOff, Scenario: prescale, Meant: Meant{"prescale", []string{"P1"}}, Platform: "docker"},
		{Defect: defects.PrescaleLate, Scenario: prescale, Meant: Meant{"prescale", []string{"P1"}}, Platform: "docker"},
		{Defect: defects.PrescaleNeverReturned, Scenario: prescale, Meant: Meant{"prescale", []string{"P4"}}, Platform: "docker"},
		{Defect: QueueCPUScaled, Scenario: queue, Meant: Meant{"queue", []string{"Q1", "Q2", "Q3"}}, Allowed: []string{"scaling"},
			Set: []string{"stack.services.worker.autoscale={hpa: compose/k8s/worker-hpa-cpu.yaml}"}},
		{Defect: defects.WorkerKilledBusy, Scenario: queue, Meant: Meant{"queue", []string{"Q4"}}, Allowed: []string{"drain"}},
	}
}

// disturbed are the defects that show while others fail. What clients feel of them
// is felt in the objectives around the fault, too.
func disturbed() []Row {
	felt := []string{"steady_state", "recovery"}
	return []Row{
		{Defect: defects.RetryStorm, Scenario: payments, Meant: Meant{"third_party", []string{"T1"}}, Allowed: felt},
		{Defect: defects.RetryNoJitter, Scenario: retries, Meant: Meant{"third_party", []string{"T2"}}, Allowed: felt},
		{Defect: defects.IgnoresRetryAfter, Scenario: retries, Meant: Meant{"third_party", []string{"T3"}}, Allowed: felt},
		{Defect: defects.NoTimeout, Scenario: payments, Meant: Meant{"third_party", []string{"T6"}}, Allowed: felt},
		{Defect: defects.NoBreaker, Scenario: payments, Meant: Meant{"third_party", []string{"T4"}}, Allowed: felt},
		{Defect: defects.DoubleCharge, Scenario: retries, Meant: Meant{"integrity", []string{"charges"}}, Allowed: felt},
		{Defect: defects.CacheStampede, Scenario: cache, Meant: Meant{"stampede", []string{"M1"}}, Allowed: felt},
		{Defect: defects.PoolLeak, Scenario: database, Meant: Meant{"recovery", []string{"locks"}}, Platform: "docker"},
		{Defect: defects.DNSCachedForever, Scenario: database, Meant: Meant{"recovery", []string{"gone"}}, Platform: "docker"},
		// What is for sale is asked for at the bank, too: calls that no breaker holds back.
		{Defect: defects.HardDependency, Scenario: payments, Meant: Meant{"blast_radius", nil}, Allowed: slices.Concat(felt, []string{"third_party"})},
	}
}

// watched are the defects of metrics and alerts. What one alert misses is missed by the
// breach that it should have announced, too.
func watched() []Row {
	missed := []string{"alert_coverage"}
	return []Row{
		{Defect: AlertMissing, Scenario: alerts, Meant: Meant{"alert_coverage", []string{"V1"}}, Set: []string{rulesWith("payments", AlertMissing)}},
		{Defect: AlertThresholdWrong, Scenario: alerts, Meant: Meant{"alert", []string{"A1"}}, Allowed: missed, Set: []string{rulesWith("latency", AlertThresholdWrong)}},
		{Defect: AlertForTooLong, Scenario: alerts, Meant: Meant{"alert", []string{"A1"}}, Allowed: missed, Set: []string{rulesWith("latency", AlertForTooLong)}},
		{Defect: defects.MetricsUnlabelled, Scenario: alerts, Meant: Meant{"dashboard", []string{"G2"}}, Allowed: []string{"alert", "alert_coverage"}},
		{Defect: defects.MetricsStop, Scenario: alerts, Meant: Meant{"alert", []string{"A1"}}, Allowed: []string{"alert_coverage", "dashboard"}},
	}
}

// rulesWith are the rule files of the reference stack, one of them with a defect.
func rulesWith(file string, defect defects.Defect) string {
	var files []string
	for _, name := range []string{"availability", "latency", "payments", "queues", "requests", "saturation"} {
		if name == file {
			name = "defects/" + string(defect)
		}
		files = append(files, "compose/alerts/"+name+".yaml")
	}
	return "metrics.rules=[" + strings.Join(files, ", ") + "]"
}

// lifeCycle are the defects of instances that start, serve and stop.
func lifeCycle() []Row {
	return []Row{
		{Defect: defects.DrainIgnored, Scenario: everything, Meant: Meant{"drain", []string{"D1", "D2", "D5"}}, Allowed: []string{"release"}},
		{Defect: defects.DrainListenerFirst, Scenario: everything, Meant: Meant{"drain", []string{"D2"}}, Allowed: []string{"release"}},
		{Defect: defects.DrainKeepaliveCut, Scenario: everything, Meant: Meant{"drain", []string{"D2"}}, Allowed: []string{"release"}},
		{Defect: defects.DrainTooSlow, Scenario: everything, Meant: Meant{"drain", []string{"D5"}}},
		{Defect: defects.DrainExitNonzero, Scenario: everything, Meant: Meant{"drain", []string{"D5"}}},
		{Defect: defects.DrainDropsQueue, Scenario: everything, Meant: Meant{"drain", []string{"D6"}}},
		{Defect: defects.ReadyEarly, Scenario: everything, Meant: Meant{"readiness", []string{"R1"}}, Allowed: []string{"release"}},
		{Defect: defects.ReadyCold, Scenario: everything, Meant: Meant{"readiness", []string{"R2"}}},
		{Defect: defects.ReadyFlaps, Scenario: everything, Meant: Meant{"readiness", []string{"R4"}}, Allowed: []string{"release"}},
		{Defect: defects.ReadySharedDependency, Scenario: dependency, Meant: Meant{"readiness", []string{"R5"}}, Allowed: []string{"release"}},
		{Defect: defects.ReadyStaysTrueOnTerm, Scenario: everything, Meant: Meant{"readiness", []string{"R6"}}},
		{Defect: defects.SessionInMemory, Scenario: everything, Meant: Meant{"stateless", nil}},
		{Defect: defects.MigrationTwice, Scenario: everything, Meant: Meant{"release", []string{"L5"}}},
		{Defect: defects.OrderLostOnTerm, Scenario: everything, Meant: Meant{"integrity", []string{"orders"}}},
		{Defect: defects.NoIdempotency, Scenario: everything, Meant: Meant{"integrity", []string{"orders"}}},
	}
}

// Matches tells whether a finding is of the check meant.
func (m Meant) Matches(f verify.Finding) bool {
	return f.Kind == m.Kind && (len(m.Rules) == 0 || slices.ContainsFunc(m.Rules, func(rule string) bool {
		last := f.ID[strings.LastIndex(f.ID, "/")+1:]
		last, _, _ = strings.Cut(last, "#") // one of several checks of the same
		return last == rule || strings.HasPrefix(last, rule+"-")
	}))
}

// String names the check in a few words: "drain D1, D2 or D5".
func (m Meant) String() string {
	switch n := len(m.Rules); n {
	case 0:
		return m.Kind
	case 1:
		return m.Kind + " " + m.Rules[0]
	default:
		return m.Kind + " " + strings.Join(m.Rules[:n-1], ", ") + " or " + m.Rules[n-1]
	}
}

// may tells whether a finding may fail when the defect is there.
func (r Row) may(f verify.Finding) bool {
	return f.Kind == r.Meant.Kind || f.Kind == "slo" || slices.Contains(r.Allowed, f.Kind)
}
