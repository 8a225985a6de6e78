// Package cache makes the Redis clients that the other packages share.
package cache

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// Open returns a client for the Redis at addr, host:port, without connecting.
// size is the number of connections at most. Its timeouts are short: Redis
// answers in under a millisecond or something is wrong, and then waiting makes
// it worse.
func Open(addr string, size int) *redis.Client { return redis.NewClient(options(addr, size)) }

// OpenLossy is Open for a Redis that is nothing but a cache. There is another way
// to every answer, so that waiting for this one is soon a waste.
func OpenLossy(addr string, size int) *redis.Client {
	o := options(addr, size)
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = lossy, lossy, lossy, lossy
	o.MaxRetries = -1 // none; 0 is the library's default
	return redis.NewClient(o)
}

// lossy bounds each step of asking a cache.
const lossy = 250 * time.Millisecond

func options(addr string, size int) *redis.Options {
	return &redis.Options{
		Addr:         addr,
		PoolSize:     size,
		MinIdleConns: 2,
		DialTimeout:  time.Second,
		ReadTimeout:  time.Second,
		WriteTimeout: time.Second,
		PoolTimeout:  2 * time.Second,
		MaxRetries:   1,
		// A Redis that refuses is answered for at once: callers have their own ways on.
		DialerRetries: 1,
		Protocol:      2,
		// Features of Redis Enterprise that a plain Redis answers with errors.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// Observe adds the pool of a client to the metrics. Its name is the label redis: one
// process may use several.
func Observe(client *redis.Client, name string, m *telemetry.Metrics) {
	for _, g := range []struct {
		name, help string
		value      func(*redis.PoolStats) uint32
	}{
		{"redis_pool_connections", "Connections to Redis that are open.", func(s *redis.PoolStats) uint32 { return s.TotalConns }},
		{"redis_pool_idle_connections", "Connections to Redis that are idle.", func(s *redis.PoolStats) uint32 { return s.IdleConns }},
	} {
		m.Gauge(g.name, g.help, func() float64 { return float64(g.value(client.PoolStats())) }, "redis", name)
	}
	size := float64(client.Options().PoolSize)
	m.Gauge("redis_pool_max_connections", "Connections to Redis that there may be.", func() float64 { return size }, "redis", name)
	m.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "redis_pool_timeouts_total", Help: "Waits for a connection to Redis that were given up.",
		ConstLabels: prometheus.Labels{"redis": name},
	}, func() float64 { return float64(client.PoolStats().Timeouts) }))
}

// LogTo sends the client library's own messages to log, at debug level. It is
// called once, before the first Open.
func LogTo(log *slog.Logger) { redis.SetLogger(logger{log}) }

type logger struct{ log *slog.Logger }

// Printf implements the logger of the Redis library.
func (l logger) Printf(ctx context.Context, format string, args ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "redis: "+format, "args", args)
	}
}
