package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/names"
)

// dialect is what differs between the databases.
type dialect struct {
	name string
	// connections is the size of the pool of one process. Small pools queue in
	// the service, where it is visible, and not in the database.
	connections int
	// wait is how long a statement waits for one of them, limit how long it may run.
	wait, limit time.Duration
	// lock, run first in a migration's transaction, keeps other processes out.
	lock string
}

// sqlitePragmas make several processes share one file: readers do not block
// the writer (WAL), a writer waits for its turn (busy_timeout, first, so that it
// holds for the others too), and a transaction takes the write lock when it
// begins, because one that upgrades later cannot wait without deadlock.
const sqlitePragmas = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate"

// migrationLock is an arbitrary number that names the advisory lock.
const migrationLock = "SELECT pg_advisory_xact_lock(4157141901)"

func open(address string, broken defects.Set) (*sql.DB, dialect, error) {
	switch scheme, _, _ := strings.Cut(address, ":"); scheme {
	case "postgres", "postgresql":
		return openPostgres(address, broken)
	case "sqlite":
		return openSQLite(address)
	}
	return nil, dialect{}, errors.New("neither postgres://user:password@host:port/database nor sqlite:///path/to/file")
}

func openPostgres(address string, broken defects.Set) (*sql.DB, dialect, error) {
	config, err := configOf(address, broken)
	if err != nil {
		return nil, dialect{}, err
	}
	name := fmt.Sprintf("PostgreSQL database %s at %s:%d", config.Database, config.Host, config.Port)
	return stdlib.OpenDB(*config), dialect{name: name, connections: 8, lock: migrationLock, wait: time.Second, limit: 3 * time.Second}, nil
}

// configOf says how to connect. The name of the host is looked up for each
// connection: what answers to it may have been replaced.
func configOf(address string, broken defects.Set) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("not a valid postgres URL; write postgres://user:password@host:port/database and escape special characters in the password")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = time.Second
	}
	if broken.Has(defects.DNSCachedForever) {
		config.LookupFunc = new(names.Forever).LookupHost
	}
	return config, nil
}

func openSQLite(address string) (*sql.DB, dialect, error) {
	path := strings.TrimPrefix(address, "sqlite://")
	if !strings.HasPrefix(path, "/") {
		return nil, dialect{}, errors.New("the path of a sqlite URL must be absolute; write sqlite:///path/to/file")
	}
	file := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: sqlitePragmas}
	db, err := sql.Open("sqlite", file.String())
	// A file has one writer at a time: waiting for one's turn is part of using it.
	return db, dialect{name: "SQLite file " + path, connections: 4, wait: 3 * time.Second, limit: 5 * time.Second}, err
}
