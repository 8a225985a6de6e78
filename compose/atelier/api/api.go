// Package api is atelier's own interface: accounts, sessions, catalogue,
// projects, orders, and imports with the models they are of, over HTTP and JSON.
package api

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shakedown-dev/shakedown/compose/atelier/catalogue"
	"github.com/shakedown-dev/shakedown/compose/atelier/checkout"
	"github.com/shakedown-dev/shakedown/compose/atelier/hot"
	"github.com/shakedown-dev/shakedown/compose/atelier/payments"
	"github.com/shakedown-dev/shakedown/compose/atelier/queue"
	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
	"github.com/shakedown-dev/shakedown/compose/atelier/workspace"
)

// requestLimit bounds what a request may wait for. It is below the drain
// limit, so that a request in flight at the signal always gets its answer.
const requestLimit = 5 * time.Second

// uploadLimit bounds the upload of a model, which takes as long as the client's
// line needs. It is above the drain limit: an upload that is cut off has left
// nothing behind and is sent again.
const uploadLimit = 30 * time.Second

// Orders is where orders are looked up; *store.Store is one.
type Orders interface {
	Order(ctx context.Context, account, id string) (store.Order, error)
}

// Slugs is how far the projects' slugs have come.
type Slugs int

// The steps of bringing slugs in while other versions run. Each works beside
// the one before and the one after.
const (
	SlugsOff  Slugs = iota // they are neither written nor read
	SlugsDual              // new projects have one; the backfill fills in the others
	SlugsOn                // clients see them
)

// API serves the routes. All fields are set before Handler is called; it is
// safe for concurrent use.
type API struct {
	Store      *store.Store
	Sessions   *sessions.Sessions
	Workspaces *workspace.Workspaces
	Catalogue  *catalogue.Catalogue
	// Confirm is asked before products are shown, if set. Only the defect
	// hard-dependency sets it: whoever looks around needs nobody else.
	Confirm func(context.Context) error
	// Hot is the cache of what is read often.
	Hot      *hot.Cache
	Checkout *checkout.Checkout
	Orders   Orders
	Slugs    Slugs
	Imports  *queue.Queue
	Metrics  *telemetry.Metrics
	Log      *slog.Logger
}

// Handler returns the routes. It is called once.
func (a *API) Handler() http.Handler {
	started := a.Metrics.Counter("sessions_started_total", "Sessions started, by tier of the account.", "tier")
	signedUp := a.Metrics.Counter("accounts_created_total", "Accounts created, by tier.", "tier")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/accounts", a.createAccount(signedUp))
	mux.HandleFunc("POST /v1/sessions", a.createSession(started))
	mux.HandleFunc("GET /v1/catalogue", a.products(func(r *http.Request) ([]byte, error) { return a.Catalogue.JSON(r.Context()) }))
	mux.HandleFunc("GET /v1/products/{id}", a.products(func(r *http.Request) ([]byte, error) {
		return a.Catalogue.Product(r.Context(), r.PathValue("id"))
	}))
	mux.HandleFunc("POST /v1/projects", a.signedIn(a.createProject))
	mux.HandleFunc("GET /v1/projects", a.signedIn(a.listProjects))
	mux.HandleFunc("POST /v1/projects/{id}/imports", a.signedIn(a.createImport))
	mux.HandleFunc("POST /v1/projects/{id}/models", a.signedIn(a.uploadModel))
	mux.HandleFunc("GET /v1/imports/{id}", a.signedIn(a.getImport))
	mux.HandleFunc("POST /v1/orders", a.signedIn(a.createOrder))
	mux.HandleFunc("GET /v1/orders/{id}", a.signedIn(a.getOrder))
	return limit(a.Metrics.Instrument(mux))
}

// limit gives every request a deadline.
func limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		within := requestLimit
		if strings.HasSuffix(r.URL.Path, "/models") {
			within = uploadLimit
		}
		ctx, cancel := context.WithTimeout(r.Context(), within)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// signedIn lets requests with a valid session through and tells the handler
// whose it is.
func (a *API) signedIn(next func(w http.ResponseWriter, r *http.Request, s sessions.Session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			wire.Error(w, http.StatusUnauthorized, "start a session with POST /v1/sessions and send its token as Authorization: Bearer TOKEN")
			return
		}
		session, err := a.Sessions.Find(r.Context(), token)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		next(w, r, session)
	}
}

// createSession signs an account in. It is here, before anything large is asked
// for, that room is made for those who will.
func (a *API) createSession(started *prometheus.CounterVec) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var session sessions.Session
		if err := wire.Read(w, r, &session); err != nil {
			wire.Error(w, http.StatusBadRequest, err.Error())
			return
		}
		if session.Tier == "" {
			session.Tier = sessions.Tiers[0]
		}
		token, err := a.Sessions.Create(r.Context(), session)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		started.WithLabelValues(session.Tier).Inc()
		wire.Write(w, http.StatusCreated, map[string]any{
			"token": token, "account": session.Account, "tier": session.Tier, "expires_in": int(sessions.Lifetime.Seconds()),
			"workspace": a.Workspaces.Begin(r.Context(), session.Account, session.Tier),
		})
	}
}

// products answers with what is for sale, which caches in front may keep.
func (a *API) products(read func(r *http.Request) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body []byte
		var err error
		if a.Confirm != nil {
			err = a.Confirm(r.Context())
		}
		if err == nil {
			body, err = read(r)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=5, stale-if-error=600")
		wire.Raw(w, http.StatusOK, body)
	}
}

// fail answers with the status that an error stands for. What went wrong on
// our side is logged and not told.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, sessions.ErrUnknown):
		w.Header().Set("WWW-Authenticate", "Bearer")
		wire.Error(w, http.StatusUnauthorized, "the session is not known or has ended; start one with POST /v1/sessions")
	case errors.Is(err, store.ErrNotFound):
		wire.Error(w, http.StatusNotFound, err.Error())
	case errors.Is(err, store.ErrTaken):
		wire.Error(w, http.StatusConflict, err.Error())
	case errors.Is(err, sessions.ErrInvalid), errors.Is(err, checkout.ErrInvalid), errors.Is(err, checkout.ErrKeyReuse):
		wire.Error(w, http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, payments.ErrDeclined):
		wire.Error(w, http.StatusPaymentRequired, "the payment was declined; no money was taken")
	case r.Context().Err() == context.Canceled:
		// The client hung up; 499 is what proxies log for that.
		w.WriteHeader(499)
	case errors.Is(err, payments.ErrUnavailable):
		a.Log.Warn("payment not possible", "route", r.Pattern, "error", err.Error())
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(payments.RetryAfter(err).Seconds()))))
		wire.Error(w, http.StatusServiceUnavailable, "payments are not possible at the moment; send the order again, with the same key, in a while")
	default:
		a.Log.Error("request failed", "method", r.Method, "route", r.Pattern, "error", err.Error())
		w.Header().Set("Retry-After", "1")
		wire.Error(w, http.StatusServiceUnavailable, "something we depend on does not answer; trying again is safe")
	}
}
