package oracle

import (
	"cmp"
	"context"
	"flag"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/util/features"
	v1 "github.com/prometheus/prometheus/web/api/v1"

	"github.com/shakedown-dev/shakedown/harness/observe/api/apitest"
)

var record = flag.Bool("record", false, "write the answers down")

func TestAnswersAreThoseOfPrometheus(t *testing.T) {
	t.Chdir("..") // files of rules are named in answers
	server := prometheusAPI(t)
	for _, q := range apitest.Questions(t, "testdata") {
		t.Run(q.Name, func(t *testing.T) {
			got := q.Ask(t, server)
			if *record {
				q.Record(t, "testdata", got)
				return
			}
			if want := q.Recorded(t, "testdata"); !reflect.DeepEqual(got, want) {
				t.Errorf("Prometheus answers\n%v\nwritten down is\n%v\nwrite it down anew with -args -record", got, want)
			}
		})
	}
}

// prometheusAPI is Prometheus' own API on the series and rules of testdata; rules were
// evaluated up to second 30.
func prometheusAPI(t *testing.T) http.Handler {
	storage, engine := apitest.Load(t, "testdata"), apitest.Engine(t)
	recorded := apitest.Load(t, "testdata") // of its own, so that what rules record is in no other answer
	logger := slog.New(slog.DiscardHandler)
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(engine, recorded), Appendable: recorded, Queryable: recorded, Context: t.Context(), Logger: logger,
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Parser: parser.NewParser(parser.Options{}),
	})
	loaded, errs := manager.LoadGroups(time.Second, labels.EmptyLabels(), "", nil, false, "testdata/rules.yml")
	if errs != nil {
		t.Fatal(errs)
	}
	evaluated := evaluate(t.Context(), loaded)
	api := v1.NewAPI(
		engine, storage, nil, nil, storage,
		nil, nil, nil, func() config.Config { return config.Config{} }, nil, v1.GlobalURLOptions{},
		func(f http.HandlerFunc) http.HandlerFunc { return f }, nil, "", false, false, 0, logger,
		func(context.Context) v1.RulesRetriever { return evaluated }, 0, 0, 0, false, regexp.MustCompile(""),
		nil, nil, nil, nil, nil, prometheus.NewRegistry(), nil, false, nil, false, false, false, false, 0, false, false, nil,
		features.NewRegistry(), v1.OpenAPIOptions{}, nil,
	)
	router := route.New().WithPrefix("/api/v1")
	api.Register(router)
	return router
}

// groups are the rules of a manager, in its order.
type groups []*rules.Group

func evaluate(ctx context.Context, loaded map[string]*rules.Group) groups {
	var list groups
	for _, g := range loaded {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *rules.Group) int {
		return cmp.Or(cmp.Compare(a.File(), b.File()), cmp.Compare(a.Name(), b.Name()))
	})
	for second := range 31 {
		for _, g := range list {
			if second%int(g.Interval().Seconds()) == 0 {
				g.Eval(ctx, time.Unix(int64(second), 0).UTC())
			}
		}
	}
	return list
}

func (g groups) RuleGroups() []*rules.Group { return g }

func (g groups) AlertingRules() (list []*rules.AlertingRule) {
	for _, group := range g {
		list = append(list, group.AlertingRules()...)
	}
	return list
}
