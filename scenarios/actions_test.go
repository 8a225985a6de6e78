package scenarios

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// acting is a scenario with some actions and checks, and some replicas of api.
func acting(replicas int, actions, checks string) string {
	return fmt.Sprintf(`name: acting
stack: {compose: [compose.yaml], services: {api: {port: 8080, replicas: %d}}}
traffic:
  phases: [{name: all, for: 100s}]
  cohorts: [{name: users, journey: shop, arrivals: {constant: 1/s}}]
  journeys:
    shop:
      - {name: look, request: GET api/, extract: {page: $.id}}
      - {name: buy, request: POST api/orders, extract: {order: $.id}}
actions: [%s]
checks: [{slo: {journey: shop, p99: 1s}}%s]
`, replicas, actions, checks)
}

// found compiles text against the shop and returns the path and message of
// every problem.
func found(t *testing.T, text string) string {
	t.Helper()
	_, problems := all2(t, text, shop())
	return strings.Join(names(problems, func(p Problem) string { return p.Path + ": " + p.Message }), "\n")
}

// What may be done depends on how many instances there are when an action
// begins, in the order of time and not in that of the file.
func TestInstancesAlongTheActions(t *testing.T) {
	for name, c := range map[string]struct {
		replicas int
		actions  string
		want     string // "" for no problem
	}{
		"two stops of three":             {3, "{at: all, stop: {service: api}}, {at: all, stop: {service: api}}", ""},
		"three stops of three":           {3, "{at: all, stop: {service: api}}, {at: all, stop: {service: api}}, {at: all, stop: {service: api}}", "actions[2].stop.service"},
		"scaled up before":               {1, "{at: all + 2s, stop: {service: api}}, {at: all + 1s, scale: {service: api, to: 2}}", ""},
		"scaled up too late":             {1, "{at: all + 2s, stop: {service: api}}, {at: all + 3s, scale: {service: api, to: 2}}", "actions[0].stop.service"},
		"a restart keeps the number":     {2, "{at: all, restart: {service: api}}, {at: all, restart: {service: api}}, {at: all, stop: {service: api}}", ""},
		"a release keeps the number":     {2, "{at: all, rolling_release: {service: api}}, {at: all, stop: {service: api}}, {at: all + 1s, stop: {service: api}}", "actions[2].stop.service"},
		"replaced from one":              {1, "{at: all, replace_all: {service: api}}", ""},
		"blue and green of one":          {1, "{at: all, blue_green: {service: api}}", ""},
		"down to none on purpose":        {2, "{at: all, scale: {service: api, to: 0}}, {at: all + 1s, scale: {service: api, to: 2}}", ""},
		"the last of an idle one":        {1, "{at: all, stop: {service: worker}}", ""},
		"one that is gone":               {1, "{at: all, stop: {service: worker}}, {at: all + 1s, stop: {service: worker}}", "actions[1].stop.service"},
		"a default release of one":       {1, "{at: all, rolling_release: {service: api}}", ""},
		"all of one may be missing":      {1, "{at: all, rolling_release: {service: api, max_unavailable: 1}}", "actions[0].rolling_release.max_unavailable"},
		"all of one in a hundred":        {1, "{at: all, rolling_release: {service: api, max_unavailable: 100%}}", "actions[0].rolling_release.max_unavailable"},
		"half of one is none":            {1, "{at: all, rolling_release: {service: api, max_unavailable: 50%}}", ""},
		"one of two":                     {2, "{at: all, rolling_release: {service: api, max_unavailable: 1, max_surge: 0}}", ""},
		"all of an idle one":             {1, "{at: all, rolling_release: {service: worker, max_unavailable: 1}}", ""},
		"neither more nor fewer":         {3, "{at: all, rolling_release: {service: api, max_surge: 0}}", "actions[0].rolling_release.max_surge"},
		"a quarter of four":              {4, "{at: all, rolling_release: {service: api, max_surge: 0}}", ""},
		"neither, said of the other":     {3, "{at: all, rolling_release: {service: api, max_surge: 0%, max_unavailable: 33%}}", "actions[0].rolling_release.max_surge"},
		"a number that a release brings": {2, "{at: all, rolling_release: {service: api}}, {at: all + 1s, stop: {service: api, instance: api-4}}", ""},
		"a number that nobody has":       {2, "{at: all, rolling_release: {service: api}}, {at: all + 1s, stop: {service: api, instance: api-5}}", "actions[1].stop.instance"},
		"numbers are not used twice":     {2, "{at: all, scale: {service: api, to: 1}}, {at: all, scale: {service: api, to: 2}}, {at: all, restart: {service: api, instance: api-3}}", ""},
		"what follows from a mistake":    {1, "{at: all, stop: {service: api}}, {at: all + 1s, stop: {service: api}}, {at: all + 1s, restart: {service: api}}", "actions[0].stop.service"},
		"after one of another service":   {1, "{at: all, stop: {service: apo}}, {at: all + 1s, stop: {service: api}}", "actions[0].stop.service|actions[1].stop.service"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := all2(t, acting(c.replicas, c.actions, ""), shop())
			if got := strings.Join(names(problems, func(p Problem) string { return p.Path }), "|"); got != c.want {
				t.Errorf("problems with %q, want %q:\n%v", got, c.want, problems)
			}
		})
	}
}

// A new version has the next number that is free, in the order of time.
func TestVersions(t *testing.T) {
	plan := compile(t, acting(4, strings.Join([]string{
		"{at: all + 7s, rolling_release: {service: api}}",
		"{at: all + 1s, rolling_release: {service: api}}",
		"{at: all + 2s, replace_all: {service: api}}",
		"{at: all + 3s, replace_all: {service: api, environment: {A: b}}}",
		"{at: all + 4s, rolling_release: {service: api, version: v5}}",
		"{at: all + 5s, blue_green: {service: api, version: v1}}", // back to the first
		"{at: all + 6s, replace_all: {service: api, image: x}}",
		"{at: all + 2s, rolling_release: {service: worker}}",
		"{at: all + 8s, replace_all: {service: api, version: last}}",
	}, ", "), ""), shop())
	var got []string
	for _, a := range plan.Actions {
		got = append(got, fmt.Sprintf("%s %s-%s", a.Release.Service, a.Release.From, a.Release.Version))
	}
	want := []string{"api v1-v2", "api v2-v2", "worker v1-v2", "api v2-v3", "api v3-v5", "api v5-v1", "api v1-v6", "api v6-v7", "api v7-last"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if worker, ok := plan.Services["worker"]; !ok || worker.GraceFrom != "default" || worker.Replicas != 1 {
		t.Errorf("what is acted on has no role in the plan: %+v", plan.Services)
	}
}

// Every release has another version than any before, unless it says so, and
// follows on the one before.
func TestVersionsAreNotUsedTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLineage()
		seen := map[string]bool{firstVersion: true}
		for range rapid.IntRange(1, 20).Draw(t, "releases") {
			r := &PlannedRelease{Strategy: RollingStrategy}
			if rapid.Bool().Draw(t, "named") {
				r.Version = fmt.Sprintf("v%d", rapid.IntRange(1, 30).Draw(t, "version"))
			}
			got := l.next(r)
			if r.Version == "" && seen[got] || r.Version != "" && got != r.Version || l.now != got {
				t.Fatalf("%q after %v, now %q", got, seen, l.now)
			}
			seen[got] = true
		}
	})
}

// Tempo shortens what a release waits on purpose, not what the system needs.
func TestTempoOfReleases(t *testing.T) {
	text := acting(2, "{at: all + 10s, rolling_release: {service: api, min_ready: 4s, deadline: 8s}}, {at: all + 20s, blue_green: {service: api, keep: 6s}}, {at: all + 30s, job: {name: tidy, service: api, command: [tidy]}}",
		`, {integrity: {name: orders, read: {within: 20s, sql: {service: db, url_from: U, query: SELECT 1}}}}`)
	plan := compile(t, text, shop(), "tempo=2x")
	rolling, green, job := plan.Actions[0], plan.Actions[1], plan.Actions[2]
	second := Duration(time.Second)
	if rolling.At != 5*second || rolling.Release.MinReady != 2*second || rolling.Release.Deadline != 8*second {
		t.Errorf("got %+v, %+v", rolling, rolling.Release)
	}
	if green.Release.Keep != 3*second || green.Release.Deadline != defaultDeadline || job.Job.Within != defaultJob || plan.Ledgers[0].Within != 20*second {
		t.Errorf("got %+v, %+v, %+v", green.Release, job.Job, plan.Ledgers)
	}
}

func TestGraceFrom(t *testing.T) {
	for name, c := range map[string]struct {
		drain     string
		extension *Service
		stop      time.Duration
		want      string
	}{
		"scenario":               {", drain: {grace: 9s}", nil, time.Second, "scenario"},
		"x-shakedown":            {"", &Service{Drain: &Drain{Grace: Duration(time.Second)}}, time.Second, "scenario"},
		"compose":                {", drain: {pre_stop: 1s}", nil, 20 * time.Second, "compose"},
		"nobody":                 {", drain: {endpoint_lag: 1s}", nil, 0, "default"},
		"x-shakedown says other": {"", &Service{Port: 8080}, 0, "default"},
	} {
		info := shop()
		info.Services["api"] = ServiceInfo{Ports: []int{8080}, Replicas: 1, StopGrace: c.stop, Extension: c.extension}
		text := strings.Replace(acting(1, "", ""), "port: 8080", "port: 8080"+c.drain, 1)
		if got := compile(t, text, info).Services["api"].GraceFrom; got != c.want {
			t.Errorf("%s: from %q, want %q", name, got, c.want)
		}
	}
}

// The first requests to an instance have the highest p99 that is asked of
// requests to its service for a limit.
func TestFirstRequests(t *testing.T) {
	for name, c := range map[string]struct {
		checks, service string
		want            string
	}{
		"the whole journey":      {"", "api", "1s"},
		"the highest":            {", {slo: {journey: shop, step: buy, p99: 3s}}, {slo: {journey: shop, step: look, p99: 2s}}", "api", "3s"},
		"whole sessions":         {", {slo: {journey: shop, whole: true, p99: 3s}}", "api", "1s"},
		"no p99":                 {", {slo: {journey: shop, step: buy, p95: 3s}}", "api", "1s"},
		"of another service":     {"", "web", "<nil>"},
		"given":                  {", {slo: {journey: shop, p99: 3s}}", "api, first_requests: 200ms", "200ms"},
		"given where none is":    {"", "web, first_requests: 200ms", "200ms"},
		"of some phases, as all": {", {slo: {journey: shop, phases: [all], p99: 5s}}", "api", "5s"},
	} {
		text := strings.Replace(acting(1, "", fmt.Sprintf(", {readiness: {service: %s}}%s", c.service, c.checks)), "services: {", "services: {web: {port: 8080}, ", 1)
		if got := compile(t, text, shop()).Checks[1].Readiness.FirstRequests; fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

// Only one SELECT reads and does nothing else.
func TestQueries(t *testing.T) {
	for query, right := range map[string]bool{
		"SELECT 1": true, "select id\nfrom orders;": true, " \n SELECT 1 ; ": true, "WITH a AS (SELECT 1) SELECT * FROM a": true,
		"SELECT ';'": true, `SELECT "a;b" FROM c`: true, "SELECT 'it''s; fine'": true, "SELECT 1 -- one; only\n": true, "SELECT 1; -- one": true,
		"/* ; */ SELECT 1": true, "SELECT/**/1": true, "SELECT 1 /* open": true, "-- what; else\nSELECT 1": true,
		"": false, ";": false, "-- SELECT 1": false, "/* SELECT 1 */": false, "DELETE FROM orders": false, "EXPLAIN SELECT 1": false, "SELECTED": false,
		"SELECT 1; SELECT 2": false, "SELECT 'a'; DROP TABLE b": false, "SELECT 1;;": true, "SELECT 1; /* more */ x": false,
	} {
		if message, _ := checkQuery(query); (message == "") != right {
			t.Errorf("%q: %q", query, message)
		}
	}
}

// What is said of a query takes time in proportion to its length.
func TestLongQueries(t *testing.T) {
	for _, text := range []string{";", "--\n", "/**/", "''", "'", "a;"} {
		begin := time.Now()
		checkQuery(strings.Repeat(text, 1_000_000/len(text)))
		t.Logf("%q took %s", text, time.Since(begin))
	}
}

// A drain check without a port needs something to look at.
func TestDrainWithoutPort(t *testing.T) {
	work := `, work: {of: {journey: shop, step: buy, key: "${order}"}, read: {sql: {service: db, url_from: U, query: SELECT 1}}}`
	for name, c := range map[string]struct {
		actions, work string
		right         bool
	}{
		"nothing":              {"", "", false},
		"work":                 {"", work, true},
		"scaled up":            {"{at: all, scale: {service: worker, to: 2}}", "", false},
		"scaled up and down":   {"{at: all + 2s, scale: {service: worker, to: 1}}, {at: all, scale: {service: worker, to: 2}}", "", true},
		"stopped":              {"{at: all, stop: {service: worker}}", "", true},
		"restarted":            {"{at: all, restart: {service: worker}}", "", true},
		"released":             {"{at: all, rolling_release: {service: worker}}", "", true},
		"another is restarted": {"{at: all, replace_all: {service: api}}", "", false},
		"a job of it":          {"{at: all, job: {name: tidy, service: worker, command: [tidy]}}", "", false},
	} {
		got := found(t, acting(2, c.actions, ", {drain: {service: worker"+c.work+"}}"))
		if (got == "") != c.right || !c.right && !strings.HasPrefix(got, "checks[1].drain.service: nothing of the draining") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A plan is what it was when it is read back, whatever its portions are.
func TestPortionsOfPlansRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Portion{Number: rapid.IntRange(0, mostInstances).Draw(t, "number")}
		if rapid.Bool().Draw(t, "percent") {
			p = Portion{Percent: Percent(rapid.Float64Range(0, 100).Draw(t, "percent"))}
		}
		r := PlannedRelease{MaxSurge: p, MaxUnavailable: p}
		text, err := json.Marshal(r)
		var again PlannedRelease
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil || again.MaxSurge != p || again.MaxUnavailable != p {
			t.Fatalf("%+v: %s, %+v, %v", p, text, again, err)
		}
		n := rapid.IntRange(0, mostInstances).Draw(t, "instances")
		if up, down := p.Of(n, true), p.Of(n, false); up < down || up > down+1 || p.Percent != 0 && (up > n || p.Percent == 100 && down != n) {
			t.Fatalf("%s of %d: %d and %d", p, n, up, down)
		}
	})
}
