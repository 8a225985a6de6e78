package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Slugs is the name of the backfill of projects' slugs.
const Slugs = "slugs"

// maxSlug is how long a slug can be, in characters.
const maxSlug = 80

// Slug is the readable part of an address that a name gives: "Loft 7, Köln" is
// "loft-7-köln". It is never empty, because empty means that it is still to be
// filled in.
func Slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	slug := []rune(strings.Join(words, "-"))
	if len(slug) == 0 {
		return "project"
	}
	return strings.TrimRight(string(slug[:min(len(slug), maxSlug)]), "-")
}

// Filled is what one step of filling slugs came to.
type Filled struct {
	Last    string // id of the last project it saw
	Seen    int    // projects without a slug
	Changed int    // of Seen; somebody else may have filled the others in between
}

// FillSlugs gives the next projects that have no slug theirs, at most limit, in
// the order of their ids from the one after. It is one short transaction, so
// that nobody waits for it long.
func (s *Store) FillSlugs(ctx context.Context, after string, limit int) (Filled, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Filled{}, fmt.Errorf("begin to fill slugs: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	found, err := withoutSlug(ctx, tx, after, limit)
	if err != nil {
		return Filled{}, fmt.Errorf("read projects without a slug: %w", err)
	}
	step := Filled{Seen: len(found)}
	for _, p := range found {
		did, err := changed(tx.ExecContext(ctx, `UPDATE projects SET slug = $2 WHERE id = $1 AND slug = ''`, p.ID, Slug(p.Name)))
		if err != nil {
			return Filled{}, fmt.Errorf("fill the slug of %s: %w", p.ID, err)
		}
		if did {
			step.Changed++
		}
		step.Last = p.ID
	}
	if err := tx.Commit(); err != nil {
		return Filled{}, fmt.Errorf("fill slugs: %w", err)
	}
	return step, nil
}

// withoutSlug goes by the primary key: however large the table is, a step costs
// as much as its rows, and the first as much as the last.
func withoutSlug(ctx context.Context, tx *sql.Tx, after string, limit int) ([]Project, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, name FROM projects WHERE id > $1 AND slug = '' ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []Project
	for rows.Next() {
		var p Project
		if err := rows.Scan(&p.ID, &p.Name); err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return found, rows.Err()
}

// BeginBackfill writes down that a backfill has begun; what it returns tells
// this run from others of the same instance.
func (s *Store) BeginBackfill(ctx context.Context, name, instance string) (started time.Time, err error) {
	started = fromMicros(toMicros(time.Now()))
	_, err = s.db.ExecContext(ctx, `INSERT INTO backfills (name, instance, rows, started_at) VALUES ($1, $2, 0, $3)`, name, instance, toMicros(started))
	if err != nil {
		return time.Time{}, fmt.Errorf("write down the backfill %s: %w", name, err)
	}
	return started, nil
}

// EndBackfill writes down that a backfill is complete, and how many rows it changed.
func (s *Store) EndBackfill(ctx context.Context, name, instance string, started time.Time, rows int) error {
	_, err := s.db.ExecContext(ctx, `UPDATE backfills SET rows = $4, finished_at = $5 WHERE name = $1 AND instance = $2 AND started_at = $3`,
		name, instance, toMicros(started), rows, toMicros(time.Now()))
	if err != nil {
		return fmt.Errorf("write down the end of the backfill %s: %w", name, err)
	}
	return nil
}
