// Package payments is the third party that takes the money: a simulator with
// the latency of a real one and a ledger that can be asked afterwards, and the
// client that the api calls it with.
package payments

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

// Server is the simulator. It is safe for concurrent use.
type Server struct {
	ledger   *ledger
	from, to time.Duration
}

// NewServer returns a simulator with an empty ledger. A charge takes between
// from and to, most often about half-way.
func NewServer(from, to time.Duration) *Server {
	return &Server{ledger: newLedger(), from: from, to: to}
}

// Handler serves POST /v1/charges, GET /v1/charges and GET /v1/status.
func (s *Server) Handler(m *telemetry.Metrics) http.Handler {
	m.Gauge("payments_charges", "Charges in the ledger.", func() float64 {
		_, total := s.ledger.after(0, 0)
		return float64(total)
	})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/charges", s.create)
	mux.HandleFunc("GET /v1/charges", s.list)
	mux.HandleFunc("GET /v1/status", s.status)
	return m.Instrument(mux)
}

// chargeRequest is the body of POST /v1/charges.
type chargeRequest struct {
	Order       string `json:"order"`
	AmountCents int64  `json:"amount_cents"`
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		wire.Error(w, http.StatusBadRequest, "the header Idempotency-Key is missing: a charge without one could be made twice")
		return
	}
	var request chargeRequest
	if err := wire.Read(w, r, &request); err != nil {
		wire.Error(w, http.StatusBadRequest, err.Error())
		return
	}
	if request.Order == "" || request.AmountCents <= 0 {
		wire.Error(w, http.StatusUnprocessableEntity, "order must be set and amount_cents must be positive")
		return
	}
	charge, replayed, err := s.ledger.charge(r.Context(), key, request.Order, request.AmountCents, s.work)
	switch {
	case errors.Is(err, errDeclined):
		wire.Error(w, http.StatusPaymentRequired, err.Error())
	case errors.Is(err, errKeyReuse):
		wire.Error(w, http.StatusUnprocessableEntity, err.Error())
	case err != nil:
		wire.Error(w, http.StatusServiceUnavailable, "the request was given up while another with its key was being charged")
	default:
		if replayed {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		wire.Write(w, http.StatusCreated, charge)
	}
}

// work takes the time of a bank: the mean of two uniform draws, so that times
// near the ends are rare.
func (s *Server) work() {
	spread := s.to - s.from + 1
	time.Sleep(s.from + (rand.N(spread)+rand.N(spread))/2)
}

// status is the bank's own status page. It is as slow as the bank.
func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	s.work()
	wire.Write(w, http.StatusOK, map[string]string{"status": "up"})
}

// list answers with a page of the ledger: ?after=N skips the first N charges,
// ?limit=N (1,000) is the size of the page. total counts all of them, next is
// the path of the page that follows, if one does.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	after, err1 := number(r, "after", 0)
	limit, err2 := number(r, "limit", 1000)
	if err := errors.Join(err1, err2); err != nil {
		wire.Error(w, http.StatusBadRequest, err.Error())
		return
	}
	charges, total := s.ledger.after(after, min(limit, 10_000))
	page := map[string]any{"total": total, "charges": charges}
	if end := after + len(charges); len(charges) > 0 && end < total {
		page["next"] = fmt.Sprintf("/v1/charges?after=%d&limit=%d", end, limit)
	}
	wire.Write(w, http.StatusOK, page)
}

func number(r *http.Request, name string, fallback int) (int, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, errors.New(name + " must be a number that is not negative")
	}
	return n, nil
}
