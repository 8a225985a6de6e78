package proxy

import (
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

const (
	// callsASecond and callsARun cap the calls that are written down one by one.
	callsASecond = 2_000
	callsARun    = 200_000
	// callsBytes bounds what one taking of Calls says of them, as JSON, so that it
	// fits a line of the protocol.
	callsBytes = order.MaxLine * 3 / 4
	// callsKept bounds those that nobody has taken yet.
	callsKept = 10 * callsASecond
)

// ledger is the account of calls.
type ledger struct {
	each     bool // written down one by one
	inFlight atomic.Int64

	mu      sync.Mutex
	since   time.Duration // of the interval under way
	sum     order.Calls
	calls   []order.Call
	written int           // one by one, in the whole run
	second  time.Duration // when the present second of the cap began
	inIt    int
	names   map[netip.Addr]string
}

// note closes the account of a call.
func (l *ledger) note(x *exchange, now time.Duration) {
	l.inFlight.Add(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.sum
	s.Total++
	if x.status == 0 || x.status == 429 || x.status >= 500 {
		s.Failed++
	}
	if x.fault != "" {
		s.Injected++
	}
	if x.wait > 0 {
		s.Told++
	}
	if x.early {
		s.Early++
	}
	if !l.each {
		return
	}
	if now-l.second >= time.Second {
		l.second, l.inIt = now, 0
	}
	if l.inIt >= callsASecond || l.written >= callsARun || len(l.calls) >= callsKept {
		s.Suppressed++
		return
	}
	l.inIt++
	l.written++
	l.calls = append(l.calls, order.Call{
		At: x.start, Took: now - x.start, Caller: l.caller(x.c.addr), ID: text(x.id, 32),
		Method: text(x.method, 32), Path: text(x.path, 256), Key: text(x.key, 128),
		Status: x.status, Fault: x.fault, Wait: x.wait, Early: x.early, Effect: x.effect,
	})
}

// caller is the name of an address; l.mu is held.
func (l *ledger) caller(a netip.Addr) string {
	if name, ok := l.names[a]; ok {
		return name
	}
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// name says who calls from an address.
func (l *ledger) name(a netip.Addr, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.names = map[netip.Addr]string{}
	}
	l.names[a] = name
}

// take gives the interval since it was taken last, and begins the next one. Calls
// that do not fit stay for the next.
func (l *ledger) take(now time.Duration) order.Calls {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sum
	s.At, s.For, s.InFlight = now, now-l.since, int(l.inFlight.Load())
	size, n := 0, 0
	for n < len(l.calls) {
		if size += jsonSize(&l.calls[n]); size > callsBytes {
			break
		}
		n++
	}
	if n > 0 {
		s.Calls = l.calls[:n:n]
	}
	l.calls = append([]order.Call(nil), l.calls[n:]...)
	l.since, l.sum = now, order.Calls{}
	return s
}

// jsonSize is no less than what a call takes as JSON.
func jsonSize(c *order.Call) int {
	size := 256 // names, numbers and punctuation
	for _, s := range []string{c.Caller, c.ID, c.Method, c.Path, c.Key, c.Fault} {
		for i := range len(s) {
			if b := s[i]; b < ' ' || b > '~' || strings.IndexByte(`<>&"\`, b) >= 0 {
				size += 5
			}
			size++
		}
	}
	return size
}

// text is a copy of bytes, of bounded length.
func text(b []byte, limit int) string {
	if len(b) > limit {
		return string(b[:limit]) + "…"
	}
	switch string(b) { // the usual ones cost nothing
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	}
	return string(b)
}
