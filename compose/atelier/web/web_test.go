package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/web"
)

// origin is an api that counts reads of what is for sale, and can be broken and held up.
type origin struct {
	broken  atomic.Bool
	reads   atomic.Int64
	entered chan struct{} // told of each request before the gate
	gate    chan struct{} // nil: open
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/catalogue" || strings.HasPrefix(r.URL.Path, "/v1/products/") {
		o.reads.Add(1)
	}
	if o.gate != nil {
		o.entered <- struct{}{}
		<-o.gate
	}
	if strings.HasSuffix(r.URL.Path, "/none") {
		w.WriteHeader(http.StatusNotFound)
		return
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
	w := web.New(address, fresh, "secret", m, slog.New(slog.DiscardHandler))
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

func purge(t *testing.T, front, token string) int {
	t.Helper()
	request, _ := http.NewRequest(http.MethodPost, front+"/purge", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestOnlyWhoHasTheTokenPurges(t *testing.T) {
	o, front := newWeb(t, time.Hour)
	get(t, front+"/v1/catalogue")
	if status := purge(t, front, "guess"); status != http.StatusUnauthorized {
		t.Errorf("purge with a wrong token = %d", status)
	}
	if _, cache, _ := get(t, front+"/v1/catalogue"); cache != "hit" {
		t.Errorf("after a purge that was refused: %s", cache)
	}
	if status := purge(t, front, "secret"); status != http.StatusNoContent {
		t.Errorf("purge = %d", status)
	}
	if _, cache, _ := get(t, front+"/v1/catalogue"); cache != "miss" || o.reads.Load() != 2 {
		t.Errorf("after the purge: %s, %d reads of the origin", cache, o.reads.Load())
	}
	m := telemetry.New("web")
	locked := httptest.NewServer(web.New(&url.URL{Scheme: "http", Host: "api"}, time.Hour, "", m, slog.New(slog.DiscardHandler)).Handler(m))
	defer locked.Close()
	if status := purge(t, locked.URL, ""); status != http.StatusForbidden {
		t.Errorf("purge without a token to have = %d", status)
	}
}

// However many want it after a purge, the origin is asked once for each address.
func TestTheOriginSurvivesAPurge(t *testing.T) {
	o, front := newWeb(t, time.Hour)
	o.entered, o.gate = make(chan struct{}, 64), make(chan struct{})
	var together sync.WaitGroup
	paths := []string{"/v1/catalogue", "/v1/products/p-001", "/v1/products/p-002"}
	for range 12 {
		for _, path := range paths {
			together.Go(func() {
				if status, _, body := get(t, front+path); status != 200 || body != "from the api" {
					t.Errorf("%s = %d, %q", path, status, body)
				}
			})
		}
	}
	for range paths {
		<-o.entered
	}
	close(o.gate)
	together.Wait()
	if n := o.reads.Load(); n != 3 {
		t.Errorf("%d reads of the origin, want one for each address", n)
	}
}

// What was asked for before a purge may be what the purge is about.
func TestAPurgeReachesWhatIsUnderWay(t *testing.T) {
	o, front := newWeb(t, time.Hour)
	o.entered, o.gate = make(chan struct{}, 8), make(chan struct{})
	var before sync.WaitGroup
	before.Go(func() { get(t, front+"/v1/catalogue") })
	<-o.entered
	purge(t, front, "secret")
	close(o.gate)
	before.Wait()
	if _, cache, _ := get(t, front+"/v1/catalogue"); cache != "miss" || o.reads.Load() != 2 {
		t.Errorf("after the purge: %s, %d reads of the origin", cache, o.reads.Load())
	}
}

func TestWhatThereIsNotIsNotKept(t *testing.T) {
	o, front := newWeb(t, time.Hour)
	for range 2 {
		if status, cache, _ := get(t, front+"/v1/products/none"); status != http.StatusNotFound || cache != "miss" {
			t.Errorf("%d, %s", status, cache)
		}
	}
	if n := o.reads.Load(); n != 2 {
		t.Errorf("%d reads of the origin", n)
	}
}
