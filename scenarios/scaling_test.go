package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// scaling is a scenario with one more service, some actions and checks.
func scaling(services, actions, checks string) string {
	return fmt.Sprintf(`name: scaling
stack: {compose: [compose.yaml], services: {%s}}
traffic:
  phases: [{name: all, for: 100s}, {name: after, for: 100s}]
  cohorts: [{name: users, journey: shop, arrivals: {constant: 1/s}}]
  journeys:
    shop:
      - {name: look, request: GET web/, extract: {order: $.id}}
      - {name: buy, request: POST web/orders}
actions: [%s]
checks: [{slo: {journey: shop, p99: 1s}}%s]
`, "web: {port: 8080}, "+services, actions, checks)
}

const elastic = "api: {port: 8080, autoscale: {target_tracking: {metric: p95, target: 200ms}, min: 2, max: 6}}"

// The number of instances that an autoscaler leaves a service is not known before
// the run: nothing is refused that some number would allow.
func TestActionsOnElasticServices(t *testing.T) {
	driven := "web: {port: 8080, replicas: 1, autoscale: {target_tracking: {metric: p95, target: 200ms}, max: 6}}"
	for name, c := range map[string]struct {
		actions string
		want    string
	}{
		"stop the only one there is at first": {"{at: all, stop: {service: web}}", ""},
		"restart it":                          {"{at: all, restart: {service: web}}", ""},
		"stop more than there were at first":  {"{at: all, stop: {service: web}}, {at: all, stop: {service: web}}, {at: all, stop: {service: web}}", ""},
		"one that nobody knows yet":           {"{at: all, stop: {service: web, instance: web-7}}", ""},
		"a release that needs four":           {"{at: all, rolling_release: {service: web, max_unavailable: 3}}", ""},
		"a release of all, however many":      {"{at: all, rolling_release: {service: web, max_unavailable: 6}}", "actions[0].rolling_release.max_unavailable"},
		"all in a hundred, however many":      {"{at: all, rolling_release: {service: web, max_unavailable: 100%}}", "actions[0].rolling_release.max_unavailable"},
		"a release that never goes on":        {"{at: all, rolling_release: {service: web, max_surge: 0, max_unavailable: 0}}", "actions[0].rolling_release.max_surge"},
		"a sixth of six":                      {"{at: all, rolling_release: {service: web, max_surge: 0, max_unavailable: 17%}}", ""},
		"a tenth of six":                      {"{at: all, rolling_release: {service: web, max_surge: 0, max_unavailable: 10%}}", "actions[0].rolling_release.max_surge"},
		"interrupt as many as may be":         {"{at: all, interrupt: {service: web, count: 6, replace: false}}", ""},
		"interrupt more than may be":          {"{at: all, interrupt: {service: web, count: 7}}", "actions[0].interrupt.count"},
		"as many as somebody asked for":       {"{at: all, scale: {service: web, to: 8}}, {at: all + 1s, interrupt: {service: web, count: 8}}", ""},
		"scaled by hand, too":                 {"{at: all, scale: {service: web, to: 0}}, {at: all + 1s, stop: {service: web}}", ""},
	} {
		text := strings.Replace(scaling("", c.actions, ""), "web: {port: 8080}, ", driven, 1)
		_, problems := all2(t, text, shop())
		if got := strings.Join(names(problems, func(p Problem) string { return p.Path }), "|"); got != c.want {
			t.Errorf("%s: problems with %q, want %q:\n%v", name, got, c.want, problems)
		}
	}
}

// Interrupted instances are replaced, or they are gone.
func TestInterruptions(t *testing.T) {
	for name, c := range map[string]struct {
		actions string
		want    string
	}{
		"replaced":                  {"{at: all, interrupt: {service: worker, count: 2}}, {at: all, stop: {service: worker, instance: worker-4}}, {at: all, stop: {service: worker}}", ""},
		"numbers go on":             {"{at: all, interrupt: {service: worker}}, {at: all, stop: {service: worker, instance: worker-4}}", "actions[1].stop.instance"},
		"gone":                      {"{at: all, interrupt: {service: worker, count: 2, replace: false}}, {at: all, stop: {service: worker}}", "actions[1].stop.service"},
		"one left":                  {"{at: all, interrupt: {service: worker, replace: false}}, {at: all, stop: {service: worker}}", ""},
		"the last that traffic has": {"{at: all, interrupt: {service: web, replace: false}}", "actions[0].interrupt.replace"},
		"replaced, and the last":    {"{at: all, interrupt: {service: web}}", ""},
	} {
		text := strings.Replace(scaling("worker: {replicas: 2}", c.actions, ""), "web: {port: 8080}", "web: {port: 8080, replicas: 1}", 1)
		_, problems := all2(t, text, shop())
		if got := strings.Join(names(problems, func(p Problem) string { return p.Path }), "|"); got != c.want {
			t.Errorf("%s: problems with %q, want %q:\n%v", name, got, c.want, problems)
		}
	}
}

// A drain check has something to look at where an autoscaler removes instances.
func TestDrainOfElasticServices(t *testing.T) {
	text := scaling("worker: {metrics: {jobs: {exposition: {series: jobs}}}, autoscale: {queue: {backlog: jobs, per_instance: 5}}}", "", ", {drain: {service: worker}}")
	if got := found(t, text); got != "" {
		t.Error(got)
	}
}

// Utilization is a share of what the scenario says, else of what is reserved,
// else of the limit: each resource by itself.
func TestRequests(t *testing.T) {
	info := shop()
	info.Services["api"] = ServiceInfo{Ports: []int{8080}, Replicas: 1,
		Limits: ResourceClass{CPUs: 2, Memory: 4 << 20}, Reservations: ResourceClass{CPUs: 1}}
	for requests, want := range map[string]ResourceClass{
		"":                                       {CPUs: 1, Memory: 4 << 20},
		", requests: {cpus: 0.5}":                {CPUs: 0.5, Memory: 4 << 20},
		", requests: {memory: 1MiB}":             {CPUs: 1, Memory: 1 << 20},
		", requests: {cpus: 250m, memory: 2MiB}": {CPUs: 0.25, Memory: 2 << 20},
	} {
		text := scaling(strings.Replace(elastic, "max: 6", "max: 6"+requests, 1), "", "")
		p := compile(t, text, info).Services["api"]
		if p.Requests != want || p.Limits != info.Services["api"].Limits {
			t.Errorf("%q: requests %+v, limits %+v", requests, p.Requests, p.Limits)
		}
	}
}

// Tempo divides when floors begin and how long they hold, and notices; what
// control loops wait is divided by whoever waits.
func TestTempoOfScaling(t *testing.T) {
	text := scaling(`api: {port: 8080, autoscale: {queue: {backlog: jobs, per_instance: 5, cooldown: 60s}, every: 30s, schedule: [{at: after + 10s, for: 40s, min: 3}]}, metrics: {jobs: {exposition: {series: jobs}, every: 4s}}},
worker: {prescale: {tier: gold, policy: reactive, large: {cpus: 2}, hold: 8m, every: 20s}}`, "{at: all, interrupt: {service: api, notice: 60s}}", "")
	p := compile(t, text, shop(), "tempo=2x")
	second := Duration(time.Second)
	api, large := p.Services["api"], p.Services["worker"].Prescale
	if want := []PlannedFloor{{Start: 55 * second, End: 75 * second, Min: 3}}; !slices.Equal(api.Autoscale.Floors, want) {
		t.Errorf("floors %+v, want %+v", api.Autoscale.Floors, want)
	}
	if api.Autoscale.Every != 30*second || *api.Autoscale.Queue.Cooldown != 60*second || api.Metrics["jobs"].Every != 4*second || large.Hold != 480*second || large.Every != 20*second {
		t.Errorf("got %+v, %+v, %+v", api.Autoscale, api.Metrics, large)
	}
	if got := p.Actions[0].Interrupt.Notice; got != 30*second {
		t.Errorf("a notice of %s", got)
	}
}

// The scenario names another kind of autoscaler, or another source, and that of
// x-shakedown is gone; the rest of it stays.
func TestScalingGivesWay(t *testing.T) {
	most, least := 7, 3
	extension := &Service{
		Port:    8080,
		Metrics: map[string]MetricSource{"jobs": {HTTP: &HTTPMetric{Request: "GET api/n", Value: "$.n"}}, "age": {Exposition: &Exposition{Series: "age"}}},
		Autoscale: &Autoscale{
			TargetTracking: &TargetTracking{Metric: P95Metric, Target: Value{1, "s"}}, Min: &least, Max: &most, Every: Duration(9 * time.Second),
		},
	}
	info := shop()
	info.Services["api"] = ServiceInfo{Ports: []int{8080}, Replicas: 1, Extension: extension}
	for written, want := range map[string]string{
		"api: {}":                    "target_tracking 3 7 9s http",
		"api: {autoscale: {max: 9}}": "target_tracking 3 9 9s http",
		"api: {autoscale: {queue: {backlog: jobs, per_instance: 5}}}":                 "queue 3 7 9s http",
		"api: {autoscale: {hpa: testdata/files/hpa-plain.yaml, requests: {cpus: 1}}}": "hpa 1 5 9s http",
		"api: {metrics: {jobs: {exposition: {series: jobs}}}}":                        "target_tracking 3 7 9s exposition",
	} {
		api := compile(t, scaling(written, "", ""), info).Services["api"]
		source := "http"
		if jobs := api.Metrics["jobs"]; jobs.HTTP == nil && jobs.Exposition != nil {
			source = "exposition"
		}
		got := fmt.Sprint(api.Autoscale.Kind(), api.Autoscale.Min, " ", api.Autoscale.Max, " ", api.Autoscale.Every, " ", source)
		if got = strings.Replace(got, api.Autoscale.Kind(), api.Autoscale.Kind()+" ", 1); got != want || len(api.Metrics) != 2 {
			t.Errorf("%s: %s, want %s (%d metrics)", written, got, want, len(api.Metrics))
		}
	}
	if extension.Autoscale.TargetTracking == nil || extension.Metrics["jobs"].HTTP == nil || *extension.Autoscale.Max != 7 {
		t.Errorf("x-shakedown itself was changed: %+v", extension)
	}
}

// A manifest that x-shakedown names is where the compose project says, and a
// mistake in it is reported in it.
func TestManifestOfAnExtension(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "hpa.yaml")
	info := shop()
	info.Services["api"] = ServiceInfo{Ports: []int{8080}, Replicas: 1, Extension: &Service{Port: 8080, Autoscale: &Autoscale{HPA: file}}}
	if got := found2(t, scaling("payments: {port: 8080}", "", ""), info); !strings.Contains(got, "there is no file") || !strings.Contains(got, "the compose project's directory") {
		t.Errorf("not there: %s", got)
	}
	good := read(t, "testdata/files/hpa-plain.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(good), "maxReplicas: 5", "maxReplicas: 0", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := found2(t, scaling("payments: {port: 8080}", "", ""), info); !strings.HasPrefix(got, file+":6:16: spec.maxReplicas: is missing, or 0") {
		t.Errorf("wrong: %s", got)
	}
}

// found2 is what a user is told of text.
func found2(t *testing.T, text string, info StackInfo) string {
	t.Helper()
	_, problems := all2(t, text, info)
	return problems.Error()
}

// An HPA without a mistake does not depend on where among other documents it
// stands.
func TestManifestAmongOthers(t *testing.T) {
	hpa := string(read(t, "testdata/files/hpa-plain.yaml"))
	other := "apiVersion: v1\nkind: Service\nmetadata: {name: a, name: b}\nspec: !odd 5\n"
	for _, text := range []string{hpa, "---\n" + hpa, hpa + "---\n" + other, other + "---\n" + hpa, other + "---\n" + hpa + "---\n" + other, "# nothing\n---\n" + hpa} {
		m, problems := readHPA("hpa.yaml", []byte(text))
		if len(problems) > 0 || m.Name != "api" || m.Spec.MaxReplicas != 5 {
			t.Errorf("%s\n%v", text, problems)
		}
	}
}

// FuzzManifest: whatever a manifest's file holds, it is read or refused with
// problems that point into it.
func FuzzManifest(f *testing.F) {
	for _, file := range files(f, "testdata/files/*.yaml") {
		f.Add(read(f, file))
	}
	f.Add([]byte("kind: HorizontalPodAutoscaler\napiVersion: autoscaling/v2\nspec: &a {metrics: [*a]}\n"))
	f.Add([]byte("kind: HorizontalPodAutoscaler\napiVersion: autoscaling/v2\nspec: {maxReplicas: .inf, metrics: [{<<: {type: Pods}}]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4096 {
			return
		}
		m, problems := readHPA("hpa.yaml", text)
		if (m == nil) != (len(problems) > 0) {
			t.Fatalf("%+v with problems %v", m, problems)
		}
		lines := len(newSource("", text).lines)
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Message == "" {
				t.Fatalf("bad problem %+v in %q", p, text)
			}
		}
	})
}

// The moments of a step are wanted once, however many checks want them.
func TestMilestones(t *testing.T) {
	text := scaling("worker: {prescale: {tier: gold, policy: \"off\", large: {cpus: 2}}}", "",
		", {prescale: {service: worker, journey: shop, step: look, done: buy}}, {prescale: {service: worker, journey: shop, step: buy}}")
	want := []PlannedMilestone{{"shop", "look"}, {"shop", "buy"}}
	if got := compile(t, text, shop()).Milestones; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The metrics of a queue check are those of the autoscaler, unless it names
// others.
func TestQueueMetrics(t *testing.T) {
	metrics := "metrics: {jobs: {exposition: {series: jobs}}, old: {exposition: {series: old}}, all: {exposition: {series: all}}}"
	for name, c := range map[string]struct{ service, check, want string }{
		"of the autoscaler": {", autoscale: {queue: {backlog: jobs, per_instance: 5, age: old}}", "max_backlog: 5, max_age: 5s", "jobs old"},
		"of the check":      {", autoscale: {queue: {backlog: jobs, per_instance: 5, age: old}}", "max_backlog: 5, backlog: all", "all old"},
		"without any":       {"", "max_backlog: 5, backlog: jobs", "jobs "},
		"scaled otherwise":  {", autoscale: {target_tracking: {metric: all, target: 5}}", "max_backlog: 5, backlog: jobs", "jobs "},
	} {
		plan := compile(t, scaling("worker: {"+metrics+c.service+"}", "", ", {queue: {service: worker, "+c.check+"}}"), shop())
		if q := plan.Checks[1].Queue; q.Backlog+" "+q.Age != c.want {
			t.Errorf("%s: %s and %s, want %s", name, q.Backlog, q.Age, c.want)
		}
	}
}
