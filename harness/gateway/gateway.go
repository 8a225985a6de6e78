// Package gateway is the data plane of one service: Kubernetes service
// semantics without a cluster. It keeps a list of ready instances, forwards
// HTTP to them and attributes every exchange to the instance that had it.
//
// The rules that everything here serves:
//   - An instance gets traffic only while its readiness probe passes, and, once
//     it is told to stop, until the endpoint lag is over.
//   - Nothing is ever sent twice. A failure that an instance causes reaches the
//     client and the journal.
//   - Every request whose head was read ends in exactly one record: counted in
//     a journal.Tally, and where it matters on its own in a journal.Request too.
//     That is every request that was sent, but for those on a connection that
//     ended in the middle of the head, that Close found not accepted yet, or
//     whose head is longer than wire.MaxHead before the driver's number.
//   - One lock orders picks, list changes and records. The time of a record or
//     event is taken under it: a request with a Start after the T of
//     EndpointRemoved was really sent on after the removal.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Gateway fronts one service. All methods may be called concurrently.
type Gateway struct {
	cfg      Config
	clk      clock.Clock
	out      *outbox
	net      network
	listener net.Listener
	// sightings is nil where no headers are watched.
	sightings *sightings
	ctx       context.Context // ends when Close begins
	cancel    context.CancelFunc
	patience  context.Context // ends when Close cuts what is still in flight
	hurry     context.CancelFunc
	work      sync.WaitGroup // every goroutine but the outbox's
	closing   atomic.Bool
	forced    atomic.Bool // Close has lost its patience
	closed    sync.Once

	mu        sync.Mutex
	instances map[string]*instance
	listed    []*instance // the endpoint list
	turn      int         // where the next pick starts
	nobody    *instance   // takes the records of requests without endpoint
	clients   map[*client]struct{}
	malformed int // requests that were not HTTP, for the cap on their notes
	torn      int // connections that ended in the middle of a request's head
}

// network is what a test replaces to run without sockets.
type network struct {
	listen func(addr string) (net.Listener, error)
	dial   func(ctx context.Context, addr string) (net.Conn, error)
	lookup func(ctx context.Context, host string) (string, error)
}

func realNetwork() network {
	var dialer net.Dialer
	return network{
		listen: func(addr string) (net.Listener, error) { return net.Listen("tcp", addr) },
		dial: func(ctx context.Context, addr string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", addr)
		},
		lookup: func(ctx context.Context, host string) (string, error) {
			addrs, err := net.DefaultResolver.LookupHost(ctx, host)
			if err != nil {
				return "", err
			}
			return addrs[0], nil
		},
	}
}

// New starts a gateway without instances. It gives events to emit, one at a
// time and in order, from a goroutine of its own: a slow emit delays no request
// (but in the end costs records, which are then counted as suppressed). A port
// that is taken is an error.
func New(cfg Config, clk clock.Clock, emit func(journal.Event)) (*Gateway, error) {
	return newGateway(cfg, clk, emit, realNetwork())
}

func newGateway(cfg Config, clk clock.Clock, emit func(journal.Event), n network) (*Gateway, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	listener, err := n.listen(cfg.Listen)
	if err != nil {
		return nil, listenError(cfg.Service, cfg.Listen, err)
	}
	g := &Gateway{
		cfg: cfg, clk: clk, net: n, listener: listener,
		out:       newOutbox(emit),
		sightings: watchSessions(cfg.Sessions),
		instances: map[string]*instance{},
		clients:   map[*client]struct{}{},
		nobody:    &instance{since: clk.Now()},
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.patience, g.hurry = context.WithCancel(context.Background())
	g.work.Go(g.accept)
	g.work.Go(g.tallies)
	return g, nil
}

// listenError says what to do about a listener that could not be had.
func listenError(service, address string, err error) error {
	_, port, _ := net.SplitHostPort(address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("gateway of %s: port %s of %s is taken; end what uses it or choose another", service, port, address)
	}
	return fmt.Errorf("gateway of %s: listen on %s: %w", service, address, err)
}

// Listening is the address at which clients connect.
func (g *Gateway) Listening() string { return g.listener.Addr().String() }

// Close stops accepting, lets exchanges in flight end within Config.Drain, cuts
// the rest, writes the last tallies and returns when everything was emitted.
// Calling it again does nothing.
func (g *Gateway) Close() error {
	g.closed.Do(func() {
		_ = g.listener.Close()
		g.beginClosing()
		timer := time.AfterFunc(g.cfg.Drain, g.cutClients)
		g.work.Wait()
		timer.Stop()
		g.hurry()
		g.flushTallies()
		g.noteTorn()
		g.out.close()
	})
	return nil
}

// accept takes client connections.
func (g *Gateway) accept() {
	for failures := 0; ; {
		conn, err := g.listener.Accept()
		if err == nil {
			g.admit(conn)
			continue
		}
		if g.closing.Load() || errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of descriptors, or a connection that died in the queue: the only
		// cure is to try again in a moment.
		if failures++; failures <= 5 {
			g.note("warning", "accept a connection: "+err.Error())
		}
		select {
		case <-g.ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// admit starts serving a client connection.
func (g *Gateway) admit(conn net.Conn) {
	c := newClient(g, conn)
	g.mu.Lock()
	if g.forced.Load() {
		g.mu.Unlock()
		_ = conn.Close()
		return
	}
	g.clients[c] = struct{}{}
	g.work.Go(c.serve)
	g.mu.Unlock()
}

// beginClosing ends probes, tallies and the connections that wait for a
// request. After it nothing new begins.
func (g *Gateway) beginClosing() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closing.Store(true)
	g.cancel()
	for _, inst := range g.instances {
		inst.halt()
	}
	for c := range g.clients {
		c.endIfIdle()
	}
}

// cutClients ends every connection, whatever it is doing.
func (g *Gateway) cutClients() {
	g.forced.Store(true)
	g.hurry()
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.clients {
		c.cut()
	}
}

// noteTorn tells of requests that nobody has read to the end of their heads:
// they are in no tally, although their clients may count them as sent.
func (g *Gateway) noteTorn() {
	if g.torn > 0 {
		g.note("detail", fmt.Sprintf("%d connections ended in the middle of a request's head; those requests are not on record", g.torn))
	}
}

// note writes a remark.
func (g *Gateway) note(level, text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.event(journal.Note{Level: level, Text: "gateway of " + g.cfg.Service + ": " + text})
}

// event emits at the present time; g.mu is held, so that events stand in the
// order of their times.
func (g *Gateway) event(body journal.Body) {
	g.out.add(journal.Event{T: g.clk.Now(), Body: body})
}
