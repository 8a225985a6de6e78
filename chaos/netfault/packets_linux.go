package netfault

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// deed is a fault of packets on its way into the kernel.
type deed struct {
	order.Packets
	number   uint32 // newer connections are those with this one or a later one
	slot     *slot
	queueing queueing
	numbers  map[toward]uint16 // of queues; none where it does without
}

// applyPackets begins a fault of packets. Queues are there before packets come to them.
func (n *Namespace) applyPackets(p order.Packets, seed uint64) (*running, error) {
	if err := check(p); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Kind, err)
	}
	if p.Kind == order.ConnectionLimit && p.Existing == "" && p.Port != 0 {
		p.Existing = order.ResetExisting // those that are open could not be counted
	}
	n.last++
	d := &deed{Packets: p, number: n.last, slot: n.pick(false)[0], queueing: n.queueing, numbers: map[toward]uint16{}}
	r := &running{slots: []*slot{d.slot}}
	err := n.openLines(d, r, seed)
	if err == nil && (d.ages() || p.Kind == order.ConnectionLimit) {
		err = n.anchor()
	}
	if err == nil {
		err = n.install(r.slots, d.rules())
	}
	if err != nil {
		for _, l := range r.lines {
			l.close()
		}
		return nil, fmt.Errorf("%s: %w", p.Kind, n.explained(p.Kind, err))
	}
	return r, nil
}

// openLines opens the queues of a fault that is done in user space.
func (n *Namespace) openLines(d *deed, r *running, seed uint64) error {
	switch {
	case !slices.Contains([]string{order.Delay, order.Loss, order.Bandwidth}, d.Kind):
		return nil
	case n.queueing == noQueue && d.Kind == order.Delay:
		return errors.New("packets cannot be held up without NFQUEUE, which this kernel lacks; a proxy can delay TCP: use http_latency, or brownout, on the service or with egress")
	case n.queueing == noQueue && d.Kind == order.Loss && n.lacks(Numgen):
		return errors.New("packets cannot be lost at random without NFQUEUE or the numgen expression of nftables, which this kernel lacks")
	case n.queueing == noQueue:
		return nil
	}
	for _, to := range d.directions() {
		l, err := openLine(newShape(d.Packets, seed, to), &n.serving)
		if err != nil {
			return err
		}
		r.lines = append(r.lines, l)
		d.numbers[to] = l.number
		if err := n.makeQueues(l.number); err != nil {
			return err
		}
	}
	return nil
}

// anchor begins to track connections, until Close.
func (n *Namespace) anchor() error {
	if n.anchored {
		return nil
	}
	m, err := n.table.addRule(rule{chain: "anchor", exprs: []expr.Any{&expr.Ct{Key: expr.CtKeyMARK, Register: register}}})
	if err == nil {
		err = n.kernel.batch([]message{n.table.addChain(chain{name: "anchor"}), m})
	}
	if err != nil {
		return fmt.Errorf("track connections: %w", err)
	}
	n.anchored = true
	return nil
}

// explained says what it means that the kernel does not know something.
func (n *Namespace) explained(kind string, err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("%w: this kernel's nftables lacks what %s needs; see shakedown doctor", err, kind)
	}
	return err
}

// ages tells whether old connections are treated in another way than new ones. A
// reset does so by the first packet alone, a limit only looks at that.
func (d *deed) ages() bool {
	switch d.Kind {
	case order.Reset:
		return false
	case order.ConnectionLimit:
		return d.Existing == order.ResetExisting
	}
	return d.Existing != ""
}

// directions are those in which something is done.
func (d *deed) directions() []toward {
	switch {
	case d.Kind == order.ConnectionLimit, d.Direction == order.In:
		return []toward{inbound}
	case d.Direction == order.Out:
		return []toward{outbound}
	}
	return []toward{inbound, outbound}
}

// rules are all of the fault, in the order in which packets meet them.
func (d *deed) rules() []rule {
	var rules []rule
	for _, to := range []toward{inbound, outbound} {
		lane := d.slot.lane(to)
		acts := slices.Contains(d.directions(), to)
		if !acts && !d.ages() {
			continue
		}
		rules = append(rules, guards(lane.base, to)...)
		if d.ages() { // connections begin in both directions
			rules = append(rules, rule{chain: lane.base, exprs: stamp(d.number)})
		}
		if !acts {
			continue
		}
		for _, choice := range d.choices(to) {
			rules = append(rules, rule{chain: lane.base, exprs: append(choice, goTo(lane.chosen))})
		}
		rules = append(rules, d.byAge(lane)...)
		rules = append(rules, d.act(lane.act, to)...)
	}
	return rules
}

// guards let loopback pass. What has been redirected to it still has the interface
// of before, so that its address counts too.
func guards(base string, to toward) []rule {
	rules := []rule{{chain: base, exprs: append(onLoopback(to), pass())}}
	for _, p := range loopback {
		rules = append(rules, rule{chain: base, exprs: append(peer(to, p), pass())})
	}
	return rules
}

// choices are the packets that a fault is done to; each is enough.
func (d *deed) choices(to toward) [][]expr.Any {
	peers := [][]expr.Any{nil}
	if len(d.Peers) > 0 {
		peers = nil
		for _, p := range d.Peers {
			peers = append(peers, peer(to, p))
		}
	}
	if d.Port == 0 {
		return peers
	}
	ports := [][]expr.Any{append(protocol(unix.IPPROTO_TCP), destinationPort(d.Port)...)}
	if d.Kind != order.ConnectionLimit { // which is about the target's own port alone
		ports = append(ports,
			append(protocol(unix.IPPROTO_TCP), sourcePort(d.Port)...),
			append(protocol(unix.IPPROTO_UDP), destinationPort(d.Port)...),
			append(protocol(unix.IPPROTO_UDP), sourcePort(d.Port)...))
	}
	var both [][]expr.Any
	for _, from := range peers {
		for _, port := range ports {
			both = append(both, slices.Concat(from, port))
		}
	}
	return both
}

// byAge leads packets to what is done, those of old connections as it was asked for.
// Datagrams have no connections, and are treated as new.
func (d *deed) byAge(l lane) []rule {
	if !d.ages() {
		return []rule{{chain: l.chosen, exprs: []expr.Any{goTo(l.act)}}}
	}
	rules := []rule{
		{chain: l.chosen, exprs: []expr.Any{loaded(expr.MetaKeyL4PROTO), &expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: []byte{unix.IPPROTO_TCP}}, goTo(l.act)}},
		{chain: l.chosen, exprs: append(begun(d.number), goTo(l.act))},
	}
	if d.Existing == order.ResetExisting {
		rules = append(rules, rule{chain: l.chosen, counter: resets, exprs: append(resettable(), count(), reset())})
	}
	return rules
}

// act is what is done to packets that were chosen.
func (d *deed) act(chain string, to toward) []rule {
	counting := rule{chain: chain, counter: packets, exprs: []expr.Any{count()}}
	switch d.Kind {
	case order.Partition:
		return []rule{counting, {chain: chain, counter: dropped, exprs: append([]expr.Any{count()}, d.vanish(to))}}
	case order.Reset:
		return d.reset(chain)
	case order.ConnectionLimit:
		return d.limitConnections(chain)
	}
	if number, ok := d.numbers[to]; ok {
		return []rule{counting, {chain: chain, exprs: []expr.Any{goTo(queueChain(number))}}}
	}
	unlucky := policed(d.Rate)
	if d.Kind == order.Loss {
		unlucky = random(d.Share)
	}
	return []rule{counting, {chain: chain, counter: dropped, exprs: append(unlucky, count(), d.vanish(to))}}
}

// reset answers packets of TCP with a reset; for new connections alone, that is their first.
func (d *deed) reset(chain string) []rule {
	whom := resettable()
	if d.Existing == order.SpareExisting {
		whom = opening()
	}
	return []rule{
		{chain: chain, counter: packets, exprs: append(slices.Clone(whom), count())},
		{chain: chain, counter: resets, exprs: append(whom, count(), reset())},
	}
}

// limitConnections ignores attempts to connect while there are enough connections.
func (d *deed) limitConnections(chain string) []rule {
	over := &expr.Connlimit{Count: uint32(d.Limit), Flags: expr.NFT_CONNLIMIT_F_INV}
	return []rule{
		{chain: chain, counter: connections, exprs: append(opening(), count())},
		{chain: chain, counter: dropped, exprs: append(opening(), over, count(), drop())},
	}
}

// vanish drops a packet. On the way out a verdict would tell the sender at once (EPERM for
// datagrams), as no network does; a queue without a reader takes packets silently.
func (d *deed) vanish(to toward) expr.Any {
	if to == outbound && d.queueing != noQueue {
		return goTo(queueChain(hole))
	}
	return drop()
}

// million is into how many parts a share is divided where the kernel draws.
const million = 1_000_000

// random matches a share of packets, drawn by the kernel and so different in every run.
func random(share float64) []expr.Any {
	return []expr.Any{
		&expr.Numgen{Register: register, Modulus: million, Type: unix.NFT_NG_RANDOM},
		&expr.Byteorder{SourceRegister: register, DestRegister: register, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: expr.CmpOpLt, Register: register, Data: bigEndian(uint32(share * million))},
	}
}

// policed matches what is beyond a rate. The kernel's bucket holds a second's worth
// more than the burst, which is one packet of the largest size.
func policed(rate int64) []expr.Any {
	return []expr.Any{&expr.Limit{Type: expr.LimitTypePktBytes, Rate: uint64(rate), Over: true, Unit: expr.LimitTimeSecond, Burst: 64 << 10}}
}
