// Package control is the controller of autoscalers: it reads metrics, asks the
// recommenders, applies what they decide through the stack, and journals every
// decision with the values and words that it comes from.
package control

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Cluster is what the controller reads and changes; *stack.Stack is one. Its
// methods are safe for concurrent use.
type Cluster interface {
	Members(service string) []stack.Member
	Unborn(service string) []stack.Unborn
	Noticed(service string) []stack.Member
	Adjust(ctx context.Context, service string, to int, cause string) (started, stopping []string, err error)
	Resize(ctx context.Context, instance, class string, to scenarios.ResourceClass, decision int, cause string) error
	SetClass(service, class string, to scenarios.ResourceClass, decision int, cause string)
	Usage(ctx context.Context, instance string) (platform.Stats, error)
	Fetch(ctx context.Context, instance string, port int, path string) ([]byte, error)
	Targets() map[string]string
}

// Config says what to control.
type Config struct {
	Plan    *scenarios.Plan
	Cluster Cluster
	Clock   clock.Clock
	Start   time.Duration // of traffic, on the clock
	Emit    func(journal.Body)
}

// A Controller runs the autoscalers of one run. Its methods are safe for
// concurrent use. A nil Controller has nothing to do.
type Controller struct {
	cfg      Config
	time     timeline
	frozen   bool
	services []*service // by name
	scrapes  []*scrape
	polls    []*poll
	calls    chan struct{} // a place for each call to an instance that may be under way
	sessions doorman

	deciding sync.Mutex // of ids, so that they ascend in the journal
	decided  int
	faults   faults
}

// concurrent is how many instances are asked for their use or their metrics at
// the same time.
const concurrent = 8

// New makes the controller of a plan; nil where the plan has nothing to measure
// and nothing to scale.
func New(cfg Config) *Controller {
	c := &Controller{
		cfg: cfg, time: newTimeline(cfg.Start, cfg.Plan.Tempo), frozen: cfg.Plan.Control == scenarios.ControlFrozen,
		calls: make(chan struct{}, concurrent),
	}
	costs := map[string]bool{}
	for _, check := range cfg.Plan.Checks {
		if check.Cost != nil {
			costs[check.Cost.Service] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Plan.Services)) {
		planned := cfg.Plan.Services[name]
		if planned.Autoscale != nil || planned.Prescale != nil || len(planned.Metrics) > 0 || costs[name] {
			c.services = append(c.services, newService(c, name, planned, costs[name]))
		}
	}
	if len(c.services) == 0 {
		return nil
	}
	c.addSources()
	return c
}

// Observe takes in an event of the run. It does not block and does not emit.
func (c *Controller) Observe(e journal.Event) {
	if c == nil {
		return
	}
	defer c.rescue("take in an event", nil)
	switch b := e.Body.(type) {
	case journal.Tally:
		if s := c.service(b.Service); s != nil && s.traffic != nil {
			s.traffic.add(e.T, b)
		}
	case journal.InstanceExited:
		if s := c.service(b.Service); s != nil && s.managed() && !b.Wanted {
			wake(s.wake)
		}
	case journal.SessionSignal:
		c.signalled(b)
	case journal.ActionStarted:
		c.acted(b.Service, b.Action, +1)
	case journal.ActionEnded:
		c.acted(b.Service, b.Action, -1)
	}
}

// acted counts the actions under way on a service that hold its turn: jobs do
// not, and during the notice of an interruption autoscalers go on.
func (c *Controller) acted(name, action string, by int32) {
	if s := c.service(name); s != nil && action != "job" && action != "interrupt" {
		s.busy.add(by, c.now())
	}
}

// Run controls until ctx is done, and returns when nothing that it has begun is
// under way any more. Its error is faults of the controller itself: what they were
// in has ended then, and everything else went on. It is for one call.
func (c *Controller) Run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	closed := c.sessions.open(ctx)
	var loops sync.WaitGroup
	for _, s := range c.services {
		s.start(ctx, &loops)
	}
	targets := c.cfg.Cluster.Targets()
	for _, s := range c.scrapes {
		c.loop(&loops, "read the metrics of "+s.service, func() { every(ctx, s.every, func() { s.pass(ctx) }) })
	}
	for _, p := range c.polls {
		c.loop(&loops, "read "+p.name+" of "+p.service, func() { every(ctx, p.every, func() { p.pass(ctx, targets) }) })
	}
	loops.Wait()
	closed()
	return c.faults.err()
}

func (c *Controller) service(name string) *service {
	i, ok := slices.BinarySearchFunc(c.services, name, func(s *service, name string) int {
		switch {
		case s.name < name:
			return -1
		case s.name > name:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return c.services[i]
}

// decide journals a decision and numbers it.
func (c *Controller) decide(d journal.ScaleDecision) int {
	c.deciding.Lock()
	defer c.deciding.Unlock()
	c.decided++
	d.ID = c.decided
	c.cfg.Emit(d)
	return d.ID
}

func (c *Controller) now() time.Duration { return c.cfg.Clock.Now() }

func (c *Controller) note(level, format string, args ...any) {
	c.cfg.Emit(journal.Note{Level: level, Text: fmt.Sprintf(format, args...)})
}

// call asks an instance for something, when there is a place for it and within a
// limit; what says it in words, for when there is no answer.
func (c *Controller) call(ctx context.Context, what string, limit time.Duration, do func(context.Context) error) error {
	select {
	case c.calls <- struct{}{}:
		defer func() { <-c.calls }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	late := fmt.Errorf("%s: no answer within %v", what, limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	err := c.attempt(what, func() error { return do(ctx) })
	if err != nil && context.Cause(ctx) == late { //nolint:errorlint // it is this very one, or another cause
		return late
	}
	return err
}

// every does something now and once a period until ctx is done. What takes
// longer than a period is not made up for.
func every(ctx context.Context, period time.Duration, do func()) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for ctx.Err() == nil {
		do()
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// wake tells a loop that there is something to look at.
func wake(loop chan struct{}) {
	select {
	case loop <- struct{}{}:
	default: // it is awake
	}
}

// busy counts what holds the turn of a service.
type busy struct {
	n     atomic.Int32
	ended atomic.Int64 // when something last ended, on the run's clock; 0 before
}

// add counts something that begins (+1) or ends (-1).
func (b *busy) add(by int32, now time.Duration) {
	if by < 0 {
		b.ended.Store(int64(now))
	}
	b.n.Add(by)
}

func (b *busy) is() bool { return b.n.Load() > 0 }

// last is when something last ended, 0 before.
func (b *busy) last() time.Duration { return time.Duration(b.ended.Load()) }
