// Package cache makes the Redis client that the other packages share.
package cache

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// Open returns a client for the Redis at addr, host:port, without connecting.
// size is the number of connections at most. Its timeouts are short: Redis
// answers in under a millisecond or something is wrong, and then waiting makes
// it worse.
func Open(addr string, size int) *redis.Client {
	return redis.NewClient(&redis.Options{
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
	})
}

// Observe adds the pool of a client to the metrics.
func Observe(client *redis.Client, m *telemetry.Metrics) {
	m.Gauge("redis_pool_connections", "Connections to Redis that are open.", func() float64 {
		return float64(client.PoolStats().TotalConns)
	})
	m.Gauge("redis_pool_idle_connections", "Connections to Redis that are idle.", func() float64 {
		return float64(client.PoolStats().IdleConns)
	})
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
