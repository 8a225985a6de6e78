package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// broken is a scenario with some faults and checks, and with more of api's role.
func broken(role, faults, checks string) string {
	return fmt.Sprintf(`name: broken
stack:
  compose: [compose.yaml]
  services: {api: {port: 8080%s}, web: {port: 8080}, db: {}}
traffic:
  phases: [{name: before, for: 100s}, {name: trouble, for: 300s}, {name: after, for: 100s}]
  cohorts: [{name: users, journey: shop, arrivals: {constant: 1/s}}]
  journeys:
    shop: [{name: look, request: GET web/}, {name: buy, request: POST api/orders, extract: {order: $.id}}]
faults: [%s]
checks: [{slo: {journey: shop, p99: 1s}}%s]
`, role, faults, checks)
}

// Which faults may overlap, and which contradict each other.
func TestOverlappingFaults(t *testing.T) {
	const role = ", replicas: 5, zones: [a, b]"
	at := func(second int, rest string) string { return fmt.Sprintf("{at: trouble + %ds, %s}", second, rest) }
	for name, c := range map[string]struct {
		a, b     string
		conflict string // words of it, "" for none
	}{
		"delay and loss":                     {"for: 60s, target: api, delay: {latency: 1s}", "for: 60s, target: api, loss: {share: 5%}", ""},
		"two delays":                         {"for: 60s, target: api, delay: {latency: 1s}", "for: 60s, target: api, delay: {latency: 2s}", "both do the same"},
		"one after the other":                {"for: 10s, target: api, delay: {latency: 1s}", "for: 60s, target: api, delay: {latency: 2s}", ""},
		"links to other peers":               {"for: 60s, target: api, partition: {peer: db}", "for: 60s, target: api, partition: {peer: web}", ""},
		"one link, and all of them":          {"for: 60s, target: api, partition: {peer: db}", "for: 60s, target: api, partition: {}", "both do the same"},
		"the other end of a link":            {"for: 60s, target: api, partition: {peer: db}", "for: 60s, target: db, delay: {latency: 1s, peer: api}", "between api and db"},
		"another link of the other end":      {"for: 60s, target: api, partition: {peer: db}", "for: 60s, target: db, delay: {latency: 1s, peer: web}", ""},
		"all links of the other end":         {"for: 60s, target: api, partition: {peer: db}", "for: 60s, target: db, delay: {latency: 1s}", ""},
		"delayed, then cut off":              {"for: 60s, target: api, delay: {latency: 1s}", "for: 60s, target: api, partition: {}", "drops them all"},
		"requests to what is cut off":        {"for: 60s, target: api, partition: {}", "for: 60s, target: api, http_latency: {p50: 1s}", "drops them all"},
		"requests to a part of it":           {"for: 60s, target: {service: api, pick: one}, partition: {}", "for: 60s, target: api, http_latency: {p50: 1s}", ""},
		"names of what is cut off":           {"for: 60s, target: api, partition: {}", "for: 60s, target: api, dns: {answer: nxdomain}", ""},
		"pause and kill":                     {"for: 60s, target: api, pause: {}", "for: 60s, target: api, kill: {}", "may be done to the same instance"},
		"pause and kill in other zones":      {"for: 60s, target: {service: api, zone: a}, pause: {}", "for: 60s, target: {service: api, zone: b}, kill: {}", ""},
		"kill, and kill one that is left":    {"for: 60s, target: api, kill: {}", "for: 60s, target: api, kill: {}", ""},
		"kill for good, and once more":       {"permanent: true, target: api, kill: {}", "for: 60s, target: {service: api, count: 2}, stop: {}", ""},
		"kill all, and one more":             {"for: 60s, target: {service: api, pick: all}, kill: {}", "for: 60s, target: api, kill: {}", "is left to it"},
		"delay one that is killed":           {"for: 60s, target: api, delay: {latency: 1s}", "for: 60s, target: api, kill: {}", "may be done to the same instance"},
		"kill, and delay the others":         {"for: 60s, target: api, kill: {}", "for: 60s, target: api, delay: {latency: 1s}", ""},
		"restart in between":                 {"for: 60s, target: db, slow_queries: {access: {service: api, url_from: A}}", "target: db, restart: {}", "may be done to the same instance"},
		"other services":                     {"for: 60s, target: api, pause: {}", "for: 60s, target: web, kill: {}", ""},
		"kill behind errors":                 {"for: 60s, target: api, http_errors: {}", "for: 60s, target: {service: api, pick: all}, kill: {}", ""},
		"errors and latency":                 {"for: 60s, target: api, http_errors: {}", "for: 60s, target: api, http_latency: {p50: 1s}", ""},
		"errors of other paths":              {"for: 60s, target: api, match: {path: /a}, http_errors: {}", "for: 60s, target: api, match: {path: /b}, http_errors: {}", ""},
		"errors of other methods":            {"for: 60s, target: api, match: {method: GET}, http_errors: {}", "for: 60s, target: api, match: {method: PUT}, http_errors: {}", ""},
		"errors of a path below":             {"for: 60s, target: api, match: {path: /a}, http_errors: {}", "for: 60s, target: api, match: {path: /a/b}, http_errors: {}", "both do the same"},
		"latency during an outage":           {"for: 60s, target: api, outage: {}", "for: 60s, target: api, http_latency: {p50: 1s}", "does not let through"},
		"latency beside an outage":           {"for: 60s, target: api, match: {path: /a}, outage: {}", "for: 60s, target: api, match: {path: /b}, http_latency: {p50: 1s}", ""},
		"errors at both ends":                {"for: 60s, target: api, egress: web, http_errors: {}", "for: 60s, target: web, http_errors: {}", ""},
		"two hosts":                          {"for: 60s, target: api, egress: a.example, outage: {}", "for: 60s, target: api, egress: b.example, outage: {}", ""},
		"a host and its port":                {"for: 60s, target: api, egress: a.example, outage: {}", "for: 60s, target: api, egress: 'A.example:443', outage: {}", "both do the same"},
		"two ports of a host":                {"for: 60s, target: api, egress: 'a.example:80', outage: {}", "for: 60s, target: api, egress: 'a.example:443', outage: {}", ""},
		"two databases":                      {"for: 60s, target: db, outage: {}", "for: 60s, target: worker, outage: {}", ""},
		"connections of one that is gone":    {"for: 60s, target: db, outage: {}", "for: 60s, target: db, pool_exhaustion: {access: {service: api, url_from: A}}", "does not let through"},
		"a cache that is flushed in between": {"for: 60s, target: db, delay: {latency: 1s}", "target: db, cache_flush: {}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := all2(t, broken(role, at(0, c.a)+", "+at(30, c.b), ""), shop())
			if c.conflict == "" && len(problems) > 0 {
				t.Fatal(problems)
			}
			if c.conflict != "" && (len(problems) != 1 || problems[0].Path != "faults[1]" || !strings.Contains(problems[0].Message, c.conflict)) {
				t.Fatalf("want one problem with %q:\n%v", c.conflict, problems)
			}
		})
	}
}

// A window has to lie in the run with what checks look at after it, and there has
// to be something before it.
func TestFaultWindows(t *testing.T) {
	const recovery = ", {recovery: {journey: shop, objectives: {p95: 1s}, within: 50s}}"
	for name, c := range map[string]struct {
		fault, checks, set, want string
	}{
		"the last second":          {"{at: after + 90s, for: 10s, target: api, kill: {}}", "", "", ""},
		"beyond the last":          {"{at: after + 90s, for: 11s, target: api, kill: {}}", "", "", "faults[0].for"},
		"with its recovery":        {"{at: after + 40s, for: 10s, target: api, kill: {}}", recovery, "", ""},
		"beyond its recovery":      {"{at: after + 41s, for: 10s, target: api, kill: {}}", recovery, "", "faults[0].for"},
		"what another check wants": {"{at: after + 41s, for: 10s, target: api, kill: {}}", strings.Replace(recovery, "within", "faults: [cut], within", 1), "", "checks[1].recovery.faults[0]"},
		"for good":                 {"{at: after + 41s, permanent: true, target: {service: api, count: 1}, kill: {}}", recovery, "", "checks[1].recovery"},
		"over at once":             {"{at: after + 50s, target: api, restart: {}}", recovery, "", ""},
		"at once, and too late":    {"{at: after + 51s, target: api, restart: {}}", recovery, "", "faults[0].at"},
		"a baseline":               {"{at: before + 3s, for: 10s, target: api, kill: {}}", recovery, "", ""},
		"too little of it":         {"{at: before + 2s, for: 10s, target: api, kill: {}}", recovery, "", "faults[0].at"},
		"nobody asks for one":      {"{at: before + 0s, for: 10s, target: api, kill: {}}", "", "", ""},
		"in real time":             {"{at: before + 29s, for: 100s, target: api, kill: {}}", recovery, "tempo=10x", "faults[0].at|faults[0].for"},
		"recovery in real time":    {"{at: trouble, for: 100s, target: api, kill: {}}", recovery, "tempo=10x", "faults[0].for"},
		"a sip of it":              {"{at: trouble, for: 1ms, target: api, kill: {}}", "", "tempo=10x", "faults[0].for"},
	} {
		t.Run(name, func(t *testing.T) {
			var set []string
			if c.set != "" {
				set = []string{c.set}
			}
			d, problems := Parse("test.yaml", []byte(broken(", replicas: 3", c.fault, c.checks)), Options{Set: set})
			if d != nil {
				_, problems = d.Compile(shop())
			}
			if got := strings.Join(names(problems, func(p Problem) string { return p.Path }), "|"); got != c.want {
				t.Errorf("problems with %q, want %q:\n%v", got, c.want, problems)
			}
		})
	}
}

// How many there are to pick from is what actions and autoscalers make of it.
func TestPickedAlongTheActions(t *testing.T) {
	const three = "{at: trouble, for: 10s, target: {service: api, count: 3}, pause: {}}"
	for name, c := range map[string]struct {
		role, actions, want string
		picked              int
	}{
		"enough":           {", replicas: 3", "", "", 3},
		"too few":          {", replicas: 2", "", "faults[0].target.count", 0},
		"scaled up before": {", replicas: 2", "{at: before, scale: {service: api, to: 3}}", "", 0},
		"scaled up later":  {", replicas: 2", "{at: after, scale: {service: api, to: 3}}", "faults[0].target.count", 0},
		"stopped before":   {", replicas: 3", "{at: before, stop: {service: api}}", "faults[0].target.count", 0},
		"elastic":          {", replicas: 2, autoscale: {target_tracking: {metric: p95, target: 1s}, max: 4}", "", "", 0},
		"never so many":    {", replicas: 2, autoscale: {target_tracking: {metric: p95, target: 1s}, max: 2}", "", "faults[0].target.count", 0},
	} {
		t.Run(name, func(t *testing.T) {
			plan, problems := all2(t, strings.Replace(broken(c.role, three, ""), "checks:", "actions: ["+c.actions+"]\nchecks:", 1), shop())
			if got := strings.Join(names(problems, func(p Problem) string { return p.Path }), "|"); got != c.want {
				t.Fatalf("problems with %q, want %q:\n%v", got, c.want, problems)
			}
			if plan != nil && len(plan.Faults[0].Picked) != c.picked {
				t.Errorf("picked %v", plan.Faults[0].Picked)
			}
		})
	}
}

// Faults are in the order of time, with names of their own that the order of the
// file decides, and tempo shortens them.
func TestPlannedFaults(t *testing.T) {
	text := broken(", replicas: 3", strings.Join([]string{
		"{at: after, for: 20s, target: api, kill: {}}",
		"{at: trouble + 20s, for: 20s, target: api, kill: {}}",
		"{name: kill-api-2, at: trouble, for: 20s, target: api, kill: {}}",
		"{at: trouble + 60s, for: 40s, target: web, reclaim: {notice: 30s}}",
	}, ", "), "")
	text = strings.Replace(text, "web: {port: 8080}", "web: {port: 8080, drain: {grace: 2s}}", 1)
	var got []string
	for _, f := range compile(t, text, shop(), "tempo=10x").Faults {
		got = append(got, fmt.Sprintf("%s %s-%s %s", f.ID, f.At, f.End, f.Spec.For))
		if f.Spec.Reclaim != nil && (f.Spec.Reclaim.Notice != Duration(3*time.Second) || !*f.Spec.Reclaim.Replace) {
			t.Errorf("%+v", f.Spec.Reclaim)
		}
	}
	want := []string{"kill-api-2 10s-12s 2s", "kill-api-3 12s-14s 2s", "reclaim-web 16s-20s 4s", "kill-api 40s-42s 2s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// The seed of a fault is its own: it does not change with what stands beside it,
// and changes with the plan's.
func TestSeedsOfFaults(t *testing.T) {
	const one, other = "{at: trouble, for: 20s, target: {service: api, pick: one}, pause: {}}", "{at: before + 1s, for: 20s, target: web, pause: {}}"
	alone := compile(t, broken(", replicas: 9", one, ""), shop()).Faults[0]
	beside := compile(t, broken(", replicas: 9", other+", "+one, ""), shop()).Faults
	if beside[1].Seed != alone.Seed || !slices.Equal(beside[1].Picked, alone.Picked) || beside[0].Seed == alone.Seed {
		t.Errorf("alone %+v, beside %+v", alone, beside)
	}
	picks := map[string]bool{}
	for seed := range int64(30) {
		d, _ := Parse("test.yaml", []byte(broken(", replicas: 9", one, "")), Options{})
		d.Scenario.Seed = seed
		plan, problems := d.Compile(shop())
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		picks[plan.Faults[0].Picked[0]] = true
	}
	if len(picks) < 5 {
		t.Errorf("thirty seeds pick only %v", picks)
	}
}

// Proxies stand where faults are done to a service as its callers see it, and
// where calls are judged.
func TestInterposed(t *testing.T) {
	text := broken("", strings.Join([]string{
		"{at: trouble, for: 20s, target: web, outage: {}}",
		"{at: trouble, for: 20s, target: db, outage: {}}",
		"{at: trouble, for: 20s, target: api, egress: 'payments:8080', http_errors: {}}",
		"{at: trouble + 30s, for: 20s, target: payments, outage: {}}",
	}, ", "), ", {third_party: {service: payments, per: {journey: shop, step: buy}, errors: 5%}}")
	plan := compile(t, strings.Replace(text, "traffic:", "  third_parties: {payments: {port: 9000, key_header: X-Key, routes: [{request: POST /}]}}\ntraffic:", 1), shop())
	for name, want := range map[string]string{
		"web": "&{8080 Idempotency-Key false}", "api": "<nil>", "db": "<nil>", "payments": "&{9000 X-Key true}", "nobody": "<nil>",
	} {
		if got := fmt.Sprint(plan.Interposer(name)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, f := range plan.Faults {
		if front := plan.InFront(f); front != (f.ID == "outage-web" || f.ID == "outage-payments") || front != (len(f.Picked) == 0) {
			t.Errorf("%s: in front %v, picked %v", f.ID, front, f.Picked)
		}
	}
	if got := plan.Checks[1].ThirdParty.Faults; !slices.Equal(got, []string{"http-errors-api", "outage-payments"}) {
		t.Errorf("the check is about %v", got)
	}
	if _, left := plan.Services["payments"]; left || !strings.Contains(fmt.Sprint(keys(plan.Services)), "api") {
		t.Errorf("services are %v", keys(plan.Services))
	}
}

func TestParseEgress(t *testing.T) {
	for text, want := range map[string]string{
		"payments": "payments 0", "api.pay.example:443": "api.pay.example 443", "10.0.0.7:80": "10.0.0.7 80", "a_b": "a_b 0",
		"": "bad", ":80": "bad", "a:0": "bad", "a:70000": "bad", "a:b": "bad", "http://a": "bad", "a/b": "bad", "127.0.0.1": "bad", "a..b": "bad", "-a": "bad", "::1": "bad", "a b": "bad",
	} {
		host, port, err := ParseEgress(text)
		got := fmt.Sprint(host, " ", port)
		if err != nil {
			got = "bad"
		}
		if got != want {
			t.Errorf("%q: %s, want %s (%v)", text, got, want, err)
		}
	}
}

// A gap is the first time in which nobody comes, however spans lie.
func TestGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var covered [50]bool
		p := &Plan{Duration: 50}
		load := PlannedLoad{Journey: "shop"}
		for range rapid.IntRange(0, 6).Draw(t, "loops") {
			start := rapid.IntRange(0, 49).Draw(t, "start")
			end := rapid.IntRange(start+1, 50).Draw(t, "end")
			load.Closed = append(load.Closed, PlannedClosed{Start: Duration(start), End: Duration(end)})
			for i := start; i < end; i++ {
				covered[i] = true
			}
		}
		p.Load = []PlannedLoad{load, {Journey: "other", Closed: []PlannedClosed{{Start: 0, End: 50}}}}
		from := rapid.IntRange(0, 49).Draw(t, "from")
		to := rapid.IntRange(from+1, 50).Draw(t, "to")
		want := slices.Index(covered[from:to], false)
		got, some := gap(p.coming("shop"), stretch{Duration(from), Duration(to)})
		if some != (want >= 0) || some && (int(got.start) != from+want || int(got.end) > to || slices.Contains(covered[got.start:got.end], true)) {
			t.Fatalf("%v of %v: %v %v, want one from %d on", stretch{Duration(from), Duration(to)}, p.coming("shop"), got, some, from+want)
		}
		if sum := before(p.coming("shop"), Duration(to)); int(sum) != len(slices.DeleteFunc(slices.Clone(covered[:to]), func(c bool) bool { return !c })) {
			t.Fatalf("%d before %d", sum, to)
		}
	})
}

// The kind of a fault is a name for --set, where it has no other.
func TestFaultsAreSetByName(t *testing.T) {
	text := broken(", replicas: 3", "{at: trouble, for: 20s, target: api, kill: {}}, {name: cut, at: trouble + 60s, for: 20s, target: db, partition: {}}", "")
	plan := compile(t, text, shop(), "faults[kill].for=5s", "faults[cut].target=web", "faults[0].target.count=2")
	if f := plan.Faults; f[0].End-f[0].At != Duration(5*time.Second) || len(f[0].Picked) != 2 || f[1].Services[0] != "web" {
		t.Errorf("%+v", f)
	}
}

// Remarks on faults that are allowed, and may not be meant.
func TestLintOfFaults(t *testing.T) {
	recovery := ", {recovery: {journey: shop, objectives: {p95: 1s}, within: 20s}}"
	for name, c := range map[string]struct{ faults, checks, want string }{
		"nothing":              {"{at: trouble, for: 20s, target: db, pause: {}}", recovery, ""},
		"short":                {"{at: trouble, for: 4s, target: db, pause: {}}", "", "fault-length db"},
		"the only instance":    {"{at: trouble, for: 20s, target: api, kill: {}}", "", "only-instance api"},
		"the next too soon":    {"{at: trouble, for: 20s, target: db, pause: {}}, {at: trouble + 30s, for: 20s, target: db, pause: {}}", recovery, "after-fault db"},
		"one beside the other": {"{at: trouble, for: 20s, target: db, pause: {}}, {at: trouble + 10s, for: 20s, target: web, http_errors: {}}", recovery, ""},
		"what is encrypted":    {"{at: trouble, for: 20s, target: api, egress: 'a.example:443', http_errors: {}}", "", "trust api"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := compile(t, broken("", c.faults, c.checks), shop())
			got := strings.Join(names(plan.Lint, func(r LintRemark) string { return r.Rule + " " + r.Service }), "|")
			if got != c.want {
				t.Errorf("got %q, want %q: %v", got, c.want, plan.Lint)
			}
		})
	}
}
