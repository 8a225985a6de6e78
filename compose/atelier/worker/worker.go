// Package worker fulfils paid orders.
package worker

import (
	"context"
)

// Orders is where orders are kept; *store.Store is one.
type Orders interface {
	FulfilOrder(ctx context.Context, id string) (did bool, err error)
}

// Worker does the jobs of the queue of orders.
type Worker struct {
	Orders Orders
	// Fulfilled is called for each order that was fulfilled, if set.
	Fulfilled func()
}

// Handle fulfils one order. An order that is fulfilled already, because its job
// was delivered twice, is left alone.
func (w Worker) Handle(ctx context.Context, id string) error {
	did, err := w.Orders.FulfilOrder(ctx, id)
	if did && w.Fulfilled != nil {
		w.Fulfilled()
	}
	return err
}
