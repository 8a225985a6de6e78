// Package link is the harness's end of the conversation with an agent; see
// order.Protocol.
package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/link/lines"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
)

const (
	syncRounds = 8
	// beats is how many times in a lease the agent hears from the run; an agent
	// that has not answered so many is taken for gone.
	beats = 4
	// answerPatience bounds the wait for any answer; contexts end it earlier.
	answerPatience = 30 * time.Second
	// endPatience is how long Close waits for the agent to revert everything.
	endPatience = 10 * time.Second
)

// Sink takes what an agent says by itself. It is called one at a time, in
// order, and must not call the Link; times are those of the run's clock. Any of the functions may be nil.
type Sink struct {
	// Agent is how errors call the agent, "agent beside api-2"; "" calls it by what it is to be.
	Agent    string
	Counters func(fault string, counters map[string]int64)
	Calls    func(order.Calls)
	// Reverted tells that the agent took a fault back by itself.
	Reverted func(fault, by string)
	// Gone tells that the agent ended without having been asked to, or fell silent.
	Gone func(error)
}

// Link is safe for concurrent use. It renews the lease by itself until it is closed.
type Link struct {
	name   string
	conn   io.ReadWriteCloser
	out    *lines.Outbox
	clk    clock.Clock
	sink   Sink
	lease  time.Duration
	ready  order.Ready
	offset time.Duration // run clock minus agent clock
	events *queue
	done   chan struct{} // closed when the agent is gone
	beside sync.WaitGroup

	mu       sync.Mutex
	lastID   int
	pending  map[int]chan answer
	pings    map[int]chan answer
	paused   time.Time // no heartbeat before
	missed   int       // heartbeats since the agent was last heard
	closing  bool
	gone     error // why there is no use in asking
	lastWord string
	refused  []error // faults that it did not get rid of while closing
}

// answer is a reply with the moment it came.
type answer struct {
	order.Reply
	at time.Duration
}

// Connect begins the conversation with an agent at the other end of conn:
// versions, clocks, what it is to be. It returns when the agent is ready. When
// ctx ends before that, conn is closed; afterwards ctx has no effect.
func Connect(ctx context.Context, conn io.ReadWriteCloser, hello order.Hello, clk clock.Clock, sink Sink) (*Link, error) {
	l := &Link{
		name: sink.Agent, conn: conn, out: lines.NewOutbox(conn), clk: clk, sink: sink, lease: hello.Lease,
		events: newQueue(), done: make(chan struct{}), pending: map[int]chan answer{}, pings: map[int]chan answer{},
	}
	if l.name == "" {
		l.name = described(hello)
	}
	if hello.Lease <= 0 {
		l.out.Close(0)
		_ = conn.Close()
		return nil, fmt.Errorf("connect to the %s: a lease of %s is none", l.name, hello.Lease)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	l.beside.Go(l.read)
	err := l.handshake(ctx, hello)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		l.abandon()
		return nil, fmt.Errorf("connect to the %s: %w", l.name, err)
	}
	l.beside.Go(l.beat)
	l.beside.Go(func() { l.events.run(l.deliver) })
	return l, nil
}

// described is how an agent is called that has no name yet.
func described(hello order.Hello) string {
	switch {
	case hello.Proxy != nil && hello.Proxy.ThirdParty != nil:
		return "third party " + hello.Proxy.Service
	case hello.Proxy != nil:
		return "proxy of " + hello.Proxy.Service
	case hello.Namespace:
		return "network agent"
	case hello.Pressure:
		return "resource agent"
	}
	return "agent"
}

// abandon ends a conversation that did not come about.
func (l *Link) abandon() {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	_ = l.conn.Close()
	l.beside.Wait()
	l.out.Close(time.Second)
}

// handshake agrees on the version, has the agent become what it is to be, and
// measures its clock.
func (l *Link) handshake(ctx context.Context, hello order.Hello) error {
	hello.Protocol = order.Protocol
	a, err := l.call(ctx, order.Command{Hello: &hello})
	if a.Ready != nil && a.Ready.Protocol != order.Protocol {
		return fmt.Errorf("shakedown-agent speaks protocol %d, this shakedown %d: build both from one version", a.Ready.Protocol, order.Protocol)
	}
	if err != nil {
		return err
	}
	if a.Ready == nil {
		return errors.New("what answers is not shakedown-agent chaos: it was greeted and is not ready; build agent and shakedown from one version")
	}
	l.ready = *a.Ready
	best := time.Duration(-1)
	for i := range syncRounds {
		sent := l.clk.Now()
		a, err := l.ping(ctx, i+1)
		if err != nil {
			return err
		}
		if trip := a.at - sent; best < 0 || trip < best {
			best, l.offset = trip, sent+trip/2-a.Now
		}
	}
	return nil
}

// Ready is what the agent said of itself.
func (l *Link) Ready() order.Ready { return l.ready }

// Apply begins a fault and returns when it is in force. After an error it is
// not: where ctx ended, the agent is told to take it back.
func (l *Link) Apply(ctx context.Context, f order.Fault) error {
	_, err := l.call(ctx, order.Command{Apply: &f})
	if err == nil {
		return nil
	}
	if unanswered := (noAnswer{}); errors.As(err, &unanswered) {
		_ = l.out.Add(order.Command{ID: l.nextID(), Revert: f.ID}) // nobody waits for the answer
	}
	return fmt.Errorf("apply %s: %w", f.ID, err)
}

// Revert ends a fault, returns when it is gone, and gives its last counters.
func (l *Link) Revert(ctx context.Context, fault string) (map[string]int64, error) {
	a, err := l.call(ctx, order.Command{Revert: fault})
	if err != nil {
		err = fmt.Errorf("revert %s: %w", fault, err)
	}
	return a.Counters, err
}

// Probe looks at something from where the agent is.
func (l *Link) Probe(ctx context.Context, p order.Probe) (order.Reading, error) {
	a, err := l.call(ctx, order.Command{Probe: &p})
	switch {
	case err != nil:
		return order.Reading{}, fmt.Errorf("probe: %w", err)
	case a.Reading == nil:
		return order.Reading{}, fmt.Errorf("probe: the %s answered without a reading; build agent and shakedown from one version", l.name)
	}
	return *a.Reading, nil
}

// Name tells the agent who calls from an address.
func (l *Link) Name(address, name string) error {
	if _, err := l.call(context.Background(), order.Command{Name: &order.Naming{Address: address, Name: name}}); err != nil {
		return fmt.Errorf("name %s: %w", address, err)
	}
	return nil
}

// Pause stops renewing the lease for a time: what a harness that hangs does. It is for tests.
func (l *Link) Pause(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = time.Now().Add(d)
}

// Done is closed when the agent is gone.
func (l *Link) Done() <-chan struct{} { return l.done }

// Close ends the agent, which reverts everything, and waits for its end. The
// error tells what it could not revert. After it nothing reaches the sink.
func (l *Link) Close() error {
	l.mu.Lock()
	again := l.closing
	l.closing = true
	l.mu.Unlock()
	if !again {
		l.hangUp()
	}
	l.beside.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.refused...)
}

// hangUp gives the agent end of file and lets it say its last, where the
// connection can do that.
func (l *Link) hangUp() {
	l.out.Close(time.Second)
	half, ok := l.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		_ = l.conn.Close()
	}
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
		l.mu.Lock()
		l.refused = append(l.refused, fmt.Errorf("the %s did not end within %s; what it did ends with its process: stop it, or run: shakedown clean", l.name, endPatience))
		l.mu.Unlock()
	}
	_ = l.conn.Close()
}
