package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/redact/pgreason"
)

var poolExhaustionKind = Kind{
	Name: "pool_exhaustion", Group: data, Revert: ByAgent, Needs: []Need{PostgreSQL}, Backends: []string{backendDatabase},
	Summary:  "the connections of a database are held",
	Evidence: "connections held; whether the database has one to give, before, during and after",
	ways: always(way{backend: backendDatabase, revert: ByAgent, needs: []Need{PostgreSQL}, deed: func(h *hold) deed {
		return &exhausted{hold: h}
	}}),
	looks: func(h *hold) []look {
		d, ok := h.deed.(*exhausted)
		if !ok {
			return nil
		}
		return []look{{key: "connection", what: "a new connection to " + h.target, take: func(ctx context.Context) order.Reading {
			if err := d.ready(ctx); err != nil {
				return order.Reading{Error: err.Error()}
			}
			return d.db.takesConnection(ctx)
		}}}
	},
	effect: func(e evidence) (string, string) {
		held, wanted := e.count("connections"), e.count("wanted")
		refused := failed(e.during, "connection")
		leave := 0
		if p := e.fault.Spec.PoolExhaustion; p != nil {
			leave = p.Leave
		}
		words := fmt.Sprintf("%d of %s held", held, plural(wanted, "connection"))
		switch {
		case held == 0:
			return journal.FaultNoEffect, "no connection could be held" + because(e.trouble)
		case refused != "" && leave == 0:
			return journal.FaultApplied, words + "; a new one: " + refused
		case held >= wanted:
			return journal.FaultApplied, words
		}
		return journal.FaultPartial, words + ", the rest is others'"
	},
	gone: quick("connection", time.Second),
}

// exhausted is a database whose connections are held. Its sessions end by
// themselves when they have been silent for the length of the lease.
type exhausted struct {
	*hold

	mu      sync.Mutex
	db      *postgres
	control *pgx.Conn
	wanted  int
	held    []*pgx.Conn
	halt    context.CancelFunc
	over    chan struct{}
}

func (x *exhausted) ready(context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db != nil {
		return nil
	}
	var err error
	x.db, err = openPostgres(x.run.e.sys, x.run.plan.Spec.PoolExhaustion.Access)
	return err
}

// refill is the pause between attempts to get what others have let go, dialling
// how many connections are opened at a time.
const (
	refill  = 200 * time.Millisecond
	dialing = 16
)

func (x *exhausted) begin(ctx context.Context) error {
	if err := x.ready(ctx); err != nil {
		return err
	}
	control, err := x.db.session(ctx, nil)
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.control = control
	x.mu.Unlock()
	most, err := capacity(ctx, control)
	if err != nil {
		return err
	}
	settings, note := x.settings(ctx, control)
	if note != "" {
		x.run.e.emit(x.run.e.now(), journal.Note{Level: "warning", Text: x.run.cause() + ": " + note})
	}
	leave := x.run.plan.Spec.PoolExhaustion.Leave
	if most <= leave {
		return fmt.Errorf("the database has %s, and %d are to be left: there is none to hold", plural(int64(most), "connection"), leave)
	}
	x.mu.Lock()
	x.wanted = most - leave
	x.mu.Unlock()
	if err := x.fill(ctx, settings); err != nil {
		return err
	}
	e := x.run.e
	life, halt := context.WithCancel(e.life)
	over := make(chan struct{})
	x.mu.Lock()
	x.halt, x.over = halt, over
	x.mu.Unlock()
	e.rest.Go(func() {
		defer close(over)
		x.keep(life, settings)
	})
	e.rest.Go(func() { x.heed(life) })
	return nil
}

// capacity is how many connections the database has for the role of the session:
// some are kept back from who is no superuser.
func capacity(ctx context.Context, c *pgx.Conn) (n int, err error) {
	const query = `SELECT current_setting('max_connections')::int - CASE WHEN rolsuper THEN 0 ELSE
		current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true), '0')::int END
		FROM pg_roles WHERE rolname = current_user`
	if err := c.QueryRow(ctx, query).Scan(&n); err != nil {
		return 0, fmt.Errorf("how many connections there are: %w", pgreason.Reason(err))
	}
	return n, nil
}

// settings are those of the sessions that hold.
func (x *exhausted) settings(ctx context.Context, c *pgx.Conn) (settings map[string]string, note string) {
	var version int
	if err := c.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err == nil && version < 140000 {
		return nil, "this PostgreSQL (before 14) does not end idle sessions by itself: should the run hang, the connections stay until it ends"
	}
	return map[string]string{"idle_session_timeout": strconv.FormatInt(x.run.e.cfg.Lease.Milliseconds(), 10)}, ""
}

// fill opens connections until there are as many as wanted, or the database has
// no more to give.
func (x *exhausted) fill(ctx context.Context, settings map[string]string) error {
	for {
		x.mu.Lock()
		missing := x.wanted - len(x.held) - 1 // one is the control's
		x.mu.Unlock()
		if missing <= 0 {
			return nil
		}
		conns := make([]*pgx.Conn, min(missing, dialing))
		errs := make([]error, len(conns))
		var all sync.WaitGroup
		for i := range conns {
			all.Go(func() { conns[i], errs[i] = x.db.session(ctx, settings) })
		}
		all.Wait()
		full := false
		x.mu.Lock()
		for i, c := range conns {
			if errs[i] == nil {
				x.held = append(x.held, c)
			}
			full = full || crowded(errs[i])
		}
		x.mu.Unlock()
		if full {
			return nil // the rest is others'
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
}

// keep renews sessions before they are ended, and opens others where some were lost
// or others let some go.
func (x *exhausted) keep(ctx context.Context, settings map[string]string) {
	renewed := time.Now()
	for pause(ctx, refill) {
		if time.Since(renewed) >= x.run.e.cfg.Lease/4 {
			renewed = time.Now()
			x.renew(ctx)
		}
		if err := x.fill(ctx, settings); err != nil && ctx.Err() == nil {
			x.note(err)
		}
	}
}

func (x *exhausted) renew(ctx context.Context) {
	x.mu.Lock()
	held := x.held
	x.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, x.run.e.cfg.Lease/4)
	defer cancel()
	alive := make([]bool, len(held))
	var all sync.WaitGroup
	turns := make(chan struct{}, dialing)
	for i, c := range held {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			_, err := c.Exec(ctx, "SELECT 1")
			alive[i] = err == nil
		})
	}
	all.Wait()
	var kept []*pgx.Conn
	for i, c := range held {
		if alive[i] {
			kept = append(kept, c)
		} else {
			_ = c.Close(ctx) // it is lost already
		}
	}
	x.mu.Lock()
	x.held = kept
	x.mu.Unlock()
}

// end closes what is held, and waits until the database has taken that in.
func (x *exhausted) end(ctx context.Context) error {
	x.mu.Lock()
	halt, over := x.halt, x.over
	x.mu.Unlock()
	if halt != nil {
		halt()
		select {
		case <-over:
		case <-ctx.Done():
		}
	}
	x.mu.Lock()
	held, control := x.held, x.control
	x.held, x.control, x.halt = nil, nil, nil
	x.mu.Unlock()
	if control == nil {
		return nil
	}
	defer func() { _ = control.Close(ctx) }() // nothing is under way on it
	pids := make([]uint32, len(held))
	var all sync.WaitGroup
	for i, c := range held {
		pids[i] = c.PgConn().PID()
		all.Go(func() { _ = c.Close(ctx) }) // the server says below what is left
	}
	all.Wait()
	return released(ctx, control, pids)
}

// released waits until sessions are gone. A database that cannot be asked any more
// has ended, and they with it.
func released(ctx context.Context, control *pgx.Conn, sessions []uint32) error {
	pids := make([]int32, len(sessions))
	for i, s := range sessions {
		pids[i] = int32(s)
	}
	for {
		var left int
		err := control.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1) AND application_name = $2", pids, sessionName).Scan(&left)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && control.IsClosed(), err == nil && left == 0:
			return nil
		case err != nil:
			return pgreason.Reason(err)
		}
		if !pause(ctx, 5*time.Millisecond) {
			return fmt.Errorf("%s not closed: %w", plural(int64(left), "connection"), context.Cause(ctx))
		}
	}
}

func (x *exhausted) counters() map[string]int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.control == nil {
		return nil // over; what was counted stands
	}
	return map[string]int64{"connections": int64(len(x.held) + 1), "wanted": int64(x.wanted)}
}
