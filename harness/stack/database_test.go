package stack

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/shakedown-dev/shakedown/scenarios"
)

const withDatabase = `
services:
  api:
    image: shop
    environment:
      DATABASE_URL: postgres://shop:hunter2@db:6432/shop?sslmode=disable
      DEFAULT_PORT: postgresql://shop:hunter2@db/shop
      LITE: sqlite:///data/shop.db
      ABROAD: postgres://shop:hunter2@db.example.com:5432/shop
      TWO: postgres://shop:hunter2@db:5432,db2:5432/shop
      WORDS: host=db password=hunter2
      MYSQL: mysql://shop:hunter2@db:3306/shop
      EMPTY: ""
      ASYNC: postgresql+asyncpg://shop:hunter2@db:6432/shop
      AT: postgres://shop:p@ss@db:6432/shop
      OTHER: postgres://shop:hunter2@db:5432/shop?sslmode=disable&host=db.example.com
      OTHER_PORT: postgres://shop:hunter2@db:5432/shop?port=6432
    x-shakedown: {process: {command: [shop], environment: {OWN: "sqlite://{shared}/shop.db"}}}
  db: {image: postgres, x-shakedown: {process: {command: [db]}}}
`

func reads(variable string) *scenarios.Plan {
	return &scenarios.Plan{Ledgers: []scenarios.PlannedLedger{
		{ID: "integrity/orders", SQL: &scenarios.SQLRead{Service: "api", URLFrom: variable, Query: "select 1"}},
		{ID: "integrity/list", HTTP: &scenarios.PlannedHTTPRead{Service: "api"}},
	}}
}

func TestDatabaseOnDocker(t *testing.T) {
	for variable, want := range map[string]string{
		"DATABASE_URL": "postgres://shop:hunter2@127.0.0.1:46432/shop?sslmode=disable",
		"DEFAULT_PORT": "postgresql://shop:hunter2@127.0.0.1:45432/shop",
		"ASYNC":        "postgresql://shop:hunter2@127.0.0.1:46432/shop",
		"AT":           "postgres://shop:p%40ss@127.0.0.1:46432/shop",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, withDatabase, nil, func(cfg *Config) { cfg.Plan.Ledgers = reads(variable).Ledgers })
			if err := r.Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			read := *reads(variable).Ledgers[0].SQL
			if have, err := r.Database(read); err != nil || have != want {
				t.Errorf("%s: %q, %v; want %q", variable, have, err, want)
			}
			if len(r.platform.specs["db-1"].Publish) != 1 || len(r.platform.specs["api-1"].Publish) != 0 {
				t.Errorf("published: db %v, api %v", r.platform.specs["db-1"].Publish, r.platform.specs["api-1"].Publish)
			}
			if err := r.Restart(t.Context(), scenarios.Pick{Service: "db"}, "test"); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Database(read); err != nil {
				t.Errorf("after a restart: %v", err)
			}
			if err := r.Stop(t.Context(), scenarios.Pick{Service: "db"}, "test"); err != nil {
				t.Fatal(err)
			}
			if have, err := r.Database(read); err == nil || !strings.Contains(err.Error(), "database of api ("+variable+"): no instance of db answers") {
				t.Errorf("of a stopped database: %q, %v", have, err)
			}
			down(t, r)
		})
	}
}

// What cannot be read is found out before anything starts, and no error shows
// the address.
func TestDatabaseRefused(t *testing.T) {
	for _, c := range []struct{ variable, docker, process string }{
		{"DATABASE_URL", "", ""},
		{"LITE", "it is a file inside of containers", ""},
		{"OWN", "the service has no variable OWN", ""},
		{"ABROAD", "its host is no service of the stack, which has api, db", "its host is no service of the stack"},
		{"DEFAULT_PORT", "", "write the port after the name"},
		{"TWO", "TWO holds no URL that can be read", "TWO holds no URL"},
		{"WORDS", "WORDS holds no URL that can be read", "WORDS holds no URL"},
		{"MYSQL", "MYSQL is of a database that cannot be read", "MYSQL is of a database that cannot be read"},
		{"OTHER", "OTHER has the parameter host, which names another server", "OTHER has the parameter host"},
		{"OTHER_PORT", "OTHER_PORT has the parameter port", "OTHER_PORT has the parameter port"},
		{"EMPTY", "the service has no variable EMPTY with a value; it has ABROAD, ASYNC, AT, DATABASE_URL,", "no variable EMPTY"},
		{"NONE", "integrity/orders reads from the database of api (NONE): the service has no variable NONE", "no variable NONE"},
	} {
		for platform, want := range map[string]string{"docker": c.docker, "process": c.process} {
			_, err := Outline(project(t, withDatabase), reads(c.variable), platform)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s on %s: %v, want %q", c.variable, platform, err, want)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "example.com")) {
				t.Errorf("%s on %s shows the address: %v", c.variable, platform, err)
			}
		}
	}
}

func TestDatabaseOnProcesses(t *testing.T) {
	on := ground{process: true, shared: "/run/shared", address: func(service string, n int) string { return fmt.Sprintf("127.9.%d.%d", len(service), n) }}
	l, err := arrange(project(t, withDatabase), reads("OWN"), on)
	if err != nil {
		t.Fatal(err)
	}
	s := &Stack{layout: l, on: on}
	for variable, want := range map[string]string{
		"DATABASE_URL": "postgres://shop:hunter2@127.9.2.1:6432/shop?sslmode=disable",
		"AT":           "postgres://shop:p%40ss@127.9.2.1:6432/shop",
		"ASYNC":        "postgresql://shop:hunter2@127.9.2.1:6432/shop",
		"OWN":          "sqlite:///run/shared/shop.db",
		"LITE":         "sqlite:///data/shop.db",
	} {
		if have, err := s.Database(scenarios.SQLRead{Service: "api", URLFrom: variable}); err != nil || have != want {
			t.Errorf("%s: %q, %v; want %q", variable, have, err, want)
		}
	}
	if _, err := s.Database(scenarios.SQLRead{Service: "apo", URLFrom: "A"}); err == nil || !strings.Contains(err.Error(), "database of apo (A): the stack has no such service") {
		t.Errorf("unknown service: %v", err)
	}
}

// What a ledger reads over HTTP is reachable as what journeys call.
func TestReadServicesArePublished(t *testing.T) {
	for _, c := range []struct {
		plan scenarios.PlannedService
		want bool
	}{
		{scenarios.PlannedService{Port: 80, Replicas: 1}, false},
		{scenarios.PlannedService{Port: 80, Replicas: 1, Driven: true}, true},
		{scenarios.PlannedService{Port: 80, Replicas: 1, Read: true}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, small, map[string]scenarios.PlannedService{"api": c.plan})
			if err := r.Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, ok := r.Targets()["api"]; ok != c.want {
				t.Errorf("%+v: targets %v", c.plan, r.Targets())
			}
			down(t, r)
		})
	}
}
