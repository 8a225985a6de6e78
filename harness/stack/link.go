package stack

import (
	"context"
	"io"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// link is the harness's end of one service's gateway, as harness/gateway has
// it. Its methods return when the gateway has been told.
type link interface {
	// Add makes the gateway probe an instance and route to it while it is ready.
	Add(instance, address string) error
	// Hold makes the gateway probe an instance without routing to it until Switch.
	Hold(instance, address string) error
	// Switch makes the gateway route to these instances alone, each as soon as it
	// is ready; the others are taken from its list after lag, and held.
	Switch(to []string, lag time.Duration) error
	// Terminate makes the gateway take an instance from its list after lag.
	Terminate(instance string, lag time.Duration) error
	// Exited tells the gateway that an instance is gone: it connects to it no more.
	Exited(instance string) error
	// Remove makes the gateway forget an instance.
	Remove(instance string) error
	// Send sends a request to an address of the gateway's networks.
	Send(ctx context.Context, address string, letter gateway.Letter) (gateway.Page, error)
	// Close ends the gateway.
	Close() error
	// Status says in words how an instance stands.
	Status(instance string) string
	// Done is closed when the gateway is gone.
	Done() <-chan struct{}
}

// front is what a gateway is told to be.
type front struct {
	service *service
	listen  string // host:port, host empty for all
	unready bool   // route whatever the probes say: scenarios.ControlUnready
	// session answers what the service announces; nil rejects everything.
	session gateway.Answerer
}

// connector begins the conversation with a started gateway and returns when it
// listens; ctx has no effect afterwards. The gateway's events go to emit until
// the link is closed. On an error it closes conn.
type connector func(ctx context.Context, conn io.ReadWriteCloser, f front, clk clock.Clock, emit func(journal.Event)) (link, error)

// connectAgent makes a started shakedown-agent the gateway of a service.
func connectAgent(ctx context.Context, conn io.ReadWriteCloser, f front, clk clock.Clock, emit func(journal.Event)) (link, error) {
	plan := f.service.plan
	cfg := gateway.Config{
		Service: f.service.name,
		Listen:  f.listen,
		Balance: plan.Balance,
		Port:    plan.Port,
		Ready: gateway.Probe{
			Path: plan.Ready.Path, Period: plan.Ready.Period.Std(), Timeout: plan.Ready.Timeout.Std(),
			Success: plan.Ready.Success, Failure: plan.Ready.Failure,
		},
		Initialized:     plan.Initialized,
		IgnoreReadiness: f.unready,
		Sessions:        f.service.headers,
	}
	if f.service.hook {
		cfg.Hook = hookAddress(f.listen)
	}
	l, err := gateway.Connect(ctx, conn, cfg, clk, emit, f.session)
	if err != nil {
		return nil, err // not a nil *Link in a link
	}
	return l, nil
}
