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
func (s *Store) Products(ctx context.Context) (products []Product, err error) {
	err = s.each(ctx, read{readProducts, query{text: `SELECT id, name, price_cents FROM products ORDER BY id`}},
		func() { products = []Product{} },
		func(scan func(...any) error) error {
			var p Product
			err := scan(&p.ID, &p.Name, &p.PriceCents)
			products = append(products, p)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	return products, nil
}

// Product returns one entry of the catalogue.
func (s *Store) Product(ctx context.Context, id string) (Product, error) {
	p := Product{ID: id}
	scan := s.one(ctx, read{readProduct, query{`SELECT name, price_cents FROM products WHERE id = $1`, []any{id}}})
	return p, missing(scan(&p.Name, &p.PriceCents), "product", id)
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
	_, err := s.change(ctx, query{
		`INSERT INTO projects (id, account, name, slug, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
		[]any{p.ID, p.Account, p.Name, p.Slug, toMicros(p.CreatedAt)}})
	if err != nil {
		return Project{}, fmt.Errorf("create project: %w", err)
	}
	return p, nil
}

// Project returns a project of an account.
func (s *Store) Project(ctx context.Context, account, id string) (Project, error) {
	p := Project{ID: id, Account: account}
	var created int64
	scan := s.one(ctx, read{readProject, query{`SELECT name, slug, created_at FROM projects WHERE id = $1 AND account = $2`, []any{id, account}}})
	err := missing(scan(&p.Name, &p.Slug, &created), "project", id)
	p.CreatedAt = fromMicros(created)
	return p, err
}

// Projects returns the newest projects of an account, at most limit.
func (s *Store) Projects(ctx context.Context, account string, limit int) (projects []Project, err error) {
	err = s.each(ctx, read{readProjects, query{
		`SELECT id, account, name, slug, created_at FROM projects WHERE account = $1 ORDER BY created_at DESC LIMIT $2`,
		[]any{account, limit}}},
		func() { projects = []Project{} },
		func(scan func(...any) error) error {
			var p Project
			var created int64
			err := scan(&p.ID, &p.Account, &p.Name, &p.Slug, &created)
			p.CreatedAt = fromMicros(created)
			projects = append(projects, p)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read projects: %w", err)
	}
	return projects, nil
}
