package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// stage is the place of a fault among those that are done to one request.
type stage int

// The stages, in the order in which they are gone through. Within a stage faults
// go by the order in which they were applied. The first that answers or cuts
// ends it; what holds up adds up; what is done to bodies is done to what
// the stage before left of them.
const (
	handshaking  stage = iota // of TLS: not of a request
	out                       // outage, flapping
	limiting                  // rate limit
	delaying                  // latency, brownout
	failing                   // errors before the work
	aborting                  // abort before the work
	failingLate               // errors after the work
	abortingLate              // abort after the work
	corrupting
	truncating
	slowing
)

// fault is one that is in force.
type fault struct {
	order.HTTP
	id     string
	seed   uint64
	number int // the order of application
	stage  stage
	begun  time.Duration // of the proxy's clock
	lasts  time.Duration
	// newer is the number of the last connection that is spared, 0 for none.
	newer uint64
	// down is set while an outage is; flapping comes and goes.
	down    atomic.Pointer[spell]
	flapped chan struct{} // closed when flapping has stopped

	errors *mix
	bucket *bucket

	// ordinal counts the requests that it could have been done to; each decision is
	// drawn from the seed and this number, and so is the same whatever else happens.
	ordinal atomic.Uint64

	requests, injected, connections, reset, held, delayed, told, early, bytes atomic.Int64

	mu    sync.Mutex
	users int
	ended bool
	over  chan struct{} // closed when the revert begins
	idle  chan struct{} // closed when nobody uses it any more, after that
}

// spell is one time of being down; over is closed at its end.
type spell struct {
	as   string
	over chan struct{}
}

// enter begins an injection; when it returns false the fault is over and must
// not be done. Between enter and leave nothing may wait for anything but over.
func (f *fault) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return false
	}
	f.users++
	return true
}

func (f *fault) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 && f.ended {
		close(f.idle)
	}
}

// end makes it over and waits until nobody does it any more.
func (f *fault) end() {
	f.mu.Lock()
	f.ended = true
	close(f.over)
	if f.users == 0 {
		close(f.idle)
	}
	f.mu.Unlock()
	<-f.idle
}

// counters are what it has counted; all of a kind's are there from the beginning.
func (f *fault) counters() map[string]int64 {
	c := map[string]int64{"requests": f.requests.Load(), "injected": f.injected.Load()}
	for name, n := range map[string]*atomic.Int64{
		"connections": &f.connections, "reset": &f.reset, "held": &f.held, "delayed": &f.delayed,
		"told": &f.told, "early": &f.early, "bytes": &f.bytes,
	} {
		if v := n.Load(); v > 0 {
			c[name] = v
		}
	}
	return c
}

// meets tells whether it is done to that connection at all.
func (f *fault) meets(c *conn) bool {
	return c.number > f.newer && (f.Egress == nil || f.goesTo(c.dst, c.name()))
}

// goesTo tells whether it is meant for what goes to that address, and by that name.
func (f *fault) goesTo(dst netip.AddrPort, sni string) bool {
	e := f.Egress
	if e.Port != 0 && e.Port != int(dst.Port()) || len(e.Addresses) > 0 && !slices.Contains(e.Addresses, dst.Addr()) {
		return false
	}
	if sni == "" || e.Host == "" {
		return true
	}
	if _, err := netip.ParseAddr(e.Host); err == nil {
		return true
	}
	return strings.EqualFold(strings.TrimSuffix(e.Host, "."), sni)
}

// takes tells whether a request is one of those that it narrows to.
func (f *fault) takes(method, path []byte) bool {
	m := &f.Match
	return (m.Method == "" || m.Method == string(method)) && (m.Path == "" || bytes.HasPrefix(path, []byte(m.Path)))
}

// whole tells whether it narrows to nothing that only requests have.
func (f *fault) whole() bool { return f.Match.Method == "" && f.Match.Path == "" }

// named tells whether a list of names, or of what names end in, holds this one;
// an empty list holds all.
func named(list *order.TLSNames, sni string) bool {
	return len(list.Names) == 0 || slices.ContainsFunc(list.Names, func(name string) bool {
		name = strings.ToLower(strings.Trim(name, "."))
		return sni == name || strings.HasSuffix(sni, "."+name)
	})
}

// newFault checks an order and makes a fault of it.
func newFault(o order.Fault) (*fault, error) {
	if o.ID == "" {
		return nil, errors.New("it has no ID")
	}
	if o.HTTP == nil {
		return nil, errors.New("a proxy does faults of HTTP and of third parties only")
	}
	f := &fault{HTTP: *o.HTTP, id: o.ID, seed: o.Seed, lasts: o.For, over: make(chan struct{}), idle: make(chan struct{}), flapped: make(chan struct{})}
	if f.Egress != nil { // as connections are seen
		e := *f.Egress
		e.Addresses = slices.Clone(e.Addresses)
		for i, a := range e.Addresses {
			e.Addresses[i] = a.Unmap()
		}
		f.Egress = &e
	}
	switch f.Existing {
	case "", order.ResetExisting, order.SpareExisting, order.DrainExisting:
	default:
		return nil, fmt.Errorf("existing connections cannot be %q", f.Existing)
	}
	if s := f.Match.Share; s < 0 || s > 1 {
		return nil, fmt.Errorf("a share of %g is not between 0 and 1", s)
	}
	kinds := 0
	for _, k := range f.kinds() {
		if !k.set {
			continue
		}
		kinds++
		f.stage = k.stage
		if err := k.check(); err != nil {
			return nil, err
		}
	}
	if kinds != 1 {
		return nil, fmt.Errorf("it is of %d kinds, which must be one", kinds)
	}
	return f, nil
}

// kind is one of the members of an order.
type kind struct {
	set   bool
	stage stage
	check func() error
}

func (f *fault) kinds() []kind {
	return []kind{
		{f.Latency != nil, delaying, func() error { return checkLatency(*f.Latency) }},
		{f.Errors != nil, late(f.Errors != nil && f.Errors.AfterWork, failing, failingLate), f.checkErrors},
		{f.Abort != nil, late(f.Abort != nil && f.Abort.AfterWork, aborting, abortingLate), fine},
		{f.SlowBody != nil, slowing, func() error { return positive("rate", f.SlowBody.Rate) }},
		{f.Truncate != nil, truncating, func() error { return positive("length", f.Truncate.After+1) }},
		{f.Corrupt != nil, corrupting, fine},
		{f.Brownout != nil, delaying, f.checkBrownout},
		{f.Flapping != nil, out, f.checkFlapping},
		{f.RateLimit != nil, limiting, f.checkRateLimit},
		{f.Outage != nil, out, func() (err error) { f.Outage, err = f.checkedOutage(*f.Outage); return err }},
		{f.Handshake != nil, handshaking, func() error { return positive("delay", int64(f.Handshake.Delay)) }},
		{f.TLSReset != nil, handshaking, fine},
		{f.Expired != nil, handshaking, fine},
	}
}

func fine() error { return nil }

func late(after bool, early, later stage) stage {
	if after {
		return later
	}
	return early
}

func positive(what string, n int64) error {
	if n <= 0 {
		return fmt.Errorf("its %s of %d is not above zero", what, n)
	}
	return nil
}

func checkLatency(l order.Latency) error {
	if l.P50 < 0 || l.P99 < 0 || l.P99 > 0 && l.P99 < l.P50 {
		return fmt.Errorf("no distribution has a p50 of %s and a p99 of %s", l.P50, l.P99)
	}
	return nil
}

func (f *fault) checkBrownout() error {
	b := f.Brownout
	if b.PerRequest < 0 || b.Peak < 0 {
		return fmt.Errorf("a brownout does not get faster: %s a request, %gx at the end", b.PerRequest, b.Peak)
	}
	return checkLatency(b.Latency)
}

func (f *fault) checkFlapping() error {
	if f.Flapping.Down <= 0 || f.Flapping.Up <= 0 {
		return fmt.Errorf("down for %s and up for %s is not flapping", f.Flapping.Down, f.Flapping.Up)
	}
	checked, err := f.checkedOutage(order.Outage{As: f.Flapping.As})
	if err != nil {
		return err
	}
	flapping := *f.Flapping
	flapping.As, f.Flapping = checked.As, &flapping
	return nil
}

// checkedOutage gives an outage its default.
func (f *fault) checkedOutage(o order.Outage) (*order.Outage, error) {
	switch o.As {
	case "":
		o.As = order.AsStatus
	case order.AsStatus, order.AsReset, order.AsHang:
	case order.AsRefuse:
		if f.Match != (order.Match{}) {
			return nil, errors.New("connections are refused before any request on them is known: it cannot be narrowed to some")
		}
	default:
		return nil, fmt.Errorf("an outage as %q is none", o.As)
	}
	return &o, nil
}

func (f *fault) checkErrors() error {
	f.errors = &mix{retryAfter: seconds(f.Errors.RetryAfter)}
	for _, status := range slices.Sorted(maps.Keys(f.Errors.Statuses)) {
		weight := f.Errors.Statuses[status]
		if status < 200 || status > 599 || weight < 0 {
			return fmt.Errorf("status %d with weight %d is no answer", status, weight)
		}
		f.errors.add(status, weight)
	}
	if f.errors.total == 0 {
		f.errors.add(503, 1)
	}
	return nil
}

func (f *fault) checkRateLimit() error {
	l := f.RateLimit
	if l.Rate < 0 || l.Burst < 0 || l.RetryAfter < 0 {
		return fmt.Errorf("no limit has a rate of %g, a burst of %d and a wait of %s", l.Rate, l.Burst, l.RetryAfter)
	}
	f.bucket = newBucket(l.Rate, l.Burst)
	return nil
}
