package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A row holds one metric to the events that change it.
type row struct {
	metric string
	events []journal.Event
	want   page // after the events; none of it may be so before
	absent []string
}

var (
	sent = journal.Traffic{
		Phase: "surge", Cohort: "buyers", Tier: "free", Journey: "order", Step: "pay", For: time.Second,
		Intended: 9, Sent: 8, OK: 5, Failed: 2, Unknown: 1, Own: 1,
		P50: 100 * time.Millisecond, P95: 200 * time.Millisecond, P99: 300 * time.Millisecond, Max: 400 * time.Millisecond,
	}
	session = journal.Traffic{
		Phase: "surge", Cohort: "buyers", Tier: "free", Journey: "order", For: time.Second,
		Intended: 7, Sent: 6, OK: 3, Failed: 2, Unknown: 1, P50: time.Second, P95: 2 * time.Second, P99: 3 * time.Second, Max: 4 * time.Second,
	}
	tally = journal.Tally{
		Service: "api", Instance: "api-1", For: time.Second, Total: 10, InFlight: 4,
		Failed: map[journal.Failure]int{journal.Refused: 2, journal.Status5xx: 1}, Times: map[int]int{0: 4, 40: 3, 200: 1},
	}
	started   = journal.InstanceStarted{Service: "api", Instance: "api-1"}
	exited    = journal.InstanceExited{Service: "api", Instance: "api-1", Code: 137, OOM: true}
	used      = journal.Usage{Service: "api", Instance: "api-1", CPU: 1500 * time.Millisecond, Memory: 1000, Limit: 4000}
	resized   = journal.Resized{Service: "api", Instance: "api-1", CPUs: 2, Memory: 8000}
	decision  = journal.ScaleDecision{Service: "api", Autoscaler: "hpa", Current: 2, Wanted: 9, Desired: 6, Reason: "Up", Metrics: []journal.ScaleMetric{{Name: "cpu", Value: new(float64), Target: 70}}}
	begun     = journal.FaultStarted{Fault: "slow", FaultKind: "latency", Targets: []string{"api-1", "api-2"}}
	calls     = journal.Calls{Service: "mail", Total: 10, Failed: 3, Injected: 2, Told: 4, Early: 1, InFlight: 5}
	ourselves = journal.Generator{
		For: time.Second, InFlight: 1, Sessions: 2, Queued: 3, Area: 4.5, Sojourn: 5.5, CPU: 6 * time.Second, Thread: 7 * time.Second,
		CPUs: 8, Busy: 0.9, Steal: 0.1, Files: 11, FileLimit: 12, Connections: 13, Dialled: 14,
		Exhausted: map[string]int{"ports": 15}, Memory: 16,
	}
	firing = journal.AlertChanged{Group: "g", Alert: "HighErrors", From: journal.AlertPending, To: journal.AlertFiring}
)

// pending is firing's beginning.
func pending() journal.AlertChanged {
	a := firing
	a.From, a.To = journal.AlertInactive, journal.AlertPending
	return a
}

// rows has at least one for each metric; see TestEveryMetricHasARow.
var rows = []row{
	{metric: "shakedown_requests_total", events: events(sent, session, sent), want: page{
		`shakedown_requests_total{cohort="buyers",journey="order",outcome="ok",phase="surge",step="pay",tier="free"}`:      10,
		`shakedown_requests_total{cohort="buyers",journey="order",outcome="fail",phase="surge",step="pay",tier="free"}`:    4,
		`shakedown_requests_total{cohort="buyers",journey="order",outcome="unknown",phase="surge",step="pay",tier="free"}`: 2,
	}, absent: []string{`shakedown_requests_total{cohort="buyers",journey="order",outcome="ok",phase="surge",step="",tier="free"}`}},
	{metric: "shakedown_requests_total", events: events(journal.PhaseStarted{Phase: "before"}), want: page{ // foreseen
		`shakedown_requests_total{cohort="buyers",journey="order",outcome="fail",phase="before",step="sign-in",tier="free"}`: 0,
		`shakedown_requests_total{cohort="buyers",journey="order",outcome="ok",phase="before",step="pay",tier="free"}`:       0,
		`shakedown_sessions_total{cohort="buyers",journey="order",outcome="unknown",phase="before",tier="free"}`:             0,
	}},
	{metric: "shakedown_requests_sent_total", events: events(sent), want: page{
		`shakedown_requests_sent_total{cohort="buyers",journey="order",phase="surge",step="pay",tier="free"}`: 8,
	}},
	{metric: "shakedown_requests_not_sent_total", events: events(sent), want: page{
		`shakedown_requests_not_sent_total{journey="order",step="pay"}`: 1,
	}},
	{metric: "shakedown_request_duration_seconds", events: []journal.Event{{T: 5, Body: sent}, {T: 5, Body: session}, {T: 5, Body: ourselves}}, want: page{
		`shakedown_request_duration_seconds{journey="order",quantile="0.5",step="pay"}`:  0.1,
		`shakedown_request_duration_seconds{journey="order",quantile="0.95",step="pay"}`: 0.2,
		`shakedown_request_duration_seconds{journey="order",quantile="0.99",step="pay"}`: 0.3,
	}},
	{metric: "shakedown_sessions_intended_total", events: events(session, sent), want: page{
		`shakedown_sessions_intended_total{cohort="buyers",journey="order"}`: 7,
	}},
	{metric: "shakedown_sessions_total", events: events(session), want: page{
		`shakedown_sessions_total{cohort="buyers",journey="order",outcome="ok",phase="surge",tier="free"}`:      3,
		`shakedown_sessions_total{cohort="buyers",journey="order",outcome="fail",phase="surge",tier="free"}`:    2,
		`shakedown_sessions_total{cohort="buyers",journey="order",outcome="unknown",phase="surge",tier="free"}`: 1,
	}},
	{metric: "shakedown_session_duration_seconds", events: []journal.Event{{T: 5, Body: session}, {T: 5, Body: ourselves}}, want: page{
		`shakedown_session_duration_seconds{journey="order",quantile="0.5"}`:  1,
		`shakedown_session_duration_seconds{journey="order",quantile="0.95"}`: 2,
		`shakedown_session_duration_seconds{journey="order",quantile="0.99"}`: 3,
	}},
	{metric: "shakedown_requests_moved_total", events: events(journal.Moved{Service: "api", Home: "api-1", Journey: "order", Step: "pay", Total: 4, Refused: 1}), want: page{
		`shakedown_requests_moved_total{journey="order",service="api",step="pay"}`: 4,
	}},
	{metric: "shakedown_requests_moved_refused_total", events: events(journal.Moved{Service: "api", Home: "api-1", Journey: "order", Step: "pay", Total: 4, Refused: 1}), want: page{
		`shakedown_requests_moved_refused_total{journey="order",service="api",step="pay"}`: 1,
	}},
	{metric: "shakedown_milestones_total", events: events(journal.Milestone{Journey: "order", Step: "pay", Cohort: "buyers", Tier: "free", Outcome: "started"}), want: page{
		`shakedown_milestones_total{cohort="buyers",journey="order",outcome="started",step="pay",tier="free"}`: 1,
	}},
	{metric: "shakedown_gateway_requests_total", events: events(tally, tally), want: page{
		`shakedown_gateway_requests_total{instance="api-1",outcome="ok",service="api"}`:         14,
		`shakedown_gateway_requests_total{instance="api-1",outcome="refused",service="api"}`:    4,
		`shakedown_gateway_requests_total{instance="api-1",outcome="status-5xx",service="api"}`: 2,
	}},
	{metric: "shakedown_gateway_requests_total", events: events(started), want: page{ // foreseen
		`shakedown_gateway_requests_total{instance="api-1",outcome="timeout",service="api"}`: 0,
	}},
	{metric: "shakedown_gateway_in_flight", events: events(started, tally), want: page{
		`shakedown_gateway_in_flight{instance="api-1",service="api"}`: 4,
	}},
	{metric: "shakedown_gateway_request_duration_seconds", events: events(tally), want: page{
		`shakedown_gateway_request_duration_seconds_count{service="api"}`:              8,
		`shakedown_gateway_request_duration_seconds_bucket{service="api",le="0.0001"}`: 4,
		`shakedown_gateway_request_duration_seconds_bucket{service="api",le="0.1024"}`: 7,
	}},
	{metric: "shakedown_endpoints", events: events(
		journal.EndpointAdded{Service: "api", Instance: "api-1"}, journal.EndpointAdded{Service: "api", Instance: "api-1"},
		journal.EndpointAdded{Service: "api", Instance: "api-2"}, journal.EndpointAdded{Service: "api", Instance: "api-3"},
		journal.EndpointRemoved{Service: "api", Instance: "api-2"}, journal.EndpointRemoved{Service: "api", Instance: "api-9"},
	), want: page{`shakedown_endpoints{service="api"}`: 2}},
	{metric: "shakedown_endpoint_additions_total", events: events(journal.EndpointAdded{Service: "api", Instance: "api-1"}), want: page{
		`shakedown_endpoint_additions_total{service="api"}`: 1,
	}},
	{metric: "shakedown_endpoint_removals_total", events: events(journal.EndpointRemoved{Service: "api", Instance: "api-1", Reason: "unready"}), want: page{
		`shakedown_endpoint_removals_total{reason="unready",service="api"}`: 1,
	}},
	{metric: "shakedown_instances", events: events(started), want: page{
		`shakedown_instances{service="api",state="starting"}`: 1,
	}},
	{metric: "shakedown_instances", events: events(journal.ProbeChanged{Service: "api", Instance: "api-1", Ready: true}, started), want: page{
		`shakedown_instances{service="api",state="ready"}`: 1,
	}},
	{metric: "shakedown_instances", events: events(started, journal.ProbeChanged{Service: "api", Instance: "api-1", Ready: true}, journal.ProbeChanged{Service: "api", Instance: "api-1"}), want: page{
		`shakedown_instances{service="api",state="unready"}`: 1,
	}},
	{metric: "shakedown_instances", events: events(started, journal.InstanceTerminating{Service: "api", Instance: "api-1"}, journal.ProbeChanged{Service: "api", Instance: "api-1"}), want: page{
		`shakedown_instances{service="api",state="terminating"}`: 1,
	}},
	{metric: "shakedown_instances", events: events(journal.InstanceStarted{Service: "postgres", Instance: "postgres-1"}, journal.InstanceStarted{Service: "backfill", Instance: "backfill-1", Job: true}), want: page{
		`shakedown_instances{service="postgres",state="ready"}`: 1, // no gateway, no probe
	}, absent: []string{`shakedown_instances{service="backfill",state="ready"}`}},
	{metric: "shakedown_instance_starts_total", events: events(started), want: page{`shakedown_instance_starts_total{service="api"}`: 1}},
	{metric: "shakedown_instance_terminations_total", events: events(journal.InstanceTerminating{Service: "api", Instance: "api-1"}), want: page{
		`shakedown_instance_terminations_total{service="api"}`: 1,
	}},
	{metric: "shakedown_instance_signals_total", events: events(journal.InstanceSignalled{Service: "api", Instance: "api-1", Signal: "SIGTERM"}), want: page{
		`shakedown_instance_signals_total{service="api",signal="SIGTERM"}`: 1,
	}},
	{metric: "shakedown_instance_exits_total", events: events(exited), want: page{
		`shakedown_instance_exits_total{code="137",oom="true",service="api"}`: 1,
	}},
	{metric: "shakedown_instance_crashes_total", events: events(exited, journal.InstanceExited{Service: "api", Instance: "api-2", Wanted: true}), want: page{
		`shakedown_instance_crashes_total{service="api"}`: 1,
	}},
	{metric: "shakedown_instance_initializations_total", events: events(journal.InitializationDone{Service: "api", Instance: "api-1"}), want: page{
		`shakedown_instance_initializations_total{service="api"}`: 1,
	}},
	{metric: "shakedown_instance_interruptions_total", events: events(journal.Interrupted{Service: "api", Instances: []string{"api-1", "api-2"}}), want: page{
		`shakedown_instance_interruptions_total{service="api"}`: 2,
	}},
	{metric: "shakedown_probe_changes_total", events: events(journal.ProbeChanged{Service: "api", Instance: "api-1"}), want: page{
		`shakedown_probe_changes_total{service="api",state="unready"}`: 1,
	}},
	{metric: "shakedown_cpu_seconds_total", events: events(started, used), want: page{
		`shakedown_cpu_seconds_total{instance="api-1",service="api"}`: 1.5,
	}},
	{metric: "shakedown_memory_bytes", events: events(started, used), want: page{`shakedown_memory_bytes{instance="api-1",service="api"}`: 1000}},
	{metric: "shakedown_memory_limit_bytes", events: events(started), want: page{`shakedown_memory_limit_bytes{instance="api-1",service="api"}`: 256 << 20}},
	{metric: "shakedown_memory_limit_bytes", events: events(started, used), want: page{`shakedown_memory_limit_bytes{instance="api-1",service="api"}`: 4000}},
	{metric: "shakedown_memory_limit_bytes", events: events(started, resized), want: page{`shakedown_memory_limit_bytes{instance="api-1",service="api"}`: 8000}},
	{metric: "shakedown_cpu_limit_cores", events: events(started), want: page{`shakedown_cpu_limit_cores{instance="api-1",service="api"}`: 0.5}},
	{metric: "shakedown_cpu_limit_cores", events: events(started, resized), want: page{`shakedown_cpu_limit_cores{instance="api-1",service="api"}`: 2}},
	{metric: "shakedown_instance_resizes_total", events: events(resized), want: page{`shakedown_instance_resizes_total{outcome="ok",service="api"}`: 1}},
	{metric: "shakedown_scrape_up", events: events(started, journal.ScrapeChanged{Service: "api", Instance: "api-1", Up: true}), want: page{
		`shakedown_scrape_up{instance="api-1",service="api"}`: 1,
	}},
	{metric: "shakedown_scrape_changes_total", events: events(journal.ScrapeChanged{Service: "api", Instance: "api-1", Error: "status 500"}), want: page{
		`shakedown_scrape_changes_total{service="api",up="false"}`: 1,
	}},
	{metric: "shakedown_replicas_desired", events: events(decision), want: page{`shakedown_replicas_desired{service="api"}`: 6}},
	{metric: "shakedown_replicas_desired", events: events(journal.ActionStarted{Service: "api", Action: "scale", Planned: 3 * time.Second}), want: page{
		`shakedown_replicas_desired{service="api"}`: 5,
	}},
	{metric: "shakedown_replicas_wanted", events: events(decision), want: page{`shakedown_replicas_wanted{service="api"}`: 9}},
	{metric: "shakedown_scale_decisions_total", events: events(decision, journal.ScaleDecision{Service: "api", Current: 6, Desired: 6}), want: page{
		`shakedown_scale_decisions_total{direction="up",service="api"}`: 1,
	}},
	{metric: "shakedown_scale_decisions_total", events: events(journal.ScaleDecision{Service: "api", Current: 6, Desired: 2}), want: page{
		`shakedown_scale_decisions_total{direction="down",service="api"}`: 1,
	}},
	{metric: "shakedown_scale_evaluations_total", events: events(decision), want: page{
		`shakedown_scale_evaluations_total{autoscaler="hpa",reason="Up",service="api"}`: 1,
	}},
	{metric: "shakedown_scale_instances_total", events: events(journal.ScaleApplied{Service: "api", Started: []string{"api-3", "api-4"}, Stopping: []string{"api-1"}}), want: page{
		`shakedown_scale_instances_total{direction="up",service="api"}`:   2,
		`shakedown_scale_instances_total{direction="down",service="api"}`: 1,
	}},
	{metric: "shakedown_scale_errors_total", events: events(journal.ScaleApplied{Service: "api", Error: "no room"}), want: page{
		`shakedown_scale_errors_total{service="api"}`: 1,
	}},
	{metric: "shakedown_scale_metric", events: events(decision), want: page{`shakedown_scale_metric{metric="cpu",service="api"}`: 0}},
	{metric: "shakedown_scale_metric_target", events: events(decision), want: page{`shakedown_scale_metric_target{metric="cpu",service="api"}`: 70}},
	{metric: "shakedown_metric", events: events(journal.Measured{Service: "api", Metric: "depth", Value: 42}), want: page{
		`shakedown_metric{metric="depth",service="api"}`: 42,
	}},
	{metric: "shakedown_metric_errors_total", events: events(journal.Measured{Service: "api", Metric: "depth", Value: 42}, journal.Measured{Service: "api", Metric: "depth", Error: "gone"}), want: page{
		`shakedown_metric_errors_total{metric="depth",service="api"}`: 1,
	}, absent: []string{`shakedown_metric{metric="depth",service="api"}`}},
	{metric: "shakedown_session_signals_total", events: events(journal.SessionSignal{Service: "api", Via: "webhook", Account: "a", Tier: "paid"}), want: page{
		`shakedown_session_signals_total{service="api",tier="paid",via="webhook"}`: 1,
	}},
	{metric: "shakedown_claims_total", events: events(journal.Claim{Service: "api", Account: "a", State: "granted"}), want: page{
		`shakedown_claims_total{service="api",state="granted"}`: 1,
	}},
	{metric: "shakedown_fault_active", events: events(begun), want: page{
		`shakedown_fault_active{fault="slow",kind="latency",target="api-1"}`: 1,
		`shakedown_fault_active{fault="slow",kind="latency",target="api-2"}`: 1,
	}},
	{metric: "shakedown_fault_state", events: events(begun,
		journal.FaultState{Fault: "slow", Target: "api-1", State: journal.FaultApplied},
		journal.FaultState{Fault: "slow", Target: "api-1", State: journal.FaultReverted},
	), want: page{
		`shakedown_fault_state{fault="slow",state="applied",target="api-1"}`:  0,
		`shakedown_fault_state{fault="slow",state="reverted",target="api-1"}`: 1,
	}},
	{metric: "shakedown_fault_injected_total", events: events(
		journal.FaultCounters{Fault: "slow", Target: "api-1", Counters: map[string]int64{"injected": 3}},
		journal.FaultCounters{Fault: "slow", Target: "api-1", Counters: map[string]int64{"injected": 5}},
	), want: page{`shakedown_fault_injected_total{fault="slow",target="api-1",what="injected"}`: 5}},
	{metric: "shakedown_faults_started_total", events: events(begun), want: page{
		`shakedown_faults_started_total{fault="slow",kind="latency",outcome="ok"}`: 1,
	}},
	{metric: "shakedown_faults_ended_total", events: events(journal.FaultEnded{Fault: "slow", By: "schedule"}), want: page{
		`shakedown_faults_ended_total{by="schedule",fault="slow",outcome="ok"}`: 1,
	}},
	{metric: "shakedown_fault_probes_total", events: events(journal.FaultProbe{Fault: "slow", Target: "api-1", Stage: "during", Error: "refused"}), want: page{
		`shakedown_fault_probes_total{fault="slow",outcome="error",stage="during"}`: 1,
	}},
	{metric: "shakedown_third_party_calls_total", events: events(calls), want: page{
		`shakedown_third_party_calls_total{outcome="ok",service="mail"}`:   7,
		`shakedown_third_party_calls_total{outcome="fail",service="mail"}`: 3,
	}},
	{metric: "shakedown_third_party_injected_total", events: events(calls), want: page{`shakedown_third_party_injected_total{service="mail"}`: 2}},
	{metric: "shakedown_third_party_told_to_wait_total", events: events(calls), want: page{`shakedown_third_party_told_to_wait_total{service="mail"}`: 4}},
	{metric: "shakedown_third_party_early_total", events: events(calls), want: page{`shakedown_third_party_early_total{service="mail"}`: 1}},
	{metric: "shakedown_third_party_in_flight", events: events(calls), want: page{`shakedown_third_party_in_flight{service="mail"}`: 5}},
	{metric: "shakedown_rules", events: events(journal.RulesLoaded{Rules: []journal.Rule{{Alert: "A"}, {Alert: "B"}, {Record: "r"}}}), want: page{
		`shakedown_rules{type="alert"}`: 2, `shakedown_rules{type="record"}`: 1,
	}},
	{metric: "shakedown_alerts", events: events(pending(), firing), want: page{
		`shakedown_alerts{alert="HighErrors",group="g",state="firing"}`:  1,
		`shakedown_alerts{alert="HighErrors",group="g",state="pending"}`: 0,
	}},
	{metric: "shakedown_alert_changes_total", events: events(pending(), firing), want: page{
		`shakedown_alert_changes_total{alert="HighErrors",group="g",state="firing"}`:  1,
		`shakedown_alert_changes_total{alert="HighErrors",group="g",state="pending"}`: 1,
	}},
	{metric: "shakedown_rule_failures_total", events: events(journal.RuleFailed{Group: "g", Rule: "HighErrors", Error: "many-to-many"}), want: page{
		`shakedown_rule_failures_total{group="g",rule="HighErrors"}`: 1,
	}},
	{metric: "shakedown_run_info", events: events(journal.RunStarted{Run: "r1", Scenario: "surge", Platform: "docker"}), want: page{
		`shakedown_run_info{platform="docker",run="r1",scenario="surge"}`: 1,
	}},
	{metric: "shakedown_phase", events: events(journal.PhaseStarted{Phase: "before"}, journal.PhaseEnded{Phase: "before"}, journal.PhaseStarted{Phase: "surge"}), want: page{
		`shakedown_phase{phase="before"}`: 0, `shakedown_phase{phase="surge"}`: 1,
	}},
	{metric: "shakedown_traffic_active", events: events(journal.TrafficStarted{}), want: page{"shakedown_traffic_active": 1}},
	{metric: "shakedown_traffic_active", events: events(journal.TrafficStarted{}, sent, journal.TrafficEnded{}), want: page{
		"shakedown_traffic_active": 0,
		`shakedown_requests_sent_total{cohort="buyers",journey="order",phase="surge",step="pay",tier="free"}`: 8,
	}, absent: []string{`shakedown_request_duration_seconds{journey="order",quantile="0.5",step="pay"}`}},
	{metric: "shakedown_actions_active", events: events(journal.ActionStarted{Service: "api", Action: "restart"}), want: page{
		`shakedown_actions_active{action="restart",service="api"}`: 1,
	}},
	{metric: "shakedown_actions_total", events: events(journal.ActionStarted{Service: "api", Action: "restart"}, journal.ActionEnded{Service: "api", Action: "restart", Error: "stuck"}), want: page{
		`shakedown_actions_total{action="restart",outcome="error",service="api"}`: 1,
		`shakedown_actions_active{action="restart",service="api"}`:                0,
	}},
	{metric: "shakedown_operations_total", events: events(journal.Operation{Op: "instance.start", Took: 1500 * time.Millisecond}), want: page{
		`shakedown_operations_total{op="instance.start",outcome="ok"}`: 1,
	}},
	{metric: "shakedown_operation_seconds_total", events: events(journal.Operation{Op: "instance.start", Took: 1500 * time.Millisecond}), want: page{
		`shakedown_operation_seconds_total{op="instance.start"}`: 1.5,
	}},
	{metric: "shakedown_stops_total", events: events(journal.StopTriggered{Condition: "p95"}), want: page{"shakedown_stops_total": 1}},
	{metric: "shakedown_notes_total", events: events(journal.Note{Level: "warning", Text: "x"}), want: page{`shakedown_notes_total{level="warning"}`: 1}},
	{metric: "shakedown_ledger_keys", events: events(journal.Ledger{ID: "integrity/orders", Acknowledged: 6, Lost: 5, Found: 4, Missing: 3, Repeated: 2, Again: 1}), want: page{
		`shakedown_ledger_keys{ledger="integrity/orders",state="acknowledged"}`: 6, `shakedown_ledger_keys{ledger="integrity/orders",state="lost"}`: 5,
		`shakedown_ledger_keys{ledger="integrity/orders",state="found"}`: 4, `shakedown_ledger_keys{ledger="integrity/orders",state="missing"}`: 3,
		`shakedown_ledger_keys{ledger="integrity/orders",state="repeated"}`: 2, `shakedown_ledger_keys{ledger="integrity/orders",state="again"}`: 1,
	}},
	{metric: "shakedown_generator_in_flight", events: events(ourselves), want: page{"shakedown_generator_in_flight": 1}},
	{metric: "shakedown_generator_sessions", events: events(ourselves), want: page{"shakedown_generator_sessions": 2}},
	{metric: "shakedown_generator_queued", events: events(ourselves), want: page{"shakedown_generator_queued": 3}},
	{metric: "shakedown_generator_request_seconds_total", events: events(ourselves, ourselves), want: page{"shakedown_generator_request_seconds_total": 9}},
	{metric: "shakedown_generator_sojourn_seconds_total", events: events(ourselves), want: page{"shakedown_generator_sojourn_seconds_total": 5.5}},
	{metric: "shakedown_generator_cpu_seconds_total", events: events(ourselves), want: page{"shakedown_generator_cpu_seconds_total": 6}},
	{metric: "shakedown_generator_thread_cpu_seconds_total", events: events(ourselves), want: page{"shakedown_generator_thread_cpu_seconds_total": 7}},
	{metric: "shakedown_generator_cpu_limit_cores", events: events(ourselves), want: page{"shakedown_generator_cpu_limit_cores": 8}},
	{metric: "shakedown_machine_cpu_busy_ratio", events: events(ourselves), want: page{"shakedown_machine_cpu_busy_ratio": 0.9}},
	{metric: "shakedown_machine_cpu_steal_ratio", events: events(ourselves), want: page{"shakedown_machine_cpu_steal_ratio": 0.1}},
	{metric: "shakedown_machine_cpu_steal_ratio", events: events(ourselves, journal.Generator{Steal: -1}), want: page{
		"shakedown_generator_sessions": 0,
	}, absent: []string{"shakedown_machine_cpu_steal_ratio"}},
	{metric: "shakedown_generator_open_files", events: events(ourselves), want: page{"shakedown_generator_open_files": 11}},
	{metric: "shakedown_generator_open_files_limit", events: events(ourselves), want: page{"shakedown_generator_open_files_limit": 12}},
	{metric: "shakedown_generator_connections", events: events(ourselves), want: page{"shakedown_generator_connections": 13}},
	{metric: "shakedown_generator_connections_opened_total", events: events(ourselves), want: page{"shakedown_generator_connections_opened_total": 14}},
	{metric: "shakedown_generator_exhausted_total", events: events(ourselves), want: page{
		`shakedown_generator_exhausted_total{what="ports"}`: 15, `shakedown_generator_exhausted_total{what="files"}`: 0,
	}},
	{metric: "shakedown_generator_memory_bytes", events: events(ourselves), want: page{"shakedown_generator_memory_bytes": 16}},
	{metric: "shakedown_series_dropped_total", events: crowd(), want: page{
		`shakedown_series_dropped_total{metric="shakedown_session_signals_total"}`: 3,
	}},
}

// crowd is three signals more than there is room for.
func crowd() []journal.Event {
	var all []journal.Event
	for i := range maxSeries + 3 {
		all = append(all, journal.Event{T: time.Second, Body: journal.SessionSignal{Service: "api", Tier: time.Duration(i).String()}})
	}
	return all
}
