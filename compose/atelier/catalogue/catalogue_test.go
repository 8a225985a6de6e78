package catalogue_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/catalogue"
	"github.com/shakedown-dev/shakedown/compose/atelier/hot"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// source counts reads and gives a name.
type source struct {
	reads atomic.Int64
	err   error
}

func (s *source) Products(ctx context.Context) ([]store.Product, error) {
	p, err := s.Product(ctx, "p-001")
	return []store.Product{p}, err
}

func (s *source) Product(_ context.Context, id string) (store.Product, error) {
	s.reads.Add(1)
	if id != "p-001" {
		return store.Product{}, store.ErrNotFound
	}
	return store.Product{ID: id, Name: "Oak panel", PriceCents: 900}, s.err
}

const body = `{"products":[{"id":"p-001","name":"Oak panel","price_cents":900}]}`

func newCatalogue(t *testing.T, s *source) (*miniredis.Miniredis, *catalogue.Catalogue) {
	t.Helper()
	server := miniredis.RunT(t)
	client := cache.OpenLossy(server.Addr(), 32)
	t.Cleanup(func() { client.Close() })
	return server, catalogue.New(hot.New(client, telemetry.New("api")), s)
}

func want(t *testing.T, c *catalogue.Catalogue) {
	t.Helper()
	if got, err := c.JSON(t.Context()); err != nil || string(got) != body {
		t.Errorf("JSON = %s, %v", got, err)
	}
}

func TestSecondReadComesFromTheCache(t *testing.T) {
	s := &source{}
	server, c := newCatalogue(t, s)
	want(t, c)
	want(t, c)
	if n := s.reads.Load(); n != 1 {
		t.Errorf("%d reads of the database, want 1", n)
	}
	server.FastForward(2 * time.Minute)
	want(t, c)
	if n := s.reads.Load(); n != 2 {
		t.Errorf("%d reads after the entry's end, want 2", n)
	}
}

func TestWithoutRedisTheDatabaseAnswers(t *testing.T) {
	server, c := newCatalogue(t, &source{})
	server.Close()
	want(t, c)
}

func TestDatabaseErrorIsReported(t *testing.T) {
	_, c := newCatalogue(t, &source{err: errors.New("no database")})
	if _, err := c.JSON(t.Context()); err == nil {
		t.Error("JSON without cache and database succeeded")
	}
}

func TestProductsAreReadOneByOne(t *testing.T) {
	s := &source{}
	_, c := newCatalogue(t, s)
	for range 2 {
		if got, err := c.Product(t.Context(), "p-001"); err != nil || string(got) != `{"id":"p-001","name":"Oak panel","price_cents":900}` {
			t.Errorf("Product = %s, %v", got, err)
		}
	}
	want(t, c)
	if n := s.reads.Load(); n != 2 {
		t.Errorf("%d reads, want one of the product and one of all", n)
	}
	if _, err := c.Product(t.Context(), "p-999"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Product of nothing: %v", err)
	}
}
