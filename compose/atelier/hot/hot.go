// Package hot answers what is read often from a cache in Redis, and from the
// database when it is not there. Whatever becomes of the cache, the database is
// asked for an item by one caller at a time of each process, and no more often
// than it can bear.
package hot

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

const (
	// standIn is how long this process answers from its own copy of a public item
	// when the cache does not answer, and stale is the same when the database does
	// not either.
	standIn = time.Second
	stale   = 10 * time.Minute
	// alone is how long a cache that did not answer is not asked.
	alone = 500 * time.Millisecond
	// loadLimit bounds reading an item from the database.
	loadLimit = 4 * time.Second
)

// errAlone means that the cache was not asked.
var errAlone = errors.New("the cache did not answer a moment ago")

// Item is something that is read often. Kind, ID and Form together are its name.
type Item struct {
	Kind string // of a few: "catalogue"; it is a label of metrics
	ID   string
	Form string // what of the same thing; Forget forgets all forms
	// Lifetime is how long it is kept in the cache, and up to a quarter longer: what
	// came together does not go together.
	Lifetime time.Duration
	// Public says that it is the same for everybody and may be out of date for some
	// time: processes keep copies. There are not many of those.
	Public bool
}

func (i Item) name() string { return i.Kind + ":" + i.ID }
func (i Item) key() string  { return "hot:" + i.name() + ":" + i.Form }

// generation is the key of what tells entries of before a change from those after it.
func (i Item) generation() string { return "hot-generation:" + i.name() }

// Cache is safe for concurrent use.
type Cache struct {
	// Stampede is the defect cache-stampede: whoever does not find an item asks the
	// database. It is set before the first read.
	Stampede bool

	client *redis.Client
	loads  singleflight.Group
	copies sync.Map     // of public items, by key
	until  atomic.Int64 // when the cache is asked again, in Unix nanoseconds
	reads  *prometheus.CounterVec
}

// kept is a copy in this process.
type kept struct {
	body []byte
	at   time.Time
}

// New returns a cache without contacting Redis.
func New(client *redis.Client, m *telemetry.Metrics) *Cache {
	return &Cache{
		client: client,
		reads:  m.Counter("hot_reads_total", "Reads of what is kept in the cache, by what was read and where the answer came from: cache, database, or a copy in the process.", "kind", "from"),
	}
}

// Get returns an item, from the cache or else from load, which reads the
// database. What it returns is not changed by anybody.
func (c *Cache) Get(ctx context.Context, item Item, load func(ctx context.Context) ([]byte, error)) ([]byte, error) {
	generation, body, err := c.look(ctx, item)
	switch {
	case err == nil:
		c.count(item, "cache")
		return body, nil
	case c.Stampede:
		return c.load(ctx, item, generation, err, load)
	case !errors.Is(err, redis.Nil):
		if body, ok := c.copied(item, standIn); ok {
			return body, nil
		}
	}
	// One caller's cancellation must not fail the others. Callers after a change do
	// not get what was read before it: they have another generation.
	ctx = context.WithoutCancel(ctx)
	loaded, err, _ := c.loads.Do(item.key()+generation, func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, loadLimit)
		defer cancel()
		// A load that ended since this caller looked has filled the cache.
		generation, body, missing := c.look(ctx, item)
		if missing == nil {
			c.count(item, "cache")
			return body, nil
		}
		return c.load(ctx, item, generation, missing, load)
	})
	if err == nil {
		return loaded.([]byte), nil
	}
	if body, ok := c.copied(item, stale); ok {
		return body, nil
	}
	return nil, err
}

// Forget makes entries of before a change void. It is called after the change is
// stored and before anybody is told. A cache that does not answer keeps the entry
// until its lifetime is over.
func (c *Cache) Forget(ctx context.Context, item Item) {
	// Longer than what was read before the change is kept.
	if err := c.client.Set(ctx, item.generation(), rand.Text(), 2*item.Lifetime).Err(); err != nil {
		c.avoid(ctx)
		c.loads.Forget(item.key())
	}
}

// look reads the cache: redis.Nil when it does not have the item, another error
// when it does not answer.
func (c *Cache) look(ctx context.Context, item Item) (generation string, body []byte, err error) {
	if time.Now().UnixNano() < c.until.Load() {
		return "", nil, errAlone
	}
	values, err := c.client.MGet(ctx, item.generation(), item.key()).Result()
	if err != nil {
		c.avoid(ctx)
		return "", nil, err
	}
	generation, _ = values[0].(string)
	entry, _ := values[1].(string)
	of, content, found := strings.Cut(entry, "\n")
	if !found || of != generation {
		return generation, nil, redis.Nil
	}
	return generation, []byte(content), nil
}

// avoid leaves a cache alone that did not answer, unless it was the caller who
// did not wait.
func (c *Cache) avoid(ctx context.Context) {
	if ctx.Err() == nil {
		c.until.Store(time.Now().Add(alone).UnixNano())
	}
}

// load reads the database, and keeps what it gets.
func (c *Cache) load(ctx context.Context, item Item, generation string, missing error, load func(ctx context.Context) ([]byte, error)) ([]byte, error) {
	body, err := load(ctx)
	if err != nil {
		return nil, err
	}
	c.count(item, "database")
	if item.Public {
		c.copies.Store(item.key(), kept{body, time.Now()})
	}
	if errors.Is(missing, redis.Nil) {
		// That it could not be stored is no reason not to answer.
		c.client.Set(ctx, item.key(), generation+"\n"+string(body), item.Lifetime+mathrand.N(item.Lifetime/4))
	}
	return body, nil
}

// copied is the copy of this process, if it is young enough.
func (c *Cache) copied(item Item, age time.Duration) ([]byte, bool) {
	found, ok := c.copies.Load(item.key())
	if !ok || time.Since(found.(kept).at) > age {
		return nil, false
	}
	c.count(item, "copy")
	return found.(kept).body, true
}

func (c *Cache) count(item Item, from string) { c.reads.WithLabelValues(item.Kind, from).Inc() }
