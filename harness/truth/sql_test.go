package truth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// all reads everything once.
func all(ctx context.Context, s source) (rows []string, err error) {
	err = s.read(ctx, func(key string, deliveries int64) error {
		rows = append(rows, fmt.Sprintf("%s/%d", key, deliveries))
		return nil
	})
	return rows, err
}

// queryOf is the reading of a database at an address.
func queryOf(address, query string) *sqlSource {
	return &sqlSource{
		scenarios.SQLRead{Service: "api", URLFrom: "DATABASE_URL", Query: query},
		func(scenarios.SQLRead) (string, error) { return address, nil },
	}
}

// sqlite is a file in WAL mode, as services keep theirs, with something in it.
// The writer stays open.
func sqlite(t *testing.T) (path string, writer *sql.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "the shop.db")
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(path, " ", "%20")+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, statement := range []string{
		"CREATE TABLE orders (id TEXT, number INTEGER, deliveries INTEGER, note TEXT)",
		"INSERT INTO orders VALUES ('o-1', 1, 1, 'first'), ('o-2', 20000000000000000, 3, NULL), ('o-3', 3, NULL, 'x')",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return path, db
}

func TestSQLite(t *testing.T) {
	path, writer := sqlite(t)
	for query, want := range map[string]string{
		"SELECT id FROM orders ORDER BY id":                        "[o-1/0 o-2/0 o-3/0] ",
		"SELECT id, deliveries FROM orders ORDER BY id":            "[o-1/1 o-2/3 o-3/0] ",
		"SELECT id, note, deliveries FROM orders ORDER BY id":      "[o-1/0 o-2/0 o-3/0] ", // the second is no number
		"SELECT number, deliveries + 0.0 FROM orders":              "[1/1 20000000000000000/3 3/0] ",
		"SELECT id FROM orders WHERE id = 'none'":                  "[] ",
		"SELECT note FROM orders":                                  "[first/0] query the database of api: the key in row 2 is NULL; have the query leave such rows out",
		"SELECT id FROM ordres":                                    "[] query the database of api: SQL logic error: no such table: ordres (1)",
		"DELETE FROM orders":                                       "[] query the database of api: attempt to write a readonly database (8)",
		"INSERT INTO orders VALUES ('o-4', 4, 4, '') RETURNING id": "[] query the database of api: attempt to write a readonly database (8)",
		"PRAGMA query_only = 0; DELETE FROM orders":                "[] query the database of api: attempt to write a readonly database (8)",
	} {
		for _, address := range []string{"sqlite://" + path, "sqlite://" + strings.ReplaceAll(path, " ", "%20") + "?_txlock=immediate", "file:" + path} {
			rows, err := all(t.Context(), queryOf(address, query))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got := fmt.Sprint(rows) + " " + text; got != want {
				t.Errorf("%s: %s\nwant %s", query, got, want)
			}
		}
	}
	var n int
	if err := writer.QueryRow("SELECT count(*) FROM orders").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d rows are left, error %v", n, err)
	}
	if err := writer.Close(); err != nil { // with the last of its connections, its index is gone
		t.Fatal(err)
	}
	if rows, err := all(t.Context(), queryOf("sqlite://"+path, "SELECT id FROM orders")); len(rows) != 3 || err != nil {
		t.Errorf("after its writer had gone: %v, %v", rows, err)
	}
}

// What is read next is what is there next.
func TestSQLiteSeesWhatComes(t *testing.T) {
	path, writer := sqlite(t)
	l := orders(0)
	l.SQL = &scenarios.SQLRead{Service: "api", URLFrom: "DATABASE_URL", Query: "SELECT id FROM orders"}
	l.Within = scenarios.Duration(1e12) // until it is shown
	asked := 0
	got := Compare(t.Context(), Config{
		Ledgers: []scenarios.PlannedLedger{l}, Book: bookOf(t, []scenarios.PlannedLedger{l}, nil, "o-1", "o-9"), Clock: clock.Start(),
		Database: func(scenarios.SQLRead) (string, error) {
			if asked++; asked == 3 {
				_, err := writer.Exec("INSERT INTO orders (id) VALUES ('o-9')")
				return "sqlite://" + path, err
			}
			return "sqlite://" + path, nil
		},
	})
	if r := got[0]; r.Readings != 3 || r.Missing != 0 || r.Found != 4 || r.Error != "" {
		t.Errorf("%+v", r)
	}
}

// A query that takes for ever ends with its time.
func TestSQLiteQueryThatNeverEnds(t *testing.T) {
	path, _ := sqlite(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	n, late := 0, errors.New("no complete answer within 1s")
	err := queryOf("sqlite://"+path, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n").read(ctx, func(string, int64) error {
		if n++; n == 1000 {
			cancel(late)
		}
		return nil
	})
	if !errors.Is(err, late) || err.Error() != "query the database of api: no complete answer within 1s" {
		t.Errorf("error %v", err)
	}
}

// What is wrong is said without what nobody may see.
func TestAddressesStaySecret(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	garbage, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer garbage.Close()
	go func() {
		for {
			c, err := garbage.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}
	}()
	empty := filepath.Join(t.TempDir(), "not-a-database")
	if err := os.WriteFile(empty, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"postgres://owner:geheim@" + closed.Addr().String() + "/shop":                  "query the database of api: no connection: connection refused; check that the database runs",
		"postgres://owner:geheim@" + garbage.Addr().String() + "/shop":                 "query the database of api: no connection: ",
		"postgres://owner:geheim@" + garbage.Addr().String() + "/shop?sslmode=disable": "query the database of api: no connection: ",
		"postgres://owner:geheim@127.0.0.1:notaport/shop":                              "DATABASE_URL of api: it is no address that PostgreSQL understands",
		"postgres://owner:ge%heim@127.0.0.1:1/shop":                                    "DATABASE_URL of api: it is no address that PostgreSQL understands",
		"postgres://owner:geheim@127.0.0.1:1/shop?sslmode=geheim":                      "DATABASE_URL of api: it is no address that PostgreSQL understands",
		"mysql://owner:geheim@127.0.0.1:3306/shop":                                     "DATABASE_URL of api: it holds no address of a database that can be read",
		"geheim":                            "DATABASE_URL of api: it holds no address of a database that can be read",
		"":                                  "DATABASE_URL of api: it holds no address of a database that can be read",
		"sqlite://geheim.db":                "DATABASE_URL of api: the path of its SQLite file is not absolute",
		"sqlite:///nowhere/geheim.db":       "DATABASE_URL of api: its SQLite file cannot be read here: no such file or directory",
		"sqlite://" + empty + "?key=geheim": "query the database of api: file is not a database (26)",
	} {
		_, err := all(t.Context(), queryOf(address, "SELECT 1"))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", address, err, want)
			continue
		}
		for _, secret := range []string{"geheim", "heim", "owner", "127.0.0.1", "shop"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %q is in the error %v", address, secret, err)
			}
		}
	}
}

func TestParametersForOtherClients(t *testing.T) {
	for parameters, want := range map[string]string{
		"":                                  "map[]",
		"schema=Shop&connection_limit=5":    `map[search_path:"Shop"]`,
		"search_path=a,b&schema=c":          "map[search_path:a,b]",
		"options=-c%20a%3Db&pgbouncer=true": "map[options:-c a=b]",
		"sslmode=disable&ssl=no&timezone=UTC&application_name=x": "map[application_name:x timezone:UTC]",
	} {
		config, err := pgx.ParseConfig("postgres://owner:geheim@127.0.0.1:5432/shop?" + parameters)
		if err != nil {
			t.Fatal(err)
		}
		if have := fmt.Sprint(understood(config.RuntimeParams)); have != want {
			t.Errorf("%s: %s, want %s", parameters, have, want)
		}
	}
}

// A database that takes the connection and says nothing holds nobody up.
func TestADatabaseThatHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("no complete answer within 1s")
	held := make(chan net.Conn, 10)
	go func() {
		defer close(held)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			held <- c
			cancel(late)
		}
	}()
	_, err = all(ctx, queryOf("postgres://owner:geheim@"+l.Addr().String()+"/shop?sslmode=disable", "SELECT 1"))
	if !errors.Is(err, late) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("error %v", err)
	}
	_ = l.Close()
	for c := range held {
		_ = c.Close()
	}
}

func TestWholeNumbers(t *testing.T) {
	var got []int64
	for _, value := range []any{nil, int64(2), int32(2), 2.0, 2.5, "2", []byte("2"), "two", true} {
		got = append(got, whole(value))
	}
	if want := []int64{0, 2, 2, 2, 0, 2, 2, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
