package stack

import (
	"cmp"
	"context"
	"maps"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A version is what releases have changed of a service, all of them together.
// It is not changed once made.
type version struct {
	name        string            // "" where the plan does not release the service
	image       string            // "": as in the compose file
	environment map[string]string // laid over everything else
}

// versions are those of one service.
type versions struct {
	present  *version // of whatever starts outside of a release
	declared *version // of the last release that began: the next one builds on it, even if it did not go through
}

// versionsOf begins the versions of the services that a plan releases.
func versionsOf(plan *scenarios.Plan) map[string]*versions {
	all := map[string]*versions{}
	for _, action := range plan.Actions {
		if r := action.Release; r != nil && all[r.Service] == nil {
			first := &version{name: cmp.Or(r.From, "v1")}
			all[r.Service] = &versions{present: first, declared: first}
		}
	}
	return all
}

// changed is a version with the changes of a release.
func (v *version) changed(r *scenarios.PlannedRelease) *version {
	next := &version{name: cmp.Or(r.Version, v.name), image: cmp.Or(r.Image, v.image), environment: map[string]string{}}
	maps.Copy(next.environment, v.environment)
	maps.Copy(next.environment, r.Environment)
	return next
}

// declare is the version that a release leads to.
func (s *Stack) declare(r *scenarios.PlannedRelease) *version {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.versions[r.Service]
	if v == nil {
		v = &versions{present: &version{}, declared: &version{}}
		s.versions[r.Service] = v
	}
	v.declared = v.declared.changed(r)
	return v.declared
}

// settled makes a version the present one of a service.
func (s *Stack) settled(service string, v *version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[service].present = v
}

// versionOf is the version with which an operation makes an instance. A job is
// made as its service is at the moment.
func (s *Stack) versionOf(of *service, op Operation) *version {
	if op.version != nil {
		return op.version
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.versions[cmp.Or(of.job, of.name)]; v != nil {
		return v.present
	}
	return &version{}
}

// picture is a service with the version's image. Its build section makes
// another image.
func (v *version) picture(config types.ServiceConfig) types.ServiceConfig {
	if v.image != "" && v.image != config.Image {
		config.Image, config.Build = v.image, nil
	}
	return config
}

// ensure makes the image of a service in a version available.
func (s *Stack) ensure(ctx context.Context, of *service, v *version, cause string) error {
	if !of.image {
		return nil
	}
	seen := service{name: cmp.Or(of.job, of.name), config: v.picture(of.config)}
	return s.perform(ctx, Operation{Op: opImage, Subject: imageOf(&seen), Cause: cause, service: of.name, version: v})
}

// versioned is what the platform is asked to create for instance n in a
// version.
func (s *service) versioned(n int, v *version, on ground) (platform.Spec, error) {
	spec, err := s.spec(n, on)
	if err != nil {
		return spec, err
	}
	spec.Config = v.picture(spec.Config)
	s.overlay(&spec, s.given, on)
	s.overlay(&spec, v.environment, on)
	if s.job != "" {
		s.overlay(&spec, s.extra, on)
	}
	return spec, nil
}

// overlay lays environment over that of a spec. On processes it is written as
// that of x-shakedown.process: with names and placeholders.
func (s *service) overlay(spec *platform.Spec, environment map[string]string, on ground) {
	if len(environment) == 0 {
		return
	}
	merged := types.MappingWithEquals{}
	maps.Copy(merged, spec.Config.Environment)
	for key, value := range environment {
		if on.process {
			value = s.placeholders(*spec, on).Replace(addressed(value, s.names))
		}
		merged[key] = &value
	}
	spec.Config.Environment = merged
}
