package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

const (
	// PageLimit bounds the body of a page, in bytes.
	PageLimit = 512 << 10
	// pagePatience is how long a page may take.
	pagePatience = 2 * time.Second
)

// A Page is what an address answered.
type Page struct {
	Status int    `json:"status"`
	Body   []byte `json:"body"` // of at most PageLimit bytes
}

// A Letter is a request to an address.
type Letter struct {
	Method  string            `json:"method,omitempty"` // "" is GET
	Path    string            `json:"path"`             // with the query
	Headers map[string]string `json:"headers,omitempty"`
}

// Page gets a page from an address of the networks that the gateway is on, on a
// connection of its own. It is in no tally. It takes at most two seconds; a body
// that is longer than PageLimit is an error.
func (g *Gateway) Page(addr, path string) (Page, error) { return g.Send(addr, Letter{Path: path}) }

// Send sends a request without a body, as Page does.
func (g *Gateway) Send(addr string, letter Letter) (Page, error) {
	ctx, cancel := context.WithTimeout(g.ctx, pagePatience)
	defer cancel()
	letter.Method = cmp.Or(letter.Method, http.MethodGet)
	page, err := g.send(ctx, addr, letter)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("no whole answer within %s (%w)", pagePatience, err)
	}
	if err != nil {
		return Page{}, fmt.Errorf("%s http://%s%s: %w", strings.ToLower(letter.Method), addr, letter.Path, err)
	}
	return page, nil
}

func (g *Gateway) send(ctx context.Context, addr string, letter Letter) (Page, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return Page{}, errors.New("the address is not host:port")
	}
	target, err := url.ParseRequestURI(letter.Path)
	if err != nil || target.Host != "" {
		return Page{}, fmt.Errorf("%q is not a path", letter.Path)
	}
	header := http.Header{"User-Agent": {"shakedown-metrics"}}
	for name, value := range letter.Headers {
		header.Set(name, value)
	}
	host := cmp.Or(header.Get("Host"), addr)
	header.Del("Host")
	conn, err := g.net.dial(ctx, addr)
	if err != nil {
		return Page{}, err
	}
	resp, err := wire.NewConn(conn, time.Now()).Exchange(ctx, &http.Request{
		Method: letter.Method, URL: target, Host: host, Header: header,
	})
	if err != nil {
		return Page{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, PageLimit+1))
	switch {
	case err != nil:
		return Page{}, err
	case len(body) > PageLimit:
		return Page{}, fmt.Errorf("the page is longer than %d KiB", PageLimit>>10)
	}
	return Page{Status: resp.Status, Body: body}, nil
}
