package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/prometheus/promql"
)

// reply is a good answer: data as it goes to JSON, and what was noticed on the way.
type reply struct {
	data     any
	warnings []string
	infos    []string
}

// envelope is the form of every answer.
type envelope struct {
	Status    string   `json:"status"`
	Data      any      `json:"data,omitempty"`
	ErrorType string   `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	Infos     []string `json:"infos,omitempty"`
}

// badData is a request that cannot be understood.
type badData struct{ error }

func (e badData) Unwrap() error { return e.error }

func badParameter(name string, err error) error {
	return badData{fmt.Errorf("invalid parameter %q: %w", name, err)}
}

// statusClientClosed is nginx's word for a client that did not wait for the answer.
const statusClientClosed = 499

// classify finds the errorType and the status code that Prometheus gives to an error.
func classify(err error) (string, int) {
	var (
		bad      badData
		canceled promql.ErrQueryCanceled
		timeout  promql.ErrQueryTimeout
		stored   promql.ErrStorage
	)
	switch {
	case errors.As(err, &bad):
		return "bad_data", http.StatusBadRequest
	case errors.As(err, &canceled):
		return "canceled", statusClientClosed
	case errors.As(err, &timeout):
		return "timeout", http.StatusServiceUnavailable
	case errors.As(err, &stored):
		return "internal", http.StatusInternalServerError
	case errors.Is(err, context.Canceled):
		return "canceled", statusClientClosed
	}
	return "execution", http.StatusUnprocessableEntity
}

// respond writes what answer says in Prometheus' form.
func respond(answer func(*http.Request) (reply, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := http.StatusOK
		var out envelope
		err := readForm(w, r)
		var good reply
		if err == nil {
			good, err = answer(r)
		}
		if wrong := (BadQuery{}); errors.As(err, &wrong) {
			err = badParameter("query", wrong.error)
		}
		if err == nil {
			out = envelope{Status: "success", Data: good.data, Warnings: good.warnings, Infos: good.infos}
		} else {
			out = envelope{Status: "error", Error: err.Error()}
			out.ErrorType, code = classify(err)
		}
		body, err := json.Marshal(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write(body) // the client may have gone
	})
}

// mostForm is how long a form may be, in bytes.
const mostForm = 10 << 20

func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	if err := r.ParseForm(); err != nil {
		return badData{fmt.Errorf("error parsing form values: %w", err)}
	}
	return nil
}
