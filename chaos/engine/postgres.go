package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/redact/pgreason"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// sessionName is the application_name of the run's own sessions.
const sessionName = "shakedown"

// postgres is how a fault gets to a database. Nothing of the address is in its
// errors.
type postgres struct{ config *pgx.ConnConfig }

// openPostgres reads the address of a database; nothing is connected yet.
func openPostgres(sys system, access scenarios.DatabaseAccess) (*postgres, error) {
	address, err := sys.Database(access)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(address, "postgres") {
		return nil, fmt.Errorf("%s of %s is not the address of a PostgreSQL", access.URLFrom, access.Service)
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("%s of %s is no address that PostgreSQL understands", access.URLFrom, access.Service)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	// Others are for the client of the service, and a server refuses what it does not know.
	config.RuntimeParams = map[string]string{"application_name": sessionName}
	return &postgres{config: config}, nil
}

// session opens one, with settings besides.
func (p *postgres) session(ctx context.Context, settings map[string]string) (*pgx.Conn, error) {
	config := p.config.Copy()
	for name, value := range settings {
		config.RuntimeParams[name] = value
	}
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, pgreason.Reason(err)
	}
	return c, nil
}

// crowded tells that the database has no connection to give.
func crowded(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "53300"
}

// takesConnection is the look at a new connection: its time.
func (p *postgres) takesConnection(ctx context.Context) order.Reading {
	from := time.Now()
	c, err := p.session(ctx, nil)
	if err != nil {
		return order.Reading{Error: err.Error()}
	}
	took := time.Since(from)
	_ = c.Close(ctx) // its time is known
	return order.Reading{Value: took.Seconds(), Unit: "s"}
}

// answers is the look at the time of SELECT 1, on a connection that is open.
func (p *postgres) answers(ctx context.Context) order.Reading {
	c, err := p.session(ctx, nil)
	if err != nil {
		return order.Reading{Error: err.Error()}
	}
	defer func() { _ = c.Close(ctx) }() // its time is known
	from := time.Now()
	if _, err := c.Exec(ctx, "SELECT 1"); err != nil {
		return order.Reading{Error: pgreason.Reason(err).Error()}
	}
	return order.Reading{Value: time.Since(from).Seconds(), Unit: "s"}
}

// end has the server end sessions by their numbers, whatever they are at.
func (p *postgres) end(ctx context.Context, by *pgx.Conn, sessions []uint32) error {
	pids := make([]int32, len(sessions))
	for i, s := range sessions {
		pids[i] = int32(s)
	}
	_, err := by.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY($1) AND application_name = $2", pids, sessionName)
	if err != nil {
		return pgreason.Reason(err)
	}
	return nil
}

// heed notices that this process has hung for as long as the lease: by then the
// server has ended what the fault did. It is over with ctx.
func (h *hold) heed(ctx context.Context) {
	lease := h.run.e.cfg.Lease
	for last := time.Now(); pause(ctx, lease/4); last = time.Now() {
		if time.Since(last) >= lease {
			h.lostBy("lease", "the run had hung for longer than the lease, and the database had ended its sessions")
			return
		}
	}
}

// timedOut tells that the server broke a statement off at its limit.
func timedOut(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "57014"
}
