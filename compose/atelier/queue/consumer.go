package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Consumer takes jobs off a queue and does them. Its fields are not changed
// once Run is called.
type Consumer struct {
	Queue *Queue
	// Name tells this consumer from the others of the queue.
	Name string
	// Concurrency is how many jobs are in hand at most; 1 or more.
	Concurrency int
	// Lease is how long a job may go without a sign of life from its consumer
	// before another takes it over; a failed job is tried again after it. A
	// consumer renews the leases of the jobs it has in hand.
	Lease time.Duration
	// MaxAttempts is how often a job is delivered before it is set aside. One that
	// is found in lost hands after so many deliveries is set aside without another:
	// it never came to an end, good or bad, and may be what ends its consumers.
	MaxAttempts int64
	// Handle does one job; deliveries is how often it was handed to somebody, this
	// time included. It may be called twice for one id, also at once. An error
	// means try again later.
	Handle func(ctx context.Context, id string, deliveries int64) error
	// Buried is told of a job before it is set aside, if set, so that whoever waits
	// for it learns that it will not be done. After an error the job is set aside
	// when its lease is over.
	Buried func(ctx context.Context, id string) error
	// AckFirst is the defect drain-drops-queue; see careless.
	AckFirst bool
	// DropAtStop is the defect worker-killed-busy: when taking is done, jobs in hand
	// are let go of, neither finished nor given back.
	DropAtStop bool
	// Done is told how each job ended, if set: "done", "failed", "buried" or
	// "returned"; with the defects also "dropped".
	Done func(result string)
	Log  *slog.Logger
}

// block is how long one read waits for a job, and so how long stopping to take
// jobs can take.
const block = 500 * time.Millisecond

// ackLimit bounds the acknowledgement of a job whose work is done; it does not
// depend on the contexts of Run, because an acknowledgement that is lost means
// that the work is done twice.
const ackLimit = 5 * time.Second

// Run takes jobs until taking is done, finishes those in hand, and returns
// nil. When doing is done as well, the handlers' contexts are, and jobs that do
// not end well are given back at once. Errors of Redis are logged and retried.
func (c *Consumer) Run(taking, doing context.Context) error {
	if c.DropAtStop {
		doing = taking
	}
	var lanes sync.WaitGroup
	for lane := range c.Concurrency {
		consumer := fmt.Sprintf("%s/%d", c.Name, lane)
		if c.AckFirst {
			lanes.Go(func() { c.careless(taking, consumer) })
			continue
		}
		lanes.Go(func() { c.lane(taking, doing, consumer) })
	}
	lanes.Wait()
	return nil
}

// lane does one job after the other under a consumer name of its own.
func (c *Consumer) lane(taking, doing context.Context, consumer string) {
	var lastReclaim time.Time
	for taking.Err() == nil {
		// Half a lease is often enough: a job waits 1.5 leases at most.
		reclaim := time.Since(lastReclaim) > c.Lease/2
		j, ok, err := c.next(taking, consumer, reclaim)
		switch {
		case err != nil && taking.Err() == nil:
			c.recover(taking, err)
		case ok && taking.Err() != nil:
			j.attempts-- // it came in the moment of stopping: nobody has had it
			c.giveBack(consumer, j)
		case ok && j.attempts > c.MaxAttempts:
			c.bury(j, fmt.Errorf("delivered %d times without an end: see whether its consumers ran out of memory", j.attempts-1))
		case ok:
			c.do(doing, consumer, j)
		case reclaim:
			lastReclaim = time.Now() // nothing more to take over
		}
	}
}

// next returns a job that its consumer has lost, if asked to look for one, or
// a new one.
func (c *Consumer) next(ctx context.Context, consumer string, reclaim bool) (job, bool, error) {
	// Neither is cancelled half way: Redis would go on to deliver a job that
	// nobody receives.
	ctx = context.WithoutCancel(ctx)
	if reclaim {
		return c.Queue.reclaim(ctx, consumer, c.Lease)
	}
	return c.Queue.read(ctx, consumer, block)
}

// recover follows an error of Redis. A stream that is gone, because Redis lost
// its data or is new, is made again.
func (c *Consumer) recover(ctx context.Context, cause error) {
	if strings.HasPrefix(cause.Error(), "NOGROUP") {
		cause = c.Queue.create(ctx)
		if cause == nil {
			return
		}
	}
	c.Log.Warn("queue unavailable, trying again", "error", cause.Error())
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

// do handles one job and acknowledges it after the work.
func (c *Consumer) do(ctx context.Context, consumer string, j job) {
	stopRenewing := c.keepLease(consumer, j)
	err := c.Handle(ctx, j.id, j.attempts)
	stopRenewing()

	switch {
	case err == nil:
		c.ack(j)
	case ctx.Err() != nil && c.DropAtStop:
		c.ended(j, "dropped", nil)
	case ctx.Err() != nil:
		c.giveBack(consumer, j)
	case j.attempts >= c.MaxAttempts:
		c.bury(j, err)
	default:
		c.Log.Warn("job failed", "job", j.id, "attempt", j.attempts, "error", err.Error(), "again_in", c.Lease.String())
		c.ended(j, "failed", nil)
	}
}

// ack ends a job whose work is done.
func (c *Consumer) ack(j job) {
	ctx, cancel := context.WithTimeout(context.Background(), ackLimit)
	defer cancel()
	c.ended(j, "done", c.Queue.ack(ctx, j))
}

// bury sets a job aside. Those who wait for it are told first: the other way
// round, a process that ends in between would leave them waiting for ever.
func (c *Consumer) bury(j job, cause error) {
	ctx, cancel := context.WithTimeout(context.Background(), ackLimit)
	defer cancel()
	if c.Buried != nil {
		if err := c.Buried(ctx, j.id); err != nil {
			c.ended(j, "failed", fmt.Errorf("tell that it is set aside: %w", err))
			return
		}
	}
	c.Log.Error("job set aside", "job", j.id, "attempts", j.attempts, "error", cause.Error())
	c.ended(j, "buried", c.Queue.bury(ctx, j, cause))
}

// giveBack returns a job that is not done to the queue.
func (c *Consumer) giveBack(consumer string, j job) {
	ctx, cancel := context.WithTimeout(context.Background(), ackLimit)
	defer cancel()
	c.ended(j, "returned", c.Queue.giveBack(ctx, consumer, j, c.Lease))
}

func (c *Consumer) ended(j job, result string, err error) {
	if err != nil {
		c.Log.Warn("job will be delivered again", "job", j.id, "result", result, "error", err.Error())
	}
	if c.Done != nil {
		c.Done(result)
	}
}

// keepLease renews the lease of a job until the returned function is called,
// which waits for a renewal under way.
func (c *Consumer) keepLease(consumer string, j job) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(c.Lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := c.Queue.renew(ctx, consumer, j); err != nil && !errors.Is(err, context.Canceled) {
					c.Log.Warn("lease not renewed", "job", j.id, "error", err.Error())
				}
			}
		}
	})
	return func() { cancel(); renewing.Wait() }
}
