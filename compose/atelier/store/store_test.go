package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

func TestSQLite(t *testing.T) {
	suite(t, "sqlite://"+filepath.Join(t.TempDir(), "a b.db")) // a path that needs escaping
}

// suite is what every database must do. It runs on one database; each part
// uses accounts of its own.
func suite(t *testing.T, address string) {
	t.Run("processes migrate together", func(t *testing.T) { migrateTogether(t, address) })
	s := open(t, address)
	t.Run("products", func(t *testing.T) { products(t, s) })
	t.Run("an account is created once for a key", func(t *testing.T) { accountOnce(t, s) })
	t.Run("projects", func(t *testing.T) { projects(t, s) })
	t.Run("an order is created once for a key", func(t *testing.T) { orderOnce(t, s) })
	t.Run("an order goes through its states", func(t *testing.T) { orderStates(t, s) })
	t.Run("an import goes through its states", func(t *testing.T) { importStates(t, s) })
	t.Run("slugs are filled in steps", func(t *testing.T) { slugs(t, s) })
	t.Run("runs of a backfill are written down", func(t *testing.T) { backfills(t, s) })
	t.Run("an order is inserted as it is", func(t *testing.T) { insertOrder(t, s) })
	t.Run("work is written down once", func(t *testing.T) { workOnce(t, address) })
	t.Run("processes write together", func(t *testing.T) { writeTogether(t, address) })
}

// open opens a migrated store, as a process of its own would.
func open(t *testing.T, address string) *store.Store {
	t.Helper()
	s, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func migrateTogether(t *testing.T, address string) {
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() {
			s, err := store.Open(address)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			// Services try again while a dependency does not answer; the first
			// processes on a new SQLite file may find it locked.
			for attempt := 0; ; attempt++ {
				err := s.Migrate(t.Context())
				if err == nil {
					return
				}
				if attempt == 20 {
					t.Errorf("migrate: %v", err)
					return
				}
			}
		})
	}
	together.Wait()
}

func products(t *testing.T, s *store.Store) {
	found, err := s.Products(t.Context())
	if err != nil || len(found) != 40 {
		t.Fatalf("%d products, %v; want 40, seeded once", len(found), err)
	}
	if found[0].ID != "p-001" || found[0].PriceCents <= 0 {
		t.Errorf("first product = %+v", found[0])
	}
}

func accountOnce(t *testing.T, s *store.Store) {
	ctx := t.Context()
	var together sync.WaitGroup
	accounts, created := make([]store.Account, 8), make([]bool, 8)
	for i := range accounts {
		together.Go(func() {
			var err error
			if accounts[i], created[i], err = s.CreateAccount(ctx, "key", "acme", "pro"); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	fresh := 0
	for i, account := range accounts {
		if created[i] {
			fresh++
		}
		if account != accounts[0] || account.Name != "acme" || account.Tier != "pro" || time.Since(account.CreatedAt) > time.Hour {
			t.Errorf("accounts %+v and %+v for one key", accounts[0], account)
		}
	}
	if fresh != 1 {
		t.Errorf("%d calls say that they created the account, want 1", fresh)
	}
	if _, _, err := s.CreateAccount(ctx, "another key", "acme", "free"); !errors.Is(err, store.ErrTaken) || !strings.Contains(err.Error(), "acme") {
		t.Errorf("a name that is taken: %v, want ErrTaken that names it", err)
	}
	if same, made, err := s.CreateAccount(ctx, "key", "other", "free"); err != nil || made || same != accounts[0] {
		t.Errorf("the key with another name = %+v, %v, %v; want the account of the key", same, made, err)
	}
}

func projects(t *testing.T, s *store.Store) {
	ctx := t.Context()
	first := must(s.CreateProject(ctx, "projects", "first", ""))(t)
	second := must(s.CreateProject(ctx, "projects", "second", "the-second"))(t)
	must(s.CreateProject(ctx, "projects/other", "other", ""))(t)
	found := must(s.Projects(ctx, "projects", 10))(t)
	if len(found) != 2 || found[0] != second || found[1] != first {
		t.Errorf("projects = %+v; want the account's two, newest first", found)
	}
	if found := must(s.Project(ctx, "projects", second.ID))(t); found != second || found.Slug != "the-second" {
		t.Errorf("project = %+v, want %+v", found, second)
	}
	if _, err := s.Project(ctx, "projects/other", first.ID); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), first.ID) {
		t.Errorf("another account's project: %v, want ErrNotFound that names it", err)
	}
	if found := must(s.Projects(ctx, "projects", 1))(t); len(found) != 1 {
		t.Errorf("%d projects, want the limit of 1", len(found))
	}
}

func orderOnce(t *testing.T, s *store.Store) {
	ctx := t.Context()
	var together sync.WaitGroup
	ids := make([]string, 8)
	created := make([]bool, len(ids))
	for i := range ids {
		together.Go(func() {
			order, fresh, err := s.CreateOrder(ctx, "once", "key", "p-003", 2)
			if err != nil {
				t.Error(err)
			}
			ids[i], created[i] = order.ID, fresh
		})
	}
	together.Wait()
	count := 0
	for i := range ids {
		if ids[i] != ids[0] {
			t.Errorf("orders %s and %s for one key", ids[0], ids[i])
		}
		if created[i] {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d calls say that they created the order, want 1", count)
	}
	other, fresh, err := s.CreateOrder(ctx, "once/other", "key", "p-003", 2)
	if err != nil || !fresh || other.ID == ids[0] {
		t.Errorf("the key of another account = %+v, %v, %v; want an order of its own", other, fresh, err)
	}
	if _, _, err := s.CreateOrder(ctx, "once", "new key", "p-999", 1); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "p-999") {
		t.Errorf("unknown product: %v, want ErrNotFound that names it", err)
	}
}

func orderStates(t *testing.T, s *store.Store) {
	ctx := t.Context()
	order, _, err := s.CreateOrder(ctx, "states", "key", "p-001", 3)
	if err != nil {
		t.Fatal(err)
	}
	price := must(s.Products(ctx))(t)[0].PriceCents
	if order.Status != store.OrderPending || order.TotalCents != 3*price || time.Since(order.CreatedAt) > time.Hour {
		t.Errorf("new order = %+v", order)
	}
	if did := must(s.FulfilOrder(ctx, order.ID, store.Delivery{}))(t); did {
		t.Error("an unpaid order was fulfilled")
	}
	check(t, s.PayOrder(ctx, order.ID, "chg_1"))
	check(t, s.PayOrder(ctx, order.ID, "chg_2")) // changes nothing
	check(t, s.RejectOrder(ctx, order.ID))       // too late
	paid := must(s.Order(ctx, "states", order.ID))(t)
	if paid.Status != store.OrderPaid || paid.Charge != "chg_1" {
		t.Errorf("paid order = %+v", paid)
	}
	if found := must(s.ForgottenOrders(ctx, time.Now().Add(time.Hour), 1000))(t); !contains(found, order.ID) {
		t.Errorf("forgotten orders %q do not hold %s", found, order.ID)
	}
	if found := must(s.ForgottenOrders(ctx, time.Now().Add(-time.Hour), 1000))(t); contains(found, order.ID) {
		t.Error("an order paid just now is forgotten already")
	}
	first := must(s.FulfilOrder(ctx, order.ID, store.Delivery{Instance: "worker-1", Deliveries: 2}))(t)
	second := must(s.FulfilOrder(ctx, order.ID, store.Delivery{Instance: "worker-2", Deliveries: 3}))(t)
	if !first || second {
		t.Errorf("fulfilled: %v, then %v; want once", first, second)
	}
	wantRows(t, s, `SELECT instance, deliveries FROM fulfilments WHERE order_id = $1 AND done_at > 0`, order.ID, "worker-1 2")
	if _, err := s.Order(ctx, "somebody else", order.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another account's order: %v, want ErrNotFound", err)
	}
}

func importStates(t *testing.T, s *store.Store) {
	ctx := t.Context()
	project := must(s.CreateProject(ctx, "imports", "villa", "villa"))(t)
	queued := must(s.CreateImport(ctx, "imports", project.ID, 500))(t)
	if queued.Status != store.ImportQueued || queued.Objects != 500 || queued.Project != project.ID {
		t.Errorf("new import = %+v", queued)
	}
	if _, err := s.CreateImport(ctx, "somebody else", project.ID, 500); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("import into another account's project: %v, want ErrNotFound", err)
	}
	if found := must(s.ForgottenImports(ctx, time.Now().Add(time.Hour), 1000))(t); !contains(found, queued.ID) {
		t.Errorf("forgotten imports %q do not hold %s", found, queued.ID)
	}
	if running := must(s.StartImport(ctx, queued.ID))(t); running.Status != store.ImportRunning || running.Objects != 500 {
		t.Errorf("started import = %+v", running)
	}
	must(s.StartImport(ctx, queued.ID))(t) // its importer died
	if did := must(s.FinishImport(ctx, queued.ID, 64000, "abc", store.Delivery{Instance: "importer-1", Deliveries: 2}))(t); !did {
		t.Error("the import was not finished")
	}
	if did := must(s.FinishImport(ctx, queued.ID, 1, "def", store.Delivery{Instance: "importer-2", Deliveries: 3}))(t); did {
		t.Error("the import was finished twice")
	}
	wantRows(t, s, `SELECT instance, deliveries FROM conversions WHERE import_id = $1 AND done_at > 0`, queued.ID, "importer-1 2")
	if done := must(s.StartImport(ctx, queued.ID))(t); done.Status != store.ImportDone {
		t.Errorf("import started after its end = %+v, want it done", done)
	}
	done := must(s.Import(ctx, "imports", queued.ID))(t)
	if done.Status != store.ImportDone || done.Vertices != 64000 || done.Checksum != "abc" {
		t.Errorf("finished import = %+v", done)
	}
	hopeless := must(s.CreateImport(ctx, "imports", project.ID, 500))(t)
	must(s.StartImport(ctx, hopeless.ID))(t)
	for id, want := range map[string]string{hopeless.ID: store.ImportFailed, queued.ID: store.ImportDone} {
		if err := s.FailImport(ctx, id); err != nil {
			t.Fatal(err)
		}
		if got := must(s.Import(ctx, "imports", id))(t); got.Status != want {
			t.Errorf("import is %s after FailImport, want %s", got.Status, want)
		}
	}
	if _, err := s.StartImport(ctx, "imp_none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown import: %v, want ErrNotFound", err)
	}
}

// slugs looks at accounts of its own: other parts leave projects without a slug.
func slugs(t *testing.T, s *store.Store) {
	ctx := t.Context()
	var ids []string
	for n := range 5 {
		ids = append(ids, must(s.CreateProject(ctx, "slugs", fmt.Sprintf("Loft %d", n), ""))(t).ID)
	}
	kept := must(s.CreateProject(ctx, "slugs", "Loft 5", "chosen"))(t)
	after, changed := "", 0
	for range 100 {
		step := must(s.FillSlugs(ctx, after, 2))(t)
		changed += step.Changed
		if step.Seen > 2 || step.Seen > 0 && step.Last <= after {
			t.Fatalf("step after %q = %+v; want two at most, further on", after, step)
		}
		if after = step.Last; step.Seen < 2 {
			break
		}
	}
	if again := must(s.FillSlugs(ctx, "", 100))(t); changed < len(ids) || again.Seen > 0 {
		t.Errorf("%d slugs filled, then %+v; want all of them, once", changed, again)
	}
	for n, id := range ids {
		if p := must(s.Project(ctx, "slugs", id))(t); p.Slug != fmt.Sprintf("loft-%d", n) {
			t.Errorf("slug of %q = %q", p.Name, p.Slug)
		}
	}
	if p := must(s.Project(ctx, "slugs", kept.ID))(t); p.Slug != "chosen" {
		t.Errorf("a slug that was there is now %q", p.Slug)
	}
}

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"Loft 7": "loft-7", "  Villa -- am See! ": "villa-am-see", "KÖLN": "köln", "!?": "project", "": "project",
		strings.Repeat("ab ", 40): strings.TrimRight(strings.Repeat("ab-", 27)[:80], "-"),
	} {
		if got := store.Slug(name); got != want {
			t.Errorf("slug of %q = %q, want %q", name, got, want)
		}
	}
}

func backfills(t *testing.T, s *store.Store) {
	ctx := t.Context()
	began := must(s.BeginBackfill(ctx, "test", "job-1"))(t)
	wantRows(t, s, `SELECT instance, finished_at FROM backfills WHERE name = $1`, "test", "job-1 0")
	check(t, s.EndBackfill(ctx, "test", "job-1", began, 42))
	must(s.BeginBackfill(ctx, "test", "job-2"))(t)
	wantRows(t, s, `SELECT instance, rows FROM backfills WHERE name = $1 ORDER BY started_at, instance`, "test", "job-1 42", "job-2 0")
	wantRows(t, s, `SELECT instance, rows FROM backfills WHERE name = $1 AND finished_at >= started_at`, "test", "job-1 42")
}

func insertOrder(t *testing.T, s *store.Store) {
	ctx := t.Context()
	order := store.Order{
		ID: "ord_given", Account: "insert", Key: "key", Product: "p-001", Quantity: 2, TotalCents: 100,
		Status: store.OrderPaid, Charge: "chg", CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
	check(t, s.InsertOrder(ctx, order))
	check(t, s.InsertOrder(ctx, store.Order{ID: "ord_other", Account: "insert", Key: "key", Product: "p-002", Quantity: 1, Status: store.OrderPending}))
	if found := must(s.OrderByKey(ctx, "insert", "key"))(t); found != order {
		t.Errorf("order = %+v, want %+v", found, order)
	}
	if found := must(s.ForgottenOrders(ctx, time.Now().Add(time.Hour), 1000))(t); !contains(found, order.ID) {
		t.Errorf("the sweep would not find it among %q", found)
	}
	if _, err := s.OrderByKey(ctx, "insert", "other"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unused key: %v, want ErrNotFound", err)
	}
}

// workOnce has processes finish one import at the same time.
func workOnce(t *testing.T, address string) {
	s := open(t, address)
	project := must(s.CreateProject(t.Context(), "once", "villa", ""))(t)
	queued := must(s.CreateImport(t.Context(), "once", project.ID, 1))(t)
	var together sync.WaitGroup
	for n := range 4 {
		process := open(t, address)
		together.Go(func() {
			if _, err := process.FinishImport(t.Context(), queued.ID, 128, "abc", store.Delivery{Instance: fmt.Sprint(n), Deliveries: 1}); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	wantRows(t, s, `SELECT import_id, COUNT(*) FROM conversions WHERE import_id = $1 GROUP BY import_id`, queued.ID, queued.ID+" 1")
}

// wantRows wants rows of a text and a number.
func wantRows(t *testing.T, s *store.Store, query, arg string, want ...string) {
	t.Helper()
	rows, err := s.DB().QueryContext(t.Context(), query, arg)
	check(t, err)
	defer rows.Close()
	var got []string
	for rows.Next() {
		var text string
		var number int64
		check(t, rows.Scan(&text, &number))
		got = append(got, fmt.Sprint(text, " ", number))
	}
	check(t, rows.Err())
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %q, want %q", query, got, want)
	}
}

// writeTogether has several processes write at once: none may be turned away.
func writeTogether(t *testing.T, address string) {
	var together sync.WaitGroup
	for p := range 3 {
		s := open(t, address)
		for w := range 3 {
			together.Go(func() {
				for i := range 10 {
					order, _, err := s.CreateOrder(t.Context(), "together", fmt.Sprint(p, w, i), "p-002", 1)
					if err == nil {
						err = s.PayOrder(t.Context(), order.ID, "chg")
					}
					if err != nil {
						t.Errorf("process %d writer %d: %v", p, w, err)
						return
					}
				}
			})
		}
	}
	together.Wait()
}

func TestAddressErrorsNameNoPassword(t *testing.T) {
	for _, address := range []string{"mysql://u:hunter2@h/d", "postgres://u:hunter2@h:port/d", "sqlite://hunter2.db", ""} {
		_, err := store.Open(address)
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("Open(%q) = %v; want an error that names DATABASE_URL and no password", address, err)
		}
	}
	s, err := store.Open("postgres://u:hunter2@db:5432/shop")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Name() != "PostgreSQL database shop at db:5432" {
		t.Errorf("Name = %q", s.Name())
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contains(ids []string, id string) bool {
	for _, found := range ids {
		if found == id {
			return true
		}
	}
	return false
}
