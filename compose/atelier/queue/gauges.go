package queue

import (
	"context"
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// scrapeLimit bounds what a scrape waits for Redis.
const scrapeLimit = 500 * time.Millisecond

// Observe adds the queue's depth, the age of its oldest job and the jobs set
// aside to the metrics, with its name as the label queue. They are read at each
// scrape, and NaN while Redis does not answer: an unknown backlog must not look
// like an empty one. Whoever fills a queue observes it too, so that its backlog
// is seen when nobody works on it.
func (q *Queue) Observe(m *telemetry.Metrics) {
	m.Gauge("queue_depth", "Jobs that are waiting or in hand.", reading(q.Depth, 1), "queue", q.name)
	m.Gauge("queue_oldest_job_age_seconds", "Age of the oldest job that is not done.", reading(q.OldestAge, time.Second), "queue", q.name)
	m.Gauge("queue_dead_jobs", "Jobs set aside after too many failures.", reading(q.Dead, 1), "queue", q.name)
}

// reading turns a query into a gauge's value in the given unit.
func reading[N ~int64](query func(context.Context) (N, error), unit N) func() float64 {
	return func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
		defer cancel()
		n, err := query(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(n) / float64(unit)
	}
}
