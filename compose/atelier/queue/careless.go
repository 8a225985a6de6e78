package queue

import (
	"context"
	"time"
)

// The defect drain-drops-queue: a consumer takes jobs ahead, acknowledges each
// when it is taken, and lets one lie until as many others have come, or for
// linger.
const (
	ahead  = 8 // in all lanes together
	linger = 1500 * time.Millisecond
	glance = 100 * time.Millisecond // how long one read waits
)

// taken is a job that Redis knows nothing of any more.
type taken struct {
	job
	at time.Time
}

// careless is lane with that defect. When taking is done it returns at once,
// whatever it has in hand: nobody will ever do it.
func (c *Consumer) careless(taking context.Context, consumer string) {
	var hand []taken
	for taking.Err() == nil {
		j, ok, err := c.Queue.read(context.WithoutCancel(taking), consumer, glance)
		if ok {
			err = c.Queue.ack(context.WithoutCancel(taking), j)
			hand = append(hand, taken{j, time.Now()})
		}
		if err != nil && taking.Err() == nil {
			c.recover(taking, err)
		}
		if len(hand) >= max(2, ahead/c.Concurrency) || len(hand) > 0 && time.Since(hand[0].at) > linger {
			c.doCarelessly(taking, hand[0].job)
			hand = hand[1:]
		}
	}
	if len(hand) > 0 {
		c.Log.Warn("dropping jobs in hand", "jobs", len(hand))
	}
}

func (c *Consumer) doCarelessly(ctx context.Context, j job) {
	if err := c.Handle(ctx, j.id, j.attempts); err != nil {
		c.Log.Warn("job dropped", "job", j.id, "error", err.Error())
		c.ended(j, "dropped", nil)
		return
	}
	c.ended(j, "done", nil)
}
