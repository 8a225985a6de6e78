package gameday

import (
	"net/http"
	"strings"
	"testing"
)

const note = `{"verb":"note","by":"ada","text":"it slows down"}`

// Only the page itself gets in, and only with the token: 403 for everybody else,
// whatever else is right with the request.
func TestOnlyThePageItselfIsServed(t *testing.T) {
	s, run := begun(t, nil)
	drive(s, run, 0, 1)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	base, _, _ := strings.Cut(s.URL(), "/?")
	cookie := cookieName(portOf(t, base)) + "=" + s.token
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"with the token":         {nil, 200},
		"without a token":        {func(r *http.Request) { r.Header.Del("Authorization") }, 403},
		"with another token":     {set("Authorization", "Bearer "+strings.Repeat("0", 32)), 403},
		"with part of the token": {set("Authorization", "Bearer "+s.token[:31]), 403},
		"with an empty token":    {set("Authorization", "Bearer "), 403},
		"with the cookie":        {func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("Cookie", cookie) }, 200},
		"with a cookie made up": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("Cookie", cookieName(portOf(t, base))+"=0")
		}, 403},
		"with another run's cookie":  {func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("Cookie", "shakedown-1="+s.token) }, 403},
		"with the token in the URL":  {func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "token=" + s.token }, 403},
		"from the page":              {set("Origin", base), 200},
		"from another origin":        {set("Origin", "https://evil.example"), 403},
		"from another port":          {set("Origin", "http://127.0.0.1:1"), 403},
		"from nowhere":               {set("Origin", "null"), 403},
		"cross-site":                 {set("Sec-Fetch-Site", "cross-site"), 403},
		"same-site":                  {set("Sec-Fetch-Site", "same-site"), 403},
		"same-origin":                {set("Sec-Fetch-Site", "same-origin"), 200},
		"by hand":                    {set("Sec-Fetch-Site", "none"), 200},
		"under a foreign name":       {func(r *http.Request) { r.Host = "evil.example" }, 403},
		"under one that begins well": {func(r *http.Request) { r.Host = "127.0.0.1.evil.example" }, 403},
		"under no name":              {func(r *http.Request) { r.Host = "0.0.0.0" }, 403},
		"under a forwarded port":     {func(r *http.Request) { r.Host = "localhost:9999" }, 200},
		"as a form":                  {set("Content-Type", "application/x-www-form-urlencoded"), 415},
		"as plain text":              {set("Content-Type", "text/plain"), 415},
		"as JSON in UTF-8":           {set("Content-Type", "application/json; charset=utf-8"), 200},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(run.commands())
			status, body := post(t, s, note, test.change)
			if status != test.want {
				t.Errorf("%d, want %d: %s", status, test.want, body)
			}
			if done := len(run.commands()) > before; done != (test.want == 200) {
				t.Errorf("the command was carried out: %v", done)
			}
			if strings.Contains(body, s.token) {
				t.Error("the answer has the token in it")
			}
		})
	}
}

// Every address asks for the token, and none can be read by other origins.
func TestEveryAddressIsGuarded(t *testing.T) {
	s, _ := begun(t, nil)
	base, _, _ := strings.Cut(s.URL(), "/?")
	for _, test := range []struct {
		method, path string
		open         bool
		want         int
	}{
		{"GET", "/", false, 403}, {"GET", "/events", false, 403}, {"POST", "/command", false, 403}, {"GET", "/nothing", false, 403},
		{"GET", "/", true, 200}, {"GET", "/command", true, 405}, {"POST", "/", true, 405}, {"GET", "/status", true, 404}, {"OPTIONS", "/command", true, 405},
	} {
		r, err := http.NewRequest(test.method, base+test.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if test.open {
			r.Header.Set("Authorization", "Bearer "+s.token)
		}
		if status, _ := do(t, r); status != test.want {
			t.Errorf("%s %s (token %v): %d, want %d", test.method, test.path, test.open, status, test.want)
		}
	}
}

// The first request turns the token into a cookie that scripts cannot read and other
// sites do not send, and takes it out of the address.
func TestTheTokenBecomesACookie(t *testing.T) {
	s, _ := begun(t, nil)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/" {
		t.Errorf("%s to %q", response.Status, response.Header.Get("Location"))
	}
	c := response.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Value != s.token {
		t.Errorf("the cookie is %v", c)
	}
	for _, header := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"} {
		if v := response.Header.Get(header); v != "" {
			t.Errorf("%s: %s", header, v)
		}
	}
	if response.Header.Get("Referrer-Policy") != "no-referrer" || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", response.Header)
	}
}
