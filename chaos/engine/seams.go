package engine

import (
	"context"
	"net/netip"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// agent is the harness's end of an agent, as link.Link is one.
type agent interface {
	Ready() order.Ready
	Apply(ctx context.Context, f order.Fault) error
	Revert(ctx context.Context, fault string) (map[string]int64, error)
	Probe(ctx context.Context, p order.Probe) (order.Reading, error)
	Done() <-chan struct{}
	Close() error
}

// system is System with agents that a test can make up.
type system interface {
	Platform() string
	Instances(service string) []Instance
	Kill(ctx context.Context, instance, cause string) error
	Stop(ctx context.Context, instance, cause string) error
	Replace(ctx context.Context, instance, cause string) (name string, err error)
	Pause(ctx context.Context, instance, cause string) error
	Resume(ctx context.Context, instance, cause string) error
	Limit(ctx context.Context, instance string, cpus float64, cause string) (before float64, err error)
	Interrupt(ctx context.Context, instances []string, notice time.Duration, replace bool, cause string) error
	Usage(ctx context.Context, instance string) (Usage, error)
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
	Port(service string) int
	Database(access scenarios.DatabaseAccess) (string, error)
	Fetch(ctx context.Context, instance, method, path string, headers map[string]string) (status int, err error)
	Undo(method, instance string, before float64) Undo
	accompany(ctx context.Context, at Place, sink link.Sink) (agent, error)
	proxy(service string) agent // nil where there is none
}

// stack makes a system of a System.
type stack struct{ System }

func (s stack) accompany(ctx context.Context, at Place, sink link.Sink) (agent, error) {
	l, err := s.Accompany(ctx, at, sink)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (s stack) proxy(service string) agent {
	if l := s.Proxy(service); l != nil {
		return l
	}
	return nil
}
