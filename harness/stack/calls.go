package stack

import (
	"context"
	"time"

	agentlink "github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
)

// proxySink journals the calls that a proxy tells of; the rest goes to whoever
// was configured.
func (s *Stack) proxySink(service string) agentlink.Sink {
	sink := agentlink.Sink{}
	if s.cfg.Proxies != nil {
		sink = s.cfg.Proxies(service)
	}
	also := sink.Calls
	sink.Calls = func(c order.Calls) {
		s.cfg.Emit(journal.Event{T: c.At, Body: s.journaled(service, c)})
		if also != nil {
			also(c)
		}
	}
	return sink
}

// journaled puts calls into the words of the journal; callers that are still
// addresses get the names of the instances that have them.
func (s *Stack) journaled(service string, c order.Calls) journal.Calls {
	calls := journal.Calls{
		Service: service, For: c.For, Total: c.Total, Failed: c.Failed, Injected: c.Injected,
		Told: c.Told, Early: c.Early, InFlight: c.InFlight, Suppressed: c.Suppressed,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range c.Calls {
		if name, ok := s.callers[one.Caller]; ok {
			one.Caller = name
		}
		calls.Calls = append(calls.Calls, journal.Call(one))
	}
	return calls
}

// namingPatience bounds the question for the addresses of an instance.
const namingPatience = 5 * time.Second

// introduce finds out beside everything else which addresses an instance has
// that has just started, and tells the proxies who that is.
func (s *Stack) introduce(i *instance) {
	locator, ok := s.cfg.Platform.(platform.Locator)
	if !ok || i.agent || len(s.layout.fronts()) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.background.Go(func() {
		ctx, cancel := context.WithTimeout(s.life, namingPatience)
		defer cancel()
		addresses, err := locator.Addresses(ctx, i.name)
		if err != nil {
			return // it is gone again; its calls keep their address
		}
		for _, address := range addresses {
			s.named(address.IP.String(), i.name)
		}
	})
}

// named takes in who has an address, and tells the proxies.
func (s *Stack) named(address, name string) {
	s.mu.Lock()
	s.callers[address] = name
	var tell []chaosLink
	for _, l := range s.proxies {
		tell = append(tell, l)
	}
	s.mu.Unlock()
	for _, l := range tell {
		_ = l.Name(address, name) // it is only for the record
	}
}
