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
	ImportFailed  = "failed" // it was tried too often, and is set aside until a person queues it again
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
	// Run again, it updates the row that is there with what it has.
	created, err := scanImport(s.one(ctx, read{"", query{
		`INSERT INTO imports (id, project, account, objects, status, created_at)
		 SELECT CAST($1 AS TEXT), p.id, p.account, CAST($2 AS BIGINT), 'queued', CAST($3 AS BIGINT)
		 FROM projects p WHERE p.id = $4 AND p.account = $5
		 ON CONFLICT (id) DO UPDATE SET objects = excluded.objects
		 RETURNING ` + importColumns,
		[]any{newID("imp"), objects, toMicros(time.Now()), project, account}}}))
	return created, missing(err, "project", project)
}

// Import returns an import of an account.
func (s *Store) Import(ctx context.Context, account, id string) (Import, error) {
	found, err := scanImport(s.one(ctx, read{readImport, query{`SELECT ` + importColumns + ` FROM imports WHERE id = $1 AND account = $2`, []any{id, account}}}))
	return found, missing(err, "import", id)
}

// StartImport marks an import as running and returns it. An import that is done
// is returned as it is; one that is running is started again, because the
// queue delivers a job anew only when its importer is gone.
func (s *Store) StartImport(ctx context.Context, id string) (Import, error) {
	started, err := scanImport(s.one(ctx, read{"", query{
		`UPDATE imports SET status = 'running', started_at = $2 WHERE id = $1 AND status <> 'done' RETURNING ` + importColumns,
		[]any{id, toMicros(time.Now())}}}))
	if err = missing(err, "import", id); !isNotFound(err) {
		return started, err
	}
	done, err := scanImport(s.one(ctx, read{readImport, query{`SELECT ` + importColumns + ` FROM imports WHERE id = $1`, []any{id}}}))
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

// FailImport marks an import as failed. One that is done stays done.
func (s *Store) FailImport(ctx context.Context, id string) error {
	_, err := s.change(ctx, query{
		`UPDATE imports SET status = 'failed', finished_at = $2 WHERE id = $1 AND status <> 'done'`, []any{id, toMicros(time.Now())}})
	if err != nil {
		return fmt.Errorf("mark import %s as failed: %w", id, err)
	}
	return nil
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
