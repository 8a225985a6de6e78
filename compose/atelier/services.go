package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/lifecycle"
	"github.com/shakedown-dev/shakedown/compose/atelier/payments"
	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/web"
)

// service is one subcommand that serves.
type service struct {
	// drainDelay is the default of ATELIER_DRAIN_DELAY: 0 where nobody routes
	// requests to the service.
	drainDelay time.Duration
	// configure reads the settings, complains through env, and returns what
	// initializes the service.
	configure func(s setup) initializer
}

// setup is what a service is made of.
type setup struct {
	env      *settings.Env
	instance string
	defects  defects.Set
	metrics  *telemetry.Metrics
	log      *slog.Logger
}

type initializer func(ctx context.Context) (lifecycle.App, error)

// The defaults of ATELIER_DRAIN_DELAY, which is longer than endpoint lists
// usually need to drop an instance, and of ATELIER_DRAIN_LIMIT.
const (
	drainDelay = 1500 * time.Millisecond
	drainLimit = 6 * time.Second
)

var services = map[string]service{
	"web":      {drainDelay, configureWeb},
	"api":      {drainDelay, configureAPI},
	"payments": {drainDelay, configurePayments},
	"importer": {0, configureImporter},
	"worker":   {0, configureWorker},
}

func (of service) run(ctx context.Context, name string, env *settings.Env, log *slog.Logger) error {
	metrics := telemetry.New(name)
	broken, err := defects.Parse(env.String(defects.Env, ""))
	env.Check(err)
	metrics.Unlabelled, metrics.Stops = broken.Has(defects.MetricsUnlabelled), broken.Has(defects.MetricsStop)
	s := setup{env: env, instance: instance(env), defects: broken, metrics: metrics, log: log}
	process := lifecycle.Process{
		Name:       name,
		Instance:   s.instance,
		Listen:     env.String("ATELIER_LISTEN", ":8080"),
		Defects:    broken,
		DrainDelay: env.Duration("ATELIER_DRAIN_DELAY", of.drainDelay),
		DrainLimit: env.Duration("ATELIER_DRAIN_LIMIT", drainLimit),
		Metrics:    metrics,
		Log:        log,
		Exit:       os.Exit,
	}
	initialize := of.configure(s)
	if err := env.Err(); err != nil {
		return err
	}
	return process.Run(ctx, initialize)
}

func configureWeb(s setup) initializer {
	origin := serviceURL(s.env, "API_URL", "http://api:8080")
	fresh := s.env.Duration("ATELIER_EDGE_FRESH", 5*time.Second)
	token := s.env.String("ATELIER_PURGE_TOKEN", "")
	limit := startLimit(s.env)
	return func(ctx context.Context) (lifecycle.App, error) {
		front := web.New(origin, fresh, token, s.metrics, s.log)
		err := lifecycle.Connect(ctx, s.log, "the api at "+origin.Host, "check API_URL and that the api is ready", limit, front.Edge.Warm)
		return lifecycle.App{
			Handler: front.Handler(s.metrics),
			Close:   func() error { front.Close(); return nil },
		}, err
	}
}

func configurePayments(s setup) initializer {
	from, to := s.env.DurationRange("PAYMENTS_LATENCY", 60*time.Millisecond, 200*time.Millisecond)
	return func(context.Context) (lifecycle.App, error) {
		return lifecycle.App{Handler: payments.NewServer(from, to).Handler(s.metrics)}, nil
	}
}

// serviceURL reads the address of another service.
func serviceURL(env *settings.Env, name, example string) *url.URL {
	value := env.Required(name, example)
	parsed, err := url.Parse(value)
	if value != "" && (err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https")) {
		env.Check(fmt.Errorf("%s is not an http URL; write for example %s", name, example))
	}
	return parsed
}
