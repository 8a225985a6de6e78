package full

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// longestDial bounds a dial that no exchange waits for any more; one that
// somebody waits for ends with the exchange's deadline.
const longestDial = 30 * time.Second

// A dial is a connection that is being opened. It is nobody's: whoever waits
// longest when it is there gets it.
type dial struct {
	cancel   context.CancelFunc
	unwanted bool // and cancelled therefore

	// What came of it belongs to its goroutine until that is done.
	client   *http.ClientConn
	socket   *socket
	protocol string // chosen in the TLS handshake
	opened   time.Duration
	err      error
}

// discard closes what a dial has opened.
func (d *dial) discard() {
	if d.client != nil {
		_ = d.client.Close()
	}
}

// dialForQueue opens a connection for every exchange that waits and could have
// one, as far as the limits allow.
func (e *Engine) dialForQueue() {
	for e.wantDial() {
		if wait := e.untilDial(); wait > 0 {
			e.loop.Set(&e.dialTime, e.loop.Now()+wait)
			return
		}
		e.dial()
	}
}

func (e *Engine) wantDial() bool {
	waiting := min(e.queue.len(), e.limits.Max-e.carrying)
	if e.target.HTTP2 && len(e.dials) > 0 {
		return false // it may take all that wait
	}
	return len(e.dials) < waiting && len(e.open)+len(e.dials) < e.limits.Max && e.ctx.Err() == nil
}

// untilDial is how long the rate of dials asks to wait, 0 when the next one
// may go; then it counts as gone. A dial that is late by less than the time
// between two does not delay the ones after it.
func (e *Engine) untilDial() time.Duration {
	if e.limits.DialRate <= 0 {
		return 0
	}
	now, gap := e.loop.Now(), time.Duration(float64(time.Second)/e.limits.DialRate)
	if wait := e.nextDial - now; wait > 0 {
		return wait
	}
	e.nextDial = max(e.nextDial, now-gap) + gap
	return 0
}

// dial opens a connection on a goroutine.
func (e *Engine) dial() {
	ctx, cancel := context.WithTimeout(e.ctx, longestDial)
	d := &dial{cancel: cancel}
	ctx = context.WithValue(ctx, socketOf{}, &d.socket)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(s tls.ConnectionState, _ error) { d.protocol = s.NegotiatedProtocol },
	})
	e.dials = append(e.dials, d)
	e.running.Go(func() {
		defer cancel()
		d.client, d.err = e.transport.NewClientConn(ctx, e.scheme, e.target.Addr)
		d.opened = e.loop.Now()
		e.loop.Post(func() { e.dialEnded(d) })
	})
}

// dialEnded takes a new connection into the pool, or lets the exchange that has
// waited longest fail.
func (e *Engine) dialEnded(d *dial) {
	if !e.forget(d) { // the engine was closed meanwhile
		return
	}
	switch {
	case d.err == nil:
		e.dialled++
		c := &conn{client: d.client, socket: d.socket, opened: d.opened}
		c.shared = d.protocol == "h2" || e.target.HTTP2 && !e.target.TLS
		e.open[c] = struct{}{}
		e.idle = append(e.idle, c)
		d.client.SetStateHook(func(*http.ClientConn) { e.watch(c) })
	case !d.unwanted && e.queue.len() > len(e.dials):
		// Those that wait and are fewer than the dials still under way have a
		// chance; this one has none.
		e.queue.pop().finish(outcome{err: e.dialError(d), own: lacking(d.err)})
	}
	e.serve()
}

// forget removes a dial from those under way and tells whether it was there.
func (e *Engine) forget(d *dial) bool {
	i := slices.Index(e.dials, d)
	if i >= 0 {
		e.dials = slices.Delete(e.dials, i, i+1)
	}
	return i >= 0
}

// trimDials ends the oldest dials while there are more than exchanges that
// wait. It is called when one has given up waiting: a dial that is not answered
// must not outlive everybody who wanted it.
func (e *Engine) trimDials() {
	wanted := 0
	for _, d := range slices.Backward(e.dials) {
		switch {
		case d.unwanted:
		case wanted < e.queue.len():
			wanted++
		default:
			d.unwanted = true
			d.cancel()
		}
	}
}

// dialError names what a dial failed with.
func (e *Engine) dialError(d *dial) *wire.Error {
	if d.socket != nil && e.target.TLS { // the port accepted
		return handshakeError(e.target, d.err)
	}
	return &wire.Error{Failure: duringDial(d.err), Op: "dial " + e.target.Addr, Err: d.err}
}

// socketOf is the key in a dial's context of where dialTCP leaves the socket.
type socketOf struct{}

// dialTCP is the transport's DialContext.
func dialTCP(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	s := newSocket(c)
	if place, ok := ctx.Value(socketOf{}).(**socket); ok {
		*place = s
		return s, nil
	}
	_ = c.Close()
	return nil, fmt.Errorf("dial %s: nobody asked for this connection", addr)
}
