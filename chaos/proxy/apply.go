package proxy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// Apply is order.Injector. When it returns, every request whose head has not been
// read to its end meets the fault.
func (p *Proxy) Apply(o order.Fault) error {
	f, err := newFault(o)
	if err == nil && (f.Expired != nil || f.Egress != nil && f.Egress.TLS) && p.cfg.Authority == nil {
		err = errors.New("taking TLS apart needs the run's authority")
	}
	if err == nil && f.Egress != nil && p.cfg.OriginalDst == nil {
		err = errors.New("this proxy does not see where connections were going")
	}
	if err == nil {
		err = p.begin(f)
	}
	if err != nil {
		return fmt.Errorf("apply %s at the proxy of %s: %w", o.ID, p.cfg.Service, err)
	}
	return nil
}

// begin puts a fault in force.
func (p *Proxy) begin(f *fault) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	switch {
	case p.closing.Load():
		return errors.New("the proxy is closed")
	case p.faults[f.id] != nil:
		return errors.New("it is in force")
	case p.ending[f.id] != nil:
		return errors.New("it is being reverted")
	}
	p.applied++
	f.number, f.begun = p.applied, p.cfg.Now()
	if f.Existing == order.SpareExisting {
		p.mu.Lock()
		f.newer = p.number
		p.mu.Unlock()
	}
	p.tellApart(f)
	if err := p.beginOutage(f); err != nil {
		return err
	}
	p.faults[f.id] = f
	p.publish()
	p.treatExisting(f)
	return nil
}

// tellApart makes the header by which a limit tells callers apart known.
func (p *Proxy) tellApart(f *fault) {
	if by := f.RateLimit; by != nil && by.By != "" && !slices.Contains(*p.by.Load(), by.By) {
		all := append(slices.Clone(*p.by.Load()), by.By)
		p.by.Store(&all)
	}
}

// limitOwn puts the limit in force that a third party always has.
func (p *Proxy) limitOwn() error {
	if p.cfg.RateLimit == nil {
		return nil
	}
	f, err := newFault(order.Fault{ID: "own", HTTP: &order.HTTP{RateLimit: p.cfg.RateLimit}})
	if err != nil {
		return fmt.Errorf("proxy of %s: its own rate limit: %w", p.cfg.Service, err)
	}
	f.id, p.own = "", f
	p.tellApart(f)
	p.publish()
	return nil
}

// publish makes what p.faults holds the faults of requests; p.changing is held.
func (p *Proxy) publish() {
	all := make([]*fault, 0, len(p.faults)+1)
	if p.own != nil {
		all = append(all, p.own)
	}
	for _, f := range p.faults {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *fault) int {
		if a.stage != b.stage {
			return int(a.stage) - int(b.stage)
		}
		return a.number - b.number
	})
	p.inForce.Store(&all)
}

// treatExisting does to open connections what the order says.
func (p *Proxy) treatExisting(f *fault) {
	switch f.Existing {
	case order.ResetExisting:
		p.resetExisting(f)
	case order.DrainExisting:
		p.each(func(c *conn) {
			if f.meets(c) {
				f.connections.Add(1)
				c.drain()
			}
		})
	}
	if f.resets() {
		p.resetExisting(f)
	}
	// What passes as bytes looks at faults only when it is woken.
	if f.stage == out {
		p.each((*conn).kick)
	}
}

// resetExisting resets the connections that are open and meant.
func (p *Proxy) resetExisting(f *fault) {
	p.each(func(c *conn) {
		if f.meets(c) && c.cut(true) {
			f.reset.Add(1)
		}
	})
}

// Revert is order.Injector; see the package for what becomes of requests that
// the fault is being done to.
func (p *Proxy) Revert(id string) (map[string]int64, error) {
	p.changing.Lock()
	f := p.faults[id]
	if f == nil {
		other := p.ending[id]
		p.changing.Unlock()
		if other != nil {
			<-other // it is gone when this returns, whoever does it
		}
		return nil, nil
	}
	done := make(chan struct{})
	delete(p.faults, id)
	p.ending[id] = done
	p.publish()
	p.changing.Unlock()

	err := p.finish(f)
	p.changing.Lock()
	delete(p.ending, id)
	p.changing.Unlock()
	close(done)
	if err != nil {
		err = fmt.Errorf("revert %s at the proxy of %s: %w", id, p.cfg.Service, err)
	}
	return f.counters(), err
}

// finish ends a fault that no request begins to meet any more.
func (p *Proxy) finish(f *fault) error {
	f.end()
	err := p.endOutage(f)
	if f.stage == out {
		p.each((*conn).kick)
	}
	return err
}

// revertAll ends everything, side by side.
func (p *Proxy) revertAll() error {
	p.changing.Lock()
	ending := slices.Collect(maps.Values(p.ending))
	p.changing.Unlock()
	for _, done := range ending {
		<-done
	}
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for id := range p.Counters() {
		all.Go(func() {
			if _, err := p.Revert(id); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Counters is order.Injector. Each fault has "requests" (those that it takes by
// method and path) and "injected" (those that it was done to); where they are not
// 0 "connections" (met before any request), "reset", "held", "delayed", "told",
// "early" and "bytes" (changed, kept back or slowed).
func (p *Proxy) Counters() map[string]map[string]int64 {
	p.changing.Lock()
	defer p.changing.Unlock()
	all := make(map[string]map[string]int64, len(p.faults))
	for id, f := range p.faults {
		all[id] = f.counters()
	}
	return all
}
