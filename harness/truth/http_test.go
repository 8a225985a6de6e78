package truth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// charges is the reading of a bank's charges, page by page.
func charges(path string) scenarios.PlannedHTTPRead {
	return scenarios.PlannedHTTPRead{Service: "pay_ments", Path: path, Items: "$.charges", Key: "$.order", Next: "$.next"}
}

// fetched is what a service that answers so gives.
func fetched(t *testing.T, planned scenarios.PlannedHTTPRead, handler http.HandlerFunc) ([]string, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	s, err := newHTTPSource(planned, map[string]string{"pay_ments": server.Listener.Addr().String()})
	if err != nil {
		return nil, err
	}
	return all(t.Context(), s)
}

// Pages come one after the other, whatever way a server has to name the next,
// and the service is asked by its own name.
func TestPages(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // which is not ours
	for _, next := range []string{"/v1/charges?after=%d", "?after=%d", "charges?after=%d", "http://pay_ments/v1/charges?after=%d", "http://pay_ments:8080/v1/charges?after=%d#here"} {
		var asked []string
		planned := charges("/v1/charges?after=0")
		planned.Headers = map[string]string{"Authorization": "Bearer geheim", "x-tenant": "acme"}
		rows, err := fetched(t, planned, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Host+r.RequestURI+" "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Tenant"))
			after := 0
			_, _ = fmt.Sscan(r.URL.Query().Get("after"), &after)
			link := ""
			if after < 2 {
				link = fmt.Sprintf(`, "next": "`+next+`"`, after+1)
			}
			_, _ = fmt.Fprintf(w, `{"charges": [{"order": "o-%d"}, {"order": %d, "deliveries": 2}]%s}`, after, after, link)
		})
		if got, want := fmt.Sprint(rows, err), "[o-0/0 0/2 o-1/0 1/2 o-2/0 2/2] <nil>"; got != want {
			t.Errorf("%s: %s, want %s", next, got, want)
		}
		if len(asked) != 3 || asked[2] != "pay_ments/v1/charges?after=2 Bearer geheim acme" {
			t.Errorf("%s: asked for %v", next, asked)
		}
	}
}

func TestLastPages(t *testing.T) {
	for _, body := range []string{
		`{"charges": null}`, `{"charges": []}`, `{"charges": [], "next": null}`, `{"charges": [], "next": ""}`, " \n{\"charges\": []}\n ",
	} {
		rows, err := fetched(t, charges("/"), func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) })
		if len(rows) != 0 || err != nil {
			t.Errorf("%s: %v, %v", body, rows, err)
		}
	}
}

// A list may be the whole of a page, and an item the key itself.
func TestBareLists(t *testing.T) {
	planned := charges("/v1/ids")
	planned.Items, planned.Key, planned.Next = "$", "$", ""
	rows, err := fetched(t, planned, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `["a", 12345678901234567890, true]`)
	})
	if got, want := fmt.Sprint(rows, err), "[a/0 12345678901234567890/0 true/0] <nil>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Whatever comes back, there is an end to it, and an error that says what it is.
func TestPagesThatAreWrong(t *testing.T) {
	huge := strings.Repeat(" ", 1<<20)
	for name, c := range map[string]struct {
		path, body string
		want       string
	}{
		"empty":                 {"/p", "", "GET pay_ments/p: the body is empty or null, not a list in JSON"},
		"null":                  {"/p", "null", "GET pay_ments/p: the body is empty or null, not a list in JSON"},
		"not JSON":              {"/p", "<html>", "GET pay_ments/p: the body is not JSON: invalid character '<' looking for beginning of value"},
		"cut":                   {"/p", `{"charges": [{`, "GET pay_ments/p: the body ends too early"},
		"two documents":         {"/p", `{"charges": []} {}`, "GET pay_ments/p: the body is more than one JSON document"},
		"something after":       {"/p", `{"charges": []} }`, "GET pay_ments/p: the body is not JSON: "},
		"no list":               {"/p", `{"orders": []}`, "GET pay_ments/p: nothing at $.charges, where the list of items should be"},
		"a list that is none":   {"/p", `{"charges": {}}`, "GET pay_ments/p: what stands at $.charges is no list"},
		"no key":                {"/p", `{"charges": [{"order": "a"}, {"id": 1}]}`, "GET pay_ments/p: item 2 has no key at $.order: "},
		"a key that is null":    {"/p", `{"charges": [{"order": null}]}`, "GET pay_ments/p: item 1 has no key at $.order: "},
		"a key that is a list":  {"/p", `{"charges": [{"order": [1]}]}`, "GET pay_ments/p: item 1 has no key at $.order: "},
		"a next that is none":   {"/p", `{"charges": [], "next": 7}`, "GET pay_ments/p: what stands at $.next is no path of a next page"},
		"a next that is broken": {"/p", `{"charges": [], "next": "http://a b/%zz"}`, "GET pay_ments/p: what stands at $.next is no path of a next page"},
		"a next elsewhere":      {"/p", `{"charges": [], "next": "http://127.0.0.1:1/"}`, "GET pay_ments/p: the next page, at $.next, is one of another host, where nothing is read"},
		"a next over TLS":       {"/p", `{"charges": [], "next": "https://pay_ments/"}`, "GET pay_ments/p: the next page, at $.next, is one of another host, where nothing is read"},
		"a next by user":        {"/p", `{"charges": [], "next": "//pay_ments@127.0.0.1/"}`, "GET pay_ments/p: the next page, at $.next, is one of another host, where nothing is read"},
		"a next without end":    {"/p", `{"charges": [], "next": "/` + strings.Repeat("x", 9000) + `"}`, "GET pay_ments/p: the path of the next page, at $.next, has more than 8192 bytes"},
		"the same again":        {"/p?token=geheim", `{"charges": [], "next": "/p?token=geheim"}`, "GET pay_ments/p: the pages go round in a circle"},
		"a long body":           {"/p", `{"charges": [` + strings.Repeat(huge, 65) + `]}`, "GET pay_ments/p: the body has more than 67108864 bytes; ask for smaller pages"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fetched(t, charges(c.path), func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, c.body) })
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

// Three pages that name each other are a circle as well.
func TestPagesInACircle(t *testing.T) {
	n := 0
	rows, err := fetched(t, charges("/1"), func(w http.ResponseWriter, r *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `{"charges": [{"order": %q}], "next": %q}`, r.URL.Path, map[string]string{"/1": "/2", "/2": "/3", "/3": "/2"}[r.URL.Path])
	})
	if n != 3 || len(rows) != 3 || err == nil || !strings.Contains(err.Error(), "GET pay_ments/2: the pages go round in a circle") {
		t.Errorf("%d pages, %v, %v", n, rows, err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"status": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no instance is ready", http.StatusServiceUnavailable)
		}, `status 503, body "no instance is ready\n"; it must be 200`},
		"no body": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, `status 204, body ""; it must be 200`},
		"to elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/geheim", http.StatusFound)
		},
			"no answer: it redirects to another host, where nothing is read"},
		"round and round": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/p", http.StatusFound) }, "no answer: it redirects again and again"},
		"cut off":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no answer: EOF"},
		"cut in the body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = fmt.Fprint(w, `{"charges": [`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "the body ends too early"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fetched(t, charges("/p"), c.handler)
			if want := "GET pay_ments/p: " + c.want; err == nil || err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
		})
	}
}

// A redirect within the service is followed.
func TestRedirects(t *testing.T) {
	rows, err := fetched(t, charges("/old"), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusFound)
			return
		}
		_, _ = fmt.Fprint(w, `{"charges": [{"order": "a"}]}`)
	})
	if fmt.Sprint(rows, err) != "[a/0] <nil>" {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestReadingsThatCannotBe(t *testing.T) {
	wrong := func(change func(*scenarios.PlannedHTTPRead)) scenarios.PlannedHTTPRead {
		planned := charges("/p")
		change(&planned)
		return planned
	}
	for want, planned := range map[string]scenarios.PlannedHTTPRead{
		"service worker cannot be reached": wrong(func(p *scenarios.PlannedHTTPRead) { p.Service = "worker" }),
		"items: ":                          wrong(func(p *scenarios.PlannedHTTPRead) { p.Items = "charges" }),
		"key: ":                            wrong(func(p *scenarios.PlannedHTTPRead) { p.Key = "" }),
		"next: ":                           wrong(func(p *scenarios.PlannedHTTPRead) { p.Next = "next" }),
		`"p" is no path of pay_ments`:      wrong(func(p *scenarios.PlannedHTTPRead) { p.Path = "p" }),
		`"@elsewhere/" is no path`:         wrong(func(p *scenarios.PlannedHTTPRead) { p.Path = "@elsewhere/" }),
		`"/%zz" is no path`:                wrong(func(p *scenarios.PlannedHTTPRead) { p.Path = "/%zz" }),
	} {
		if _, err := newHTTPSource(planned, map[string]string{"pay_ments": "127.0.0.1:1"}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// Nobody there, or somebody who says nothing: the reading ends with its time.
func TestServicesThatHang(t *testing.T) {
	s, err := newHTTPSource(charges("/p"), map[string]string{"pay_ments": "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all(t.Context(), s); err == nil || err.Error() != "GET pay_ments/p: no answer: dial: connection refused" {
		t.Errorf("error %v", err)
	}
	late := errors.New("no complete answer within 1s")
	for name, begin := range map[string]string{"no head": "", "half a body": `{"charges": [`} {
		ctx, cancel := context.WithCancelCause(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if begin != "" {
				_, _ = fmt.Fprint(w, begin)
				_ = http.NewResponseController(w).Flush()
			}
			cancel(late)
			<-r.Context().Done()
		}))
		s, err := newHTTPSource(charges("/p"), map[string]string{"pay_ments": server.Listener.Addr().String()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := all(ctx, s); !errors.Is(err, late) {
			t.Errorf("%s: error %v", name, err)
		}
		server.Close()
	}
}

// Pages that never come to an end do so with the reading's time.
func TestPagesWithoutEnd(t *testing.T) {
	late := errors.New("no complete answer within 1s")
	ctx, cancel := context.WithCancelCause(t.Context())
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 200 {
			cancel(late)
		}
		_, _ = fmt.Fprintf(w, `{"charges": [], "next": "/p?after=%d"}`, n)
	}))
	defer server.Close()
	s, err := newHTTPSource(charges("/p"), map[string]string{"pay_ments": server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := all(ctx, s); !errors.Is(err, late) || len(rows) > 0 || n < 200 {
		t.Errorf("%d pages: %v, %v", n, rows, err)
	}
}

// From what was acknowledged to the event, over HTTP: read until it is there.
func TestCompareOverHTTP(t *testing.T) {
	var mutex sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		n++
		_, _ = fmt.Fprint(w, []string{"", `{"charges": []}`, `{"charges": [{"order": "a"}]}`, `{"charges": [{"order": "b"}, {"order": "a"}]}`}[n])
	}))
	defer server.Close()
	l, planned := orders(0), charges("/v1/charges")
	l.HTTP, l.Within = &planned, scenarios.Duration(1e12)
	got := Compare(t.Context(), Config{
		Ledgers: []scenarios.PlannedLedger{l}, Book: bookOf(t, []scenarios.PlannedLedger{l}, nil, "a", "b"), Clock: clock.Start(),
		Targets: map[string]string{"pay_ments": server.Listener.Addr().String()},
	})[0]
	if got.Readings != 3 || got.Found != 2 || got.Missing != 0 || got.Error != "" {
		t.Errorf("%+v", got)
	}
}

// A page is anything at all.
func FuzzPage(f *testing.F) {
	for _, body := range []string{
		`{"charges": [{"order": "a", "deliveries": 2}], "next": "/2"}`, `{"charges": null}`, `[]`, `null`, `{"charges": [`, "\xff", `{"next": "//x@y"}`,
		`{"charges": [{"order": 1e999}], "next": "?"}`,
	} {
		f.Add(body)
	}
	s, err := newHTTPSource(charges("/1"), map[string]string{"pay_ments": "127.0.0.1:1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, err := decode(strings.NewReader(body), 1<<16)
		if err != nil {
			return
		}
		if len(body) > 1<<16 {
			t.Fatalf("%d bytes were taken", len(body))
		}
		_ = s.shape.items(p, func(string, int64) error { return nil })
		next, err := s.next(s.first, p)
		if err == nil && next != nil && (next.Host != "pay_ments" || next.User != nil || next.Scheme != "http") {
			t.Fatalf("the next page is at %s", next)
		}
	})
}
