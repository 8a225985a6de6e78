package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
)

// agents are those of a run, each started once, when it is first wanted.
type agents struct {
	e  *Engine
	mu sync.Mutex
	m  map[agentKey]*companion
}

type agentKey struct {
	seat   seat
	beside string // an instance; a service for the proxy in front of it
	volume string
}

func (a *agents) init(e *Engine) { a.e, a.m = e, map[agentKey]*companion{} }

// at is the agent in a place. One that has ended gives way to another.
func (a *agents) at(key agentKey) *companion {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.m[key]
	if c == nil || key.seat != inFront && c.ended() {
		c = &companion{agents: a, key: key, faults: map[string]listener{}, turn: make(chan struct{}, 1)}
		a.m[key] = c
	}
	return c
}

func (a *agents) close() error {
	a.mu.Lock()
	all := maps.Clone(a.m)
	a.mu.Unlock()
	errs := make([]error, 0, len(all))
	var mu sync.Mutex
	var done sync.WaitGroup
	for key, c := range all {
		if key.seat == inFront {
			continue // the stack's
		}
		done.Go(func() {
			if err := c.close(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("end the agent beside %s: %w", key.beside, err))
			}
		})
	}
	done.Wait()
	return errors.Join(errs...)
}

// A listener is told what an agent says of a fault. Nothing of it waits.
type listener struct {
	counters func(map[string]int64)
	lost     func(by, reason string)
}

// companion is one agent.
type companion struct {
	agents *agents
	key    agentKey
	turn   chan struct{} // one starts it at a time
	mu     sync.Mutex
	link   agent
	gone   error
	faults map[string]listener
}

// started returns the agent, which is started if it was not yet.
func (c *companion) started(ctx context.Context) (agent, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c.mu.Lock()
	l, gone := c.link, c.gone
	c.mu.Unlock()
	switch {
	case gone != nil:
		return nil, fmt.Errorf("the %s is gone: %w", c.words(), gone)
	case l != nil:
		return l, nil
	}
	e := c.agents.e
	var err error
	if c.key.seat == inFront {
		if l = e.sys.proxy(c.key.beside); l == nil {
			return nil, fmt.Errorf("no proxy stands in front of %s", c.key.beside)
		}
	} else if l, err = e.sys.accompany(ctx, c.place(), c.sink()); err != nil {
		return nil, fmt.Errorf("start the %s: %w", c.words(), err)
	}
	c.mu.Lock()
	c.link = l
	c.mu.Unlock()
	return l, nil
}

func (c *companion) words() string {
	if c.key.seat == inFront {
		return "proxy in front of " + c.key.beside
	}
	return "agent beside " + c.key.beside
}

// volumePath is where an agent has the volume of its target.
const volumePath = "/volume"

func (c *companion) place() Place {
	e := c.agents.e
	p := Place{Instance: c.key.beside, Hello: order.Hello{Protocol: order.Protocol, Lease: e.cfg.Lease}}
	switch c.key.seat {
	case inNetwork:
		p.Network, p.Hello.Namespace, p.Hello.Authority = true, true, e.cfg.Authority
	case inResources:
		p.Resources, p.Hello.Pressure = true, true
	case atVolume:
		p.Volume, p.Path, p.Hello.Pressure = c.key.volume, volumePath, true
	}
	return p
}

// sink hands on what the agent says.
func (c *companion) sink() link.Sink {
	return link.Sink{
		Agent: c.words(),
		Counters: func(fault string, counters map[string]int64) {
			if l, ok := c.listener(fault); ok {
				l.counters(counters)
			}
		},
		Reverted: func(fault, by string) {
			if l, ok := c.listener(fault); ok {
				l.lost(by, fmt.Sprintf("the %s took it back by itself (%s)", c.words(), by))
			}
		},
		Gone: func(err error) {
			if err == nil {
				err = errors.New("it ended")
			}
			c.mu.Lock()
			c.gone = err
			all := maps.Clone(c.faults)
			c.mu.Unlock()
			for _, l := range all {
				l.lost("error", fmt.Sprintf("the %s is gone, and the fault with it: %v", c.words(), err))
			}
		},
	}
}

func (c *companion) listener(fault string) (listener, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.faults[fault]
	return l, ok
}

func (c *companion) listen(fault string, l listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults[fault] = l
}

func (c *companion) ignore(fault string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.faults, fault)
}

func (c *companion) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone != nil {
		return true
	}
	if c.link == nil {
		return false
	}
	select {
	case <-c.link.Done():
		return true
	default:
		return false
	}
}

func (c *companion) close() error {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l == nil || c.ended() {
		return nil
	}
	return l.Close()
}
