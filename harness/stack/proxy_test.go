package stack

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/authority"
	agentlink "github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const withPayments = `
services:
  api:
    image: shop
    networks: {front: {aliases: [public]}, back: }
    environment: {PAYMENTS: "http://payments:8080/v1", BANK: "https://bank.example:443/"}
    depends_on: [payments, db]
    x-shakedown: {process: {command: [api]}}
  web:
    image: shop
    networks: [front]
    environment: {API: "http://api:80"}
    depends_on: [api]
    x-shakedown: {process: {command: [web]}}
  db: {image: postgres, networks: [back], x-shakedown: {process: {command: [db]}}}
  payments: {image: payments, networks: [back], volumes: ["ledger:/data"], x-shakedown: {process: {command: [payments]}}}
networks: {front: , back: }
volumes: {ledger: }
`

func withStandIns() *scenarios.Plan {
	return &scenarios.Plan{
		Seed: 7,
		Services: map[string]scenarios.PlannedService{
			"api": {Port: 80, Replicas: 2, Driven: true, Publish: 18080, Interposed: &scenarios.Interposed{Port: 80, KeyHeader: "Idempotency-Key", Calls: true}},
			"web": {Port: 81, Replicas: 1, Driven: true},
		},
		ThirdParties: map[string]scenarios.PlannedThirdParty{
			"payments": {Seed: 3, ThirdParty: scenarios.ThirdParty{
				Port: 8080, KeyHeader: "Idempotency-Key", Routes: []scenarios.ThirdPartyRoute{{Request: "POST /v1/charges"}},
			}},
			"bank": {Seed: 4, Driven: true, ThirdParty: scenarios.ThirdParty{
				Port: 443, Aliases: []string{"bank.example"}, TLS: true, Routes: []scenarios.ThirdPartyRoute{{Request: "GET /"}},
			}},
		},
	}
}

func TestOutlineWithProxies(t *testing.T) {
	for _, platform := range []string{"docker", "process"} {
		plan, err := Outline(project(t, withPayments), withStandIns(), platform)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "proxies-"+platform+".txt", plan.String())
	}
}

// A proxy has the name, the aliases and the published port of its service; the
// gateway behind it has none but its own.
func TestProxiesOnDocker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, withPayments, nil, func(cfg *Config) { cfg.Plan = withStandIns() })
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		specs := r.platform.specs
		aliases := func(name, network string) []string {
			all := specs[name].Aliases
			if join := specs[name].Config.Networks[network]; join != nil {
				all = append(all, join.Aliases...)
			}
			return all
		}
		for _, c := range []struct{ name, network, want string }{
			{"proxy-api", "front", "[api public]"}, {"gateway-api", "front", "[]"},
			{"gateway-web", "front", "[web]"},
			{"proxy-payments", "back", "[payments]"},
			{"proxy-bank", "back", "[bank bank.example]"}, {"proxy-bank", "front", "[bank bank.example]"},
		} {
			if have := fmt.Sprint(aliases(c.name, c.network)); have != c.want {
				t.Errorf("%s on %s is called %s, want %s", c.name, c.network, have, c.want)
			}
		}
		if _, on := specs["proxy-payments"].Config.Networks["front"]; on {
			t.Error("payments is on a network that the service it stands for is not on")
		}
		for name, want := range map[string]string{
			"proxy-api": "[{80 18080}]", "gateway-api": "[]", "gateway-web": "[{81 0}]", "proxy-payments": "[]", "proxy-bank": "[{443 0}]",
		} {
			if have := fmt.Sprint(specs[name].Publish); have != want {
				t.Errorf("%s publishes %s, want %s", name, have, want)
			}
		}
		if _, made := specs["payments-1"]; made || r.platform.index("volume ledger") >= 0 {
			t.Error("what a third party stands in for runs as well")
		}
		hello := r.agents.of("proxy-api").hello
		if p := hello.Proxy; p == nil || p.Service != "api" || p.Listen != ":80" || p.Upstream != "gateway-api:80" || !p.Calls ||
			p.KeyHeader != "Idempotency-Key" || p.Seed == 0 || p.ThirdParty != nil || hello.Lease != scenarios.DefaultLease {
			t.Errorf("proxy-api is told %+v of %+v", hello.Proxy, hello)
		}
		hello = r.agents.of("proxy-bank").hello
		if p := hello.Proxy; p == nil || p.Upstream != "" || p.Seed != 4 || p.ThirdParty == nil || !p.ThirdParty.TLS || hello.Authority == nil ||
			!strings.Contains(strings.Join(p.ThirdParty.Names, " "), "bank.example") {
			t.Errorf("proxy-bank is told %+v of %+v", hello.Proxy, hello)
		}
		want := map[string]string{"api": "127.0.0.1:40080", "web": "127.0.0.1:40081", "bank": "127.0.0.1:40443"}
		if have := r.Targets(); !reflect.DeepEqual(have, want) {
			t.Errorf("targets %v, want %v", have, want)
		}
		if r.System().Port("bank") != 443 {
			t.Error("a third party has no port")
		}
		down(t, r)
		for _, name := range []string{"proxy-api", "proxy-bank", "proxy-payments"} {
			if !isDone(r.agents.of(name).Done()) {
				t.Errorf("%s was not told to end", name)
			}
		}
	})
}

func TestProxiesOnProcesses(t *testing.T) {
	on := ground{process: true, agent: "/bin/agent", shared: "/run/shared", address: func(service string, n int) string {
		return fmt.Sprintf("127.9.%d.%d", len(service), n)
	}}
	l, err := arrange(project(t, withPayments), withStandIns(), on)
	if err != nil {
		t.Fatal(err)
	}
	api := l.service("api")
	spec, proxy := api.proxySpec(on, 7)
	gateway, listen := api.gatewaySpec(on)
	if spec.Address != "127.9.3.0" || proxy.Listen != "127.9.3.0:80" || gateway.Address != "127.9.11.0" || listen != "127.9.11.0:80" || proxy.Upstream != listen {
		t.Errorf("proxy %s %+v, gateway %s %s", spec.Address, proxy, gateway.Address, listen)
	}
	if web, _ := l.service("web").spec(1, on); *web.Config.Environment["API"] != "http://127.9.3.0:80" {
		t.Errorf("others are sent to %s", *web.Config.Environment["API"])
	}
	inside, err := api.spec(1, on)
	if have := *inside.Config.Environment["PAYMENTS"]; err != nil || have != "http://127.9.8.0:8080/v1" {
		t.Errorf("PAYMENTS = %s", have)
	}
	if have := *inside.Config.Environment["BANK"]; have != "https://127.9.4.0:443/" {
		t.Errorf("BANK = %s", have)
	}
	if names := l.parties[0].order.Names; !strings.Contains(strings.Join(names, " "), "127.9.4.0") {
		t.Errorf("the certificate is for %q", names)
	}
}

func TestProxiesThatCannotBe(t *testing.T) {
	plan := withStandIns()
	db := plan.Services["db"]
	db.Replicas, db.Interposed = 1, &scenarios.Interposed{}
	plan.Services["db"] = db
	_, err := Outline(project(t, withPayments), plan, "docker")
	wantError(t, "without a port", err, "service db has no port, so no proxy can stand before it")
	plan = withStandIns()
	bank := plan.ThirdParties["bank"]
	bank.Routes = []scenarios.ThirdPartyRoute{{Request: "/"}}
	plan.ThirdParties["bank"] = bank
	_, err = Outline(project(t, withPayments), plan, "docker")
	wantError(t, "a bad route", err, `third party bank: route "/" is not a method and a path`)
}

// A proxy that does not come up ends the bring-up with its name.
func TestProxyFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, withPayments, nil, func(cfg *Config) { cfg.Plan = withStandIns() })
		r.agents.refuse = fmt.Errorf("port 80 is taken")
		err := r.Up(t.Context())
		wantError(t, "up", err, "port 80 is taken")
		wantError(t, "up", err, "set up proxy-")
		down(t, r)
	})
}

func TestThirdPartyInTheWordsOfAgents(t *testing.T) {
	have, err := orderOf(scenarios.ThirdParty{
		TLS: true, Latency: &scenarios.LatencyFault{P50: 1e6, P99: 2e6},
		RateLimit: &scenarios.RateLimitFault{Rate: 5, Burst: 6, RetryAfter: 1e9, By: "X-Key"},
		Routes: []scenarios.ThirdPartyRoute{
			{Request: "POST /v1/charges", Status: 201, JSON: map[string]any{"id": "${id}", "n": 1}, Idempotent: true, Effect: "charges", EffectOf: "${json.order}"},
			{Request: "GET /v1/charges/{id}", Body: "plain", Headers: map[string]string{"A": "b"}, Latency: &scenarios.LatencyFault{P50: 3e6}},
		},
	})
	want := &order.ThirdParty{
		TLS: true, Latency: &order.Latency{P50: 1e6, P99: 2e6}, RateLimit: &order.RateLimit{Rate: 5, Burst: 6, RetryAfter: 1e9, By: "X-Key"},
		Routes: []order.Route{
			{Method: "POST", Path: "/v1/charges", Status: 201, Body: `{"id":"${id}","n":1}`, JSON: true, Idempotent: true, Effect: "charges", EffectOf: "${json.order}"},
			{Method: "GET", Path: "/v1/charges/{id}", Body: "plain", Headers: map[string]string{"A": "b"}, Latency: &order.Latency{P50: 3e6}},
		},
	}
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("%+v, %v\n want %+v", have, err, want)
	}
}

// Calls are journaled with the names of instances; proxies are told who has which
// address, whoever of both starts first.
func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []order.Calls
		gone := map[string]bool{}
		r := newRig(t, withPayments, nil, func(cfg *Config) {
			cfg.Plan = withStandIns()
			cfg.Proxies = func(service string) agentlink.Sink {
				return agentlink.Sink{Calls: func(c order.Calls) { told = append(told, c) }, Gone: func(error) { gone[service] = true }}
			}
		})
		r.platform.addresses = map[string][]platform.Address{
			"api-1": {{Network: "back", IP: netip.MustParseAddr("10.0.0.7")}}, "api-3": {{Network: "back", IP: netip.MustParseAddr("10.0.0.9")}},
		}
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.Scale(t.Context(), "api", 3, "x"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		payments := r.agents.of("proxy-payments")
		if have := fmt.Sprint(payments.names); have != "map[10.0.0.7:api-1 10.0.0.9:api-3]" {
			t.Errorf("told %s", have)
		}
		payments.sink.Calls(order.Calls{At: 9 * time.Second, For: time.Second, Total: 3, Failed: 1, Injected: 1, Told: 1, Early: 1, InFlight: 2, Suppressed: 4, Calls: []order.Call{
			{At: 8 * time.Second, Took: 5, Caller: "10.0.0.7", ID: "i", Method: "POST", Path: "/v1/charges", Key: "k", Status: 201, Fault: "f", Wait: 6, Early: true, Effect: true},
			{Caller: "api-2"}, {Caller: "10.0.0.200"},
		}})
		calls, at := bodies[journal.Calls](r.record)
		want := journal.Calls{Service: "payments", For: time.Second, Total: 3, Failed: 1, Injected: 1, Told: 1, Early: 1, InFlight: 2, Suppressed: 4, Calls: []journal.Call{
			{At: 8 * time.Second, Took: 5, Caller: "api-1", ID: "i", Method: "POST", Path: "/v1/charges", Key: "k", Status: 201, Fault: "f", Wait: 6, Early: true, Effect: true},
			{Caller: "api-2"}, {Caller: "10.0.0.200"},
		}}
		if len(calls) != 1 || at[0] != 9*time.Second || !reflect.DeepEqual(calls[0], want) || len(told) != 1 {
			t.Errorf("journaled %+v at %v", calls, at)
		}
		payments.sink.Gone(nil)
		if !gone["payments"] {
			t.Error("nobody was told that it is gone")
		}
		down(t, r)
	})
}

func TestTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `
services:
  api: {image: shop}
  own: {image: shop, environment: {SSL_CERT_DIR: /certs}}
  other: {image: shop}
`, map[string]scenarios.PlannedService{"api": {Replicas: 1, TrustCA: true}, "own": {Replicas: 1, TrustCA: true}})
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		spec := r.platform.specs["api-1"]
		if len(spec.Files) != 2 || spec.Files[0].Path != "/run/shakedown/ca.pem" || !strings.Contains(string(spec.Files[0].Content), "BEGIN CERTIFICATE") ||
			strings.Contains(string(spec.Files[0].Content), "KEY") {
			t.Errorf("files %+v", spec.Files)
		}
		env := spec.Config.Environment
		if !strings.HasPrefix(*env["SSL_CERT_DIR"], "/run/shakedown:/etc/ssl/certs") || *env["NODE_EXTRA_CA_CERTS"] != "/run/shakedown/ca.pem" || env["SSL_CERT_FILE"] != nil {
			t.Errorf("environment %v", env)
		}
		if have := *r.platform.specs["own-1"].Config.Environment["SSL_CERT_DIR"]; have != "/run/shakedown:/certs" {
			t.Errorf("its own directories are %s", have)
		}
		if other := r.platform.specs["other-1"]; len(other.Files) > 0 || len(other.Config.Environment) > 0 {
			t.Errorf("somebody else was told too: %+v", other)
		}
		down(t, r)
	})
}

// On processes it is a file in the directory that all share.
func TestTrustOnProcesses(t *testing.T) {
	made, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	s := &Stack{authority: &made, on: ground{process: true, shared: t.TempDir()}}
	var spec platform.Spec
	if err := s.trust(&spec); err != nil || len(spec.Files) > 0 {
		t.Fatalf("%v, files %v", err, spec.Files)
	}
	content, err := os.ReadFile(*spec.Config.Environment["NODE_EXTRA_CA_CERTS"])
	if string(content) != made.Certificate || err != nil {
		t.Errorf("read %q, %v", content, err)
	}
}

// The name under which OpenSSL looks is OpenSSL's own.
func TestHashedName(t *testing.T) {
	tool, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIPPED: needs openssl")
	}
	made, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte(made.Certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "x509", "-noout", "-subject_hash", "-in", file).CombinedOutput()
	have, hashErr := hashedName(made.Certificate)
	if err != nil || hashErr != nil || have != strings.TrimSpace(string(out))+".0" {
		t.Errorf("%q, %v; openssl says %q, %v", have, hashErr, out, err)
	}
}
