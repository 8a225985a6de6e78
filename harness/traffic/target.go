package traffic

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/full"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
	"github.com/shakedown-dev/shakedown/harness/traffic/plain"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A target is one service: its address, what carries the requests to it, and
// whether it has ever answered.
type target struct {
	exchange.Target
	host   string // of the Host header
	limits exchange.Limits
	loop   *loop.Loop

	plain, full carrier

	answered bool
	silent   int           // exchanges in a row that nobody accepted
	since    time.Duration // when the first of them ended, on the run's clock
}

// A carrier is one of a target's engines; nil until it is needed.
type carrier struct {
	engine   exchange.Engine
	requests int
	why      []string
}

// begin hands an exchange to the engine.
func (c *carrier) begin(x *exchange.Exchange) {
	c.requests++
	c.engine.Begin(x)
}

// event is what the journal says about the engine.
func (c *carrier) event(engine, service string) journal.Engine {
	return journal.Engine{Engine: engine, Service: service, Requests: c.requests, Why: strings.Join(c.why, ", ")}
}

// limitsOf are the limits of a plan; those of a plan without any are the
// defaults of the language.
func limitsOf(c scenarios.PlannedConnections) exchange.Limits {
	if c.Max <= 0 {
		c.Max, c.Reuse = 1024, true
	}
	return exchange.Limits{Max: c.Max, Reuse: c.Reuse, MaxAge: c.MaxAge.Std(), DialRate: float64(c.DialRate)}
}

// serviceTarget is the target of a service of the stack.
func serviceTarget(name, addr string) *target {
	return &target{Target: exchange.Target{Name: name, Addr: addr}, host: addr}
}

// plannedTarget is a target that the plan itself names.
func plannedTarget(name string, p scenarios.PlannedTarget) *target {
	return &target{
		Target: exchange.Target{Name: name, Addr: p.Address, TLS: p.TLS, HTTP2: p.HTTP2, CA: p.CA, ServerName: p.Host},
		host:   p.Address,
	}
}

// carrier is what carries a request: the event loop's own engine if it can,
// else net/http. The error ends the run: the same would happen to every
// request.
func (t *target) carrier(r *exchange.Request) (*carrier, error) {
	if plain.Can(t.Target, r) {
		if t.plain.engine == nil {
			engine, err := plain.New(t.loop, t.Target, t.limits)
			if err != nil {
				return nil, fmt.Errorf("prepare connections to %s at %s: %w", t.Name, t.Addr, err)
			}
			t.plain.engine, t.plain.why = engine, []string{"HTTP/1.1 without TLS"}
		}
		return &t.plain, nil
	}
	if t.full.engine == nil {
		engine, err := full.New(t.loop, t.Target, t.limits)
		if err != nil {
			return nil, fmt.Errorf("prepare connections to %s at %s: %w", t.Name, t.Addr, err)
		}
		t.full.engine = engine
	}
	if why := t.whyFull(r); !slices.Contains(t.full.why, why) {
		t.full.why = append(t.full.why, why)
	}
	return &t.full, nil
}

// whyFull says why the event loop's own engine cannot carry a request.
func (t *target) whyFull(r *exchange.Request) string {
	switch {
	case t.HTTP2:
		return "HTTP/2"
	case t.TLS:
		return "https"
	case r.Stream != nil:
		return "streamed bodies"
	}
	return "no epoll on " + runtime.GOOS
}

// carriers are those that were needed, with the names of their engines.
func (t *target) carriers() map[string]*carrier {
	made := map[string]*carrier{}
	for name, c := range map[string]*carrier{"event loop": &t.plain, "net/http": &t.full} {
		if c.engine != nil {
			made[name] = c
		}
	}
	return made
}

// When nobody has ever answered, and so many connections in a row went
// unanswered, a run is called off that would only be noise: many, or some over
// a long time.
const (
	silentLimit = 50
	silentSome  = 5
	silentLong  = 10 * time.Second
)

// heard notes how an exchange went, and returns an error once it is plain that
// nobody is there. What the generator itself lacked is no sign of that.
func (t *target) heard(x *exchange.Exchange) error {
	switch {
	case t.answered || !attempted(x): // one that only waited for a connection is no sign either
		return nil
	case x.Err == nil:
		t.answered = true
		return nil
	case x.Sent > 0 && x.Err.Failure != journal.Reset && x.Err.Failure != journal.Closed:
		t.silent = 0 // somebody took the request
		return nil
	}
	if t.silent == 0 {
		t.since = x.Ended
	}
	t.silent++
	if t.silent < silentLimit && (t.silent < silentSome || x.Ended-t.since < silentLong) {
		return nil
	}
	return fmt.Errorf("nothing answers at %s (%s): %d connections in a row went unanswered, the last with %w; check that it listens on its port and look at its log",
		t.Addr, t.Name, t.silent, x.Err)
}

// heldBack tells whether a request waited in vain for a connection that only
// the scenario's dial rate kept from being opened.
func (t *target) heldBack(x *exchange.Exchange) bool {
	if t.limits.DialRate <= 0 || x.Sent > 0 || x.Err.Failure != journal.Timeout {
		return false
	}
	open := 0
	for _, c := range t.carriers() {
		open += c.engine.Stats().Connections
	}
	return open < t.limits.Max
}
