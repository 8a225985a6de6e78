package store

import (
	"context"
	"fmt"
	"time"
)

// Product is one entry of the catalogue.
type Product struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	PriceCents int64  `json:"price_cents"`
}

// Products returns the catalogue in the order of its ids.
func (s *Store) Products(ctx context.Context) ([]Product, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, name, price_cents FROM products ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	defer rows.Close()
	products := []Product{}
	for rows.Next() {
		var p Product
		if err := rows.Scan(&p.ID, &p.Name, &p.PriceCents); err != nil {
			return nil, fmt.Errorf("read products: %w", err)
		}
		products = append(products, p)
	}
	return products, rows.Err()
}

// Project is a project of an account.
type Project struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	Slug      string    `json:"slug,omitempty"` // empty until it is written or filled in
	CreatedAt time.Time `json:"created_at"`
}

// CreateProject adds a project; an empty slug is left to the backfill.
func (s *Store) CreateProject(ctx context.Context, account, name, slug string) (Project, error) {
	p := Project{ID: newID("prj"), Account: account, Name: name, Slug: slug, CreatedAt: fromMicros(toMicros(time.Now()))}
	_, err := s.db.ExecContext(ctx,
		`INSERT INTO projects (id, account, name, slug, created_at) VALUES ($1, $2, $3, $4, $5)`,
		p.ID, p.Account, p.Name, p.Slug, toMicros(p.CreatedAt))
	if err != nil {
		return Project{}, fmt.Errorf("create project: %w", err)
	}
	return p, nil
}

// Project returns a project of an account.
func (s *Store) Project(ctx context.Context, account, id string) (Project, error) {
	p := Project{ID: id, Account: account}
	var created int64
	row := s.db.QueryRowContext(ctx, `SELECT name, slug, created_at FROM projects WHERE id = $1 AND account = $2`, id, account)
	err := missing(row.Scan(&p.Name, &p.Slug, &created), "project", id)
	p.CreatedAt = fromMicros(created)
	return p, err
}

// Projects returns the newest projects of an account, at most limit.
func (s *Store) Projects(ctx context.Context, account string, limit int) ([]Project, error) {
	rows, err := s.db.QueryContext(ctx,
		`SELECT id, account, name, slug, created_at FROM projects WHERE account = $1 ORDER BY created_at DESC LIMIT $2`,
		account, limit)
	if err != nil {
		return nil, fmt.Errorf("read projects: %w", err)
	}
	defer rows.Close()
	projects := []Project{}
	for rows.Next() {
		var p Project
		var created int64
		if err := rows.Scan(&p.ID, &p.Account, &p.Name, &p.Slug, &created); err != nil {
			return nil, fmt.Errorf("read projects: %w", err)
		}
		p.CreatedAt = fromMicros(created)
		projects = append(projects, p)
	}
	return projects, rows.Err()
}
