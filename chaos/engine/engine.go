package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Config says which faults are done to what, and who is told.
type Config struct {
	Plan   *scenarios.Plan
	System System
	Clock  clock.Clock
	// Emit is called from many goroutines, and never while the engine holds a lock.
	Emit func(journal.Event)
	// Helper is the command of the undo helper, with its arguments.
	Helper []string
	// Journal is the file in which undo steps are written before faults are done.
	Journal string
	// Lease is how long faults last at most once the run has fallen silent, and how long
	// Heal takes at most. Default scenarios.DefaultLease.
	Lease time.Duration
	// Can says what was found out about this machine; see Ground.
	Can map[string]string
	// Authority is for faults that take TLS apart; nil without.
	Authority *order.Authority
	// Live lets people add faults and end them while traffic flows; see Add.
	Live bool
}

// Engine does the faults of one run. Its methods are safe for concurrent use;
// on a nil Engine they do nothing.
type Engine struct {
	cfg    Config
	sys    system
	ground Ground
	faults []*running // grows where people add some
	agents agents
	safety safety
	radius radius
	news   news
	order  ranks
	limits limits

	mu       sync.Mutex
	start    time.Duration // of traffic; set by Run
	begun    bool
	open     bool // faults can be added
	healed   bool
	by       string // why everything is reverted
	healedAt time.Duration
	errs     []error
	flows    chan struct{} // closed when faults can be added
	halted   chan struct{} // closed when everything has to be reverted
	idle     chan struct{} // closed when no fault is in force, and none will be
	// life is the context of every call: the end of a run is no reason not to revert.
	life context.Context
	all  sync.WaitGroup // the faults, and whoever may add some
	rest sync.WaitGroup // what is tidied up in the background
}

// New returns nil where the plan has no faults, and nobody can add any.
func New(cfg Config) *Engine {
	if len(cfg.Plan.Faults) == 0 && !cfg.Live {
		return nil
	}
	return newEngine(cfg, stack{cfg.System})
}

func newEngine(cfg Config, sys system) *Engine {
	if cfg.Lease == 0 {
		cfg.Lease = scenarios.DefaultLease
	}
	e := &Engine{
		cfg: cfg, sys: sys, ground: Ground{sys.Platform(), cfg.Plan, cfg.Can},
		flows: make(chan struct{}), halted: make(chan struct{}), idle: make(chan struct{}), life: context.Background(),
	}
	e.agents.init(e)
	e.safety.e, e.radius.cap = e, cfg.Plan.BlastRadius
	for _, f := range cfg.Plan.Faults {
		e.faults = append(e.faults, newRunning(e, f))
	}
	return e
}

// Prepare starts agents and the helper, and looks whether everything that the plan wants works
// here. It is called once, after the stack is up and before traffic begins.
func (e *Engine) Prepare(ctx context.Context) error {
	if e == nil {
		return nil
	}
	e.life = context.WithoutCancel(ctx)
	var errs []error
	for _, p := range Check(e.cfg.Plan, e.sys.Platform(), e.cfg.Can) {
		errs = append(errs, errors.New(p.String()))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if err := e.safety.begin(); err != nil {
		return err
	}
	failed := make([]error, len(e.faults))
	var all sync.WaitGroup
	for i, r := range e.faults {
		all.Go(func() { failed[i] = r.prepare(ctx) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// Run does faults from the start of traffic on and returns when all are over, or healed
// because ctx is done. The errors are those of reverting.
func (e *Engine) Run(ctx context.Context, start time.Duration) error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	if e.begun {
		e.mu.Unlock()
		return errors.New("faults of a run are done once")
	}
	e.begun, e.start, e.open = true, start, e.cfg.Live
	planned := e.faults
	e.mu.Unlock()
	close(e.flows)
	defer context.AfterFunc(ctx, func() { e.halt("interrupt") })()
	if e.cfg.Live {
		e.all.Go(e.receive)
	}
	for _, r := range planned {
		e.all.Go(r.run)
	}
	go func() {
		e.all.Wait()
		close(e.idle)
	}()
	return e.settle(context.Background())
}

// Halt has everything reverted and lets no more begin, without waiting for it;
// Heal or Run do. By is why: "stop", "error". The first one counts.
func (e *Engine) Halt(by string) {
	if e != nil {
		e.halt(by)
	}
}

// Heal reverts everything at once, and lets no more begin. By is why. It may be called at any
// time, again too.
func (e *Engine) Heal(ctx context.Context, by string) error {
	if e == nil {
		return nil
	}
	e.halt(by)
	e.mu.Lock()
	begun := e.begun
	e.begun = true // nothing begins after it
	e.mu.Unlock()
	if !begun {
		close(e.idle)
	}
	return e.settle(ctx)
}

// margin is what Heal may take above the lease, for what does not return when it
// is told to.
const margin = time.Second

// settle waits until nothing is in force: without a limit until everything has to be
// reverted, and then no longer than the lease.
func (e *Engine) settle(ctx context.Context) error {
	select {
	case <-e.idle:
		return e.failures()
	case <-e.halted:
	}
	limit := time.NewTimer(e.left() + margin)
	defer limit.Stop()
	select {
	case <-e.idle:
		return e.failures()
	case <-ctx.Done():
		return errors.Join(e.failures(), fmt.Errorf("revert faults: %w", context.Cause(ctx)))
	case <-limit.C:
		return errors.Join(e.failures(), fmt.Errorf("revert faults: not over after %v; look for what is left with: shakedown clean", e.cfg.Lease+margin))
	}
}

// halt has everything reverted.
func (e *Engine) halt(by string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.healed {
		return
	}
	e.healed, e.by, e.healedAt = true, by, e.cfg.Clock.Now()
	close(e.halted)
}

// healing tells whether everything has to be reverted, and why.
func (e *Engine) healing() (by string, is bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.by, e.healed
}

// left is what is left of the lease in which everything is to be reverted.
func (e *Engine) left() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return max(0, e.healedAt+e.cfg.Lease-e.cfg.Clock.Now())
}

func (e *Engine) failed(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.errs = append(e.errs, err)
}

func (e *Engine) failures() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.errs...)
}

// Observe shows the engine what happens in the run. It does not block and does
// not emit.
func (e *Engine) Observe(event journal.Event) {
	if e == nil || !e.news.take(event) {
		return
	}
	for _, r := range e.running() {
		r.inbox.ring()
	}
}

// ProxySink is where the agent in front of a service says what it does; it is
// given to the stack, which adds its own function for calls.
func (e *Engine) ProxySink(service string) link.Sink {
	if e == nil {
		return link.Sink{}
	}
	return e.agents.at(agentKey{inFront, service, ""}).sink()
}

// Close ends agents and the helper. What is still in force is reverted first.
func (e *Engine) Close() error {
	if e == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(e.life, e.cfg.Lease+2*margin)
	defer cancel()
	err := e.Heal(ctx, "end")
	e.safety.asked()
	_ = bounded(ctx, func(context.Context) error { e.rest.Wait(); return nil }) // it has bounds of its own
	return errors.Join(err, e.agents.close(), e.safety.close())
}

func (e *Engine) now() time.Duration { return e.cfg.Clock.Now() }

func (e *Engine) emit(at time.Duration, body journal.Body) {
	e.cfg.Emit(journal.Event{T: at, Body: body})
}

// until waits for a moment; false when everything has to be reverted before, or when off is
// closed, which may be nil.
func (e *Engine) until(moment time.Duration, off <-chan struct{}) bool {
	if closed(e.halted) {
		return false
	}
	timer := time.NewTimer(moment - e.now())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.halted:
		return false
	case <-off:
		return false
	}
}

// patient is a context of at most a length, which shrinks to what is left of the
// lease when everything has to be reverted.
func (e *Engine) patient(parent context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(parent, limit, fmt.Errorf("no end after %v", limit))
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-e.halted:
		}
		timer := time.NewTimer(e.left())
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			cancel()
		}
	}()
	return ctx, cancel
}

// bounded does something and comes back, even if it does not, soon after ctx is
// done.
func bounded(ctx context.Context, do func(context.Context) error) error {
	const grace = 200 * time.Millisecond
	over := make(chan error, 1)
	go func() { over <- do(ctx) }()
	select {
	case err := <-over:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-over:
		return err
	case <-timer.C:
		return fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
}
