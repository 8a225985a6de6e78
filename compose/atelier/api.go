package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/api"
	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/catalogue"
	"github.com/shakedown-dev/shakedown/compose/atelier/checkout"
	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/hot"
	"github.com/shakedown-dev/shakedown/compose/atelier/lifecycle"
	"github.com/shakedown-dev/shakedown/compose/atelier/payments"
	"github.com/shakedown-dev/shakedown/compose/atelier/queue"
	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
	"github.com/shakedown-dev/shakedown/compose/atelier/workspace"
)

func configureAPI(s setup) initializer {
	d := configureData(s)
	// A cache of its own may be lost; the queues in the other Redis may not.
	cacheAddr := s.env.String("CACHE_ADDR", d.redisAddr)
	paymentsURL := serviceURL(s.env, "PAYMENTS_URL", "http://payments:8080")
	warmUp := warmUpTime(s)
	steps := slugs(s.env)
	fill := configureBackfill(s.env, s.log)
	webhook := prescaleWebhook(s)
	s.metrics.Stuck = s.defects.Has(defects.ScaleMetricStuck)
	return func(ctx context.Context) (lifecycle.App, error) {
		started := time.Now()
		if err := d.open(ctx, s.metrics); err != nil {
			return lifecycle.App{}, err
		}
		client := payments.NewClient(paymentsURL.String(), payments.DefaultTuning, s.defects, s.metrics)
		lossy := cache.OpenLossy(cacheAddr, 16) // nobody waits for it: it may be away
		cache.Observe(lossy, "cache", s.metrics)
		reads := hot.New(lossy, s.metrics)
		orders, imports := queue.New(d.redis, queue.Orders), queue.New(d.redis, queue.Imports)
		orders.Observe(s.metrics)
		imports.Observe(s.metrics)
		routes := api.API{
			Store:      d.db,
			Sessions:   sessions.New(d.redis),
			Workspaces: workspace.New(webhook, d.redis, s.metrics, s.log),
			Catalogue:  catalogue.New(reads, d.db),
			Hot:        reads,
			Checkout:   &checkout.Checkout{Orders: d.db, Charger: client, Queue: orders, Log: s.log},
			Orders:     d.db,
			Slugs:      steps,
			Imports:    imports,
			Metrics:    s.metrics,
			Log:        s.log,
		}
		app := lifecycle.App{Close: func() error { client.Close(); routes.Workspaces.Close(); return errors.Join(lossy.Close(), d.close()) }}
		breakOnPurpose(s, d, client, &routes, &app)
		var err error
		if s.defects.Has(defects.MigrationTwice) {
			fill.Projects, fill.Instance = d.db, s.instance
			err = fill.Run(ctx)
		}
		if err == nil {
			err = warm(ctx, routes.Catalogue, warmUp-time.Since(started))
		}
		if err != nil {
			return lifecycle.App{}, errors.Join(err, app.Close())
		}
		app.Handler = routes.Handler()
		return app, nil
	}
}

// breakOnPurpose puts the parts of those defects in that take the place of others.
func breakOnPurpose(s setup, d *data, client *payments.Client, routes *api.API, app *lifecycle.App) {
	if s.defects.Has(defects.SessionInMemory) {
		routes.Sessions = sessions.NewInMemory()
	}
	if s.defects.Has(defects.OrderLostOnTerm) {
		behind := checkout.NewWriteBehind(d.db, routes.Checkout.Queue, s.log)
		routes.Orders, routes.Checkout.Orders, routes.Checkout.Queue = behind, behind, behind
		app.Work = func(taking, _ context.Context) error { behind.Run(taking); return nil }
	}
	if s.defects.Has(defects.ReadySharedDependency) {
		app.Ready = client.Status
	}
	if s.defects.Has(defects.PrescaleNeverReturned) {
		routes.Workspaces.Seen = &workspace.Seen{}
		app.Work = beside(app.Work, routes.Workspaces.Insist)
	}
	if s.defects.Has(defects.HardDependency) {
		routes.Confirm = client.Status
	}
	routes.Hot.Stampede = s.defects.Has(defects.CacheStampede)
	routes.Workspaces.Late = s.defects.Has(defects.PrescaleLate)
	routes.Checkout.IgnoreKeys = s.defects.Has(defects.NoIdempotency)
}

// beside is work, if there is any, and something else that goes on until taking
// is done.
func beside(work func(taking, doing context.Context) error, other func(context.Context)) func(taking, doing context.Context) error {
	return func(taking, doing context.Context) error {
		var going sync.WaitGroup
		going.Go(func() { other(taking) })
		defer going.Wait()
		if work == nil {
			return nil
		}
		return work(taking, doing)
	}
}

// slowWarmUp is ATELIER_WARM_UP with the defect scale-slow-start.
const slowWarmUp = 15 * time.Second

func warmUpTime(s setup) time.Duration {
	configured := s.env.Duration("ATELIER_WARM_UP", 1200*time.Millisecond)
	if s.defects.Has(defects.ScaleSlowStart) {
		return slowWarmUp
	}
	return configured
}

// prescaleWebhook is where sessions are announced, nil for nowhere.
func prescaleWebhook(s setup) *url.URL {
	const name = "PRESCALE_WEBHOOK"
	if s.env.String(name, "") == "" || s.defects.Has(defects.PrescaleOff) {
		return nil
	}
	return serviceURL(s.env, name, "http://api:9199/v1/sessions")
}

// slugs reads how far the projects' slugs have come.
func slugs(env *settings.Env) api.Slugs {
	switch value := env.String("ATELIER_SLUGS", "off"); value {
	case "off":
	case "dual":
		return api.SlugsDual
	case "on":
		return api.SlugsOn
	default:
		env.Check(fmt.Errorf("ATELIER_SLUGS is %q; write off, dual or on, in quotes where it stands in YAML", value))
	}
	return api.SlugsOff
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
