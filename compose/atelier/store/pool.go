package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
)

// ErrBusy means that no connection came free in time. Whoever asked is told so at
// once: a queue that grows behind a busy database makes everybody late.
var ErrBusy = errors.New("no connection to the database came free")

// pauses are those before a statement is tried again that has lost its connection:
// a database that is started again is away for about as long as all of them.
var pauses = []time.Duration{50 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond}

// pool is the connections to one database. A statement has its own connection,
// waits for it for a bounded time, runs for a bounded time, and is tried again when
// the connection is lost: every statement given to it may be run twice.
type pool struct {
	db    *sql.DB
	wait  time.Duration // for a connection
	limit time.Duration // of a statement
	leaks bool          // the defect pool-leak
	reads *prometheus.CounterVec
}

// read is a query that gives rows; what names it among database_reads_total.
type read struct {
	what string
	query
}

// one returns a scanner of the one row of a query: sql.ErrNoRows without.
func (p *pool) one(ctx context.Context, r read) (scan func(...any) error) {
	return func(into ...any) error {
		return p.do(ctx, func(ctx context.Context, c *sql.Conn) error {
			p.count(r)
			return c.QueryRowContext(ctx, r.text, r.args...).Scan(into...)
		})
	}
}

// each calls row with a scanner for each row of a query. begin is called first,
// and again when the query is tried again.
func (p *pool) each(ctx context.Context, r read, begin func(), row func(scan func(...any) error) error) error {
	return p.do(ctx, func(ctx context.Context, c *sql.Conn) error {
		begin()
		p.count(r)
		rows, err := c.QueryContext(ctx, r.text, r.args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// change runs a statement and tells whether it changed a row. When it is tried
// again after it was done, it tells no.
func (p *pool) change(ctx context.Context, q query) (did bool, err error) {
	err = p.do(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
		did, err = changed(c.ExecContext(ctx, q.text, q.args...))
		return err
	})
	return did, err
}

// transact runs statements in one transaction.
func (p *pool) transact(ctx context.Context, work func(ctx context.Context, tx *sql.Tx) error) error {
	return p.do(ctx, func(ctx context.Context, c *sql.Conn) error {
		tx, err := c.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // after Commit it does nothing
		if err := work(ctx, tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// do gives work a connection, and another one when the first is lost.
func (p *pool) do(ctx context.Context, work func(ctx context.Context, c *sql.Conn) error) error {
	for _, pause := range pauses {
		err := p.attempt(ctx, work)
		if !isLost(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
	return p.attempt(ctx, work)
}

func (p *pool) attempt(ctx context.Context, work func(ctx context.Context, c *sql.Conn) error) error {
	c, err := p.take(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	err = work(ctx, c)
	if p.leaks && err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_ = c.Close() // gives it back; one that is lost has been closed already
	return err
}

// take waits for a connection.
func (p *pool) take(ctx context.Context) (*sql.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	c, err := p.db.Conn(bounded)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fmt.Errorf("%w within %s", ErrBusy, p.wait)
	}
	return c, err
}

func (p *pool) count(r read) {
	if p.reads != nil && r.what != "" {
		p.reads.WithLabelValues(r.what).Inc()
	}
}

// lostStates are those that PostgreSQL says farewell and no with: it is shut down,
// has crashed, starts, or has no connection left.
var lostStates = []string{"57P01", "57P02", "57P03", "53300", "08000", "08003", "08006"}

// isLost tells whether an error is of a connection and not of a statement, so that
// another connection can help. Time that is up is neither.
func isLost(err error) bool {
	if err == nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false
	}
	var state *pgconn.PgError
	if errors.As(err, &state) {
		return slices.Contains(lostStates, state.Code)
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
