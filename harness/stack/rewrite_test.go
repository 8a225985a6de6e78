package stack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestAddressed(t *testing.T) {
	addresses := map[string]string{"api": "127.1.0.2", "db": "127.1.0.3", "my-api": "127.1.0.4", "a.b": "127.1.0.5"}
	for _, c := range []struct{ in, want string }{
		{"api:8080", "127.1.0.2:8080"},
		{"api", "api"},                   // no port: it may be a user, a table, anything
		{"http://api/x", "http://api/x"}, // the same
		{"http://api:8080/x?to=db:5432", "http://127.1.0.2:8080/x?to=127.1.0.3:5432"},
		{"//api:80", "//127.1.0.2:80"},
		{"postgres://app:secret@db:5432/app", "postgres://app:secret@127.1.0.3:5432/app"},
		{"postgres://db:5432@db:5432/db", "postgres://db:5432@127.1.0.3:5432/db"}, // user db, password 5432
		{"api:1,db:2 my-api:3;a.b:4", "127.1.0.2:1,127.1.0.3:2 127.1.0.4:3;127.1.0.5:4"},
		{"xapi:80 api2:80 no-api:80 api.example.org:80 _api:80", "xapi:80 api2:80 no-api:80 api.example.org:80 _api:80"},
		{"db:15-alpine db:15.2 db:15_1 db:15x", "db:15-alpine db:15.2 db:15_1 db:15x"},
		{"Ask api:80. Or db:5432.", "Ask 127.1.0.2:80. Or 127.1.0.3:5432."},
		{`{"url":"api:80"}`, `{"url":"127.1.0.2:80"}`},
		{"api:8080:9090", "api:8080:9090"},
		{"api:123456", "api:123456"}, // no port has six digits
		{"", ""},
	} {
		if have := addressed(c.in, addresses); have != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, have, c.want)
		}
	}
}

func FuzzAddressed(f *testing.F) {
	f.Add("postgres://db:5432@db:5432/db,api:80")
	f.Fuzz(func(t *testing.T, value string) {
		addresses := map[string]string{"api": "127.1.0.2"}
		once := addressed(value, addresses)
		if twice := addressed(once, addresses); twice != once {
			t.Errorf("%q becomes %q, then %q", value, once, twice)
		}
		if same := addressed(value, nil); same != value {
			t.Errorf("without services %q becomes %q", value, same)
		}
	})
}

// onGround arranges compose source for processes at addresses such as "api/0".
func onGround(t *testing.T, source string, services map[string]scenarios.PlannedService) (*layout, ground, error) {
	t.Helper()
	on := ground{
		agent: "/bin/agent", process: true, shared: "/run/shared",
		address: func(service string, n int) string { return fmt.Sprintf("127.9.%d.%d", len(service), n) },
	}
	l, err := arrange(project(t, source), &scenarios.Plan{Services: services}, on)
	return l, on, err
}

func TestProcessSpec(t *testing.T) {
	l, on, err := onGround(t, `
services:
  api:
    image: shop
    working_dir: /app
    entrypoint: [/app/run]
    volumes: ["data:/data"]
    depends_on: [db, cache]
    expose: [9090]
    environment: {DB: "db:5432", SELF: "api:8080", CACHE: "cache:6379", UNSET: , KEEP: "{ip}", WINS: compose}
    x-shakedown:
      process:
        command: [shop, "--listen={ip}:{port}", "--db=db:5432"]
        environment: {NAME: "{instance}", DIR: "{shared}/x", WINS: "process"}
  db: {image: postgres, x-shakedown: {process: {command: [db, "{ip}"]}}}
  cache: {image: redis, x-shakedown: {process: {omit: true}}}
volumes: {data: }
`, map[string]scenarios.PlannedService{"api": {Port: 8080, Replicas: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.services) != 2 || l.service("cache") != nil || len(l.service("api").needs) != 1 {
		t.Errorf("services %v; want cache left out, also of depends_on", l.services)
	}
	spec, err := l.service("api").spec(2, on)
	if err != nil {
		t.Fatal(err)
	}
	if have, want := strings.Join(spec.Config.Command, " "), "shop --listen=127.9.3.2:8080 --db=127.9.2.1:5432"; have != want {
		t.Errorf("command %q, want %q", have, want)
	}
	for key, want := range map[string]string{
		"DB": "127.9.2.1:5432", "SELF": "127.9.3.0:8080", "CACHE": "cache:6379", "KEEP": "{ip}",
		"NAME": "api-2", "DIR": "/run/shared/x", "WINS": "process",
	} {
		if have := spec.Config.Environment[key]; have == nil || *have != want {
			t.Errorf("%s is %v, want %q", key, have, want)
		}
	}
	if spec.Address != "127.9.3.2" || spec.Config.WorkingDir != "" || len(spec.Config.Entrypoint) > 0 || len(spec.Config.Volumes) > 0 {
		t.Errorf("spec %+v", spec)
	}
	gateway, listen := l.service("api").gatewaySpec(on)
	if gateway.Address != "127.9.3.0" || listen != "127.9.3.0:8080" || gateway.Program != "/bin/agent" {
		t.Errorf("gateway %+v listens on %s", gateway, listen)
	}
	again, err := l.service("api").spec(3, on)
	if err != nil || *again.Config.Environment["NAME"] != "api-3" || *spec.Config.Environment["NAME"] != "api-2" {
		t.Errorf("instances share their environment: %v", err)
	}
}

func TestProcessMistakes(t *testing.T) {
	for name, c := range map[string]struct{ source, want string }{
		"no command": {
			"services: {api: {image: a}, db: {image: b, x-shakedown: {process: {command: [x]}}}}",
			"does not know how to run api: write x-shakedown: {process: {command:",
		},
	} {
		_, _, err := onGround(t, c.source, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	l, on, err := onGround(t, `services: {api: {image: a, x-shakedown: {process: {command: [x, "{port}"]}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.service("api").spec(1, on); err == nil || !strings.Contains(err.Error(), "api uses {port}") {
		t.Errorf("{port} of a service without port: %v", err)
	}
}

func TestContainerSpec(t *testing.T) {
	p := project(t, shop)
	l, err := arrange(p, &scenarios.Plan{Services: shopServices()}, ground{images: true, agent: "/bin/agent"})
	if err != nil {
		t.Fatal(err)
	}
	api := l.service("api")
	spec, err := api.spec(2, ground{})
	if err != nil {
		t.Fatal(err)
	}
	c := spec.Config
	if fmt.Sprint(spec.Aliases) != "[api-2]" || len(c.Ports) > 0 || c.ContainerName != "" || c.Restart != "" || c.Hostname != "api-2" {
		t.Errorf("instance %+v", spec)
	}
	if front := c.Networks["front"]; front.Ipv4Address != "" || len(front.Aliases) > 0 {
		t.Errorf("the instance takes the service's address or aliases: %+v", front)
	}
	gateway, listen := api.gatewaySpec(ground{agent: "/bin/agent"})
	if fmt.Sprint(gateway.Aliases, gateway.Config.Command, gateway.Publish) != "[api] [gateway] [{8080 0}]" || !gateway.Attach || listen != ":8080" {
		t.Errorf("gateway %+v listens on %s", gateway, listen)
	}
	if front := gateway.Config.Networks["front"]; len(gateway.Config.Networks) != 2 || fmt.Sprint(front.Aliases) != "[public]" {
		t.Errorf("the gateway does not take the service's networks and aliases: %+v", gateway.Config.Networks)
	}
	if web, _ := l.service("web").gatewaySpec(ground{}); fmt.Sprint(web.Publish) != "[{80 18080}]" {
		t.Errorf("web publishes %v", web.Publish)
	}
	if db, _ := l.service("db").spec(1, ground{}); fmt.Sprint(db.Aliases) != "[db]" || len(db.Config.Volumes) != 1 {
		t.Errorf("db %+v", db)
	}
	for _, part := range []string{`api: container_name "shop-api" is not used`, "restart policies of api are not applied", "api: fixed network addresses"} {
		if !slices.ContainsFunc(l.notes, func(n string) bool { return strings.Contains(n, part) }) {
			t.Errorf("notes %q lack %q", l.notes, part)
		}
	}
	if again := p.compose.Services["api"]; again.ContainerName == "" || again.Networks["front"].Ipv4Address == "" {
		t.Error("rewriting changed the project")
	}
}

// Who scales a service also replaces what exits of it.
func TestRestartPoliciesOfScaledServicesAreNoLoss(t *testing.T) {
	p := project(t, "services: {api: {image: a, restart: always}, web: {image: a, restart: always}, db: {image: a}}")
	got := restarting(p, map[string]scenarios.PlannedService{"api": {Autoscale: &scenarios.PlannedAutoscale{}}, "web": {}, "db": {}})
	if fmt.Sprint(got) != "[web]" {
		t.Errorf("%v are restarted by nobody, want web alone", got)
	}
}

func TestArrangeMistakes(t *testing.T) {
	host := project(t, "services: {api: {image: a, network_mode: host}}")
	services := map[string]scenarios.PlannedService{"api": {Port: 80, Replicas: 1}}
	if _, err := arrange(host, &scenarios.Plan{Services: services}, ground{}); err == nil || !strings.Contains(err.Error(), `network_mode "host"`) {
		t.Errorf("network_mode: %v", err)
	}
	services["apo"] = scenarios.PlannedService{}
	if _, err := arrange(project(t, small), &scenarios.Plan{Services: services}, ground{}); err == nil || !strings.Contains(err.Error(), "service apo of the scenario") {
		t.Errorf("unknown service: %v", err)
	}
}

// External networks and volumes are not the run's to touch.
func TestExternal(t *testing.T) {
	l, err := arrange(project(t, `
services: {db: {image: a, networks: [corp], volumes: ["data:/data", "./x:/x"]}}
networks: {corp: {external: true, name: corp-net}}
volumes: {data: {external: true}}
`), &scenarios.Plan{}, ground{})
	if err != nil {
		t.Fatal(err)
	}
	if n := l.networks["corp"]; bool(n.External) || n.Name != "" || len(l.networks) != 1 {
		t.Errorf("networks %+v", l.networks)
	}
	if v := l.volumes["data"]; bool(v.External) || len(l.volumes) != 1 || len(l.notes) != 2 {
		t.Errorf("volumes %+v, notes %q", l.volumes, l.notes)
	}
}

func TestSecrets(t *testing.T) {
	file := files(t, `
-- key.txt --
top-secret
-- compose.yaml --
services:
  api:
    image: a
    build: {context: ., args: {NPM_TOKEN: "${TOKEN}-npm", MODE: release, MIRROR: "https://ci:pass@mirror.example.org/"}}
    secrets: [key, token]
    environment:
      PASSWORD: hunter2
      EMPTY: ""
      MODE: staging
      DATABASE_URL: postgres://app:p%40ss@db:5432/app
      PUBLIC_URL: https://me:known@example.org/, https://you:w@rds@example.org
    x-shakedown:
      public_env: [MODE, PUBLIC_URL]
      process: {command: [x], environment: {LICENCE: abc-def, MODE: process}}
secrets: {key: {file: ./key.txt}, token: {environment: TOKEN}}
`)
	p, err := Load(t.Context(), file, nil, []string{"TOKEN=t0ken"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"api.PASSWORD": "hunter2", "api.DATABASE_URL": "postgres://app:p%40ss@db:5432/app",
		"api.DATABASE_URL#2": "p%40ss", "api.DATABASE_URL#3": "p@ss",
		"api.PUBLIC_URL#1": "me", "api.PUBLIC_URL#2": "known", "api.PUBLIC_URL#3": "you", "api.PUBLIC_URL#4": "w@rds",
		"api.process.LICENCE": "abc-def", "secret.key": "top-secret", "secret.token": "t0ken",
		"api.build.NPM_TOKEN": "t0ken-npm", "api.build.MIRROR": "https://ci:pass@mirror.example.org/",
		"api.build.MIRROR#1": "ci", "api.build.MIRROR#2": "pass",
	}
	if have := p.Secrets(); fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("secrets\n%v\nwant\n%v", have, want)
	}
	plan := &scenarios.Plan{Services: map[string]scenarios.PlannedService{
		"api": {PublicEnv: []string{"PASSWORD"}, Process: &scenarios.Process{Environment: map[string]string{"MORE": "xyz"}}},
	}}
	have := p.SecretsFor(plan)
	if _, ok := have["api.PASSWORD"]; ok || have["api.process.MORE"] != "xyz" {
		t.Errorf("with the scenario's word: %v", have)
	}
	release := func(value string) scenarios.PlannedAction {
		return scenarios.PlannedAction{Release: &scenarios.PlannedRelease{
			Service: "api", Version: "v2", Environment: map[string]string{"KEY": value, "MODE": "canary", "PASSWORD": "public"},
		}}
	}
	plan.Actions = []scenarios.PlannedAction{
		release("first"), release("second"), {Scale: &scenarios.Scale{Service: "api", To: 2}},
		{Job: &scenarios.Job{Name: "backfill", Service: "api", Environment: map[string]string{"KEY": "third", "URL": "pg://u:pw@h/", "MODE": "slow"}}},
	}
	found := map[string]bool{}
	for _, value := range p.SecretsFor(plan) {
		found[value] = true
	}
	for value, want := range map[string]bool{
		"first": true, "second": true, "third": true, "pw": true, // of releases and jobs
		"canary": false, "slow": false, "public": false, // by public_env of the compose file, or of the scenario
	} {
		if found[value] != want {
			t.Errorf("%q is a secret: %v", value, found[value])
		}
	}
}

// A user of a URL is hidden, unless it has a password and its name is one that
// everybody uses in the open.
func TestUsersThatAreWordsAreNoSecrets(t *testing.T) {
	p, err := Load(t.Context(), files(t, `
-- compose.yaml --
name: atelier
services:
  api:
    image: a
    environment:
      PROJECT: postgres://atelier:one@db/other
      SERVICE: postgres://api:two@db/other
      DATABASE: postgres://orders:three@db:5432/orders?sslmode=disable
      NOBODY: postgres://alice:four@db/other
      TOKEN_AS_USER: https://atelier@example.org/x
      WORD_AS_PASSWORD: postgres://bob:api@db/other
      PHASE: amqp://surge:five@queue/
`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan := &scenarios.Plan{Scenario: "launch", Phases: []scenarios.PlannedPhase{{Name: "surge"}}}
	have := p.SecretsFor(plan)
	for name, want := range map[string]string{
		"api.PROJECT#1": "", "api.PROJECT#2": "one", "api.SERVICE#1": "", "api.SERVICE#2": "two", "api.DATABASE#1": "", "api.DATABASE#2": "three",
		"api.NOBODY#1": "alice", "api.NOBODY#2": "four", "api.TOKEN_AS_USER#1": "atelier", "api.WORD_AS_PASSWORD#1": "bob", "api.WORD_AS_PASSWORD#2": "api",
		"api.PHASE#1": "", "api.PHASE#2": "five", "api.PROJECT": "postgres://atelier:one@db/other",
	} {
		if have[name] != want {
			t.Errorf("%s is %q, want %q", name, have[name], want)
		}
	}
}

func TestLimitsOf(t *testing.T) {
	services := project(t, `
services:
  none: {image: a}
  old: {image: a, mem_limit: 1g, cpus: 0.5}
  new: {image: a, deploy: {resources: {limits: {memory: 1g, cpus: "0.5"}}}}
  tenth: {image: a, deploy: {resources: {limits: {cpus: "0.1"}}}}
  quota: {image: a, cpu_quota: 25000}
  period: {image: a, cpu_quota: 25000, cpu_period: 50000}
`).compose.Services
	for name, want := range map[string]scenarios.ResourceClass{
		"none": {}, "old": {CPUs: 0.5, Memory: 1 << 30}, "new": {CPUs: 0.5, Memory: 1 << 30},
		"tenth": {CPUs: 0.1}, "quota": {CPUs: 0.25}, "period": {CPUs: 0.5},
	} {
		if have := limitsOf(services[name]); have != want {
			t.Errorf("%s: %+v, want %+v", name, have, want)
		}
	}
}
