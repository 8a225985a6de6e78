// Package checkout turns a request to buy into one order and one charge,
// however often the client has to ask.
package checkout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/payments"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

// Errors of Place that the client has caused, returned wrapped.
var (
	// ErrInvalid means that the request can never be accepted.
	ErrInvalid = errors.New("invalid order")
	// ErrKeyReuse means that the key has been used for something else.
	ErrKeyReuse = errors.New("this idempotency key was used for another order")
)

// MaxQuantity is the most of one product in an order.
const MaxQuantity = 1000

// Item is what a client wants to buy.
type Item struct {
	Product  string `json:"product"`
	Quantity int64  `json:"quantity"`
}

// Orders is where orders are kept; *store.Store is one.
type Orders interface {
	CreateOrder(ctx context.Context, account, key, product string, quantity int64) (store.Order, bool, error)
	PayOrder(ctx context.Context, id, charge string) error
	RejectOrder(ctx context.Context, id string) error
}

// Charger takes money once for each key; *payments.Client is one.
type Charger interface {
	Charge(ctx context.Context, key, order string, amountCents int64) (payments.Charge, error)
}

// Pusher queues a job; *queue.Queue is one.
type Pusher interface {
	Push(ctx context.Context, id string) error
}

// Checkout is safe for concurrent use.
type Checkout struct {
	Orders  Orders
	Charger Charger
	Queue   Pusher
	Log     *slog.Logger
	// IgnoreKeys is the defect no-idempotency: every request is a new order, and
	// every call of the bank a new charge.
	IgnoreKeys bool
}

// Place accepts an order, charges it and queues it. Called again with the same
// account and key it goes on where the last call stopped: replayed tells that
// there was nothing left to do. With payments.ErrUnavailable the order stays
// pending, and asking again is safe: the charge's key is the order's id, so the
// money is taken once.
func (c *Checkout) Place(ctx context.Context, account, key string, item Item) (order store.Order, replayed bool, err error) {
	if item.Quantity < 1 || item.Quantity > MaxQuantity {
		return store.Order{}, false, fmt.Errorf("%w: quantity must be from 1 to %d", ErrInvalid, MaxQuantity)
	}
	if c.IgnoreKeys {
		key = rand.Text()
	}
	order, _, err = c.Orders.CreateOrder(ctx, account, key, item.Product, item.Quantity)
	if err != nil {
		return store.Order{}, false, err
	}
	if order.Product != item.Product || order.Quantity != item.Quantity {
		return store.Order{}, false, ErrKeyReuse
	}
	switch order.Status {
	case store.OrderPending:
		order, err = c.pay(ctx, order)
		return order, false, err
	case store.OrderRejected:
		return order, true, payments.ErrDeclined
	}
	return order, true, nil
}

// payLimit bounds paying: all attempts at the charge, their pauses, and writing
// the result down.
const payLimit = 4 * time.Second

// pay charges a pending order and hands it to the workers. It goes on when the
// client hangs up, because from the first attempt on money may have been taken.
func (c *Checkout) pay(ctx context.Context, order store.Order) (store.Order, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), payLimit)
	defer cancel()
	key := order.ID
	if c.IgnoreKeys {
		key = rand.Text()
	}
	charge, err := c.Charger.Charge(ctx, key, order.ID, order.TotalCents)
	if errors.Is(err, payments.ErrDeclined) {
		return order, errors.Join(err, c.Orders.RejectOrder(ctx, order.ID))
	}
	if err != nil {
		return order, err
	}
	if err := c.Orders.PayOrder(ctx, order.ID, charge.ID); err != nil {
		return order, err
	}
	order.Status, order.Charge = store.OrderPaid, charge.ID
	if err := c.Queue.Push(ctx, order.ID); err != nil {
		// The order stands; the workers' sweep finds it.
		c.Log.Warn("order not queued, left to the sweep", "order", order.ID, "error", err.Error())
	}
	return order, nil
}
