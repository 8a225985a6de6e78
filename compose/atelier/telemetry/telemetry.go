// Package telemetry is what a service shows to Prometheus: its requests, its
// connections, and gauges that other packages add.
package telemetry

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the metrics of one process. All methods are safe for concurrent
// use.
type Metrics struct {
	// Registry takes further metrics; every one of them carries the label service.
	Registry prometheus.Registerer
	// Stuck is the defect scale-metric-stuck: requests are shown as when the process
	// started, none in flight and none answered. It is set before the first request.
	Stuck bool
	// Unlabelled is the defect metrics-unlabelled: requests are shown without their
	// route and status code. It is set before the first request.
	Unlabelled bool
	// Stops is the defect metrics-stop: from the first answer of 500 or more on, Handler
	// answers no more. It is set before the first request.
	Stops bool

	gatherer    prometheus.Gatherer
	requests    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	inFlight    atomic.Int64
	connections atomic.Int64
	stopped     atomic.Bool // what Stops leads to
}

// New returns the metrics of a service, with those of the Go runtime and the
// process in them.
func New(service string) *Metrics {
	registry := prometheus.NewRegistry()
	m := &Metrics{
		gatherer: registry,
		Registry: prometheus.WrapRegistererWith(prometheus.Labels{"service": service}, registry),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total",
			Help: "Requests answered, by route pattern, method and status code.",
		}, []string{"route", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_request_duration_seconds",
			Help:    "Time from the request's headers to the end of the answer.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .15, .2, .3, .5, 1, 2, 3, 5, 10},
		}, []string{"route", "method"}),
	}
	m.Registry.MustRegister(m.requests, m.duration,
		gauge("http_requests_in_flight", "Requests being answered.", m.shownInFlight, nil),
		gauge("http_connections_active", "Client connections that are open, idle ones included.", func() float64 { return float64(m.connections.Load()) }, nil),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// InFlight is the number of requests being answered, probes not counted.
func (m *Metrics) InFlight() int64 { return m.inFlight.Load() }

func (m *Metrics) shownInFlight() float64 {
	if m.Stuck {
		return 0
	}
	return float64(m.InFlight())
}

// Gauge adds a gauge that is read by calling value at every scrape; labels are
// pairs of a name and a value.
func (m *Metrics) Gauge(name, help string, value func() float64, labels ...string) {
	m.Registry.MustRegister(gauge(name, help, value, labels))
}

// Counter adds a counter with the given labels.
func (m *Metrics) Counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.Registry.MustRegister(c)
	return c
}

// Histogram adds a histogram of times in seconds; buckets are their upper bounds.
func (m *Metrics) Histogram(name, help string, buckets ...float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	m.Registry.MustRegister(h)
	return h
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	page := promhttp.HandlerFor(m.gatherer, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.stopped.Load() {
			panic(http.ErrAbortHandler) // the connection is cut
		}
		page.ServeHTTP(w, r)
	})
}

// ConnState counts connections; it is for http.Server.ConnState.
func (m *Metrics) ConnState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		m.connections.Add(1)
	case http.StateClosed, http.StateHijacked:
		m.connections.Add(-1)
	}
}

// Instrument counts and times the requests of a mux. It must wrap the mux
// directly, because the mux leaves the pattern it matched on the request.
func (m *Metrics) Instrument(mux http.Handler) http.Handler {
	// A series from the start: a new instance that has answered nothing yet has a
	// rate of 0 then, and not an unknown one, which holds an autoscaler up.
	m.requests.WithLabelValues(m.shown(routeOf("")), http.MethodGet, m.shown(strconv.Itoa(http.StatusNotFound)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		m.inFlight.Add(1)
		recorder := &recorder{ResponseWriter: w}
		defer func() {
			m.inFlight.Add(-1)
			m.count(r, recorder.status(), time.Since(start))
		}()
		mux.ServeHTTP(recorder, r)
	})
}

// count is what becomes of an answer.
func (m *Metrics) count(r *http.Request, status int, took time.Duration) {
	if m.Stops && status >= http.StatusInternalServerError {
		m.stopped.Store(true)
	}
	route, method := m.shown(routeOf(r.Pattern)), methodOf(r.Method)
	answered := m.requests.WithLabelValues(route, method, m.shown(strconv.Itoa(status)))
	if !m.Stuck {
		answered.Inc()
	}
	m.duration.WithLabelValues(route, method).Observe(took.Seconds())
}

// shown is the value of a label that tells requests apart. An empty one is the same
// as none.
func (m *Metrics) shown(value string) string {
	if m.Unlabelled {
		return ""
	}
	return value
}

// routeOf turns "POST /v1/orders" into "/v1/orders". What no route matched is
// one label value: a scanner must not be able to create time series.
func routeOf(pattern string) string {
	if pattern == "" {
		return "none"
	}
	if _, path, found := strings.Cut(pattern, " "); found {
		return path
	}
	return pattern
}

func methodOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

func gauge(name, help string, value func() float64, labels []string) prometheus.Collector {
	constant := prometheus.Labels{}
	for i := 0; i+1 < len(labels); i += 2 {
		constant[labels[i]] = labels[i+1]
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: constant}, value)
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 && code >= 200 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}
