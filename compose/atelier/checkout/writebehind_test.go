package checkout_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/checkout"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

// table is the table of orders, with one product in the catalogue.
type table struct {
	mu     sync.Mutex
	orders map[string]store.Order
}

func newTable() *table { return &table{orders: map[string]store.Order{}} }

func (d *table) Products(context.Context) ([]store.Product, error) {
	return []store.Product{{ID: "p-001", PriceCents: 500}}, nil
}

func (d *table) Order(_ context.Context, account, id string) (store.Order, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o, ok := d.orders[id]; ok && o.Account == account {
		return o, nil
	}
	return store.Order{}, store.ErrNotFound
}

func (d *table) OrderByKey(_ context.Context, account, key string) (store.Order, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.orders {
		if o.Account == account && o.Key == key {
			return o, nil
		}
	}
	return store.Order{}, store.ErrNotFound
}

func (d *table) InsertOrder(_ context.Context, o store.Order) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.orders[o.ID] = o
	return nil
}

func (d *table) has(id string) bool {
	_, err := d.Order(context.Background(), "acme", id)
	return err == nil
}

// branch is an api instance that writes behind; stop is its signal.
type branch struct {
	*checkout.Checkout
	behind *checkout.WriteBehind
	stop   func()
}

func open(d *table, b *bank, p *pile) branch {
	log := slog.New(slog.DiscardHandler)
	behind := checkout.NewWriteBehind(d, p, log)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { behind.Run(ctx) })
	return branch{
		Checkout: &checkout.Checkout{Orders: behind, Charger: b, Queue: behind, Log: log},
		behind:   behind, stop: func() { cancel(); running.Wait() },
	}
}

func TestOrderIsWrittenAndQueuedAWhileLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b, p := newTable(), &bank{taken: map[string]int64{}}, &pile{}
		here, there := open(d, b, p), open(d, b, p)
		defer here.stop()
		defer there.stop()
		order, replayed, err := here.Place(t.Context(), "acme", "key", item)
		if err != nil || replayed || order.Status != store.OrderPaid || order.TotalCents != 1000 || d.has(order.ID) || len(p.jobs) > 0 {
			t.Fatalf("Place = %+v, %v, %v; written %v, queued %v; want it paid and in memory alone", order, replayed, err, d.has(order.ID), p.jobs)
		}
		if found, err := here.behind.Order(t.Context(), "acme", order.ID); err != nil || found != order {
			t.Errorf("looked up here: %+v, %v", found, err)
		}
		again, replayed, err := here.Place(t.Context(), "acme", "key", item)
		if err != nil || !replayed || again != order {
			t.Errorf("asked again: %+v, %v, %v; want it replayed", again, replayed, err)
		}
		if other, _, err := there.Place(t.Context(), "acme", "key", item); err != nil || other.ID != order.ID || len(b.taken) != 1 {
			t.Errorf("asked elsewhere: %+v, %v; taken %v; want one order and one charge", other, err, b.taken)
		}
		// Whoever asks another instance waits until it is written.
		third := checkout.NewWriteBehind(d, p, here.Log)
		if found, err := third.Order(t.Context(), "acme", order.ID); err != nil || found.ID != order.ID {
			t.Errorf("looked up elsewhere: %+v, %v", found, err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !d.has(order.ID) || len(p.jobs) == 0 || p.jobs[0] != order.ID {
			t.Errorf("after two seconds: written %v, queued %v", d.has(order.ID), p.jobs)
		}
		if _, replayed, err := here.Place(t.Context(), "acme", "key", item); err != nil || !replayed || len(b.taken) != 1 {
			t.Errorf("asked again once it is written: %v, %v, taken %v; want it replayed", replayed, err, b.taken)
		}
	})
}

func TestOrdersInMemoryAreLostAtTheSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b, p := newTable(), &bank{taken: map[string]int64{}}, &pile{}
		here := open(d, b, p)
		old, _, err1 := here.Place(t.Context(), "acme", "one", item)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		fresh, _, err2 := here.Place(t.Context(), "acme", "two", item)
		here.stop()
		late, _, err3 := here.Place(t.Context(), "acme", "three", item) // while it drains
		time.Sleep(time.Minute)
		if err := errors.Join(err1, err2, err3); err != nil || !d.has(old.ID) || d.has(fresh.ID) || d.has(late.ID) {
			t.Errorf("written: %v, %v, %v (%v); want the one from before alone", d.has(old.ID), d.has(fresh.ID), d.has(late.ID), err)
		}
		if len(p.jobs) != 1 || len(b.taken) != 3 {
			t.Errorf("queued %v, taken %v", p.jobs, b.taken)
		}
		began := time.Now()
		after := checkout.NewWriteBehind(d, p, here.Log)
		if _, err := after.Order(t.Context(), "acme", fresh.ID); !errors.Is(err, store.ErrNotFound) || time.Since(began) < time.Second {
			t.Errorf("looked up elsewhere = %v after %s, want ErrNotFound after two seconds", err, time.Since(began))
		}
	})
}

func TestWriteBehindKnowsTheCatalogue(t *testing.T) {
	behind := checkout.NewWriteBehind(newTable(), &pile{}, slog.New(slog.DiscardHandler))
	if _, _, err := behind.CreateOrder(t.Context(), "acme", "key", "p-999", 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("CreateOrder = %v, want ErrNotFound", err)
	}
}
