package scenarios

// Action is something done to the stack at a moment of a phase; exactly one
// action is set.
type Action struct {
	// At is "phase" or "phase + duration".
	At Moment `json:"at" yaml:"at" jsonschema:"required"`
	// Scale changes the number of instances of a service.
	Scale *Scale `json:"scale,omitempty" yaml:"scale" jsonschema:"oneof_required=scale"`
	// Restart stops one instance with the termination sequence and then starts
	// another in its place.
	Restart *Pick `json:"restart,omitempty" yaml:"restart" jsonschema:"oneof_required=restart"`
	// Stop stops one instance with the termination sequence; nothing takes its place.
	Stop *Pick `json:"stop,omitempty" yaml:"stop" jsonschema:"oneof_required=stop"`
	// RollingRelease brings a new version in by and by, as a Kubernetes
	// Deployment does.
	RollingRelease *RollingRelease `json:"rolling_release,omitempty" yaml:"rolling_release" jsonschema:"oneof_required=rolling_release"`
	// BlueGreen starts a new version beside the old one, switches all traffic
	// over once every new instance is ready, and then stops the old one.
	BlueGreen *BlueGreen `json:"blue_green,omitempty" yaml:"blue_green" jsonschema:"oneof_required=blue_green"`
	// ReplaceAll exchanges all instances at once.
	ReplaceAll *ReplaceAll `json:"replace_all,omitempty" yaml:"replace_all" jsonschema:"oneof_required=replace_all"`
	// Job runs a one-off instance to its end: a migration, a backfill.
	Job *Job `json:"job,omitempty" yaml:"job" jsonschema:"oneof_required=job"`
	// Interrupt takes instances away after a notice, as a spot market does.
	Interrupt *Interrupt `json:"interrupt,omitempty" yaml:"interrupt" jsonschema:"oneof_required=interrupt"`
}

// Interrupt announces that instances will be gone, and kills what is left of
// them at the end of the notice. At once as many new ones are started; an
// interrupted instance begins its termination sequence when its replacement takes
// traffic, or when just its grace period is left.
type Interrupt struct {
	// Service is the service.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Count is how many instances, the oldest first. Default 1.
	Count int `json:"count,omitempty" yaml:"count" jsonschema:"minimum=1,maximum=100"`
	// Notice is the time from the announcement to the kill, divided by tempo; it is
	// longer than the grace period. Default 2m.
	Notice Duration `json:"notice,omitempty" yaml:"notice"`
	// Replace false starts no new ones: whoever scales the service has to. Default true.
	Replace *bool `json:"replace,omitempty" yaml:"replace"`
}

// Scale sets the number of instances of a service. The highest-numbered
// instances leave first.
type Scale struct {
	// Service is the service to scale.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// To is the number of instances wanted.
	To int `json:"to" yaml:"to" jsonschema:"required,minimum=0,maximum=100"`
}

// Pick names one instance of a service.
type Pick struct {
	// Service is the service.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Instance is "oldest" (default) or "newest" of those that are not leaving, or
	// the name of one, as api-2.
	Instance string `json:"instance,omitempty" yaml:"instance"`
}

// RollingRelease replaces the instances of a service by those of a new version,
// a few at a time. Without image and environment it only restarts them all.
type RollingRelease struct {
	// Service is the service to release.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Version names the new version in the record. Default: v2 for the first
	// release of a service, v3 for the next; what a run begins with is v1.
	Version string `json:"version,omitempty" yaml:"version" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$"`
	// Image is the image of the new version. Default: the one before.
	Image string `json:"image,omitempty" yaml:"image"`
	// Environment is added to that of the version before and wins over it.
	Environment map[string]string `json:"environment,omitempty" yaml:"environment"`
	// MaxSurge is how many instances there may be beyond the number wanted, as a
	// number or a percentage, which is rounded up. Default 25%.
	MaxSurge *Portion `json:"max_surge,omitempty" yaml:"max_surge"`
	// MaxUnavailable is how many may be missing from the number wanted; a
	// percentage is rounded down. Default 25%.
	MaxUnavailable *Portion `json:"max_unavailable,omitempty" yaml:"max_unavailable"`
	// MinReady is how long a new instance must have been ready before it counts.
	// Default 0s.
	MinReady Duration `json:"min_ready,omitempty" yaml:"min_ready"`
	// Deadline is how long a new instance may take to be ready before the release
	// stops. Default 60s.
	Deadline Duration `json:"deadline,omitempty" yaml:"deadline"`
}

// BlueGreen replaces all instances of a service by as many of a new version in
// one moment.
type BlueGreen struct {
	// Service is the service to release; it has a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Version names the new version in the record; see RollingRelease.
	Version string `json:"version,omitempty" yaml:"version" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$"`
	// Image is the image of the new version. Default: the one before.
	Image string `json:"image,omitempty" yaml:"image"`
	// Environment is added to that of the version before and wins over it.
	Environment map[string]string `json:"environment,omitempty" yaml:"environment"`
	// Keep is how long the old version stays after the switch, without traffic,
	// to return to. Default 0s.
	Keep Duration `json:"keep,omitempty" yaml:"keep"`
	// Deadline is how long the new version may take to be ready before the release
	// stops. Default 60s.
	Deadline Duration `json:"deadline,omitempty" yaml:"deadline"`
}

// ReplaceAll exchanges all instances of a service at once.
type ReplaceAll struct {
	// Service is the service.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Order is stop-first (default: all are gone before the first new one starts,
	// as Kubernetes' Recreate) or start-first (all new ones are ready before the
	// first old one is told to stop).
	Order string `json:"order,omitempty" yaml:"order" jsonschema:"enum=stop-first,enum=start-first"`
	// Version names the new version in the record. Default: that of before, unless
	// image or environment change.
	Version string `json:"version,omitempty" yaml:"version" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$"`
	// Image is the image of the new version. Default: the one before.
	Image string `json:"image,omitempty" yaml:"image"`
	// Environment is added to that of the version before and wins over it.
	Environment map[string]string `json:"environment,omitempty" yaml:"environment"`
	// Deadline is how long the new instances may take to be ready. Default 60s.
	Deadline Duration `json:"deadline,omitempty" yaml:"deadline"`
}

// Job is a one-off instance of a service: it runs once and has to end with
// code 0.
type Job struct {
	// Name names it in the record; no service has that name.
	Name string `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Service is the service whose image, environment, networks and volumes it has.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Command takes the place of the service's command.
	Command []string `json:"command" yaml:"command" jsonschema:"required,minItems=1"`
	// Process is the program and its arguments on the process platform, with the
	// placeholders of Process.Command.
	Process []string `json:"process,omitempty" yaml:"process" jsonschema:"minItems=1"`
	// Environment is added to the service's and wins over it.
	Environment map[string]string `json:"environment,omitempty" yaml:"environment"`
	// Within is how long it may run; it is killed then, and has failed. Default 60s.
	Within Duration `json:"within,omitempty" yaml:"within"`
}
