package truth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const postgresImage = "postgres:15"

// TestPostgreSQL reads from the database that stacks in containers use.
func TestPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("PostgreSQL not tested: -short")
	}
	// Without these, testcontainers looks for the engine's host in the wrong
	// place when the tests themselves run in a container, and starts a helper
	// from an image that only a registry has.
	t.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	if out, err := exec.Command("docker", "image", "inspect", postgresImage).CombinedOutput(); err != nil {
		t.Skipf("PostgreSQL not tested: no image %s (run compose/images/build): %v: %.200s", postgresImage, err, out)
	}
	port := startPostgres(t)
	address := fmt.Sprintf("postgres://owner:ge%%40heim%%20wort@127.0.0.1:%s/shop?sslmode=disable", port)
	db, err := open(address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	prepareShop(t, db)
	t.Run("reads", func(t *testing.T) { postgresReads(t, address) })
	t.Run("reads by a URL for another client", func(t *testing.T) {
		postgresReads(t, address+"&schema=public&connection_limit=5")
	})
	t.Run("secrets", func(t *testing.T) { postgresSecrets(t, port) })
	t.Run("hangs", func(t *testing.T) { postgresHangs(t, address, db) })
}

func prepareShop(t *testing.T, db *sql.DB) {
	t.Helper()
	for _, statement := range []string{
		"CREATE TABLE orders (id UUID, number BIGINT, amount NUMERIC, at TIMESTAMPTZ, ok BOOLEAN, name TEXT)",
		"INSERT INTO orders VALUES ('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 9007199254740993, 12.50, NULL, true, 'ein Schlüssel')",
		"CREATE FUNCTION lose() RETURNS text LANGUAGE sql AS $$ DELETE FROM orders RETURNING name $$",
		"CREATE SEQUENCE numbers",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func postgresReads(t *testing.T, address string) {
	for query, want := range map[string]string{
		"SELECT id FROM orders":                             "[6ba7b810-9dad-11d1-80b4-00c04fd430c8/0] ",
		"SELECT number, 2 FROM orders":                      "[9007199254740993/2] ",
		"SELECT number, sum(3) FROM orders GROUP BY number": "[9007199254740993/3] ",
		"SELECT amount, 2::smallint FROM orders":            "[12.50/2] ",
		"SELECT ok, name FROM orders":                       "[true/0] ",
		"SELECT name, at, 7 FROM orders":                    "[ein Schlüssel/0] ",
		"SELECT at FROM orders":                             "[] query the database of api: the key in row 1 is NULL; have the query leave such rows out",
		"SELECT id FROM ordres":                             `[] query the database of api: relation "ordres" does not exist (SQLSTATE 42P01)`,
		"SELEC id":                                          `[] query the database of api: syntax error at or near "SELEC" (SQLSTATE 42601)`,
		"DELETE FROM orders":                                "[] query the database of api: cannot execute DELETE in a read-only transaction (SQLSTATE 25006)",
		"SELECT lose()":                                     "[] query the database of api: cannot execute DELETE in a read-only transaction (SQLSTATE 25006)",
		"SELECT nextval('numbers')":                         "[] query the database of api: cannot execute nextval() in a read-only transaction (SQLSTATE 25006)",
		"COMMIT; DELETE FROM orders":                        "[] query the database of api: cannot insert multiple commands into a prepared statement (SQLSTATE 42601)",
		"SELECT set_config('default_transaction_read_only', 'off', false)": "[off/0] ",
	} {
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

func postgresSecrets(t *testing.T, port string) {
	for _, user := range []string{"owner:falsches-geheimnis", "nobody-at-all:falsches-geheimnis"} {
		l := orders(0)
		l.SQL = &scenarios.SQLRead{Service: "api", URLFrom: "DATABASE_URL", Query: "SELECT id FROM orders"}
		dir := t.TempDir()
		writer, err := journal.Create(dir, nil) // nothing is redacted: it must not be there at all
		if err != nil {
			t.Fatal(err)
		}
		results := Compare(t.Context(), Config{
			Ledgers: []scenarios.PlannedLedger{l}, Book: bookOf(t, []scenarios.PlannedLedger{l}, nil), Clock: clock.Start(),
			Database: func(scenarios.SQLRead) (string, error) {
				return "postgres://" + user + "@127.0.0.1:" + port + "/shop?sslmode=disable", nil
			},
		})
		if err := errors.Join(writer.Append(journal.Event{Body: results[0]}), writer.Close()); err != nil {
			t.Fatal(err)
		}
		if want := "query the database of api: it refuses the user or the password (SQLSTATE 28P01)"; results[0].Error != want {
			t.Errorf("error %s, want %s", results[0].Error, want)
		}
		if leaked(t, dir, "falsches", "nobody", "owner", "127.0.0.1", port) {
			t.Errorf("%s is in the journal", user)
		}
	}
}

// postgresHangs reads a table that somebody else has locked.
func postgresHangs(t *testing.T, address string, db *sql.DB) {
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE orders"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("no complete answer within 1s"))
	defer cancel()
	_, err = all(ctx, queryOf(address, "SELECT id FROM orders"))
	if err == nil || err.Error() != "query the database of api: no complete answer within 1s" {
		t.Errorf("error %v", err)
	}
}

// startPostgres starts the database as compose.yaml does and returns its port.
func startPostgres(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	container, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image:        postgresImage,
			Env:          map[string]string{"POSTGRES_USER": "owner", "POSTGRES_PASSWORD": "ge@heim wort", "POSTGRES_DB": "shop"},
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
	return port.Port()
}

// leaked tells whether a text stands in the journal of a directory.
func leaked(t *testing.T, dir string, texts ...string) bool {
	t.Helper()
	written, err := os.ReadFile(filepath.Join(dir, journal.EventsFile))
	if err != nil || len(written) == 0 {
		t.Fatalf("%d bytes of a journal, error %v", len(written), err)
	}
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(string(written), text) })
}
