package docker

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

const mebi = 1 << 20

// limitedOnStage runs a test with api-1 running within limits, its use told by
// the engine alone.
func limitedOnStage(t *testing.T, limits container.Resources, first bool, test func(*stage)) {
	onStage(t, func(s *stage) {
		s.kernel = kernel{proc: t.TempDir(), cgroups: t.TempDir()}
		s.instances["api-1"].quota = limits.CPUQuota
		s.states[apiID] = &container.State{Running: true, Pid: 7}
		s.limits = map[string]container.Resources{apiID: limits}
		s.usage.CPUStats.CPUUsage.TotalUsage = 12e9
		s.usage.MemoryStats.Usage = 48 * mebi
		cache := "inactive_file"
		if first {
			cache = "total_inactive_file"
		}
		s.usage.MemoryStats.Stats = map[string]uint64{cache: 8 * mebi}
		test(s)
	})
}

func TestResizeInTheEnginesWords(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits container.Resources
		to     platform.Resources
		want   container.Resources
	}{
		{"both", container.Resources{NanoCPUs: 5e8, Memory: 64 * mebi}, platform.Resources{CPUs: 1, Memory: 96 * mebi},
			container.Resources{NanoCPUs: 1e9, Memory: 96 * mebi, MemorySwap: 96 * mebi}},
		{"memory", container.Resources{Memory: 96 * mebi}, platform.Resources{Memory: 64 * mebi},
			container.Resources{Memory: 64 * mebi, MemorySwap: 64 * mebi}},
		{"a third of a core", container.Resources{NanoCPUs: 5e8}, platform.Resources{CPUs: 1.0 / 3}, container.Resources{NanoCPUs: 333e6}},
		{"made with a quota", container.Resources{CPUQuota: 50_000}, platform.Resources{CPUs: 1.5},
			container.Resources{CPUQuota: 150_000, CPUPeriod: 100_000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			limitedOnStage(t, c.limits, true, func(s *stage) {
				if err := s.Resize(context.Background(), "api-1", c.to); err != nil {
					t.Fatal(err)
				}
				if have := s.updates[0].Resources; !reflect.DeepEqual(have, c.want) {
					t.Errorf("asked for %+v\n want %+v", have, c.want)
				}
			})
		})
	}
}

func TestResizeThatComesToNothing(t *testing.T) {
	limits := container.Resources{NanoCPUs: 5e8, Memory: 64 * mebi}
	for _, c := range []struct {
		name    string
		first   bool // cgroups of version 1
		to      platform.Resources
		refuses error
		deaf    bool
		want    string
		updates int
	}{
		{"refused", true, platform.Resources{Memory: 16 * mebi}, errors.New("unable to set memory limit to 16777216 (current usage: 41943040)"), false,
			"api-1: unable to set memory limit to 16777216 (current usage", 1},
		{"it would kill", false, platform.Resources{Memory: 16 * mebi}, nil, false, "api-1: it uses 41943040 bytes of memory, more than a limit of 16777216", 0},
		{"memory not enforced", true, platform.Resources{Memory: 96 * mebi}, nil, true, "but 67108864 bytes are enforced", 1},
		{"CPU not enforced", true, platform.Resources{CPUs: 2}, nil, true, "a limit of 2 CPUs, but 0.5 are enforced", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			limitedOnStage(t, limits, c.first, func(s *stage) {
				s.refuses, s.deaf = c.refuses, c.deaf
				err := s.Resize(context.Background(), "api-1", c.to)
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "api-1") != 1 || len(s.updates) != c.updates {
					t.Errorf("Resize = %v after %d updates, want %q", err, len(s.updates), c.want)
				}
				use, err := s.Stats(context.Background(), "api-1")
				if err != nil || use.Limit != 64*mebi {
					t.Errorf("the limit is %d, %v", use.Limit, err)
				}
			})
		})
	}
}

func TestResizeOfWhatDoesNotRun(t *testing.T) {
	onStage(t, func(s *stage) {
		s.states[apiID] = &container.State{}
		err := s.Resize(context.Background(), "api-1", platform.Resources{Memory: mebi})
		if err == nil || err.Error() != "api-1: it is not running" || len(s.updates) != 0 {
			t.Errorf("Resize = %v", err)
		}
	})
}

// Where the kernel's files cannot be seen, the engine tells what is used.
func TestStatsOfTheEngine(t *testing.T) {
	for _, c := range []struct {
		first  bool
		limits container.Resources
		want   platform.Stats
	}{
		{true, container.Resources{Memory: 64 * mebi}, platform.Stats{CPU: 12e9, Memory: 40 * mebi, Limit: 64 * mebi}},
		{false, container.Resources{}, platform.Stats{CPU: 12e9, Memory: 40 * mebi}},
	} {
		limitedOnStage(t, c.limits, c.first, func(s *stage) {
			if have, err := s.Stats(context.Background(), "api-1"); have != c.want || err != nil {
				t.Errorf("%+v, %v; want %+v", have, err, c.want)
			}
		})
	}
}
