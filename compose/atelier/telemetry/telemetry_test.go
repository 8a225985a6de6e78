package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

func page(m *telemetry.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func wantSeries(t *testing.T, when string, m *telemetry.Metrics, series ...string) {
	t.Helper()
	text := page(m)
	for _, want := range series {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s: no %s in\n%s", when, want, text)
		}
	}
}

// What an autoscaler reads: it is there before the first request, follows the
// requests, and with the defect stays as it was.
func TestRequestsAreShown(t *testing.T) {
	for _, tt := range []struct {
		name            string
		stuck           bool
		inside, counted string
	}{
		{"healthy", false, "1", "1"},
		{"scale-metric-stuck", true, "0", "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := telemetry.New("api")
			m.Stuck = tt.stuck
			mux := http.NewServeMux()
			mux.HandleFunc("GET /x/{id}", func(http.ResponseWriter, *http.Request) {
				wantSeries(t, "inside", m, `http_requests_in_flight{service="api"} `+tt.inside)
			})
			handler := m.Instrument(mux)
			wantSeries(t, "before", m, `http_requests_total{code="404",method="GET",route="none",service="api"} 0`)
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x/1", nil))
			wantSeries(t, "after", m, `http_requests_in_flight{service="api"} 0`,
				`http_requests_total{code="200",method="GET",route="/x/{id}",service="api"} `+tt.counted)
			if m.InFlight() != 0 {
				t.Errorf("%d in flight", m.InFlight())
			}
		})
	}
}

func TestGaugesWithLabels(t *testing.T) {
	m := telemetry.New("api")
	for n, queue := range []string{"a", "b"} {
		m.Gauge("queue_depth", "Jobs.", func() float64 { return float64(n) }, "queue", queue)
	}
	wantSeries(t, "both", m, `queue_depth{queue="a",service="api"} 0`, `queue_depth{queue="b",service="api"} 1`)
}

// What alerts on errors are about: with the defect nobody can tell one answer from
// another.
func TestAnswersAreToldApart(t *testing.T) {
	for _, unlabelled := range []bool{false, true} {
		m := telemetry.New("api")
		m.Unlabelled = unlabelled
		mux := http.NewServeMux()
		mux.HandleFunc("GET /x", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		m.Instrument(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x", nil))
		want := []string{`http_requests_total{code="502",method="GET",route="/x",service="api"} 1`, `http_request_duration_seconds_count{method="GET",route="/x",service="api"} 1`}
		if unlabelled {
			want = []string{`http_requests_total{code="",method="GET",route="",service="api"} 1`, `http_request_duration_seconds_count{method="GET",route="",service="api"} 1`}
		}
		wantSeries(t, "after", m, want...)
	}
}

// The page outlives failures of the service, but for the defect: then it is gone with
// the first answer that is the service's own failure, and for good.
func TestThePageOutlivesFailures(t *testing.T) {
	for _, tt := range []struct {
		stops bool
		code  int
		gone  bool
	}{
		{false, 503, false}, {true, 404, false}, {true, 499, false}, {true, 500, true}, {true, 503, true},
	} {
		m := telemetry.New("api")
		m.Stops = tt.stops
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", m.Handler())
		mux.Handle("GET /x", m.Instrument(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(tt.code) })))
		server := httptest.NewServer(mux)
		defer server.Close()
		for range 2 {
			response, err := http.Get(server.URL + "/x")
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			response, err = http.Get(server.URL + "/metrics")
			if (err != nil) != tt.gone {
				t.Errorf("stops %v, after %d: %v", tt.stops, tt.code, err)
			}
			if err == nil {
				response.Body.Close()
			}
		}
	}
}

func TestHistogramsHaveTheirBuckets(t *testing.T) {
	m := telemetry.New("api")
	m.Histogram("call_seconds", "Calls.", .1, 1).Observe(.5)
	wantSeries(t, "one", m, `call_seconds_bucket{service="api",le="0.1"} 0`, `call_seconds_bucket{service="api",le="1"} 1`)
}
