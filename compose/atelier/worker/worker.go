// Package worker fulfils paid orders.
package worker

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

// Orders is where orders are kept; *store.Store is one.
type Orders interface {
	FulfilOrder(ctx context.Context, id string, by store.Delivery) (did bool, err error)
}

// Worker does the jobs of the queue of orders.
type Worker struct {
	Orders Orders
	// Instance is who does them.
	Instance string
	// From and To are the least and the most that fulfilling takes.
	From, To time.Duration
	// Fulfilled is called for each order that was fulfilled, if set.
	Fulfilled func()
}

// Handle fulfils one order. An order that is fulfilled already, because its job
// was delivered twice, is left alone. It gives up when ctx is done.
func (w Worker) Handle(ctx context.Context, id string, deliveries int64) error {
	// What fulfilling takes: packing, labels, the carrier's interface.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(w.From + rand.N(w.To-w.From+1)):
	}
	// The work is done: stopping now must not throw it away.
	did, err := w.Orders.FulfilOrder(context.WithoutCancel(ctx), id, store.Delivery{Instance: w.Instance, Deliveries: deliveries})
	if did && w.Fulfilled != nil {
		w.Fulfilled()
	}
	return err
}
