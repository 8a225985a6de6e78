package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/shakedown-dev/shakedown/compose/atelier/backfill"
	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
)

// healthcheck asks a URL once: what a container without a shell uses as its
// health check.
func healthcheck(ctx context.Context, env *settings.Env, args []string) error {
	address := ""
	if len(args) == 1 {
		address = args[0]
	} else {
		host, port, err := net.SplitHostPort(env.String("ATELIER_LISTEN", ":8080"))
		if err != nil {
			return fmt.Errorf("ATELIER_LISTEN: %w; write host:port", err)
		}
		if host == "" {
			host = "127.0.0.1"
		}
		address = "http://" + net.JoinHostPort(host, port) + "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("check %s: %w", address, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("check %s: answered %d, not 200", address, response.StatusCode)
	}
	return nil
}

// embeddedRedis serves an in-memory Redis for machines without one. It forgets
// everything when it ends.
func embeddedRedis(ctx context.Context, env *settings.Env, log *slog.Logger) error {
	listen := env.String("ATELIER_LISTEN", ":6379")
	if err := env.Err(); err != nil {
		return err
	}
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true)
	if err := server.StartAddr(listen); err != nil {
		return fmt.Errorf("listen on %s: %w; set ATELIER_LISTEN to an address that is free", listen, err)
	}
	defer server.Close()
	log.Info("ready", "listen", server.Addr())
	<-ctx.Done()
	log.Info("ended")
	return nil
}

// migrate brings the schema up to date and ends.
func migrate(ctx context.Context, env *settings.Env, log *slog.Logger) error {
	address := databaseURL(env)
	limit := startLimit(env)
	if err := env.Err(); err != nil {
		return err
	}
	db, err := openStore(ctx, address, limit, nil, log)
	if err != nil {
		return err
	}
	log.Info("schema is up to date", "database", db.Name())
	return db.Close()
}

// runBackfill fills the slugs of projects that have none, and ends. It is run once,
// after every instance of the api writes them.
func runBackfill(ctx context.Context, env *settings.Env, log *slog.Logger) (err error) {
	address, limit := databaseURL(env), startLimit(env)
	fill := configureBackfill(env, log)
	if err := env.Err(); err != nil {
		return err
	}
	db, err := openStore(ctx, address, limit, nil, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	fill.Projects, fill.Instance = db, instance(env)
	return fill.Run(ctx)
}

func configureBackfill(env *settings.Env, log *slog.Logger) backfill.Slugs {
	return backfill.Slugs{
		Chunk: env.Int("ATELIER_BACKFILL_CHUNK", 200, 1, 10_000),
		Pause: env.Duration("ATELIER_BACKFILL_PAUSE", 20*time.Millisecond),
		Log:   log,
	}
}
