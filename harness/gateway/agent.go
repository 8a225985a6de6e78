package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// closeMargin is how much longer than Config.Drain the shutdown may take.
const closeMargin = 3 * time.Second

// ServeAgent runs one gateway for a harness at the other end of in and out,
// which speak the protocol above. It returns when in ends or the harness asks
// for it, after the gateway was closed; an error only if in broke or was not
// the protocol.
func ServeAgent(in io.Reader, out io.Writer) error {
	a := &agent{out: &lineWriter{w: out}, clk: clock.Start()}
	defer a.close()
	lines := newLineReader(in)
	for {
		line, err := lines.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read commands: %w", err)
		}
		var c command
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("read commands: %q is not one: %w", short(string(line), 80), err)
		}
		if a.handle(c) {
			return nil
		}
	}
}

// agent is the far end of a Link.
type agent struct {
	out     *lineWriter
	clk     clock.Clock
	gateway *Gateway
	drain   time.Duration
	hook    *hook          // nil where no sessions are announced
	beside  sync.WaitGroup // fetches
}

// handle carries out a command and answers it, a fetch beside the next ones. It
// returns true after the last. An answer that cannot be written is no matter: the
// end of in follows.
func (a *agent) handle(c command) (last bool) {
	r := reply{ID: c.ID}
	switch {
	case c.Answer != nil:
		if a.hook != nil {
			a.hook.answered(c.Session, *c.Answer)
		}
		return false
	case c.Fetch != nil && a.gateway != nil:
		a.beside.Go(func() { a.fetch(c) })
		return false
	case c.Hello != 0:
		r.Hello = Protocol
	case c.Ping != 0:
		r.Pong, r.Now = c.Ping, a.clk.Now()
	case c.Config != nil:
		r.Listening, r.Error = a.start(*c.Config)
	case c.Close:
		a.close()
		last = true
	default:
		r.Status, r.Error = a.apply(c)
	}
	_ = a.out.write(r)
	return last
}

// start opens the gateway.
func (a *agent) start(cfg Config) (listening, failure string) {
	if a.gateway != nil {
		return "", "the gateway of " + a.gateway.cfg.Service + " is running already"
	}
	g, err := New(cfg, a.clk, a.emit)
	if err != nil {
		return "", err.Error()
	}
	if cfg.Hook != "" {
		if a.hook, err = openHook(cfg, a.announce); err != nil {
			_ = g.Close()
			return "", err.Error()
		}
	}
	a.gateway, a.drain = g, g.cfg.Drain
	return g.Listening(), ""
}

// announce tells the harness of a session, in one line with its event: it is on
// record before it is answered.
func (a *agent) announce(id int, signal journal.SessionSignal) error {
	line, err := encodeEvent(journal.Event{T: a.clk.Now(), Body: signal})
	if err != nil {
		return err
	}
	return a.out.write(reply{Event: line, Session: id})
}

// fetch gets a page and answers with it.
func (a *agent) fetch(c command) {
	r := reply{ID: c.ID}
	if page, err := a.gateway.Send(c.Fetch.Addr, c.Fetch.Letter); err != nil {
		r.Error = err.Error()
	} else {
		r.Page = &page
	}
	_ = a.out.write(r)
}

// apply carries out a command to the gateway.
func (a *agent) apply(c command) (status, failure string) {
	var err error
	switch {
	case a.gateway == nil:
		err = errors.New("there is no gateway yet: send its config first")
	case c.Add != nil:
		err = a.gateway.Add(c.Add.Instance, c.Add.Addr)
	case c.Hold != nil:
		err = a.gateway.Hold(c.Hold.Instance, c.Hold.Addr)
	case c.Switch != nil:
		err = a.gateway.Switch(c.Switch.To, c.Switch.Lag)
	case c.Terminate != nil:
		err = a.gateway.Terminate(c.Terminate.Instance, c.Terminate.Lag)
	case c.Exited != "":
		err = a.gateway.Exited(c.Exited)
	case c.Remove != "":
		err = a.gateway.Remove(c.Remove)
	case c.Status != "":
		return a.gateway.Status(c.Status), ""
	default:
		err = errors.New("a command that this version does not know")
	}
	if err != nil {
		return "", err.Error()
	}
	return "", ""
}

func (a *agent) emit(e journal.Event) {
	if line, err := encodeEvent(e); err == nil {
		_ = a.out.write(reply{Event: line})
	}
}

// close closes the gateway. Should nobody read what it still has to say, it is
// given up after a while, so that an agent never outlives its harness.
func (a *agent) close() {
	if a.gateway == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if a.hook != nil {
			a.hook.close()
		}
		_ = a.gateway.Close()
		a.beside.Wait()
	}()
	select {
	case <-done:
	case <-time.After(a.drain + closeMargin):
	}
}
