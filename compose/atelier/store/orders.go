package store

import (
	"context"
	"fmt"
	"time"
)

// The states of an order, in order. Rejected and fulfilled are final.
const (
	OrderPending   = "pending"   // accepted, the charge is not known to have happened
	OrderPaid      = "paid"      // charged, waits for a worker
	OrderFulfilled = "fulfilled" // done
	OrderRejected  = "rejected"  // the payment was declined
)

// Order is one purchase.
type Order struct {
	ID         string    `json:"id"`
	Account    string    `json:"account"`
	Key        string    `json:"-"` // the client's idempotency key
	Product    string    `json:"product"`
	Quantity   int64     `json:"quantity"`
	TotalCents int64     `json:"total_cents"`
	Status     string    `json:"status"`
	Charge     string    `json:"charge,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
}

// orderColumns are those that scanOrder reads.
const orderColumns = `id, account, idempotency_key, product, quantity, total_cents, status, charge, created_at`

// CreateOrder adds a pending order at the catalogue's price, unless the account
// has used its key before: then it returns that order and created is false.
// ErrNotFound means that there is no such product.
func (s *Store) CreateOrder(ctx context.Context, account, key, product string, quantity int64) (order Order, created bool, err error) {
	// The casts tell PostgreSQL the types of parameters in a select list.
	order, err = scanOrder(s.one(ctx, read{"", query{
		`INSERT INTO orders (id, account, idempotency_key, product, quantity, total_cents, status, created_at)
		 SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), p.id, CAST($4 AS BIGINT), p.price_cents * CAST($4 AS BIGINT), 'pending', CAST($5 AS BIGINT)
		 FROM products p WHERE p.id = $6
		 ON CONFLICT (account, idempotency_key) DO NOTHING
		 RETURNING ` + orderColumns,
		[]any{newID("ord"), account, key, quantity, toMicros(time.Now()), product}}}))
	if err == nil {
		return order, true, nil
	}
	if err = missing(err, "product", product); !isNotFound(err) {
		return Order{}, false, fmt.Errorf("create order: %w", err)
	}
	// No row: the key is taken, or the product does not exist.
	order, found := s.OrderByKey(ctx, account, key)
	if found == nil {
		return order, false, nil
	}
	if isNotFound(found) {
		return Order{}, false, err
	}
	return Order{}, false, found
}

// OrderByKey returns the order for which an account has used a key.
func (s *Store) OrderByKey(ctx context.Context, account, key string) (Order, error) {
	order, err := scanOrder(s.one(ctx, read{readOrder, query{`SELECT ` + orderColumns + ` FROM orders WHERE account = $1 AND idempotency_key = $2`, []any{account, key}}}))
	return order, missing(err, "order with key", key)
}

// Order returns an order of an account.
func (s *Store) Order(ctx context.Context, account, id string) (Order, error) {
	order, err := scanOrder(s.one(ctx, read{readOrder, query{`SELECT ` + orderColumns + ` FROM orders WHERE id = $1 AND account = $2`, []any{id, account}}}))
	return order, missing(err, "order", id)
}

// PayOrder marks a pending order as paid by a charge. On an order that is no
// longer pending it does nothing.
func (s *Store) PayOrder(ctx context.Context, id, charge string) error {
	_, err := s.change(ctx, query{
		`UPDATE orders SET status = 'paid', charge = $2, paid_at = $3 WHERE id = $1 AND status = 'pending'`,
		[]any{id, charge, toMicros(time.Now())}})
	if err != nil {
		return fmt.Errorf("mark order %s as paid: %w", id, err)
	}
	return nil
}

// InsertOrder adds an order as it is, unless its key has been used before.
func (s *Store) InsertOrder(ctx context.Context, o Order) error {
	paid := int64(0)
	if o.Status == OrderPaid {
		paid = toMicros(time.Now())
	}
	_, err := s.change(ctx, query{
		`INSERT INTO orders (id, account, idempotency_key, product, quantity, total_cents, status, charge, created_at, paid_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		[]any{o.ID, o.Account, o.Key, o.Product, o.Quantity, o.TotalCents, o.Status, o.Charge, toMicros(o.CreatedAt), paid}})
	if err != nil {
		return fmt.Errorf("insert order %s: %w", o.ID, err)
	}
	return nil
}

// RejectOrder marks a pending order as rejected.
func (s *Store) RejectOrder(ctx context.Context, id string) error {
	if _, err := s.change(ctx, query{`UPDATE orders SET status = 'rejected' WHERE id = $1 AND status = 'pending'`, []any{id}}); err != nil {
		return fmt.Errorf("mark order %s as rejected: %w", id, err)
	}
	return nil
}

// FulfilOrder marks a paid order as fulfilled, writes down by whom, and tells
// whether this call did it, so that a job delivered twice is done once.
func (s *Store) FulfilOrder(ctx context.Context, id string, by Delivery) (did bool, err error) {
	now := toMicros(time.Now())
	did, err = s.once(ctx,
		query{`UPDATE orders SET status = 'fulfilled', fulfilled_at = $2 WHERE id = $1 AND status = 'paid'`, []any{id, now}},
		query{`INSERT INTO fulfilments (order_id, instance, deliveries, done_at) VALUES ($1, $2, $3, $4)`, []any{id, by.Instance, by.Deliveries, now}})
	if err != nil {
		return false, fmt.Errorf("fulfil order %s: %w", id, err)
	}
	return did, nil
}

// ForgottenOrders returns orders that were paid before a moment and are still
// not fulfilled, at most limit: the process that should have queued them may
// have died between the payment and the queue.
func (s *Store) ForgottenOrders(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return s.ids(ctx, `SELECT id FROM orders WHERE status = 'paid' AND paid_at < $1 ORDER BY paid_at LIMIT $2`, toMicros(before), limit)
}

func scanOrder(scan func(...any) error) (Order, error) {
	var o Order
	var created int64
	err := scan(&o.ID, &o.Account, &o.Key, &o.Product, &o.Quantity, &o.TotalCents, &o.Status, &o.Charge, &created)
	o.CreatedAt = fromMicros(created)
	return o, err
}
