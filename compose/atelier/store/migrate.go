package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// A migration is a list of statements that run in one transaction. Migrations
// are only ever added at the end.
type migration []string

var migrations = []migration{
	{
		`CREATE TABLE products (
			id          TEXT PRIMARY KEY,
			name        TEXT NOT NULL,
			price_cents BIGINT NOT NULL CHECK (price_cents > 0)
		)`,
		`CREATE TABLE projects (
			id         TEXT PRIMARY KEY,
			account    TEXT NOT NULL,
			name       TEXT NOT NULL,
			created_at BIGINT NOT NULL
		)`,
		`CREATE INDEX projects_by_account ON projects (account, created_at)`,
		`CREATE TABLE orders (
			id              TEXT PRIMARY KEY,
			account         TEXT NOT NULL,
			idempotency_key TEXT NOT NULL,
			product         TEXT NOT NULL REFERENCES products (id),
			quantity        BIGINT NOT NULL CHECK (quantity > 0),
			total_cents     BIGINT NOT NULL,
			status          TEXT NOT NULL,
			charge          TEXT NOT NULL DEFAULT '',
			created_at      BIGINT NOT NULL,
			paid_at         BIGINT NOT NULL DEFAULT 0,
			fulfilled_at    BIGINT NOT NULL DEFAULT 0,
			UNIQUE (account, idempotency_key)
		)`,
		`CREATE INDEX orders_to_fulfil ON orders (paid_at) WHERE status = 'paid'`,
		`CREATE TABLE imports (
			id          TEXT PRIMARY KEY,
			project     TEXT NOT NULL REFERENCES projects (id),
			account     TEXT NOT NULL,
			objects     BIGINT NOT NULL CHECK (objects > 0),
			status      TEXT NOT NULL,
			vertices    BIGINT NOT NULL DEFAULT 0,
			checksum    TEXT NOT NULL DEFAULT '',
			created_at  BIGINT NOT NULL,
			started_at  BIGINT NOT NULL DEFAULT 0,
			finished_at BIGINT NOT NULL DEFAULT 0
		)`,
		`CREATE INDEX imports_waiting ON imports (created_at) WHERE status = 'queued'`,
	},
	seedProducts(),
	{
		`CREATE TABLE accounts (
			id              TEXT PRIMARY KEY,
			name            TEXT NOT NULL UNIQUE,
			tier            TEXT NOT NULL,
			idempotency_key TEXT NOT NULL UNIQUE,
			created_at      BIGINT NOT NULL
		)`,
	},
	{
		// A row for each time that the work of a job was done.
		`CREATE TABLE fulfilments (
			order_id   TEXT NOT NULL,
			instance   TEXT NOT NULL,
			deliveries BIGINT NOT NULL,
			done_at    BIGINT NOT NULL
		)`,
		`CREATE TABLE conversions (
			import_id  TEXT NOT NULL,
			instance   TEXT NOT NULL,
			deliveries BIGINT NOT NULL,
			done_at    BIGINT NOT NULL
		)`,
	},
	{
		// With a default, the versions before go on writing projects, and no row is
		// rewritten; the backfill fills what they leave empty.
		`ALTER TABLE projects ADD COLUMN slug TEXT NOT NULL DEFAULT ''`,
		`CREATE TABLE backfills (
			name        TEXT NOT NULL,
			instance    TEXT NOT NULL,
			rows        BIGINT NOT NULL,
			started_at  BIGINT NOT NULL,
			finished_at BIGINT NOT NULL DEFAULT 0
		)`,
	},
}

// Migrate brings the schema up to date. Any number of processes may call it at
// once; one of them does the work, the others wait for it.
func (s *Store) Migrate(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin migration: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := s.migrate(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *Store) migrate(ctx context.Context, tx *sql.Tx) error {
	if s.dialect.lock != "" {
		if _, err := tx.ExecContext(ctx, s.dialect.lock); err != nil {
			return fmt.Errorf("lock the schema: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)`); err != nil {
		return fmt.Errorf("create schema_versions: %w", err)
	}
	var current int
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_versions`).Scan(&current); err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	for i := current; i < len(migrations); i++ {
		if err := apply(ctx, tx, i+1, migrations[i]); err != nil {
			return err
		}
	}
	return nil
}

func apply(ctx context.Context, tx *sql.Tx, version int, m migration) error {
	for _, statement := range m {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("migrate to version %d: %w", version, err)
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO schema_versions (version, applied_at) VALUES ($1, $2)`, version, toMicros(time.Now()))
	if err != nil {
		return fmt.Errorf("record version %d: %w", version, err)
	}
	return nil
}

// seedProducts is the catalogue of a small studio: 40 products.
func seedProducts() migration {
	kinds := []string{"Oak panel", "Brass fitting", "Glass pane", "Marble slab", "Linen screen", "Cast bracket", "Slate tile", "Walnut board"}
	sizes := []string{"XS", "S", "M", "L", "XL"}
	var m migration
	for k, kind := range kinds {
		for s, size := range sizes {
			id := fmt.Sprintf("p-%03d", k*len(sizes)+s+1)
			price := (k+2)*450 + s*275
			m = append(m, fmt.Sprintf(`INSERT INTO products (id, name, price_cents) VALUES ('%s', '%s, %s', %d)`, id, kind, size, price))
		}
	}
	return m
}
