package plain

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

const (
	inSize   = 64 << 10 // of the buffer all connections read into
	outSize  = 32 << 10 // of the buffer all connections write from; larger bodies are written from where they are
	headRoom = 8 << 10  // of it beside the body

	// spare is how many answers with their buffers are kept for later ones.
	spare = 64
)

// An Engine carries the exchanges with one target.
type Engine struct {
	loop   *loop.Loop
	addr   string
	peer   unix.Sockaddr
	family int
	limits exchange.Limits
	budget budget
	connect

	// Every connection that is open or being opened is in one of these.
	dialing, idle, busy list[conn]
	dialled, begun      int
	turn                uint64 // counts the times that the loop has come by

	waiting  list[call] // for a connection
	finished list[call] // Done is still to be called
	wheel    wheel
	again    []*conn // had more to read or write than one turn allows
	before   []*conn // the same of the turn before, kept for its memory

	tick, soon, dial loop.Timer // looks for deadlines; settles; may open another connection

	in, out []byte
	calls   []*call // not in use
	conns   []*conn
	answers []*answer
	expired []*call
}

// A call is an exchange as the engine sees it.
type call struct {
	x        *exchange.Exchange
	conn     *conn      // that carries it; nil while it waits
	place    node[call] // in waiting or finished
	due      node[call] // in the wheel
	slot     int
	answer   *answer // once it is complete
	finished bool
}

// Can tells whether an engine of this package can carry such a request to that
// target: neither TLS nor HTTP/2, and a body that is in memory.
func Can(t exchange.Target, r *exchange.Request) bool {
	return !t.TLS && !t.HTTP2 && r.Stream == nil
}

// New makes an engine; it opens nothing yet. The target's name is resolved
// now, and only now. Any goroutine may call it.
func New(l *loop.Loop, t exchange.Target, limits exchange.Limits) (*Engine, error) {
	if limits.Max < 1 {
		return nil, fmt.Errorf("target %s: at least one connection must be allowed, not %d", t.Name, limits.Max)
	}
	addr, err := net.ResolveTCPAddr("tcp", t.Addr)
	if err != nil {
		return nil, fmt.Errorf("target %s: find %s: %w", t.Name, t.Addr, err)
	}
	if addr.Port == 0 {
		return nil, fmt.Errorf("target %s: address %q has no port", t.Name, t.Addr)
	}
	e := &Engine{
		loop: l, addr: t.Addr, limits: limits, budget: newBudget(limits.DialRate), connect: connectTo,
		in: make([]byte, inSize), out: make([]byte, 0, outSize+headRoom),
	}
	e.family, e.peer = sockaddr(addr)
	e.tick.Fire, e.soon.Fire, e.dial.Fire = e.sweep, e.catchUp, e.settle
	return e, nil
}

// Begin starts an exchange.
func (e *Engine) Begin(x *exchange.Exchange) {
	e.begun++
	k := pop(&e.calls)
	k.x = x
	x.Engine = k
	x.Err, x.Own, x.Sent, x.Ended, x.Reused = nil, "", 0, 0, false
	x.Status, x.Head, x.Body, x.Cut = 0, nil, nil, false
	e.watch(k)
	e.waiting.push(&k.place, k)
	e.serve()
	e.finishSoon()
}

// Abandon ends an exchange that has begun.
func (e *Engine) Abandon(x *exchange.Exchange) {
	k, ok := x.Engine.(*call)
	if !ok || k.finished {
		return
	}
	e.giveUp(k, journal.ClientGone, context.Canceled)
	e.serve()
	e.finishSoon()
}

// Stats are as of now; connections that are still being opened do not count.
func (e *Engine) Stats() exchange.Stats {
	return exchange.Stats{
		Connections: e.idle.len + e.busy.len, Dialled: e.dialled, Queued: e.waiting.len, Begun: e.begun,
	}
}

// Close closes all connections.
func (e *Engine) Close() {
	for _, l := range []*list[conn]{&e.dialing, &e.idle, &e.busy} {
		for l.len > 0 {
			l.first().close()
		}
	}
	e.loop.Unset(&e.tick)
	e.loop.Unset(&e.soon)
	e.loop.Unset(&e.dial)
}

// serve gives connections to those that wait, and opens more if there are too few.
func (e *Engine) serve() {
	for e.waiting.len > 0 {
		if c := e.takeIdle(); c != nil {
			k := e.waiting.first()
			e.waiting.remove(&k.place)
			c.carry(k)
			continue
		}
		open := e.dialing.len + e.idle.len + e.busy.len
		if e.dialing.len >= e.waiting.len || open >= e.limits.Max || !e.mayDial() {
			return
		}
		e.open()
	}
}

// takeIdle takes the connection used last that may carry another exchange, nil
// without any. Others are closed: those that are too old, and those whose end
// has come since the loop looked at its events. Only one that has just been
// read from is taken as it is.
func (e *Engine) takeIdle() *conn {
	for e.idle.len > 0 {
		c := e.idle.last()
		if c.reused && c.old() || c.parked != e.turn && !c.quiet() {
			c.close()
			continue
		}
		return c
	}
	return nil
}

// giveUp ends an exchange wherever it is.
func (e *Engine) giveUp(k *call, failure journal.Failure, cause error) {
	if c := k.conn; c != nil {
		op := c.step()
		c.close()
		e.finish(k, &wire.Error{Failure: failure, Op: op, Err: cause})
		return
	}
	op := "wait for a connection to " + e.addr
	if e.dialing.len > 0 {
		op = "dial " + e.addr
		if failure == journal.Timeout {
			failure = journal.DialTimeout
		}
	}
	e.waiting.remove(&k.place)
	e.finish(k, &wire.Error{Failure: failure, Op: op, Err: cause})
	// An attempt that nobody waits for is not left to the next exchange: the
	// system makes the pauses between its packets longer and longer.
	for e.dialing.len > e.waiting.len {
		e.dialing.first().close()
	}
}

// finish ends an exchange that is neither waiting nor on a connection any more.
// Done follows when the loop comes by.
func (e *Engine) finish(k *call, err *wire.Error) {
	k.finished, k.conn = true, nil
	k.x.Err, k.x.Ended = err, e.loop.Now()
	e.unwatch(k)
	e.finished.push(&k.place, k)
}

// settle does what follows from what has happened.
func (e *Engine) settle() {
	e.serve()
	for range e.finished.len {
		e.done()
	}
	e.finishSoon() // what those led to
	e.turn++
}

// done calls Done for the exchange that was finished first.
func (e *Engine) done() {
	k := e.finished.first()
	e.finished.remove(&k.place)
	x, a := k.x, k.answer
	*k = call{}
	e.calls = append(e.calls, k)
	x.Engine = nil
	if a != nil {
		x.Status, x.Head, x.Body, x.Cut = a.head.Status(), &a.head, a.body, a.cut
	}
	x.Done(x)
	if a != nil {
		e.putAnswer(a)
	}
}

// finishSoon has the loop come by if something is finished.
func (e *Engine) finishSoon() {
	if e.finished.len > 0 || len(e.again) > 0 {
		e.settleSoon()
	}
}

// settleSoon has the loop come by before it waits again, unless a great many
// timers are due.
func (e *Engine) settleSoon() {
	if !e.soon.Pending() {
		e.loop.Set(&e.soon, e.loop.Now())
	}
}

// catchUp lets those go on whose turn was over.
func (e *Engine) catchUp() {
	turn := e.again
	e.again, e.before = e.before[:0], turn
	for _, c := range turn {
		if c.again {
			c.again = false
			c.transfer(unix.EPOLLIN | unix.EPOLLOUT)
		}
	}
	e.settle()
}

func (e *Engine) getAnswer(r *exchange.Request) *answer {
	a := pop(&e.answers)
	a.reset(r)
	return a
}

func (e *Engine) putAnswer(a *answer) {
	if len(e.answers) < spare {
		e.answers = append(e.answers, a)
	}
}

// pop takes the last of a stack of things for re-use, or makes one.
func pop[T any](stack *[]*T) *T {
	last := len(*stack) - 1
	if last < 0 {
		return new(T)
	}
	t := (*stack)[last]
	(*stack)[last] = nil
	*stack = (*stack)[:last]
	return t
}

// old tells whether the connection may carry no further exchange.
func (c *conn) old() bool {
	return c.e.limits.MaxAge > 0 && c.e.loop.Now()-c.opened >= c.e.limits.MaxAge
}
