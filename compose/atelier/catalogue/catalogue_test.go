package catalogue_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/catalogue"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// source counts reads; if gate is set, a read says so on entered and waits for
// the gate.
type source struct {
	reads   atomic.Int64
	entered chan struct{}
	gate    chan struct{}
	err     error
}

func (s *source) Products(context.Context) ([]store.Product, error) {
	s.reads.Add(1)
	if s.gate != nil {
		s.entered <- struct{}{}
		<-s.gate
	}
	return []store.Product{{ID: "p-001", Name: "Oak panel", PriceCents: 900}}, s.err
}

const body = `{"products":[{"id":"p-001","name":"Oak panel","price_cents":900}]}`

func newCatalogue(t *testing.T, s *source) (*miniredis.Miniredis, *catalogue.Catalogue) {
	t.Helper()
	server := miniredis.RunT(t)
	client := cache.Open(server.Addr(), 32)
	t.Cleanup(func() { client.Close() })
	return server, catalogue.New(client, s, telemetry.New("api"))
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

func TestLosingTheCacheIsOneReadForAllWhoWait(t *testing.T) {
	s := &source{entered: make(chan struct{}, 16), gate: make(chan struct{})}
	_, c := newCatalogue(t, s)
	var together sync.WaitGroup
	for range 16 {
		together.Go(func() { want(t, c) })
	}
	<-s.entered
	close(s.gate)
	together.Wait()
	// Whoever came after the read had ended found the entry in the cache.
	if n := s.reads.Load(); n != 1 {
		t.Errorf("%d reads of the database, want 1", n)
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
