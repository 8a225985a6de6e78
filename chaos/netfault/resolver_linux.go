package netfault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

const (
	// maxQueries bounds what is under way; more are not answered, as of a busy server.
	maxQueries = 4096
	// realPatience is how long the real server may take, realGrace how long after the
	// last fault.
	realPatience = 5 * time.Second
	realGrace    = 20 * time.Millisecond
	maxDatagram  = 64 << 10
	sweepAgain   = 100 * time.Millisecond
)

// resolver is a name server on loopback that look-ups of the namespace are led to
// while there are faults of DNS. It asks the server that was meant, and hands its
// answers on byte by byte.
type resolver struct {
	slot    *slot
	port    uint16
	packets []*net.UDPConn
	streams []net.Listener
	room    chan struct{}
	done    chan struct{} // closed when nobody is to wait any more
	ctx     context.Context
	cancel  context.CancelFunc
	beside  sync.WaitGroup

	tracks *tracker

	mu     sync.Mutex
	lies   []*lie
	conns  map[net.Conn]bool
	inHand int           // queries
	idle   chan struct{} // closed when there are none, once somebody waits for it
}

// applyDNS begins a fault of DNS; the first one starts the name server.
func (n *Namespace) applyDNS(d order.DNS) (*running, error) {
	l, err := newLie(d)
	if err != nil {
		return nil, err
	}
	if n.resolver == nil {
		if err := n.startResolver(); err != nil {
			return nil, fmt.Errorf("dns: %w", n.explained("a redirect", err))
		}
	}
	n.resolver.add(l)
	return &running{dns: l}, nil
}

func (n *Namespace) startResolver() error {
	if err := n.openTrackers(); err != nil {
		return err
	}
	r, err := openResolver(n.lookups)
	if err != nil {
		return err
	}
	r.slot = n.pick(true)[0]
	chain := r.slot.nats()
	rules := []rule{
		spare(chain),
		{chain: chain, exprs: slices.Concat(protocol(unix.IPPROTO_UDP), destinationPort(53), redirect(r.port))},
		{chain: chain, exprs: slices.Concat(opening(), destinationPort(53), redirect(r.port))},
	}
	if err = n.anchor(); err == nil {
		err = n.install([]*slot{r.slot}, rules)
	}
	if err != nil {
		r.finish()
		r.close()
		return err
	}
	n.resolver = r
	sweeps := n.sweeps
	n.serving.Go(func() { r.sweepNewcomers(sweeps) })
	return nil
}

// sweepNewcomers leads sockets here that have asked the real server before: the kernel goes
// on with what it has once begun. An answer that is under way during the first sweep brings its
// flow back, for the second. Sockets that are opened now are led here already.
func (r *resolver) sweepNewcomers(sweeps *tracker) {
	for range 2 {
		_ = sweeps.forget(func(f flow) bool {
			return f.origin.Port() == 53 && f.replied && f.from != r.port || f.source.Port() == 53
		})
		select {
		case <-r.done:
			return
		case <-time.After(sweepAgain):
		}
	}
}

func (n *Namespace) openTrackers() error {
	if n.lookups != nil {
		return nil
	}
	lookups, err := openSocket()
	if err != nil {
		return err
	}
	sweeps, err := openSocket()
	if err != nil {
		_ = lookups.Close()
		return err
	}
	n.lookups, n.sweeps = &tracker{sock: lookups}, &tracker{sock: sweeps}
	return nil
}

// forget ends a fault of DNS; the last one ends the name server. That tells the truth
// until nobody is led to it any more.
func (n *Namespace) forget(l *lie) error {
	r := n.resolver
	if l == nil || r == nil || r.remove(l) > 0 {
		return nil
	}
	n.resolver = nil
	err := n.kernel.batch(r.slot.flushes(n.table))
	r.slot.used = false
	sweeps := n.sweeps
	n.serving.Go(func() {
		r.finish()
		_ = sweeps.forget(func(f flow) bool { return f.from == r.port })
		r.close()
	})
	return err
}

// openResolver listens on both loopback addresses, where there are both, at one port.
func openResolver(t *tracker) (*resolver, error) {
	r := &resolver{tracks: t, room: make(chan struct{}, maxQueries), done: make(chan struct{}), conns: map[net.Conn]bool{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	var err error
	for range 10 { // the port of one protocol may be taken for the other
		if err = r.listen(netip.MustParseAddr("127.0.0.1")); err == nil {
			break
		}
		r.hangUp()
	}
	if err != nil {
		return nil, fmt.Errorf("listen for queries: %w", err)
	}
	_ = r.listen(netip.IPv6Loopback()) // without IPv6 nobody asks by it
	for _, c := range r.packets {
		r.beside.Go(func() { r.servePackets(c) })
	}
	for _, l := range r.streams {
		r.beside.Go(func() { r.serveStreams(l) })
	}
	return r, nil
}

// listen opens both protocols at an address, at the port that there is already.
func (r *resolver) listen(a netip.Addr) error {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, r.port)))
	if err != nil {
		return err
	}
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		_ = c.Close()
		return err
	}
	r.port = at.Port()
	r.packets, r.streams = append(r.packets, c), append(r.streams, l)
	return nil
}

func (r *resolver) hangUp() {
	for _, c := range r.packets {
		_ = c.Close()
	}
	for _, l := range r.streams {
		_ = l.Close()
	}
}

func (r *resolver) add(l *lie) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lies = append(r.lies, l)
}

// remove tells how many are left.
func (r *resolver) remove(l *lie) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.lies, l); i >= 0 {
		r.lies = slices.Delete(r.lies, i, i+1)
		close(l.over)
	}
	return len(r.lies)
}

// finish lets go of what is held up, and waits a moment until nobody waits for an answer.
func (r *resolver) finish() {
	close(r.done)
	r.mu.Lock()
	r.idle = make(chan struct{})
	if r.inHand == 0 {
		close(r.idle)
	}
	r.mu.Unlock()
	timer := time.NewTimer(realGrace)
	defer timer.Stop()
	select {
	case <-r.idle:
	case <-timer.C:
	}
}

// close ends what is not finished.
func (r *resolver) close() {
	r.cancel()
	r.hangUp()
	r.mu.Lock()
	for c := range r.conns {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.beside.Wait()
}

// handle does one query; finish waits for a moment until none is in hand.
func (r *resolver) handle(query []byte, ask func() []byte) []byte {
	r.mu.Lock()
	r.inHand++
	r.mu.Unlock()
	answer := r.answer(query, ask)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inHand--
	if r.inHand == 0 && r.idle != nil {
		select {
		case <-r.idle:
		default:
			close(r.idle)
		}
	}
	return answer
}

// answer counts a query and decides what its asker gets, nil for nothing.
func (r *resolver) answer(query []byte, ask func() []byte) []byte {
	name := question(query)
	r.mu.Lock()
	var told *lie
	for _, l := range r.lies {
		l.queries.Add(1)
		if told == nil && name != "" && l.concerns(name) {
			told = l
		}
	}
	r.mu.Unlock()
	if told == nil {
		return ask()
	}
	return told.answer(query, ask, r.done)
}

func (r *resolver) servePackets(c *net.UDPConn) {
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	buf := make([]byte, maxDatagram)
	for {
		size, client, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of an answer whose asker has gone
		}
		client = netip.AddrPortFrom(client.Addr().Unmap(), client.Port())
		select {
		case r.room <- struct{}{}:
		default:
			continue
		}
		query := slices.Clone(buf[:size])
		r.beside.Go(func() {
			defer func() { <-r.room }()
			if answer := r.handle(query, func() []byte { return r.askPacket(query, client, local) }); answer != nil {
				_, _ = c.WriteToUDPAddrPort(answer, client)
			}
		})
	}
}

// askPacket asks the server that a client meant, and gives its answer, nil for none.
func (r *resolver) askPacket(query []byte, client, local netip.AddrPort) []byte {
	ctx, cancel := context.WithTimeout(r.ctx, realPatience)
	defer cancel()
	c, err := (&net.Dialer{Control: Control}).DialContext(ctx, "udp", r.server(client, local).String())
	if err != nil {
		return nil
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })()
	if _, err := c.Write(query); err != nil {
		return nil
	}
	buf := make([]byte, maxDatagram)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return nil
		}
		if n >= 2 && len(query) >= 2 && buf[0] == query[0] && buf[1] == query[1] {
			return buf[:n]
		}
	}
}

// server is where a client's query was going: by the kernel's table of connections, or
// else the first server of the namespace's settings.
func (r *resolver) server(client, local netip.AddrPort) netip.AddrPort {
	if to, err := r.tracks.originOf(client, local); err == nil {
		return to
	}
	return firstServer("/etc/resolv.conf")
}

// firstServer is that of a resolv.conf, Docker's where there is none.
func firstServer(path string) netip.AddrPort {
	settings, _ := os.ReadFile(path)
	for line := range strings.Lines(string(settings)) {
		if words := strings.Fields(line); len(words) >= 2 && words[0] == "nameserver" {
			if a, err := netip.ParseAddr(words[1]); err == nil {
				return netip.AddrPortFrom(a, 53)
			}
		}
	}
	return netip.MustParseAddrPort("127.0.0.11:53")
}

func (r *resolver) serveStreams(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !r.keep(c) {
			continue
		}
		r.beside.Go(func() {
			defer r.drop(c)
			r.serveStream(c)
		})
	}
}

// keep remembers a connection, for the end.
func (r *resolver) keep(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil || len(r.conns) >= maxQueries {
		_ = c.Close()
		return false
	}
	r.conns[c] = true
	return true
}

func (r *resolver) drop(c net.Conn) {
	_ = c.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// serveStream answers the queries of one connection in turn.
func (r *resolver) serveStream(c net.Conn) {
	to, err := OriginalDst(c)
	if err != nil {
		return
	}
	for {
		_ = c.SetReadDeadline(time.Now().Add(2 * realPatience))
		query, err := readFramed(c)
		if err != nil {
			return
		}
		answer := r.handle(query, func() []byte { return r.askStream(query, to) })
		if answer == nil {
			continue // the asker waits, as long as it likes
		}
		if _, err := c.Write(framed(answer)); err != nil {
			return
		}
	}
}

// askStream asks a server over TCP; nil where it does not answer.
func (r *resolver) askStream(query []byte, to netip.AddrPort) []byte {
	ctx, cancel := context.WithTimeout(r.ctx, realPatience)
	defer cancel()
	c, err := (&net.Dialer{Control: Control}).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	if _, err := c.Write(framed(query)); err != nil {
		return nil
	}
	answer, err := readFramed(c)
	if err != nil {
		return nil
	}
	return answer
}

// framed puts the length before a message, as on TCP.
func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

func readFramed(c io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(c, message)
	return message, err
}
