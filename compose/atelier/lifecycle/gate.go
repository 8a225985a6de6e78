package lifecycle

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

// gate stands in front of a service's routes. It answers the probes itself,
// keeps requests out until the service is initialized, and tells clients to
// leave once the service drains.
//
// Readiness says whether this instance can do its work. It does not ask the
// database or Redis: a slow dependency shared by all instances would take them
// all out of rotation together, and turn slowness into an outage.
type gate struct {
	name     string
	number   int // of the instance
	metrics  http.Handler
	defects  defects.Set
	draining atomic.Bool
	inside   atomic.Pointer[inside] // nil until the service is initialized
	cold     cold
}

// inside is what the gate opens to.
type inside struct {
	routes http.Handler
	ready  func(context.Context) error // App.Ready
	since  time.Time
}

// open lets requests through.
func (g *gate) open(app App) {
	routes := app.Handler
	if routes == nil {
		routes = http.NotFoundHandler()
	}
	g.inside.Store(&inside{routes: routes, ready: app.Ready, since: time.Now()})
}

// drain turns readiness off and has every answer from now on close its connection.
func (g *gate) drain() { g.draining.Store(true) }

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if usedBefore(r) && g.draining.Load() { // only ever true with drain-keepalive-cut
		panic(http.ErrAbortHandler)
	}
	w = &farewell{ResponseWriter: w, gate: g}
	switch r.URL.Path {
	case "/livez":
		g.probe(w, true, "alive")
	case "/readyz":
		g.probe(w, g.ready(r.Context()), "ready")
	case "/initz":
		g.probe(w, g.inside.Load() != nil, "initialized")
	case "/metrics":
		g.metrics.ServeHTTP(w, r)
	default:
		g.serve(w, r)
	}
}

func (g *gate) ready(ctx context.Context) bool {
	inside := g.inside.Load()
	switch {
	case g.draining.Load() && !g.defects.Has(defects.ReadyStaysTrueOnTerm):
		return false
	case inside == nil:
		return g.defects.Has(defects.ReadyEarly)
	case g.defects.Has(defects.ReadyFlaps) && flaps(g.number, inside.since, time.Now()):
		return false
	}
	return inside.ready == nil || inside.ready(ctx) == nil
}

func (g *gate) serve(w http.ResponseWriter, r *http.Request) {
	inside := g.inside.Load()
	if inside == nil {
		w.Header().Set("Retry-After", "1")
		wire.Error(w, http.StatusServiceUnavailable, g.name+" is still starting; try again in a second")
		return
	}
	if g.defects.Has(defects.ReadyCold) {
		g.cold.wait(r.Context())
	}
	inside.routes.ServeHTTP(w, r)
}

func (g *gate) probe(w http.ResponseWriter, ok bool, state string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
		state = "not " + state
	}
	w.Write([]byte(state + "\n"))
}

// farewell adds "Connection: close" to answers of a draining service. It does
// so when the headers leave and not when the request arrives, so that a request
// that was in flight at the signal sends its client away too. It does not use
// SetKeepAlivesEnabled, which closes idle connections at once: a client may be
// sending on one of them in the same moment.
type farewell struct {
	http.ResponseWriter
	gate  *gate
	wrote bool
}

// WriteHeader implements http.ResponseWriter.
func (f *farewell) WriteHeader(code int) {
	if code >= 200 && !f.wrote {
		f.wrote = true
		if f.gate.draining.Load() {
			f.Header().Set("Connection", "close")
		}
	}
	f.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (f *farewell) Write(b []byte) (int, error) {
	if !f.wrote {
		f.WriteHeader(http.StatusOK)
	}
	return f.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (f *farewell) Unwrap() http.ResponseWriter { return f.ResponseWriter }
