// Package full is the engine over net/http: TLS, HTTP/2, bodies that are
// produced while they are sent, and every operating system that Go knows.
//
// The connections are the engine's own: it takes http.ClientConn, one
// connection, and leaves the pool of http.Transport alone. That pool would send
// a request again when a kept connection dies under it, would dial beyond what
// waits, and would hand a connection to whoever asks first. Here the pool, the
// queue and all bookkeeping live on the loop's thread without locks; a
// goroutine runs only for a connection that is being opened and for an exchange
// that has a connection, so that there are never more than twice Limits.Max of
// them, whatever waits.
//
// Over HTTP/2 a connection carries as many exchanges as the server allows;
// Limits.Max then bounds the exchanges under way too.
package full

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// An Engine carries exchanges over net/http. Its methods are for the loop's
// thread.
type Engine struct {
	loop   *loop.Loop
	target exchange.Target
	limits exchange.Limits

	transport *http.Transport // configuration only: what makes a ClientConn
	scheme    string

	queue    queue
	idle     []*conn // those that may take an exchange, the latest used last
	open     map[*conn]struct{}
	dials    []*dial // under way, oldest first
	carrying int     // exchanges on connections
	nextDial time.Duration
	dialTime loop.Timer
	dialled  int
	begun    int

	running sync.WaitGroup // goroutines
	ctx     context.Context
	stop    context.CancelFunc
}

// New makes an engine for a target. It opens no connection. The error says what
// is wrong with the target's certificates or with the limits.
func New(l *loop.Loop, target exchange.Target, limits exchange.Limits) (*Engine, error) {
	if limits.Max < 1 {
		return nil, fmt.Errorf("target %s: %d connections at most: allow 1 or more", target.Name, limits.Max)
	}
	if _, _, err := net.SplitHostPort(target.Addr); err != nil {
		return nil, fmt.Errorf("target %s: address %q is not host:port: %w", target.Name, target.Addr, err)
	}
	e := &Engine{
		loop: l, target: target, limits: limits,
		scheme: "http",
		open:   map[*conn]struct{}{},
	}
	e.transport = &http.Transport{
		Protocols:              protocols(target),
		DialContext:            dialTCP,
		DisableCompression:     true, // bodies are passed on as they came
		MaxResponseHeaderBytes: wire.MaxHead,
	}
	if target.TLS {
		e.scheme = "https"
		config, err := tlsConfig(target)
		if err != nil {
			return nil, err
		}
		e.transport.TLSClientConfig = config
	}
	e.dialTime.Fire = e.serve
	e.ctx, e.stop = context.WithCancel(context.Background())
	return e, nil
}

// protocols are what a connection to the target may speak. With TLS the server
// chooses; without, nobody asks it.
func protocols(t exchange.Target) *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(!t.HTTP2 || t.TLS)
	p.SetHTTP2(t.HTTP2 && t.TLS)
	p.SetUnencryptedHTTP2(t.HTTP2 && !t.TLS)
	return p
}

// Begin implements exchange.Engine.
func (e *Engine) Begin(x *exchange.Exchange) {
	e.begun++
	c := &carriage{engine: e, x: x}
	x.Engine = c
	c.deadline.Fire = func() { e.expire(c) }
	e.loop.Set(&c.deadline, x.Deadline)
	e.queue.push(c)
	e.serve()
}

// Abandon implements exchange.Engine. Over HTTP/2 only the stream is closed:
// the connection belongs to other exchanges too.
func (e *Engine) Abandon(x *exchange.Exchange) {
	c, ok := x.Engine.(*carriage)
	if !ok || c.x == nil || c.abandoned {
		return
	}
	c.abandoned = true
	given := outcome{err: &wire.Error{Failure: journal.ClientGone, Op: c.step(), Err: context.Canceled}}
	c.withdraw(context.Canceled)
	// Done may begin the next exchange, and whoever abandons is in the middle of
	// something: it follows on its own.
	e.loop.Post(func() { c.finish(given) })
}

// expire ends an exchange whose deadline is over. It does not wait for net/http
// to notice.
func (e *Engine) expire(c *carriage) {
	if c.abandoned {
		return
	}
	failure, step := journal.Timeout, c.step()
	if c.conn == nil && e.queue.ahead(c, len(e.dials)) < len(e.dials) {
		failure, step = journal.DialTimeout, "dial "+e.target.Addr
	}
	c.withdraw(context.DeadlineExceeded)
	c.finish(outcome{err: &wire.Error{Failure: failure, Op: step, Err: context.DeadlineExceeded}})
}

// Stats implements exchange.Engine.
func (e *Engine) Stats() exchange.Stats {
	return exchange.Stats{Connections: len(e.open), Dialled: e.dialled, Queued: e.queue.len(), Begun: e.begun}
}

// Close implements exchange.Engine. It waits for streams that are being read.
func (e *Engine) Close() {
	e.loop.Unset(&e.dialTime)
	e.stop()
	for c := range e.open {
		e.drop(c)
	}
	e.running.Wait()
	// What was dialled meanwhile has been posted to a loop that may be over.
	for _, d := range e.dials {
		d.discard()
	}
	e.dials = nil
	e.transport.CloseIdleConnections()
}
