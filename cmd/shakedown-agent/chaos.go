package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/agent"
	"github.com/shakedown-dev/shakedown/chaos/authority"
	"github.com/shakedown-dev/shakedown/chaos/netfault"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/pressure"
	"github.com/shakedown-dev/shakedown/chaos/proxy"
	"github.com/shakedown-dev/shakedown/chaos/simulator"
)

const (
	// callsPeriod is how often a proxy tells of calls.
	callsPeriod = time.Second
	// hangPatience is how long after the end of the input this process may go on.
	// Whatever hangs then: the kernel takes back what is left when it ends.
	hangPatience = 8 * time.Second
)

// runChaos does faults until the input ends or SIGTERM comes.
func runChaos() error {
	in := untilTold(func() {
		time.AfterFunc(hangPatience, func() {
			fmt.Fprintln(os.Stderr, "shakedown-agent chaos: something hangs; the kernel takes back what is left")
			os.Exit(1)
		})
	})
	return agent.Serve(in, os.Stdout, agent.Deps{Become: become})
}

// become makes the agent into what the harness wants.
func become(hello order.Hello, voice agent.Voice) (agent.Body, error) {
	switch {
	case hello.Proxy != nil:
		return inFront(*hello.Proxy, hello.Authority, voice)
	case hello.Namespace:
		return inNamespace(hello.Authority, voice)
	case hello.Pressure:
		return withResources(), nil
	}
	can := netfault.Probe()
	for what, why := range pressure.Can() {
		can[what] = why
	}
	return agent.Body{
		Ready: order.Ready{Can: can},
		Injector: func(order.Fault) (order.Injector, error) {
			return nil, errors.New("this agent only tells what it can do")
		},
	}, nil
}

// withResources uses up what the control group, or the volume, has.
func withResources() agent.Body {
	p := pressure.New()
	return agent.Body{
		Ready: order.Ready{Can: pressure.Can()},
		Injector: func(f order.Fault) (order.Injector, error) {
			if f.Pressure == nil && f.Flush == nil {
				return nil, fmt.Errorf("%s: an agent for resources does not do this; it takes a network agent or a proxy", f.ID)
			}
			return p, nil
		},
		Held:  p.Held,
		Close: p.Close,
	}
}

// inFront is a proxy in front of a service, or a third party.
func inFront(p order.Proxy, from *order.Authority, voice agent.Voice) (agent.Body, error) {
	cfg := proxy.Config{
		Service: p.Service, Upstream: p.Upstream, KeyHeader: p.KeyHeader, WriteCalls: p.Calls, Now: voice.Clock.Now,
	}
	if err := addAuthority(&cfg, from); err != nil {
		return agent.Body{}, err
	}
	if third := p.ThirdParty; third != nil {
		s, err := simulator.New(*third, p.KeyHeader, p.Seed)
		if err != nil {
			return agent.Body{}, fmt.Errorf("third party %s: %w", p.Service, err)
		}
		cfg.Handler, cfg.TLS, cfg.Names, cfg.RateLimit = s, third.TLS, third.Names, third.RateLimit
	}
	front, err := proxy.New(cfg)
	if err != nil {
		return agent.Body{}, err
	}
	l, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return agent.Body{}, errors.Join(err, front.Close())
	}
	serve(front, l)
	stop := tellCalls(front, voice)
	return agent.Body{
		Ready: order.Ready{Listening: l.Addr().String()},
		Injector: func(f order.Fault) (order.Injector, error) {
			if f.HTTP == nil || f.HTTP.Egress != nil {
				return nil, fmt.Errorf("%s: the proxy of %s does faults of requests that come to it, and no others", f.ID, p.Service)
			}
			return front, nil
		},
		Name: func(n order.Naming) error { return front.Name(n.Address, n.Name) },
		Close: func() error {
			err := front.Close()
			stop()
			return err
		},
	}, nil
}

// addAuthority opens the run's authority, where there is one.
func addAuthority(cfg *proxy.Config, from *order.Authority) error {
	if from == nil {
		return nil
	}
	a, err := authority.Open(*from)
	if err != nil {
		return fmt.Errorf("the run's authority: %w", err)
	}
	cfg.Authority = a
	return nil
}

// serve serves a listener until the proxy is closed.
func serve(p *proxy.Proxy, l net.Listener) {
	go func() {
		if err := p.Serve(l); err != nil {
			fmt.Fprintln(os.Stderr, "shakedown-agent chaos:", err)
		}
	}()
}

// tellCalls tells what the proxy has seen once a second; stop tells the rest.
func tellCalls(p *proxy.Proxy, voice agent.Voice) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(callsPeriod)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				voice.Calls(p.Calls())
				return
			case <-tick.C:
				voice.Calls(p.Calls())
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
