package stack

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// hookPort is where the gateway of a service takes what the service announces of
// sessions, beside the service's own port.
const hookPort = 9199

// takeSessions lets the gateways hear of the sessions that services are prescaled
// for: by the webhook, whose address the service that calls it is given, and by
// headers. The error lists all that cannot be heard.
func (l *layout) takeSessions(plan *scenarios.Plan) error {
	var refused []string
	for _, name := range slices.Sorted(maps.Keys(plan.Services)) {
		p := plan.Services[name].Prescale
		if p == nil {
			continue
		}
		if p.Webhook != nil {
			if err := l.takeWebhook(p.Webhook); err != nil {
				refused = append(refused, fmt.Sprintf("prescale of %s: webhook: %v", name, err))
			}
		}
		if p.Header != nil {
			if err := l.takeHeader(p.Header); err != nil {
				refused = append(refused, fmt.Sprintf("prescale of %s: header: %v", name, err))
			}
		}
	}
	if len(refused) > 0 {
		return errors.New(strings.Join(refused, "; "))
	}
	return nil
}

func (l *layout) takeWebhook(w *scenarios.PrescaleWebhook) error {
	caller, err := l.fronted(w.Service)
	if err != nil {
		return err
	}
	if caller.plan.Port == hookPort {
		return fmt.Errorf("%s has port %d itself, where its gateway would take announcements; give it another", caller.name, hookPort)
	}
	if caller.given == nil {
		caller.given = map[string]string{}
	}
	caller.hook = true
	caller.given[w.Variable] = fmt.Sprintf("http://%s:%d%s", caller.gatewayHost(), hookPort, gateway.HookPath)
	return nil
}

func (l *layout) takeHeader(h *scenarios.PrescaleHeader) error {
	seen, err := l.fronted(h.Service)
	if err != nil {
		return err
	}
	headers := gateway.SessionHeaders{Tier: h.Tier, Account: h.Account}
	if seen.headers != nil && *seen.headers != headers {
		return fmt.Errorf("the gateway of %s looks for %s and %s already; name the same headers wherever it is named",
			seen.name, seen.headers.Tier, seen.headers.Account)
	}
	seen.headers = &headers
	return nil
}

// fronted is a service that has a gateway.
func (l *layout) fronted(name string) (*service, error) {
	s := l.service(name)
	switch {
	case s == nil:
		return nil, fmt.Errorf("service %s does not run here; it is not in the compose project, or x-shakedown.process leaves it out", name)
	case !s.gatewayed():
		return nil, fmt.Errorf("service %s has no port, so no gateway stands before it; set its port", name)
	}
	return s, nil
}

// hookAddress is where a gateway that listens there takes announcements.
func hookAddress(listen string) string {
	host, _, _ := net.SplitHostPort(listen) // of our own making
	return net.JoinHostPort(host, strconv.Itoa(hookPort))
}
