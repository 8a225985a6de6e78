package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// post announces something at a hook.
func post(t *testing.T, address, body string) (status int, header http.Header, answer string) {
	t.Helper()
	resp, err := http.Post("http://"+address+HookPath, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, strings.TrimSpace(string(text))
}

// hooked is an agent with a hook at the other end of a link.
func hooked(t *testing.T, session Answerer) (*Link, *recorder, string) {
	t.Helper()
	cfg := linkConfig()
	cfg.Hook = freeAddress(t)
	conn, ended := inProcess()
	r := newRecorder()
	l, err := Connect(t.Context(), conn, cfg, clock.Start(), r.emit, session)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		_ = l.Close()
		<-ended
	})
	return l, r, cfg.Hook
}

// freeAddress is one on which nobody listens.
func freeAddress(t *testing.T) string {
	g, _ := start(t, Config{})
	_ = g.Close()
	return g.Listening()
}

// What an application announces is on record before the harness answers, and
// the answer comes in the words of the webhook.
func TestAnnouncements(t *testing.T) {
	var r *recorder
	answers := map[string]Answer{
		"granted":  {State: "granted", Instance: "importer-1"},
		"renewed":  {State: "renewed"},
		"queued":   {State: "queued", Reason: "the budget is used"},
		"rejected": {State: "rejected", Reason: "the budget is used", RetryAfter: 1500 * time.Millisecond},
		"at once":  {State: "rejected"},
		"none":     {State: NoAnswer},
		"nothing":  {},
		"reason":   {Reason: "the engine refuses"},
	}
	_, r, hook := hooked(t, func(ctx context.Context, s journal.SessionSignal) Answer {
		if _, limited := ctx.Deadline(); !limited {
			t.Error("there is no end to the time for an answer")
		}
		found := false
		for _, event := range of[journal.SessionSignal](r) {
			found = found || event == s
		}
		if !found {
			t.Errorf("%+v is to be answered and not journaled", s)
		}
		return answers[s.Account]
	})
	for account, want := range map[string]struct {
		status int
		retry  string
		body   string
	}{
		"granted":  {200, "", `{"state":"granted","instance":"importer-1"}`},
		"renewed":  {200, "", `{"state":"granted"}`},
		"queued":   {202, "", `{"state":"queued","reason":"the budget is used"}`},
		"rejected": {429, "2", `{"state":"rejected","reason":"the budget is used"}`},
		"at once":  {429, "1", `{"state":"rejected"}`},
		"none":     {204, "", ""},
		"nothing":  {503, "", `{"state":"unavailable","reason":"shakedown had no answer"}`},
		"reason":   {503, "", `{"state":"unavailable","reason":"the engine refuses"}`},
	} {
		status, header, body := post(t, hook, fmt.Sprintf(`{"account": %q, "tier": "enterprise", "instance": "importer-2"}`, account))
		if status != want.status || header.Get("Retry-After") != want.retry || body != want.body {
			t.Errorf("%s: status %d, Retry-After %q, %s; want %+v", account, status, header.Get("Retry-After"), body, want)
		}
	}
	for _, s := range of[journal.SessionSignal](r) {
		if s.Service != "api" || s.Via != "webhook" || s.Tier != "enterprise" || s.Wants != "importer-2" {
			t.Errorf("journaled %+v", s)
		}
	}
}

func TestAnnouncementsThatAreNone(t *testing.T) {
	_, r, hook := hooked(t, nil)
	for body, want := range map[string]string{
		"":                              "no JSON object like",
		"account=a":                     "no JSON object like",
		"[]":                            "no JSON object like",
		"null":                          "no JSON object like",
		"{":                             "no JSON",
		`{"account"`:                    "no JSON",
		`{}`:                            "account is needed",
		`{"account": "a"}`:              "tier is needed",
		`{"account": "", "tier": "t"}`:  "account is needed",
		`{"account": 7, "tier": "t"}`:   "account is not a text",
		`{"account": {}, "tier": "t"}`:  "account is not a text",
		`{"account": "a", "tiers": ""}`: `\"tiers\" is not one of account, tier and instance`,
		`{"Account": "a"}`:              `\"Account\" is not one of`,
		`{"account": "a", "account": "b", "tier": "t"}`:                "stands there twice",
		`{"account": "a", "tier": "t"} {}`:                             "behind the object",
		`{"account": "a\u0000", "tier": "t"}`:                          "account is needed",
		`{"account": "a", "tier": "t", "instance": "\n"}`:              "instance is not the name",
		`{"account": "` + strings.Repeat("a", 5000) + `"}`:             "too large",
		`{"account": "` + strings.Repeat("a", 201) + `", "tier": "t"}`: "at most 200",
	} {
		status, _, answer := post(t, hook, body)
		if status != 400 || !strings.Contains(answer, want) || !strings.Contains(answer, `"state":"invalid"`) {
			t.Errorf("%.60q: status %d, %s; want %q", body, status, answer, want)
		}
	}
	for _, request := range []struct {
		method, path string
		want         int
	}{{"GET", HookPath, 405}, {"POST", "/", 404}, {"POST", HookPath + "/a", 404}} {
		req, _ := http.NewRequest(request.method, "http://"+hook+request.path, strings.NewReader(`{"account": "a", "tier": "t"}`))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != request.want {
			t.Errorf("%s %s: status %d, want %d", request.method, request.path, resp.StatusCode, request.want)
		}
	}
	if seen := of[journal.SessionSignal](r); len(seen) != 0 {
		t.Errorf("journaled %+v", seen)
	}
	if status, _, answer := post(t, hook, `{"account": "a", "tier": "t"}`); status != 429 || !strings.Contains(answer, "nothing in this run answers") {
		t.Errorf("nobody answers: status %d, %s", status, answer)
	}
}

// An announcement is journaled before anybody is asked, and whoever is asked
// hears at once when the agent is gone.
func TestAnnouncementsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journaled, asked, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
		emit := func(e journal.Event) {
			if _, ok := e.Body.(journal.SessionSignal); ok {
				<-journaled
			}
		}
		session := func(ctx context.Context, _ journal.SessionSignal) Answer {
			close(asked)
			<-ctx.Done()
			close(ended)
			return Answer{}
		}
		agent := fakeAgent(`{"session":1,"event":{"t":1,"type":"session.signal","body":{"account":"a"}}}` + "\n")
		l, err := Connect(t.Context(), agent, linkConfig(), clock.Start(), emit, session)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case <-asked:
			t.Error("asked before it was journaled")
		default:
		}
		began := time.Now()
		close(journaled)
		<-ended
		if took := time.Since(began); took != 0 {
			t.Errorf("heard of the end after %v", took)
		}
		_ = l.Close()
	})
}

// Whoever answers may use the link, take its time, and hold up nobody.
func TestAnswersMayUseTheLink(t *testing.T) {
	var l *Link
	made, release := make(chan struct{}), make(chan struct{})
	l, _, hook := hooked(t, func(_ context.Context, s journal.SessionSignal) Answer {
		<-made
		if s.Account == "slow" {
			<-release
		}
		return Answer{State: "granted", Reason: l.Status("api-1")}
	})
	close(made)
	slow := make(chan int)
	go func() { status, _, _ := post(t, hook, `{"account": "slow", "tier": "t"}`); slow <- status }()
	if status, _, answer := post(t, hook, `{"account": "a", "tier": "t"}`); status != 200 || !strings.Contains(answer, "unknown") {
		t.Errorf("status %d, %s", status, answer)
	}
	close(release)
	if status := <-slow; status != 200 {
		t.Errorf("the slow answer has status %d", status)
	}
}

// What is announced when the run ends is told so, and whoever answers hears of
// the end.
func TestAnnouncementsAtTheEnd(t *testing.T) {
	begun, over := make(chan struct{}), make(chan struct{})
	l, _, hook := hooked(t, func(ctx context.Context, _ journal.SessionSignal) Answer {
		close(begun)
		<-ctx.Done()
		close(over)
		return Answer{State: "granted"}
	})
	type reply struct {
		status int
		body   string
	}
	got := make(chan reply)
	go func() { status, _, body := post(t, hook, `{"account": "a", "tier": "t"}`); got <- reply{status, body} }()
	<-begun
	closed := make(chan error)
	go func() { closed <- l.Close() }()
	if r := <-got; r.status != 503 || !strings.Contains(r.body, "the run is over") {
		t.Errorf("got %+v", r)
	}
	<-over
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestHookPortTaken(t *testing.T) {
	g, _ := start(t, Config{})
	cfg := linkConfig()
	cfg.Hook = g.Listening()
	conn, ended := inProcess()
	_, err := Connect(t.Context(), conn, cfg, clock.Start(), newRecorder().emit, nil)
	if err == nil || !strings.Contains(err.Error(), "is taken") {
		t.Errorf("got %v", err)
	}
	<-ended
}

// fakeHook is a hook without a server.
func fakeHook(tell func(id int, s journal.SessionSignal) error) *hook {
	return &hook{service: "api", tell: tell, over: make(chan struct{}), waiting: map[int]chan Answer{}}
}

func announce(ctx context.Context, h *hook) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", HookPath, strings.NewReader(`{"account": "a", "tier": "t"}`)))
	return w
}

// An application waits five seconds for a harness that says nothing, and hears
// at once of one that cannot be told.
func TestHarnessThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeHook(func(int, journal.SessionSignal) error { return nil })
		began := time.Now()
		w := announce(t.Context(), h)
		if took := time.Since(began); w.Code != 503 || took != 5*time.Second || !strings.Contains(w.Body.String(), "did not answer within 5s") {
			t.Errorf("status %d after %v: %s", w.Code, took, w.Body)
		}
		if len(h.waiting) != 0 {
			t.Error("its place is kept")
		}
		h.answered(1, Answer{State: "granted"}) // too late
		h.tell = func(int, journal.SessionSignal) error { return errors.New("broken pipe") }
		if w := announce(t.Context(), h); w.Code != 503 || !strings.Contains(w.Body.String(), "broken pipe") {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}

func TestTooManyAnnouncements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := fakeHook(func(int, journal.SessionSignal) error { return nil })
		for range announcementsLimit {
			go announce(ctx, h)
		}
		synctest.Wait()
		if w := announce(ctx, h); w.Code != 503 || !strings.Contains(w.Body.String(), "wait for an answer already") {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		cancel() // they hang up
		synctest.Wait()
		if len(h.waiting) != 0 {
			t.Errorf("%d places are kept for clients that have gone", len(h.waiting))
		}
	})
}

func FuzzAnnouncement(f *testing.F) {
	for _, body := range []string{`{"account": "a", "tier": "t"}`, `{"account": "a", "tier": "t", "instance": "i"}`, `{"tier": [1], "a"`, "{}{}", "\xff"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := readAnnouncement(strings.NewReader(string(body)))
		if err != nil {
			return
		}
		if !isName([]byte(s.Account), longestAccount) || !isName([]byte(s.Tier), longestTier) || s.Via != "webhook" || s.Service != "" {
			t.Fatalf("%q became %+v", body, s)
		}
	})
}

// A page comes over the link, while other commands are answered.
func TestLinkFetches(t *testing.T) {
	l, _, _ := hooked(t, nil)
	addr := upstream(t, answers(okResponse))
	page, err := l.Fetch(t.Context(), addr, "/metrics")
	if err != nil || page.Status != 200 || string(page.Body) != "ok" {
		t.Errorf("got %+v, %v", page, err)
	}
	if _, err := l.Fetch(t.Context(), "127.0.0.1:1", "/metrics"); err == nil || !strings.Contains(err.Error(), "get http://127.0.0.1:1/metrics: dial") {
		t.Errorf("nobody listens: %v", err)
	}
	reached, release := make(chan struct{}), make(chan struct{})
	slow := upstream(t, func(conn *net.TCPConn, in *bufio.Reader) {
		_, _ = http.ReadRequest(in)
		close(reached)
		<-release
		_, _ = io.WriteString(conn, okResponse)
	})
	waiting := make(chan error)
	go func() { _, err := l.Fetch(t.Context(), slow, "/metrics"); waiting <- err }()
	<-reached
	if status := l.Status("api-1"); status != "unknown" {
		t.Errorf("status %q beside a fetch", status)
	}
	close(release) // only now
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	silent := upstream(t, func(_ *net.TCPConn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, err := l.Fetch(ctx, silent, "/metrics"); waiting <- err }()
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
}
