package stack

import (
	"maps"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// inherited adds the x-shakedown of services that do not have it in the files
// themselves, but by extends, include or a YAML merge key.
func inherited(project *types.Project, extensions map[string]scenarios.Service) scenarios.Problems {
	var all scenarios.Problems
	for _, name := range project.ServiceNames() {
		value, ok := project.Services[name].Extensions["x-shakedown"]
		if _, own := extensions[name]; own || !ok {
			continue
		}
		source, err := yaml.Marshal(map[string]any{"services": map[string]any{name: map[string]any{"x-shakedown": value}}})
		if err != nil {
			all = append(all, scenarios.Problem{File: "x-shakedown that " + name + " inherits", Message: err.Error()})
			continue
		}
		services, problems := scenarios.DecodeExtensions("x-shakedown that "+name+" inherits", source)
		all = append(all, problems...)
		maps.Copy(extensions, services)
	}
	return all
}

// mergeService lays the x-shakedown of a later compose file over that of an
// earlier one: what the later one sets wins, key by key.
func mergeService(base, over scenarios.Service) scenarios.Service {
	set(&base.Port, over.Port)
	set(&base.Initialized, over.Initialized)
	set(&base.Replicas, over.Replicas)
	set(&base.Balance, over.Balance)
	set(&base.Publish, over.Publish)
	if over.PublicEnv != nil {
		base.PublicEnv = over.PublicEnv
	}
	base.Ready = mergeInto(base.Ready, over.Ready, mergeProbe)
	base.Drain = mergeInto(base.Drain, over.Drain, mergeDrain)
	base.Process = mergeInto(base.Process, over.Process, mergeProcess)
	return base
}

// set overwrites a value with another that is not zero.
func set[T comparable](to *T, from T) {
	var zero T
	if from != zero {
		*to = from
	}
}

func mergeInto[T any](base, over *T, merge func(base *T, over T)) *T {
	if base == nil || over == nil {
		if over == nil {
			return base
		}
		return over
	}
	merged := *base
	merge(&merged, *over)
	return &merged
}

func mergeProbe(base *scenarios.Probe, over scenarios.Probe) {
	set(&base.Path, over.Path)
	set(&base.Period, over.Period)
	set(&base.Timeout, over.Timeout)
	set(&base.Success, over.Success)
	set(&base.Failure, over.Failure)
}

func mergeDrain(base *scenarios.Drain, over scenarios.Drain) {
	set(&base.PreStop, over.PreStop)
	set(&base.Grace, over.Grace)
	set(&base.EndpointLag, over.EndpointLag)
}

func mergeProcess(base *scenarios.Process, over scenarios.Process) {
	if over.Command != nil {
		base.Command = over.Command
	}
	if over.Environment != nil {
		base.Environment = maps.Clone(base.Environment)
		if base.Environment == nil {
			base.Environment = map[string]string{}
		}
		maps.Copy(base.Environment, over.Environment)
	}
	set(&base.Omit, over.Omit)
}
