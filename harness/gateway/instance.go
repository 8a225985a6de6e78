package gateway

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// instance is one replica as the gateway knows it. Its life:
//
//	(held ->) probing -> listed <-> unready -> terminating -> removed
//
// A held instance is probed like any other and waits for a Switch that names
// it. A terminating one stays in the list until its lag is over, if it was in
// it, and never comes back. Fields without a note are guarded by Gateway.mu.
type instance struct {
	name string
	addr string // as given; never changes
	pool *wire.Pool
	stop context.CancelFunc
	// target is addr with its host resolved. Instances are known by address, as
	// in a cluster: the name of a container vanishes with it, its address does not.
	target atomic.Pointer[string]
	exited atomic.Bool // nothing answers at its address, or somebody else does

	listed      bool
	held        bool // not to be listed until a Switch names it
	ready       bool // by its probe
	unproven    bool // its probe has never made it ready
	terminating bool
	gone        bool          // Remove was called
	lag         *time.Timer   // to the removal that Terminate asked for
	leaving     *time.Timer   // to the one that Switch asked for, nil if it did not
	leaves      time.Duration // when that is due

	mark *bool // what it declared last of its initialization, nil if nothing yet
	// uninitialized tells that it declared no end of its initialization although
	// it is ready or listed; it is asked until it does.
	uninitialized bool
	unheard       bool // a note says that it gave no answer to that question

	probeDetail string // of the last probe
	streak      int    // probes in a row that contradict ready

	nth      int // requests so far
	inFlight int
	since    time.Duration // start of the present tally
	tally    journal.Tally
	times    times // of the present tally
	kept     map[keptKind]int
}

// Add makes an instance known and starts probing it; it is listed when its
// probe passes, with Config.IgnoreReadiness at once. The address is host:port,
// or a host where Config.Port is set.
func (g *Gateway) Add(name, addr string) error { return g.know(name, addr, false) }

// Hold is Add without listing the instance: it is probed, and waits for a
// Switch that names it.
func (g *Gateway) Hold(name, addr string) error { return g.know(name, addr, true) }

// know makes an instance known, held or not.
func (g *Gateway) know(name, addr string, held bool) error {
	full, err := g.cfg.address(addr)
	if err != nil {
		return fmt.Errorf("add %s to the gateway of %s: %w", name, g.cfg.Service, err)
	}
	inst := &instance{name: name, addr: full, held: held, unproven: true, kept: map[keptKind]int{}, since: g.clk.Now()}
	if host, _, _ := net.SplitHostPort(full); net.ParseIP(host) != nil {
		inst.target.Store(&full)
	}
	inst.pool = wire.NewPool(name, wire.Options{
		DialTimeout: g.cfg.DialTimeout,
		Dial: func(ctx context.Context) (net.Conn, error) {
			if inst.exited.Load() {
				return nil, fmt.Errorf("%s has exited: %w", name, syscall.ECONNREFUSED)
			}
			return g.net.dial(ctx, inst.dialTarget())
		},
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closing.Load():
		return fmt.Errorf("add %s: the gateway of %s is closed", name, g.cfg.Service)
	case g.instances[name] != nil:
		return fmt.Errorf("add %s: the gateway of %s has an instance of that name already", name, g.cfg.Service)
	}
	g.instances[name] = inst
	ctx, stop := context.WithCancel(g.ctx)
	inst.stop = stop
	if g.cfg.IgnoreReadiness && g.cfg.Initialized != "" {
		g.awaitMark(ctx, inst) // nothing else would ask before it is listed
	}
	g.list(inst)
	g.work.Go(func() { g.probe(ctx, inst) })
	return nil
}

// Terminate says that an instance has been told to stop (or is about to be).
// It is dropped from the list after the lag, counted from now; until then it is
// routed to whatever its probe says, as by a kube-proxy that has not heard yet.
// Where a Switch drops it sooner, that stands. Every request that touches it
// from now on is journaled on its own.
func (g *Gateway) Terminate(name string, lag time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	inst := g.instances[name]
	switch {
	case inst == nil:
		return fmt.Errorf("terminate %s: the gateway of %s does not know it", name, g.cfg.Service)
	case inst.terminating:
		return nil
	}
	inst.terminating = true
	if lag <= 0 {
		g.unlist(inst, "terminating")
		return nil
	}
	inst.lag = time.AfterFunc(lag, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.unlist(inst, "terminating")
	})
	return nil
}

// Exited says that the main process of an instance is gone. Connections to it
// are refused from now on without being tried: an engine gives the address of
// a container that has exited to the next one that starts, and a request for
// the one must not be answered by the other. The list is not changed by it.
func (g *Gateway) Exited(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	inst := g.instances[name]
	if inst == nil {
		return fmt.Errorf("note the exit of %s: the gateway of %s does not know it", name, g.cfg.Service)
	}
	inst.exited.Store(true)
	return nil
}

// Remove forgets an instance: no probe, no new exchange. Exchanges in flight go
// on and are still recorded.
func (g *Gateway) Remove(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	inst := g.instances[name]
	if inst == nil {
		return fmt.Errorf("remove %s: the gateway of %s does not know it", name, g.cfg.Service)
	}
	g.unlist(inst, "gone")
	g.flushTally(inst)
	inst.gone = true
	delete(g.instances, name)
	inst.halt()
	return nil
}

// Status says in words how an instance stands: "listed", "unready (status
// 503)", ... for error messages.
func (g *Gateway) Status(name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	inst := g.instances[name]
	switch {
	case inst == nil:
		return "unknown"
	case inst.listed && inst.terminating:
		return "listed, terminating"
	case inst.listed:
		return "listed"
	case inst.terminating:
		return "terminating"
	case inst.held && inst.ready:
		return "held, ready"
	case inst.held:
		return "held, " + inst.probeWords()
	}
	return inst.probeWords()
}

// probeWords says what the last probe of an unready instance found.
func (i *instance) probeWords() string {
	if i.probeDetail == "" {
		return "not probed yet"
	}
	return "unready (" + i.probeDetail + ")"
}

// list puts an instance into the endpoint list if that is where it belongs;
// g.mu is held.
func (g *Gateway) list(inst *instance) {
	ready := inst.ready || g.cfg.IgnoreReadiness
	if inst.listed || inst.held || inst.gone || inst.terminating || !ready || g.closing.Load() {
		return
	}
	inst.listed = true
	g.listed = append(g.listed, inst)
	initialized := inst.mark
	if initialized == nil && inst.uninitialized {
		initialized = new(bool) // asked, and silent so far
	}
	g.event(journal.EndpointAdded{Service: g.cfg.Service, Instance: inst.name, Initialized: initialized})
}

// unlist takes an instance out of the endpoint list; g.mu is held. Idle
// connections to one that will not come back are closed.
func (g *Gateway) unlist(inst *instance, reason string) {
	if inst.listed && !g.closing.Load() {
		inst.listed = false
		g.listed = slices.DeleteFunc(g.listed, func(i *instance) bool { return i == inst })
		g.event(journal.EndpointRemoved{Service: g.cfg.Service, Instance: inst.name, Reason: reason})
	}
	if inst.terminating || reason == "gone" {
		inst.pool.Retire()
	}
}

// pick chooses an instance for a request or connection, nil if none is listed;
// g.mu is held. Requests go where the fewest are in flight, in turn among
// equals; connections go in turn. (Fewest so far would be wrong among equals: a
// new instance would get everything until it had caught up.)
func (g *Gateway) pick() *instance {
	n := len(g.listed)
	if n == 0 {
		return nil
	}
	at := g.turn % n
	for i := 1; i < n && g.cfg.Balance == PerRequest; i++ {
		if next := (g.turn + i) % n; g.listed[next].inFlight < g.listed[at].inFlight {
			at = next
		}
	}
	g.turn = at + 1
	return g.listed[at]
}

// halt ends what goes on by itself; Gateway.mu is held.
func (i *instance) halt() {
	i.stop()
	for _, timer := range []*time.Timer{i.lag, i.leaving} {
		if timer != nil {
			timer.Stop()
		}
	}
	i.pool.Retire()
}

// dialTarget is where to connect.
func (i *instance) dialTarget() string {
	if t := i.target.Load(); t != nil {
		return *t
	}
	return i.addr
}
