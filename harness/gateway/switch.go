package gateway

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Switch sends all traffic to the named instances: from this moment they and
// no others are eligible. Each is listed at once if its probe passes, else as
// soon as it does. All others are dropped from the list after the lag, counted
// from now, with the reason "switched", and held: only another Switch brings
// them back. What is terminating leaves by its own rule. Instances that are
// added later are eligible as ever.
//
// New ones are listed before old ones are dropped, under one lock: where one of
// those named is ready the list is never empty on the way. A name that is not
// known, or of an instance that is terminating, is an error; nothing has changed
// then.
func (g *Gateway) Switch(to []string, lag time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.canSwitch(to); err != nil {
		return fmt.Errorf("switch the gateway of %s to %s: %w", g.cfg.Service, strings.Join(to, ", "), err)
	}
	for _, name := range to {
		inst := g.instances[name]
		inst.stay()
		inst.held = false
		g.list(inst)
	}
	// In the order of their names, so that the journal is the same every time.
	for _, name := range slices.Sorted(maps.Keys(g.instances)) {
		if inst := g.instances[name]; !inst.terminating && !slices.Contains(to, name) {
			g.hold(inst, lag)
		}
	}
	return nil
}

// canSwitch says what is wrong with the names; g.mu is held.
func (g *Gateway) canSwitch(to []string) error {
	switch {
	case g.closing.Load():
		return errors.New("it is closed")
	case len(to) == 0:
		return errors.New("no instance is named; name those that are to get the traffic")
	}
	for _, name := range to {
		inst := g.instances[name]
		if inst == nil {
			return fmt.Errorf("it does not know %s, only %s; add or hold it first", name, g.known())
		}
		if inst.terminating {
			return fmt.Errorf("%s is terminating and gets no traffic any more", name)
		}
	}
	return nil
}

// known lists the names of all instances; g.mu is held.
func (g *Gateway) known() string {
	if len(g.instances) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(g.instances)), ", ")
}

// stay takes back what a Switch before this one meant to do; Gateway.mu is held.
func (i *instance) stay() {
	if i.leaving != nil {
		i.leaving.Stop()
		i.leaving = nil
	}
}

// hold keeps an instance from being listed, and drops it after the lag if it
// is; g.mu is held. One that is to be dropped sooner already stays so.
func (g *Gateway) hold(inst *instance, lag time.Duration) {
	inst.held = true
	leaves := g.clk.Now() + lag
	switch {
	case !inst.listed:
		return
	case lag <= 0:
		g.unlist(inst, "switched")
		return
	case inst.leaving != nil && inst.leaves <= leaves:
		return
	}
	// A timer that has fired and waits for the lock cannot be stopped: it has to
	// find out by itself that it is not the one any more.
	var timer *time.Timer
	timer = time.AfterFunc(lag, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if inst.leaving == timer {
			inst.leaving = nil
			g.unlist(inst, "switched")
		}
	})
	inst.leaving, inst.leaves = timer, leaves
}
