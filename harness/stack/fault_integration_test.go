package stack

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	agentlink "github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const faultyCompose = `
services:
  api:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [serve, ":8080"]
    deploy: {resources: {limits: {cpus: "0.5", memory: 64M}}}
    volumes: ["data:/data"]
    x-shakedown: {process: {command: [DIR/program, serve, "{ip}:{port}"]}}
  caller:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [calls, "http://payments:9090/v1/hello"]
    x-shakedown: {process: {command: [DIR/program, calls, "http://payments:9090/v1/hello"]}}
  visitor:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [calls, "http://api:8080/"]
    depends_on: {api: {condition: service_healthy}}
    x-shakedown: {process: {command: [DIR/program, calls, "http://api:8080/"]}}
  truster:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [calls, "https://bank:9443/v1/hello"]
    x-shakedown: {process: {command: [DIR/program, calls, "https://bank:9443/v1/hello"]}}
volumes: {data: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=8m"}}}
`

// needsChaos skips where the agent of faults is not in the program.
func needsChaos(t *testing.T) {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	err = exec.Command(filepath.Join(dir, "shakedown-agent"), chaosVerb).Run() // without input it ends at once
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		t.Skip("SKIPPED: shakedown-agent has no agent of faults")
	}
}

// faulty is a stack with a proxy, a third party and two zones.
func faulty(t *testing.T, p platform.Platform) (*Stack, *record) {
	t.Helper()
	needsChaos(t)
	lag := scenarios.Duration(50 * time.Millisecond)
	s, r := realStackWith(t, p, faultyCompose, &scenarios.Plan{
		Seed: 7,
		Services: map[string]scenarios.PlannedService{
			"api": {
				Port: 8080, Replicas: 2, Driven: true, Zones: []string{"a", "b"}, TrustCA: true,
				Ready: scenarios.Probe{Path: "/", Period: scenarios.Duration(50 * time.Millisecond)},
				Drain: scenarios.Drain{Grace: 5e9, EndpointLag: &lag}, Interposed: &scenarios.Interposed{Port: 8080, KeyHeader: "Idempotency-Key", Calls: true},
			},
			"truster": {Replicas: 1, TrustCA: true, Drain: scenarios.Drain{Grace: 5e9}},
		},
		ThirdParties: map[string]scenarios.PlannedThirdParty{
			"payments": {Seed: 1, Driven: true, ThirdParty: thirdParty(9090, false)}, "bank": {Seed: 2, ThirdParty: thirdParty(9443, true)},
		},
	}, func(*Config) {})
	began := time.Now()
	if err := s.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("up in %v", time.Since(began).Round(time.Millisecond))
	return s, r
}

func thirdParty(port int, tls bool) scenarios.ThirdParty {
	return scenarios.ThirdParty{
		Port: port, TLS: tls, KeyHeader: "Idempotency-Key", Routes: []scenarios.ThirdPartyRoute{{Request: "GET /v1/hello", Body: "hello from outside\n"}},
	}
}

func page(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come about that %s", what)
		}
	}
}

// suffers has what faults do to instances done on a real platform.
func suffers(t *testing.T, p platform.Platform) {
	s, r := faulty(t, p)
	f, ctx := s.System(), t.Context()
	targets := s.Targets()
	if have := page(t, "http://"+targets["api"]+"/"); have != "hello\n" {
		t.Errorf("behind its proxy the service answers %q", have)
	}
	if have := page(t, "http://"+targets["payments"]+"/v1/hello"); have != "hello from outside\n" {
		t.Errorf("the third party answers %q", have)
	}
	if f.Proxy("api") == nil || f.Proxy("payments") == nil || f.Proxy("caller") != nil {
		t.Error("there are other proxies than planned")
	}
	wantCalls(t, r, p)
	if have := fmt.Sprint(f.Instances("api")); have != "[{api-1 api a} {api-2 api b}]" {
		t.Errorf("instances %s", have)
	}
	if all, err := f.Addresses(ctx, "api"); err != nil || len(all) != 4 { // proxy, gateway, two instances
		t.Errorf("addresses %v, %v", all, err)
	}
	if status, err := f.Fetch(ctx, "api-2", "POST", "/purge", map[string]string{"X-Key": "1"}); status != 200 || err != nil {
		t.Errorf("Fetch = %d, %v", status, err)
	}
	mustDo(t, f.Pause(ctx, "api-1", "x"))
	eventually(t, "a frozen instance is taken from the list", func() bool { return !s.Members("api")[0].Ready })
	if m := s.Members("api"); m[0].Exited || len(m) != 2 {
		t.Errorf("a frozen instance counts as gone: %+v", m)
	}
	mustDo(t, f.Resume(ctx, "api-1", "x"))
	eventually(t, "it is back", func() bool { return s.Members("api")[0].Ready })
	mustDo(t, f.Kill(ctx, "api-1", "x"))
	if name, err := f.Replace(ctx, "api-1", "x"); name != "api-3" || err != nil {
		t.Errorf("Replace = %q, %v", name, err)
	}
	mustDo(t, f.Stop(ctx, "api-2", "x"))
	if name, err := f.Replace(ctx, "api-2", "x"); name != "api-4" || err != nil {
		t.Errorf("Replace = %q, %v", name, err)
	}
	if have := page(t, "http://"+targets["api"]+"/"); have != "hello\n" {
		t.Errorf("after all that it answers %q", have)
	}
	if undo := f.Undo("pause", "api-3", 0); undo.ID == "" || undo.Act != "resume" || undo.Platform != p.Name() {
		t.Errorf("%+v", undo)
	}
	for _, e := range must(bodies[journal.InstanceExited](r)) {
		if !e.Wanted && e.Code != 0 {
			t.Errorf("unwanted exit: %+v", e)
		}
	}
}

// wantCalls waits for the calls that were made while the stack came up.
func wantCalls(t *testing.T, r *record, p platform.Platform) {
	t.Helper()
	callers := func(service string) (all []string) {
		for _, c := range must(bodies[journal.Calls](r)) {
			for _, call := range c.Calls {
				if c.Service == service && call.Status == http.StatusOK {
					all = append(all, call.Caller)
				}
			}
		}
		return all
	}
	for service, caller := range map[string]string{"payments": "caller-1", "api": "visitor-1", "bank": "truster-1"} {
		if p.Name() == "process" {
			caller = "127.0.0.1" // where all call from
		}
		eventually(t, "the call of "+caller+" is journaled", func() bool { return strings.Contains(strings.Join(callers(service), " "), caller) })
	}
}

func TestFaultsOnProcesses(t *testing.T) { suffers(t, openProcess(t)) }

func TestFaultsOnDocker(t *testing.T) { suffers(t, openDocker(t)) }

// TestAgentsOnDocker: agents beside, within and with a volume of a real container.
func TestAgentsOnDocker(t *testing.T) {
	p := openDocker(t)
	if err := p.Supports(platform.CgroupPlacement); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	s, r := faulty(t, p)
	f, ctx := s.System(), t.Context()
	accompany := func(at engine.Place) *agentlink.Link {
		began := time.Now()
		l, err := f.Accompany(ctx, at, agentlink.Sink{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s in %v", agentName(at), time.Since(began).Round(time.Millisecond))
		return l
	}
	network := accompany(engine.Place{Instance: "api-1", Network: true, Hello: order.Hello{Namespace: true}})
	within := accompany(engine.Place{Instance: "api-1", Resources: true, Hello: order.Hello{Pressure: true}})
	volume := accompany(engine.Place{Instance: "api-1", Volume: "data", Path: "/volume", Hello: order.Hello{Pressure: true}})

	mustDo(t, network.Apply(ctx, order.Fault{ID: "cut", Packets: &order.Packets{Kind: order.Partition, Direction: order.Both}}))
	eventually(t, "one that is cut off is taken from the list", func() bool { return !s.Members("api")[0].Ready })
	if _, err := network.Revert(ctx, "cut"); err != nil {
		t.Error(err)
	}
	eventually(t, "it is back", func() bool { return s.Members("api")[0].Ready })

	before, err := f.Usage(ctx, "api-1")
	mustDo(t, err)
	mustDo(t, within.Apply(ctx, order.Fault{ID: "fill", Pressure: &order.Pressure{Memory: 24 << 20}}))
	after, err := f.Usage(ctx, "api-1")
	if grown := after.Memory - before.Memory; err != nil || grown < 16<<20 || after.Limit != 64<<20 || after.CPUs != 0.5 {
		t.Errorf("from %+v to %+v (%v)", before, after, err)
	}
	mustDo(t, volume.Apply(ctx, order.Fault{ID: "disk", Pressure: &order.Pressure{Disk: &order.Disk{Path: "/volume", Size: 2 << 20}}}))

	was, err := f.Limit(ctx, "api-1", 0.1, "x")
	if err != nil || was != 0.5 {
		t.Errorf("Limit = %g, %v", was, err)
	}
	if _, err := f.Limit(ctx, "api-1", was, "x"); err != nil {
		t.Error(err)
	}
	mustDo(t, f.Kill(ctx, "api-1", "x"))
	for _, l := range []*agentlink.Link{network, within, volume} {
		eventually(t, "agents end with their target", func() bool { return isDone(l.Done()) })
	}
	eventually(t, "they are removed", func() bool { return len(s.escortsOf(nil)) == 0 })
	if _, err := f.Replace(ctx, "api-1", "x"); err != nil {
		t.Error(err)
	}
	again := accompany(engine.Place{Instance: "api-3", Network: true, Hello: order.Hello{Namespace: true}})
	mustDo(t, s.Down(ctx))
	if !isDone(again.Done()) {
		t.Error("an agent outlives the stack")
	}
	for _, o := range must(bodies[journal.Operation](r)) {
		if o.Error != "" {
			t.Errorf("went wrong: %+v", o)
		}
	}
}
