// Command atelier is the services of the reference stack: one static program,
// one subcommand a service. Everything is configured by environment variables,
// so that one image runs everywhere.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
)

const usage = `usage: atelier SERVICE

Services:
  web                static front and edge cache          API_URL
  api                accounts, sessions, orders, imports  DATABASE_URL REDIS_ADDR PAYMENTS_URL
  importer           converts models from the queue       DATABASE_URL REDIS_ADDR
  worker             fulfils orders from the queue        DATABASE_URL REDIS_ADDR
  payments           third-party simulator                PAYMENTS_LATENCY
  redis              an embedded Redis, nothing is stored

Tools:
  migrate            brings the schema up to date         DATABASE_URL
  backfill           fills in the slugs of old projects   DATABASE_URL
  healthcheck [URL]  exits 0 if URL answers 200; default is this container's /readyz

Every service reads ATELIER_LISTEN (:8080) and ATELIER_DEFECT; services also
ATELIER_DRAIN_DELAY, ATELIER_DRAIN_LIMIT and ATELIER_START_LIMIT, and the api
CACHE_ADDR, a Redis that may be lost (REDIS_ADDR), and PRESCALE_WEBHOOK, where it
announces sessions of enterprise accounts. Edge caches of web are emptied by
POST /purge with the token ATELIER_PURGE_TOKEN; without one they are not.
`

// errUsage ends the program with the usage text and exit code 2.
var errUsage = errors.New("usage")

func main() {
	// The handler is in place before anything else: as process 1 of a
	// container, a program without one does not hear SIGTERM at all.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := exitCode(run(ctx, os.Args[1:], os.Getenv, os.Stdout), os.Stderr)
	stop()
	os.Exit(code)
}

func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprint(stderr, usage)
		return 2
	}
	fmt.Fprintln(stderr, "atelier:", err)
	return 1
}

// run does what args ask for until it is done or ctx is.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	env := settings.New(getenv)
	log := newLog(args[0], env, stdout)
	cache.LogTo(log)
	switch {
	case args[0] == "healthcheck" && len(args) <= 2:
		return healthcheck(ctx, env, args[1:])
	case len(args) > 1:
		return errUsage
	case args[0] == "redis":
		return embeddedRedis(ctx, env, log)
	case args[0] == "migrate":
		return migrate(ctx, env, log)
	case args[0] == "backfill":
		return runBackfill(ctx, env, log)
	}
	service, ok := services[args[0]]
	if !ok {
		return errUsage
	}
	if err := service.run(ctx, args[0], env, log); err != nil {
		log.Error("ended", "error", err.Error())
		return err
	}
	log.Info("ended")
	return nil
}

func newLog(service string, env *settings.Env, w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(env.String("ATELIER_LOG_LEVEL", "info"))); err != nil {
		env.Check(errors.New("ATELIER_LOG_LEVEL is none of debug, info, warn, error"))
	}
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	return slog.New(handler).With("service", service, "instance", instance(env))
}

// instance names this process among those of its service.
func instance(env *settings.Env) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return env.String("ATELIER_INSTANCE", defaultInstance(host, os.Getpid()))
}

// defaultInstance is the host's name where that is enough: process 1 has its
// host, a container, to itself.
func defaultInstance(host string, pid int) string {
	if pid == 1 {
		return host
	}
	return fmt.Sprintf("%s-%d", host, pid)
}

// startLimit is how long a service waits for what it depends on.
func startLimit(env *settings.Env) time.Duration {
	return env.Duration("ATELIER_START_LIMIT", 30*time.Second)
}
