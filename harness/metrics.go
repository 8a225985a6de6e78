package harness

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/stack"
)

// answerPatience bounds the answers to all queries of a plan.
const answerPatience = time.Minute

// measuring is the Prometheus of a run. It is safe for concurrent use; before it is
// made and where the plan measures nothing its methods do nothing.
type measuring struct {
	observer atomic.Pointer[observe.Observer]
	stop     context.CancelFunc
	ended    chan error
}

// make makes it; nothing is read yet.
func (m *measuring) make(r *run) error {
	plan := r.Loaded.Plan
	if plan.Metrics == nil {
		return nil
	}
	o, err := observe.New(observe.Config{
		Plan: plan, Dir: r.Dir.Metrics(), Run: r.Run, Started: r.Intent.Started, Clock: r.clock,
		Cluster: cluster{r.stack}, Emit: r.append,
	})
	if err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	m.observer.Store(o)
	return nil
}

// observe shows it an event.
func (m *measuring) observe(event journal.Event) {
	if o := m.observer.Load(); o != nil {
		o.Observe(event)
	}
}

// begin reads metrics and evaluates rules from now on, until end is called.
func (m *measuring) begin(ctx context.Context) error {
	o := m.observer.Load()
	if o == nil {
		return nil
	}
	if err := o.Find(ctx); err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	ctx, m.stop = context.WithCancel(ctx)
	m.ended = make(chan error, 1)
	go func() { m.ended <- o.Run(ctx) }()
	return nil
}

// end reads no more.
func (m *measuring) end() error {
	if m.stop == nil {
		return nil
	}
	m.stop()
	m.stop = nil
	if err := <-m.ended; err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	return nil
}

// answer records what the plan's checks want to know, and what there is. What goes
// wrong stands in the record: it is for the checks to judge.
func (m *measuring) answer(ctx context.Context) {
	if o := m.observer.Load(); o != nil {
		ctx, cancel := context.WithTimeout(ctx, answerPatience)
		defer cancel()
		o.Answer(ctx)
	}
}

// close writes what is in memory.
func (m *measuring) close() error {
	o := m.observer.Swap(nil)
	if o == nil {
		return nil
	}
	if err := errors.Join(m.end(), o.Close()); err != nil {
		return fmt.Errorf("close the metrics: %w", err)
	}
	return nil
}

// cluster is the stack as those see it who measure it.
type cluster struct{ *stack.Stack }

// Running are the instances of a service whose process runs.
func (c cluster) Running(service string) (names []string) {
	for _, m := range c.Members(service) {
		if m.Started > 0 && !m.Exited {
			names = append(names, m.Name)
		}
	}
	return names
}

// Usage samples what an instance uses now.
func (c cluster) Usage(ctx context.Context, instance string) (platform.Stats, error) {
	return c.Stack.Usage(ctx, instance)
}
