package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/dashboards"
	"github.com/shakedown-dev/shakedown/harness/observe/own"
	"github.com/shakedown-dev/shakedown/scenarios"
)

type dashboard struct {
	SchemaVersion int `json:"schemaVersion"`
	Annotations   struct {
		List []struct {
			Expr       string     `json:"expr"`
			Datasource dataSource `json:"datasource"`
		} `json:"list"`
	} `json:"annotations"`
	Templating struct {
		List []struct{ Name, Type, Query any } `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID         int        `json:"id"`
		Type       string     `json:"type"`
		Title      string     `json:"title"`
		Datasource dataSource `json:"datasource"`
		GridPos    gridPos    `json:"gridPos"`
		Targets    []struct {
			Expr       string     `json:"expr"`
			Datasource dataSource `json:"datasource"`
		} `json:"targets"`
	} `json:"panels"`
}

type (
	dataSource struct{ Type, UID string }
	gridPos    struct{ X, Y, W, H int }
)

func theDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal(dashboards.Shakedown, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// names are the metrics that there are in a run of the reference stack.
func names(t *testing.T) []string {
	t.Helper()
	all := []string{
		"up", "ALERTS", // Prometheus' own
		"queue_depth", "queue_oldest_job_age_seconds", // of the services that have a queue
	}
	descs := make(chan *prometheus.Desc, 1000)
	own.New(&scenarios.Plan{}).Describe(descs)
	close(descs)
	for d := range descs {
		all = append(all, regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())[1])
	}
	service := telemetry.New("x")
	service.Instrument(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	page := httptest.NewRecorder()
	service.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+)`).FindAllStringSubmatch(page.Body.String(), -1) {
		all = append(all, m[1])
	}
	for _, histogram := range slices.Clone(all) {
		all = append(all, histogram+"_bucket")
	}
	return all
}

func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	known := names(t)
	d := theDashboard(t)
	check := func(title, expr string) {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
		if err != nil {
			t.Errorf("%s: %s: %v", title, expr, err)
			return
		}
		for _, selector := range parser.ExtractSelectors(parsed) {
			for _, m := range selector {
				if m.Name == model.MetricNameLabel && !slices.Contains(known, m.Value) {
					t.Errorf("%s: nothing exports %s", title, m.Value)
				}
			}
		}
	}
	expressions := 0
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
			expressions++
		}
	}
	for _, a := range d.Annotations.List {
		check("annotations", a.Expr)
	}
	if expressions < 20 || len(d.Annotations.List) == 0 {
		t.Errorf("%d expressions and %d annotations", expressions, len(d.Annotations.List))
	}
}

// The data source is chosen when the dashboard is opened: every panel has to follow.
func TestTheDashboardTakesAnyDataSource(t *testing.T) {
	d := theDashboard(t)
	if v := d.Templating.List[0]; v.Name != "datasource" || v.Type != "datasource" || v.Query != "prometheus" {
		t.Errorf("the first variable is %v", v)
	}
	if d.SchemaVersion < 39 {
		t.Errorf("schema version %d", d.SchemaVersion)
	}
	want := dataSource{Type: "prometheus", UID: "${datasource}"}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			if p.Datasource != want || target.Datasource != want {
				t.Errorf("%s: %v, %v", p.Title, p.Datasource, target.Datasource)
			}
		}
	}
	for _, a := range d.Annotations.List {
		if a.Datasource != want {
			t.Errorf("annotation: %v", a.Datasource)
		}
	}
}

func TestPanelsOfTheDashboardDoNotOverlap(t *testing.T) {
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range theDashboard(t).Panels {
		if ids[p.ID] {
			t.Errorf("%s: id %d is there twice", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s is on %q at %d, %d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
