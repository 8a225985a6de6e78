package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
)

// shownLines is how much of a failed build's output an error shows.
const shownLines = 20

// build builds a service's image with the engine's classic builder, which every
// engine has.
func (p *Platform) build(ctx context.Context, ref string, service types.ServiceConfig) error {
	if needs := needsBuildKit(service.Build); len(needs) > 0 {
		return fmt.Errorf("the build section of service %s uses %s, which need BuildKit: run docker compose build %s and run again",
			service.Name, strings.Join(needs, ", "), service.Name)
	}
	options := buildOptions(ref, service)
	var source io.Reader
	if isRemote(service.Build.Context) {
		options.RemoteContext = service.Build.Context
	} else {
		packed, err := packContext(service.Build, &options)
		if err != nil {
			return fmt.Errorf("build image %s from %s: %w", ref, service.Build.Context, err)
		}
		defer func() { _ = packed.Close() }()
		source = packed
	}
	response, err := p.engine.ImageBuild(ctx, source, options)
	if err != nil {
		return fmt.Errorf("build image %s from %s: %w", ref, service.Build.Context, err)
	}
	defer func() { _ = response.Body.Close() }()
	last, err := progress(response.Body, func() {})
	if err == nil {
		return nil
	}
	hint := ""
	if strings.Contains(err.Error(), "BuildKit") {
		hint = "; run docker compose build " + service.Name + " and run again"
	}
	return fmt.Errorf("build image %s from %s: %w%s; its last output:\n%s", ref, service.Build.Context, err, hint, last)
}

// needsBuildKit lists what the classic builder would leave out.
func needsBuildKit(b *types.BuildConfig) []string {
	var needs []string
	for key, used := range map[string]bool{
		"additional_contexts": len(b.AdditionalContexts) > 0, "secrets": len(b.Secrets) > 0, "ssh": len(b.SSH) > 0,
		"platforms": len(b.Platforms) > 1, "entitlements": len(b.Entitlements) > 0, "privileged": b.Privileged,
	} {
		if used {
			needs = append(needs, key)
		}
	}
	slices.Sort(needs)
	return needs
}

func buildOptions(ref string, service types.ServiceConfig) build.ImageBuildOptions {
	b := service.Build
	options := build.ImageBuildOptions{
		Version: build.BuilderV1, Tags: append([]string{ref}, b.Tags...), Dockerfile: cmp.Or(b.Dockerfile, "Dockerfile"),
		BuildArgs: b.Args, Labels: b.Labels, Target: b.Target, NoCache: b.NoCache, PullParent: b.Pull,
		CacheFrom: b.CacheFrom, NetworkMode: b.Network, ExtraHosts: hosts(b.ExtraHosts), ShmSize: int64(b.ShmSize),
		Isolation: container.Isolation(b.Isolation), Platform: service.Platform,
		Remove: true, ForceRemove: true, // of the containers in which steps ran
	}
	if len(b.Platforms) == 1 {
		options.Platform = b.Platforms[0]
	}
	for _, name := range slices.Sorted(maps.Keys(b.Ulimits)) {
		options.Ulimits = append(options.Ulimits, ulimit(name, b.Ulimits[name]))
	}
	return options
}

func isRemote(context string) bool {
	return strings.Contains(context, "://") || strings.HasPrefix(context, "git@") || strings.HasPrefix(context, "github.com/")
}

// message is one line of the stream of a pull, a build or an import.
type message struct {
	Stream string `json:"stream"`
	Error  struct {
		Message string `json:"message"`
	} `json:"errorDetail"`
}

// progress reads such a stream to its end, calls heard for every message, and
// returns the last lines of output and the error that the stream tells.
func progress(stream io.Reader, heard func()) (last string, err error) {
	var output bytes.Buffer
	decoder := json.NewDecoder(stream)
	for {
		var m message
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return lastLines(output.String()), nil
		} else if err != nil {
			return lastLines(output.String()), err
		}
		heard()
		output.WriteString(m.Stream)
		if output.Len() > 1<<20 {
			output.Next(output.Len() / 2)
		}
		if m.Error.Message != "" {
			return lastLines(output.String()), errors.New(m.Error.Message)
		}
	}
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-shownLines):], "\n")
}
