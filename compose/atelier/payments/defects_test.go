package payments

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// bank answers calls without a network, so that time is the test's.
type bank struct {
	answer func(n int, request *http.Request) (*http.Response, error)
	mu     sync.Mutex
	at     []time.Time
	keys   []string
}

// RoundTrip implements http.RoundTripper.
func (b *bank) RoundTrip(request *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.at, b.keys = append(b.at, time.Now()), append(b.keys, request.Header.Get("Idempotency-Key"))
	n := len(b.at)
	b.mu.Unlock()
	return b.answer(n, request)
}

// calls is how many there were by now.
func (b *bank) calls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.at)
}

// pauses are the times between two calls.
func (b *bank) pauses() (list []time.Duration) {
	for i := 1; i < len(b.at); i++ {
		list = append(list, b.at[i].Sub(b.at[i-1]))
	}
	return list
}

// says answers at once.
func says(code int, headers ...string) (*http.Response, error) {
	header := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(strings.NewReader(`{"id":"chg_1"}`))}, nil
}

// clientOf is a client with the default tuning and a defect, "" for none.
func clientOf(defect defects.Defect, b *bank) *Client {
	c := NewClient("http://payments", DefaultTuning, defects.Set{defect: true}, telemetry.New("test"))
	c.http = &http.Client{Transport: b}
	return c
}

// payment is one as the checkout makes it.
func payment(c *Client, key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	_, err := c.Charge(ctx, key, "ord_1", 1)
	return err
}

func TestCallsOfAPaymentThatFails(t *testing.T) {
	for defect, want := range map[defects.Defect]int{"": 3, defects.RetryStorm: 25} {
		synctest.Test(t, func(t *testing.T) {
			b := &bank{answer: func(int, *http.Request) (*http.Response, error) { return says(503) }}
			began := time.Now()
			err := payment(clientOf(defect, b), "key")
			if !errors.Is(err, ErrUnavailable) || len(b.at) != want {
				t.Errorf("%q: %d calls, %v; want %d", defect, len(b.at), err, want)
			}
			if took := time.Since(began); (took == 0) != (defect == defects.RetryStorm) {
				t.Errorf("%q: took %s", defect, took)
			}
		})
	}
}

// The spread of the pauses before the second attempt, as a share of their median.
func TestPausesAreSpread(t *testing.T) {
	for defect, spread := range map[defects.Defect]bool{"": true, defects.RetryNoJitter: false} {
		for name, answer := range map[string]func() (*http.Response, error){
			"backoff":     func() (*http.Response, error) { return says(500) },
			"retry-after": func() (*http.Response, error) { return says(429, "Retry-After", "1") },
		} {
			synctest.Test(t, func(t *testing.T) {
				var pauses []time.Duration
				for range 50 {
					b := &bank{answer: func(n int, _ *http.Request) (*http.Response, error) {
						if n > 1 {
							return says(201)
						}
						return answer()
					}}
					if err := payment(clientOf(defect, b), "key"); err != nil {
						t.Fatal(err)
					}
					pauses = append(pauses, b.pauses()...)
				}
				slices.Sort(pauses)
				low, median, high := pauses[5], pauses[25], pauses[45]
				if got := float64(high-low) / float64(median); got > 0.1 != spread {
					t.Errorf("%q, %s: pauses from %s over %s to %s", defect, name, low, median, high)
				}
				if least := pauses[0]; name == "retry-after" && least < time.Second || least < 150*time.Millisecond {
					t.Errorf("%q, %s: a pause of %s", defect, name, least)
				}
			})
		}
	}
}

// Who is told to wait waits, and so do the others of this process.
func TestBeingToldToWait(t *testing.T) {
	for defect, ignores := range map[defects.Defect]bool{"": false, defects.IgnoresRetryAfter: true} {
		synctest.Test(t, func(t *testing.T) {
			date := time.Now().Add(1200 * time.Millisecond).Truncate(time.Second).Add(time.Second)
			b := &bank{answer: func(n int, _ *http.Request) (*http.Response, error) {
				switch n {
				case 1:
					return says(429, "Retry-After", "1")
				case 2:
					return says(503, "Retry-After", date.UTC().Format(http.TimeFormat))
				}
				return says(201)
			}}
			c := clientOf(defect, b)
			told := make(chan error, 1)
			go func() { told <- payment(c, "one") }()
			time.Sleep(10 * time.Millisecond)
			err := payment(c, "another")
			if asked := err == nil || b.calls() > 1; asked != ignores {
				t.Errorf("%q: another payment meanwhile: %v", defect, err)
			}
			if after := RetryAfter(err); !ignores && (after < time.Second || after > 2*time.Second) {
				t.Errorf("%q: the customer is told to come back after %s", defect, after)
			}
			if err := <-told; err != nil {
				t.Errorf("%q: %v", defect, err)
			}
			if early := b.at[1].Sub(b.at[0]) < time.Second; early != ignores {
				t.Errorf("%q: pauses %s", defect, b.pauses())
			}
			if early := b.at[2].Before(date); !ignores && early {
				t.Errorf("%q: came back at %s, told %s", defect, b.at[2], date)
			}
		})
	}
}

// Who is told to wait for longer than there is time gives up at once.
func TestBeingToldToWaitForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{answer: func(int, *http.Request) (*http.Response, error) { return says(429, "Retry-After", "30") }}
		c, began := clientOf("", b), time.Now()
		for range 5 {
			if err := payment(c, "key"); !errors.Is(err, ErrUnavailable) || RetryAfter(err) != 30*time.Second {
				t.Errorf("%v, come back after %s", err, RetryAfter(err))
			}
		}
		if len(b.at) != 1 || time.Since(began) > 0 {
			t.Errorf("%d calls in %s", len(b.at), time.Since(began))
		}
	})
}

func TestRetryAfterInBothForms(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-3": 0, "soon": 0, "1.5": 0, "99999999": 24 * time.Hour,
		"Fri, 02 Jan 2026 03:04:09 GMT": 4 * time.Second, "Fri, 02 Jan 2026 03:04:01 GMT": 0,
	} {
		if got := parseRetryAfter(value, now); got != want {
			t.Errorf("%q is %s, want %s", value, got, want)
		}
	}
}

// A bank that says nothing holds a customer up for less than the api's five seconds.
func TestABankThatHangs(t *testing.T) {
	for defect, bounded := range map[defects.Defect]bool{"": true, defects.NoTimeout: false} {
		synctest.Test(t, func(t *testing.T) {
			b := &bank{answer: func(_ int, request *http.Request) (*http.Response, error) {
				select {
				case <-request.Context().Done():
					return nil, request.Context().Err()
				case <-time.After(time.Minute):
					return says(503)
				}
			}}
			began := time.Now()
			if err := payment(clientOf(defect, b), "key"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("%q: %v", defect, err)
			}
			if took := time.Since(began); took < 4*time.Second != bounded {
				t.Errorf("%q: the payment took %s", defect, took)
			}
		})
	}
}

// With eight payments a second, the breaker is open soon after an outage begins,
// however the bank fails, and closed soon after its end.
func TestTheBreakerFollowsAnOutage(t *testing.T) {
	for _, defect := range []defects.Defect{"", defects.NoBreaker} {
		for _, hangs := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				const from, to, end = 5 * time.Second, 15 * time.Second, 25 * time.Second
				b := &bank{answer: func(_ int, request *http.Request) (*http.Response, error) {
					out := time.Since(began) >= from && time.Since(began) < to
					switch {
					case out && hangs:
						<-request.Context().Done()
						return nil, request.Context().Err()
					case out:
						return says(503)
					}
					return says(201)
				}}
				c := clientOf(defect, b)
				for time.Since(began) < end {
					go func() { _ = payment(c, "key") }()
					time.Sleep(125 * time.Millisecond)
					synctest.Wait()
				}
				time.Sleep(5 * time.Second)
				inSecond := make([]int, 35)
				for _, at := range b.at {
					inSecond[at.Sub(began)/time.Second]++
				}
				open := slices.IndexFunc(inSecond[5:15], func(calls int) bool { return calls*5 <= 8 })
				closed := slices.IndexFunc(inSecond[15:25], func(calls int) bool { return calls*5 >= 4*8 })
				if healthy := open >= 0 && open <= 3 && closed >= 0 && closed <= 3; healthy != (defect == "") {
					t.Errorf("%q, hangs %v: calls in each second %v", defect, hangs, inSecond)
				}
			})
		}
	}
}

// A bank that took the money and did not say so is asked again with the same key.
func TestKeysOfAttempts(t *testing.T) {
	for defect, same := range map[defects.Defect]bool{"": true, defects.DoubleCharge: false} {
		synctest.Test(t, func(t *testing.T) {
			b := &bank{answer: func(n int, _ *http.Request) (*http.Response, error) {
				if n == 1 {
					return nil, io.ErrUnexpectedEOF
				}
				return says(201)
			}}
			if err := payment(clientOf(defect, b), "ord_1"); err != nil || len(b.keys) != 2 || (b.keys[0] == b.keys[1]) != same {
				t.Errorf("%q: keys %q, %v", defect, b.keys, err)
			}
		})
	}
}

// The bank moves to another address: only the defect goes on calling the old one.
func TestABankThatMoves(t *testing.T) {
	for defect, forever := range map[defects.Defect]bool{"": false, defects.DNSCachedForever: true} {
		once := DefaultTuning
		once.Attempts = 1
		c := NewClient("http://payments", once, defects.Set{defect: true}, telemetry.New("test"))
		dial := c.http.Transport.(*http.Transport).DialContext
		if (dial != nil) != forever {
			t.Errorf("%q: the client looks names up itself: %v", defect, dial != nil)
		}
		var network net.Error
		if err := payment(c, "key"); !errors.As(err, &network) { // payments is nobody's name here
			t.Errorf("%q: %v", defect, err)
		}
	}
}

// What payments came to, however many calls each of them took: also those that the
// breaker kept back.
func TestPaymentsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		code := http.StatusCreated
		m := telemetry.New("test")
		c := NewClient("http://payments", DefaultTuning, nil, m)
		c.http = &http.Client{Transport: &bank{answer: func(int, *http.Request) (*http.Response, error) { return says(code) }}}
		for _, code = range []int{http.StatusCreated, http.StatusPaymentRequired, http.StatusInternalServerError} {
			for range 5 {
				_ = payment(c, "key")
			}
		}
		page := httptest.NewRecorder()
		m.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, line := range []string{`payments_total{result="ok",service="test"} 5`, `payments_total{result="declined",service="test"} 5`, `payments_total{result="error",service="test"} 5`} {
			if !strings.Contains(page.Body.String(), line+"\n") {
				t.Errorf("no %s in\n%s", line, page.Body)
			}
		}
	})
}
