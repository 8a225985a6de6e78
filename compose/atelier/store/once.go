package store

import (
	"context"
	"database/sql"
)

// Delivery says who did a job, and how often it had been handed out by then.
type Delivery struct {
	Instance   string
	Deliveries int64
}

// query is a statement and its arguments.
type query struct {
	text string
	args []any
}

// once runs the second statement if the first changes a row, and tells whether
// it did. Both are in one transaction: what was done and that it was done are
// never apart, whenever the process dies.
func (s *Store) once(ctx context.Context, change, record query) (did bool, err error) {
	err = s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		did, err = changed(tx.ExecContext(ctx, change.text, change.args...))
		if err != nil || !did {
			return err
		}
		_, err = tx.ExecContext(ctx, record.text, record.args...)
		return err
	})
	return did && err == nil, err
}
