package worker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/worker"
)

// shelf is Orders with one paid order on it.
type shelf struct {
	fulfilled []store.Delivery
}

func (s *shelf) FulfilOrder(ctx context.Context, _ string, by store.Delivery) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if len(s.fulfilled) > 0 {
		return false, nil
	}
	s.fulfilled = append(s.fulfilled, by)
	return true, nil
}

func TestFulfillingTakesItsTimeAndIsDoneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, counted := &shelf{}, 0
		w := worker.Worker{Orders: s, Instance: "worker-2", From: time.Second, To: 3 * time.Second, Fulfilled: func() { counted++ }}
		for n := range int64(2) {
			began := time.Now()
			if err := w.Handle(t.Context(), "ord_1", n+1); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < time.Second || took > 3*time.Second {
				t.Errorf("it took %s, want 1s to 3s", took)
			}
		}
		if len(s.fulfilled) != 1 || s.fulfilled[0] != (store.Delivery{Instance: "worker-2", Deliveries: 1}) || counted != 1 {
			t.Errorf("fulfilled by %+v, counted %d times; want once, by worker-2", s.fulfilled, counted)
		}
	})
}

func TestFulfillingGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := worker.Worker{Orders: s, From: time.Minute, To: time.Minute}.Handle(ctx, "ord_1", 1)
		if !errors.Is(err, context.DeadlineExceeded) || len(s.fulfilled) > 0 {
			t.Errorf("Handle = %v, fulfilled %v; want it given up", err, s.fulfilled)
		}
	})
}
