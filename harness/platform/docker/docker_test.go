package docker

import (
	"context"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/platformtest"
)

func openPlatform(run, owner string) (platform.Platform, error) {
	return Open(context.Background(), run, owner)
}

func TestMain(m *testing.M) { platformtest.Main(m, openPlatform, forgetProgram) }

// forgetProgram removes the image that was made of the test program.
func forgetProgram(path string) {
	if ref, err := programRef(path); err == nil {
		_ = forget(ref) // it may never have been made
	}
}

// needsEngine skips a test where there is no engine to run it on.
func needsEngine(t *testing.T) engine {
	t.Helper()
	if testing.Short() {
		t.Skip("NOT TESTED: containers are left out with -short")
	}
	e, _, err := connect(t.Context())
	if err != nil {
		t.Skipf("NOT TESTED: no engine: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestConformance(t *testing.T) {
	platformtest.Run(t, func(t *testing.T) platformtest.Fixture {
		e := needsEngine(t)
		return platformtest.Fixture{
			Open: openPlatform, Cleaner: Cleaner{}, GOOS: "linux",
			Left: func(run string) ([]string, error) { return named(e, run) },
		}
	})
}

// named looks for a run's things by name, not by label.
func named(e engine, run string) ([]string, error) {
	ctx := context.Background()
	var names []string
	containers, err := e.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return nil, err
	}
	for _, c := range containers {
		names = append(names, c.Names...)
	}
	networks, err := e.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, n := range networks {
		names = append(names, n.Name)
	}
	volumes, err := e.VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, v := range volumes.Volumes {
		names = append(names, v.Name)
	}
	var left []string
	for _, name := range names {
		if strings.Contains(name, run) {
			left = append(left, name)
		}
	}
	return left, nil
}
