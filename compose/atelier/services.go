package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"

	"github.com/shakedown-dev/shakedown/compose/atelier/api"
	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/catalogue"
	"github.com/shakedown-dev/shakedown/compose/atelier/checkout"
	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/lifecycle"
	"github.com/shakedown-dev/shakedown/compose/atelier/payments"
	"github.com/shakedown-dev/shakedown/compose/atelier/queue"
	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
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
	configure func(env *settings.Env, m *telemetry.Metrics, log *slog.Logger) initializer
}

type initializer func(ctx context.Context) (lifecycle.App, error)

// drainDelay is longer than endpoint lists usually need to drop an instance.
const drainDelay = 1500 * time.Millisecond

var services = map[string]service{
	"web":      {drainDelay, configureWeb},
	"api":      {drainDelay, configureAPI},
	"payments": {drainDelay, configurePayments},
	"importer": {0, configureImporter},
	"worker":   {0, configureWorker},
}

func (s service) run(ctx context.Context, name string, env *settings.Env, log *slog.Logger) error {
	metrics := telemetry.New(name)
	broken, err := defects.Parse(env.String(defects.Env, ""))
	env.Check(err)
	process := lifecycle.Process{
		Name:       name,
		Listen:     env.String("ATELIER_LISTEN", ":8080"),
		Defects:    broken,
		DrainDelay: env.Duration("ATELIER_DRAIN_DELAY", s.drainDelay),
		DrainLimit: env.Duration("ATELIER_DRAIN_LIMIT", 6*time.Second),
		Metrics:    metrics,
		Log:        log,
		Exit:       os.Exit,
	}
	initialize := s.configure(env, metrics, log)
	if err := env.Err(); err != nil {
		return err
	}
	return process.Run(ctx, initialize)
}

func configureWeb(env *settings.Env, m *telemetry.Metrics, log *slog.Logger) initializer {
	origin := serviceURL(env, "API_URL", "http://api:8080")
	fresh := env.Duration("ATELIER_EDGE_FRESH", 5*time.Second)
	limit := startLimit(env)
	return func(ctx context.Context) (lifecycle.App, error) {
		front := web.New(origin, fresh, m, log)
		err := lifecycle.Connect(ctx, log, "the api at "+origin.Host, "check API_URL and that the api is ready", limit, front.Edge.Warm)
		return lifecycle.App{
			Handler: front.Handler(m),
			Close:   func() error { front.Close(); return nil },
		}, err
	}
}

func configurePayments(env *settings.Env, m *telemetry.Metrics, _ *slog.Logger) initializer {
	from, to := env.DurationRange("PAYMENTS_LATENCY", 60*time.Millisecond, 200*time.Millisecond)
	return func(context.Context) (lifecycle.App, error) {
		return lifecycle.App{Handler: payments.NewServer(from, to).Handler(m)}, nil
	}
}

// data is the two stores that most services need.
type data struct {
	databaseURL string
	redisAddr   string
	limit       time.Duration
	log         *slog.Logger

	db    *store.Store
	redis *redis.Client
}

func configureData(env *settings.Env, log *slog.Logger) *data {
	return &data{
		databaseURL: env.Required("DATABASE_URL", "postgres://user:password@postgres:5432/atelier or sqlite:///tmp/atelier.db"),
		redisAddr:   env.Required("REDIS_ADDR", "redis:6379"),
		limit:       startLimit(env),
		log:         log,
	}
}

// open connects to both and brings the schema up to date. After an error
// nothing is left open.
func (d *data) open(ctx context.Context, m *telemetry.Metrics) (err error) {
	if d.db, err = openStore(ctx, d.databaseURL, d.limit, d.log); err != nil {
		return err
	}
	d.redis = cache.Open(d.redisAddr, 16)
	err = lifecycle.Connect(ctx, d.log, "Redis at "+d.redisAddr, "check REDIS_ADDR and that Redis runs", d.limit,
		func(ctx context.Context) error { return d.redis.Ping(ctx).Err() })
	if err != nil {
		return errors.Join(err, d.close())
	}
	m.Registry.MustRegister(collectors.NewDBStatsCollector(d.db.DB(), "atelier"))
	cache.Observe(d.redis, m)
	return nil
}

func (d *data) close() error { return errors.Join(d.redis.Close(), d.db.Close()) }

func openStore(ctx context.Context, address string, limit time.Duration, log *slog.Logger) (*store.Store, error) {
	db, err := store.Open(address)
	if err != nil {
		return nil, err
	}
	ready := func(ctx context.Context) error {
		if err := db.Ping(ctx); err != nil {
			return err
		}
		return db.Migrate(ctx)
	}
	if err := lifecycle.Connect(ctx, log, db.Name(), "check DATABASE_URL and that the database runs", limit, ready); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func configureAPI(env *settings.Env, m *telemetry.Metrics, log *slog.Logger) initializer {
	d := configureData(env, log)
	paymentsURL := serviceURL(env, "PAYMENTS_URL", "http://payments:8080")
	warmUp := env.Duration("ATELIER_WARM_UP", 1200*time.Millisecond)
	return func(ctx context.Context) (lifecycle.App, error) {
		started := time.Now()
		if err := d.open(ctx, m); err != nil {
			return lifecycle.App{}, err
		}
		client := payments.NewClient(paymentsURL.String(), payments.DefaultTuning, m)
		app := api.API{
			Store:     d.db,
			Sessions:  sessions.New(d.redis),
			Catalogue: catalogue.New(d.redis, d.db, m),
			Checkout:  &checkout.Checkout{Orders: d.db, Charger: client, Queue: queue.New(d.redis, queue.Orders), Log: log},
			Imports:   queue.New(d.redis, queue.Imports),
			Metrics:   m,
			Log:       log,
		}
		if err := warm(ctx, app.Catalogue, warmUp-time.Since(started)); err != nil {
			return lifecycle.App{}, errors.Join(err, d.close())
		}
		return lifecycle.App{
			Handler: app.Handler(),
			Close:   func() error { client.Close(); return d.close() },
		}, nil
	}
}

// warm fills the cache and takes the rest of the time that services of real
// size need to load and compile what they serve from.
func warm(ctx context.Context, c *catalogue.Catalogue, rest time.Duration) error {
	if _, err := c.JSON(ctx); err != nil {
		return fmt.Errorf("warm the catalogue: %w", err)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rest):
		return nil
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
