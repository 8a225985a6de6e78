package observe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/remote"
)

// lookLimit is how long an existing Prometheus may take to tell of its alerts.
const lookLimit = 5 * time.Second

// existing is a Prometheus that the stack has, or that runs on this machine. It is
// asked in place of the run's own, for expressions and for alerts.
type existing struct {
	*remote.Prometheus
	poller *remote.Poller
	o      *Observer
	said   map[string]bool // what went wrong, each once
}

// newExisting finds it and asks whether it is there.
func newExisting(ctx context.Context, o *Observer) (*existing, error) {
	from := o.cfg.Plan.Metrics.From
	address, transport := "http://"+o.cfg.Cluster.Targets()[from], http.RoundTripper(nil)
	if target, is := o.cfg.Plan.Targets[from]; is {
		address = "http://" + target.Address
		if target.TLS {
			address = "https://" + target.Address
			var err error
			if transport, err = trusting(target.CA, target.Host); err != nil {
				return nil, fmt.Errorf("ask the Prometheus %s: %w", from, err)
			}
		}
	}
	p, err := remote.New(address, transport)
	if err != nil {
		return nil, fmt.Errorf("ask the Prometheus %s: %w", from, err)
	}
	version, err := p.Check(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the Prometheus %s: %w", from, err)
	}
	o.emit(journal.Note{Level: "info", Text: fmt.Sprintf("metrics and alerts are those of Prometheus %s at %s (%s)", version, address, from)})
	return &existing{Prometheus: p, poller: remote.NewPoller(p, o.cfg.Started, o.emitAt), o: o, said: map[string]bool{}}, nil
}

// trusting makes requests to a server whose certificate is for a name, signed by an
// authority; "" is those that the machine trusts.
func trusting(authority, name string) (http.RoundTripper, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if authority == "" {
		return transport, nil
	}
	text, err := os.ReadFile(authority)
	if err != nil {
		return nil, fmt.Errorf("read the authority of its certificate: %w", err)
	}
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", authority)
	}
	return transport, nil
}

// look asks how its alerts stand. What goes wrong is a remark, once.
func (e *existing) look(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	err := e.poller.Poll(limited, e.o.now())
	if err == nil || ctx.Err() != nil || e.said[err.Error()] {
		return
	}
	e.said[err.Error()] = true
	e.o.remark(err)
}

// exported adds what it knows of to what the run knows.
func (e *existing) exported(ctx context.Context, all []journal.Exported) ([]journal.Exported, error) {
	more, err := e.Exported(ctx, e.o.wall(0), e.o.now())
	return slices.Concat(all, more), err
}
