package payments_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/payments"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// quick is a tuning whose pauses do not hold tests up.
var quick = payments.Tuning{
	Attempt: 5 * time.Second, Attempts: 3, Backoff: time.Millisecond, MaxBackoff: 4 * time.Millisecond,
	Patience: 2 * time.Second, Failures: 4, Window: 4, Open: time.Hour,
}

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

func newClient(t *testing.T, url string, tuning payments.Tuning) *payments.Client {
	t.Helper()
	c := payments.NewClient(url, tuning, nil, telemetry.New("test"))
	t.Cleanup(c.Close)
	return c
}

// simulator serves a real Server without latency.
func simulator(t *testing.T) string {
	t.Helper()
	return serve(t, payments.NewServer(0, 0).Handler(telemetry.New("payments"))).URL
}

type page struct {
	Total   int
	Charges []payments.Charge
	Next    string
}

func ledger(t *testing.T, url string) page { return pageAt(t, url+"/v1/charges") }

func pageAt(t *testing.T, url string) page {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var p page
	if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOneKeyIsChargedOnce(t *testing.T) {
	url := simulator(t)
	c := newClient(t, url, quick)
	var together sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		together.Go(func() {
			charge, err := c.Charge(t.Context(), "key", "ord_1", 500)
			if err != nil {
				t.Error(err)
			}
			ids[i] = charge.ID
		})
	}
	together.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Errorf("charges %q and %q for one key", ids[0], id)
		}
	}
	if p := ledger(t, url); p.Total != 1 || p.Charges[0].Order != "ord_1" || p.Charges[0].AmountCents != 500 {
		t.Errorf("ledger = %+v, want one charge", p)
	}
}

func TestPagesLeadToOneAnother(t *testing.T) {
	url := simulator(t)
	c := newClient(t, url, quick)
	for n := range 5 {
		if _, err := c.Charge(t.Context(), fmt.Sprint(n), "ord", 1); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int]string{1: "1 1 1 1 1", 2: "2 2 1", 4: "4 1", 5: "5", 6: "5", 0: "0"} {
		var sizes, keys []string
		for next := fmt.Sprintf("/v1/charges?limit=%d", limit); next != "" && len(sizes) < 10; {
			p := pageAt(t, url+next)
			sizes, next = append(sizes, fmt.Sprint(len(p.Charges))), p.Next
			for _, charge := range p.Charges {
				keys = append(keys, charge.Key)
			}
		}
		if got := strings.Join(sizes, " "); got != want || limit > 0 && strings.Join(keys, " ") != "0 1 2 3 4" {
			t.Errorf("pages of %d: %s with %v, want %s", limit, got, keys, want)
		}
	}
}

func TestStatusIsAsSlowAsTheBank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := payments.NewServer(200*time.Millisecond, 450*time.Millisecond).Handler(telemetry.New("payments"))
		for range 20 {
			began, answer := time.Now(), httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/status", nil))
			if took := time.Since(began); answer.Code != http.StatusOK || took < 200*time.Millisecond || took > 450*time.Millisecond {
				t.Errorf("/v1/status = %d after %s", answer.Code, took)
			}
		}
	})
}

func TestStatusAsTheClientSeesIt(t *testing.T) {
	hang := make(chan struct{})
	late := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(func() { close(hang) })
	broken, _ := failing(500)
	for name, tt := range map[string]struct {
		url  string
		well bool
	}{
		"well":    {simulator(t), true},
		"failing": {serve(t, broken).URL, false},
		"late":    {late.URL, false},
		"gone":    {"http://127.0.0.1:1", false},
	} {
		if err := newClient(t, tt.url, quick).Status(t.Context()); (err == nil) != tt.well {
			t.Errorf("%s: Status = %v", name, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	url := simulator(t)
	if _, err := newClient(t, url, quick).Charge(t.Context(), "used", "ord_1", 500); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, key, body string
		want            int
	}{
		{"no key", "", `{"order":"o","amount_cents":1}`, 400},
		{"not JSON", "k1", `order`, 400},
		{"unknown field", "k2", `{"order":"o","amount":1}`, 400},
		{"nothing to pay", "k3", `{"order":"o","amount_cents":0}`, 422},
		{"key of another charge", "used", `{"order":"ord_1","amount_cents":501}`, 422},
		{"above the limit", "k4", `{"order":"o","amount_cents":1000001}`, 402},
	} {
		request, _ := http.NewRequest(http.MethodPost, url+"/v1/charges", strings.NewReader(tt.body))
		request.Header.Set("Idempotency-Key", tt.key)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, response.StatusCode, tt.want)
		}
	}
	if p := ledger(t, url); p.Total != 1 {
		t.Errorf("%d charges, want the first alone", p.Total)
	}
}

// failing answers with the given status codes in turn, then with charges, and
// counts the calls.
func failing(codes ...int) (http.Handler, *atomic.Int64) {
	var calls atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(calls.Add(1))
		if n <= len(codes) {
			w.WriteHeader(codes[n-1])
			return
		}
		w.WriteHeader(http.StatusCreated)
		w.Write([]byte(`{"id":"chg_1"}`))
	}), &calls
}

func TestRetriesWhatCanHelpAndNothingElse(t *testing.T) {
	for _, tt := range []struct {
		name  string
		codes []int
		calls int64
		want  error // nil: charged
	}{
		{"at once", nil, 1, nil},
		{"after two failures", []int{500, 503}, 3, nil},
		{"after being asked to slow down", []int{429}, 2, nil},
		{"three failures are enough", []int{500, 500, 500}, 3, payments.ErrUnavailable},
		{"a decline is final", []int{402}, 1, payments.ErrDeclined},
		{"our own mistake is final", []int{400}, 1, payments.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			handler, calls := failing(tt.codes...)
			_, err := newClient(t, serve(t, handler).URL, quick).Charge(t.Context(), "key", "ord_1", 1)
			if !errors.Is(err, tt.want) || calls.Load() != tt.calls {
				t.Errorf("%v after %d calls; want %v after %d", err, calls.Load(), tt.want, tt.calls)
			}
		})
	}
}

func TestBreakerStopsAsking(t *testing.T) {
	handler, calls := failing(500, 500, 500, 500, 500, 500, 500, 500, 500, 500)
	c := newClient(t, serve(t, handler).URL, quick)
	for range 5 {
		if _, err := c.Charge(t.Context(), "key", "ord_1", 1); !errors.Is(err, payments.ErrUnavailable) {
			t.Errorf("Charge = %v, want ErrUnavailable", err)
		}
	}
	// 4 of 4 failures open the breaker; 15 calls would be a retry storm.
	if got := calls.Load(); got != 4 {
		t.Errorf("%d calls, want 4", got)
	}
}

func TestAttemptIsBounded(t *testing.T) {
	hang := make(chan struct{})
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-hang
	}))
	t.Cleanup(func() { close(hang) })
	tuning := quick
	tuning.Attempt = 20 * time.Millisecond
	if _, err := newClient(t, server.URL, tuning).Charge(t.Context(), "key", "ord_1", 1); !errors.Is(err, payments.ErrUnavailable) {
		t.Errorf("Charge = %v, want ErrUnavailable", err)
	}
}

func TestCallerThatHangsUpIsNotRetriedFor(t *testing.T) {
	ctx, hangUp := context.WithCancel(t.Context())
	var calls atomic.Int64
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		io.Copy(io.Discard, r.Body) // only then does a server notice that its client is gone
		hangUp()
		<-r.Context().Done()
	}))
	if _, err := newClient(t, server.URL, quick).Charge(ctx, "key", "ord_1", 1); err == nil {
		t.Error("Charge succeeded")
	}
	if calls.Load() != 1 {
		t.Errorf("%d calls, want 1", calls.Load())
	}
}
