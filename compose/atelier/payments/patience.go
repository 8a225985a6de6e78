package payments

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
)

// told remembers until when the third party wants to be left alone. What one
// call was told holds for all: those who did not hear it would be refused too,
// and make it worse.
type told struct{ until atomic.Int64 } // Unix nanoseconds

// heard takes in what a call was told.
func (t *told) heard(err error) {
	var status *statusError
	if !errors.As(err, &status) || status.after <= 0 {
		return
	}
	until := time.Now().Add(status.after).UnixNano()
	for {
		known := t.until.Load()
		if until <= known || t.until.CompareAndSwap(known, until) {
			return
		}
	}
}

// remaining is how long it lasts still.
func (t *told) remaining() time.Duration {
	if until := t.until.Load(); until != 0 {
		return max(0, time.Until(time.Unix(0, until)))
	}
	return 0
}

// pause is how long to wait after the given attempt has failed, and whether to
// try again at all.
func (c *Client) pause(attempt int, err error) (pause time.Duration, again bool) {
	if attempt >= c.tuning.Attempts || !isTransient(err) {
		return 0, false
	}
	var status *statusError
	if errors.As(err, &status) && status.after > 0 && !c.deaf() {
		// Never earlier than asked; and not all who were asked at the same moment.
		return status.after + c.jitter(status.after/4), status.after <= c.tuning.Patience
	}
	pause = min(c.tuning.Backoff<<(attempt-1), c.tuning.MaxBackoff)
	if c.broken.Has(defects.RetryNoJitter) {
		return pause, true
	}
	return pause*3/4 + c.jitter(pause/2), true
}

// jitter is a random part of most.
func (c *Client) jitter(most time.Duration) time.Duration {
	if most <= 0 || c.broken.Has(defects.RetryNoJitter) {
		return 0
	}
	return rand.N(most)
}

// waited waits, and tells whether there was time for it: a pause that would
// outlast the caller is not begun.
func waited(ctx context.Context, pause time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// comeBack is when asking again makes sense.
func (c *Client) comeBack() time.Duration {
	after := c.told.remaining()
	if c.breaker != nil {
		after = max(after, c.breaker.RemainingDelay())
	}
	return max(after, time.Second)
}

// unavailable is ErrUnavailable with its cause.
type unavailable struct {
	cause error
	after time.Duration
}

// Error implements error.
func (u *unavailable) Error() string { return ErrUnavailable.Error() + ": " + u.cause.Error() }

// Unwrap makes it both.
func (u *unavailable) Unwrap() []error { return []error{ErrUnavailable, u.cause} }

// RetryAfter is when to ask again after ErrUnavailable, a second at least.
func RetryAfter(err error) time.Duration {
	var u *unavailable
	if errors.As(err, &u) {
		return max(u.after, time.Second)
	}
	return time.Second
}

// statusError is an answer that is neither success nor decline.
type statusError struct {
	code  int
	after time.Duration // asked for by Retry-After, 0 without
}

// Error implements error.
func (e *statusError) Error() string { return "payments answered " + strconv.Itoa(e.code) }

// isTransient tells whether trying again can help. Calls that were not made for a
// reason are not tried again: the reason holds for longer than a pause.
func isTransient(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.code >= 500 || status.code == http.StatusTooManyRequests
	}
	for _, final := range []error{ErrDeclined, errOpen, errTold, context.Canceled} {
		if errors.Is(err, final) {
			return false
		}
	}
	return err != nil
}

// isBroken tells whether the third party failed. Asking us to slow down is not
// a failure, and neither is a caller that hung up.
func isBroken(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.code >= 500
	}
	return isTransient(err)
}

// parseRetryAfter reads both forms of the header: seconds and a date.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 86_400)) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(now), 0), 24*time.Hour)
	}
	return 0
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
