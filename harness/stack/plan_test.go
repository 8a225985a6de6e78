package stack

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/scenarios"
)

var update = flag.Bool("update", false, "rewrite the golden files under testdata")

// golden compares text with a file under testdata.
func golden(t *testing.T, name, have string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(have), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if have != string(want) {
		t.Errorf("%s (run with -update to accept):\nhave\n%s\nwant\n%s", name, have, want)
	}
}

const shop = `
services:
  db:
    image: postgres:15
    volumes: [data:/var/lib/postgresql]
    networks: [back]
    healthcheck: {test: [CMD, pg_isready]}
    expose: [5432]
    x-shakedown: {process: {command: [db, "{ip}"]}}
  migrate:
    image: shop
    networks: [back]
    depends_on: {db: {condition: service_healthy}}
    x-shakedown: {process: {command: [migrate]}}
  cache:
    image: redis:7
    networks: [back]
    x-shakedown: {process: {command: [cache]}}
  api:
    image: shop
    container_name: shop-api
    ports: ["80:8080"]
    restart: always
    networks: {front: {aliases: [public], ipv4_address: 10.1.2.3}, back: }
    depends_on:
      db: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
      cache: {condition: service_started}
    x-shakedown: {process: {command: [api, "--listen={ip}:{port}"]}}
  web:
    build: .
    networks: [front]
    depends_on:
      api: {condition: service_healthy}
      cache: {condition: service_started, required: false}
    x-shakedown: {process: {command: [web]}}
networks: {front: , back: }
volumes: {data: }
`

func shopServices() map[string]scenarios.PlannedService {
	return map[string]scenarios.PlannedService{
		"api": {Port: 8080, Replicas: 2, Driven: true, Ready: scenarios.Probe{Path: "/readyz"}},
		"web": {Port: 80, Replicas: 1, Publish: 18080},
	}
}

func TestOutline(t *testing.T) {
	for _, platform := range []string{"docker", "process"} {
		plan, err := Outline(project(t, shop), &scenarios.Plan{Services: shopServices()}, platform)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "up-"+platform+".txt", plan.String())
	}
}

// From a stack that is up, only what differs is planned.
func TestReconcile(t *testing.T) {
	l, err := arrange(project(t, shop), &scenarios.Plan{Services: shopServices()}, ground{images: true})
	if err != nil {
		t.Fatal(err)
	}
	seen := observed{
		networks: map[string]bool{"front": true, "back": true}, volumes: map[string]bool{"data": true},
		gateways:  map[string]bool{"api": true, "web": true},
		instances: map[string][]int{"db": {1}, "migrate": {1}, "cache": {1}, "api": {1, 4}, "web": {1}},
		next:      map[string]int{"db": 2, "migrate": 2, "cache": 2, "api": 5, "web": 2},
	}
	var all strings.Builder
	for _, c := range []struct {
		name string
		want map[string]int
	}{
		{"as it is", map[string]int{"api": 2, "db": 1}},
		{"two more, numbers never used before", map[string]int{"api": 4}},
		{"highest number leaves first", map[string]int{"api": 1}},
		{"to nothing, all at once", map[string]int{"api": 0}},
		{"without a gateway", map[string]int{"cache": 2}},
	} {
		all.WriteString("-- " + c.name + " --\n")
		all.WriteString(reconcile(l, seen, wanted{replicas: c.want, cause: "because"}).String())
	}
	golden(t, "reconcile.txt", all.String())
}

// Every operation stands after those it waits for.
func TestPlanIsOrdered(t *testing.T) {
	plan, err := Outline(project(t, shop), &scenarios.Plan{Services: shopServices()}, "docker")
	if err != nil {
		t.Fatal(err)
	}
	for i, op := range plan.Operations {
		for _, before := range op.After {
			if before >= i {
				t.Errorf("operation %d waits for %d", i, before)
			}
		}
	}
}
