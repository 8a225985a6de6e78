package payments

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// DeclineAbove is the amount in cents above which a charge is declined, as a
// card's limit would.
const DeclineAbove = 1_000_000

// Charge is money taken.
type Charge struct {
	ID          string    `json:"id"`
	Order       string    `json:"order"`
	AmountCents int64     `json:"amount_cents"`
	Key         string    `json:"idempotency_key"`
	CreatedAt   time.Time `json:"created_at"`
}

var (
	errDeclined = errors.New("declined: the amount is above the limit")
	errKeyReuse = errors.New("this idempotency key was used for another charge")
)

// ledger holds every charge in memory. It is safe for concurrent use. A key is
// charged once: a second request with it waits for the first and gets its result.
type ledger struct {
	mu      sync.Mutex
	byKey   map[string]*entry
	charges []Charge
}

type entry struct {
	order  string
	amount int64
	done   chan struct{} // closed when charge and err are set
	charge Charge
	err    error
}

func newLedger() *ledger { return &ledger{byKey: map[string]*entry{}} }

// charge takes the money once for a key; work stands for the time the bank
// needs. replayed tells that an earlier request has done it.
func (l *ledger) charge(ctx context.Context, key, order string, amount int64, work func()) (c Charge, replayed bool, err error) {
	e, first := l.enter(key, order, amount)
	if !first {
		if e.order != order || e.amount != amount {
			return Charge{}, false, errKeyReuse
		}
		select {
		case <-e.done:
			return e.charge, true, e.err
		case <-ctx.Done():
			return Charge{}, false, ctx.Err()
		}
	}
	// The bank finishes what it began, whether or not the caller still waits.
	work()
	l.settle(e, key)
	return e.charge, false, e.err
}

func (l *ledger) enter(key, order string, amount int64) (e *entry, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.byKey[key]; ok {
		return e, false
	}
	e = &entry{order: order, amount: amount, done: make(chan struct{})}
	l.byKey[key] = e
	return e, true
}

func (l *ledger) settle(e *entry, key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(e.done)
	if e.amount > DeclineAbove {
		e.err = errDeclined
		return
	}
	e.charge = Charge{ID: "chg_" + strings.ToLower(rand.Text()), Order: e.order, AmountCents: e.amount, Key: key, CreatedAt: time.Now().UTC()}
	l.charges = append(l.charges, e.charge)
}

// after returns the charges that follow the first n, at most limit, and how
// many there are in all.
func (l *ledger) after(n, limit int) (page []Charge, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	total = len(l.charges)
	n = min(n, total)
	return slices.Clone(l.charges[n:min(n+limit, total)]), total
}
