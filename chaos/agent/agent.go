// Package agent is what shakedown-agent chaos runs: it takes commands from the
// harness, has injectors carry them out, and takes everything back when its
// input ends or it has not heard anything for a lease. See order.Protocol.
package agent

import (
	"context"
	"encoding/json"
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
	// reportPeriod is how often counters of faults in force are told.
	reportPeriod = time.Second
	// endPatience bounds the revert at the end; what hangs then ends with the process.
	endPatience = 5 * time.Second
	// farewell is how long a harness that reads slowly is waited for at the end.
	farewell = time.Second
)

// Deps makes an agent into what it is to be.
type Deps struct {
	// Become is called once, with the greeting. It returns when everything that was
	// asked for is in place.
	Become func(order.Hello, Voice) (Body, error)
}

// Voice is how the parts of an agent say something by themselves. Its functions
// never block and may be called from anywhere.
type Voice struct {
	Clock clock.Clock // of the times in what is said
	// Calls tells what a proxy has seen. Where the harness reads too slowly, calls are
	// told in fewer words: their numbers are added up and the single ones suppressed.
	Calls func(order.Calls)
	// Failed tells that a fault in force no longer works; the agent takes it back.
	Failed func(fault string, why error)
}

// Body is what an agent is made of.
type Body struct {
	Ready order.Ready // Protocol is filled in
	// Injector does such a fault; an error says why nobody here does.
	Injector func(order.Fault) (order.Injector, error)
	// Name is told who calls from an address; nil where nobody wants to know.
	Name func(order.Naming) error
	// Held are the bytes that the agent uses up on purpose; nil for none.
	Held func() int64
	// Close releases everything, after the faults were reverted; nil for nothing.
	Close func() error
}

// Serve is driven by in and answers on out. It returns when in ends, after
// everything was reverted; an error says that in was not the protocol, or what
// could not be reverted in time. The process should end then: it may have left
// something to that.
func Serve(in io.Reader, out io.Writer, deps Deps) error {
	a := &agent{out: lines.NewOutbox(out), clk: clock.Start(), deps: deps, faults: map[string]*held{}, stop: make(chan struct{})}
	a.life, a.end = context.WithCancel(context.Background())
	err := a.listen(lines.NewReader(in))
	return errors.Join(err, a.close())
}

// agent is the far end of a link.Link.
type agent struct {
	out    *lines.Outbox
	clk    clock.Clock
	deps   Deps
	body   Body
	lease  *time.Timer // nil before the greeting
	length time.Duration
	life   context.Context
	end    context.CancelFunc
	stop   chan struct{}  // ends reporting
	beside sync.WaitGroup // everything but the reading

	mu     sync.Mutex
	faults map[string]*held
	number int // of the last fault
	untold *order.Calls
}

// listen carries out commands until there are no more.
func (a *agent) listen(in *lines.Reader) error {
	for {
		line, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read commands: %w", err)
		}
		if a.lease != nil {
			a.lease.Reset(a.length)
		}
		if err := a.hear(line); err != nil {
			return fmt.Errorf("read commands: %w", err)
		}
	}
}

// hear takes one line. What is not understood is answered, what is not even an
// object is somebody else speaking and ends the agent.
func (a *agent) hear(line []byte) error {
	var c order.Command
	err := lines.Decode(line, &c)
	if err == nil {
		a.obey(c)
		return nil
	}
	var known struct {
		ID    int `json:"id"`
		Hello *struct {
			Protocol int `json:"protocol"`
		} `json:"hello"`
	}
	if json.Unmarshal(line, &known) != nil {
		return fmt.Errorf("%q is not one: %w", lines.Short(line), err)
	}
	if known.Hello != nil && known.Hello.Protocol != order.Protocol {
		a.answer(mismatch(known.ID, known.Hello.Protocol))
		return nil
	}
	a.answer(order.Reply{ID: known.ID, Error: fmt.Sprintf("not understood, so nothing was done: %v (in %s)", err, lines.Short(line))})
	return nil
}

// obey carries out a command. All that takes time is done beside the reading.
func (a *agent) obey(c order.Command) {
	switch {
	case wants(c) != 1:
		a.answer(order.Reply{ID: c.ID, Error: fmt.Sprintf("a command has one member that says what is wanted; this one has %d", wants(c))})
	case c.Hello != nil:
		a.answer(a.greeted(c.ID, *c.Hello))
	case c.Ping != 0:
		a.answer(order.Reply{Pong: c.Ping, Now: a.clk.Now()})
	case c.Renew: // it has been heard
	case a.lease == nil:
		a.answer(order.Reply{ID: c.ID, Error: "a conversation begins with hello"})
	case c.Apply != nil:
		a.apply(c.ID, *c.Apply)
	case c.Revert != "":
		a.revert(c.ID, c.Revert)
	case c.Probe != nil:
		a.beside.Go(func() {
			reading := a.look(*c.Probe)
			a.answer(order.Reply{ID: c.ID, Reading: &reading})
		})
	case c.Name != nil:
		var err error
		if a.body.Name != nil {
			err = a.body.Name(*c.Name)
		}
		a.answer(order.Reply{ID: c.ID, Error: text(err)})
	}
}

// wants counts what a command wants.
func wants(c order.Command) (n int) {
	for _, set := range []bool{c.Hello != nil, c.Ping != 0, c.Renew, c.Apply != nil, c.Revert != "", c.Probe != nil, c.Name != nil} {
		if set {
			n++
		}
	}
	return n
}

// greeted has the agent become what it is to be; reading waits for that.
func (a *agent) greeted(id int, hello order.Hello) order.Reply {
	failure := ""
	switch {
	case hello.Protocol != order.Protocol:
		return mismatch(id, hello.Protocol)
	case a.lease != nil:
		failure = "it was greeted before"
	case hello.Lease <= 0:
		failure = fmt.Sprintf("a lease of %s is none", hello.Lease)
	case sorts(hello) > 1:
		failure = "an agent is of one sort: proxy, namespace or pressure"
	}
	if failure != "" {
		return order.Reply{ID: id, Error: failure}
	}
	body, err := a.deps.Become(hello, Voice{Clock: a.clk, Calls: a.calls, Failed: a.failed})
	if err != nil {
		return order.Reply{ID: id, Error: err.Error()}
	}
	body.Ready.Protocol = order.Protocol
	a.body = body
	a.length = hello.Lease
	a.lease = time.AfterFunc(a.length, func() { _ = a.takeBack("lease") }) // the harness is told
	a.beside.Go(a.report)
	return order.Reply{ID: id, Ready: &body.Ready}
}

func sorts(hello order.Hello) (n int) {
	for _, set := range []bool{hello.Proxy != nil, hello.Namespace, hello.Pressure} {
		if set {
			n++
		}
	}
	return n
}

func mismatch(id, theirs int) order.Reply {
	return order.Reply{ID: id, Ready: &order.Ready{Protocol: order.Protocol},
		Error: fmt.Sprintf("shakedown-agent speaks protocol %d, the harness %d: build both from one version", order.Protocol, theirs)}
}

// answer says something that the harness waits for. Whether it is heard is no
// matter: if not, the end of in follows.
func (a *agent) answer(r order.Reply) {
	err := a.out.Add(r)
	if err != nil && r.ID != 0 {
		_ = a.out.Add(order.Reply{ID: r.ID, Error: "the answer cannot be sent: " + err.Error()})
	}
}

// close takes everything back and releases it.
func (a *agent) close() error {
	if a.lease != nil {
		a.lease.Stop()
	}
	close(a.stop)
	a.end()
	errs := make(chan error, 1)
	go func() {
		err := a.takeBack("end")
		if a.body.Close != nil {
			err = errors.Join(err, a.body.Close())
		}
		a.beside.Wait()
		errs <- err
	}()
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	defer a.out.Close(farewell)
	select {
	case err := <-errs:
		return err
	case <-timer.C:
		return fmt.Errorf("not everything was reverted within %s; what is left ends with this process", endPatience)
	}
}
