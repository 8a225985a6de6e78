package own

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A received is one push as a collector sees it.
type received struct {
	path, kind, encoding, secret string
	resource                     map[string]string
	metrics                      map[string]*metricspb.Metric
}

// collects is a collector that hands on what it gets; status is its answer.
func collects(t *testing.T, status int) (address string, pushes <-chan received) {
	got := make(chan received, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a push: %v", err)
		}
		got <- decoded(t, r, body)
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func decoded(t *testing.T, r *http.Request, body []byte) received {
	var request collectorpb.ExportMetricsServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		t.Errorf("a push that is not OTLP: %v", err)
	}
	p := received{
		path: r.URL.Path, kind: r.Header.Get("Content-Type"), encoding: r.Header.Get("Content-Encoding"), secret: r.Header.Get("X-Secret"),
		resource: map[string]string{}, metrics: map[string]*metricspb.Metric{},
	}
	for _, rm := range request.GetResourceMetrics() {
		for _, a := range rm.GetResource().GetAttributes() {
			p.resource[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, sm := range rm.GetScopeMetrics() {
			for _, m := range sm.GetMetrics() {
				p.metrics[m.GetName()] = m
			}
		}
	}
	return p
}

// exporting runs Export until end is called, which gives its error.
func exporting(t *testing.T, cfg Config) (end func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Export(ctx, cfg) }()
	t.Cleanup(cancel)
	return func() error {
		cancel()
		return <-ended
	}
}

func TestACollectorGetsTheSameMetrics(t *testing.T) {
	address, pushes := collects(t, http.StatusOK)
	m := full()
	end := exporting(t, Config{Endpoint: address, Every: time.Hour, Gatherer: m, Run: "r1", Scenario: "surge"})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	p := <-pushes
	if p.path != "/v1/metrics" || p.kind != "application/x-protobuf" || p.encoding != "" {
		t.Errorf("path %s, type %s, encoding %q", p.path, p.kind, p.encoding)
	}
	for key, want := range map[string]string{"service.name": "shakedown", "shakedown.run": "r1", "shakedown.scenario": "surge"} {
		if p.resource[key] != want {
			t.Errorf("%s is %q, want %q", key, p.resource[key], want)
		}
	}
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		same(t, f, p.metrics[f.GetName()])
	}
	if len(p.metrics) != len(families) {
		t.Errorf("%d metrics came, %d were gathered", len(p.metrics), len(families))
	}
}

// same holds what came of a metric to what was gathered: its kind, and its total.
func same(t *testing.T, f *dto.MetricFamily, m *metricspb.Metric) {
	t.Helper()
	if m.GetDescription() != f.GetHelp() {
		t.Errorf("%s: described as %q", f.GetName(), m.GetDescription())
	}
	var want, got float64
	for _, s := range f.GetMetric() {
		want += s.GetCounter().GetValue() + s.GetGauge().GetValue() + float64(s.GetHistogram().GetSampleCount())
	}
	for _, d := range m.GetGauge().GetDataPoints() {
		got += d.GetAsDouble()
	}
	for _, d := range m.GetSum().GetDataPoints() {
		got += d.GetAsDouble()
	}
	for _, d := range m.GetHistogram().GetDataPoints() {
		got += float64(d.GetCount())
	}
	if !near(got, want) {
		t.Errorf("%s: %v came, %v was gathered", f.GetName(), got, want)
	}
	if counter := f.GetType() == dto.MetricType_COUNTER; counter != m.GetSum().GetIsMonotonic() {
		t.Errorf("%s: a counter: %v, monotonic: %v", f.GetName(), counter, m.GetSum().GetIsMonotonic())
	}
}

func TestMetricsAreSentAgainAndAgainAndAtTheEnd(t *testing.T) {
	address, pushes := collects(t, http.StatusOK)
	m := New(nil)
	end := exporting(t, Config{Endpoint: address + "/base/", Every: time.Millisecond, Gatherer: m})
	for range 3 {
		if p := <-pushes; p.path != "/base/v1/metrics" {
			t.Errorf("sent to %s", p.path)
		}
	}
	m.Observe(journal.Event{T: time.Second, Body: journal.StopTriggered{}})
	if err := end(); err != nil {
		t.Error(err)
	}
	var last received
	for len(pushes) > 0 {
		last = <-pushes
	}
	points := last.metrics["shakedown_stops_total"].GetSum().GetDataPoints()
	if len(points) != 1 || points[0].GetAsDouble() != 1 {
		t.Errorf("the last push does not have what happened before the end: %v", points)
	}
}

func TestACollectorThatRefusesCostsARemark(t *testing.T) {
	address, pushes := collects(t, http.StatusServiceUnavailable)
	end := exporting(t, Config{Endpoint: address, Every: time.Hour, Gatherer: New(nil)})
	err := end()
	if err == nil || !strings.Contains(err.Error(), "1 of 1 pushes failed") || !strings.Contains(err.Error(), strings.TrimPrefix(address, "http://")) {
		t.Errorf("%v, want how many failed, and where", err)
	}
	if len(pushes) != 1 {
		t.Errorf("%d pushes, want one: none is repeated", len(pushes))
	}
}

func TestACollectorThatIsNotThereCostsARemark(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	end := exporting(t, Config{Endpoint: address, Every: time.Hour, Gatherer: New(nil)})
	if err := end(); err == nil || !strings.Contains(err.Error(), "1 of 1 pushes failed") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v, want how many failed, and why", err)
	}
}

// hangs is a collector that never answers; it tells when it has a push.
func hangs(t *testing.T) (address string, reached <-chan struct{}) {
	got := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestAPushThatTheEndCutsOffDoesNotCount(t *testing.T) {
	address, reached := hangs(t)
	e, err := newExporter(Config{Endpoint: address, Every: time.Second, Gatherer: New(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	ctx, end := context.WithCancel(t.Context())
	go func() {
		<-reached
		end()
	}()
	e.push(ctx, time.Hour)
	if e.pushes != 0 || e.outcome() != nil {
		t.Errorf("%d pushes, %v; want none, the last makes up for it", e.pushes, e.outcome())
	}
}

func TestACollectorThatHangsCostsARemark(t *testing.T) {
	address, _ := hangs(t)
	e, err := newExporter(Config{Endpoint: address, Every: time.Second, Gatherer: New(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	e.push(t.Context(), time.Millisecond)
	e.push(t.Context(), time.Millisecond)
	if err := e.outcome(); err == nil || !strings.Contains(err.Error(), "2 of 2 pushes failed") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want how many failed, and that they took too long", err)
	}
}

func TestMetricsThatCannotBeGatheredCostARemark(t *testing.T) {
	address, pushes := collects(t, http.StatusOK)
	broken := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("two of a kind") })
	end := exporting(t, Config{Endpoint: address, Every: time.Hour, Gatherer: broken})
	if err := end(); err == nil || !strings.Contains(err.Error(), "two of a kind") {
		t.Errorf("%v, want why", err)
	}
	if len(pushes) != 0 {
		t.Error("something was sent all the same")
	}
}

func TestTheEnvironmentDoesNotChangeWhereMetricsGo(t *testing.T) {
	elsewhere, strays := collects(t, http.StatusOK)
	address, pushes := collects(t, http.StatusOK)
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT":                              elsewhere,
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT":                      elsewhere + "/other",
		"OTEL_EXPORTER_OTLP_HEADERS":                               "X-Secret=s3cret",
		"OTEL_EXPORTER_OTLP_METRICS_HEADERS":                       "X-Secret=s3cret",
		"OTEL_EXPORTER_OTLP_COMPRESSION":                           "gzip",
		"OTEL_EXPORTER_OTLP_METRICS_INSECURE":                      "false",
		"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE":        "delta",
		"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
		"OTEL_EXPORTER_OTLP_TIMEOUT":                               "1",
		"OTEL_METRIC_EXPORT_INTERVAL":                              "1",
		"OTEL_RESOURCE_ATTRIBUTES":                                 "shakedown.run=other,team=x",
		"OTEL_SERVICE_NAME":                                        "other",
		"OTEL_SDK_DISABLED":                                        "true",
		"HTTP_PROXY":                                               elsewhere,
		"http_proxy":                                               elsewhere,
	} {
		t.Setenv(name, value)
	}
	end := exporting(t, Config{Endpoint: address, Every: time.Hour, Gatherer: full(), Run: "r1"})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if len(strays) != 0 {
		t.Errorf("%d pushes went elsewhere", len(strays))
	}
	p := <-pushes
	if p.path != "/v1/metrics" || p.secret != "" || p.encoding != "" {
		t.Errorf("path %s, secret %q, encoding %q", p.path, p.secret, p.encoding)
	}
	if len(p.resource) != 2 || p.resource["service.name"] != "shakedown" || p.resource["shakedown.run"] != "r1" {
		t.Errorf("the resource is %v", p.resource)
	}
	if got := p.metrics["shakedown_stops_total"].GetSum().GetAggregationTemporality(); got != metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
		t.Errorf("counters are sent as %v", got)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere, strays := collects(t, http.StatusOK)
	server := httptest.NewServer(http.RedirectHandler(elsewhere+"/v1/metrics", http.StatusTemporaryRedirect))
	defer server.Close()
	end := exporting(t, Config{Endpoint: server.URL, Every: time.Hour, Gatherer: New(nil)})
	if err := end(); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("%v, want the status", err)
	}
	if len(strays) != 0 {
		t.Error("metrics went elsewhere")
	}
}

func TestWhatIsWrongWithAnExportIsSaidAtOnce(t *testing.T) {
	fine := Config{Endpoint: "http://127.0.0.1:4318", Every: time.Second, Gatherer: New(nil)}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"another machine": {func(c *Config) { c.Endpoint = "http://collector.example.com:4318" }, "not on loopback"},
		"every interface": {func(c *Config) { c.Endpoint = "http://0.0.0.0:4318" }, "not on loopback"},
		"TLS":             {func(c *Config) { c.Endpoint = "https://127.0.0.1:4318" }, "no address of http"},
		"no port":         {func(c *Config) { c.Endpoint = "http://127.0.0.1" }, "with a port"},
		"no scheme":       {func(c *Config) { c.Endpoint = "127.0.0.1:4318" }, "write it like http://127.0.0.1:4318"},
		"nothing":         {func(c *Config) { c.Endpoint = "" }, "write it like http://127.0.0.1:4318"},
		"a query":         {func(c *Config) { c.Endpoint += "/?x=y" }, "more than a host, a port and a path"},
		"no time":         {func(c *Config) { c.Every = 0 }, "must be above 0"},
		"no metrics":      {func(c *Config) { c.Gatherer = nil }, "nothing to gather from"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := fine
			c.change(&cfg)
			if err := Export(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
