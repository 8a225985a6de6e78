package checkout

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

const (
	// writeAfter is how long an order is kept in memory alone, from the moment it
	// is paid; writePeriod is how often those are looked for that are due.
	writeAfter  = 1500 * time.Millisecond
	writePeriod = 50 * time.Millisecond
	// lookFor is how long an order is looked for that another instance may have
	// in its memory.
	lookFor = 2 * time.Second
)

// Table is the table of orders; *store.Store is one.
type Table interface {
	Products(ctx context.Context) ([]store.Product, error)
	Order(ctx context.Context, account, id string) (store.Order, error)
	OrderByKey(ctx context.Context, account, key string) (store.Order, error)
	InsertOrder(ctx context.Context, order store.Order) error
}

// WriteBehind is the defect order-lost-on-term: it is Orders and Pusher, keeps
// orders in memory when they are acknowledged, and writes and queues them a
// while later, as long as Run runs. It is safe for concurrent use.
type WriteBehind struct {
	table Table
	queue Pusher
	log   *slog.Logger

	mu     sync.Mutex
	orders map[string]*unwritten // by id
}

type unwritten struct {
	store.Order
	due time.Time // zero until the order is to be written and queued
}

// NewWriteBehind returns a WriteBehind that writes to table and queue.
func NewWriteBehind(table Table, queue Pusher, log *slog.Logger) *WriteBehind {
	return &WriteBehind{table: table, queue: queue, log: log, orders: map[string]*unwritten{}}
}

// CreateOrder implements Orders. The id follows from account and key, so that
// instances that know nothing of one another's orders make one of one key.
func (w *WriteBehind) CreateOrder(ctx context.Context, account, key, product string, quantity int64) (store.Order, bool, error) {
	written, err := w.table.OrderByKey(ctx, account, key)
	if !errors.Is(err, store.ErrNotFound) {
		return written, false, err
	}
	price, err := w.price(ctx, product)
	if err != nil {
		return store.Order{}, false, err
	}
	sum := sha256.Sum256([]byte(account + "\x00" + key))
	order := store.Order{
		ID:      "ord_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:26]),
		Account: account, Key: key, Product: product, Quantity: quantity, TotalCents: price * quantity,
		Status: store.OrderPending, CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if known, ok := w.orders[order.ID]; ok {
		return known.Order, false, nil
	}
	w.orders[order.ID] = &unwritten{Order: order}
	return order, true, nil
}

func (w *WriteBehind) price(ctx context.Context, id string) (int64, error) {
	products, err := w.table.Products(ctx)
	if err != nil {
		return 0, err
	}
	for _, p := range products {
		if p.ID == id {
			return p.PriceCents, nil
		}
	}
	return 0, fmt.Errorf("product %q: %w", id, store.ErrNotFound)
}

// PayOrder implements Orders.
func (w *WriteBehind) PayOrder(_ context.Context, id, charge string) error {
	return w.settle(id, store.OrderPaid, charge)
}

// RejectOrder implements Orders.
func (w *WriteBehind) RejectOrder(_ context.Context, id string) error {
	return w.settle(id, store.OrderRejected, "")
}

func (w *WriteBehind) settle(id, status, charge string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o, ok := w.orders[id]; ok && o.Status == store.OrderPending {
		o.Status, o.Charge, o.due = status, charge, time.Now().Add(writeAfter)
	}
	return nil
}

// Push implements Pusher. The job is queued when the order is written: a worker
// would not find it before.
func (w *WriteBehind) Push(context.Context, string) error { return nil }

// Order is the order of an account, from memory or the table. One that is in
// neither is waited for, because another instance may have it.
func (w *WriteBehind) Order(ctx context.Context, account, id string) (store.Order, error) {
	for giveUp := time.Now().Add(lookFor); ; {
		w.mu.Lock()
		o, ok := w.orders[id]
		if ok && o.Account == account {
			defer w.mu.Unlock()
			return o.Order, nil
		}
		w.mu.Unlock()
		found, err := w.table.Order(ctx, account, id)
		if !errors.Is(err, store.ErrNotFound) || time.Now().After(giveUp) {
			return found, err
		}
		select {
		case <-ctx.Done():
			return store.Order{}, ctx.Err()
		case <-time.After(2 * writePeriod):
		}
	}
}

// Run writes orders until ctx is done. Whatever is in memory then is lost.
func (w *WriteBehind) Run(ctx context.Context) {
	tick := time.NewTicker(writePeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			w.log.Warn("dropping orders in memory", "orders", len(w.due(time.Now().Add(writeAfter))))
			return
		case now := <-tick.C:
			for _, order := range w.due(now) {
				if err := w.write(ctx, order); err != nil && ctx.Err() == nil {
					w.log.Warn("order not written, trying again", "order", order.ID, "error", err.Error())
				}
			}
		}
	}
}

// due is the settled orders whose time has come by now.
func (w *WriteBehind) due(now time.Time) []store.Order {
	w.mu.Lock()
	defer w.mu.Unlock()
	var due []store.Order
	for _, o := range w.orders {
		if !o.due.IsZero() && !o.due.After(now) {
			due = append(due, o.Order)
		}
	}
	return due
}

func (w *WriteBehind) write(ctx context.Context, order store.Order) error {
	if err := w.table.InsertOrder(ctx, order); err != nil {
		return err
	}
	w.mu.Lock()
	delete(w.orders, order.ID)
	w.mu.Unlock()
	if order.Status != store.OrderPaid {
		return nil
	}
	return w.queue.Push(context.WithoutCancel(ctx), order.ID) // or the workers' sweep finds it
}
