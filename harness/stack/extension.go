package stack

import (
	"maps"
	"path/filepath"

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

// inProject makes the paths of manifests absolute: in compose files paths are
// relative to the project's directory.
func inProject(extensions map[string]scenarios.Service, dir string) {
	for name, service := range extensions {
		if a := service.Autoscale; a != nil && a.HPA != "" && !filepath.IsAbs(a.HPA) {
			moved := *a
			moved.HPA = filepath.Join(dir, a.HPA)
			service.Autoscale = &moved
			extensions[name] = service
		}
	}
}

// mergeService lays the x-shakedown of a later compose file over that of an
// earlier one: what the later one sets wins, key by key.
func mergeService(base, over scenarios.Service) scenarios.Service {
	set(&base.Port, over.Port)
	set(&base.Initialized, over.Initialized)
	set(&base.Replicas, over.Replicas)
	set(&base.Balance, over.Balance)
	set(&base.Publish, over.Publish)
	set(&base.TrustCA, over.TrustCA)
	if over.PublicEnv != nil {
		base.PublicEnv = over.PublicEnv
	}
	if over.Zones != nil {
		base.Zones = over.Zones
	}
	base.Ready = mergeInto(base.Ready, over.Ready, mergeProbe)
	base.Drain = mergeInto(base.Drain, over.Drain, mergeDrain)
	base.Process = mergeInto(base.Process, over.Process, mergeProcess)
	base.Autoscale = mergeInto(base.Autoscale, over.Autoscale, mergeAutoscale)
	base.Prescale = mergeInto(base.Prescale, over.Prescale, mergePrescale)
	base.Metrics = mergeMap(base.Metrics, over.Metrics)
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
	set(&base.Takes, over.Takes)
}

// mergeAutoscale takes what scales a service as a whole: another kind takes the
// place of the one before.
func mergeAutoscale(base *scenarios.Autoscale, over scenarios.Autoscale) {
	if over.HPA != "" || over.TargetTracking != nil || over.Step != nil || over.Queue != nil {
		*base = *base.WithoutKind(over.HPA != "")
	}
	set(&base.HPA, over.HPA)
	set(&base.TargetTracking, over.TargetTracking)
	set(&base.Step, over.Step)
	set(&base.Queue, over.Queue)
	if over.Schedule != nil {
		base.Schedule = over.Schedule
	}
	set(&base.Min, over.Min)
	set(&base.Max, over.Max)
	set(&base.Every, over.Every)
	set(&base.Resolution, over.Resolution)
	set(&base.Capacity, over.Capacity)
	base.Requests = mergeInto(base.Requests, over.Requests, mergeClass)
}

func mergeClass(base *scenarios.ResourceClass, over scenarios.ResourceClass) { *base = over.Or(*base) }

func mergePrescale(base *scenarios.Prescale, over scenarios.Prescale) {
	set(&base.Policy, over.Policy)
	set(&base.Tier, over.Tier)
	set(&base.Webhook, over.Webhook)
	set(&base.Header, over.Header)
	mergeClass(&base.Large, over.Large)
	set(&base.Instances, over.Instances)
	set(&base.Hold, over.Hold)
	set(&base.Budget, over.Budget)
	set(&base.Beyond, over.Beyond)
	set(&base.QueueFor, over.QueueFor)
	set(&base.Above, over.Above)
	set(&base.Every, over.Every)
}

// mergeMap lays the entries of one map over those of another.
func mergeMap[T any](base, over map[string]T) map[string]T {
	if over == nil {
		return base
	}
	merged := maps.Clone(base)
	if merged == nil {
		merged = map[string]T{}
	}
	maps.Copy(merged, over)
	return merged
}

func mergeProcess(base *scenarios.Process, over scenarios.Process) {
	if over.Command != nil {
		base.Command = over.Command
	}
	base.Environment = mergeMap(base.Environment, over.Environment)
	set(&base.Omit, over.Omit)
}
