package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/web"
)

// origin is an api that counts reads of the catalogue and can be broken.
type origin struct {
	broken atomic.Bool
	reads  atomic.Int64
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/catalogue" {
		o.reads.Add(1)
	}
	if o.broken.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("X-Seen", r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
	io.WriteString(w, "from the api")
}

func newWeb(t *testing.T, fresh time.Duration) (*origin, string) {
	t.Helper()
	o := &origin{}
	api := httptest.NewServer(o)
	t.Cleanup(api.Close)
	address, err := url.Parse(api.URL)
	if err != nil {
		t.Fatal(err)
	}
	m := telemetry.New("web")
	w := web.New(address, fresh, m, slog.New(slog.DiscardHandler))
	t.Cleanup(w.Close)
	front := httptest.NewServer(w.Handler(m))
	t.Cleanup(front.Close)
	return o, front.URL
}

func get(t *testing.T, url string) (status int, cache, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("X-Cache"), string(content)
}

func TestFreshEntryIsServedWithoutTheOrigin(t *testing.T) {
	o, front := newWeb(t, time.Hour)
	for _, want := range []string{"miss", "hit", "hit"} {
		if status, cache, body := get(t, front+"/v1/catalogue"); status != 200 || cache != want || body != "from the api" {
			t.Errorf("%d, %s, %q; want a %s", status, cache, body, want)
		}
	}
	if n := o.reads.Load(); n != 1 {
		t.Errorf("%d reads of the origin, want 1", n)
	}
}

func TestStaleEntryStandsInForABrokenOrigin(t *testing.T) {
	o, front := newWeb(t, 0) // every entry is stale at once
	get(t, front+"/v1/catalogue")
	o.broken.Store(true)
	for range 3 {
		if status, cache, body := get(t, front+"/v1/catalogue"); status != 200 || cache != "stale" || body != "from the api" {
			t.Errorf("%d, %s, %q; want the stale entry", status, cache, body)
		}
	}
}

func TestWithoutAnEntryABrokenOriginIsReported(t *testing.T) {
	o, front := newWeb(t, time.Hour)
	o.broken.Store(true)
	if status, _, body := get(t, front+"/v1/catalogue"); status != http.StatusBadGateway || !strings.Contains(body, "try again") {
		t.Errorf("%d, %q; want 502", status, body)
	}
}

func TestProxyPassesRequestsOn(t *testing.T) {
	_, front := newWeb(t, time.Hour)
	request, _ := http.NewRequest(http.MethodPost, front+"/v1/orders", nil)
	request.Header.Set("Authorization", "Bearer x")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if seen := response.Header.Get("X-Seen"); seen != "POST /v1/orders Bearer x" {
		t.Errorf("the api saw %q", seen)
	}
}

func TestPage(t *testing.T) {
	_, front := newWeb(t, time.Hour)
	if status, _, body := get(t, front+"/"); status != 200 || !strings.Contains(body, "<title>atelier</title>") {
		t.Errorf("%d, %q", status, body)
	}
	if status, _, _ := get(t, front+"/nothing"); status != http.StatusNotFound {
		t.Errorf("unknown page = %d, want 404", status)
	}
}
