package payments

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/names"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// Errors of Client.Charge, returned wrapped.
var (
	// ErrDeclined means that no money was taken and none will be.
	ErrDeclined = errors.New("payment declined")
	// ErrUnavailable means that it is not known whether money was taken. Asking
	// again with the same key is safe; see RetryAfter.
	ErrUnavailable = errors.New("payments unavailable")
)

// Why no call was made.
var (
	errOpen = errors.New("the circuit breaker is open")
	errTold = errors.New("payments asked to be left alone")
)

// Tuning is how patient a client is. The zero value of a field is not usable;
// start from DefaultTuning.
type Tuning struct {
	// Attempt bounds one call; Attempts is how many there are at most.
	Attempt  time.Duration
	Attempts int
	// Backoff is the pause after the first failure; it doubles up to MaxBackoff,
	// and is a quarter more or less each time, so that callers do not return together.
	Backoff, MaxBackoff time.Duration
	// Patience is the longest wait that the third party can ask for: who is told to
	// wait longer gives up at once.
	Patience time.Duration
	// Failures of the last Window calls open the breaker for Open.
	Failures, Window uint
	Open             time.Duration
}

// DefaultTuning stays below the four seconds that a checkout has for paying. An
// outage opens the breaker after eight failures, which is within two seconds
// where a handful of orders come in each; while it is open, two calls in as many
// seconds find out whether it is over.
var DefaultTuning = Tuning{
	Attempt: time.Second, Attempts: 3,
	Backoff: 200 * time.Millisecond, MaxBackoff: 800 * time.Millisecond, Patience: 1500 * time.Millisecond,
	Failures: 8, Window: 16, Open: 2 * time.Second,
}

// trials is how many calls in a row have to succeed for the breaker to close.
const trials = 2

// Client charges orders through the third party. A slow or failing third party
// must not drag its callers down: each call is bounded, failures are retried a
// few times with growing, jittered pauses, who asks to be left alone is left
// alone, and when most calls fail the breaker stops asking for a while. It is
// safe for concurrent use.
type Client struct {
	url     string
	tuning  Tuning
	http    *http.Client
	breaker circuitbreaker.CircuitBreaker[Charge] // nil with some defects
	told    told
	calls   *prometheus.CounterVec
	seconds prometheus.Histogram
	charges *prometheus.CounterVec
	broken  defects.Set
}

// NewClient returns a client for the payments service at url, such as
// http://payments:8080. broken are the defects of the process.
func NewClient(url string, tuning Tuning, broken defects.Set, m *telemetry.Metrics) *Client {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 32,
		MaxConnsPerHost:     64, // a bulkhead: a slow third party cannot take every socket
		IdleConnTimeout:     60 * time.Second,
	}
	if broken.Has(defects.DNSCachedForever) {
		transport.DialContext = new(names.Forever).DialContext
	}
	if broken.Has(defects.RetryStorm) {
		tuning.Attempts, tuning.Backoff, tuning.MaxBackoff = 25, 0, 0
	}
	c := &Client{
		url: url, tuning: tuning, broken: broken,
		http:  &http.Client{Transport: transport},
		calls: m.Counter("payments_calls_total", "Calls to the third party, by result: ok, declined, error.", "result"),
		seconds: m.Histogram("payments_call_duration_seconds", "Time of a call to the third party, those that were given up included.",
			.05, .1, .2, .3, .4, .5, .6, .8, 1, 1.5, 2.5, 5, 10),
		charges: m.Counter("payments_total", "Payments, whatever it took in calls, by result: ok, declined, error.", "result"),
	}
	for _, result := range []string{"ok", "declined", "error"} {
		c.charges.WithLabelValues(result) // a rate of 0 is not an unknown one
	}
	if !broken.Has(defects.NoBreaker) && !broken.Has(defects.RetryStorm) {
		c.breaker = circuitbreaker.NewBuilder[Charge]().
			WithFailureThresholdRatio(tuning.Failures, tuning.Window).
			WithDelay(tuning.Open).
			WithSuccessThreshold(trials).
			Build()
	}
	m.Gauge("payments_breaker_open", "1 while the circuit breaker keeps calls back.", func() float64 {
		if c.breaker != nil && c.breaker.IsOpen() {
			return 1
		}
		return 0
	})
	return c
}

// Charge takes the money for an order once, however often it is called with
// the same key.
func (c *Client) Charge(ctx context.Context, key, order string, amountCents int64) (Charge, error) {
	charge, err := c.charge(ctx, key, order, amountCents)
	c.charges.WithLabelValues(resultOf(err)).Inc()
	return charge, err
}

// charge makes the attempts.
func (c *Client) charge(ctx context.Context, key, order string, amountCents int64) (Charge, error) {
	body, err := json.Marshal(chargeRequest{Order: order, AmountCents: amountCents})
	if err != nil {
		return Charge{}, fmt.Errorf("encode charge: %w", err)
	}
	for attempt := 1; ; attempt++ {
		charge, err := c.attempt(ctx, key, body)
		if err == nil || errors.Is(err, ErrDeclined) {
			return charge, err
		}
		pause, again := c.pause(attempt, err)
		if !again || !waited(ctx, pause) {
			return Charge{}, &unavailable{cause: err, after: c.comeBack()}
		}
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// attempt makes a call, unless it is known that it should not be made.
func (c *Client) attempt(ctx context.Context, key string, body []byte) (Charge, error) {
	if c.told.remaining() > 0 {
		return Charge{}, errTold
	}
	if c.breaker != nil && !c.breaker.TryAcquirePermit() {
		return Charge{}, errOpen
	}
	began := time.Now()
	charge, err := c.call(ctx, key, body)
	c.seconds.Observe(time.Since(began).Seconds())
	if c.breaker != nil {
		c.record(err)
	}
	c.calls.WithLabelValues(resultOf(err)).Inc()
	return charge, err
}

// record tells the breaker how a call ended.
func (c *Client) record(err error) {
	if isBroken(err) {
		c.breaker.RecordFailure()
	} else {
		c.breaker.RecordSuccess()
	}
}

// call is one call over the wire.
func (c *Client) call(ctx context.Context, key string, body []byte) (Charge, error) {
	if c.broken.Has(defects.NoTimeout) {
		ctx = context.WithoutCancel(ctx)
	} else {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.tuning.Attempt)
		defer cancel()
	}
	if c.broken.Has(defects.DoubleCharge) {
		key += "-" + rand.Text()
	}
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
	charge, err := decode(response, answer)
	if !c.deaf() {
		c.told.heard(err)
	}
	return charge, err
}

// deaf tells whether the client ignores Retry-After, which only defects do.
func (c *Client) deaf() bool {
	return c.broken.Has(defects.IgnoresRetryAfter) || c.broken.Has(defects.RetryStorm)
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
	return Charge{}, &statusError{code: response.StatusCode, after: parseRetryAfter(response.Header.Get("Retry-After"), time.Now())}
}
