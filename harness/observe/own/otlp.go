package own

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// pushLimit is how long a collector may take for one push; those that fall due
// meanwhile are left out.
const pushLimit = 5 * time.Second

// lastPush is how long it may take for the last one, which the end of the run waits for.
const lastPush = 2 * time.Second

// Config is what Export sends, and where.
type Config struct {
	// Endpoint is the base address of a collector on loopback, "http://127.0.0.1:4318";
	// /v1/metrics is added to it.
	Endpoint string
	// Every is the time between two pushes; above 0.
	Every time.Duration
	// Gatherer is asked for the metrics.
	Gatherer prometheus.Gatherer
	// Run and Scenario become attributes of the resource, shakedown.run and
	// shakedown.scenario; empty ones are left out.
	Run, Scenario string
}

// Export sends metrics to an OpenTelemetry collector over OTLP/HTTP, once in Every and
// once more when ctx is done, and then returns. A push that fails is not repeated: the
// next one carries the same cumulative figures. How many failed, and why the last one
// did, is the error at the end; what is wrong with the configuration is an error at
// once. It touches nothing global, and no OTEL_ variable changes where it sends to.
func Export(ctx context.Context, cfg Config) error {
	e, err := newExporter(cfg)
	if err != nil {
		return err
	}
	defer e.close()
	due := time.NewTicker(cfg.Every)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			e.push(context.WithoutCancel(ctx), lastPush)
			return e.outcome()
		case <-due.C:
			e.push(ctx, pushLimit)
		}
	}
}

// exporter is one Export.
type exporter struct {
	gatherer prometheus.Gatherer
	resource *resource.Resource
	to       string
	client   *http.Client
	otlp     sdk.Exporter

	pushes, failures int
	last             error
}

func newExporter(cfg Config) (*exporter, error) {
	to, err := collector(cfg.Endpoint)
	switch {
	case err != nil:
		return nil, fmt.Errorf("send metrics to the OpenTelemetry collector at %q: %w", cfg.Endpoint, err)
	case cfg.Every <= 0:
		return nil, fmt.Errorf("send metrics to the OpenTelemetry collector at %s: the time between two pushes is %v; it must be above 0", to.Host, cfg.Every)
	case cfg.Gatherer == nil:
		return nil, fmt.Errorf("send metrics to the OpenTelemetry collector at %s: there is nothing to gather from", to.Host)
	}
	client := loopbackClient()
	// Every option that an OTEL_ variable could set is given: options come after it.
	otlp, err := otlpmetrichttp.New(context.Background(),
		otlpmetrichttp.WithEndpoint(to.Host), otlpmetrichttp.WithURLPath(to.Path), otlpmetrichttp.WithInsecure(),
		otlpmetrichttp.WithTLSClientConfig(nil), otlpmetrichttp.WithHeaders(map[string]string{}),
		otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression), otlpmetrichttp.WithTimeout(pushLimit),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}), otlpmetrichttp.WithHTTPClient(client),
		otlpmetrichttp.WithTemporalitySelector(sdk.DefaultTemporalitySelector),
		otlpmetrichttp.WithAggregationSelector(sdk.DefaultAggregationSelector),
	)
	if err != nil {
		return nil, fmt.Errorf("send metrics to the OpenTelemetry collector at %s: %w", to.Host, err)
	}
	return &exporter{gatherer: cfg.Gatherer, resource: describe(cfg), to: to.Host, client: client, otlp: otlp}, nil
}

// collector takes an endpoint apart; its path is that of metrics.
func collector(endpoint string) (*url.URL, error) {
	const form = "write it like http://127.0.0.1:4318"
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return nil, errors.New("it is no address; " + form)
	case u.Scheme != "http" || u.Host == "" || u.Port() == "":
		return nil, errors.New("it is no address of http with a port; " + form)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it has more than a host, a port and a path; " + form)
	case !loopback(u.Hostname()):
		return nil, errors.New("it is not on loopback; use 127.0.0.1, [::1] or localhost")
	}
	u.Path = path.Join("/", u.Path, "v1/metrics")
	return u, nil
}

// loopbackClient goes to this machine and nowhere else: not through a proxy, and not
// where an answer redirects it.
func loopbackClient() *http.Client {
	dialer := &net.Dialer{Control: onlyLoopback}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, MaxIdleConns: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// describe says whose metrics they are.
func describe(cfg Config) *resource.Resource {
	attributes := []attribute.KeyValue{attribute.String("service.name", "shakedown")}
	for _, a := range []struct{ key, value string }{{"shakedown.run", cfg.Run}, {"shakedown.scenario", cfg.Scenario}} {
		if a.value != "" {
			attributes = append(attributes, attribute.String(a.key, a.value))
		}
	}
	return resource.NewSchemaless(attributes...)
}

// push sends what there is now. One that the end of the run cut off does not count:
// the last one makes up for it.
func (e *exporter) push(ctx context.Context, limit time.Duration) {
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := e.send(timed)
	if err != nil && ctx.Err() != nil {
		return
	}
	e.pushes++
	if err != nil {
		e.failures++
		e.last = err
	}
}

func (e *exporter) send(ctx context.Context) error {
	families, err := e.gatherer.Gather()
	if err != nil { // here, because the bridge would tell the global error handler of it
		return fmt.Errorf("gather them: %w", err)
	}
	gathered := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil })
	scopes, err := bridge.NewMetricProducer(bridge.WithGatherer(gathered)).Produce(ctx)
	if err != nil {
		return fmt.Errorf("convert them: %w", err)
	}
	return e.otlp.Export(ctx, &metricdata.ResourceMetrics{Resource: e.resource, ScopeMetrics: scopes})
}

func (e *exporter) outcome() error {
	if e.failures == 0 {
		return nil
	}
	return fmt.Errorf("send metrics to the OpenTelemetry collector at %s: %d of %d pushes failed, the last with: %w", e.to, e.failures, e.pushes, e.last)
}

func (e *exporter) close() {
	_ = e.otlp.Shutdown(context.Background()) // it holds nothing
	e.client.CloseIdleConnections()
}
