package traffic

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

func TestJar(t *testing.T) {
	api, web := &target{}, &target{}
	type set struct {
		at     *target
		fields string // Set-Cookie values, one a line
	}
	for name, c := range map[string]struct {
		sets []set
		path string
		own  string
		want string
	}{
		"none":                      {nil, "/", "", ""},
		"one":                       {[]set{{api, "sid=abc; HttpOnly; Secure"}}, "/", "", "sid=abc"},
		"in the order of setting":   {[]set{{api, "b=1\na=2"}}, "/", "", "b=1; a=2"},
		"a new value":               {[]set{{api, "a=1\nb=2"}, {api, "a=3"}}, "/", "", "a=3; b=2"},
		"another service's":         {[]set{{web, "a=1"}}, "/", "", ""},
		"deleted by age":            {[]set{{api, "a=1"}, {api, "a=; Max-Age=0"}}, "/", "", ""},
		"deleted by date":           {[]set{{api, "a=1"}, {api, "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}}, "/", "", ""},
		"deleted before it was set": {[]set{{api, "a=; Max-Age=0"}}, "/", "", ""},
		"still good":                {[]set{{api, "a=1; Max-Age=60"}}, "/", "", "a=1"},
		"expired meanwhile":         {[]set{{api, "a=1; Max-Age=5"}}, "/", "", ""},
		"age before date":           {[]set{{api, "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}}, "/", "", "a=1"},
		"its path":                  {[]set{{api, "a=1; Path=/shop"}}, "/shop/cart?x=/", "", "a=1"},
		"exactly its path":          {[]set{{api, "a=1; Path=/shop"}}, "/shop?x=/", "", "a=1"},
		"not its path":              {[]set{{api, "a=1; Path=/shop"}}, "/shopping", "", ""},
		"behind the step's own":     {[]set{{api, "a=1"}}, "/", "mine=0", "mine=0; a=1"},
		"no cookie":                 {[]set{{api, "=x"}, {api, "nothing"}}, "/", "", ""},
		"quoted":                    {[]set{{api, `a="x y"`}}, "/", "", `a="x y"`},
	} {
		t.Run(name, func(t *testing.T) {
			j := jar{on: true}
			for _, s := range c.sets {
				j.take(headOf(t, "Set-Cookie: "+strings.ReplaceAll(s.fields, "\n", "\r\nset-cookie: ")), s.at, time.Second)
			}
			var header []exchange.Field
			if c.own != "" {
				header = append(header, exchange.Field{Name: "Cookie", Value: c.own})
			}
			got := ""
			for _, f := range j.add(header, c.path, api, 10*time.Second) {
				got += f.Value
			}
			if got != c.want {
				t.Errorf("sent %q, want %q", got, c.want)
			}
		})
	}
}

// headOf is the head of an answer with these header lines.
func headOf(t *testing.T, lines string) *wire.Head {
	t.Helper()
	head := &wire.Head{}
	if err := head.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\n"+lines+"\r\n\r\n")), wire.MaxHead); err != nil {
		t.Fatal(err)
	}
	return head
}

func TestJarIsBounded(t *testing.T) {
	j := jar{on: true}
	for i := range 200 {
		j.set(&http.Cookie{Name: strings.Repeat("n", i+1), Value: "v"}, nil, 0)
	}
	if len(j.all) != maxCookies || len(j.all[0].name) != 151 {
		t.Errorf("%d cookies, the first has a name of %d", len(j.all), len(j.all[0].name))
	}
}

// Each session has cookies of its own, and only where the cohort keeps them.
func TestCookiesOfSessions(t *testing.T) {
	var got asked
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: r.Header.Get("X-Session")})
			return
		}
		got.add(r.Header.Get("X-Session") + ": " + r.Header.Get("Cookie"))
	})
	login, use := get("/login"), get("/use")
	login.Headers = map[string]string{"X-Session": "${session}"}
	use.Headers = login.Headers
	plan := planOf(50, ms(100), login, use)
	plan.Load[0].Cookies = true
	plan.Load = append(plan.Load, plan.Load[0])
	plan.Load[1].Cookies = false
	play(t, plan, addr)
	kept := 0
	for _, line := range got.all {
		session, cookie, _ := strings.Cut(line, ": ")
		switch cookie {
		case "sid=" + session:
			kept++
		case "":
		default:
			t.Errorf("session %s sent %q", session, cookie)
		}
	}
	if len(got.all) != 10 || kept != 5 {
		t.Errorf("%d requests, %d with their cookie, want 10 and 5: %q", len(got.all), kept, got.all)
	}
}
