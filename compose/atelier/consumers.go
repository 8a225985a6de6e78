package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/importer"
	"github.com/shakedown-dev/shakedown/compose/atelier/lifecycle"
	"github.com/shakedown-dev/shakedown/compose/atelier/queue"
	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/worker"
)

// sweepPeriod is how often a consumer looks for forgotten jobs, and how old
// they are at least.
const sweepPeriod = 15 * time.Second

// sweepBatch is how many forgotten jobs are pushed at a time.
const sweepBatch = 500

func configureWorker(env *settings.Env, m *telemetry.Metrics, log *slog.Logger) initializer {
	c := configureConsumer(env, m, log, queue.Orders, 4)
	fulfilled := m.Counter("orders_fulfilled_total", "Orders fulfilled.").WithLabelValues()
	return c.initializer(func() (handler, forgotten) {
		return worker.Worker{Orders: c.db, Fulfilled: fulfilled.Inc}.Handle, c.db.ForgottenOrders
	})
}

func configureImporter(env *settings.Env, m *telemetry.Metrics, log *slog.Logger) initializer {
	c := configureConsumer(env, m, log, queue.Imports, 1)
	return c.initializer(func() (handler, forgotten) {
		return importer.New(c.db, m, log).Handle, c.db.ForgottenImports
	})
}

type (
	// handler does one job.
	handler func(ctx context.Context, id string) error
	// forgotten finds jobs that never reached their queue.
	forgotten func(ctx context.Context, before time.Time, limit int) ([]string, error)
)

// consumerService is a service that lives from a queue.
type consumerService struct {
	*data
	queue       string
	name        string
	concurrency int
	lease       time.Duration
	metrics     *telemetry.Metrics
}

func configureConsumer(env *settings.Env, m *telemetry.Metrics, log *slog.Logger, queueName string, concurrency int) *consumerService {
	lease := env.Duration("ATELIER_LEASE", 10*time.Second)
	if lease < time.Second {
		env.Check(fmt.Errorf("ATELIER_LEASE is %s; it must be 1s or more, because renewing takes its time", lease))
	}
	return &consumerService{
		data:        configureData(env, log),
		queue:       queueName,
		name:        instance(env),
		concurrency: env.Int("ATELIER_CONCURRENCY", concurrency, 1, 64),
		lease:       lease,
		metrics:     m,
	}
}

// initializer opens the stores, and then makes the handler out of them.
func (c *consumerService) initializer(make func() (handler, forgotten)) initializer {
	return func(ctx context.Context) (lifecycle.App, error) {
		if err := c.open(ctx, c.metrics); err != nil {
			return lifecycle.App{}, err
		}
		q := queue.New(c.redis, c.queue)
		q.Observe(c.metrics)
		ended := c.metrics.Counter("jobs_total", "Jobs that left the hand, by result: done, failed, buried, returned.", "result")
		handle, find := make()
		consumer := &queue.Consumer{
			Queue: q, Name: c.name, Concurrency: c.concurrency, Lease: c.lease, MaxAttempts: 5, Handle: handle,
			Done: func(result string) { ended.WithLabelValues(result).Inc() },
			Log:  c.log,
		}
		work := func(taking, doing context.Context) error {
			var sweeping sync.WaitGroup
			sweeping.Go(func() {
				q.Sweep(taking, c.log, sweepPeriod, func(ctx context.Context, before time.Time) ([]string, error) {
					return find(ctx, before, sweepBatch)
				})
			})
			defer sweeping.Wait()
			return consumer.Run(taking, doing)
		}
		return lifecycle.App{Work: work, Close: c.close}, nil
	}
}
