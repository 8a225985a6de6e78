//go:build unix

package control

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A still cluster has members that do not change, and costs nothing to ask.
type still struct {
	members map[string][]stack.Member
	clock   clock.Clock
	page    []byte
}

func (c *still) Members(service string) []stack.Member { return c.members[service] }
func (c *still) Unborn(string) []stack.Unborn          { return nil }
func (c *still) Noticed(string) []stack.Member         { return nil }
func (c *still) Adjust(context.Context, string, int, string) (started, stopping []string, err error) {
	return nil, nil, nil
}
func (c *still) Resize(context.Context, string, string, scenarios.ResourceClass, int, string) error {
	return nil
}
func (c *still) SetClass(string, string, scenarios.ResourceClass, int, string) {}
func (c *still) Usage(context.Context, string) (platform.Stats, error) {
	return platform.Stats{CPU: c.clock.Now() / 10, Memory: 50 << 20}, nil
}
func (c *still) Fetch(context.Context, string, int, string) ([]byte, error) { return c.page, nil }
func (c *still) Targets() map[string]string                                 { return nil }

// BenchmarkController50 is what the controller costs for 50 instances, in real
// time: 20 under an HPA on CPU, 20 that keep requests per instance, 10 that are
// prescaled by their use; use of all of them, a metrics page of 32 KiB of each
// every second, with two metrics on it, and the tallies of their gateways. One
// operation is one second of a run at a tempo of 5; core-% is the share of a core
// that the process used, which is the measure. The journal and the engine are not
// in it.
func BenchmarkController50(b *testing.B) {
	metrics := map[string]scenarios.MetricSource{
		"backlog": {Exposition: &scenarios.Exposition{Series: `queue_depth{queue="orders"}`, Port: 80}},
		"age":     {Exposition: &scenarios.Exposition{Series: "queue_oldest_job_age_seconds", Port: 80}},
	}
	hpa, tracking, large := cpuHPA(), tracked(), importers(scenarios.ReactivePolicy)
	hpa.Metrics, tracking.Metrics, large.Metrics = metrics, metrics, metrics
	plan := &scenarios.Plan{Tempo: 5, Services: map[string]scenarios.PlannedService{"a": hpa, "b": tracking, "c": large}}
	cluster := &still{clock: clock.Start(), members: map[string][]stack.Member{}, page: pageOf(32 << 10)}
	for service, n := range map[string]int{"a": 20, "b": 20, "c": 10} {
		for i := range n {
			cluster.members[service] = append(cluster.members[service], stack.Member{
				Name: fmt.Sprintf("%s-%d", service, i+1), Started: -time.Hour, Changed: -time.Hour, Ready: true, Class: "base",
			})
		}
	}
	c := New(Config{Plan: plan, Cluster: cluster, Clock: cluster.clock, Emit: func(journal.Body) {}})
	ctx, cancel := context.WithCancel(b.Context())
	over := make(chan error)
	b.ResetTimer()
	before := cpu(b)
	go func() { over <- c.Run(ctx) }()
	for range b.N {
		time.Sleep(time.Second)
		observeTallies(c, cluster)
	}
	b.ReportMetric(100*(cpu(b)-before).Seconds()/b.Elapsed().Seconds(), "core-%")
	cancel()
	if err := <-over; err != nil {
		b.Error(err)
	}
}

func observeTallies(c *Controller, cluster *still) {
	times := map[int]int{}
	for bucket := range 30 {
		times[bucket] = bucket
	}
	for service, members := range cluster.members {
		for _, m := range members {
			c.Observe(journal.Event{T: cluster.clock.Now(), Body: journal.Tally{Service: service, Instance: m.Name, For: time.Second, Total: 10, Times: times}})
		}
	}
}

// pageOf is a metrics page of about so many bytes.
func pageOf(size int) []byte {
	var text strings.Builder
	for text.Len() < size {
		fmt.Fprintf(&text, "http_request_duration_seconds_bucket{path=\"/v1/projects\",le=\"%d\"} %d\n", text.Len(), text.Len())
	}
	text.WriteString("queue_depth{queue=\"orders\"} 12\nqueue_oldest_job_age_seconds 3.5\n")
	return []byte(text.String())
}

// cpu is what the process has used so far.
func cpu(b *testing.B) time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
