package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Project is a compose project as loaded: merged, interpolated, its profiles
// applied. It is not changed after Load and is safe for concurrent use.
type Project struct {
	compose    *types.Project
	extensions map[string]scenarios.Service
	// Warnings are remarks of the compose loader for the user: a variable that
	// is not set, an obsolete attribute. Each stands here once.
	Warnings []string
}

// Load reads compose files, merged in the order given. Variables are
// interpolated from environ ("NAME=value", as os.Environ gives it) and from
// the .env file beside the first file; environ wins. Profiles switches on
// compose profiles; without any, COMPOSE_PROFILES of environ counts. x-shakedown
// of every service is read strictly, later files win key by key.
//
// Mistakes in the files come back as scenarios.Problems, with file, line and
// column where the loader's message tells them.
func Load(ctx context.Context, files, profiles, environ []string) (*Project, error) {
	if len(files) == 0 {
		return nil, errors.New("load compose project: no compose file given; name one under stack.compose")
	}
	sources, err := readFiles(files)
	if err != nil {
		return nil, err
	}
	extensions, problems := decodeExtensions(files, sources)
	compose, warnings, err := loadCompose(ctx, files, profiles, environ)
	if err != nil {
		problem := locate(files, sources, err)
		known := slices.ContainsFunc(problems, func(p scenarios.Problem) bool { return p.File == problem.File && p.Line == problem.Line })
		if !known { // a file that is no YAML is reported by both
			problems = append(problems, problem)
		}
	}
	if compose != nil {
		problems = append(problems, inherited(compose, extensions)...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	if len(compose.Services) == 0 {
		return nil, fmt.Errorf("load compose project %s: it has no services; "+
			"if they all belong to profiles, switch one on under stack.profiles", strings.Join(files, ", "))
	}
	inProject(extensions, compose.WorkingDir)
	return &Project{compose: compose, extensions: extensions, Warnings: warnings}, nil
}

func readFiles(files []string) ([][]byte, error) {
	sources := make([][]byte, len(files))
	for i, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read compose file: %w; paths under stack.compose are relative to the scenario file", err)
		}
		sources[i] = source
	}
	return sources, nil
}

func decodeExtensions(files []string, sources [][]byte) (map[string]scenarios.Service, scenarios.Problems) {
	merged := map[string]scenarios.Service{}
	var all scenarios.Problems
	for i, file := range files {
		services, problems := scenarios.DecodeExtensions(file, sources[i])
		all = append(all, problems...)
		for name, later := range services {
			merged[name] = mergeService(merged[name], later)
		}
	}
	return merged, all
}

func loadCompose(ctx context.Context, files, profiles, environ []string) (*types.Project, []string, error) {
	var project *types.Project
	warnings, err := quietly(func() error {
		options, err := cli.NewProjectOptions(files,
			cli.WithEnv(environ),
			cli.WithEnvFiles(), // must come before WithDotEnv, which reads what it found
			cli.WithDotEnv,
			cli.WithDefaultProfiles(profiles...),
			cli.WithDiscardEnvFile)
		if err != nil {
			return err
		}
		project, err = options.LoadProject(ctx)
		return err
	})
	return project, warnings, err
}

// loading serializes loads: the compose loader prints through one global logger.
var loading sync.Mutex

// quietly runs f with the global logger of the compose loader turned into a
// list of warnings.
func quietly(f func() error) ([]string, error) {
	loading.Lock()
	defer loading.Unlock()
	logger := logrus.StandardLogger()
	caught := &warnings{}
	out := logger.Out
	logger.SetOutput(io.Discard)
	hooks := logger.ReplaceHooks(logrus.LevelHooks{
		logrus.WarnLevel:  {caught},
		logrus.ErrorLevel: {caught},
	})
	defer func() {
		logger.SetOutput(out)
		logger.ReplaceHooks(hooks)
	}()
	err := f()
	return caught.texts, err
}

// warnings is a logrus hook that keeps every message once.
type warnings struct{ texts []string }

func (w *warnings) Levels() []logrus.Level {
	return []logrus.Level{logrus.WarnLevel, logrus.ErrorLevel}
}

func (w *warnings) Fire(entry *logrus.Entry) error {
	if !slices.Contains(w.texts, entry.Message) {
		w.texts = append(w.texts, entry.Message)
	}
	return nil
}

// Info tells what a scenario can refer to in the project.
func (p *Project) Info() scenarios.StackInfo {
	info := scenarios.StackInfo{Services: map[string]scenarios.ServiceInfo{}}
	for name, config := range p.compose.Services {
		service := scenarios.ServiceInfo{
			Ports: ports(config), Replicas: config.GetScale(), Labels: maps.Clone(config.Labels), Volumes: volumesOf(config),
		}
		if extension, ok := p.extensions[name]; ok {
			service.Extension = &extension
		}
		if config.StopGracePeriod != nil {
			service.StopGrace = time.Duration(*config.StopGracePeriod)
		}
		service.Limits, service.Reservations = resources(config)
		info.Services[name] = service
	}
	return info
}

// volumesOf are the named volumes that a service mounts, in order.
func volumesOf(config types.ServiceConfig) []string {
	var names []string
	for _, mount := range config.Volumes {
		if mount.Type == types.VolumeTypeVolume && mount.Source != "" {
			names = append(names, mount.Source)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// resources are what instances of a service are limited to, and what is set aside
// for them; deploy.resources wins over the older keys, as it does where they are
// started.
func resources(config types.ServiceConfig) (limits, reservations scenarios.ResourceClass) {
	if d := config.Deploy; d != nil {
		limits, reservations = class(d.Resources.Limits), class(d.Resources.Reservations)
	}
	limits = limits.Or(scenarios.ResourceClass{CPUs: cores(config.CPUS), Memory: scenarios.Bytes(config.MemLimit)})
	reservations = reservations.Or(scenarios.ResourceClass{Memory: scenarios.Bytes(config.MemReservation)})
	return limits, reservations
}

func class(r *types.Resource) scenarios.ResourceClass {
	if r == nil {
		return scenarios.ResourceClass{}
	}
	return scenarios.ResourceClass{CPUs: cores(float32(r.NanoCPUs)), Memory: scenarios.Bytes(r.MemoryBytes)}
}

// cores makes 0.1 of the 0.100000001 that the loader's narrow number is.
func cores(n float32) scenarios.Cores {
	return scenarios.Cores(math.Round(float64(n)*1e6) / 1e6)
}

// ports lists the container ports a service exposes or publishes over TCP, in
// the order of the file, each once.
func ports(config types.ServiceConfig) []int {
	var list []int
	add := func(port int) {
		if port > 0 && !slices.Contains(list, port) {
			list = append(list, port)
		}
	}
	for _, p := range config.Ports {
		if p.Protocol == "" || p.Protocol == "tcp" {
			add(int(p.Target))
		}
	}
	for _, e := range config.Expose {
		number, protocol, _ := strings.Cut(e, "/")
		if protocol != "" && protocol != "tcp" {
			continue
		}
		first, last, isRange := strings.Cut(number, "-")
		from, err := strconv.Atoi(first)
		to := from
		if isRange && err == nil {
			to, err = strconv.Atoi(last)
		}
		for port := from; err == nil && port <= to; port++ {
			add(port)
		}
	}
	return list
}
