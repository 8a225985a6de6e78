package stack

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// takeActions finds out, before anything is started, whether the plan's actions
// can be performed, and lays its jobs out. The error lists all that cannot.
func (l *layout) takeActions(plan *scenarios.Plan, on ground) error {
	var refused []string
	for _, action := range plan.Actions {
		name := action.Subject()
		if action.Job != nil {
			name = action.Job.Service
		}
		base := l.service(name)
		if base == nil {
			refused = append(refused, fmt.Sprintf("%s: service %s does not run here; "+
				"it is not in the compose project, or x-shakedown.process leaves it out", action, name))
			continue
		}
		switch {
		case action.Release != nil && action.Release.Image != "" && !on.images:
			refused = append(refused, fmt.Sprintf("%s: the process platform has no images, so it cannot bring in %s; "+
				"change the environment instead, or use --platform docker", action, action.Release.Image))
		case action.Job != nil && on.process && len(action.Job.Process) == 0:
			refused = append(refused, fmt.Sprintf("%s: the process platform does not know how to run it; "+
				"write process: [program, argument] under the job", action))
		case action.Job != nil:
			l.jobs = append(l.jobs, base.jobOf(action.Job, on))
		}
	}
	if len(refused) > 0 {
		return errors.New(strings.Join(refused, "; "))
	}
	return nil
}

// jobOf is a service of which a job is the only instance: like its service, but
// out of sight of others. Its port stays known for placeholders.
func (s *service) jobOf(job *scenarios.Job, on ground) *service {
	made := *s
	made.name, made.job, made.extra = job.Name, s.name, job.Environment
	made.plan.Port, made.exposed, made.publish = 0, s.port(), nil
	made.healthcheck, made.completes, made.needs = false, false, nil
	made.config.Command = types.ShellCommand(slices.Clone(job.Command))
	made.config.Networks = withoutAddresses(s.config.Networks, false)
	made.config.HealthCheck = &types.HealthCheckConfig{Disable: true}
	if on.process {
		process := scenarios.Process{Environment: maps.Clone(s.plan.Process.Environment)}
		for _, word := range job.Process {
			process.Command = append(process.Command, addressed(word, s.names))
		}
		made.plan.Process, made.config.HealthCheck = &process, nil
	}
	return &made
}
