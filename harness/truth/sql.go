package truth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	"github.com/shakedown-dev/shakedown/harness/redact/pgreason"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A sqlSource is a query. It runs on a connection of its own, in a transaction
// that cannot write.
type sqlSource struct {
	scenarios.SQLRead
	database func(scenarios.SQLRead) (string, error)
}

// read implements source.
func (s *sqlSource) read(ctx context.Context, each func(string, int64) error) error {
	address, err := s.database(s.SQLRead)
	if err != nil {
		return err
	}
	db, err := open(address)
	if err != nil {
		return fmt.Errorf("%s of %s: %w", s.URLFrom, s.Service, err)
	}
	defer func() { _ = db.Close() }() // only read
	if err := query(ctx, db, s.Query, each); err != nil {
		return fmt.Errorf("query the database of %s: %w", s.Service, reason(ctx, err))
	}
	return nil
}

// open prepares a connection to a database by its URL. Errors have nothing of
// the URL in them.
func open(address string) (*sql.DB, error) {
	scheme, rest, _ := strings.Cut(address, ":")
	switch scheme {
	case "postgres", "postgresql":
		return openPostgres(address)
	case "sqlite", "sqlite3", "file":
		return openSQLite(rest)
	}
	return nil, errors.New("it holds no address of a database that can be read; postgres:// and sqlite:// can be read")
}

// openPostgres sends queries in one piece and unprepared, so that poolers in
// front of the database do not mind, and one at a time, so that a query cannot
// leave its transaction.
func openPostgres(address string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("it is no address that PostgreSQL understands; escape special characters in the user and the password")
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.RuntimeParams = understood(config.RuntimeParams)
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1)
	return db, nil
}

// understood are those of an address's parameters that matter to a reader. Many
// are for the service's own client, as connection_limit and schema of Prisma,
// and a server refuses whoever sends it what it does not know.
func understood(parameters map[string]string) map[string]string {
	kept := map[string]string{}
	for _, name := range []string{"application_name", "options", "search_path", "timezone"} {
		if value, ok := parameters[name]; ok {
			kept[name] = value
		}
	}
	if schema := parameters["schema"]; schema != "" && kept["search_path"] == "" {
		kept["search_path"] = pgx.Identifier{schema}.Sanitize()
	}
	return kept
}

// openSQLite opens a file that is there, to read it alone. Where it is in WAL
// mode SQLite may make its index anew, beside it; the data stays as it is.
func openSQLite(rest string) (*sql.DB, error) {
	path, _, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "?")
	if !strings.HasPrefix(path, "/") {
		return nil, errors.New("the path of its SQLite file is not absolute; write sqlite:///path/to/file")
	}
	if _, err := os.Stat(path); err != nil {
		if decoded, escaped := url.PathUnescape(path); escaped == nil {
			path = decoded
		}
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("its SQLite file cannot be read here: %w", withoutPath(err))
	}
	file := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: "mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)"}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, errors.New("its SQLite file cannot be opened")
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// withoutPath is the reason alone of an error about a file.
func withoutPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// query reads keys and deliveries: the first column of the rows, and the second
// where it is a whole number.
func query(ctx context.Context, db *sql.DB, text string, each func(string, int64) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was changed
	rows, err := tx.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if len(columns) == 0 {
		return errors.New("it gives no column; write one SELECT whose first column is the key")
	}
	var key sql.NullString
	var second any
	row := make([]any, len(columns))
	for i := range row {
		row[i] = new(any)
	}
	row[0] = &key
	if len(row) > 1 {
		row[1] = &second
	}
	for n := 1; rows.Next(); n++ {
		if err := rows.Scan(row...); err != nil {
			return fmt.Errorf("row %d: %w", n, err)
		}
		if !key.Valid {
			return fmt.Errorf("the key in row %d is NULL; have the query leave such rows out", n)
		}
		if err := each(key.String, whole(second)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// whole is a value as a whole number, 0 if it is none.
func whole(value any) int64 {
	switch v := value.(type) {
	case int64:
		return v
	case int32:
		return int64(v)
	case float64:
		if n := int64(v); float64(n) == v {
			return n
		}
	case []byte:
		return whole(string(v))
	case string: // a sum, in PostgreSQL
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n
		}
	}
	return 0
}

// reason is what went wrong, without the address, the user or the password.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil { // whatever the database makes of it
		return context.Cause(ctx)
	}
	return pgreason.Reason(err)
}
