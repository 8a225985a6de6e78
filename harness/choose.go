package harness

import (
	"context"
	"fmt"
	"os"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/docker"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
	"github.com/shakedown-dev/shakedown/harness/platform/process"
)

// CheckPlatformName returns an error unless openPlatform would know the name.
func CheckPlatformName(name string) error {
	switch name {
	case "auto", "docker", "process":
		return nil
	}
	return fmt.Errorf("there is no platform %q; choose auto, docker or process", name)
}

// openPlatform opens what runs the instances of a run. Auto takes docker when
// an engine answers, and process otherwise; notes say which and what that
// leaves unproven.
func openPlatform(ctx context.Context, name, run string) (platform.Platform, []string, error) {
	if err := CheckPlatformName(name); err != nil {
		return nil, nil, err
	}
	if name == "process" {
		p, err := process.Open(run, owner.Self(), process.Options{})
		if err != nil {
			return nil, nil, fmt.Errorf("open the process platform: %w", err)
		}
		return p, []string{unprovenOnProcess}, nil
	}
	engine, err := docker.Open(ctx, run, owner.Self())
	switch {
	case err == nil && name == "auto":
		return engine, []string{"platform docker was chosen because an engine answers"}, nil
	case err == nil:
		return engine, nil, nil
	case name == "docker" || os.Getenv("DOCKER_HOST") != "": // who names an engine means it
		return nil, nil, fmt.Errorf("open the docker platform: %w", err)
	}
	p, notes, processErr := openPlatform(ctx, "process", run)
	return p, append([]string{fmt.Sprintf("platform process was chosen because no engine can be used: %v", err)}, notes...), processErr
}

const unprovenOnProcess = "the process platform leaves unproven: images and their entry points, limits of memory and CPU, the network between containers, " +
	"PostgreSQL and Redis themselves (the reference stack runs SQLite and an embedded Redis here)"
