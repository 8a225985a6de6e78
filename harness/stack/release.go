package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Release brings a version of a service in, as its strategy says, and returns
// when the old instances are gone. It calls begun when it is the service's
// turn, with the number of instances there are then. The image is made
// available before anything is touched.
//
// A new instance that exits, or is not ready within the deadline, stops the
// release: new instances that never took work are removed, the old ones that
// were not told to stop yet go on serving, and what starts later is of the
// version before.
func (s *Stack) Release(ctx context.Context, r *scenarios.PlannedRelease, cause string, begun func(replicas int)) error {
	return s.inTurn(ctx, r.Service, releaseStep(r), func(ctx context.Context) error {
		begun(s.Replicas(r.Service))
		of := s.layout.service(r.Service)
		to := s.declare(r)
		if r.Image != "" {
			if err := s.ensure(ctx, of, to, cause); err != nil {
				return fmt.Errorf("nothing was touched: %w", err)
			}
		}
		c := &change{
			Stack: s, of: of, release: r, to: to, cause: cause,
			deadline: r.Deadline.Std(), minReady: r.MinReady.Std(), old: s.replicas(of),
		}
		if c.deadline <= 0 {
			c.deadline = time.Minute
		}
		if err := c.run(ctx); err != nil {
			return err
		}
		s.settled(r.Service, to)
		return nil
	})
}

func releaseStep(r *scenarios.PlannedRelease) string {
	words := map[string]string{
		scenarios.RollingStrategy: "rolling release", scenarios.BlueGreenStrategy: "blue-green release",
		scenarios.ReplaceStrategy: "replacement of all",
	}[r.Strategy]
	if words == "" {
		words = "release by " + r.Strategy
	}
	return words + " of " + r.Service
}

// run performs the release by its strategy.
func (c *change) run(ctx context.Context) error {
	defer c.work.Wait()
	defer c.stopBringing()
	c.wanted = len(c.old)
	strategy := map[string]func(context.Context) error{
		scenarios.RollingStrategy: c.rolling, scenarios.BlueGreenStrategy: c.blueGreen, scenarios.ReplaceStrategy: c.replace,
	}[c.release.Strategy]
	switch {
	case strategy == nil:
		return fmt.Errorf("there is no strategy %q", c.release.Strategy)
	case c.release.Strategy == scenarios.BlueGreenStrategy && !c.of.gatewayed():
		return fmt.Errorf("%s has no port, so there is no traffic to switch; use a rolling release", c.of.name)
	case c.wanted == 0:
		return nil // nothing to exchange; the version holds from now on
	}
	return strategy(ctx)
}

// rolling exchanges a few at a time; see standing.
func (c *change) rolling(ctx context.Context) error {
	surge, unavailable := bounds(c.release, c.wanted)
	err := c.until(ctx, func(now time.Duration) (bool, time.Duration, error) {
		fresh, again, err := c.freshMembers(now)
		if err != nil {
			return false, 0, err
		}
		stand := standing{wanted: c.wanted, surge: surge, unavailable: unavailable, old: c.oldMembers(), fresh: fresh}
		start, stop := stand.next()
		c.dismiss(ctx, stop)
		c.bring(ctx, start)
		if start > 0 || len(stop) > 0 {
			return false, now, nil
		}
		done := len(fresh) == c.wanted && allAvailable(fresh) && len(c.old) == 0 && c.gone()
		return done, again, nil
	})
	if err != nil {
		return c.giveUp(ctx, err, true)
	}
	return nil
}

// replace exchanges all at once: those there are first, or the new ones.
func (c *change) replace(ctx context.Context) error {
	if !c.release.StartFirst {
		c.dismiss(ctx, names(c.old))
		if err := c.until(ctx, func(time.Duration) (bool, time.Duration, error) { return c.gone(), never, nil }); err != nil {
			return c.giveUp(ctx, err, true)
		}
	}
	c.bring(ctx, c.wanted)
	if err := c.until(ctx, c.freshAvailable); err != nil {
		return c.giveUp(ctx, err, !c.release.StartFirst)
	}
	return c.dismissOld(ctx)
}

// blueGreen starts the new version beside the old one, out of its traffic, and
// switches over when all of it is ready.
func (c *change) blueGreen(ctx context.Context) error {
	c.held = true
	c.bring(ctx, c.wanted)
	if err := c.until(ctx, c.freshAvailable); err != nil {
		return c.giveUp(ctx, err, false)
	}
	if err := c.switchOver(ctx); err != nil {
		if ctx.Err() == nil {
			err = c.switchBack(ctx, err)
		}
		return c.giveUp(ctx, err, false)
	}
	return c.dismissOld(ctx)
}

// switchOver moves all traffic to the new version and lets the old one stay for
// a while.
func (c *change) switchOver(ctx context.Context) error {
	lag := c.lag(c.of, c.of.name+" "+c.to.name)
	late := c.cfg.Plan.Control == scenarios.ControlLateRemoval
	if late { // later than the end of those that leave, for which nobody waits then
		lag += c.release.Keep.Std()
	}
	var fresh []string
	c.held = false
	for _, n := range c.fresh {
		fresh = append(fresh, n.name)
		n.began, n.lacking, n.was = c.cfg.Clock.Now(), c.cfg.Clock.Now(), false
	}
	if err := c.link(c.of.name).Switch(fresh, lag); err != nil {
		return fmt.Errorf("switch to %s: %w", list(fresh), err)
	}
	switched := c.cfg.Clock.Now()
	err := c.until(ctx, func(now time.Duration) (bool, time.Duration, error) {
		done, again, err := c.freshAvailable(now)
		left := late || now >= switched+lag && !slices.ContainsFunc(c.old, func(i *instance) bool { return i.serves().is })
		return done && left, min(again, after(now, switched+lag)), err
	})
	if err != nil {
		return err
	}
	kept := c.cfg.Clock.Now() + c.release.Keep.Std()
	return c.until(ctx, func(now time.Duration) (bool, time.Duration, error) {
		_, again, err := c.freshMembers(now)
		return now >= kept, min(again, kept), err
	})
}

// switchBack returns the traffic to the old version, because of an error.
func (c *change) switchBack(ctx context.Context, because error) error {
	if err := c.link(c.of.name).Switch(names(c.old), 0); err != nil {
		return fmt.Errorf("%w; and the traffic could not be switched back: %w", because, err)
	}
	began := c.cfg.Clock.Now()
	_ = c.until(ctx, func(now time.Duration) (bool, time.Duration, error) { // as far as they are ready
		back := !slices.ContainsFunc(c.old, func(i *instance) bool { return i.passes().is && !i.serves().is })
		return back || now >= began+c.deadline, began + c.deadline, nil
	})
	return fmt.Errorf("the traffic was switched back: %w", because)
}

// dismissOld stops all that are left of the old version, at once.
func (c *change) dismissOld(ctx context.Context) error {
	c.dismiss(ctx, names(c.old))
	return c.until(ctx, func(time.Duration) (bool, time.Duration, error) { return c.gone(), never, nil })
}

// giveUp ends a release because of an error: what is under way ends, and the
// new instances go that never took work or exited, or all of them.
func (c *change) giveUp(ctx context.Context, because error, keep bool) error {
	c.stopBringing()
	c.work.Wait()
	if ctx.Err() != nil {
		return because // the stack is taken down
	}
	cause := c.cause + " (given up)"
	problems := []error{fmt.Errorf("stopped with %d of %d old instances left: %w", len(c.old), c.wanted, because)}
	var served []string
	for _, n := range c.fresh {
		i := c.instance(n.name)
		switch {
		case i == nil:
		case !i.served() || i.exited.fired():
			problems = append(problems, c.discard(ctx, i, cause))
		case !keep:
			served = append(served, n.name)
		}
	}
	problems = append(problems, c.terminateAll(ctx, served, cause))
	return errors.Join(problems...)
}

func names(instances []*instance) []string {
	all := make([]string, len(instances))
	for i, instance := range instances {
		all[i] = instance.name
	}
	return all
}
