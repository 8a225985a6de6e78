package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// server is a database that can be away; it counts who connects and what it is asked.
type server struct {
	away    atomic.Bool
	hangs   atomic.Bool
	breaks  atomic.Int64 // so many queries to come lose their connection
	asked   atomic.Int64
	dialled atomic.Int64
}

var errRefused = &net.OpError{Op: "dial", Err: errors.New("connection refused")}

// Connect implements driver.Connector.
func (s *server) Connect(context.Context) (driver.Conn, error) {
	s.dialled.Add(1)
	if s.away.Load() {
		return nil, errRefused
	}
	return &connection{server: s}, nil
}

// Driver implements driver.Connector.
func (s *server) Driver() driver.Driver { return nil }

type connection struct {
	server *server
	gone   bool
}

func (c *connection) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }
func (c *connection) Close() error                        { return nil }
func (c *connection) Begin() (driver.Tx, error)           { return nil, errors.ErrUnsupported }

// IsValid implements driver.Validator.
func (c *connection) IsValid() bool { return !c.gone }

// QueryContext implements driver.QueryerContext: one row with one number.
func (c *connection) QueryContext(ctx context.Context, _ string, _ []driver.NamedValue) (driver.Rows, error) {
	c.server.asked.Add(1)
	switch {
	case c.server.hangs.Load():
		<-ctx.Done()
		c.gone = true
		return nil, ctx.Err()
	case c.server.away.Load() || c.server.breaks.Add(-1) >= 0:
		c.gone = true
		return nil, io.ErrUnexpectedEOF
	}
	return &oneRow{}, nil
}

type oneRow struct{ read bool }

func (r *oneRow) Columns() []string { return []string{"n"} }
func (r *oneRow) Close() error      { return nil }
func (r *oneRow) Next(into []driver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read, into[0] = true, int64(1)
	return nil
}

func newPool(t *testing.T, s *server, connections int, leaks bool) *pool {
	t.Helper()
	db := sql.OpenDB(s)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	t.Cleanup(func() { db.Close() })
	return &pool{db: db, wait: time.Second, limit: 3 * time.Second, leaks: leaks}
}

func ask(p *pool) error {
	var n int
	return p.one(context.Background(), read{query: query{text: "SELECT 1"}})(&n)
}

func TestALostConnectionIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		p := newPool(t, s, 1, false)
		s.breaks.Store(2)
		if err := ask(p); err != nil || s.asked.Load() != 3 || s.dialled.Load() != 3 {
			t.Errorf("%v after %d queries on %d connections", err, s.asked.Load(), s.dialled.Load())
		}
		p.db.Close()
	})
}

// The database is away for as long as a start takes, and then for too long.
func TestADatabaseThatIsStartedAgain(t *testing.T) {
	for away, well := range map[time.Duration]bool{900 * time.Millisecond: true, 5 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{}
			p := newPool(t, s, 2, false)
			if err := ask(p); err != nil {
				t.Fatal(err)
			}
			s.away.Store(true)
			time.AfterFunc(away, func() { s.away.Store(false) })
			began := time.Now()
			if err := ask(p); (err == nil) != well || time.Since(began) > 1200*time.Millisecond {
				t.Errorf("away for %s: %v after %s", away, err, time.Since(began))
			}
			time.Sleep(away)
			if err := ask(p); err != nil {
				t.Errorf("afterwards: %v", err)
			}
			p.db.Close()
		})
	}
}

// A database that hangs: statements end, those who wait for a connection are told
// soon, and all is well afterwards, but for the defect.
func TestADatabaseThatHangs(t *testing.T) {
	for _, leaks := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{}
			p := newPool(t, s, 2, leaks)
			s.hangs.Store(true)
			errs := make(chan error)
			for range 6 {
				go func() { errs <- ask(p) }()
			}
			began, busy := time.Now(), 0
			for n := range 6 {
				err := <-errs
				if errors.Is(err, ErrBusy) {
					busy++
				}
				if took := time.Since(began); n < 4 && took > time.Second || took > 3*time.Second || err == nil {
					t.Errorf("leaks %v: number %d had %v after %s", leaks, n, err, took)
				}
			}
			if busy != 4 {
				t.Errorf("leaks %v: %d were told that there is no connection, want 4", leaks, busy)
			}
			s.hangs.Store(false)
			if err := ask(p); (err == nil) == leaks {
				t.Errorf("leaks %v: afterwards %v", leaks, err)
			}
			if inUse := p.db.Stats().InUse; (inUse == 0) == leaks {
				t.Errorf("leaks %v: %d connections in use", leaks, inUse)
			}
		})
	}
}

func TestWhatALostConnectionLooksLike(t *testing.T) {
	for _, tt := range []struct {
		err  error
		lost bool
	}{
		{nil, false},
		{sql.ErrNoRows, false},
		{context.DeadlineExceeded, false},
		{fmt.Errorf("query: %w", context.Canceled), false},
		{ErrBusy, false},
		{errors.New("disk I/O error"), false},
		{&pgconn.PgError{Code: "23505"}, false},
		{&pgconn.PgError{Code: "57014"}, false},
		{&pgconn.PgError{Code: "57P01"}, true},
		{&pgconn.PgError{Code: "57P03"}, true},
		{&pgconn.PgError{Code: "53300"}, true},
		{driver.ErrBadConn, true},
		{io.ErrUnexpectedEOF, true},
		{errRefused, true},
		{&net.DNSError{Err: "no such host", Name: "postgres", IsNotFound: true}, true},
	} {
		if got := isLost(tt.err); got != tt.lost {
			t.Errorf("%v: lost %v", tt.err, got)
		}
	}
}

// What answers requests is counted, what sweeps and changes is not.
func TestReadsAreCounted(t *testing.T) {
	s, err := Open("sqlite://" + filepath.Join(t.TempDir(), "atelier.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := telemetry.New("api")
	s.Observe(m)
	ctx := t.Context()
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	order, _, err1 := s.CreateOrder(ctx, "acme", "key", "p-001", 1)
	_, err2 := s.Order(ctx, "acme", order.ID)
	_, err3 := s.Products(ctx)
	_, err4 := s.Product(ctx, "p-002")
	_, err5 := s.Projects(ctx, "acme", 10)
	_, err6 := s.ForgottenOrders(ctx, time.Now(), 10)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, what := range []string{readOrder, readProducts, readProduct, readProjects, readProject, readImport} {
		got = append(got, fmt.Sprint(what, " ", counted(t, m, what)))
	}
	if want := []string{"order 1", "products 1", "product 1", "projects 1", "project 0", "import 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if p, err := s.Product(ctx, "p-999"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a product that there is not: %v, %v", p, err)
	}
}

// The first address of a host is kept only with the defect.
func TestNamesOfHosts(t *testing.T) {
	for defect, forever := range map[defects.Defect]bool{"": false, defects.DNSCachedForever: true} {
		config, err := configOf("postgres://u:p@db:5432/d", defects.Set{defect: true})
		if err != nil {
			t.Fatal(err)
		}
		who := runtime.FuncForPC(reflect.ValueOf(config.LookupFunc).Pointer()).Name()
		if strings.Contains(who, "names.(*Forever)") != forever {
			t.Errorf("%q: names are looked up by %s", defect, who)
		}
	}
}

// counted is database_reads_total of one kind, as a scrape has it.
func counted(t *testing.T, m *telemetry.Metrics, what string) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if rest, ok := strings.CutPrefix(line, `database_reads_total{query="`+what+`",service="api"} `); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "nothing"
}
