package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/api"
	"github.com/shakedown-dev/shakedown/compose/atelier/catalogue"
	"github.com/shakedown-dev/shakedown/compose/atelier/checkout"
	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/lifecycle"
	"github.com/shakedown-dev/shakedown/compose/atelier/payments"
	"github.com/shakedown-dev/shakedown/compose/atelier/queue"
	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
)

func configureAPI(s setup) initializer {
	d := configureData(s.env, s.log)
	paymentsURL := serviceURL(s.env, "PAYMENTS_URL", "http://payments:8080")
	warmUp := s.env.Duration("ATELIER_WARM_UP", 1200*time.Millisecond)
	steps := slugs(s.env)
	fill := configureBackfill(s.env, s.log)
	return func(ctx context.Context) (lifecycle.App, error) {
		started := time.Now()
		if err := d.open(ctx, s.metrics); err != nil {
			return lifecycle.App{}, err
		}
		client := payments.NewClient(paymentsURL.String(), payments.DefaultTuning, s.metrics)
		routes := api.API{
			Store:     d.db,
			Sessions:  sessions.New(d.redis),
			Catalogue: catalogue.New(d.redis, d.db, s.metrics),
			Checkout:  &checkout.Checkout{Orders: d.db, Charger: client, Queue: queue.New(d.redis, queue.Orders), Log: s.log},
			Orders:    d.db,
			Slugs:     steps,
			Imports:   queue.New(d.redis, queue.Imports),
			Metrics:   s.metrics,
			Log:       s.log,
		}
		app := lifecycle.App{Close: func() error { client.Close(); return d.close() }}
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
			return lifecycle.App{}, errors.Join(err, d.close())
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
	routes.Checkout.IgnoreKeys = s.defects.Has(defects.NoIdempotency)
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
