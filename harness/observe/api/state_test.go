package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/api"
	"github.com/shakedown-dev/shakedown/harness/observe/api/apitest"
)

// get asks, and returns the member data of the answer.
func get(t *testing.T, server http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	var answer struct{ Data, Error json.RawMessage }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		return w.Code, w.Body.String()
	}
	return w.Code, string(answer.Data) + string(answer.Error)
}

func TestWithoutATimeAQueryIsAboutNow(t *testing.T) {
	server := api.Handler(api.Source{Engine: apitest.Engine(t), Queryable: apitest.Load(t, "testdata")}, api.Info{Now: second(12)})
	if _, got := get(t, server, "/api/v1/query?query=time()"); got != `{"resultType":"scalar","result":[12,"12"]}` {
		t.Error(got)
	}
	server = api.Handler(api.Source{Engine: apitest.Engine(t), Queryable: apitest.Load(t, "testdata")}, api.Info{})
	if _, got := get(t, server, "/api/v1/query?query=time()>bool+1.7e9"); !strings.HasSuffix(got, `"1"]}`) {
		t.Errorf("without a time of its own, now is not now: %s", got)
	}
}

func TestLimitsKeepTheFirstInOrder(t *testing.T) {
	server := api.Handler(api.Source{Engine: apitest.Engine(t), Queryable: apitest.Load(t, "testdata")}, api.Info{})
	if _, got := get(t, server, "/api/v1/label/kind/values?limit=2"); got != `["gaps","huge"]` {
		t.Error(got)
	}
	if _, got := get(t, server, "/api/v1/series?limit=1&match[]=up"); !strings.Contains(got, "api-1") || strings.Contains(got, "api-2") {
		t.Error(got)
	}
}

// Rules and alerts can be asked for as they were.
func TestAlertsAreThoseOfTheTimeThatIsAsked(t *testing.T) {
	server := api.Handler(api.Source{}, api.Info{Now: second(40), History: history()})
	for at, want := range map[string][]string{
		"22": {}, "23": {"ErrorsHigh pending"}, "25": {"InstanceDown pending", "ErrorsHigh firing"}, "30.999": {"InstanceDown pending", "ErrorsHigh firing"},
		"31": {"ErrorsHigh firing"}, "": {"ErrorsHigh firing"},
	} {
		_, data := get(t, server, "/api/v1/alerts?time="+at)
		var answer struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
		if err := json.Unmarshal([]byte(data), &answer); err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, a := range answer.Alerts {
			got = append(got, a.Labels["alertname"]+" "+a.State)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("at %s: %q, want %q", at, got, want)
		}
	}
	for _, path := range []string{"alerts", "rules", "targets"} {
		if code, got := get(t, server, "/api/v1/"+path+"?time=x"); code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, code, got)
		}
	}
}

func TestTwoRulesOfOneNameHaveTheirOwnAlerts(t *testing.T) {
	server := api.Handler(api.Source{}, api.Info{Now: second(40), History: history()})
	_, data := get(t, server, "/api/v1/rules?rule_name[]=ErrorsHigh")
	if strings.Count(data, `"state":"firing"`) != 2 || !strings.Contains(data, `"state":"inactive"`) { // of the one rule, and of its alert
		t.Error(data)
	}
}

func TestEventsMayComeOutOfOrder(t *testing.T) {
	h := api.NewHistory(time.Unix(0, 0))
	change := func(at int, from, to string) {
		h.Observe(journal.Event{T: time.Duration(at) * time.Second, Body: journal.AlertChanged{Group: "g", Alert: "A", From: from, To: to}})
	}
	change(9, journal.AlertFiring, journal.AlertInactive)
	change(5, journal.AlertInactive, journal.AlertPending)
	change(5, journal.AlertPending, journal.AlertFiring)
	h.Observe(journal.Event{Body: journal.RulesLoaded{Rules: []journal.Rule{{Group: "g", Alert: "A", Expr: "up"}}}})
	server := api.Handler(api.Source{}, api.Info{Now: second(10), History: h})
	for at, want := range map[string]string{"4": "inactive", "5": "firing", "9": "inactive"} {
		if _, got := get(t, server, "/api/v1/rules?exclude_alerts=true&time="+at); !strings.Contains(got, `"state":"`+want) {
			t.Errorf("at %s: %s, want %s", at, got, want)
		}
	}
}

func TestTargetsAreInstances(t *testing.T) {
	h := api.NewHistory(time.Unix(0, 0))
	h.Observe(journal.Event{T: 3 * time.Second, Body: journal.ScrapeChanged{Service: "api", Instance: "api-2", Error: "status 500"}})
	h.Observe(journal.Event{T: 2 * time.Second, Body: journal.ScrapeChanged{Service: "api", Instance: "api-1", Up: true, Series: 5}})
	server := api.Handler(api.Source{}, api.Info{Now: second(10), History: h})
	_, data := get(t, server, "/api/v1/targets")
	var got struct {
		ActiveTargets []struct {
			Labels                        map[string]string
			Health, LastError, LastScrape string
		}
	}
	if err := json.Unmarshal([]byte(data), &got); err != nil {
		t.Fatal(err)
	}
	want := `[{map[instance:api-1 job:api service:api] up  1970-01-01T00:00:02Z} {map[instance:api-2 job:api service:api] down status 500 1970-01-01T00:00:03Z}]`
	if fmt.Sprint(got.ActiveTargets) != want {
		t.Errorf("\n got %v\nwant %v", got.ActiveTargets, want)
	}
	for query, n := range map[string]int{"state=dropped": 0, "scrapePool=api": 2, "scrapePool=web": 0, "state=active&time=2": 1} {
		if _, data := get(t, server, "/api/v1/targets?"+query); strings.Count(data, `"scrapePool"`) != n {
			t.Errorf("%s: %s", query, data)
		}
	}
}

func TestMetadataIsOfWhatWasExported(t *testing.T) {
	h := api.NewHistory(time.Unix(0, 0))
	for _, e := range []journal.Exported{
		{Service: "a", Metric: "x", Type: "counter"}, {Service: "b", Metric: "x", Type: "counter"}, {Service: "b", Metric: "y"},
		{Service: "c", Metric: "x", Type: "gauge"},
	} {
		h.Observe(journal.Event{T: time.Hour, Body: e}) // it is written when the run is over
	}
	server := api.Handler(api.Source{}, api.Info{Now: second(10), History: h})
	for query, want := range map[string]string{
		"":                     `{"x":[{"type":"counter","help":"","unit":""},{"type":"gauge","help":"","unit":""}],"y":[{"type":"unknown","help":"","unit":""}]}`,
		"?metric=y":            `{"y":[{"type":"unknown","help":"","unit":""}]}`,
		"?limit=1":             `{"x":[{"type":"counter","help":"","unit":""},{"type":"gauge","help":"","unit":""}]}`,
		"?limit=0":             `{}`,
		"?limit_per_metric=1":  `{"x":[{"type":"counter","help":"","unit":""}],"y":[{"type":"unknown","help":"","unit":""}]}`,
		"?limit=x":             `"limit must be a number"`,
		"?limit_per_metric=1x": `"limit_per_metric must be a number"`,
	} {
		if _, got := get(t, server, "/api/v1/metadata"+query); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
}

func TestTheVersionIsThatOfTheEngine(t *testing.T) {
	module, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, data := get(t, api.Handler(api.Source{}, api.Info{}), "/api/v1/status/buildinfo")
	var info struct{ Version string }
	if err := json.Unmarshal([]byte(data), &info); err != nil {
		t.Fatal(err)
	}
	want := "github.com/prometheus/prometheus v0.3" + strings.TrimPrefix(info.Version, "3.")
	if !strings.Contains(string(module), want+"\n") {
		t.Errorf("%s in the answer, which is not in go.mod", want)
	}
}

func TestWhatElseIsAnswered(t *testing.T) {
	server := api.Handler(api.Source{}, api.Info{})
	for path, code := range map[string]int{
		"/-/ready": 200, "/-/healthy": 200, "/api/v1/alertmanagers": 200, "/api/v1/status/walreplay": 200,
		"/api/v1/rules": 200, "/api/v1/alerts": 200, "/api/v1/targets": 200, "/api/v1/metadata": 200,
		"/": 404, "/api/v1/admin/tsdb/delete_series": 404, "/api/v1/nothing": 404,
	} {
		if got, body := get(t, server, path); got != code {
			t.Errorf("%s: %d, want %d: %s", path, got, code, body)
		}
	}
}

func TestOnlyLoopbackIsListenedAtAndAnswered(t *testing.T) {
	answered := api.OnlyLoopback(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, good := range map[string]bool{
		"127.0.0.1": true, "127.8.0.1": true, "localhost": true, "[::1]": true, "0.0.0.0": false, "[::]": false, "192.168.1.5": false,
		"example.org": false, "localhost.example.org": false,
	} {
		if err := api.CheckLoopback(host + ":9090"); (err == nil) != good {
			t.Errorf("listen at %s: %v", host, err)
		}
		for _, name := range []string{host, host + ":9090"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Host = name
			w := httptest.NewRecorder()
			answered.ServeHTTP(w, r)
			if (w.Code == http.StatusOK) != good {
				t.Errorf("a request to %s: %d", name, w.Code)
			}
		}
	}
	for _, address := range []string{"", ":9090", "9090", "localhost"} {
		if api.CheckLoopback(address) == nil {
			t.Errorf("%q is listened at", address)
		}
	}
}

// Whatever is asked, the answer is JSON in Prometheus' form, and its code fits it.
func FuzzParameters(f *testing.F) {
	for _, seed := range [][4]string{
		{"up", "10", "5s", "3"}, {"1", "1970-01-01T00:00:10Z", "1e19", "-1"}, {"sum(", "x", "", ""}, {`"a"`, "NaN", "Inf", "0"},
		{"up[5s]", "-1e300", "-1s", "9999999999999999999"}, {"-Inf", "1e308", "1ms", "1"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	server := api.Handler(api.Source{Engine: apitest.Engine(f), Queryable: apitest.Load(f, "testdata")}, api.Info{Now: second(30), History: history()})
	f.Fuzz(func(t *testing.T, query, at, step, limit string) {
		form := url.Values{
			"query": {query}, "match[]": {query}, "time": {at}, "start": {at}, "end": {"30"}, "step": {step}, "timeout": {"1s"}, "lookback_delta": {step},
			"limit": {limit}, "group_limit": {limit}, "group_next_token": {query}, "type": {query}, "exclude_alerts": {limit},
		}
		for _, path := range []string{"query", "query_range", "series", "labels", "label/instance/values", "rules", "alerts", "targets", "metadata", "format_query"} {
			w := httptest.NewRecorder()
			server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/"+path+"?"+form.Encode(), nil))
			var answer struct{ Status, ErrorType, Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatalf("%s: %v: %s", path, err, w.Body)
			}
			good := answer.Status == "success" && answer.ErrorType == "" && w.Code == http.StatusOK
			bad := answer.Status == "error" && answer.ErrorType != "" && answer.Error != "" && w.Code >= 400
			if !good && !bad {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}
