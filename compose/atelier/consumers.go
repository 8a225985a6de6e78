package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/importer"
	"github.com/shakedown-dev/shakedown/compose/atelier/lifecycle"
	"github.com/shakedown-dev/shakedown/compose/atelier/queue"
	"github.com/shakedown-dev/shakedown/compose/atelier/worker"
)

// sweepBatch is how many forgotten jobs are pushed at a time.
const sweepBatch = 500

func configureWorker(s setup) initializer {
	c := configureConsumer(s, queue.Orders, 4)
	from, to := s.env.DurationRange("ATELIER_FULFIL_TIME", 20*time.Millisecond, 60*time.Millisecond)
	fulfilled := s.metrics.Counter("orders_fulfilled_total", "Orders fulfilled.").WithLabelValues()
	return c.initializer(func() (handler, forgotten) {
		return worker.Worker{Orders: c.db, Instance: s.instance, From: from, To: to, Fulfilled: fulfilled.Inc}.Handle, c.db.ForgottenOrders
	})
}

func configureImporter(s setup) initializer {
	c := configureConsumer(s, queue.Imports, 1)
	c.buried = func(ctx context.Context, id string) error { return c.db.FailImport(ctx, id) }
	from, to := s.env.DurationRange("ATELIER_IMPORT_TIME", 0, 0)
	return c.initializer(func() (handler, forgotten) {
		return importer.New(c.db, s.instance, s.metrics, s.log).Waits(from, to).Handle, c.db.ForgottenImports
	})
}

type (
	// handler does one job; deliveries is how often it was handed out by now.
	handler func(ctx context.Context, id string, deliveries int64) error
	// forgotten finds jobs that never reached their queue.
	forgotten func(ctx context.Context, before time.Time, limit int) ([]string, error)
)

// consumerService is a service that lives from a queue.
type consumerService struct {
	*data
	setup
	queue       string
	concurrency int
	lease       time.Duration
	// sweep is how often forgotten jobs are looked for, and how old they are at least.
	sweep time.Duration
	// buried is Consumer.Buried.
	buried func(ctx context.Context, id string) error
}

func configureConsumer(s setup, queueName string, concurrency int) *consumerService {
	lease := s.env.Duration("ATELIER_LEASE", 10*time.Second)
	if lease < time.Second {
		s.env.Check(fmt.Errorf("ATELIER_LEASE is %s; it must be 1s or more, because renewing takes its time", lease))
	}
	sweep := s.env.Duration("ATELIER_SWEEP", 15*time.Second)
	if sweep < time.Second {
		s.env.Check(fmt.Errorf("ATELIER_SWEEP is %s; it must be 1s or more, because what is younger is not forgotten yet", sweep))
	}
	return &consumerService{
		data:        configureData(s),
		setup:       s,
		queue:       queueName,
		concurrency: s.env.Int("ATELIER_CONCURRENCY", concurrency, 1, 64),
		lease:       lease,
		sweep:       sweep,
	}
}

// timed has the metrics show the jobs in hand, how many there may be, and their times.
func (c *consumerService) timed(handle handler) handler {
	var inHand atomic.Int64
	c.metrics.Gauge("jobs_in_hand", "Jobs that are being done.", func() float64 { return float64(inHand.Load()) })
	c.metrics.Gauge("jobs_in_hand_max", "Jobs that are done at a time at most.", func() float64 { return float64(c.concurrency) })
	seconds := c.metrics.Histogram("job_duration_seconds", "Time that a job was in hand, whatever became of it.",
		.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60)
	return func(ctx context.Context, id string, deliveries int64) error {
		inHand.Add(1)
		began := time.Now()
		defer func() {
			seconds.Observe(time.Since(began).Seconds())
			inHand.Add(-1)
		}()
		return handle(ctx, id, deliveries)
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
		for _, result := range []string{"done", "failed", "buried", "returned"} {
			ended.WithLabelValues(result) // a rate of 0 is not an unknown one
		}
		handle, find := make()
		handle = c.timed(handle)
		consumer := &queue.Consumer{
			Queue: q, Name: c.instance, Concurrency: c.concurrency, Lease: c.lease, MaxAttempts: 5, Handle: handle,
			Buried:     c.buried,
			AckFirst:   c.defects.Has(defects.DrainDropsQueue),
			DropAtStop: c.defects.Has(defects.WorkerKilledBusy),
			Done:       func(result string) { ended.WithLabelValues(result).Inc() },
			Log:        c.setup.log,
		}
		work := func(taking, doing context.Context) error {
			if consumer.AckFirst { // the sweep would heal what this defect breaks
				return consumer.Run(taking, doing)
			}
			var sweeping sync.WaitGroup
			sweeping.Go(func() {
				q.Sweep(taking, c.setup.log, c.sweep, func(ctx context.Context, before time.Time) ([]string, error) {
					return find(ctx, before, sweepBatch)
				})
			})
			defer sweeping.Wait()
			return consumer.Run(taking, doing)
		}
		return lifecycle.App{Work: work, Close: c.close}, nil
	}
}
