// Package proxy is a proxy that does faults on the way: in front of a service
// under its name, in the way of what an instance sends elsewhere, or as a
// third party that answers by itself.
//
// # What passes
//
// Each connection of a caller has one connection to the upstream, so that what is
// tied to connections (balance, keep-alive, their end) stays as it is without the
// proxy: a half-close and a reset are passed on, and what the upstream does not
// answer gets no answer made up. Requests and responses of HTTP/1.x go through
// with their fields in order and spelling, as they come in, and never twice.
// Everything else (HTTP/2, TLS, other protocols, upgrades) is passed on as bytes;
// to that only what is done to connections can be done: latency (once, before the
// first bytes), abort, outage, flapping, and resets by the name that TLS
// asks for. TLS that is taken apart is HTTP like any other.
//
// # Faults
//
// Several faults may be in force. To one request they are done in this order:
// outage and flapping, rate limit, latency and brownout (they add up), errors,
// abort; then the work; then errors and abort after the work, corrupt, truncate,
// slow body. The first that answers or cuts ends it. Which requests are hit is
// drawn by ordinal: the n-th request that a fault takes gets the decision that
// belongs to its seed and n, whatever other faults do.
//
// A revert ends what is being done. Requests that are held up go on their way at
// once, as long as their caller is still there: a service that hung answers
// in the end. Slow bodies go on at full speed; what was not cut or changed yet
// stays whole. Revert returns after that, and never waits for a body or a caller.
//
// Paths under /.shakedown/ are ours: no fault is done to them (but that a socket
// that refuses refuses them too), and they are in no account.
package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// Authority signs what faults of TLS show; *authority.Authority is one.
type Authority interface {
	Leaf(names []string, expired bool) (*tls.Certificate, error)
	Pool() *x509.CertPool
}

// Config of a Proxy. One of Upstream, Handler and OriginalDst says where
// connections go.
type Config struct {
	// Service is its name, for messages and as the name of a certificate.
	Service string
	// Upstream is host:port of what it stands in front of. It is told who calls,
	// with X-Forwarded-For.
	Upstream string
	// Handler answers in place of an upstream. Its answers must fit into memory.
	Handler http.Handler
	// TLS makes the listeners of a Handler speak TLS, with a certificate for Service
	// and Names. It needs Authority.
	TLS   bool
	Names []string
	// OriginalDst tells where a redirected connection was going.
	OriginalDst func(net.Conn) (netip.AddrPort, error)
	// Dial connects to an upstream. Default: TCP.
	Dial func(ctx context.Context, to string) (net.Conn, error)
	// DialTimeout bounds one attempt. Default 5s.
	DialTimeout time.Duration
	// KeyHeader tells one piece of work from another.
	KeyHeader string
	// WriteCalls writes calls down one by one.
	WriteCalls bool
	// RateLimit is one of a third party's own: it is always there, and no fault.
	RateLimit *order.RateLimit
	// Authority is needed by faults that take TLS apart.
	Authority Authority
	// Now is the clock. Default: the time since New.
	Now func() time.Duration
	// Drain is how long Close lets requests under way go on. Default 500ms.
	Drain time.Duration
}

// Proxy does faults to what passes it; it is an order.Injector. Its methods are
// safe for concurrent use.
type Proxy struct {
	cfg     Config
	ledger  ledger
	memory  memory
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	work    sync.WaitGroup // of connections and listeners
	flap    sync.WaitGroup
	closing atomic.Bool
	forced  atomic.Bool
	// by are the headers by which rate limits tell callers apart.
	by atomic.Pointer[[]string]
	// inForce is read for every request and replaced when a fault begins or ends.
	inForce atomic.Pointer[[]*fault]

	mu        sync.Mutex
	conns     map[*conn]struct{}
	listeners map[*listener]struct{}
	number    uint64 // of the last connection
	refusing  int    // how many faults want listeners to refuse
	changing  sync.Mutex

	own     *fault // of Config.RateLimit
	faults  map[string]*fault
	ending  map[string]chan struct{} // IDs whose revert is under way
	applied int
	closed  chan struct{}
}

var _ order.Injector = (*Proxy)(nil)

// New makes a proxy that serves nothing yet.
func New(cfg Config) (*Proxy, error) {
	ways := 0
	for _, set := range []bool{cfg.Upstream != "", cfg.Handler != nil, cfg.OriginalDst != nil} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return nil, fmt.Errorf("proxy of %s: it has %d ways to go, which must be one", cfg.Service, ways)
	}
	if cfg.TLS && (cfg.Authority == nil || cfg.Handler == nil) {
		return nil, fmt.Errorf("proxy of %s: TLS is for third parties and needs the run's authority", cfg.Service)
	}
	if cfg.Dial == nil {
		var d net.Dialer
		cfg.Dial = func(ctx context.Context, to string) (net.Conn, error) { return d.DialContext(ctx, "tcp", to) }
	}
	if cfg.DialTimeout == 0 {
		cfg.DialTimeout = 5 * time.Second
	}
	if cfg.Drain == 0 {
		cfg.Drain = 500 * time.Millisecond
	}
	if cfg.Now == nil {
		begun := time.Now()
		cfg.Now = func() time.Duration { return time.Since(begun) }
	}
	p := &Proxy{
		cfg: cfg, conns: map[*conn]struct{}{}, listeners: map[*listener]struct{}{},
		faults: map[string]*fault{}, ending: map[string]chan struct{}{}, closed: make(chan struct{}),
	}
	p.ledger.each, p.ledger.since = cfg.WriteCalls, cfg.Now()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.inForce.Store(new([]*fault))
	p.by.Store(new([]string))
	return p, p.limitOwn()
}

// Calls are those since it was called last.
func (p *Proxy) Calls() order.Calls { return p.ledger.take(p.cfg.Now()) }

// Name says who calls from an address (an IP); calls that are closed later bear
// the name.
func (p *Proxy) Name(address, name string) error {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("name the callers from %q: it is not an IP address", address)
	}
	p.ledger.name(a.Unmap(), name)
	return nil
}

// Serve takes connections from l until Close or an error; it closes l. Several
// listeners may be served at a time.
func (p *Proxy) Serve(l net.Listener) error {
	own := newListener(l)
	if err := p.enlist(own); err != nil {
		_ = l.Close()
		if errors.Is(err, net.ErrClosed) {
			return nil // Close was first
		}
		return err
	}
	defer p.strike(own)
	for {
		c, err := own.accept()
		switch {
		case err == nil:
			p.admit(c)
		case p.closing.Load():
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("proxy of %s: accept on %s: %w", p.cfg.Service, l.Addr(), err)
		default:
			// Out of descriptors, or a connection that died in the queue: the only cure is
			// to try again in a moment.
			select {
			case <-p.ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

// enlist makes a listener ours; one that comes while we refuse refuses at once.
func (p *Proxy) enlist(l *listener) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing.Load() {
		return net.ErrClosed
	}
	if p.refusing > 0 {
		if err := l.refuse(); err != nil {
			return fmt.Errorf("proxy of %s: %w", p.cfg.Service, err)
		}
	}
	p.listeners[l] = struct{}{}
	p.work.Add(1)
	return nil
}

func (p *Proxy) strike(l *listener) {
	_ = l.Close()
	p.mu.Lock()
	delete(p.listeners, l)
	p.mu.Unlock()
	p.work.Done()
}

// admit starts serving a connection.
func (p *Proxy) admit(raw net.Conn) {
	p.mu.Lock()
	if p.closing.Load() {
		p.mu.Unlock()
		_ = raw.Close()
		return
	}
	p.number++
	c := newConn(p, raw, p.number)
	p.conns[c] = struct{}{}
	p.work.Add(1)
	p.mu.Unlock()
	go func() {
		defer p.work.Done()
		c.serve()
	}()
}

// each does something to every connection that is open now.
func (p *Proxy) each(do func(*conn)) {
	p.mu.Lock()
	all := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		all = append(all, c)
	}
	p.mu.Unlock()
	for _, c := range all {
		do(c)
	}
}

// Close reverts all faults, stops accepting, lets requests under way end within
// Config.Drain, cuts the rest, and returns when nothing is left. Calling it again
// does nothing but wait for that.
func (p *Proxy) Close() error {
	p.changing.Lock()
	first := !p.closing.Swap(true)
	p.changing.Unlock()
	if !first {
		<-p.closed
		return nil
	}
	defer close(p.closed)
	err := p.revertAll()
	p.flap.Wait()
	p.cancel()
	p.mu.Lock()
	for l := range p.listeners {
		_ = l.Close()
	}
	p.mu.Unlock()
	p.each((*conn).drain)
	cut := time.AfterFunc(p.cfg.Drain, func() {
		p.forced.Store(true)
		p.each(func(c *conn) { c.cut(false) })
	})
	p.work.Wait()
	cut.Stop()
	return err
}
