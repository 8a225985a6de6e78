package api

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

// createAccount is the sign-up. As with orders, the client sends its key again
// when it does not know whether the account was made.
func (a *API) createAccount(created *prometheus.CounterVec) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key, ok := idempotencyKey(w, r)
		if !ok {
			return
		}
		var wanted sessions.Session
		if err := wire.Read(w, r, &wanted); err != nil {
			wire.Error(w, http.StatusBadRequest, err.Error())
			return
		}
		if wanted.Tier == "" {
			wanted.Tier = sessions.Tiers[0]
		}
		if err := wanted.Validate(); err != nil {
			a.fail(w, r, err)
			return
		}
		account, fresh, err := a.Store.CreateAccount(r.Context(), key, wanted.Account, wanted.Tier)
		switch {
		case err != nil:
			a.fail(w, r, err)
			return
		case account.Name != wanted.Account || account.Tier != wanted.Tier:
			wire.Error(w, http.StatusUnprocessableEntity, "this idempotency key was used for another account")
			return
		case fresh:
			created.WithLabelValues(account.Tier).Inc()
		default:
			w.Header().Set("Idempotent-Replayed", "true")
		}
		wire.Write(w, http.StatusCreated, account)
	}
}

// idempotencyKey is the key of a request that makes something once; without
// one, the request has been answered.
func idempotencyKey(w http.ResponseWriter, r *http.Request) (string, bool) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || len(key) > 200 {
		wire.Error(w, http.StatusBadRequest, "the header Idempotency-Key must have 1 to 200 characters; a UUID is a good choice")
		return "", false
	}
	return key, true
}
