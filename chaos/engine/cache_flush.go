package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/pressure"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var cacheFlushKind = Kind{
	Name: "cache_flush", Group: data, Revert: Irreversible, Backends: []string{backendHelper, backendEngine},
	Summary:  "a cache is emptied, with FLUSHALL or with a request of its own",
	Evidence: "the number of keys before and after; the status of the answer",
	ways: func(f scenarios.PlannedFault, on Ground) ([]way, error) {
		switch {
		case f.Spec.CacheFlush != nil && f.Spec.CacheFlush.Request != "":
			return []way{{backend: backendEngine, revert: Irreversible, deed: func(h *hold) deed { return &purged{hold: h} }}}, nil
		case on.Platform == "process":
			return []way{{backend: backendEngine, revert: Irreversible, deed: func(h *hold) deed { return &flushed{hold: h, by: pressure.New()} }}}, nil
		}
		w := agentDoes(backendHelper, Irreversible, inNetwork, []Need{NetAdmin}, func(o *ordered) error {
			at, err := o.cacheAt("127.0.0.1")
			o.fault.Flush = &order.Flush{Address: at}
			return err
		})
		return []way{w}, nil
	},
	looks: func(h *hold) []look {
		switch d := h.deed.(type) {
		case *ordered:
			return []look{{key: "keys", what: "keys in " + h.target, take: func(ctx context.Context) order.Reading {
				at, err := h.cacheAt("127.0.0.1")
				if err != nil {
					return order.Reading{Error: err.Error()}
				}
				return d.probe(ctx, order.Probe{Redis: at})
			}}}
		case *flushed:
			return []look{{key: "keys", what: "keys in " + h.target, take: d.keys}}
		}
		return nil
	},
	effect: func(e evidence) (string, string) {
		before, ok := value(e.before, "keys")
		if keys, told := e.counters["keys"]; told {
			before, ok = float64(keys), true
		}
		switch {
		case ok && before == 0:
			return journal.FaultNoEffect, "the cache was empty before"
		case ok:
			return journal.FaultApplied, fmt.Sprintf("%.0f keys were in it before", before)
		case failed(e.before, "keys") != "":
			return journal.FaultApplied, e.target + " confirmed it; how many keys there were nobody could see: " + failed(e.before, "keys")
		}
		return journal.FaultApplied, e.target + " confirmed that it is empty"
	},
	gone: func(e evidence) (bool, string) {
		if after, ok := value(e.after, "keys"); ok {
			return true, fmt.Sprintf("nothing to revert: it fills by itself, %.0f keys are in it again", after)
		}
		return true, "nothing to revert: it fills by itself"
	},
}

// cacheAt is where a cache listens.
func (h *hold) cacheAt(host string) (string, error) {
	port := h.run.e.sys.Port(h.service)
	if c := h.run.plan.Spec.CacheFlush; c != nil && c.Port != 0 {
		port = c.Port
	}
	if port == 0 {
		return "", fmt.Errorf("%s exposes no port; write port", h.service)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// purged is a cache that is emptied by a request.
type purged struct{ *hold }

func (p *purged) begin(ctx context.Context) error {
	c := p.run.plan.Spec.CacheFlush
	method, path, ok := strings.Cut(c.Request, " ")
	if !ok {
		return fmt.Errorf("request %q has no method; write it like POST /purge", c.Request)
	}
	status, err := p.run.e.sys.Fetch(ctx, p.target, method, strings.TrimSpace(path), c.Headers)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", c.Request, err)
	case status >= 300:
		return fmt.Errorf("%s: status %d", c.Request, status)
	}
	return nil
}

func (p *purged) end(context.Context) error { return nil }

// flushed is a cache on loopback that the engine itself empties.
type flushed struct {
	*hold
	by *pressure.Injector
	mu sync.Mutex
	at string
}

func (f *flushed) ready(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at != "" {
		return nil
	}
	addresses, err := f.run.e.sys.Addresses(ctx, f.target)
	if err != nil {
		return err
	}
	if len(addresses) == 0 {
		return errors.New(f.target + " has no address")
	}
	f.at, err = f.cacheAt(addresses[0].String())
	return err
}

func (f *flushed) begin(ctx context.Context) error {
	if err := f.ready(ctx); err != nil {
		return err
	}
	return f.by.Apply(order.Fault{ID: f.run.plan.ID, Flush: &order.Flush{Address: f.at}})
}

func (f *flushed) end(context.Context) error { return f.by.Close() }

func (f *flushed) keys(ctx context.Context) order.Reading {
	if err := f.ready(ctx); err != nil {
		return order.Reading{Error: err.Error()}
	}
	n, err := pressure.Keys(ctx, f.at)
	if err != nil {
		return order.Reading{Error: err.Error()}
	}
	return order.Reading{Value: float64(n)}
}
