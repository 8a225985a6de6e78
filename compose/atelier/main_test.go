package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// stack is every service of atelier, run in this process the way the process
// platform runs them: SQLite and an embedded Redis.
type stack struct {
	t        *testing.T
	web, api string // URLs
	worker   string
	payments string
	logs     *lockedBuffer
	getenv   func(name string) string // of what all services have in common
	stop     func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startStack(t *testing.T) *stack { return startStackWith(t, nil) }

// startStackWith starts it with variables that win over those it has.
func startStackWith(t *testing.T, environment map[string]string) *stack {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &stack{t: t, logs: &lockedBuffer{}}
	redis, api := freeAddress(t), freeAddress(t)
	web, worker, importer, payments := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t)
	s.web, s.api, s.worker, s.payments = "http://"+web, "http://"+api, "http://"+worker, "http://"+payments
	common := map[string]string{
		"DATABASE_URL": "sqlite://" + filepath.Join(t.TempDir(), "atelier.db"), "REDIS_ADDR": redis,
		"API_URL": s.api, "PAYMENTS_URL": s.payments, "PAYMENTS_LATENCY": "0s",
		"ATELIER_WARM_UP": "0s", "ATELIER_DRAIN_DELAY": "0s",
	}
	maps.Copy(common, environment)
	s.getenv = func(name string) string { return common[name] }
	var running sync.WaitGroup
	for _, service := range []struct{ name, listen string }{
		{"redis", redis}, {"api", api}, {"web", web}, {"worker", worker}, {"importer", importer}, {"payments", payments},
	} {
		getenv := func(name string) string {
			if name == "ATELIER_LISTEN" {
				return service.listen
			}
			return common[name]
		}
		running.Go(func() {
			if err := run(ctx, []string{service.name}, getenv, s.logs); err != nil {
				t.Errorf("%s ended with %v", service.name, err)
			}
		})
	}
	s.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(s.stop)
	for _, address := range []string{worker, importer, payments, api, web} {
		if common["PAYMENTS_URL"] == s.payments || address != api { // else it need not be
			s.untilReady(address)
		}
	}
	return s
}

// freeAddress is an address that nobody listens on. Its port is free for as long
// as nobody else picks the same of the sixteen million loopback addresses: on
// 127.0.0.1 any connection that is opened meanwhile may be given it.
func freeAddress(t *testing.T) string {
	t.Helper()
	ip := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// untilReady uses the health check that the containers use.
func (s *stack) untilReady(address string) {
	s.t.Helper()
	environment := func(name string) string {
		if name == "ATELIER_LISTEN" {
			return address
		}
		return ""
	}
	s.eventually("ready at "+address, func() bool {
		return run(s.t.Context(), []string{"healthcheck"}, environment, io.Discard) == nil
	})
}

func (s *stack) eventually(what string, holds func() bool) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if holds() {
			return
		}
	}
	s.t.Fatalf("never %s; logs:\n%s", what, s.logs)
}

// answer is a decoded answer; fields are those of any of them.
type answer struct {
	Token, ID, Status, Charge, Checksum, Error string
	Tier, Workspace                            string
	Vertices, Total, Objects                   int
	Projects                                   []struct{ ID, Name, Slug string }
	Products                                   []struct{ ID string }
	header                                     http.Header
}

// call sends a request and wants a status; headers are pairs.
func (s *stack) call(want int, method, url, body string, headers ...string) answer {
	s.t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if response.StatusCode != want {
		s.t.Fatalf("%s %s = %d %s, want %d", method, url, response.StatusCode, content, want)
	}
	a := answer{header: response.Header}
	if err := json.Unmarshal(content, &a); err != nil {
		s.t.Fatalf("%s %s = %q: %v", method, url, content, err)
	}
	return a
}

// signIn starts a session and returns the header that carries it.
func (s *stack) signIn(account string) (string, string) {
	s.t.Helper()
	a := s.call(201, "POST", s.web+"/v1/sessions", `{"account":"`+account+`","tier":"enterprise"}`)
	return "Authorization", "Bearer " + a.Token
}

func TestStackEndToEnd(t *testing.T) {
	s := startStack(t)
	name, token := s.signIn("acme")

	if a := s.call(200, "GET", s.web+"/v1/catalogue", ""); len(a.Products) != 40 {
		t.Errorf("%d products, want 40", len(a.Products))
	}

	if a := s.call(200, "GET", s.web+"/v1/products/p-003", ""); a.ID != "p-003" {
		t.Errorf("product = %+v", a)
	}
	s.call(404, "GET", s.api+"/v1/products/p-999", "")

	if a := s.call(200, "GET", s.api+"/v1/projects", "", name, token); len(a.Projects) != 0 {
		t.Errorf("projects of a new account = %+v", a.Projects)
	}
	project := s.call(201, "POST", s.web+"/v1/projects", `{"name":"Villa"}`, name, token)
	if a := s.call(200, "GET", s.api+"/v1/projects", "", name, token); len(a.Projects) != 1 || a.Projects[0].ID != project.ID {
		t.Errorf("projects = %+v", a.Projects)
	}

	imported := s.call(202, "POST", s.api+"/v1/projects/"+project.ID+"/imports", `{"objects":100}`, name, token)
	s.eventually("imported", func() bool {
		imported = s.call(200, "GET", s.api+"/v1/imports/"+imported.ID, "", name, token)
		return imported.Status == "done"
	})
	if imported.Vertices != 12800 || imported.Checksum == "" {
		t.Errorf("import = %+v", imported)
	}

	model := strings.Repeat(`{"name":"beam","kind":"beam","position":[1,2,3]}`+"\n", 300)
	for encoding, body := range map[string]string{"identity": model, "gzip": compressed(t, model)} {
		uploaded := s.call(202, "POST", s.web+"/v1/projects/"+project.ID+"/models", body, name, token, "Content-Type", "application/x-ndjson", "Content-Encoding", encoding)
		if want := "/v1/imports/" + uploaded.ID; uploaded.Objects != 300 || uploaded.header.Get("Location") != want {
			t.Errorf("upload = %+v at %s, want 300 objects at %s", uploaded, uploaded.header.Get("Location"), want)
		}
		s.eventually("imported", func() bool {
			return s.call(200, "GET", s.api+"/v1/imports/"+uploaded.ID, "", name, token).Status == "done"
		})
	}

	signUp := func() answer {
		return s.call(201, "POST", s.web+"/v1/accounts", `{"account":"newcomer"}`, "Idempotency-Key", "newcomer's key")
	}
	account, same := signUp(), signUp()
	if account.ID != same.ID || account.Tier != "free" || same.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("accounts %+v and %+v for one key", account, same)
	}

	buy := func() answer {
		return s.call(201, "POST", s.web+"/v1/orders", `{"product":"p-001","quantity":1}`, name, token, "Idempotency-Key", "one")
	}
	order, again := buy(), buy()
	if order.ID != again.ID || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("orders %s and %s for one key, replayed %q", order.ID, again.ID, again.header.Get("Idempotent-Replayed"))
	}
	s.eventually("fulfilled", func() bool {
		return s.call(200, "GET", s.api+"/v1/orders/"+order.ID, "", name, token).Status == "fulfilled"
	})
	if a := s.call(200, "GET", s.payments+"/v1/charges", ""); a.Total != 1 {
		t.Errorf("%d charges for one order", a.Total)
	}
	s.wantMetrics()
	s.stop()
	if logs := s.logs.String(); strings.Contains(logs, strings.TrimPrefix(token, "Bearer ")) || strings.Contains(logs, `"ERROR"`) {
		t.Errorf("the logs hold the token or an error:\n%s", logs)
	}
}

// compressed is a text as gzip has it.
func compressed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (s *stack) wantMetrics() {
	s.t.Helper()
	for base, wanted := range map[string][]string{
		s.api: {`http_requests_total{code="201",method="POST",route="/v1/orders",service="api"}`, "http_request_duration_seconds_bucket", "http_requests_in_flight", "http_connections_active", "go_sql_open_connections", "redis_pool_connections", `hot_reads_total{from="database",kind="catalogue",service="api"} 1`, `database_reads_total{query="products",service="api"} 1`, "payments_breaker_open", `sessions_started_total{service="api",tier="enterprise"} 1`, `accounts_created_total{service="api",tier="free"} 1`,
			`queue_depth{queue="orders",service="api"} 0`, `queue_depth{queue="imports",service="api"} 0`, `queue_oldest_job_age_seconds{queue="imports",service="api"} 0`, `queue_dead_jobs{queue="orders",service="api"} 0`},
		s.worker: {`queue_depth{queue="orders",service="worker"} 0`, `queue_oldest_job_age_seconds{queue="orders",service="worker"} 0`, `orders_fulfilled_total{service="worker"} 1`},
	} {
		response, err := http.Get(base + "/metrics")
		if err != nil {
			s.t.Fatal(err)
		}
		content, _ := io.ReadAll(response.Body)
		response.Body.Close()
		for _, want := range wanted {
			if !strings.Contains(string(content), want) {
				s.t.Errorf("%s/metrics has no %s", base, want)
			}
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	s := startStack(t)
	name, token := s.signIn("acme")
	project := s.call(201, "POST", s.api+"/v1/projects", `{"name":"Villa"}`, name, token)
	other, otherToken := s.signIn("other")
	s.call(201, "POST", s.api+"/v1/accounts", `{"account":"acme","tier":"pro"}`, "Idempotency-Key", "one")
	models := "/v1/projects/" + project.ID + "/models"
	beams := []string{name, token, "Content-Type", "application/x-ndjson"}
	for _, tt := range []struct {
		name    string
		want    int
		method  string
		path    string
		body    string
		headers []string
	}{
		{"unknown tier", 422, "POST", "/v1/sessions", `{"account":"a","tier":"gold"}`, nil},
		{"not JSON", 400, "POST", "/v1/sessions", `account`, nil},
		{"unknown field", 400, "POST", "/v1/sessions", `{"acount":"a"}`, nil},
		{"two values", 400, "POST", "/v1/sessions", `{"account":"a"}{}`, nil},
		{"body too large", 400, "POST", "/v1/sessions", `{"account":"` + strings.Repeat("a", 100_000) + `"}`, nil},
		{"no session", 401, "GET", "/v1/projects", ``, nil},
		{"unknown session", 401, "GET", "/v1/projects", ``, []string{name, "Bearer nonsense"}},
		{"no name", 422, "POST", "/v1/projects", `{}`, []string{name, token}},
		{"no idempotency key", 400, "POST", "/v1/orders", `{"product":"p-001","quantity":1}`, []string{name, token}},
		{"no such product", 404, "POST", "/v1/orders", `{"product":"p-999","quantity":1}`, []string{name, token, "Idempotency-Key", "k"}},
		{"quantity", 422, "POST", "/v1/orders", `{"product":"p-001","quantity":0}`, []string{name, token, "Idempotency-Key", "k"}},
		{"declined", 402, "POST", "/v1/orders", `{"product":"p-040","quantity":1000}`, []string{name, token, "Idempotency-Key", "big"}},
		{"no such order", 404, "GET", "/v1/orders/ord_none", ``, []string{name, token}},
		{"import of nothing", 422, "POST", "/v1/projects/" + project.ID + "/imports", `{"objects":0}`, []string{name, token}},
		{"somebody else's project", 404, "POST", "/v1/projects/" + project.ID + "/imports", `{"objects":1}`, []string{other, otherToken}},
		{"account without a key", 400, "POST", "/v1/accounts", `{"account":"b"}`, nil},
		{"account without a name", 422, "POST", "/v1/accounts", `{}`, []string{"Idempotency-Key", "two"}},
		{"account of no tier", 422, "POST", "/v1/accounts", `{"account":"b","tier":"gold"}`, []string{"Idempotency-Key", "two"}},
		{"account that is taken", 409, "POST", "/v1/accounts", `{"account":"acme"}`, []string{"Idempotency-Key", "two"}},
		{"account with another's key", 422, "POST", "/v1/accounts", `{"account":"b","tier":"pro"}`, []string{"Idempotency-Key", "one"}},
		{"model in another's project", 404, "POST", models, `{"name":"a"}`, []string{other, otherToken, "Content-Type", "application/x-ndjson"}},
		{"model of no known type", 415, "POST", models, `{"name":"a"}`, []string{name, token, "Content-Type", "application/json"}},
		{"model of no known encoding", 415, "POST", models, `{"name":"a"}`, append(beams, "Content-Encoding", "br")},
		{"model that is not compressed", 400, "POST", models, `{"name":"a"}`, append(beams, "Content-Encoding", "gzip")},
		{"model of nothing", 422, "POST", models, ``, beams},
		{"model of something else", 422, "POST", models, `{"name":"a"}` + "\n7", beams},
		{"model with a long object", 413, "POST", models, strings.Repeat("a", 70_000), beams},
	} {
		if a := s.call(tt.want, tt.method, s.api+tt.path, tt.body, tt.headers...); a.Error == "" {
			t.Errorf("%s: the answer does not say what is wrong", tt.name)
		}
	}
}

func TestMistakesInTheConfiguration(t *testing.T) {
	for _, tt := range []struct {
		args        []string
		environment map[string]string
		want        []string
	}{
		{[]string{"api"}, nil, []string{"DATABASE_URL is not set", "REDIS_ADDR is not set", "PAYMENTS_URL is not set"}},
		{[]string{"payments"}, map[string]string{"ATELIER_DEFECT": "drain-slow"}, []string{`"drain-slow"`, "drain-ignored, drain-listener-first, ", ", ready-early, "}},
		{[]string{"payments"}, map[string]string{"PAYMENTS_LATENCY": "fast", "ATELIER_LOG_LEVEL": "loud"}, []string{"PAYMENTS_LATENCY", "ATELIER_LOG_LEVEL"}},
		{[]string{"api"}, map[string]string{"ATELIER_SLUGS": "true", "ATELIER_BACKFILL_CHUNK": "0"}, []string{`ATELIER_SLUGS is "true"; write off, dual or on`, "ATELIER_BACKFILL_CHUNK"}},
		{[]string{"importer"}, map[string]string{"ATELIER_LEASE": "10ms", "ATELIER_SWEEP": "10ms"}, []string{"ATELIER_LEASE is 10ms", "ATELIER_SWEEP is 10ms"}},
		{[]string{"backfill"}, nil, []string{"DATABASE_URL is not set"}},
		{[]string{"web"}, map[string]string{"API_URL": "api:8080"}, []string{"API_URL is not an http URL"}},
		{[]string{"api"}, map[string]string{"PRESCALE_WEBHOOK": "api:9199"}, []string{"PRESCALE_WEBHOOK is not an http URL"}},
		{[]string{"api"}, map[string]string{"PRESCALE_WEBHOOK": "http://api:port"}, []string{"PRESCALE_WEBHOOK is not an http URL"}},
		{[]string{"worker"}, map[string]string{"DATABASE_URL": "mysql://u:hunter2@h/d", "REDIS_ADDR": "127.0.0.1:1", "ATELIER_LISTEN": "127.0.0.1:0"}, []string{"DATABASE_URL: neither postgres"}},
		{[]string{"worker"}, map[string]string{"DATABASE_URL": "postgres://u:hunter2@127.0.0.1:1/d", "REDIS_ADDR": "127.0.0.1:1", "ATELIER_LISTEN": "127.0.0.1:0", "ATELIER_START_LIMIT": "50ms"}, []string{"connect to PostgreSQL database d at 127.0.0.1:1: no success within 50ms", "check DATABASE_URL"}},
		{[]string{"healthcheck", "http://127.0.0.1:1/readyz"}, nil, []string{"check", "refused"}},
	} {
		logs := &lockedBuffer{}
		err := run(t.Context(), tt.args, func(name string) string { return tt.environment[name] }, logs)
		if err == nil {
			t.Errorf("%v with %v: no error", tt.args, tt.environment)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %q does not mention %s", tt.args, err, want)
			}
		}
		if strings.Contains(err.Error()+logs.String(), "hunter2") {
			t.Errorf("%v: the password is in the error or the logs: %v %s", tt.args, err, logs)
		}
	}
}

// What compose.yaml says of how long draining takes is what the services take.
func TestComposeKnowsHowLongDrainingTakes(t *testing.T) {
	text, err := os.ReadFile("../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Role struct {
				Drain struct{ Takes string }
			} `yaml:"x-shakedown"`
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"web", "api", "importer", "worker"} {
		want := services[name].drainDelay + drainLimit
		if takes := file.Services[name].Role.Drain.Takes; takes != want.String() {
			t.Errorf("%s takes %q, want %s", name, takes, want)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"unknown"}, {"api", "extra"}, {"healthcheck", "a", "b"}} {
		err := run(t.Context(), args, func(string) string { return "" }, io.Discard)
		var stderr bytes.Buffer
		if code := exitCode(err, &stderr); code != 2 || !strings.HasPrefix(stderr.String(), "usage: atelier SERVICE") {
			t.Errorf("%v: exit code %d, %q", args, code, stderr.String())
		}
	}
	if code := exitCode(errors.New("broken"), io.Discard); code != 1 {
		t.Errorf("exit code of an error = %d, want 1", code)
	}
}

func TestMigrate(t *testing.T) {
	getenv := func(name string) string {
		if name == "DATABASE_URL" {
			return "sqlite://" + filepath.Join(t.TempDir(), "atelier.db")
		}
		return ""
	}
	if err := run(t.Context(), []string{"migrate"}, getenv, io.Discard); err != nil {
		t.Error(err)
	}
}
