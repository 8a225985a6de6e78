// Package web is the front: a static page, an edge cache of the catalogue, and
// a proxy to the api for the rest.
package web

import (
	"crypto/subtle"
	_ "embed"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

//go:embed index.html
var page []byte

// Web serves the front of one api. It is safe for concurrent use.
type Web struct {
	Edge  *Edge
	api   *url.URL
	calls *http.Transport
	token string
	log   *slog.Logger
}

// cataloguePath and productPath are what the edge keeps.
const (
	cataloguePath = "/v1/catalogue"
	productPath   = "/v1/products/{id}"
)

// New returns a front for the api at the given URL, with an edge cache whose
// entries are fresh for the given time. Who has the token may empty it; without one
// nobody may.
func New(api *url.URL, fresh time.Duration, token string, m *telemetry.Metrics, log *slog.Logger) *Web {
	calls := &http.Transport{
		DialContext: (&net.Dialer{Timeout: time.Second}).DialContext,
		// Kept long enough to be worth it, and closed before the api would.
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   64,
		ResponseHeaderTimeout: 10 * time.Second,
		DisableCompression:    true,
	}
	return &Web{Edge: newEdge(api, calls, fresh, m), api: api, calls: calls, token: token, log: log}
}

// Handler returns the routes.
func (w *Web) Handler(m *telemetry.Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", servePage)
	mux.Handle("GET "+cataloguePath, w.Edge)
	mux.Handle("GET "+productPath, w.Edge)
	mux.HandleFunc("POST /purge", w.purge)
	mux.Handle("/v1/", w.proxy())
	return m.Instrument(mux)
}

// Close closes idle connections to the api.
func (w *Web) Close() { w.calls.CloseIdleConnections() }

func servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=60")
	w.Write(page)
}

// purge empties the edge cache of this instance.
func (w *Web) purge(answer http.ResponseWriter, r *http.Request) {
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case w.token == "":
		wire.Error(answer, http.StatusForbidden, "nobody may purge; set ATELIER_PURGE_TOKEN to let those who send it as Authorization: Bearer TOKEN")
	case subtle.ConstantTimeCompare([]byte(given), []byte(w.token)) != 1:
		answer.Header().Set("WWW-Authenticate", "Bearer")
		wire.Error(answer, http.StatusUnauthorized, "send the token of ATELIER_PURGE_TOKEN as Authorization: Bearer TOKEN")
	default:
		w.Edge.Purge()
		w.log.Info("edge cache purged")
		answer.WriteHeader(http.StatusNoContent)
	}
}

// proxy passes requests on. It does not retry: the client knows whether its
// request may be sent twice.
func (w *Web) proxy() http.Handler {
	return &httputil.ReverseProxy{
		Transport: w.calls,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(w.api)
			r.SetXForwarded()
		},
		ErrorHandler: func(answer http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				answer.WriteHeader(499) // the client hung up
				return
			}
			w.log.Error("api does not answer", "method", r.Method, "path", r.URL.Path, "error", err.Error())
			wire.Error(answer, http.StatusBadGateway, "the api does not answer; try again")
		},
		ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelDebug),
	}
}
