package gateway

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// The ways to balance.
const (
	// PerRequest sends each request to the listed instance with the fewest
	// requests in flight, like an ingress.
	PerRequest = "request"
	// PerConnection pins a client connection to the instance that takes its
	// first request, like a cluster Service.
	PerConnection = "connection"
)

// Config is one gateway. It travels as JSON to shakedown-agent; durations are
// nanoseconds there. Zero fields take the defaults.
type Config struct {
	Service string `json:"service"`
	// Listen is where clients connect: ":8080" or "127.1.2.3:8080".
	Listen string `json:"listen"`
	// Balance is PerRequest (default) or PerConnection.
	Balance string `json:"balance,omitempty"`
	// Port is that of the instances, where Add is given a host alone.
	Port int `json:"port,omitempty"`
	// Ready is the readiness probe.
	Ready Probe `json:"ready"`
	// IgnoreReadiness routes to instances from the moment they are added, whatever
	// their probe says; it is only watched. For controls.
	IgnoreReadiness bool `json:"ignore_readiness,omitempty"`
	// Initialized is the path that answers 2xx once an instance has finished its
	// initialization; "" if the service offers none.
	Initialized string `json:"initialized,omitempty"`
	// Timeout is how long an instance may stay silent in an exchange, and a
	// client in the middle of a message. Default 60s.
	Timeout time.Duration `json:"timeout,omitempty"`
	// DialTimeout of one connection attempt to an instance. Default 2s.
	DialTimeout time.Duration `json:"dial_timeout,omitempty"`
	// Drain is how long Close lets exchanges in flight go on. Default 2s.
	Drain time.Duration `json:"drain,omitempty"`
	// Tally is the interval of the tallies. Default 1s.
	Tally time.Duration `json:"tally,omitempty"`
	// First is how many of the first requests of an instance are journaled one
	// by one. Default 20.
	First int `json:"first,omitempty"`
	// Hook is where the application announces sessions, as Listen; "" for nowhere.
	Hook string `json:"hook,omitempty"`
	// Sessions are headers of requests that tell of sessions; nil for none.
	Sessions *SessionHeaders `json:"sessions,omitempty"`
	// Cap bounds the requests journaled one by one, for each instance and kind.
	// Default 2,000.
	Cap int `json:"cap,omitempty"`
}

// Probe is a readiness probe with the meaning of a Kubernetes httpGet probe.
type Probe struct {
	// Path answers a status from 200 to 399 when ready; "" asks only whether the
	// port accepts a connection.
	Path string `json:"path,omitempty"`
	// Period between probes, default 250ms.
	Period time.Duration `json:"period,omitempty"`
	// Timeout of one probe, default 1s.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Success is how many in a row must pass, default 1; Failure how many in a
	// row must fail, default 3.
	Success int `json:"success,omitempty"`
	Failure int `json:"failure,omitempty"`
}

// initializedPeriod is how often an instance that was not yet initialized when
// it became ready is asked again.
const initializedPeriod = 25 * time.Millisecond

// withDefaults fills in the defaults and refuses what makes no sense.
func (c Config) withDefaults() (Config, error) {
	switch c.Balance {
	case "":
		c.Balance = PerRequest
	case PerRequest, PerConnection:
	default:
		return c, fmt.Errorf("gateway of %s: balance %q is neither %q nor %q", c.Service, c.Balance, PerRequest, PerConnection)
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return c, fmt.Errorf("gateway of %s: listen address %q is not host:port", c.Service, c.Listen)
	}
	if _, _, err := net.SplitHostPort(c.Hook); err != nil && c.Hook != "" {
		return c, fmt.Errorf("gateway of %s: address %q for announcements is not host:port", c.Service, c.Hook)
	}
	orDefault(&c.Timeout, time.Minute)
	orDefault(&c.DialTimeout, 2*time.Second)
	orDefault(&c.Drain, 2*time.Second)
	orDefault(&c.Tally, time.Second)
	orDefault(&c.First, 20)
	orDefault(&c.Cap, 2000)
	orDefault(&c.Ready.Period, 250*time.Millisecond)
	orDefault(&c.Ready.Timeout, time.Second)
	orDefault(&c.Ready.Success, 1)
	orDefault(&c.Ready.Failure, 3)
	return c, nil
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// address is host:port of an instance given as such or as a host alone.
func (c Config) address(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, strconv.Itoa(c.Port)
	}
	bad := host == "" || strings.ContainsAny(host, ":/ ") && net.ParseIP(host) == nil
	if n, err := strconv.Atoi(port); bad || err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("%q is not the address of an instance", addr)
	}
	return net.JoinHostPort(host, port), nil
}
