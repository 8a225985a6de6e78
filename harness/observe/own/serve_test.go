package own

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// full is metrics with a series of each metric.
func full() *Metrics {
	m := New(atelier())
	for _, r := range rows {
		if r.metric == "shakedown_series_dropped_total" || r.metric == "shakedown_traffic_active" {
			continue // the one is long, the other ends traffic
		}
		for _, e := range r.events {
			m.Observe(e)
		}
	}
	m.Observe(journal.Event{T: 1 << 40, Body: sent})
	m.Observe(journal.Event{T: 1 << 40, Body: session})
	m.Observe(journal.Event{T: 1 << 40, Body: ourselves})
	for _, b := range []journal.Body{started, used, tally, journal.ScrapeChanged{Service: "api", Instance: "api-1", Up: true}, journal.Measured{Service: "api", Metric: "depth"}} {
		m.Observe(journal.Event{T: 1 << 41, Body: b})
	}
	return m
}

func TestThePageCanBeReadAndHasEveryMetric(t *testing.T) {
	m := full()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK || !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("status %d, %s", answer.Code, answer.Header().Get("Content-Type"))
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		f := families[r.metric]
		if f == nil {
			t.Errorf("%s is not on the page", r.metric)
		} else if f.GetHelp() == "" {
			t.Errorf("%s has no words of help", r.metric)
		}
	}
}

func TestThePageIsOpenMetricsForThoseWhoAskForIt(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	answer := httptest.NewRecorder()
	full().Handler().ServeHTTP(answer, request)
	if kind := answer.Header().Get("Content-Type"); !strings.HasPrefix(kind, "application/openmetrics-text") {
		t.Errorf("it is %s", kind)
	}
	page := answer.Body.String()
	if !strings.HasSuffix(page, "# EOF\n") {
		t.Error("the page has no end")
	}
	// a counter keeps its name: nothing is called _total_total, or loses it
	if !strings.Contains(page, "# TYPE shakedown_requests counter\n") || !strings.Contains(page, "\nshakedown_requests_total{") {
		t.Error("shakedown_requests_total is not a counter as OpenMetrics has it")
	}
}

func TestThePageCanOnlyBeRead(t *testing.T) {
	answer := httptest.NewRecorder()
	New(nil).Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/metrics", nil))
	if answer.Code != http.StatusMethodNotAllowed || answer.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("status %d, Allow %q", answer.Code, answer.Header().Get("Allow"))
	}
}

// accepted are complaints of the linter that are not taken up, with the reason.
var accepted = map[promlint.Problem]string{
	{Metric: "shakedown_request_duration_seconds", Text: `non-summary metrics should not have "quantile" label`}: "the driver knows quantiles and not sums: a summary would need a sum, and cumulative quantiles",
	{Metric: "shakedown_session_duration_seconds", Text: `non-summary metrics should not have "quantile" label`}: "the same",
}

func TestTheLinterOfPrometheusHasNothingToSay(t *testing.T) {
	problems, err := testutil.GatherAndLint(full())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if accepted[p] == "" {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	for p := range accepted {
		if !slices.Contains(problems, p) {
			t.Errorf("%s: the complaint %q is accepted, and nobody makes it", p.Metric, p.Text)
		}
	}
}

func TestMetricsFitIntoARegistryOfSomebodyElse(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(full()); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}

func TestMetricsAreServedUntilTheEndOfTheRun(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		ctx, end := context.WithCancel(t.Context())
		bound, wait, err := full().Serve(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: &http.Transport{}}
		for path, want := range map[string]int{"/metrics": http.StatusOK, "/": http.StatusNotFound} {
			resp, err := client.Get("http://" + bound + path)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
			}
			if want == http.StatusOK && !strings.Contains(string(body), "shakedown_requests_total{") {
				t.Errorf("%s has no metrics", path)
			}
		}
		end()
		for range 2 { // it may be asked again
			if err := wait(); err != nil {
				t.Errorf("at the end: %v", err)
			}
		}
		client.CloseIdleConnections()
		if _, err := net.Dial("tcp", bound); err == nil {
			t.Errorf("%s still answers", bound)
		}
	}
}

func TestServingEndsThoughAClientHangsOn(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	bound, wait, err := New(nil).Serve(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", bound)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: run\r\n\r\nGET /met"); err != nil { // one whole request, and a half
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	end()
	if err := wait(); err != nil {
		t.Errorf("at the end: %v", err)
	}
}

func TestMetricsAreServedOnLoopbackAlone(t *testing.T) {
	for address, want := range map[string]string{
		":9464":              "not on loopback",
		"0.0.0.0:9464":       "not on loopback",
		"[::]:9464":          "not on loopback",
		"192.168.1.1:9464":   "not on loopback",
		"example.com:9464":   "not on loopback",
		"127.0.0.1":          "has no port",
		"127.0.0.1:http-alt": "is no port",
		"127.0.0.1:70000":    "is no port",
		"127.0.0.1:-1":       "is no port",
		"":                   "has no port",
	} {
		_, wait, err := New(nil).Serve(t.Context(), address)
		if err == nil || wait != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "serve the metrics of the run") {
			t.Errorf("%q: %v, want a sentence with %q", address, err, want)
		}
	}
}

func TestAnAddressThatIsTakenIsAnError(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, _, err := New(nil).Serve(t.Context(), taken.Addr().String()); err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("%v, want an error with the address", err)
	}
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for address, fine := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		"10.0.0.1:1": false, "0.0.0.0:1": false, "[::]:1": false, "name:1": false,
	} {
		if err := onlyLoopback("tcp", address, nil); (err == nil) != fine {
			t.Errorf("%s: %v", address, err)
		}
	}
}
