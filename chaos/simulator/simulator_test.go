package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// charges is the route that a bank would have.
var charges = order.Route{
	Method: "POST", Path: "/v1/charges", Status: 201, JSON: true, Idempotent: true, Effect: "charges", EffectOf: "${json.order}",
	Headers: map[string]string{"Location": "/v1/charges/${id}"},
	Body:    `{"id":"chg_${id}","order":"${json.order}","amount_cents":"${json.amount_cents}","key":"${key}","n":"${n}","text":"no ${n}"}`,
}

func bank(t *testing.T, routes ...order.Route) *simulator.Simulator {
	t.Helper()
	s, err := simulator.New(order.ThirdParty{Routes: routes}, "Idempotency-Key", 7)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask makes a call in memory.
func ask(s http.Handler, method, target, key, body string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func text(r *http.Response) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

type page struct {
	Items []struct{ Key, Of string }
	Total int
	Next  string
}

func effects(t *testing.T, s http.Handler, target string) page {
	t.Helper()
	var p page
	if err := json.Unmarshal([]byte(text(ask(s, "GET", target, "", ""))), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAnswersAreFilledIn(t *testing.T) {
	s := bank(t, charges,
		order.Route{Method: "GET", Path: "/v1/charges/{id}", Body: "charge ${path.id} of ${query.tenant} for ${header.X-Who}", Headers: map[string]string{"Content-Type": "text/plain"}},
	)
	answer := ask(s, "POST", "/v1/charges", "k1", `{"order":"ord \"1\"","amount_cents":12345678901234567}`)
	var got map[string]any
	decoder := json.NewDecoder(answer.Body)
	decoder.UseNumber()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 201 || got["order"] != `ord "1"` || got["amount_cents"] != json.Number("12345678901234567") || got["key"] != "k1" || got["n"] != json.Number("1") || got["text"] != "no 1" {
		t.Errorf("%d %v", answer.StatusCode, got)
	}
	if at := answer.Header.Get("Location"); at != "/v1/charges/"+strings.TrimPrefix(got["id"].(string), "chg_") {
		t.Errorf("the identifier of the header %q is not that of the body %v", at, got["id"])
	}
	r := httptest.NewRequest("GET", "/v1/charges/c7?tenant=acme", nil)
	r.Header.Set("X-Who", "api-1")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Body.String() != "charge c7 of acme for api-1" || w.Header().Get("Content-Type") != "text/plain" {
		t.Errorf("%q %v", w.Body, w.Header())
	}
}

func TestWhatIsAskedTwiceIsDoneOnce(t *testing.T) {
	s := bank(t, charges)
	first := ask(s, "POST", "/v1/charges", "k1", `{"order":"o1","amount_cents":1}`)
	again := ask(s, "POST", "/v1/charges", "k1", `{"order":"o1","amount_cents":1}`)
	other := ask(s, "POST", "/v1/charges", "k2", `{"order":"o1","amount_cents":1}`)
	if a, b := text(first), text(again); a != b {
		t.Errorf("the same key is answered with %s and then with %s", a, b)
	}
	if first.Header.Get(simulator.EffectHeader) != "1" || again.Header.Get(simulator.EffectHeader) != "" || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("marks: %v, then %v", first.Header, again.Header)
	}
	if other.StatusCode != 201 {
		t.Errorf("another key: %d", other.StatusCode)
	}
	// Two keys for one order are two charges: that is what a ledger is for.
	if p := effects(t, s, "/.shakedown/effects/charges"); p.Total != 2 || p.Items[0].Of != "o1" || p.Items[1].Of != "o1" || p.Items[1].Key != "k2" {
		t.Errorf("ledger: %+v", p)
	}
	if r := ask(s, "POST", "/v1/charges", "", `{}`); r.StatusCode != 400 || !strings.Contains(text(r), "Idempotency-Key") {
		t.Errorf("without a key: %d", r.StatusCode)
	}
}

// A caller that gives up does not stop the bank, and the next attempt with its
// key waits for what was begun.
func TestWorkGoesOnWithoutItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := charges
		slow.Latency = &order.Latency{P50: 3 * time.Second}
		s := bank(t, slow)
		began := time.Now()
		post := func(ctx context.Context) *http.Response {
			r := httptest.NewRequestWithContext(ctx, "POST", "/v1/charges", strings.NewReader(`{"order":"o1","amount_cents":1}`))
			r.Header.Set("Idempotency-Key", "k1")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w.Result()
		}
		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { post(gone) })
		<-gone.Done()
		synctest.Wait()
		answer := post(t.Context())
		if took := time.Since(began); answer.StatusCode != 201 || took != 3*time.Second {
			t.Errorf("%d after %v, want 201 when the first is done", answer.StatusCode, took)
		}
		all.Wait()
		if p := effects(t, s, "/.shakedown/effects/charges"); p.Total != 1 {
			t.Errorf("charged %d times", p.Total)
		}
	})
}

func TestTheLedgerIsReadPageByPage(t *testing.T) {
	s := bank(t, charges)
	for i := range 5 {
		ask(s, "POST", "/v1/charges", fmt.Sprint("k", i), fmt.Sprintf(`{"order":"o%d","amount_cents":1}`, i))
	}
	var got []string
	for next := "/.shakedown/effects/charges?limit=2"; next != ""; {
		p := effects(t, s, next)
		for _, item := range p.Items {
			got = append(got, item.Of)
		}
		next = p.Next
	}
	if strings.Join(got, " ") != "o0 o1 o2 o3 o4" {
		t.Errorf("read %v", got)
	}
	for target, want := range map[string]int{
		"/.shakedown/effects/refunds": 404, "/.shakedown/effects/charges?after=x": 400, "/.shakedown/effects/charges?limit=0": 400, "/elsewhere": 404,
	} {
		if r := ask(s, "GET", target, "", ""); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, r.StatusCode, want)
		}
	}
}

func TestRequestsThatCannotBeAnswered(t *testing.T) {
	s := bank(t, charges)
	for what, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"no JSON":        {`{"order":`, 400, "not JSON"},
		"nothing in it":  {`{}`, 422, "variable json."},
		"nothing at all": {``, 422, "variable json."},
		"too much":       {`"` + strings.Repeat("x", 1<<20) + `"`, 413, "bytes"},
	} {
		if r := ask(s, "POST", "/v1/charges", "key of "+what, c.body); r.StatusCode != c.status || !strings.Contains(text(r), c.says) {
			t.Errorf("%s: %d, want %d and %q", what, r.StatusCode, c.status, c.says)
		}
	}
	if p := effects(t, s, "/.shakedown/effects/charges"); p.Total != 0 {
		t.Errorf("%d charges were made of that", p.Total)
	}
}

// A caller that mends its request may send it again under the same key.
func TestARefusedRequestLeavesItsKeyFree(t *testing.T) {
	s := bank(t, charges)
	if r := ask(s, "POST", "/v1/charges", "k", `{}`); r.StatusCode != 422 {
		t.Fatalf("%d, want 422", r.StatusCode)
	}
	if r := ask(s, "POST", "/v1/charges", "k", `{"order":"o1","amount_cents":1}`); r.StatusCode/100 != 2 || r.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("the mended request: %d, %s", r.StatusCode, text(r))
	}
	if p := effects(t, s, "/.shakedown/effects/charges"); p.Total != 1 {
		t.Errorf("%d charges were made, want 1", p.Total)
	}
}

func TestRoutesThatAreWrong(t *testing.T) {
	for what, routes := range map[string][]order.Route{
		"no variable charge": {{Method: "GET", Path: "/a", Body: "${charge}"}},
		"closing brace":      {{Method: "GET", Path: "/a", Body: "${key"}},
		"json: ":             {{Method: "GET", Path: "/a", JSON: true, Body: "{"}},
		"the run's own":      {{Method: "GET", Path: "/.shakedown/effects/x"}},
		"begins with /":      {{Method: "GET", Path: "a"}},
		"conflicts":          {{Method: "GET", Path: "/a/{x}"}, {Method: "GET", Path: "/a/{y}"}},
		"header X-A":         {{Method: "GET", Path: "/a", Headers: map[string]string{"X-A": "${nobody}"}}},
	} {
		if _, err := simulator.New(order.ThirdParty{Routes: routes}, "Idempotency-Key", 1); err == nil || !strings.Contains(err.Error(), what) || !strings.HasPrefix(err.Error(), "route GET ") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheSameSeedTakesTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		times := func(seed uint64) (took [20]time.Duration) {
			s, err := simulator.New(order.ThirdParty{
				Latency: &order.Latency{P50: time.Second, P99: 5 * time.Second}, Routes: []order.Route{{Method: "GET", Path: "/"}},
			}, "Idempotency-Key", seed)
			if err != nil {
				t.Fatal(err)
			}
			for i := range took {
				began := time.Now()
				ask(s, "GET", "/", "", "")
				took[i] = time.Since(began)
			}
			return took
		}
		if a, b := times(3), times(3); a != b {
			t.Errorf("one seed, two sequences: %v and %v", a, b)
		}
		if a, b := times(3), times(4); a == b {
			t.Error("two seeds, one sequence")
		}
	})
}
