// Package catalogue serves the products from a cache in Redis and fills it
// from the database.
package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"

	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

const (
	cacheKey = "catalogue:v1"
	lifetime = 60 * time.Second
)

// Source is where products come from; *store.Store is one.
type Source interface {
	Products(ctx context.Context) ([]store.Product, error)
}

// Catalogue is safe for concurrent use.
type Catalogue struct {
	client *redis.Client
	source Source
	loads  singleflight.Group
	reads  *prometheus.CounterVec
}

// New returns a catalogue without contacting anything.
func New(client *redis.Client, source Source, m *telemetry.Metrics) *Catalogue {
	return &Catalogue{
		client: client, source: source,
		reads: m.Counter("catalogue_reads_total", "Reads of the catalogue, by where the answer came from: cache or database.", "from"),
	}
}

// JSON returns the catalogue as {"products": [...]}. When Redis does not
// answer it comes from the database.
func (c *Catalogue) JSON(ctx context.Context) ([]byte, error) {
	if cached, err := c.cached(ctx); err == nil {
		return cached, nil
	}
	return c.load(ctx)
}

func (c *Catalogue) cached(ctx context.Context) ([]byte, error) {
	cached, err := c.client.Get(ctx, cacheKey).Bytes()
	if err == nil {
		c.reads.WithLabelValues("cache").Inc()
	}
	return cached, err
}

// load reads the database once for all callers that wait at the same time, so
// that losing the cache does not become a stampede.
func (c *Catalogue) load(ctx context.Context) ([]byte, error) {
	// One caller's cancellation must not fail the others.
	ctx = context.WithoutCancel(ctx)
	loaded, err, _ := c.loads.Do(cacheKey, func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		// A load that ended since this caller looked has filled the cache.
		cached, missing := c.cached(ctx)
		if missing == nil {
			return cached, nil
		}
		products, err := c.source.Products(ctx)
		if err != nil {
			return nil, err
		}
		c.reads.WithLabelValues("database").Inc()
		body, err := json.Marshal(map[string]any{"products": products})
		if err != nil {
			return nil, fmt.Errorf("encode catalogue: %w", err)
		}
		if errors.Is(missing, redis.Nil) {
			// Spread the end of life, so that instances do not reload together.
			// That it could not be stored is no reason not to answer.
			c.client.Set(ctx, cacheKey, body, lifetime+rand.N(lifetime/4))
		}
		return body, nil
	})
	if err != nil {
		return nil, err
	}
	return loaded.([]byte), nil
}
