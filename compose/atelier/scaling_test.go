package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/settings"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

// page is the metrics page of a service.
func (s *stack) page(base string) string {
	s.t.Helper()
	response, err := http.Get(base + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(content)
}

// desk is where sessions are announced: it counts, and refuses while it is full.
type desk struct {
	*httptest.Server
	heard atomic.Int64
	full  atomic.Bool
}

func openDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		d.heard.Add(1)
		if d.full.Load() {
			w.Header().Set("Retry-After", "12")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(d.Close)
	return d
}

// newProject makes a project and returns the address that models are sent to.
func (s *stack) newProject(headers ...string) (models string) {
	s.t.Helper()
	return s.api + "/v1/projects/" + s.call(201, "POST", s.api+"/v1/projects", `{"name":"Villa"}`, headers...).ID + "/models"
}

// An account that is refused a larger workspace uploads nothing until it is
// granted one; all else goes on.
func TestRefusedWorkspace(t *testing.T) {
	d := openDesk(t)
	s := startStackWith(t, map[string]string{"PRESCALE_WEBHOOK": d.URL})
	if a := s.call(201, "POST", s.web+"/v1/sessions", `{"account":"acme","tier":"enterprise"}`); a.Workspace != "large" {
		t.Errorf("workspace %q, want large", a.Workspace)
	}
	if a := s.call(201, "POST", s.web+"/v1/sessions", `{"account":"small","tier":"pro"}`); a.Workspace != "standard" || d.heard.Load() != 1 {
		t.Errorf("workspace %q after %d announcements, want standard and one of the other account", a.Workspace, d.heard.Load())
	}
	d.full.Store(true)
	a := s.call(201, "POST", s.web+"/v1/sessions", `{"account":"acme","tier":"enterprise"}`)
	if a.Workspace != "standard" {
		t.Errorf("workspace %q, want standard", a.Workspace)
	}
	signed := []string{"Authorization", "Bearer " + a.Token, "Content-Type", "application/x-ndjson"}
	models := s.newProject(signed...)
	if a := s.call(429, "POST", models, `{"name":"beam"}`, signed...); a.header.Get("Retry-After") != "12" || !strings.Contains(a.Error, "again in 12s") {
		t.Errorf("refused with %q and Retry-After %q", a.Error, a.header.Get("Retry-After"))
	}
	d.full.Store(false)
	s.call(202, "POST", models, `{"name":"beam"}`, signed...)
	if got := d.heard.Load(); got != 4 {
		t.Errorf("%d announcements, want one for each session and upload of the account", got)
	}
	if page := s.page(s.api); !strings.Contains(page, `workspace_announcements_total{service="api",state="rejected"} 2`) {
		t.Error("the metrics do not count the refusals")
	}
}

// When sessions are announced, with and without the defects of prescaling.
func TestAnnouncements(t *testing.T) {
	for _, tt := range []struct {
		defect          string
		session, upload int64 // announcements by then
		goesOn          bool
	}{
		{"", 1, 2, false},
		{"prescale-off", 0, 0, false},
		{"prescale-late", 0, 1, false},
		{"prescale-never-returned", 1, 2, true},
		{"prescale-never-returned,order-lost-on-term", 1, 2, true},
	} {
		t.Run(tt.defect, func(t *testing.T) {
			t.Parallel()
			d := openDesk(t)
			s := startStackWith(t, map[string]string{"PRESCALE_WEBHOOK": d.URL, "ATELIER_DEFECT": tt.defect})
			want := func(when string, want int64) {
				if got := d.heard.Load(); got < want || got > want && !tt.goesOn {
					t.Errorf("%d announcements after the %s, want %d", got, when, want)
				}
			}
			name, token := s.signIn("acme")
			want("session", tt.session)
			signed := []string{name, token, "Content-Type", "application/x-ndjson"}
			s.call(202, "POST", s.newProject(signed...), `{"name":"beam"}`, signed...)
			want("upload", tt.upload)
			if tt.goesOn { // although nobody does anything
				s.eventually("announced again", func() bool { return d.heard.Load() >= tt.upload+2 })
			}
			s.stop()
		})
	}
}

func TestScaleMetricStuck(t *testing.T) {
	for defect, want := range map[string]string{"": "1", "scale-metric-stuck": "0"} {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			s := startStackWith(t, map[string]string{"ATELIER_DEFECT": defect})
			s.signIn("acme")
			if series := `http_requests_total{code="201",method="POST",route="/v1/sessions",service="api"} ` + want; !strings.Contains(s.page(s.api), series+"\n") {
				t.Errorf("the metrics have no %s", series)
			}
		})
	}
}

func TestScaleSlowStart(t *testing.T) {
	env := settings.New(func(string) string { return "" })
	for defect, want := range map[defects.Defect]time.Duration{"": 1200 * time.Millisecond, defects.ScaleSlowStart: 15 * time.Second} {
		if got := warmUpTime(setup{env: env, defects: defects.Set{defect: true}}); got != want {
			t.Errorf("%s: an instance warms up for %s, want %s", defect, got, want)
		}
	}
}

// keptRedis is a Redis that outlives the stack, and a client of it.
func keptRedis(t *testing.T) (address string, client *redis.Client) {
	t.Helper()
	server := miniredis.RunT(t)
	client = cache.Open(server.Addr(), 2)
	t.Cleanup(func() { _ = client.Close() })
	return server.Addr(), client
}

// A job in hand at the signal is given back, and so anybody's at once, unless the
// worker is killed with it.
func TestWorkerKilledBusy(t *testing.T) {
	for defect, givenBack := range map[string]int{"": 1, "worker-killed-busy": 0} {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			address, client := keptRedis(t)
			s := startStackWith(t, map[string]string{
				"REDIS_ADDR": address, "ATELIER_DEFECT": defect,
				"ATELIER_FULFIL_TIME": "1h", "ATELIER_LEASE": "1h", "ATELIER_DRAIN_LIMIT": "100ms",
			})
			pending := func(idle time.Duration) int {
				entries, err := client.XPendingExt(t.Context(), &redis.XPendingExtArgs{Stream: "queue:orders", Group: "consumers", Idle: idle, Start: "-", End: "+", Count: 10}).Result()
				if err != nil {
					t.Fatal(err)
				}
				return len(entries)
			}
			name, token := s.signIn("acme")
			s.call(201, "POST", s.api+"/v1/orders", `{"product":"p-001","quantity":1}`, name, token, "Idempotency-Key", "one")
			// Redis counts it as delivered a moment before the worker has it.
			s.eventually("in hand", func() bool { return pending(50*time.Millisecond) == 1 })
			s.stop()
			if all, back := pending(0), pending(time.Hour); all != 1 || back != givenBack {
				t.Errorf("%d jobs are not done and %d of them given back, want 1 and %d", all, back, givenBack)
			}
		})
	}
}

// An import that has ended every importer so far is not tried again, and whoever
// asks for it learns that.
func TestImportThatNobodySurvivesFails(t *testing.T) {
	address, client := keptRedis(t)
	databaseURL := "sqlite://" + filepath.Join(t.TempDir(), "atelier.db")
	id := doomedImport(t, databaseURL, "acme")
	for _, command := range []string{
		"XGROUP CREATE queue:imports consumers 0 MKSTREAM",
		"XADD queue:imports 1-1 id " + id,
		"XREADGROUP GROUP consumers dead COUNT 1 STREAMS queue:imports >",
		"XCLAIM queue:imports consumers dead 0 1-1 IDLE 3600000 RETRYCOUNT 5 JUSTID",
	} {
		arguments := []any{}
		for _, word := range strings.Fields(command) {
			arguments = append(arguments, word)
		}
		if err := client.Do(t.Context(), arguments...).Err(); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
	}
	s := startStackWith(t, map[string]string{"REDIS_ADDR": address, "DATABASE_URL": databaseURL})
	name, token := s.signIn("acme")
	s.eventually("failed", func() bool {
		return s.call(200, "GET", s.api+"/v1/imports/"+id, "", name, token).Status == "failed"
	})
	s.eventually("set aside", func() bool {
		return strings.Contains(s.page(s.api), fmt.Sprintf("queue_dead_jobs{queue=%q,service=\"api\"} 1", "imports"))
	})
}

// doomedImport is an import whose importer has died.
func doomedImport(t *testing.T, databaseURL, account string) (id string) {
	t.Helper()
	db, err := store.Open(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	project, err := db.CreateProject(t.Context(), account, "Villa", "")
	if err != nil {
		t.Fatal(err)
	}
	created, err := db.CreateImport(t.Context(), account, project.ID, 28_000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.StartImport(t.Context(), created.ID); err != nil {
		t.Fatal(err)
	}
	return created.ID
}
