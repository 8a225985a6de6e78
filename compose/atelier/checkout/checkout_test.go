package checkout_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"github.com/shakedown-dev/shakedown/compose/atelier/checkout"
	"github.com/shakedown-dev/shakedown/compose/atelier/payments"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

// bank is a Charger that follows a script: each call takes the next error, and
// nil takes the money, once for a key.
type bank struct {
	mu     sync.Mutex
	script []error
	taken  map[string]int64
}

func (b *bank) Charge(ctx context.Context, key, _ string, amount int64) (payments.Charge, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return payments.Charge{}, err
	}
	if len(b.script) > 0 {
		err := b.script[0]
		b.script = b.script[1:]
		if err != nil {
			return payments.Charge{}, err
		}
	}
	b.taken[key] = amount
	return payments.Charge{ID: "chg_" + key}, nil
}

// pile is a Pusher.
type pile struct {
	mu   sync.Mutex
	jobs []string
	err  error
}

func (p *pile) Push(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.jobs = append(p.jobs, id)
	}
	return p.err
}

func newCheckout(t *testing.T, script ...error) (*checkout.Checkout, *bank, *pile, *store.Store) {
	t.Helper()
	db, err := store.Open("sqlite://" + filepath.Join(t.TempDir(), "atelier.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, p := &bank{script: script, taken: map[string]int64{}}, &pile{}
	return &checkout.Checkout{Orders: db, Charger: b, Queue: p, Log: slog.New(slog.DiscardHandler)}, b, p, db
}

var item = checkout.Item{Product: "p-001", Quantity: 2}

func TestOrderIsPaidAndQueued(t *testing.T) {
	c, b, p, _ := newCheckout(t)
	order, replayed, err := c.Place(t.Context(), "acme", "key", item)
	if err != nil || replayed || order.Status != store.OrderPaid || order.Charge == "" {
		t.Fatalf("Place = %+v, %v, %v", order, replayed, err)
	}
	if len(b.taken) != 1 || b.taken[order.ID] != order.TotalCents || len(p.jobs) != 1 || p.jobs[0] != order.ID {
		t.Errorf("taken %v, queued %v", b.taken, p.jobs)
	}
}

func TestSameKeyIsOneOrderAndOneCharge(t *testing.T) {
	c, b, p, _ := newCheckout(t)
	first, _, err := c.Place(t.Context(), "acme", "key", item)
	if err != nil {
		t.Fatal(err)
	}
	again, replayed, err := c.Place(t.Context(), "acme", "key", item)
	if err != nil || !replayed || again.ID != first.ID || again.Charge != first.Charge {
		t.Errorf("second Place = %+v, %v, %v; want the first order replayed", again, replayed, err)
	}
	if len(b.taken) != 1 || len(p.jobs) != 1 {
		t.Errorf("taken %v, queued %v; want one of each", b.taken, p.jobs)
	}
}

// The same again without the keys: whoever asks twice buys and pays twice.
func TestIgnoredKeysAreTwoOrdersAndTwoCharges(t *testing.T) {
	c, b, p, _ := newCheckout(t)
	c.IgnoreKeys = true
	first, _, err1 := c.Place(t.Context(), "acme", "key", item)
	again, replayed, err2 := c.Place(t.Context(), "acme", "key", item)
	if err := errors.Join(err1, err2); err != nil || replayed || again.ID == first.ID {
		t.Errorf("orders %s and %s, replayed %v, %v; want two", first.ID, again.ID, replayed, err)
	}
	if _, byOrder := b.taken[first.ID]; len(b.taken) != 2 || byOrder || len(p.jobs) != 2 {
		t.Errorf("taken %v, queued %v; want two of each, under keys that nobody can repeat", b.taken, p.jobs)
	}
}

func TestSameKeyAtOnceIsOneOrderAndOneCharge(t *testing.T) {
	c, b, _, _ := newCheckout(t)
	var together sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		together.Go(func() {
			order, _, err := c.Place(t.Context(), "acme", "key", item)
			if err != nil {
				t.Error(err)
			}
			ids[i] = order.ID
		})
	}
	together.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("orders %s and %s for one key", ids[0], id)
		}
	}
	if len(b.taken) != 1 {
		t.Errorf("taken %v, want one charge", b.taken)
	}
}

func TestAskingAgainAfterAnOutageGoesOn(t *testing.T) {
	c, b, p, _ := newCheckout(t, payments.ErrUnavailable)
	pending, _, err := c.Place(t.Context(), "acme", "key", item)
	if !errors.Is(err, payments.ErrUnavailable) || len(p.jobs) != 0 {
		t.Fatalf("Place during an outage = %v, queued %v", err, p.jobs)
	}
	order, replayed, err := c.Place(t.Context(), "acme", "key", item)
	if err != nil || replayed || order.ID != pending.ID || order.Status != store.OrderPaid {
		t.Errorf("Place after it = %+v, %v, %v; want the same order paid", order, replayed, err)
	}
	if len(b.taken) != 1 || len(p.jobs) != 1 {
		t.Errorf("taken %v, queued %v; want one of each", b.taken, p.jobs)
	}
}

func TestDeclinedOrderStaysDeclined(t *testing.T) {
	c, b, p, db := newCheckout(t, payments.ErrDeclined)
	order, _, err := c.Place(t.Context(), "acme", "key", item)
	if !errors.Is(err, payments.ErrDeclined) {
		t.Fatalf("Place = %v, want ErrDeclined", err)
	}
	if stored, err := db.Order(t.Context(), "acme", order.ID); err != nil || stored.Status != store.OrderRejected {
		t.Errorf("stored order = %+v, %v; want it rejected", stored, err)
	}
	if _, replayed, err := c.Place(t.Context(), "acme", "key", item); !errors.Is(err, payments.ErrDeclined) || !replayed {
		t.Errorf("second Place = %v, %v; want the decline replayed", replayed, err)
	}
	if len(b.taken) != 0 || len(p.jobs) != 0 {
		t.Errorf("taken %v, queued %v; want nothing", b.taken, p.jobs)
	}
}

func TestClientThatHangsUpDoesNotStopThePayment(t *testing.T) {
	c, b, p, _ := newCheckout(t)
	ctx, hangUp := context.WithCancel(t.Context())
	c.Orders = hangingUp{c.Orders.(*store.Store), hangUp}
	order, _, err := c.Place(ctx, "acme", "key", item)
	if err != nil || order.Status != store.OrderPaid || len(b.taken) != 1 || len(p.jobs) != 1 {
		t.Errorf("Place = %+v, %v; taken %v, queued %v; want it paid and queued", order, err, b.taken, p.jobs)
	}
}

// hangingUp cancels the client's request as soon as its order is stored.
type hangingUp struct {
	*store.Store
	hangUp func()
}

func (h hangingUp) CreateOrder(ctx context.Context, account, key, product string, quantity int64) (store.Order, bool, error) {
	defer h.hangUp()
	return h.Store.CreateOrder(ctx, account, key, product, quantity)
}

func TestOrderThatCannotBeQueuedStands(t *testing.T) {
	c, _, p, _ := newCheckout(t)
	p.err = errors.New("no Redis")
	order, _, err := c.Place(t.Context(), "acme", "key", item)
	if err != nil || order.Status != store.OrderPaid {
		t.Errorf("Place without a queue = %+v, %v; want the order paid and left to the sweep", order, err)
	}
}

func TestRefusedRequestsTakeNoMoney(t *testing.T) {
	c, b, _, _ := newCheckout(t)
	if _, _, err := c.Place(t.Context(), "acme", "used", item); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key  string
		item checkout.Item
		want error
	}{
		{"k1", checkout.Item{Product: "p-001", Quantity: 0}, checkout.ErrInvalid},
		{"k2", checkout.Item{Product: "p-001", Quantity: checkout.MaxQuantity + 1}, checkout.ErrInvalid},
		{"k3", checkout.Item{Product: "p-999", Quantity: 1}, store.ErrNotFound},
		{"used", checkout.Item{Product: "p-002", Quantity: 2}, checkout.ErrKeyReuse},
		{"used", checkout.Item{Product: "p-001", Quantity: 3}, checkout.ErrKeyReuse},
	} {
		if _, _, err := c.Place(t.Context(), "acme", tt.key, tt.item); !errors.Is(err, tt.want) {
			t.Errorf("Place(%s, %+v) = %v, want %v", tt.key, tt.item, err, tt.want)
		}
	}
	if len(b.taken) != 1 {
		t.Errorf("taken %v, want the first order's money alone", b.taken)
	}
}
