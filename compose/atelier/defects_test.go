package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

// rows is the rows of a query of texts, one after the other.
func (s *stack) rows(query string) []string {
	s.t.Helper()
	db, err := store.Open(s.getenv("DATABASE_URL"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	found, err := db.DB().QueryContext(s.t.Context(), query)
	if err != nil {
		s.t.Fatal(err)
	}
	defer found.Close()
	var texts []string
	for found.Next() {
		var text string
		if err := found.Scan(&text); err != nil {
			s.t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if err := found.Err(); err != nil {
		s.t.Fatal(err)
	}
	return texts
}

// What one instance makes, and nobody takes back: each defect changes what is
// its own, and nothing else.
func TestDefectsOfTheAPI(t *testing.T) {
	for _, tt := range []struct {
		defect    string
		sameOrder bool // one key is one order
		backfills int
	}{
		{"", true, 0},
		{"no-idempotency", false, 0},
		{"migration-twice", true, 1},
		{"session-in-memory", true, 0},
		{"order-lost-on-term", true, 0},
		{"ready-shared-dependency", true, 0},
	} {
		t.Run(tt.defect, func(t *testing.T) {
			t.Parallel()
			s := startStackWith(t, map[string]string{"ATELIER_DEFECT": tt.defect, "ATELIER_INSTANCE": "any-1"})
			name, token := s.signIn("acme")
			buy := func() answer {
				return s.call(201, "POST", s.api+"/v1/orders", `{"product":"p-001","quantity":1}`, name, token, "Idempotency-Key", "one")
			}
			first, second := buy(), buy()
			want := map[string]bool{first.ID: true, second.ID: true}
			if tt.sameOrder != (len(want) == 1) {
				t.Errorf("orders %s and %s for one key", first.ID, second.ID)
			}
			for id := range want {
				s.eventually("fulfilled", func() bool {
					return s.call(200, "GET", s.api+"/v1/orders/"+id, "", name, token).Status == "fulfilled"
				})
			}
			if a := s.call(200, "GET", s.payments+"/v1/charges", ""); a.Total != len(want) {
				t.Errorf("%d charges for %d orders", a.Total, len(want))
			}
			if rows := s.rows(`SELECT order_id FROM fulfilments WHERE instance = 'any-1' AND deliveries = 1`); len(rows) != len(want) || !want[rows[0]] {
				t.Errorf("fulfilments %q, want one for each of %v", rows, want)
			}
			if rows := s.rows(`SELECT instance FROM backfills WHERE name = 'slugs' AND finished_at > 0`); len(rows) != tt.backfills {
				t.Errorf("backfills by %q, want %d", rows, tt.backfills)
			}
			s.stop() // in which every service ends well
		})
	}
}

// The signal comes while orders are in memory: they were acknowledged, and are gone.
func TestOrdersAreLostAtTheSignal(t *testing.T) {
	for defect, want := range map[string]int{"": 10, "order-lost-on-term": 0} {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			s := startStackWith(t, map[string]string{"ATELIER_DEFECT": defect})
			name, token := s.signIn("acme")
			for n := range 10 {
				s.call(201, "POST", s.api+"/v1/orders", `{"product":"p-001","quantity":1}`, name, token, "Idempotency-Key", fmt.Sprint(n))
			}
			s.stop()
			// A machine that is very slow may have written some in time.
			if rows := s.rows(`SELECT id FROM orders`); len(rows) < want || want == 0 && len(rows) == 10 {
				t.Errorf("%d orders are left of 10 that were acknowledged, want %d", len(rows), want)
			}
		})
	}
}

// Readiness follows the third party only with the defect.
func TestReadinessAndTheThirdParty(t *testing.T) {
	for defect, follows := range map[string]bool{"": false, "ready-shared-dependency": true} {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			s := startStackWith(t, map[string]string{"ATELIER_DEFECT": defect, "PAYMENTS_URL": "http://127.0.0.1:1"})
			ready := func() bool {
				return run(t.Context(), []string{"healthcheck", s.api + "/readyz"}, s.getenv, s.logs) == nil
			}
			s.eventually("initialized", func() bool {
				return run(t.Context(), []string{"healthcheck", s.api + "/initz"}, s.getenv, s.logs) == nil
			})
			if ready() == follows {
				t.Errorf("ready is %v without the third party", !follows)
			}
		})
	}
}

// Who looks around needs the payment API only with the defect.
func TestTheCatalogueAndThePaymentAPI(t *testing.T) {
	for defect, want := range map[string]int{"": 200, "hard-dependency": 503} {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			var down atomic.Bool
			bank := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if down.Load() {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			t.Cleanup(bank.Close)
			s := startStackWith(t, map[string]string{"ATELIER_DEFECT": defect, "PAYMENTS_URL": bank.URL})
			s.call(200, "GET", s.api+"/v1/catalogue", "")
			down.Store(true)
			s.call(want, "GET", s.api+"/v1/catalogue", "")
			s.call(want, "GET", s.api+"/v1/products/p-001", "")
		})
	}
}

// A payment that cannot be made is refused in words and with a time to come back.
func TestAPaymentThatCannotBeMade(t *testing.T) {
	s := startStackWith(t, map[string]string{"PAYMENTS_URL": "http://127.0.0.1:1"})
	s.eventually("initialized", func() bool {
		return run(t.Context(), []string{"healthcheck", s.api + "/initz"}, s.getenv, s.logs) == nil
	})
	a := s.call(201, "POST", s.api+"/v1/sessions", `{"account":"acme","tier":"pro"}`)
	refused := s.call(503, "POST", s.api+"/v1/orders", `{"product":"p-001","quantity":1}`, "Authorization", "Bearer "+a.Token, "Idempotency-Key", "one")
	if !strings.Contains(refused.Error, "send the order again") || refused.header.Get("Retry-After") != "1" {
		t.Errorf("%q, to come back after %q", refused.Error, refused.header.Get("Retry-After"))
	}
}

// One service after another writes and reads slugs, and the backfill does the rest.
func TestSlugsComeInWithoutDowntime(t *testing.T) {
	first := startStackWith(t, nil)
	name, token := first.signIn("acme")
	slugs := func(s *stack, name, token string) string {
		var all []string
		for _, p := range s.call(200, "GET", s.api+"/v1/projects", "", name, token).Projects {
			all = append(all, p.Name+"="+p.Slug)
		}
		return strings.Join(all, " ")
	}
	add := func(s *stack, project, name, token string) {
		s.call(201, "POST", s.api+"/v1/projects", `{"name":"`+project+`"}`, name, token)
	}
	add(first, "A b", name, token)
	if got := slugs(first, name, token); got != "A b=" {
		t.Errorf("off: %s", got)
	}
	first.stop()

	same := map[string]string{"DATABASE_URL": first.getenv("DATABASE_URL"), "ATELIER_SLUGS": "dual"}
	dual := startStackWith(t, same)
	name, token = dual.signIn("acme")
	add(dual, "C d", name, token)
	if got := slugs(dual, name, token); got != "C d= A b=" {
		t.Errorf("dual: %s; want slugs written and not shown", got)
	}
	if rows := dual.rows(`SELECT slug FROM projects ORDER BY created_at`); strings.Join(rows, ",") != ",c-d" {
		t.Errorf("dual: slugs %q, want those of new projects", rows)
	}
	for range 2 { // the second run has nothing left to do
		if err := run(t.Context(), []string{"backfill"}, dual.getenv, dual.logs); err != nil {
			t.Fatal(err)
		}
	}
	if rows := dual.rows(`SELECT CAST(rows AS TEXT) FROM backfills WHERE name = 'slugs' AND finished_at > 0 ORDER BY started_at`); strings.Join(rows, ",") != "1,0" {
		t.Errorf("backfills changed %q rows, want 1 and 0", rows)
	}
	dual.stop()

	same["ATELIER_SLUGS"] = "on"
	on := startStackWith(t, same)
	name, token = on.signIn("acme")
	if got := slugs(on, name, token); got != "C d=c-d A b=a-b" {
		t.Errorf("on: %s", got)
	}
}

func TestInstanceIsTheHostWhereThatIsEnough(t *testing.T) {
	if name := defaultInstance("api-1", 1); name != "api-1" {
		t.Errorf("process 1 = %q", name)
	}
	if name := defaultInstance("laptop", 4711); name != "laptop-4711" {
		t.Errorf("one of many = %q", name)
	}
}
