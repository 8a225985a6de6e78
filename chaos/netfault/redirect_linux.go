package netfault

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// Redirect leads connections that go to e to the local port to, where a proxy
// listens at 127.0.0.1 (and ::1), until Revert of id. Sockets with Mark are spared.
// Connections that are open are reset when they are used (existing "" or
// reset) or left alone (new-only); what goes through the proxy when it ends is the
// proxy's matter. Counters: connections and reset.
func (n *Namespace) Redirect(id string, e order.Egress, to int, existing string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.free(id); err != nil {
		return err
	}
	if err := checkRedirect(e, to, existing); err != nil {
		return fmt.Errorf("redirect what goes to %s: %w", e.Host, err)
	}
	kinds := []bool{true}
	if existing != order.SpareExisting {
		kinds = append(kinds, false)
	}
	slots := n.pick(kinds...)
	rules := egressRules(slots[0].nats(), e, to)
	if len(slots) > 1 {
		rules = append(rules, cutRules(slots[1].lane(outbound).base, e)...)
	}
	err := n.anchor()
	if err == nil {
		err = n.install(slots, rules)
	}
	if err != nil {
		return fmt.Errorf("redirect what goes to %s: %w", e.Host, n.explained("a redirect", err))
	}
	n.running[id] = &running{slots: slots}
	return nil
}

func checkRedirect(e order.Egress, to int, existing string) error {
	switch {
	case len(e.Addresses) == 0:
		return errors.New("it has no addresses: its name could not be looked up")
	case len(e.Addresses) > maxPeers:
		return fmt.Errorf("it has %d addresses, more than %d", len(e.Addresses), maxPeers)
	case slices.ContainsFunc(e.Addresses, func(a netip.Addr) bool { return !a.IsValid() }):
		return errors.New("one of its addresses is none")
	case e.Port < 0 || e.Port > 65535:
		return fmt.Errorf("port %d: want 1 to 65535, or 0 for all", e.Port)
	case to < 1 || to > 65535:
		return fmt.Errorf("to port %d: want 1 to 65535", to)
	}
	return checkExisting(existing, "a proxy cannot see connections that do not go through it")
}

// going matches what goes to the host, for each of its addresses.
func going(e order.Egress) [][]expr.Any {
	var all [][]expr.Any
	for _, a := range e.Addresses {
		a = a.Unmap().WithZone("")
		exprs := peer(outbound, netip.PrefixFrom(a, a.BitLen()))
		if e.Port != 0 {
			exprs = slices.Concat(exprs, protocol(unix.IPPROTO_TCP), destinationPort(e.Port))
		}
		all = append(all, exprs)
	}
	return all
}

// egressRules lead to the proxy. They look at the first packet alone: the kernel sees one
// from the middle of a connection that it has not tracked as the first too.
func egressRules(chain string, e order.Egress, to int) []rule {
	rules := []rule{spare(chain)}
	for _, exprs := range going(e) {
		rules = append(rules, rule{chain: chain, counter: connections, exprs: slices.Concat(exprs, opening(), []expr.Any{count()}, redirect(uint16(to)))})
	}
	return rules
}

// cutRules reset what still goes to the host itself; what was redirected goes to
// another address by then.
func cutRules(chain string, e order.Egress) []rule {
	rules := []rule{spare(chain)}
	for _, exprs := range going(e) {
		rules = append(rules, rule{chain: chain, counter: resets, exprs: slices.Concat(exprs, resettable(), []expr.Any{count(), reset()})})
	}
	return rules
}

// spare ends a chain for sockets with Mark.
func spare(chain string) rule {
	return rule{chain: chain, exprs: append(marked(), pass())}
}

// redirect leads to a local port.
func redirect(to uint16) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: register, Data: network(to)},
		&expr.Redir{RegisterProtoMin: register},
	}
}
