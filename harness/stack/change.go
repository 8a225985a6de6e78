package stack

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A change is one release under way. Its fields belong to the goroutine that
// runs it, but for what mu guards.
type change struct {
	*Stack
	of                 *service
	release            *scenarios.PlannedRelease
	to                 *version
	cause              string
	deadline, minReady time.Duration
	wanted             int         // instances there were
	old                []*instance // not told to stop yet, the oldest first
	fresh              []*newcomer
	held               bool // the gateway does not route to the new ones yet

	work    sync.WaitGroup // goroutines beside the one that runs it
	mu      sync.Mutex
	ends    []context.CancelFunc // of what brings new ones
	leaving int                  // terminations under way
	err     error                // the first of what went on beside
}

// A newcomer is an instance of the new version. Moments are on the run's clock.
type newcomer struct {
	name    string
	began   time.Duration
	was     bool          // it has been ready
	lacking time.Duration // since when it has not been available
	counted bool          // it is available
}

// never is a moment that does not come.
const never = time.Duration(math.MaxInt64)

// after is a moment, or never if it has come already.
func after(now, at time.Duration) time.Duration {
	if at <= now {
		return never
	}
	return at
}

// until calls look until it is done or wrong: whenever something about an
// instance changes, and at the moment it asks for.
func (c *change) until(ctx context.Context, look func(now time.Duration) (done bool, again time.Duration, err error)) error {
	var gone <-chan struct{}
	if gateway := c.link(c.of.name); gateway != nil {
		gone = gateway.Done()
	}
	for {
		news := c.changed()
		if err := errors.Join(context.Cause(ctx), c.failed()); err != nil {
			return err
		}
		done, again, err := look(c.cfg.Clock.Now())
		if done || err != nil {
			return err
		}
		timer := time.NewTimer(again - c.cfg.Clock.Now())
		select {
		case <-news:
		case <-timer.C:
		case <-gone:
			timer.Stop()
			return fmt.Errorf("its gateway is gone%s", c.lastWords(c.instance(gatewayName(c.of.name))))
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// fail keeps the first error of what goes on beside.
func (c *change) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	c.touch()
}

func (c *change) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// bring starts so many new instances.
func (c *change) bring(ctx context.Context, count int) {
	if count == 0 {
		return
	}
	now := c.cfg.Clock.Now()
	plan := &Plan{}
	for _, number := range c.reserve(c.of, count) {
		name := instanceName(c.of.name, number)
		c.fresh = append(c.fresh, &newcomer{name: name, began: now, lacking: now})
		c.planNewcomer(plan, Operation{
			Subject: name, Cause: c.cause, service: c.of.name, number: number, version: c.to, within: c.deadline,
		})
	}
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	c.ends = append(c.ends, cancel)
	c.mu.Unlock()
	c.work.Go(func() {
		defer cancel()
		if err := execute(ctx, plan, c.perform); err != nil && ctx.Err() == nil {
			c.fail(err)
		}
	})
}

// planNewcomer adds what brings one instance in.
func (c *change) planNewcomer(plan *Plan, op Operation) {
	kinds := []string{opCreate, opStart}
	switch {
	case c.held:
		kinds = append(kinds, opHold)
	case c.of.gatewayed():
		kinds = append(kinds, opAdd)
	case c.of.healthcheck:
		kinds = append(kinds, opReady)
	}
	for i, kind := range kinds {
		op.Op, op.After = kind, nil
		if i > 0 {
			op.After = []int{len(plan.Operations) - 1}
		}
		plan.Operations = append(plan.Operations, op)
	}
}

// stopBringing ends what brings new instances.
func (c *change) stopBringing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range c.ends {
		end()
	}
	c.ends = nil
}

// reserve takes the next numbers of a service.
func (s *Stack) reserve(of *service, count int) (numbers []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range count {
		n := max(s.seen.next[of.name], 1)
		s.seen.next[of.name] = n + 1
		numbers = append(numbers, n)
	}
	return numbers
}

// dismiss begins the termination of old instances, at once. When it returns
// they count as leaving for the reader of the journal too.
func (c *change) dismiss(ctx context.Context, names []string) {
	var begun sync.WaitGroup
	for _, name := range names {
		c.old = slices.DeleteFunc(c.old, func(i *instance) bool { return i.name == name })
		c.mu.Lock()
		c.leaving++
		c.mu.Unlock()
		begun.Add(1)
		c.work.Go(func() {
			t, err := c.beginTermination(ctx, name, c.cause)
			begun.Done()
			if err == nil {
				err = c.endTermination(ctx, t)
			}
			if err != nil {
				c.fail(err)
			}
			c.mu.Lock()
			c.leaving--
			c.mu.Unlock()
			c.touch()
		})
	}
	begun.Wait()
}

// gone says whether all that were dismissed are gone.
func (c *change) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaving == 0
}

// terminateAll stops instances at once and waits until they are gone.
func (s *Stack) terminateAll(ctx context.Context, names []string, cause string) error {
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { errs[i] = s.terminate(ctx, name, cause) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// discard removes an instance that nobody uses, without grace; one that is
// leaving already is left alone.
func (s *Stack) discard(ctx context.Context, i *instance, cause string) error {
	if s.leave(i.name) == nil {
		return nil
	}
	return s.scrap(ctx, i, cause)
}

// scrap removes an instance that does not count any more, without grace.
func (s *Stack) scrap(ctx context.Context, i *instance, cause string) error {
	if gateway := s.link(i.of.name); gateway != nil {
		_ = gateway.Remove(i.name) // it may not have been told of it
	}
	t := termination{i: i, cause: cause, began: s.cfg.Clock.Now()}
	if i.running.fired() {
		if err := s.kill(ctx, t); err != nil {
			return fmt.Errorf("remove %s: %w", i.name, err)
		}
		i.logEnded()
	}
	if err := s.remove(ctx, t); err != nil {
		return fmt.Errorf("%s: %w", i.name, err)
	}
	return nil
}

// oldMembers are the old instances as a rolling release counts them. Without a
// gateway one that has not exited is available.
func (c *change) oldMembers() []member {
	all := make([]member, len(c.old))
	for i, instance := range c.old {
		available := !instance.exited.fired()
		if c.of.gatewayed() {
			available = instance.serves().is
		}
		all[i] = member{instance.name, available}
	}
	return all
}

// freshMembers are the new instances, and when to look at them again. The error
// is about one that has exited or is late.
func (c *change) freshMembers(now time.Duration) (all []member, again time.Duration, err error) {
	again = never
	for _, n := range c.fresh {
		at, err := c.look(n, now)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, member{n.name, n.counted})
		again = min(again, at)
	}
	return all, again, nil
}

// freshAvailable is for until: it is done when all new instances are available.
func (c *change) freshAvailable(now time.Duration) (done bool, again time.Duration, err error) {
	all, again, err := c.freshMembers(now)
	return err == nil && len(all) == c.wanted && allAvailable(all), again, err
}

func allAvailable(members []member) bool {
	return !slices.ContainsFunc(members, func(m member) bool { return !m.available })
}

// look takes in how a newcomer stands: it is available when it has been ready
// for minReady. It has the deadline for that, and minReady more once it was
// ready; the same again each time that it is lost.
func (c *change) look(n *newcomer, now time.Duration) (again time.Duration, err error) {
	i := c.instance(n.name)
	if i != nil && i.exited.fired() {
		return 0, c.exitedError(n, i)
	}
	ready := c.readySince(i)
	if ready.is {
		n.was = true
		if now >= ready.at+c.minReady {
			n.counted = true
			return never, nil
		}
	}
	if n.counted {
		n.counted, n.lacking = false, now
	}
	limit := n.began + c.deadline
	if n.was {
		limit = n.lacking + c.deadline + c.minReady
	}
	switch {
	case now >= limit:
		return 0, c.lateError(n, i)
	case ready.is:
		return min(limit, ready.at+c.minReady), nil
	}
	return limit, nil
}

// readySince is what counts as ready: that the gateway routes to the instance;
// while it is held, that its probe passes; without a gateway, that it runs and
// is healthy.
func (c *change) readySince(i *instance) since {
	switch {
	case i == nil:
		return since{}
	case c.held:
		return i.passes()
	}
	return i.serves()
}

// exitedError is about a new instance that exited. How its probe stood tells
// whether it had ever been ready.
func (c *change) exitedError(n *newcomer, i *instance) error {
	reason := c.exitReason(i)
	if c.of.gatewayed() {
		reason += "; " + c.probeStatus(i)
	}
	if !n.was {
		reason += "; it never was ready"
	}
	return errors.New(reason + c.lastWords(i))
}

// lateError is about a new instance that was not available in time.
func (c *change) lateError(n *newcomer, i *instance) error {
	if i == nil {
		return fmt.Errorf("%s was not created within %v", n.name, c.deadline)
	}
	what := fmt.Sprintf("%s was not ready within %v of its start", n.name, c.deadline)
	switch {
	case n.was && c.minReady > 0:
		what = fmt.Sprintf("%s was ready, but not for %v without a break, within %v", n.name, c.minReady, c.deadline+c.minReady)
	case n.was:
		what = fmt.Sprintf("%s was ready, lost that, and was not ready again within %v", n.name, c.deadline)
	}
	if c.of.gatewayed() {
		what += "; " + c.probeStatus(i)
	}
	return errors.New(what + c.lastWords(i))
}
