package gateway

import (
	"bytes"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// exchange is one request on its way through, from pick to record. It is used
// by one goroutine.
type exchange struct {
	inst  *instance
	start time.Duration
	nth   int
	early bool // the instance was not initialized, or had never been ready
	// lateStart tells that it began after Terminate.
	lateStart bool

	status  int
	reused  bool
	connAge time.Duration
	close   bool // the instance asked for a close
	failure journal.Failure
	err     error
}

// keptKind is what the cap on single requests counts separately, so that a
// flood of one kind never hides another.
type keptKind struct {
	failure                journal.Failure
	terminating, lateStart bool
	early                  bool
	reused, close          bool
}

// begin picks an instance (or takes the pinned one) and starts the account of
// an exchange with it. Without an endpoint it returns false; the exchange must
// be ended all the same.
func (g *Gateway) begin(x *exchange, pinned *instance) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	inst := pinned
	if inst == nil {
		inst = g.pick()
	}
	*x = exchange{inst: inst, start: g.clk.Now()}
	if inst == nil {
		x.inst, x.failure = g.nobody, journal.NoEndpoint
	}
	x.inst.nth++
	x.inst.inFlight++
	x.nth, x.early, x.lateStart = x.inst.nth, x.inst.uninitialized || x.inst.unproven, x.inst.terminating
	return inst != nil
}

// refuse starts the account of a request that gets an answer of the gateway's
// own because it was none: it reaches no instance.
func (g *Gateway) refuse(x *exchange, status int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nobody.inFlight++
	*x = exchange{inst: g.nobody, start: g.clk.Now(), status: status, err: err}
}

// end closes the account of an exchange: one record, whatever happened. The
// request is what the client sent.
func (g *Gateway) end(x *exchange, req *request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	inst := x.inst
	inst.inFlight--
	g.count(x, req)
	if inst.gone {
		g.flushTally(inst) // nobody else will
	}
}

// count puts an exchange that ends into the tally and, where it matters on its
// own, into the journal; g.mu is held.
func (g *Gateway) count(x *exchange, req *request) {
	inst, t := x.inst, &x.inst.tally
	t.Total++
	if len(req.id) > 0 {
		t.Driven++
	}
	if x.reused {
		t.Reused++
	} else if inst != g.nobody {
		t.New++
	}
	if x.failure == journal.NoFailure && x.status >= 500 {
		x.failure = journal.Status5xx
	}
	if x.status >= 200 && (x.failure == journal.NoFailure || x.failure == journal.Status5xx) && inst != g.nobody {
		inst.times.add(g.clk.Now() - x.start)
	}
	if x.failure != journal.NoFailure {
		if t.Failed == nil {
			t.Failed = map[journal.Failure]int{}
		}
		t.Failed[x.failure]++
	}
	stopping := inst.terminating || inst.gone
	if x.failure == journal.NoFailure && x.err == nil && !stopping && !x.early && x.nth > g.cfg.First {
		return
	}
	kind := keptKind{x.failure, stopping, x.lateStart, x.early, x.reused, x.close}
	if inst.kept[kind] < g.cfg.Cap && g.out.offer(g.requestEvent(x, req)) {
		inst.keep(kind)
		t.Individual++
		return
	}
	t.Suppressed++
}

func (i *instance) keep(kind keptKind) {
	if i.kept == nil {
		i.kept = map[keptKind]int{}
	}
	i.kept[kind]++
}

// requestEvent is the single record of an exchange that ends now.
func (g *Gateway) requestEvent(x *exchange, req *request) journal.Event {
	r := journal.Request{
		ID: string(req.id), Service: g.cfg.Service, Instance: x.inst.name,
		Method: string(req.method()), Path: pathOf(req.target()),
		Start: x.start, Status: x.status, Reused: x.reused, ConnAge: x.connAge, Close: x.close,
		Failure: x.failure,
	}
	if x.inst != g.nobody {
		r.Nth = x.nth
	}
	if x.err != nil {
		r.Error = short(x.err.Error(), 200)
	}
	return journal.Event{T: g.clk.Now(), Body: r}
}

// pathOf is the path of a request target, without query and authority.
func pathOf(target []byte) string {
	if _, rest, ok := bytes.Cut(target, []byte("://")); ok && target[0] != '/' {
		target = []byte("/")
		if slash := bytes.IndexByte(rest, '/'); slash >= 0 {
			target = rest[slash:]
		}
	}
	path, _, _ := bytes.Cut(target, []byte{'?'})
	return short(string(path), 512)
}

func short(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}

// tallies writes the tallies of every instance, interval by interval.
func (g *Gateway) tallies() {
	ticker := time.NewTicker(g.cfg.Tally)
	defer ticker.Stop()
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-ticker.C:
		}
		// An outbox that nobody empties gets no more tallies; they go on counting.
		if !g.out.full() {
			g.flushTallies()
		}
	}
}

func (g *Gateway) flushTallies() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, inst := range g.instances {
		g.flushTally(inst)
	}
	g.flushTally(g.nobody)
}

// flushTally writes the present tally of an instance, if there is anything in
// it, and begins the next; g.mu is held.
func (g *Gateway) flushTally(inst *instance) {
	now := g.clk.Now()
	t := inst.tally
	if t.Total > 0 || inst.inFlight > 0 {
		t.Service, t.Instance, t.For, t.InFlight = g.cfg.Service, inst.name, now-inst.since, inst.inFlight
		t.Times = inst.times.take()
		g.out.add(journal.Event{T: now, Body: t})
	}
	inst.tally, inst.since = journal.Tally{}, now
}
