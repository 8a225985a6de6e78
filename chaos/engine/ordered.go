package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A deed is a fault on one target. Begin returns when it is in force, and an
// error of it leaves nothing; end takes it back, and does nothing where there is
// nothing to take back.
type deed interface {
	begin(ctx context.Context) error
	end(ctx context.Context) error
}

// readying is a deed that can do something ahead of its time.
type readying interface {
	ready(ctx context.Context) error
}

// counting is a deed that counts by itself; the counters are those of now.
type counting interface{ counters() map[string]int64 }

// agented is a deed of an agent's, which says what works where it is.
type agented interface{ can() map[string]string }

// ordered is a deed that an agent does.
type ordered struct {
	*hold
	seat    seat
	volume  string
	compose func(o *ordered) error // sets what the fault is

	mu    sync.Mutex
	ctx   context.Context // of compose
	isSet bool
	fault order.Fault
	agent agent
	from  *companion
	last  map[string]int64
}

// ready starts the agent and finds out what it has to be told.
func (o *ordered) ready(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	from := o.run.e.agents.at(agentKey{o.seat, o.target, o.volume})
	l, err := from.started(ctx)
	if err != nil {
		return err
	}
	if from != o.from {
		o.from, o.agent, o.isSet = from, l, false
	}
	if o.isSet {
		return nil
	}
	o.ctx = ctx
	o.fault = order.Fault{ID: o.run.plan.ID, Seed: seedFor(o.run.plan.Seed, o.target), For: o.run.length()}
	if err := o.compose(o); err != nil {
		return err
	}
	o.isSet = true
	return nil
}

func (o *ordered) begin(ctx context.Context) error {
	if err := o.ready(ctx); err != nil {
		return err
	}
	o.from.listen(o.fault.ID, listener{
		counters: func(c map[string]int64) { o.counted(c) },
		lost:     func(by, reason string) { o.lostBy(by, reason) },
	})
	return o.agent.Apply(ctx, o.fault)
}

// can implements agented, once it is ready.
func (o *ordered) can() map[string]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.agent.Ready().Can
}

func (o *ordered) end(ctx context.Context) error {
	o.mu.Lock()
	from, l := o.from, o.agent
	o.mu.Unlock()
	if l == nil {
		return nil
	}
	defer from.ignore(o.run.plan.ID)
	last, err := l.Revert(ctx, o.run.plan.ID)
	if err != nil && from.ended() {
		return nil // with it everything is gone that it did
	}
	if err == nil {
		o.mu.Lock()
		o.last = last
		o.mu.Unlock()
	}
	return err
}

// counters implements counting: those that came with the revert.
func (o *ordered) counters() map[string]int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// addresses are those of a service, a third party or an instance.
func (o *ordered) addresses(name string) ([]netip.Addr, error) {
	all, err := o.run.e.sys.Addresses(o.ctx, name)
	if err != nil {
		return nil, fmt.Errorf("addresses of %s: %w", name, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no address that %s could reach", name, o.target)
	}
	return all, nil
}

// probe looks at something from where the agent is.
func (o *ordered) probe(ctx context.Context, p order.Probe) order.Reading {
	if err := o.ready(ctx); err != nil {
		return order.Reading{Error: err.Error()}
	}
	o.mu.Lock()
	l := o.agent
	o.mu.Unlock()
	r, err := l.Probe(ctx, p)
	if err != nil {
		return order.Reading{Error: err.Error()}
	}
	return r
}

func prefixes(addresses []netip.Addr) (all []netip.Prefix) {
	for _, a := range addresses {
		a = a.Unmap()
		all = append(all, netip.PrefixFrom(a, a.BitLen()))
	}
	return all
}

// seedFor is a target's own: what is drawn on one says nothing about another.
func seedFor(seed uint64, target string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(target) {
		h = (h ^ uint64(target[i])) * 1099511628211
	}
	z := seed ^ h
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// errNotProxied is for what no proxy stands in front of.
func errNotProxied(f scenarios.PlannedFault) error {
	return errors.New("no proxy stands in front of " + words(f.Services) + ": it needs a port in the scenario, or egress")
}
