package gameday

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// newToken is 128 random bits, in hex.
func newToken() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// cookieName has the port in it, because a browser sends the cookies of a host to all
// of its ports, and there may be two runs.
func cookieName(port int) string { return "shakedown-" + strconv.Itoa(port) }

// guard lets through only what the page itself asks for, with the token: pages of the
// web can send requests to this address too, and under names of their own read the
// answers. A request for the page with ?token= turns the token into a cookie, so that
// it stands in no history.
func guard(token, cookie string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if why := foreign(r); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		if given := r.URL.Query().Get("token"); r.Method == http.MethodGet && r.URL.Path == "/" && same(given, token) {
			http.SetCookie(w, &http.Cookie{Name: cookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}) //nolint:gosec // loopback speaks no TLS
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		if !authorized(r, token, cookie) {
			http.Error(w, "open the page with the address that shakedown printed, token and all", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign says why a request does not come from our own page, "" if it may.
func foreign(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if host != "localhost" && host != "127.0.0.1" { // any port: it may be forwarded
		return "ask for 127.0.0.1 or localhost"
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return "this page takes requests from itself only"
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return "this page takes requests from itself only; open its address by hand"
	}
	return ""
}

// authorized tells whether the token came along, as a bearer or as the cookie.
func authorized(r *http.Request, token, cookie string) bool {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return same(bearer, token)
	}
	c, err := r.Cookie(cookie)
	return err == nil && same(c.Value, token)
}

// same compares in a time that tells nothing.
func same(given, token string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
}
