package agent

import "github.com/shakedown-dev/shakedown/chaos/order"

// calls tells what a proxy has seen. What finds no room is added to what comes
// next, without the single calls.
func (a *agent) calls(c order.Calls) {
	a.mu.Lock()
	if a.untold != nil {
		c = together(*a.untold, c)
		a.untold = nil
	}
	a.mu.Unlock()
	for len(c.Calls) > 0 {
		if a.out.Offer(order.Reply{Calls: &c}) {
			return
		}
		kept := len(c.Calls) / 2 // too long for a line, or for what there is of room
		c.Suppressed += len(c.Calls) - kept
		c.Calls = c.Calls[:kept]
	}
	if a.out.Offer(order.Reply{Calls: &c}) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.untold != nil {
		c = together(*a.untold, c)
	}
	a.untold = &c
}

// together is two intervals, one after the other, as one.
func together(before, c order.Calls) order.Calls {
	c.For += before.For
	c.Total += before.Total
	c.Failed += before.Failed
	c.Injected += before.Injected
	c.Told += before.Told
	c.Early += before.Early
	c.Suppressed += before.Suppressed + len(before.Calls)
	return c
}
