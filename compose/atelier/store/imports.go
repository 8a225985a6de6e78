package store

import (
	"context"
	"fmt"
	"time"
)

// The states of an import, in order.
const (
	ImportQueued  = "queued"
	ImportRunning = "running"
	ImportDone    = "done"
)

// Import is the conversion of one model.
type Import struct {
	ID        string    `json:"id"`
	Project   string    `json:"project"`
	Account   string    `json:"account"`
	Objects   int       `json:"objects"` // geometry objects in the model
	Status    string    `json:"status"`
	Vertices  int64     `json:"vertices,omitempty"` // of the converted model
	Checksum  string    `json:"checksum,omitempty"` // of the converted model
	CreatedAt time.Time `json:"created_at"`
}

const importColumns = `id, project, account, objects, status, vertices, checksum, created_at`

// CreateImport adds a queued import to a project of the account; ErrNotFound
// if the account has no such project.
func (s *Store) CreateImport(ctx context.Context, account, project string, objects int) (Import, error) {
	row := s.db.QueryRowContext(ctx,
		`INSERT INTO imports (id, project, account, objects, status, created_at)
		 SELECT CAST($1 AS TEXT), p.id, p.account, CAST($2 AS BIGINT), 'queued', CAST($3 AS BIGINT)
		 FROM projects p WHERE p.id = $4 AND p.account = $5
		 RETURNING `+importColumns,
		newID("imp"), objects, toMicros(time.Now()), project, account)
	created, err := scanImport(row.Scan)
	return created, missing(err, "project", project)
}

// Import returns an import of an account.
func (s *Store) Import(ctx context.Context, account, id string) (Import, error) {
	row := s.db.QueryRowContext(ctx, `SELECT `+importColumns+` FROM imports WHERE id = $1 AND account = $2`, id, account)
	found, err := scanImport(row.Scan)
	return found, missing(err, "import", id)
}

// StartImport marks an import as running and returns it. An import that is done
// is returned as it is; one that is running is started again, because the
// queue delivers a job anew only when its importer is gone.
func (s *Store) StartImport(ctx context.Context, id string) (Import, error) {
	row := s.db.QueryRowContext(ctx,
		`UPDATE imports SET status = 'running', started_at = $2 WHERE id = $1 AND status <> 'done' RETURNING `+importColumns,
		id, toMicros(time.Now()))
	started, err := scanImport(row.Scan)
	if err = missing(err, "import", id); !isNotFound(err) {
		return started, err
	}
	row = s.db.QueryRowContext(ctx, `SELECT `+importColumns+` FROM imports WHERE id = $1`, id)
	done, err := scanImport(row.Scan)
	return done, missing(err, "import", id)
}

// FinishImport stores the result of a conversion, writes down by whom, and tells
// whether this call did it, so that a job delivered twice is done once.
func (s *Store) FinishImport(ctx context.Context, id string, vertices int64, checksum string, by Delivery) (did bool, err error) {
	now := toMicros(time.Now())
	did, err = s.once(ctx,
		query{`UPDATE imports SET status = 'done', vertices = $2, checksum = $3, finished_at = $4 WHERE id = $1 AND status <> 'done'`, []any{id, vertices, checksum, now}},
		query{`INSERT INTO conversions (import_id, instance, deliveries, done_at) VALUES ($1, $2, $3, $4)`, []any{id, by.Instance, by.Deliveries, now}})
	if err != nil {
		return false, fmt.Errorf("finish import %s: %w", id, err)
	}
	return did, nil
}

// ForgottenImports returns imports that have been queued since before a moment,
// at most limit: the process that should have queued them may have died.
func (s *Store) ForgottenImports(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return s.ids(ctx, `SELECT id FROM imports WHERE status = 'queued' AND created_at < $1 ORDER BY created_at LIMIT $2`, toMicros(before), limit)
}

func scanImport(scan func(...any) error) (Import, error) {
	var i Import
	var created int64
	err := scan(&i.ID, &i.Project, &i.Account, &i.Objects, &i.Status, &i.Vertices, &i.Checksum, &created)
	i.CreatedAt = fromMicros(created)
	return i, err
}
