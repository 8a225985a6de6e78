package engine

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const postgresImage = "postgres:15"

// database is a world with a real PostgreSQL.
type database struct {
	*world
	address string
}

func (d database) Database(scenarios.DatabaseAccess) (string, error) { return d.address, nil }

// sessions are the run's own at the database.
func sessions(t *testing.T, c *pgx.Conn) (n int) {
	t.Helper()
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shakedown'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("PostgreSQL not tested: -short")
	}
	t.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	if out, err := exec.Command("docker", "image", "inspect", postgresImage).CombinedOutput(); err != nil {
		t.Skipf("PostgreSQL not tested: no image %s (run compose/images/build): %v: %.200s", postgresImage, err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	container, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image: postgresImage, Cmd: []string{"postgres", "-c", "max_connections=30"},
			Env:          map[string]string{"POSTGRES_USER": "owner", "POSTGRES_PASSWORD": "geheim", "POSTGRES_DB": "shop"},
			ExposedPorts: []string{"127.0.0.1::5432/tcp"},
			WaitingFor:   wait.ForExec([]string{"pg_isready", "--host=127.0.0.1", "--username=owner", "--dbname=shop"}),
		},
		Started: true,
	})
	testcontainers.CleanupContainer(t, container, testcontainers.RemoveVolumes())
	if err != nil {
		t.Fatalf("start %s: %v", postgresImage, err)
	}
	port, err := container.MappedPort(ctx, "5432/tcp")
	if err != nil {
		t.Fatal(err)
	}
	owner := fmt.Sprintf("postgres://owner:geheim@127.0.0.1:%s/shop?sslmode=disable", port.Port())
	look, err := pgx.Connect(ctx, owner)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = look.Close(context.Background()) }()
	for _, statement := range []string{"CREATE ROLE app LOGIN PASSWORD 'geheim'", "CREATE TABLE t (n int)", "GRANT ALL ON t TO app"} {
		if _, err := look.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	app := strings.Replace(owner, "owner:", "app:", 1) + "&schema=public&connection_limit=5"
	t.Run("no connection is left", func(t *testing.T) { exhaustAll(t, app, look) })
	t.Run("some are left", func(t *testing.T) { exhaustSome(t, app, look) })
	t.Run("what does nothing", func(t *testing.T) { nothingDone(t, app) })
	t.Run("sessions of a run that hangs", func(t *testing.T) { silent(t, app, look) })
	t.Run("slow queries", func(t *testing.T) { busyDatabase(t, app, look) })
	t.Run("secrets", func(t *testing.T) { keepsSecrets(t, port.Port()) })
}

// onDatabase runs one fault against the database, and something meanwhile.
func onDatabase(t *testing.T, address string, f scenarios.PlannedFault, meanwhile func(w *world)) *world {
	t.Helper()
	w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{f}}).with("db", 1)
	w.clock = clock.Start()
	w.engine = newEngine(Config{Plan: w.plan, Clock: w.clock, Emit: w.emit, Lease: 2 * second}, database{w, address})
	if err := w.engine.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- w.engine.Run(t.Context(), w.clock.Now()) }()
	if meanwhile != nil {
		meanwhile(w)
	}
	if err := errors.Join(<-over, w.engine.Close()); err != nil {
		t.Error(err)
	}
	return w
}

// soon waits until something is so.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func exhaustion(leave int, length time.Duration) scenarios.PlannedFault {
	return planned("full", "pool_exhaustion", 200*time.Millisecond, length, scenarios.Fault{PoolExhaustion: &scenarios.PoolExhaustionFault{Leave: leave}}, "db")
}

func exhaustAll(t *testing.T, address string, look *pgx.Conn) {
	ctx := t.Context()
	w := onDatabase(t, address, exhaustion(0, 3*second), func(*world) {
		soon(t, "27 sessions, less the one of look", func() bool { return sessions(t, look) >= 26 })
		_, err := pgx.Connect(ctx, strings.Replace(address, "&schema=public&connection_limit=5", "", 1))
		if !crowded(err) {
			t.Errorf("a new connection: %v", err)
		}
	})
	soon(t, "no session is left", func() bool { return sessions(t, look) == 0 })
	reasons := w.reasons()
	if got := reasons["full db applied"]; !strings.Contains(got, "held; a new one: ") || !strings.Contains(got, "53300") {
		t.Errorf("%q", reasons)
	}
	if _, ok := reasons["full db reverted"]; !ok {
		t.Errorf("%q", reasons)
	}
}

func exhaustSome(t *testing.T, address string, look *pgx.Conn) {
	w := onDatabase(t, address, exhaustion(20, second), func(*world) {
		soon(t, "7 sessions", func() bool { return sessions(t, look) >= 7 })
	})
	if got := w.reasons()["full db applied"]; got != "7 of 7 connections held" {
		t.Errorf("%q", w.reasons())
	}
}

// nothingDone is about faults that cannot have had an effect.
func nothingDone(t *testing.T, address string) {
	w := onDatabase(t, address, exhaustion(27, second), nil)
	if got := w.reasons()["full db no-effect"]; got != "it was not done: the database has 27 connections, and 27 are to be left: there is none to hold" {
		t.Errorf("%q", w.reasons())
	}
	w = onDatabase(t, address, planned("slow", "slow_queries", 100*time.Millisecond, second, scenarios.Fault{SlowQueries: &scenarios.SlowQueriesFault{Query: "SELECT * FROM nowhere"}}, "db"), nil)
	if got := w.reasons()["slow db no-effect"]; !strings.HasPrefix(got, "0 queries ran: ") || !strings.Contains(got, "nowhere") {
		t.Errorf("%q", w.reasons())
	}
}

// silent lets sessions be that nobody renews: the server ends them after the lease.
func silent(t *testing.T, address string, look *pgx.Conn) {
	db, err := openPostgres(database{address: address}, scenarios.DatabaseAccess{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{exhaustion(20, second)}})
	e := newEngine(Config{Plan: w.plan, Clock: w.clock, Emit: w.emit, Lease: 500 * time.Millisecond}, database{w, address})
	x := &exhausted{hold: &hold{run: e.faults[0]}, db: db, wanted: 5}
	settings, note := x.settings(t.Context(), look)
	if note != "" {
		t.Fatal(note)
	}
	if err := x.fill(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	if n := sessions(t, look); n != 4 {
		t.Fatalf("%d sessions", n)
	}
	soon(t, "no session is left", func() bool { return sessions(t, look) == 0 })
	for _, c := range x.held {
		_ = c.Close(t.Context())
	}
}

func busyDatabase(t *testing.T, address string, look *pgx.Conn) {
	for name, query := range map[string]string{"its own": "", "one that sleeps": "SELECT pg_sleep(60)", "one that writes": "INSERT INTO t SELECT generate_series(1, 1000)"} {
		t.Run(name, func(t *testing.T) {
			f := planned("slow", "slow_queries", 100*time.Millisecond, 1500*time.Millisecond, scenarios.Fault{SlowQueries: &scenarios.SlowQueriesFault{Concurrency: 2, Query: query}}, "db")
			w := onDatabase(t, address, f, nil)
			soon(t, "no session is left", func() bool { return sessions(t, look) == 0 })
			var rows int
			if err := look.QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&rows); err != nil || rows != 0 {
				t.Errorf("%d rows are left, %v", rows, err)
			}
			reasons := w.reasons()
			if reasons["slow db applied"] == "" || reasons["slow db reverted"] == "" {
				t.Errorf("%q", reasons)
			}
			for _, line := range w.said() {
				if strings.Contains(line, "ended") && !strings.HasSuffix(line, "by schedule") {
					t.Error(line)
				}
			}
		})
	}
}

func keepsSecrets(t *testing.T, port string) {
	for _, address := range []string{"postgres://owner:falsch@127.0.0.1:" + port + "/shop?sslmode=disable", "postgres://owner:falsch@127.0.0.1:1/shop", "mysql://owner:falsch@x/shop", "postgres://owner:fal%sch@x"} {
		w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{exhaustion(0, second)}}).with("db", 1)
		w.clock = clock.Start()
		w.engine = newEngine(Config{Plan: w.plan, Clock: w.clock, Emit: w.emit, Lease: 2 * second}, database{w, address})
		err := w.engine.Prepare(t.Context())
		if strings.Contains(text(err), "falsch") || strings.Contains(text(err), "owner") {
			t.Error(err)
		}
		if err := errors.Join(w.engine.Run(t.Context(), w.clock.Now()), w.engine.Close()); err != nil {
			t.Error(err)
		}
		for state, reason := range w.reasons() {
			if !strings.HasSuffix(state, "no-effect") || strings.Contains(reason, "falsch") || strings.Contains(reason, "owner") {
				t.Errorf("%s: %s", state, reason)
			}
		}
	}
}
