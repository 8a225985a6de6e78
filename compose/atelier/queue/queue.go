// Package queue is a reliable job queue on a Redis stream with a consumer
// group: a job is acknowledged after its work is done, a job whose consumer is
// gone is delivered again, and one that keeps failing is set aside. Delivery is
// at least once, so handlers must be idempotent.
package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The queues of atelier.
const (
	Orders  = "orders"  // ids of orders to fulfil
	Imports = "imports" // ids of imports to convert
)

// group is the one consumer group: every job goes to one consumer.
const group = "consumers"

// Queue is one queue. It is safe for concurrent use.
type Queue struct {
	client *redis.Client
	name   string
	stream string
	dead   string
}

// New returns a queue without contacting Redis.
func New(client *redis.Client, name string) *Queue {
	return &Queue{client: client, name: name, stream: "queue:" + name, dead: "queue:" + name + ":dead"}
}

// Push adds a job; id says what is to be done and is all a handler gets.
func (q *Queue) Push(ctx context.Context, id string) error {
	err := q.client.XAdd(ctx, &redis.XAddArgs{Stream: q.stream, Values: []string{"id", id}}).Err()
	if err != nil {
		return fmt.Errorf("queue %s: %w", id, err)
	}
	return nil
}

// Depth is the number of jobs that are waiting or in hand.
func (q *Queue) Depth(ctx context.Context) (int64, error) {
	n, err := q.client.XLen(ctx, q.stream).Result()
	if err != nil {
		return 0, fmt.Errorf("read the depth of %s: %w", q.stream, err)
	}
	return n, nil
}

// OldestAge is how long ago the oldest job that is not done was pushed, 0 for
// an empty queue.
func (q *Queue) OldestAge(ctx context.Context) (time.Duration, error) {
	oldest, err := q.client.XRangeN(ctx, q.stream, "-", "+", 1).Result()
	if err != nil {
		return 0, fmt.Errorf("read the oldest job of %s: %w", q.stream, err)
	}
	if len(oldest) == 0 {
		return 0, nil
	}
	// The first half of an entry's id is the time of its creation.
	millis, _, _ := strings.Cut(oldest[0].ID, "-")
	created, err := strconv.ParseInt(millis, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the oldest job of %s: strange id %q", q.stream, oldest[0].ID)
	}
	return max(0, time.Since(time.UnixMilli(created))), nil
}

// Dead is the number of jobs set aside after too many failures.
func (q *Queue) Dead(ctx context.Context) (int64, error) {
	return q.client.XLen(ctx, q.dead).Result()
}

// create makes the stream and its group if they do not exist.
func (q *Queue) create(ctx context.Context) error {
	err := q.client.XGroupCreateMkStream(ctx, q.stream, group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return fmt.Errorf("create %s: %w", q.stream, err)
	}
	return nil
}

// job is one delivery.
type job struct {
	entry    string // id of the stream entry
	id       string // what Push was given
	attempts int64  // deliveries so far, this one included
}

// read waits up to block for a job that nobody has taken yet; ok is false when
// there is none.
func (q *Queue) read(ctx context.Context, consumer string, block time.Duration) (j job, ok bool, err error) {
	streams, err := q.client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: consumer, Streams: []string{q.stream, ">"}, Count: 1, Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return job{}, false, nil
	}
	if err != nil {
		return job{}, false, err
	}
	for _, s := range streams {
		for _, m := range s.Messages {
			return job{entry: m.ID, id: idOf(m), attempts: 1}, true, nil
		}
	}
	return job{}, false, nil
}

// reclaim takes over a job whose consumer has not renewed it for lease.
func (q *Queue) reclaim(ctx context.Context, consumer string, lease time.Duration) (j job, ok bool, err error) {
	m, ok, err := q.autoClaim(ctx, consumer, lease)
	if err != nil || !ok {
		return job{}, false, err
	}
	pending, err := q.client.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: q.stream, Group: group, Start: m.ID, End: m.ID, Count: 1}).Result()
	if err != nil {
		return job{}, false, err
	}
	j = job{entry: m.ID, id: idOf(m), attempts: 1}
	if len(pending) == 1 {
		j.attempts = pending[0].RetryCount
	}
	return j, true, nil
}

// autoClaim goes through the jobs in hand until one is idle for lease: Redis
// looks at a few of them at a time.
func (q *Queue) autoClaim(ctx context.Context, consumer string, lease time.Duration) (m redis.XMessage, ok bool, err error) {
	for start := "0-0"; ; {
		messages, next, err := q.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: q.stream, Group: group, Consumer: consumer, MinIdle: lease, Start: start, Count: 1,
		}).Result()
		switch {
		case err != nil:
			return redis.XMessage{}, false, err
		case len(messages) > 0:
			return messages[0], true, nil
		case next == "0-0":
			return redis.XMessage{}, false, nil
		}
		start = next
	}
}

// renew restarts the lease of a job in hand.
func (q *Queue) renew(ctx context.Context, consumer string, j job) error {
	return q.claim(ctx, consumer, j, 0)
}

// giveBack ends the lease of a job now, so that the next reclaim gets it.
func (q *Queue) giveBack(ctx context.Context, consumer string, j job, lease time.Duration) error {
	return q.claim(ctx, consumer, j, lease)
}

// claim sets the idle time of a job without counting it as a delivery.
func (q *Queue) claim(ctx context.Context, consumer string, j job, idle time.Duration) error {
	return q.client.Do(ctx, "XCLAIM", q.stream, group, consumer, 0, j.entry,
		"IDLE", idle.Milliseconds(), "RETRYCOUNT", j.attempts, "JUSTID").Err()
}

// ack removes a job whose work is done.
func (q *Queue) ack(ctx context.Context, j job) error {
	_, err := q.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, q.stream, group, j.entry)
		p.XDel(ctx, q.stream, j.entry)
		return nil
	})
	return err
}

// bury sets a job aside for a person to look at.
func (q *Queue) bury(ctx context.Context, j job, cause error) error {
	_, err := q.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAdd(ctx, &redis.XAddArgs{Stream: q.dead, MaxLen: 10_000, Approx: true, Values: []string{"id", j.id, "error", cause.Error()}})
		p.XAck(ctx, q.stream, group, j.entry)
		p.XDel(ctx, q.stream, j.entry)
		return nil
	})
	return err
}

func idOf(m redis.XMessage) string {
	id, _ := m.Values["id"].(string)
	return id
}
