// Package store keeps projects, orders and imports in SQL. PostgreSQL and
// SQLite run the same queries; what differs between them is in dialect.go.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// ErrNotFound is returned (wrapped) for what does not exist or belongs to
// somebody else; the two are not told apart on purpose.
var ErrNotFound = errors.New("not found")

// Store is a pool of connections to one database. It is safe for concurrent
// use, and several processes may use one database.
type Store struct {
	pool
	dialect dialect
}

// Open parses the URL, postgres://user:password@host:port/database or
// sqlite:///path/to/file, and returns a store without connecting. Its errors
// never contain the URL, because that holds a password.
func Open(url string) (*Store, error) { return OpenBroken(url, nil) }

// OpenBroken is Open in a process with defects.
func OpenBroken(url string, broken defects.Set) (*Store, error) {
	db, dialect, err := open(url, broken)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	db.SetMaxOpenConns(dialect.connections)
	db.SetMaxIdleConns(dialect.connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return &Store{
		pool:    pool{db: db, wait: dialect.wait, limit: dialect.limit, leaks: broken.Has(defects.PoolLeak)},
		dialect: dialect,
	}, nil
}

// What is read, as database_reads_total tells it apart.
const (
	readProducts = "products"
	readProduct  = "product"
	readProject  = "project"
	readProjects = "projects"
	readOrder    = "order"
	readImport   = "import"
	readAccount  = "account"
)

// Observe counts what is read of the database. It is called once, before the first
// query.
func (s *Store) Observe(m *telemetry.Metrics) {
	s.reads = m.Counter("database_reads_total", "Queries that read the database to answer a request, by what they read.", "query")
	for _, what := range []string{readProducts, readProduct, readProject, readProjects, readOrder, readImport, readAccount} {
		s.reads.WithLabelValues(what) // a rate of 0 is not an unknown one
	}
}

// DB is the pool, for its statistics.
func (s *Store) DB() *sql.DB { return s.db }

// Name says which database it is, without credentials.
func (s *Store) Name() string { return s.dialect.name }

// Ping connects and asks for a sign of life.
func (s *Store) Ping(ctx context.Context) error { return s.db.PingContext(ctx) }

// Close closes the pool after the queries in hand.
func (s *Store) Close() error { return s.db.Close() }

// newID returns an identifier that cannot be guessed, such as
// "ord_5cw3mk2n7trq4d6y2x3v5a7b9c".
func newID(kind string) string { return kind + "_" + strings.ToLower(rand.Text()) }

// Times are stored as microseconds since 1970: the one representation that
// both databases compare, index and return alike.

func toMicros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// missing turns the absence of a row into ErrNotFound, naming what was asked for.
func missing(err error, what, id string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s %q: %w", what, id, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

// changed tells whether a statement changed a row.
func changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// ids collects the single text column of a query.
func (s *Store) ids(ctx context.Context, text string, args ...any) (found []string, err error) {
	err = s.each(ctx, read{"", query{text, args}}, func() { found = nil }, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		found = append(found, id)
		return err
	})
	return found, err
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
