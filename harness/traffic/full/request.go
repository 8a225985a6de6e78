package full

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// request is an exchange's request as net/http has it. Only framing is added:
// names of fields keep their spelling (HTTP/2 has none), and there is no
// User-Agent but the one given.
func (e *Engine) request(r *exchange.Request, b *body) *http.Request {
	req := &http.Request{
		Method: r.Method,
		URL:    e.address(r.Path),
		Host:   r.Host,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(r.Header)+1),
		Close:  !e.limits.Reuse,
	}
	for _, f := range r.Header {
		req.Header[f.Name] = append(req.Header[f.Name], f.Value)
	}
	if _, given := req.Header["User-Agent"]; !given {
		req.Header["User-Agent"] = nil // else net/http names itself
	}
	if !b.empty() {
		req.Body, req.ContentLength = b, b.length
		if r.Chunked {
			req.ContentLength = -1
		}
	}
	return req
}

// address is the URL that net/http turns into the very path again. Opaque is
// taken as it is, but for two slashes, which would start a host.
func (e *Engine) address(path string) *url.URL {
	u := &url.URL{Scheme: e.scheme, Host: e.target.Addr, Opaque: path}
	if strings.HasPrefix(path, "//") {
		raw, query, asked := strings.Cut(path, "?")
		u.Opaque, u.Path, u.RawPath = "", raw, raw
		if plain, err := url.PathUnescape(raw); err == nil {
			u.Path = plain
		}
		u.RawQuery, u.ForceQuery = query, asked && query == ""
	}
	return u
}

// headOf is the head of an answer. net/http keeps neither the order of the
// fields nor the spelling of their names: they come in alphabetical order. Of
// the fields that frame the message, Transfer-Encoding is gone.
func headOf(resp *http.Response) *wire.Head {
	reason := strings.TrimPrefix(strings.TrimPrefix(resp.Status, strconv.Itoa(resp.StatusCode)), " ")
	h := &wire.Head{Start: [3][]byte{[]byte(resp.Proto), []byte(strconv.Itoa(resp.StatusCode)), []byte(reason)}}
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		for _, value := range resp.Header[name] {
			h.Fields = append(h.Fields, wire.Field{Name: []byte(name), Value: []byte(value)})
		}
	}
	return h
}
