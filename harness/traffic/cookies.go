package traffic

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// A jar holds the cookies of one session: what is set for a service is sent
// back to it, and only to it, below the cookie's path, until it expires.
//
// It is not net/http/cookiejar because that takes a map of maps, a lock and
// parsed URLs for each of tens of thousands of sessions, and would keep cookies
// marked Secure from services that are called without TLS here and with it in
// production. Domain is not looked at: a service has one name.
type jar struct {
	on  bool
	all []cookie // in the order in which they were first set
}

type cookie struct {
	target            *target
	name, value, path string
	expires           time.Duration // on the run's clock; 0: never
}

// maxCookies is how many cookies a session keeps; the oldest makes room.
const maxCookies = 50

// add appends the cookies for a target to a request's header, or puts them
// behind those that the step sends itself.
func (j *jar) add(header []exchange.Field, path string, t *target, now time.Duration) []exchange.Field {
	if len(j.all) == 0 {
		return header
	}
	var sent strings.Builder
	for i := range j.all {
		c := &j.all[i]
		if c.target != t || c.expires != 0 && c.expires <= now || !below(path, c.path) {
			continue
		}
		if sent.Len() > 0 {
			sent.WriteString("; ")
		}
		sent.WriteString(c.name + "=" + c.value)
	}
	if sent.Len() == 0 {
		return header
	}
	own := slices.IndexFunc(header, func(f exchange.Field) bool { return f.Name == "Cookie" })
	if own < 0 {
		return append(header, exchange.Field{Name: "Cookie", Value: sent.String()})
	}
	header[own].Value += "; " + sent.String()
	return header
}

// take sets and deletes cookies as an answer says. What is not a cookie is
// passed over, as browsers do.
func (j *jar) take(head *wire.Head, t *target, now time.Duration) {
	if !j.on {
		return
	}
	for _, f := range head.Fields {
		if !strings.EqualFold(string(f.Name), "Set-Cookie") {
			continue
		}
		if parsed, err := http.ParseSetCookie(string(f.Value)); err == nil {
			j.set(parsed, t, now)
		}
	}
}

func (j *jar) set(parsed *http.Cookie, t *target, now time.Duration) {
	c := cookie{target: t, name: parsed.Name, value: parsed.Value, path: parsed.Path}
	if parsed.Quoted {
		c.value = `"` + c.value + `"`
	}
	gone := parsed.MaxAge < 0
	switch {
	case parsed.MaxAge > 0:
		c.expires = now + time.Duration(min(parsed.MaxAge, 1<<30))*time.Second
	case parsed.MaxAge == 0 && !parsed.Expires.IsZero():
		left := time.Until(parsed.Expires)
		c.expires, gone = now+left, left <= 0
	}
	known := slices.IndexFunc(j.all, func(o cookie) bool {
		return o.target == t && o.name == c.name && o.path == c.path
	})
	switch {
	case known >= 0 && gone:
		j.all = slices.Delete(j.all, known, known+1)
	case known >= 0:
		j.all[known] = c
	case gone:
	default:
		if len(j.all) == maxCookies {
			j.all = slices.Delete(j.all, 0, 1)
		}
		j.all = append(j.all, c)
	}
}

// below tells whether a request's path lies in that of a cookie (RFC 6265,
// 5.1.4). One without a path is for all of the service.
func below(path, of string) bool {
	path, _, _ = strings.Cut(path, "?")
	if !strings.HasPrefix(of, "/") || path == of {
		return true
	}
	return strings.HasPrefix(path, of) && (strings.HasSuffix(of, "/") || path[len(of)] == '/')
}
