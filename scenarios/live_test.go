package scenarios

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// underWay is a scenario for faults that come by hand: api has a port and instances to
// choose from, db has none, vault is protected, and payments is a third party.
const underWay = `name: underway
stack:
  compose: [compose.yaml]
  services: {api: {port: 8080, replicas: 4, zones: [a, b]}, web: {port: 8080}, db: {}}
  third_parties: {bank: {port: 9000, routes: [{request: POST /v1/charges}]}}
tempo: 10x
traffic:
  phases: [{name: before, for: 100s}, {name: trouble, for: 300s}]
  cohorts: [{name: users, journey: shop, arrivals: {constant: 1/s}}]
  journeys:
    shop: [{name: look, request: GET web/}, {name: buy, request: POST api/orders}]
faults: [{name: planned, at: trouble, for: 100s, target: web, http_errors: {}}]
blast_radius: {protect: [store]}
checks: [{slo: {journey: shop, p99: 1s}}]
`

func liveOf(t *testing.T) *Live {
	t.Helper()
	d, problems := Parse("test.yaml", []byte(underWay), Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	plan, problems := d.Compile(shop())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return d.Live(shop(), plan.Steerable())
}

const sec = Duration(time.Second)

func TestInjectedFaults(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		at    Duration // 5s
		words string
		id    string
		end   Duration
	}{
		"by default a minute, less than that where traffic ends": {"target: api\nhttp_latency: {p50: 1s}", 0, "hold requests to api up by 1s", "http-latency-api", 40 * sec},
		"its times are real": {"for: 7s\ntarget: api\nkill: {}", 0, "kill one of api", "kill-api", 12 * sec},
		"at once":            {"target: api\nrestart: {}", 0, "restart one of api", "restart-api", 5 * sec},
		"for good":           {"{permanent: true, target: api, stop: {}}", 0, "stop one of api for good", "stop-api", 40 * sec},
		"for good, but not":  {"{permanent: false, for: 2s, target: api, stop: {}}", 0, "stop one of api", "stop-api", 7 * sec},
		"a list of one":      {"- target: bank\n  outage: {}\n  for: 1s", 0, "outage of bank: 503", "outage-bank", 6 * sec},
		"with a name":        {"{name: mine, for: 1s, target: {service: api, count: 2}, pause: {}}", 0, "pause 2 of api", "mine", 6 * sec},
		"a service that the scenario does not name": {"{for: 1s, target: worker, pause: {}}", 0, "pause one of worker", "pause-worker", 6 * sec},
		"an outage of what has no port":             {"{for: 1s, target: db, outage: {}}", 0, "outage of all of db: nobody listens", "outage-db", 6 * sec},
		"the first of its name is over":             {"{for: 1s, target: api, http_abort: {}}", 20 * sec, "cut connections of requests to api", "http-abort-api-2", 21 * sec},
	} {
		t.Run(name, func(t *testing.T) {
			live, at := liveOf(t), 5*sec
			if c.at != 0 {
				at = c.at
			}
			before := PlannedFault{ID: "http-abort-api", Kind: "http_abort", At: 1 * sec, End: 2 * sec, Services: []string{"api"}, Spec: Fault{HTTPAbort: &HTTPAbortFault{}}}
			f, err := live.Fault(c.text, Underway{At: at, Faults: append(slices.Clone(live.plan.Faults), before), Over: func(id string) bool { return id == "http-abort-api" }})
			if err != nil {
				t.Fatal(err)
			}
			if f.String() != c.words || f.ID != c.id || f.At != at || f.End != c.end || f.Seed == 0 {
				t.Errorf("%s %s from %s to %s, want %s %s to %s", f.ID, f, f.At, f.End, c.id, c.words, c.end)
			}
		})
	}
}

func TestInjectedFaultsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		at   Duration
		want string
	}{
		"nothing":                       {"", 0, "empty"},
		"no fault":                      {"hello", 0, "is not"},
		"two":                           {"[{target: api, kill: {}}, {target: api, kill: {}}]", 0, "more than one"},
		"two documents":                 {"target: api\nkill: {}\n---\ntarget: api\nkill: {}", 0, "more than one"},
		"at":                            {"{at: trouble, target: api, kill: {}}", 0, "begins now"},
		"broken YAML":                   {"{target: api", 0, "not valid YAML"},
		"no kind":                       {"target: api", 0, "does not say what it does"},
		"no target":                     {"kill: {}", 0, `"target" is missing`},
		"a mistake in its parameters":   {"{target: api, delay: {latency: fast}}", 0, "delay.latency"},
		"an unknown field":              {"{target: api, kill: {}, fro: 3s}", 0, `"fro"`},
		"nobody of that name":           {"{target: apy, kill: {}}", 0, "api"},
		"no port":                       {"{target: db, http_errors: {}}", 0, "has no port"},
		"a third party has no instance": {"{target: bank, kill: {}}", 0, "third party"},
		"protected":                     {"{target: store, pause: {}}", 0, "protected"},
		"what is in force":              {"{target: web, for: 1s, http_errors: {}}", 15 * sec, `contradicts fault "planned"`},
		"what will be":                  {"{target: web, for: 9s, http_errors: {}}", 5 * sec, `contradicts fault "planned"`},
		"a name that is taken":          {"{name: planned, target: api, kill: {}}", 5 * sec, "there is, or was"},
		"too late":                      {"{target: api, kill: {}}", 39*sec + 500*Duration(time.Millisecond), "traffic ends at 40s"},
		"for, where there is none":      {"{target: api, for: 5s, restart: {}}", 0, "over at once"},
	} {
		t.Run(name, func(t *testing.T) {
			live := liveOf(t)
			_, err := live.Fault(c.text, Underway{At: c.at, Faults: live.plan.Faults})
			var problems Problems
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want problems with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "faults") && !strings.Contains(c.want, "faults") && strings.HasPrefix(problems[0].Path, "faults") {
				t.Errorf("path %q is that of a scenario", problems[0].Path)
			}
		})
	}
	live := liveOf(t)
	if _, err := live.Fault("{target: web, for: 9s, http_errors: {}}", Underway{At: 5 * sec, Faults: live.plan.Faults, Over: func(string) bool { return true }}); err != nil {
		t.Errorf("what is over stands in nobody's way: %v", err)
	}
}

func TestSteerablePlans(t *testing.T) {
	live := liveOf(t)
	plan := live.plan
	if plan.Services["api"].Interposed == nil || plan.Services["db"].Interposed != nil {
		t.Errorf("api %+v, db %+v: want a proxy in front of what has a port", plan.Services["api"].Interposed, plan.Services["db"].Interposed)
	}
	again := plan.Steerable()
	delete(again.Services, "api")
	if _, has := plan.Services["api"]; !has {
		t.Error("the plan itself was changed")
	}
}

func FuzzInjectedFault(f *testing.F) {
	for _, text := range []string{"{target: api, kill: {}}", "- target: api\n  delay: {latency: 1s}", "{target: {zone: a}, zone_loss: {}}", "a: &a [*a]", "for: 1s", "\x00"} {
		f.Add(text)
	}
	d, _ := Parse("test.yaml", []byte(underWay), Options{})
	plan, problems := d.Compile(shop())
	if len(problems) > 0 {
		f.Fatal(problems)
	}
	live := d.Live(shop(), plan)
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := live.Fault(text, Underway{At: 5 * sec, Faults: plan.Faults})
		if err == nil && (fault.Kind == "" || fault.ID == "" || fault.End > plan.Duration || len(fault.Services) == 0) {
			t.Fatalf("%q is fault %+v", text, fault)
		}
	})
}
