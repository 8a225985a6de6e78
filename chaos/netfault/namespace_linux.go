package netfault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// Namespace does faults in one network namespace. It is an order.Injector for
// faults of packets and of DNS, and does the redirects of faults of HTTP. Its methods are
// safe for concurrent use; one at a time talks to the kernel.
type Namespace struct {
	without []string

	mu       sync.Mutex
	closed   bool
	kernel   *socket
	table    table
	queueing queueing
	unqueued error           // why there are no queues
	queues   map[uint16]bool // those that there are chains for
	serving  sync.WaitGroup  // goroutines of queues, and sweeps
	// anchored tells that connections are tracked until Close: when tracking ends, the
	// kernel drops what waits in queues.
	anchored bool
	slots    []*slot
	last     uint32 // number of the latest fault
	running  map[string]*running
	resolver *resolver // nil without faults of DNS
	// lookups and sweeps are nil before the first fault of DNS. What takes long has a
	// socket of its own.
	lookups, sweeps *tracker
}

// running is a fault in force.
type running struct {
	slots []*slot
	lines []*line
	dns   *lie
}

var _ order.Injector = (*Namespace)(nil)

// Open takes hold of the network namespace of the calling thread. It needs CAP_NET_ADMIN in it.
func Open(config Config) (*Namespace, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	n := &Namespace{without: config.Without, kernel: s, running: map[string]*running{}, queues: map[uint16]bool{}}
	if err := n.open(); err != nil {
		_ = s.Close()
		return nil, err
	}
	n.serving.Wait() // for the one that was tried
	return n, nil
}

func (n *Namespace) open() error {
	name, err := unix.Getsockname(n.kernel.fd)
	if err != nil {
		return fmt.Errorf("read the address of a netlink socket: %w", err)
	}
	port := uint32(0)
	if address, ok := name.(*unix.SockaddrNetlink); ok {
		port = address.Pid // of this socket alone in the namespace
	}
	n.table = table(fmt.Sprintf("shakedown-%x", port))
	err = n.kernel.batch([]message{n.table.create(tableOwned)})
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: faults of the network need CAP_NET_ADMIN", err)
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w: tables that die with their owner need Linux 5.12", err)
	case err != nil:
		return err
	}
	n.unqueued = n.findQueueing()
	return nil
}

// findQueueing tries how rules of this kernel hand packets to queues, and makes the
// chains that do.
func (n *Namespace) findQueueing() error {
	if n.lacks(NFQueue) {
		return errWithout
	}
	l, err := openLine(newShape(order.Packets{}, 0, inbound), &n.serving)
	if err != nil {
		return err
	}
	l.close()
	n.queueing = nativeQueue
	err = n.makeQueues(hole, firstQueue, firstQueue+1, firstQueue+2, firstQueue+3)
	if err == nil {
		return nil
	}
	n.queueing = compatQueue
	compat := n.makeQueues(hole, firstQueue, firstQueue+1, firstQueue+2, firstQueue+3)
	if compat == nil {
		return nil
	}
	n.queueing = noQueue
	return fmt.Errorf("neither the queue expression (%w) nor the target NFQUEUE (%w)", err, compat)
}

// makeQueues makes chains that hand packets to queues. They stay: to add a rule with the
// target of iptables, the kernel first waits for all deletions that are under way,
// and a fault would begin by that later.
func (n *Namespace) makeQueues(numbers ...uint16) error {
	var messages []message
	for _, number := range numbers {
		if n.queues[number] {
			continue
		}
		flags := uint16(failOpen)
		if number == hole {
			flags = 0
		}
		m, err := n.table.addRule(rule{chain: queueChain(number), exprs: []expr.Any{n.queueing.expression(number, flags)}})
		if err != nil {
			return err
		}
		messages = append(messages, n.table.addChain(chain{name: queueChain(number)}), m)
	}
	if err := n.kernel.batch(messages); err != nil {
		return err
	}
	for _, number := range numbers {
		n.queues[number] = true
	}
	return nil
}

// try sees whether the kernel takes a rule where faults have theirs, without leaving it
// there. No packet meets it: the rule before ends the chain.
func (n *Namespace) try(nat bool, exprs ...expr.Any) error {
	s := n.pick(nat)[0]
	name := s.nats()
	if !nat {
		name = s.lane(inbound).base
	}
	if err := n.install([]*slot{s}, []rule{{chain: name, exprs: []expr.Any{pass()}}, {chain: name, exprs: exprs}}); err != nil {
		return err
	}
	s.used = false
	return n.kernel.batch(s.flushes(n.table))
}

func (n *Namespace) lacks(feature string) bool { return slices.Contains(n.without, feature) }

// Apply begins a fault of packets or of DNS.
func (n *Namespace) Apply(f order.Fault) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.free(f.ID); err != nil {
		return err
	}
	var r *running
	var err error
	switch {
	case f.Packets != nil:
		r, err = n.applyPackets(*f.Packets, f.Seed)
	case f.DNS != nil:
		r, err = n.applyDNS(*f.DNS)
	case f.HTTP != nil:
		err = errors.New("faults of HTTP are done by a proxy; a network agent only redirects to it")
	default:
		err = errors.New("a network agent does faults of packets and of DNS; this is neither")
	}
	if err != nil {
		return err
	}
	n.running[f.ID] = r
	return nil
}

// free says why no fault can begin under an ID.
func (n *Namespace) free(id string) error {
	switch {
	case n.closed:
		return errClosed
	case id == "":
		return errors.New("a fault needs an ID")
	case n.running[id] != nil:
		return fmt.Errorf("fault %s is in force already: revert it first", id)
	}
	return nil
}

// Revert ends a fault. Packets that it holds up go on at once, in order; answers
// of the name server too.
func (n *Namespace) Revert(id string) (map[string]int64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.revert(id)
}

func (n *Namespace) revert(id string) (map[string]int64, error) {
	r := n.running[id]
	if r == nil {
		return nil, nil
	}
	counters := n.counters(r)
	var flushes []message
	for _, s := range r.slots {
		flushes = append(flushes, s.flushes(n.table)...)
	}
	if err := n.kernel.batch(flushes); err != nil {
		return counters, fmt.Errorf("take the rules of %s away: %w; they end with this process", id, err)
	}
	for _, s := range r.slots {
		s.used = false
	}
	for _, l := range r.lines {
		l.close()
	}
	maps.Copy(counters, lineCounters(r.lines))
	delete(n.running, id)
	return counters, n.forget(r.dns)
}

// Counters are those of the faults in force. One that the kernel does not give is not there.
func (n *Namespace) Counters() map[string]map[string]int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[string]map[string]int64{}
	for id, r := range n.running {
		all[id] = n.counters(r)
	}
	return all
}

func (n *Namespace) counters(r *running) map[string]int64 {
	counters := map[string]int64{}
	for _, s := range r.slots {
		for _, name := range s.chains() {
			_ = n.table.count(n.kernel, name, counters)
		}
	}
	maps.Copy(counters, lineCounters(r.lines))
	if r.dns != nil {
		counters[queries], counters[injected] = r.dns.queries.Load(), r.dns.injected.Load()
	}
	return counters
}

// lineCounters is what has been counted in user space.
func lineCounters(lines []*line) map[string]int64 {
	counters := map[string]int64{}
	for _, l := range lines {
		switch l.shape.Kind {
		case order.Delay:
			counters[delayed] += l.late.Load()
		case order.Loss:
			counters[dropped] += l.lost.Load()
		case order.Bandwidth:
			counters[packets] += l.taken.Load() // one by one, while rules see them merged
			counters[delayed] += l.late.Load()
			counters[dropped] += l.lost.Load()
		}
	}
	return counters
}

// Close reverts everything and takes the table away.
func (n *Namespace) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(n.running)) {
		_, err := n.revert(id)
		errs = append(errs, err)
	}
	for _, r := range n.running { // what could not be reverted goes with the table
		for _, l := range r.lines {
			l.close()
		}
		errs = append(errs, n.forget(r.dns))
	}
	n.running = nil
	n.serving.Wait()
	if n.lookups != nil {
		errs = append(errs, n.lookups.sock.Close(), n.sweeps.sock.Close())
	}
	// Closing the socket is enough; deleting tells whether it worked.
	errs = append(errs, n.kernel.batch([]message{n.table.delete()}), n.kernel.Close())
	return errors.Join(errs...)
}
