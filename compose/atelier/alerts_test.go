package main

import (
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// known are metrics that the alert rules may name although no service exports them:
// what Prometheus makes itself, and what a run knows of its stack.
var known = []string{
	"up",
	"shakedown_cpu_limit_cores", "shakedown_cpu_seconds_total", "shakedown_endpoints",
	"shakedown_instance_exits_total", "shakedown_memory_bytes", "shakedown_memory_limit_bytes",
}

// An alert on a metric that nothing exports, or on a label that it does not have, never
// fires.
func TestAlertRulesAreAboutWhatIsExported(t *testing.T) {
	s := startStack(t)
	name, token := s.signIn("acme")
	s.call(201, "POST", s.api+"/v1/orders", `{"product":"p-001","quantity":1}`, name, token, "Idempotency-Key", "one")
	s.eventually("fulfilled", func() bool { return strings.Contains(s.page(s.worker), "orders_fulfilled_total{service=\"worker\"} 1") })
	exported := map[string]map[string]bool{} // labels by metric
	for _, service := range []string{s.web, s.api, s.worker, s.payments} {
		for metric, labels := range seriesOf(s.page(service)) {
			if exported[metric] == nil {
				exported[metric] = map[string]bool{}
			}
			maps.Copy(exported[metric], labels)
		}
	}
	selectors, recorded := selectorsOfRules(t)
	for _, selector := range selectors {
		labels, ours := exported[selector.Name]
		if !ours && !slices.Contains(known, selector.Name) && !recorded[selector.Name] {
			t.Errorf("nothing exports %s", selector.Name)
		}
		for _, m := range selector.LabelMatchers {
			if ours && m.Name != model.MetricNameLabel && !labels[m.Name] {
				t.Errorf("%s has no label %s", selector.Name, m.Name)
			}
		}
	}
}

var seriesLine = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? `)

// seriesOf is the metrics of a page with the names of their labels.
func seriesOf(page string) map[string]map[string]bool {
	found := map[string]map[string]bool{}
	for _, line := range seriesLine.FindAllStringSubmatch(page, -1) {
		if found[line[1]] == nil {
			found[line[1]] = map[string]bool{}
		}
		for _, label := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(line[2], -1) {
			found[line[1]][label[1]] = true
		}
	}
	return found
}

// selectorsOfRules are all that the alert rules of the stack select, and what they
// record.
func selectorsOfRules(t *testing.T) (selectors []*parser.VectorSelector, recorded map[string]bool) {
	t.Helper()
	files, err := filepath.Glob("../alerts/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("rule files %v, %v", files, err)
	}
	recorded = map[string]bool{}
	reader := parser.NewParser(parser.Options{})
	for _, file := range files {
		groups, problems := rulefmt.ParseFile(file, false, model.UTF8Validation, reader, slog.New(slog.DiscardHandler))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, group := range groups.Groups {
			for _, rule := range group.Rules {
				recorded[rule.Record] = true
				expression, err := reader.ParseExpr(rule.Expr)
				if err != nil {
					t.Fatal(err)
				}
				parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
					if v, ok := node.(*parser.VectorSelector); ok {
						selectors = append(selectors, v)
					}
					return nil
				})
			}
		}
	}
	return selectors, recorded
}

// The golden signals of every service that serves requests or jobs.
func TestEveryServiceShowsTheGoldenSignals(t *testing.T) {
	s := startStack(t)
	name, token := s.signIn("acme")
	s.call(201, "POST", s.api+"/v1/orders", `{"product":"p-001","quantity":1}`, name, token, "Idempotency-Key", "one")
	s.call(201, "POST", s.web+"/v1/projects", `{"name":"Villa"}`, name, token)
	requests := []string{"http_requests_total", "http_request_duration_seconds_bucket", "http_requests_in_flight"}
	jobs := []string{"jobs_total", "job_duration_seconds_bucket", "jobs_in_hand", "jobs_in_hand_max", "redis_pool_max_connections", "go_sql_in_use_connections"}
	for service, want := range map[string][]string{
		s.web: requests, s.payments: requests, s.worker: jobs,
		s.api: slices.Concat(requests, []string{"payments_total", "payments_call_duration_seconds_bucket", "redis_pool_timeouts_total", "queue_depth"}),
	} {
		found := seriesOf(s.page(service))
		for _, metric := range want {
			if found[metric] == nil {
				t.Errorf("%s does not show %s", service, metric)
			}
		}
	}
	page := s.page(s.api)
	for _, line := range []string{
		`payments_total{result="ok",service="api"} 1`, `payments_total{result="error",service="api"} 0`,
		`payments_call_duration_seconds_count{service="api"} 1`,
		`redis_pool_max_connections{redis="cache",service="api"} 16`, `redis_pool_max_connections{redis="queues",service="api"} 16`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("the api's page has no %s", line)
		}
	}
}

// Both defects of metrics, on the whole service.
func TestDefectsOfMetrics(t *testing.T) {
	for _, tt := range []struct {
		defect     string
		labels     bool // routes and codes are shown
		afterwards bool // the page is there when a request has failed
	}{
		{"", true, true},
		{"metrics-unlabelled", false, true},
		{"metrics-stop", true, false},
	} {
		t.Run(tt.defect, func(t *testing.T) {
			t.Parallel()
			s := startStackWith(t, map[string]string{"ATELIER_DEFECT": tt.defect, "PAYMENTS_URL": "http://127.0.0.1:1"})
			s.eventually("initialized", func() bool {
				return run(t.Context(), []string{"healthcheck", s.api + "/initz"}, s.getenv, s.logs) == nil
			})
			a := s.call(201, "POST", s.api+"/v1/sessions", `{"account":"acme","tier":"pro"}`)
			if got := strings.Contains(s.page(s.api), `code="201",method="POST",route="/v1/sessions"`); got != tt.labels {
				t.Errorf("route and code are shown: %v", got)
			}
			s.call(503, "POST", s.api+"/v1/orders", `{"product":"p-001","quantity":1}`, "Authorization", "Bearer "+a.Token, "Idempotency-Key", "one")
			s.call(200, "GET", s.api+"/v1/catalogue", "")
			if got := s.shows(s.api); got != tt.afterwards {
				t.Errorf("the page is there after a failure: %v", got)
			}
		})
	}
}

// shows tells whether a service answers with its metrics.
func (s *stack) shows(base string) bool {
	response, err := http.Get(base + "/metrics")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
