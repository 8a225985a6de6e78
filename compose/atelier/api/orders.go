package api

import (
	"net/http"

	"github.com/shakedown-dev/shakedown/compose/atelier/checkout"
	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

// createOrder is the checkout. The client chooses an idempotency key and sends
// it again when it does not know whether its order was accepted.
func (a *API) createOrder(w http.ResponseWriter, r *http.Request, s sessions.Session) {
	key, ok := idempotencyKey(w, r)
	if !ok {
		return
	}
	var item checkout.Item
	if err := wire.Read(w, r, &item); err != nil {
		wire.Error(w, http.StatusBadRequest, err.Error())
		return
	}
	order, replayed, err := a.Checkout.Place(r.Context(), s.Account, key, item)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.Header().Set("Location", "/v1/orders/"+order.ID)
	wire.Write(w, http.StatusCreated, order)
}

func (a *API) getOrder(w http.ResponseWriter, r *http.Request, s sessions.Session) {
	order, err := a.Orders.Order(r.Context(), s.Account, r.PathValue("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	wire.Write(w, http.StatusOK, order)
}
