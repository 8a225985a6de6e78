package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/redact/pgreason"
)

// busy keeps a core of the database busy for some tenths of a second, without
// a table, a file or a lock.
const busy = "SELECT count(md5(i::text)) FROM (SELECT generate_series(1, 300000) AS i) AS numbers"

var slowQueriesKind = Kind{
	Name: "slow_queries", Group: data, Revert: ByAgent, Needs: []Need{PostgreSQL}, Backends: []string{backendDatabase},
	Summary:  "a database is kept busy with queries that take long, in transactions that are rolled back",
	Evidence: "queries under way and over; the time of SELECT 1 before, during and after",
	ways: always(way{backend: backendDatabase, revert: ByAgent, needs: []Need{PostgreSQL}, deed: func(h *hold) deed {
		return &slowed{hold: h}
	}}),
	looks: func(h *hold) []look {
		d, ok := h.deed.(*slowed)
		if !ok {
			return nil
		}
		return []look{{key: "SELECT 1", what: "SELECT 1 at " + h.target, take: func(ctx context.Context) order.Reading {
			if err := d.ready(ctx); err != nil {
				return order.Reading{Error: err.Error()}
			}
			return d.db.answers(ctx)
		}}}
	},
	effect: func(e evidence) (string, string) {
		done, running := e.count("queries"), e.count("running")
		switch {
		case done == 0 && running == 0:
			return journal.FaultNoEffect, "0 queries ran" + because(e.trouble)
		case e.trouble != "":
			return journal.FaultPartial, fmt.Sprintf("%s over, %d under way; %s", plural(done, "query"), running, e.trouble)
		}
		return journal.FaultApplied, fmt.Sprintf("%s over, %d under way%s", plural(done, "query"), running, e.compared("SELECT 1"))
	},
	gone: quick("SELECT 1", 50*time.Millisecond),
}

// slowed is a database with slow queries. The server ends each of them after
// the lease, and none follows it when the run has fallen silent.
type slowed struct {
	*hold
	queries, running atomic.Int64

	mu      sync.Mutex
	db      *postgres
	control *pgx.Conn
	workers []*pgx.Conn
	halt    context.CancelFunc
	over    sync.WaitGroup
}

func (s *slowed) ready(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return nil
	}
	var err error
	s.db, err = openPostgres(s.run.e.sys, s.run.plan.Spec.SlowQueries.Access)
	return err
}

func (s *slowed) begin(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	spec := s.run.plan.Spec.SlowQueries
	n, query := spec.Concurrency, spec.Query
	if n == 0 {
		n = 4
	}
	if query == "" {
		query = busy
	}
	limit := strconv.FormatInt(s.run.e.cfg.Lease.Milliseconds(), 10)
	settings := map[string]string{"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}
	conns := make([]*pgx.Conn, n+1)
	errs := make([]error, n+1)
	var all sync.WaitGroup
	for i := range conns {
		all.Go(func() { conns[i], errs[i] = s.db.session(ctx, settings) })
	}
	all.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.control = conns[0]
	for _, c := range conns[1:] {
		if c != nil {
			s.workers = append(s.workers, c)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	life, halt := context.WithCancel(s.run.e.life)
	s.halt = halt
	s.run.e.rest.Go(func() { s.heed(life) })
	for _, c := range s.workers {
		s.over.Go(func() { s.work(life, c, query) })
	}
	return nil
}

// work runs the query again and again.
func (s *slowed) work(ctx context.Context, c *pgx.Conn, query string) {
	for ctx.Err() == nil {
		s.running.Add(1)
		err := rolledBack(c, query)
		s.running.Add(-1)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil, timedOut(err):
			s.queries.Add(1)
		case c.IsClosed():
			s.note(fmt.Errorf("a session is lost: %w", pgreason.Reason(err)))
			return
		default:
			s.note(pgreason.Reason(err))
			if !pause(ctx, refill) {
				return
			}
		}
	}
}

// rolledBack runs a query in a transaction of its own. It is not broken off from
// here, which would leave it running at the server: that ends the session.
func rolledBack(c *pgx.Conn, query string) error {
	ctx := context.Background()
	if _, err := c.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	_, err := c.Exec(ctx, query)
	_, back := c.Exec(ctx, "ROLLBACK")
	if err != nil {
		return err
	}
	return back
}

// end has the server end the sessions, which breaks queries off.
func (s *slowed) end(ctx context.Context) error {
	s.mu.Lock()
	control, workers, halt := s.control, s.workers, s.halt
	s.control, s.workers, s.halt = nil, nil, nil
	s.mu.Unlock()
	if halt != nil {
		halt()
	}
	pids := make([]uint32, len(workers))
	for i, c := range workers {
		pids[i] = c.PgConn().PID()
	}
	var err error
	if control != nil && len(pids) > 0 {
		if err = s.db.end(ctx, control, pids); err == nil {
			err = released(ctx, control, pids)
		}
		if control.IsClosed() {
			err = nil // the database has ended, and everything with it
		}
	}
	for _, c := range workers {
		_ = c.PgConn().Conn().SetDeadline(time.Unix(1, 0)) // whatever it waits for
	}
	s.over.Wait()
	for _, c := range workers {
		_ = c.Close(ctx) // the server has ended it
	}
	if control != nil {
		_ = control.Close(ctx) // nothing is under way on it
	}
	return err
}

func (s *slowed) counters() map[string]int64 {
	return map[string]int64{"queries": s.queries.Load(), "running": s.running.Load()}
}
