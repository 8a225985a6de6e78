// Package catalogue is what is for sale, read through a cache.
package catalogue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/hot"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

// lifetime is how long products are kept; prices do not change by the minute.
const lifetime = time.Minute

// Source is where products come from; *store.Store is one.
type Source interface {
	Products(ctx context.Context) ([]store.Product, error)
	Product(ctx context.Context, id string) (store.Product, error)
}

// Catalogue is safe for concurrent use.
type Catalogue struct {
	cache  *hot.Cache
	source Source
}

// New returns a catalogue without contacting anything.
func New(cache *hot.Cache, source Source) *Catalogue {
	return &Catalogue{cache: cache, source: source}
}

// JSON returns the catalogue as {"products": [...]}.
func (c *Catalogue) JSON(ctx context.Context) ([]byte, error) {
	item := hot.Item{Kind: "catalogue", Lifetime: lifetime, Public: true}
	return c.cache.Get(ctx, item, func(ctx context.Context) ([]byte, error) {
		products, err := c.source.Products(ctx)
		if err != nil {
			return nil, err
		}
		return encoded(map[string]any{"products": products})
	})
}

// Product returns one product as JSON; store.ErrNotFound if there is none.
func (c *Catalogue) Product(ctx context.Context, id string) ([]byte, error) {
	item := hot.Item{Kind: "product", ID: id, Lifetime: lifetime, Public: true}
	return c.cache.Get(ctx, item, func(ctx context.Context) ([]byte, error) {
		product, err := c.source.Product(ctx, id)
		if err != nil {
			return nil, err
		}
		return encoded(product)
	})
}

func encoded(value any) ([]byte, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode the catalogue: %w", err)
	}
	return body, nil
}
