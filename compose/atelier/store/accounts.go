package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTaken is returned (wrapped) for a name that another account has.
var ErrTaken = errors.New("taken")

// Account is one that has signed up.
type Account struct {
	ID        string    `json:"id"`
	Name      string    `json:"account"`
	Tier      string    `json:"tier"`
	CreatedAt time.Time `json:"created_at"`
}

// CreateAccount adds an account, unless its key has been used before: then it
// returns that account and created is false. ErrTaken means that another
// account has the name.
func (s *Store) CreateAccount(ctx context.Context, key, name, tier string) (account Account, created bool, err error) {
	a := Account{ID: newID("acc"), Name: name, Tier: tier, CreatedAt: fromMicros(toMicros(time.Now()))}
	created, err = s.change(ctx, query{
		`INSERT INTO accounts (id, name, tier, idempotency_key, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		[]any{a.ID, a.Name, a.Tier, key, toMicros(a.CreatedAt)}})
	if err != nil {
		return Account{}, false, fmt.Errorf("create account: %w", err)
	}
	if created {
		return a, true, nil
	}
	// No row: the key is taken, or the name is.
	var micros int64
	scan := s.one(ctx, read{readAccount, query{`SELECT id, name, tier, created_at FROM accounts WHERE idempotency_key = $1`, []any{key}}})
	err = missing(scan(&a.ID, &a.Name, &a.Tier, &micros), "account with key", key)
	if isNotFound(err) {
		return Account{}, false, fmt.Errorf("account %q: %w", name, ErrTaken)
	}
	a.CreatedAt = fromMicros(micros)
	return a, false, err
}
