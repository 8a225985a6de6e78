package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/lifecycle"
	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// data is the two stores that most services need.
type data struct {
	databaseURL string
	redisAddr   string
	limit       time.Duration
	broken      defects.Set
	log         *slog.Logger

	db    *store.Store
	redis *redis.Client
}

func configureData(s setup) *data {
	return &data{
		databaseURL: databaseURL(s.env),
		redisAddr:   s.env.Required("REDIS_ADDR", "redis:6379"),
		limit:       startLimit(s.env),
		broken:      s.defects,
		log:         s.log,
	}
}

func databaseURL(env *settings.Env) string {
	return env.Required("DATABASE_URL", "postgres://user:password@postgres:5432/atelier or sqlite:///tmp/atelier.db")
}

// open connects to both and brings the schema up to date. After an error
// nothing is left open.
func (d *data) open(ctx context.Context, m *telemetry.Metrics) (err error) {
	if d.db, err = openStore(ctx, d.databaseURL, d.limit, d.broken, d.log); err != nil {
		return err
	}
	d.redis = cache.Open(d.redisAddr, 16)
	err = lifecycle.Connect(ctx, d.log, "Redis at "+d.redisAddr, "check REDIS_ADDR and that Redis runs", d.limit,
		func(ctx context.Context) error { return d.redis.Ping(ctx).Err() })
	if err != nil {
		return errors.Join(err, d.close())
	}
	d.db.Observe(m)
	m.Registry.MustRegister(collectors.NewDBStatsCollector(d.db.DB(), "atelier"))
	cache.Observe(d.redis, "queues", m)
	return nil
}

func (d *data) close() error { return errors.Join(d.redis.Close(), d.db.Close()) }

func openStore(ctx context.Context, address string, limit time.Duration, broken defects.Set, log *slog.Logger) (*store.Store, error) {
	db, err := store.OpenBroken(address, broken)
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
