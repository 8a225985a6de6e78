package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// Errors of Client.Charge, returned wrapped.
var (
	// ErrDeclined means that no money was taken and none will be.
	ErrDeclined = errors.New("payment declined")
	// ErrUnavailable means that it is not known whether money was taken. Asking
	// again with the same key is safe.
	ErrUnavailable = errors.New("payments unavailable")
)

// Tuning is how patient a client is. The zero value of a field is not usable;
// start from DefaultTuning.
type Tuning struct {
	// Attempt bounds one call; Attempts is how many there are at most.
	Attempt  time.Duration
	Attempts int
	// Backoff is the pause after the first failure; it doubles up to
	// MaxBackoff, with a quarter of jitter so that clients do not return together.
	Backoff, MaxBackoff time.Duration
	// Failures of the last Window calls open the breaker for Open.
	Failures, Window uint
	Open             time.Duration
}

// DefaultTuning stays below the five seconds that the api gives a request.
var DefaultTuning = Tuning{
	Attempt: time.Second, Attempts: 3,
	Backoff: 50 * time.Millisecond, MaxBackoff: 500 * time.Millisecond,
	Failures: 10, Window: 20, Open: 2 * time.Second,
}

// Client charges orders through the third party. A slow or failing third party
// must not drag its callers down: each call is bounded, failures are retried a
// few times with growing, jittered pauses, and when most calls fail the breaker
// stops asking for a while. It is safe for concurrent use.
type Client struct {
	url      string
	http     *http.Client
	executor failsafe.Executor[Charge]
	calls    *prometheus.CounterVec
}

// NewClient returns a client for the payments service at url, such as
// http://payments:8080.
func NewClient(url string, tuning Tuning, m *telemetry.Metrics) *Client {
	c := &Client{
		url: url,
		http: &http.Client{Transport: &http.Transport{
			MaxIdleConnsPerHost: 32,
			MaxConnsPerHost:     64, // a bulkhead: a slow third party cannot take every socket
			IdleConnTimeout:     60 * time.Second,
		}},
		calls: m.Counter("payments_calls_total", "Calls to the third party, by result: ok, declined, error.", "result"),
	}
	breaker := newBreaker(tuning)
	m.Gauge("payments_breaker_open", "1 while the circuit breaker keeps calls back.", func() float64 {
		if breaker.IsOpen() {
			return 1
		}
		return 0
	})
	// The policies wrap one another from left to right: every attempt passes
	// the breaker and has a time limit of its own.
	c.executor = failsafe.With(newRetry(tuning), breaker, timeout.New[Charge](tuning.Attempt))
	return c
}

func newRetry(t Tuning) failsafe.Policy[Charge] {
	return retrypolicy.NewBuilder[Charge]().
		HandleIf(func(_ Charge, err error) bool { return isTransient(err) }).
		AbortOnErrors(circuitbreaker.ErrOpen, context.Canceled).
		WithMaxAttempts(t.Attempts).
		WithBackoff(t.Backoff, t.MaxBackoff).
		WithDelayFunc(retryAfter).
		WithJitterFactor(0.25).
		ReturnLastFailure().
		Build()
}

func newBreaker(t Tuning) circuitbreaker.CircuitBreaker[Charge] {
	return circuitbreaker.NewBuilder[Charge]().
		HandleIf(func(_ Charge, err error) bool { return isBroken(err) }).
		WithFailureThresholdRatio(t.Failures, t.Window).
		WithDelay(t.Open).
		WithSuccessThreshold(3).
		Build()
}

// Charge takes the money for an order once, however often it is called with
// the same key.
func (c *Client) Charge(ctx context.Context, key, order string, amountCents int64) (Charge, error) {
	body, err := json.Marshal(chargeRequest{Order: order, AmountCents: amountCents})
	if err != nil {
		return Charge{}, fmt.Errorf("encode charge: %w", err)
	}
	charge, err := c.executor.WithContext(ctx).GetWithExecution(func(e failsafe.Execution[Charge]) (Charge, error) {
		charge, err := c.call(e.Context(), key, body)
		c.calls.WithLabelValues(resultOf(err)).Inc()
		return charge, err
	})
	if err != nil && !errors.Is(err, ErrDeclined) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return charge, err
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one attempt.
func (c *Client) call(ctx context.Context, key string, body []byte) (Charge, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v1/charges", bytes.NewReader(body))
	if err != nil {
		return Charge{}, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	response, err := c.http.Do(request)
	if err != nil {
		return Charge{}, fmt.Errorf("call payments: %w", err)
	}
	defer response.Body.Close()
	// Read to the end in every case, so that the connection can be used again.
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return Charge{}, fmt.Errorf("read the answer of payments: %w", err)
	}
	return decode(response, answer)
}

func decode(response *http.Response, answer []byte) (Charge, error) {
	switch response.StatusCode {
	case http.StatusCreated:
		var charge Charge
		if err := json.Unmarshal(answer, &charge); err != nil {
			return Charge{}, fmt.Errorf("decode the answer of payments: %w", err)
		}
		return charge, nil
	case http.StatusPaymentRequired:
		return Charge{}, ErrDeclined
	}
	return Charge{}, &statusError{code: response.StatusCode, after: parseRetryAfter(response.Header.Get("Retry-After"))}
}

// statusError is an answer that is neither success nor decline.
type statusError struct {
	code  int
	after time.Duration // asked for by Retry-After, 0 without
}

// Error implements error.
func (e *statusError) Error() string { return "payments answered " + strconv.Itoa(e.code) }

// isTransient tells whether trying again can help.
func isTransient(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.code >= 500 || status.code == http.StatusTooManyRequests
	}
	return err != nil && !errors.Is(err, ErrDeclined)
}

// isBroken tells whether the third party failed. Asking us to slow down is not
// a failure, and neither is a caller that hung up.
func isBroken(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.code >= 500
	}
	return isTransient(err) && !errors.Is(err, context.Canceled)
}

// retryAfter waits as long as the third party asked, else -1 for the backoff.
func retryAfter(e failsafe.ExecutionAttempt[Charge]) time.Duration {
	var status *statusError
	if errors.As(e.LastError(), &status) && status.after > 0 {
		return status.after
	}
	return -1
}

func parseRetryAfter(value string) time.Duration {
	seconds, err := strconv.Atoi(value)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

func resultOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrDeclined):
		return "declined"
	}
	return "error"
}
