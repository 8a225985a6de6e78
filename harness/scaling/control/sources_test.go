package control

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestSelectors(t *testing.T) {
	const metrics = `# HELP queue_depth Jobs {queue="orders"} 5
# TYPE queue_depth gauge
queue_depth{queue="orders"} 12
queue_depth{queue="imports",tier="free"} 3 1700000000000
queue_depth{queue="imports",tier="pro"} 4
  queue_depth{queue="späte \"Jobs\" \\ {x} #"} 100
queue_depth_max 99
last_queue_depth 98
# TYPE took histogram
took_bucket{le="0.1"} 7
took_bucket{le="+Inf"} 9
took_sum 2.5
took_count 9
plain 1.5e3
job:rate:5m 0.25
below -4
	indented 6
tabbed	8
unknown NaN
endless +Inf
broken{queue="a" 1
broken_value one
`
	for selector, want := range map[string]any{
		`queue_depth`:                                  119.0,
		`queue_depth{queue="orders"}`:                  12.0,
		`queue_depth{queue="imports"}`:                 7.0,
		`queue_depth{tier="pro",queue="imports",}`:     4.0,
		`queue_depth{queue="späte \"Jobs\" \\ {x} #"}`: 100.0,
		`queue_depth{queue="none"}`:                    "no match",
		`queue`:                                        "no match",
		`took_bucket{le="0.1"}`:                        7.0,
		`took_sum`:                                     2.5,
		`plain`:                                        1500.0,
		`job:rate:5m`:                                  0.25,
		`below`:                                        -4.0,
		`indented`:                                     6.0,
		`tabbed`:                                       8.0,
		`unknown`:                                      "no number: the instance does not know it",
		`endless`:                                      "no number",
		`broken`:                                       "malformed where it tells broken",
		`broken_value`:                                 "malformed",
		``:                                             "names no series",
		`queue depth`:                                  "names no series",
		`{queue="orders"}`:                             "names no series",
		`queue_depth{queue="orders"`:                   "names no series",
		`queue_depth{queue=~"orders"}`:                 "names no series",
		`queue_depth{queue!="orders"}`:                 "names no series",
		`queue_depth{queue="orders"} 5`:                "names no series",
		`sum(queue_depth)`:                             "names no series",
		"queue_depth\nplain":                           "names no series",
		"# HELP plain x\nplain":                        "names no series",
		"plain 1\rplain":                               "names no series",
		`#plain`:                                       "names no series",
		`# TYPE queue_depth gauge`:                     "names no series",
		` plain`:                                       "names no series",
		`queue-depth`:                                  "names no series",
	} {
		s, err := parseSelector(selector)
		var got any
		if err == nil {
			var matched bool
			if got, matched, err = s.sum([]byte(metrics)); err == nil && !matched {
				got = "no match"
			}
		}
		text, wantsError := want.(string)
		switch {
		case err != nil && (!wantsError || !strings.Contains(err.Error(), text)):
			t.Errorf("%s: %v, want %v", selector, err, want)
		case err != nil && strings.Contains(err.Error(), "line 1"):
			t.Errorf("%s: %v: that is no line of the page", selector, err)
		case err == nil && got != want:
			t.Errorf("%s: %v, want %v", selector, got, want)
		}
	}
}

func FuzzPages(f *testing.F) {
	f.Add("queue_depth{queue=\"orders\"}", "queue_depth{queue=\"orders\"} 12\nother 3\n")
	f.Add("a", "a{b=\"c\\n\"} 1\na 2 3\n a\t4\r\naa 5\na")
	f.Fuzz(func(t *testing.T, series, page string) {
		s, err := parseSelector(series)
		if err != nil {
			return
		}
		sum, matched, err := s.sum([]byte(page))
		if err == nil && !finite(sum) || matched && !strings.Contains(page, string(s.name)) {
			t.Errorf("%v, %v, %v", sum, matched, err)
		}
		if sum, matched, err = s.sum([]byte(series + " 7\n")); sum != 7 || !matched || err != nil {
			t.Errorf("its own line gives %v, %v, %v", sum, matched, err)
		}
	})
}

// A page of half a megabyte, of which nothing is asked but one line, costs little
// more than looking at it.
func BenchmarkPage(b *testing.B) {
	var text strings.Builder
	for text.Len() < 512<<10 {
		fmt.Fprintf(&text, "http_request_duration_seconds_bucket{path=\"/v1/projects/%d\",le=\"0.5\"} %d\n", text.Len(), text.Len())
	}
	text.WriteString("queue_depth{queue=\"orders\"} 12\n")
	page := []byte(text.String())
	s, err := parseSelector(`queue_depth{queue="orders"}`)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		if sum, _, err := s.sum(page); sum != 12 || err != nil {
			b.Fatal(sum, err)
		}
	}
}

// exposing is the metric of a service by the pages of its instances: ready ones
// are r-1, r-2 and so on, those that start s-1; pages that cannot be read are "!".
func exposing(t *testing.T, spec scenarios.Exposition, ready []string, starting ...string) (found, error) {
	t.Helper()
	e := newExposed(&series{name: "jobs", every: time.Second}, spec)
	return e.of(page{service: "worker", port: 9090, path: "/metrics"}, pagesOf(0, ready, starting))
}

func pagesOf(at time.Duration, ready, starting []string) (pages []fetched) {
	for i, body := range append(append([]string(nil), ready...), starting...) {
		f := fetched{instance: fmt.Sprintf("r-%d", i+1), ready: i < len(ready), at: at, body: []byte(body)}
		if !f.ready {
			f.instance = fmt.Sprintf("s-%d", i+1-len(ready))
		}
		if body == "!" {
			f.err = errors.New("status 500")
		}
		pages = append(pages, f)
	}
	return pages
}

func TestMetricsOfInstances(t *testing.T) {
	series := func(combine string) scenarios.Exposition {
		return scenarios.Exposition{Series: "jobs", Combine: combine}
	}
	for name, c := range map[string]struct {
		spec            scenarios.Exposition
		ready, starting []string
		value           float64
		each            string
		err             string
	}{
		"sum":                     {series(""), []string{"jobs 1\n", "jobs 4\n"}, nil, 5, "map[r-1:1 r-2:4]", ""},
		"max":                     {series("max"), []string{"jobs -3\n", "jobs -1\n"}, nil, -1, "map[r-1:-3 r-2:-1]", ""},
		"mean":                    {series("mean"), []string{"jobs 1\n", "jobs 4\n"}, nil, 2.5, "map[r-1:1 r-2:4]", ""},
		"one starts":              {series(""), []string{"jobs 1\n"}, []string{"!"}, 1, "map[r-1:1]", ""},
		"all start":               {series(""), nil, []string{"!"}, 0, "map[]", "status 500"},
		"one has none":            {series(""), []string{"jobs 1\n", "other 4\n"}, nil, 1, "map[r-1:1]", ""},
		"one is lost, sum":        {series(""), []string{"jobs 1\n", "!"}, nil, 0, "map[r-1:1]", "status 500"},
		"one is lost, mean":       {series("mean"), []string{"!", "jobs 1\n"}, nil, 0, "map[r-2:1]", "status 500"},
		"one is lost, max":        {series("max"), []string{"jobs 1\n", "!"}, nil, 1, "map[r-1:1]", ""},
		"all are lost, max":       {series("max"), []string{"!", "!"}, nil, 0, "map[]", "status 500"},
		"nobody has it":           {series(""), []string{"", "<html>jobs</html>"}, nil, 0, "map[]", "no series jobs on http://worker:9090/metrics; look at that page"},
		"nobody runs":             {series(""), nil, nil, 0, "map[]", "no instance of worker runs"},
		"one is malformed":        {series(""), []string{"jobs 1\n", "jobs one\n"}, nil, 0, "map[r-1:1]", "/metrics of r-2: the page is malformed"},
		"one does not know":       {series(""), []string{"jobs 1\n", "jobs NaN\n"}, nil, 0, "map[r-1:1]", "does not know it"},
		"a selector that is none": {scenarios.Exposition{Series: "jobs{"}, []string{"jobs 1\n"}, nil, 0, "map[]", "names no series"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := exposing(t, c.spec, c.ready, c.starting...)
			if fmt.Sprint(f.each) != c.each || f.value != c.value || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

// A counter is read as its growth a second, over what has been read within the
// last while; after a restart it begins anew.
func TestRates(t *testing.T) {
	e := newExposed(&series{name: "jobs", every: time.Second}, scenarios.Exposition{Series: "jobs", Rate: true})
	for _, step := range []struct {
		at    int
		pages []string
		want  string
	}{
		{0, []string{"jobs 100\n"}, "map[] 0 true"}, // it takes two
		{1, []string{"jobs 110\n"}, "map[r-1:10] 10 false"},
		{2, []string{"jobs 130\n", "jobs 5\n"}, "map[r-1:15] 15 false"},
		{3, []string{"jobs 130\n", "jobs 7\n"}, "map[r-1:10 r-2:2] 12 false"},
		{4, []string{"jobs 6\n", "jobs 9\n"}, "map[r-1:8.666666666666666 r-2:2] 10.666666666666666 false"}, // since 1 s: 20, 0 and 6
		{5, []string{"jobs 6\n"}, "map[r-1:2] 2 false"},
		{6, []string{"jobs 6\n", "jobs 900\n"}, "map[r-1:2] 2 false"}, // the second was away: it begins anew
		{7, []string{"other 6\n", "jobs 901\n"}, "map[r-2:1] 1 false"},
	} {
		f, err := e.of(page{service: "worker"}, pagesOf(time.Duration(step.at)*time.Second, step.pages, nil))
		if got := fmt.Sprint(f.each, f.value, errors.Is(err, errNoRateYet)); got != step.want || err != nil && !errors.Is(err, errNoRateYet) {
			t.Errorf("at %d s: %s, %v; want %s", step.at, got, err, step.want)
		}
	}
}

// A page that does not come is waited for in vain only so long.
func TestAPageThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tracked()
		s.Metrics = map[string]scenarios.MetricSource{"jobs": {Exposition: &scenarios.Exposition{Series: "jobs"}, Every: seconds(1)}}
		r := newRun(t, planOf(1, s))
		r.cluster.add("api", 1, true)
		r.cluster.silent = true
		r.begin()
		r.until(1500 * time.Millisecond)
		r.end()
		if got := all[journal.Measured](r); len(got) != 1 || got[0].T != time.Second || got[0].Body.Error != "fetch /metrics of api-1: no answer within 1s" {
			t.Errorf("%+v", got)
		}
	})
}

// Metrics on one page are read with one call; what another service tells is the
// service's, and nobody's in particular.
func TestOnePageForAllItsMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metric := func(series string) scenarios.MetricSource {
			return scenarios.MetricSource{Exposition: &scenarios.Exposition{Service: "api", Series: series, Combine: "max"}, Every: seconds(1)}
		}
		plan := &scenarios.Plan{Tempo: 1, Services: map[string]scenarios.PlannedService{
			"api":    {Port: 80, Metrics: map[string]scenarios.MetricSource{"depth": metric("queue_depth")}},
			"worker": {Metrics: map[string]scenarios.MetricSource{"backlog": metric("queue_depth"), "age": metric("queue_age")}},
		}}
		r := newRun(t, plan)
		r.cluster.add("api", 2, true)
		r.cluster.add("worker", 1, true)
		var fetched atomic.Int32
		r.cluster.page = func(string) ([]byte, error) { fetched.Add(1); return []byte("queue_depth 12\nqueue_age 3.5\n"), nil }
		r.begin()
		r.until(2500 * time.Millisecond)
		if fetched.Load() != 3*2 {
			t.Errorf("%d pages were fetched in 3 readings", fetched.Load())
		}
		for name, want := range map[string]float64{"backlog": 12, "age": 3.5} {
			if got := r.service("worker").reading(name, glance(r.service("worker"))); got.Value != want || got.Each != nil || got.Err != nil || !got.At.Equal(epoch.Add(2*time.Second)) {
				t.Errorf("%s: %+v", name, got)
			}
		}
		if got := r.service("api").reading("depth", glance(r.service("api"))); len(got.Each) != 2 {
			t.Errorf("%+v", got)
		}
		if got := all[journal.Measured](r); len(got) != 9 || got[0].Body.Value != 12 {
			t.Errorf("%+v", got)
		}
		r.end()
	})
}

// asked is what a poll makes of an answer.
func asked(t *testing.T, handler http.HandlerFunc, read func(address string) (found, error)) (found, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	return read(server.Listener.Addr().String())
}

func TestHTTPMetrics(t *testing.T) {
	huge := `{"depth": 1, "rest": "` + strings.Repeat("x", mostAnswer) + `"}`
	for name, c := range map[string]struct {
		request, path string
		status        int
		body          string
		value         float64
		err           string
	}{
		"a number":        {"GET api/stats?queue=orders", "$.queues[0].depth", 200, `{"queues": [{"depth": 12.5}]}`, 12.5, ""},
		"nothing there":   {"GET api/stats", "$.depth", 200, `{"deep": 1}`, 0, `GET api/stats: nothing at $.depth in the answer, which begins with "{\"deep\": 1}"`},
		"no number":       {"GET api/stats?token=geheim", "$.depth", 200, `{"depth": "12"}`, 0, "GET api/stats: what stands at $.depth is no number"},
		"null":            {"GET api/stats", "$.depth", 200, `{"depth": null}`, 0, "is no number"},
		"no JSON":         {"GET api/stats", "$.depth", 200, `<html>`, 0, "is not JSON"},
		"empty":           {"GET api/stats", "$.depth", 200, ``, 0, "is not JSON"},
		"an error":        {"GET api/stats", "$.depth", 503, `{"depth": 1}`, 0, "status 503"},
		"a redirect":      {"GET api/stats", "$.depth", 302, ``, 0, "status 302"},
		"huge":            {"GET api/stats", "$.depth", 200, huge, 0, "more than 524288 bytes; ask for less"},
		"not quite huge":  {"GET api/stats", "$.depth", 200, huge[len(huge)-mostAnswer:], 0, "is not JSON"},
		"a path of none":  {"GET api/stats", "depth", 200, `{"depth": 1}`, 0, "is not a JSON path"},
		"another service": {"GET web/stats", "$.depth", 200, `{"depth": 1}`, 0, "service web cannot be reached: give it a port"},
		"no request":      {"POST api/stats", "$.depth", 200, `{"depth": 1}`, 0, "write it like GET service/path"},
		"no service":      {"GET /stats", "$.depth", 200, `{"depth": 1}`, 0, "write it like GET service/path"},
		"no path":         {"GET api", "$.depth", 200, `{"depth": 1}`, 0, "write it like GET service/path"},
		"beyond a float":  {"GET api/stats", "$.depth", 200, `{"depth": 1e999}`, 0, "is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := asked(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Host != "api" || r.Header.Get("X-Key") != "k" || r.Header.Get("Accept") != "application/json" || !r.Close {
					t.Errorf("asked %s with %v, to close: %v", r.Host, r.Header, r.Close)
				}
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}, func(address string) (found, error) {
				return newHTTPMetric(scenarios.HTTPMetric{Request: c.request, Value: c.path, Headers: map[string]string{"x-key": "k"}})(t.Context(), map[string]string{"api": address})
			})
			if f.value != c.value || (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "geheim")) {
				t.Errorf("%v, %v", f.value, err)
			}
		})
	}
}

// What did not come whole is no value, and why it did not is told without what is
// in the URL.
func TestAnAnswerThatDoesNotCome(t *testing.T) {
	read := newHTTPMetric(scenarios.HTTPMetric{Request: "GET api/stats?token=geheim", Value: "$.depth", Headers: map[string]string{"host": "shop.example"}})
	over := errors.New("the run is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	for name, c := range map[string]struct {
		ctx    context.Context
		length string // that the answer has, as it says
		body   string
		want   string
	}{
		"cut off":    {t.Context(), "100", `{"depth": 1}`, "GET api/stats: no answer: unexpected EOF"},
		"called off": {ctx, "12", `{"depth": 1}`, "GET api/stats: the run is over"},
		"long":       {t.Context(), "5000", strings.Repeat("x", 5000), "GET api/stats: the answer is not JSON: invalid character 'x' looking for beginning of value; it begins with \"" + strings.Repeat("x", mostExcerpt) + "\""},
	} {
		f, err := asked(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "shop.example" {
				t.Errorf("asked %s", r.Host)
			}
			w.Header().Set("Content-Length", c.length)
			_, _ = w.Write([]byte(c.body))
		}, func(address string) (found, error) { return read(c.ctx, map[string]string{"api": address}) })
		if f.value != 0 || err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, %v; want %s", name, f.value, err, c.want)
		}
	}
	_, err := read(t.Context(), map[string]string{"api": "127.0.0.1:1"})
	if err == nil || !strings.HasPrefix(err.Error(), "GET api/stats: no answer: dial tcp 127.0.0.1:1: ") {
		t.Errorf("nobody listens: %v", err)
	}
}

// A run asks its sources, beginning at once, and leaves nothing behind.
func TestARunAsksItsSources(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"depth": 3}`)) }))
	defer server.Close()
	measured := make(chan journal.Measured, 10)
	plan := planOf(1, scenarios.PlannedService{Port: 80, Metrics: map[string]scenarios.MetricSource{
		"depth": {HTTP: &scenarios.HTTPMetric{Request: "GET api/", Value: "$.depth"}},
		"rate":  {PromQL: &scenarios.PromQLMetric{Query: "1", From: "nobody"}},
	}})
	c := clock.Start()
	fake := newCluster(c)
	fake.targets = map[string]string{"api": server.Listener.Addr().String()}
	controller := New(Config{Plan: plan, Cluster: fake, Clock: c, Emit: func(b journal.Body) { measured <- b.(journal.Measured) }})
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- controller.Run(ctx) }()
	for range 2 {
		if m := <-measured; m.Service != "api" || (m.Metric == "depth") != (m.Value == 3) || (m.Metric == "rate") != strings.Contains(m.Error, "nobody cannot be reached") {
			t.Errorf("%+v", m)
		}
	}
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// A source that does not answer is given up.
func TestASourceThatHangs(t *testing.T) {
	release := make(chan struct{})
	_, err := asked(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}, func(address string) (found, error) {
		defer close(release)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("no answer within 1s"))
		return newHTTPMetric(scenarios.HTTPMetric{Request: "GET api/", Value: "$"})(ctx, map[string]string{"api": address})
	})
	if err == nil || err.Error() != "GET api/: no answer within 1s" {
		t.Error(err)
	}
	_, err = newHTTPMetric(scenarios.HTTPMetric{Request: "GET api/", Value: "$"})(t.Context(), map[string]string{"api": "127.0.0.1:1"})
	if err == nil || !strings.Contains(err.Error(), "GET api/: no answer: ") || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
}

func TestPromQL(t *testing.T) {
	const query = `sum by (pod) (rate(jobs{queue="orders"}[1m]))`
	success := func(kind, result string) string {
		return `{"status":"success","data":{"resultType":"` + kind + `","result":` + result + `}}`
	}
	for name, c := range map[string]struct {
		status int
		body   string
		value  float64
		each   string
		err    string
	}{
		"a scalar":       {200, success("scalar", `[1700000000.1,"12.5"]`), 12.5, "map[]", ""},
		"a vector":       {200, success("vector", `[{"metric":{},"value":[1,"3"]},{"metric":{"queue":"x"},"value":[1,"4"]}]`), 7, "map[]", ""},
		"of instances":   {200, success("vector", `[{"metric":{"instance":"api-1:8080"},"value":[1,"3"]},{"metric":{"instance":"api-1:9090"},"value":[1,"1"]},{"metric":{"instance":"api-2:8080"},"value":[1,"4"]}]`), 8, "map[api-1:4 api-2:4]", ""},
		"of pods":        {200, success("vector", `[{"metric":{"instance":"10.0.0.1:8080","pod":"api-1"},"value":[1,"3"]}]`), 3, "map[api-1:3]", ""},
		"nothing":        {200, success("vector", `[]`), 0, "map[]", "the result is empty; try the query in Prometheus"},
		"not known":      {200, success("vector", `[{"metric":{},"value":[1,"NaN"]}]`), 0, "map[]", "has the value NaN"},
		"no number":      {200, success("scalar", `[1,"many"]`), 0, "map[]", "is no number"},
		"a matrix":       {200, success("matrix", `[]`), 0, "map[]", "the result is a matrix; ask for"},
		"half a vector":  {200, success("vector", `{}`), 0, "map[]", "the vector in the answer is none"},
		"half a scalar":  {200, success("scalar", `7`), 0, "map[]", "the scalar in the answer is none"},
		"a bad query":    {400, `{"status":"error","errorType":"bad_data","error":"1:5: parse error"}`, 0, "map[]", "query prometheus for " + query + ": it answers: 1:5: parse error"},
		"something else": {404, `<html>`, 0, "map[]", `status 404, body "<html>"`},
		"no Prometheus":  {200, `{"hello": "there"}`, 0, "map[]", "that is no answer of a Prometheus"},
		"huge":           {200, strings.Repeat("x", mostAnswer+1), 0, "map[]", "more than 524288 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, from := range []string{"service", "target"} {
				f, err := asked(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != "/api/v1/query" || r.URL.Query().Get("query") != query {
						t.Errorf("asked for %s", r.RequestURI)
					}
					w.WriteHeader(c.status)
					_, _ = w.Write([]byte(c.body))
				}, func(address string) (found, error) {
					targets, planned := map[string]string{"prometheus": address}, map[string]scenarios.PlannedTarget(nil)
					if from == "target" {
						targets, planned = nil, map[string]scenarios.PlannedTarget{"prometheus": {Address: address, Host: "prometheus"}}
					}
					return newPromQL(scenarios.PromQLMetric{From: "prometheus", Query: query}, planned)(t.Context(), targets)
				})
				if f.value != c.value || fmt.Sprint(f.each) != c.each || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("%s: %+v, %v", from, f, err)
				}
			}
		})
	}
	_, err := newPromQL(scenarios.PromQLMetric{From: "nobody"}, nil)(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "nobody cannot be reached: give the service a port, or name a target") {
		t.Error(err)
	}
}

// A service of the stack goes before a target of the same name.
func TestPromQLOfAService(t *testing.T) {
	f, err := asked(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"3"]}}`))
	}, func(address string) (found, error) {
		planned := map[string]scenarios.PlannedTarget{"prometheus": {Address: "127.0.0.1:1", Host: "elsewhere"}}
		return newPromQL(scenarios.PromQLMetric{From: "prometheus", Query: "jobs"}, planned)(t.Context(), map[string]string{"prometheus": address})
	})
	if f.value != 3 || err != nil {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestPromQLOverTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`))
	}))
	defer server.Close()
	server.Config.ErrorLog = nil
	read := newPromQL(scenarios.PromQLMetric{From: "prometheus"}, map[string]scenarios.PlannedTarget{
		"prometheus": {Address: server.Listener.Addr().String(), Host: "example.com", TLS: true, CA: writeCA(t, server)},
	})
	if f, err := read(t.Context(), nil); f.value != 1 || err != nil {
		t.Errorf("%+v, %v", f, err)
	}
	for ca, want := range map[string]string{"sources_test.go": "holds no certificate", "nowhere.pem": "read the ca"} {
		read = newPromQL(scenarios.PromQLMetric{From: "p"}, map[string]scenarios.PlannedTarget{"p": {Address: "127.0.0.1:1", TLS: true, CA: ca}})
		if _, err := read(t.Context(), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ca, err)
		}
	}
}

// What is no number is never a value, whatever source it comes from.
func TestSeriesHaveNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, planOf(1, tracked()))
		r.cluster.add("api", 1, true)
		s := newSeries(r.Controller, "api", "jobs", scenarios.MetricSource{})
		if got := s.reading(0); got.Err == nil || got.Err.Error() != "jobs has not been read yet" {
			t.Errorf("%+v", got)
		}
		s.take(found{value: math.Inf(1), each: map[string]float64{"api-1": math.NaN(), "web-1": 3}}, nil)
		if got := s.reading(0); got.Err == nil || got.Each != nil {
			t.Errorf("%+v", got)
		}
		s.take(found{value: 7, each: map[string]float64{"api-1": 7}}, nil)
		time.Sleep(3 * time.Second)
		s.take(found{}, errNoRateYet)
		if got := s.reading(3 * time.Second); got.Value != 7 || got.Each["api-1"] != 7 || got.Err != nil {
			t.Errorf("after 3 s %+v", got)
		}
		if got := s.reading(3*time.Second + 1); got.Err == nil || got.Each != nil {
			t.Errorf("later %+v", got)
		}
		if got := all[journal.Measured](r); len(got) != 2 || got[0].Body.Error == "" || got[1].Body.Value != 7 {
			t.Errorf("%+v", got)
		}
	})
}

// writeCA is the file of a server's certificate.
func writeCA(t *testing.T, server *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
