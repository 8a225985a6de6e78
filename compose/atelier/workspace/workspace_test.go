package workspace_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reply is what a desk answers.
type reply struct {
	code       int
	retryAfter string
}

// A desk takes announcements. Its reply may be changed at any time.
type desk struct {
	*httptest.Server
	reply atomic.Pointer[reply]
	heard chan string // bodies
}

func openDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{heard: make(chan string, 100)}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.heard <- r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		now := d.reply.Load()
		if now.retryAfter != "" {
			w.Header().Set("Retry-After", now.retryAfter)
		}
		w.WriteHeader(now.code)
		_, _ = io.WriteString(w, `{"state":"whatever"}`)
	}))
	t.Cleanup(d.Close)
	d.answers(http.StatusOK, "")
	return d
}

func (d *desk) answers(code int, retryAfter string) { d.reply.Store(&reply{code, retryAfter}) }

// instance is the workspaces of one more instance on the same Redis; to may be "".
func instance(t *testing.T, to string, client *redis.Client) (*workspace.Workspaces, *telemetry.Metrics) {
	t.Helper()
	var address *url.URL
	if to != "" {
		var err error
		if address, err = url.Parse(to); err != nil {
			t.Fatal(err)
		}
	}
	m := telemetry.New("api")
	w := workspace.New(address, client, m, slog.New(slog.DiscardHandler))
	t.Cleanup(w.Close)
	return w, m
}

func newRedis(t *testing.T) *redis.Client {
	t.Helper()
	client := cache.Open(miniredis.RunT(t).Addr(), 4)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func page(m *telemetry.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// What an announcement is answered with decides what a session is told, and
// whether an upload may begin.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name       string
		code       int
		retryAfter string
		size       string
		wait       time.Duration
		counted    string
	}{
		{"granted", 200, "", workspace.Large, 0, "granted"},
		{"queued", 202, "", workspace.Queued, time.Second, "queued"},
		{"rejected", 429, "7", workspace.Standard, 7 * time.Second, "rejected"},
		{"rejected for no time", 429, "0", workspace.Standard, time.Second, "rejected"},
		{"rejected until a date", 429, "Sun, 22 Nov 2026 09:00:00 GMT", workspace.Standard, time.Second, "rejected"},
		{"rejected for good", 429, "", workspace.Standard, 0, "none"},
		{"not asked for", 204, "", workspace.Standard, 0, "none"},
		{"out of order", 503, "5", workspace.Standard, 0, "failed"},
		{"somebody else", 404, "", workspace.Standard, 0, "failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := openDesk(t)
			d.answers(tt.code, tt.retryAfter)
			w, m := instance(t, d.URL, newRedis(t))
			if size := w.Begin(t.Context(), "acme", "enterprise"); size != tt.size {
				t.Errorf("a session is told %q, want %q", size, tt.size)
			}
			if wait := w.Admit(t.Context(), "acme", "enterprise"); wait != tt.wait {
				t.Errorf("an upload waits for %s, want %s", wait, tt.wait)
			}
			for range 2 {
				if got, want := <-d.heard, `POST application/json {"account":"acme","tier":"enterprise"}`; got != want {
					t.Errorf("announced %s, want %s", got, want)
				}
			}
			if want := `workspace_announcements_total{service="api",state="` + tt.counted + `"} 2`; !strings.Contains(page(m), want) {
				t.Errorf("no %s on the metrics page", want)
			}
		})
	}
}

// Nobody but the tier is announced, and nobody where there is nowhere to.
func TestWhoIsNotAnnounced(t *testing.T) {
	d := openDesk(t)
	client := newRedis(t)
	with, _ := instance(t, d.URL, client)
	without, _ := instance(t, "", client)
	for _, tt := range []struct {
		w    *workspace.Workspaces
		tier string
	}{{with, "free"}, {with, "pro"}, {without, "enterprise"}} {
		size, wait := tt.w.Begin(t.Context(), "acme", tt.tier), tt.w.Admit(t.Context(), "acme", tt.tier)
		if size != workspace.Standard || wait != 0 {
			t.Errorf("%s: %q, wait %s; want the standard one and no wait", tt.tier, size, wait)
		}
	}
	if len(d.heard) > 0 {
		t.Errorf("announced %s", <-d.heard)
	}
}

// When nobody answers, the last answer holds, whichever instance got it.
func TestLastAnswerHolds(t *testing.T) {
	d := openDesk(t)
	client := newRedis(t)
	asked, _ := instance(t, d.URL, client)
	cut, _ := instance(t, "http://127.0.0.1:1", client)
	d.answers(http.StatusTooManyRequests, "30")
	asked.Begin(t.Context(), "acme", "enterprise")
	if size, wait := cut.Begin(t.Context(), "acme", "enterprise"), cut.Admit(t.Context(), "acme", "enterprise"); size != workspace.Standard || wait < time.Second {
		t.Errorf("%q, wait %s, of an account that was refused; want a wait", size, wait)
	}
	if wait := cut.Admit(t.Context(), "other", "enterprise"); wait != 0 {
		t.Errorf("an account that nobody refused waits for %s", wait)
	}
	d.answers(http.StatusOK, "")
	asked.Admit(t.Context(), "acme", "enterprise")
	if size, wait := cut.Begin(t.Context(), "acme", "enterprise"), cut.Admit(t.Context(), "acme", "enterprise"); size != workspace.Large || wait != 0 {
		t.Errorf("%q, wait %s, of an account that was granted one since; want it in", size, wait)
	}
}

func TestWithoutRedisTheAnswerCounts(t *testing.T) {
	d := openDesk(t)
	server := miniredis.RunT(t)
	client := cache.Open(server.Addr(), 4)
	t.Cleanup(func() { _ = client.Close() })
	server.SetError("LOADING Redis is loading the dataset in memory")
	w, _ := instance(t, d.URL, client)
	if size := w.Begin(t.Context(), "acme", "enterprise"); size != workspace.Large {
		t.Errorf("%q, want it large", size)
	}
	d.answers(http.StatusBadGateway, "")
	if wait := w.Admit(t.Context(), "acme", "enterprise"); wait != 0 {
		t.Errorf("wait %s although nobody refused", wait)
	}
}

func TestPrescaleLate(t *testing.T) {
	d := openDesk(t)
	w, _ := instance(t, d.URL, newRedis(t))
	w.Late = true
	if size := w.Begin(t.Context(), "acme", "enterprise"); size != workspace.Standard || len(d.heard) > 0 {
		t.Errorf("%q, %d announcements at the session's start; want none", size, len(d.heard))
	}
	if wait := w.Admit(t.Context(), "acme", "enterprise"); wait != 0 || len(d.heard) != 1 {
		t.Errorf("wait %s, %d announcements with the upload; want one", wait, len(d.heard))
	}
}

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSilentHookIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := workspace.AnnounceThrough(t.Context(), roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		if took := time.Since(began); took != 2*time.Second || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "check PRESCALE_WEBHOOK") {
			t.Errorf("after %s: %v; want it given up after 2s", took, err)
		}
	})
}

// Every second all accounts are announced again that were ever seen.
func TestPrescaleNeverReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := instance(t, "http://hook.test", nil)
		var heard []string
		w.Through(roundTrip(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			heard = append(heard, strings.Split(string(body), `"`)[3])
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}))
		w.Seen = &workspace.Seen{}
		w.Seen.Add("b")
		w.Seen.Add("a")
		w.Seen.Add("b")
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		w.Insist(ctx)
		if want := []string{"a", "b", "a", "b"}; !slices.Equal(heard, want) {
			t.Errorf("announced %q in 2.5s, want %q", heard, want)
		}
	})
}
