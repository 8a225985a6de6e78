package scenarios

// ScalingCheck asserts how an autoscaler followed the load: that it reacted in
// time (C1), that the objectives were met again in time (C2), that there were
// neither too few nor too many instances (C3, C4) nor more than ever needed (C5),
// that it did not swing (C6), that it kept to its limits (C7), and that it removed
// instances only after its stabilization window or cooldown (C8). What is not
// asked for is not judged, but for C6 to C8; where most decisions were made without
// a metric C6 and C8 are not told. Times are real ones, not divided by
// tempo. Demand is the load, averaged over some five seconds at a time, divided by
// the service's autoscale.capacity; that of a service with a queue is counted in
// the acknowledged requests of a queue check's work. What a release has beyond its
// number of instances is told, and does not count as too many (C4, C5).
type ScalingCheck struct {
	// Service is the one that is scaled.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Phases narrows C3, C4, C5 and C6 to these phases; default all.
	Phases []string `json:"phases,omitempty" yaml:"phases" jsonschema:"minItems=1"`
	// Change is the moment at which the load rises; its offset is divided by tempo, as
	// that of an action is. Default: when demand first exceeds the instances that
	// serve, which needs capacity.
	Change *Moment `json:"change,omitempty" yaml:"change"`
	// Reaction is the limit from the change of load to the first new instance that
	// takes traffic, or is there to work where nothing routes to it; its parts are
	// shown (C1).
	Reaction *Duration `json:"reaction,omitempty" yaml:"reaction"`
	// Recovery is about the time until an objective is met again (C2).
	Recovery *Recovery `json:"recovery,omitempty" yaml:"recovery"`
	// UnderProvisioned is the most that may be missing of what was needed, as a share
	// of it, averaged over time: theta_U (C3).
	UnderProvisioned *Percent `json:"under_provisioned,omitempty" yaml:"under_provisioned"`
	// UnderTime is the share of the time in which something may be missing: tau_U (C3).
	UnderTime *Percent `json:"under_time,omitempty" yaml:"under_time"`
	// OverProvisioned is the most that may be there beyond what was needed, as a
	// share of it, averaged over time: theta_O; 0.5x is half as many again (C4).
	OverProvisioned *Factor `json:"over_provisioned,omitempty" yaml:"over_provisioned"`
	// OverTime is the share of the time in which there may be too many: tau_O (C4).
	OverTime *Percent `json:"over_time,omitempty" yaml:"over_time"`
	// Overshoot is how many instances there may be beyond the highest demand (C5).
	Overshoot *int `json:"overshoot,omitempty" yaml:"overshoot" jsonschema:"minimum=0"`
	// Reversals is how often the direction of scaling may turn within the time in
	// which the direction of demand does not (C6): following a load that falls takes
	// one, a little after it. Default 1 where the service is scaled on a metric.
	Reversals *int `json:"reversals,omitempty" yaml:"reversals" jsonschema:"minimum=0"`
}

// Recovery is an objective that is to be met again after the change of load.
type Recovery struct {
	// Journey is the journey whose latency it is about.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Step narrows to one step.
	Step string `json:"step,omitempty" yaml:"step"`
	// P95 is the limit in each second, and 99 in 100 requests succeed.
	P95 Duration `json:"p95" yaml:"p95" jsonschema:"required"`
	// Within is how long after the change of load the last second may be that is
	// beyond it.
	Within Duration `json:"within" yaml:"within" jsonschema:"required"`
}

// QueueCheck asserts that a backlog stayed bounded (Q1) and its jobs young (Q2),
// that it was worked off in time (Q3), and that no worker was killed with work in
// hand (Q4).
type QueueCheck struct {
	// Service is the one that works on the queue.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Backlog is the service's metric that counts jobs that are not done. Default:
	// that of its autoscale.queue.
	Backlog string `json:"backlog,omitempty" yaml:"backlog"`
	// Age is the service's metric of the oldest job's age, in seconds. Default: that
	// of its autoscale.queue.
	Age string `json:"age,omitempty" yaml:"age"`
	// MaxBacklog is the most there may be (Q1).
	MaxBacklog *int `json:"max_backlog,omitempty" yaml:"max_backlog" jsonschema:"minimum=0"`
	// MaxAge is the oldest that a job may be (Q2).
	MaxAge *Duration `json:"max_age,omitempty" yaml:"max_age"`
	// Surge is the phase that fills the queue.
	Surge string `json:"surge,omitempty" yaml:"surge"`
	// DrainedWithin is how long after the end of Surge the backlog may take until it
	// is at Drained or below for the first time (Q3). Where that lies between two
	// readings it cannot be told.
	DrainedWithin *Duration `json:"drained_within,omitempty" yaml:"drained_within"`
	// Drained is that number. Default 0.
	Drained int `json:"drained,omitempty" yaml:"drained" jsonschema:"minimum=0"`
	// Work is what has to be done once for each acknowledged request, as in drain;
	// work that was delivered more than once was taken out of somebody's hands (Q4).
	Work *Work `json:"work,omitempty" yaml:"work"`
}

// PrescaleCheck asserts that the larger class was effective before the first
// byte of heavy work (P1), that nobody was restarted or ran out of memory (P2),
// that the work was completed (P3), that the resources were given back, and not
// before granted work was over (P4), and that whoever got none was told so (P5).
type PrescaleCheck struct {
	// Service is the one that is prescaled.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Journey is the one whose sessions do the heavy work.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Step is the one that brings the heavy work: its first byte counts.
	Step string `json:"step" yaml:"step" jsonschema:"required"`
	// Done is the step whose success says that the work is completed. Default Step.
	Done string `json:"done,omitempty" yaml:"done"`
	// Lead is how long before the first byte the class has to be effective, real
	// time. Default 0s.
	Lead Duration `json:"lead,omitempty" yaml:"lead"`
	// OOMKills is how many instances may run out of memory. Default 0.
	OOMKills int `json:"oom_kills,omitempty" yaml:"oom_kills" jsonschema:"minimum=0"`
	// Completed is the least share of the work that is completed. Default 100%.
	Completed *Percent `json:"completed,omitempty" yaml:"completed"`
	// ReturnedWithin is how long after the last hold of an account that was granted it
	// the instances may take to be back in their own class, real time. Default 5s.
	ReturnedWithin Duration `json:"returned_within,omitempty" yaml:"returned_within"`
}

// CostCheck asserts that what was used was not too much more than what was
// needed: replica-seconds against demand (K1), and CPU-seconds against those that
// were set aside (K2).
type CostCheck struct {
	// Service is the service; demand is its load divided by autoscale.capacity.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Phases narrows to these phases; default all.
	Phases []string `json:"phases,omitempty" yaml:"phases" jsonschema:"minItems=1"`
	// Replicas is the most replica-seconds for each that was needed: 1.5x (K1). What a
	// release has beyond its number of instances is told, and not counted.
	Replicas *Factor `json:"replicas,omitempty" yaml:"replicas" jsonschema:"anyof_required=replicas"`
	// CPU is the least share of the requested CPU-seconds that was used (K2). Where no
	// load came less shows nothing.
	CPU *Percent `json:"cpu,omitempty" yaml:"cpu" jsonschema:"anyof_required=cpu"`
}
