package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// A target is one service: its address, its connections, and whether it has
// ever answered.
type target struct {
	service, addr string
	pool          *wire.Pool
	slots         chan struct{} // one for each connection in use

	answered atomic.Bool
	silent   atomic.Int64 // exchanges in a row that nobody accepted
}

// silentLimit is how many connections in a row must go unanswered, with never
// an answer before, to call off a run that would only be noise.
const silentLimit = 50

func newTarget(service, addr string, connections int) *target {
	var dialer net.Dialer
	return &target{
		service: service, addr: addr,
		slots: make(chan struct{}, connections),
		pool: wire.NewPool(addr, wire.Options{
			MaxIdle: connections,
			Dial: func(ctx context.Context) (net.Conn, error) {
				conn, err := dialer.DialContext(ctx, "tcp", addr)
				if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && err == nil {
					x.sent = time.Now() // the dial is over: sending begins
				} else if ok {
					x.undialed = true
				}
				return conn, err
			},
		}),
	}
}

// An exchange is one request under way. The dial tells it through the context
// how it went, because only there is it known whether anything was sent.
type exchange struct {
	sent     time.Time // zero while nothing was
	undialed bool
}

type exchangeKey struct{}

// acquire waits for a free connection slot; release gives it back.
func (t *target) acquire(ctx context.Context) error {
	select {
	case t.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case t.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a free connection to %s: %w", t.addr, ctx.Err())
	}
}

func (t *target) release() { <-t.slots }

// do sends a request and reads the answer, with at most keep bytes of its body
// in buffer. With an error there is no complete answer; x tells whether sending
// had begun.
func (t *target) do(ctx context.Context, req *http.Request, buffer *[]byte, keep int) (a *answer, x exchange, err error) {
	x.sent = time.Now() // of a connection that is there already
	response, err := t.pool.Do(context.WithValue(ctx, exchangeKey{}, &x), req)
	if x.undialed {
		x.sent = time.Time{}
	}
	if err != nil {
		return nil, x, err
	}
	defer func() { _ = response.Body.Close() }()
	a = &answer{status: response.Status, head: &response.Head}
	a.body, a.cut, err = read(response.Body, buffer, keep)
	if err != nil {
		return nil, x, err
	}
	return a, x, nil
}

// read reads a body to its end and keeps the first bytes of it.
func read(body io.Reader, buffer *[]byte, keep int) (kept []byte, cut bool, err error) {
	kept = (*buffer)[:0]
	for {
		if len(kept) == cap(kept) && len(kept) < keep {
			kept = append(kept, 0)[:len(kept)]
		}
		room := kept[len(kept):min(cap(kept), keep)]
		if len(room) == 0 {
			rest, err := io.Copy(io.Discard, body)
			return kept, rest > 0, err
		}
		n, err := body.Read(room)
		kept = kept[:len(kept)+n]
		*buffer = kept
		if err == io.EOF {
			return kept, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
}

// buffers are for bodies. One that a large body has grown is not kept.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, keepSample); return &b }}

func recycle(buffer *[]byte) {
	if cap(*buffer) <= 64<<10 {
		buffers.Put(buffer)
	}
}

// heard notes how an exchange went, and returns an error once it is plain that
// nobody is there.
func (t *target) heard(err error) error {
	if err == nil {
		t.answered.Store(true)
	}
	if t.answered.Load() {
		return nil
	}
	switch wire.Classify(err) {
	case journal.Refused, journal.DialTimeout, journal.Reset, journal.Closed:
	default:
		t.silent.Store(0)
		return nil
	}
	if t.silent.Add(1) < silentLimit {
		return nil
	}
	var last *wire.Error
	if !errors.As(err, &last) {
		return fmt.Errorf("nothing answers at %s (service %s)", t.addr, t.service)
	}
	return fmt.Errorf("nothing answers at %s (service %s): %d connections in a row went unanswered, the last with %w; check that the service listens on its port and look at its log",
		t.addr, t.service, silentLimit, last)
}
