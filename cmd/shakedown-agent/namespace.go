package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"

	"github.com/shakedown-dev/shakedown/chaos/agent"
	"github.com/shakedown-dev/shakedown/chaos/netfault"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/pressure"
	"github.com/shakedown-dev/shakedown/chaos/proxy"
)

// inNamespace does faults in the network namespace of a target: of packets and
// of look-ups, of requests that it sends elsewhere, and of caches that it reaches.
func inNamespace(from *order.Authority, _ agent.Voice) (agent.Body, error) {
	space, err := netfault.Open(netfault.Config{})
	if err != nil {
		return agent.Body{}, fmt.Errorf("the network of the target: %w", err)
	}
	out, err := openEgress(space, from)
	if err != nil {
		return agent.Body{}, errors.Join(err, space.Close())
	}
	caches := pressure.New()
	return agent.Body{
		Ready: order.Ready{Can: space.Can()},
		Injector: func(f order.Fault) (order.Injector, error) {
			switch {
			case f.Packets != nil, f.DNS != nil:
				return space, nil
			case f.HTTP != nil && f.HTTP.Egress != nil:
				return out, nil
			case f.Flush != nil:
				return caches, nil
			}
			return nil, fmt.Errorf("%s: a network agent does not do this; it takes a proxy or an agent for resources", f.ID)
		},
		Close: func() error { return errors.Join(out.Close(), space.Close(), caches.Close()) },
	}, nil
}

// egress does faults of requests that the target sends elsewhere: the kernel
// leads them to a proxy in this process, whose own connections it spares.
type egress struct {
	space *netfault.Namespace
	proxy *proxy.Proxy
	port  int
}

var _ order.Injector = (*egress)(nil)

// openEgress listens before there are faults, so that none has to wait for that.
func openEgress(space *netfault.Namespace, from *order.Authority) (*egress, error) {
	cfg := proxy.Config{Service: "egress", OriginalDst: netfault.OriginalDst, Dial: dialing(space.Dialer())}
	if err := addAuthority(&cfg, from); err != nil {
		return nil, err
	}
	p, err := proxy.New(cfg)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	serve(p, l)
	e := &egress{space: space, proxy: p, port: l.Addr().(*net.TCPAddr).Port}
	// Many containers have no IPv6: then nothing can be sent there either.
	if six, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(e.port))); err == nil {
		serve(p, six)
	}
	return e, nil
}

func dialing(d *net.Dialer) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, to string) (net.Conn, error) { return d.DialContext(ctx, "tcp", to) }
}

// Apply implements order.Injector. The proxy has the fault before anything gets there.
func (e *egress) Apply(f order.Fault) error {
	if err := e.proxy.Apply(f); err != nil {
		return err
	}
	if err := e.space.Redirect(f.ID, *f.HTTP.Egress, e.port, f.HTTP.Existing); err != nil {
		_, undone := e.proxy.Revert(f.ID)
		return errors.Join(err, undone)
	}
	return nil
}

// Revert implements order.Injector. Nothing more gets to the proxy when its
// fault ends; what goes through it goes on without.
func (e *egress) Revert(id string) (map[string]int64, error) {
	redirected, err := e.space.Revert(id)
	counters, failed := e.proxy.Revert(id)
	return together(counters, redirected), errors.Join(err, failed)
}

// Counters implements order.Injector: those of the proxy, and connections that
// were "redirected" and, because they were there before, "moved" by a reset.
func (e *egress) Counters() map[string]map[string]int64 {
	redirected := e.space.Counters()
	all := map[string]map[string]int64{}
	for id, counters := range e.proxy.Counters() {
		all[id] = together(counters, redirected[id])
	}
	return all
}

func together(counters, redirected map[string]int64) map[string]int64 {
	if counters == nil && redirected == nil {
		return nil
	}
	all := map[string]int64{}
	maps.Copy(all, counters)
	for name, as := range map[string]string{"connections": "redirected", "reset": "moved"} {
		if n, ok := redirected[name]; ok {
			all[as] = n
		}
	}
	return all
}

// Close implements order.Injector. The redirects are the namespace's to end.
func (e *egress) Close() error {
	var errs []error
	for id := range e.proxy.Counters() {
		_, err := e.space.Revert(id)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, e.proxy.Close())...)
}
