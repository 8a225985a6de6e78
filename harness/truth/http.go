package truth

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/redact/pgreason"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	maxPage      = 64 << 20 // bytes of one page
	maxReference = 8 << 10  // bytes of the path of the next page
	maxExcerpt   = 200      // bytes of an answer that an error quotes
)

// An httpSource is a list of a service, read page by page through its gateway.
type httpSource struct {
	scenarios.PlannedHTTPRead
	shape  shape
	target string // host:port
	first  *url.URL
}

func newHTTPSource(planned scenarios.PlannedHTTPRead, targets map[string]string) (*httpSource, error) {
	target := targets[planned.Service]
	if target == "" {
		return nil, fmt.Errorf("service %s cannot be reached: give it a port", planned.Service)
	}
	shape, err := newShape(planned)
	if err != nil {
		return nil, err
	}
	first, err := url.Parse("http://" + planned.Service + planned.Path)
	if err != nil || first.Host != planned.Service || !strings.HasPrefix(planned.Path, "/") {
		return nil, fmt.Errorf("%q is no path of %s", planned.Path, planned.Service)
	}
	return &httpSource{planned, shape, target, first}, nil
}

// read implements source.
func (s *httpSource) read(ctx context.Context, each func(string, int64) error) error {
	client, done := s.client()
	defer done()
	seed, seen := maphash.MakeSeed(), map[uint64]bool{} // by hash: paths are long, and there is no end to them
	for at := s.first; at != nil; {
		path := maphash.String(seed, at.RequestURI())
		if seen[path] {
			return s.about(at, errors.New("the pages go round in a circle: this one was read before; look at "+s.Next+" of the pages"))
		}
		seen[path] = true
		p, err := s.get(ctx, client, at)
		if err == nil {
			err = s.shape.items(p, each)
		}
		if err != nil {
			return s.about(at, err)
		}
		if at, err = s.next(at, p); err != nil {
			return s.about(at, err)
		}
	}
	return nil
}

// about says which page an error is of, without its query.
func (s *httpSource) about(at *url.URL, err error) error {
	if at == nil {
		at = s.first
	}
	return fmt.Errorf("GET %s%s: %w", s.Service, at.EscapedPath(), err)
}

// client is an HTTP client that reaches nothing but the gateway: whatever an
// answer says, no other address is asked. Call done when it is not needed any
// more.
func (s *httpSource) client() (client *http.Client, done func()) {
	transport := &http.Transport{ // no proxy, whatever the environment says
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.target)
		},
		MaxResponseHeaderBytes: 1 << 20,
	}
	redirect := func(r *http.Request, via []*http.Request) error {
		switch {
		case !s.own(r.URL):
			return errors.New("it redirects to another host, where nothing is read")
		case len(via) >= 10:
			return errors.New("it redirects again and again")
		}
		return nil
	}
	return &http.Client{Transport: transport, CheckRedirect: redirect}, transport.CloseIdleConnections
}

// own tells whether an address is one of the service.
func (s *httpSource) own(u *url.URL) bool {
	return u.Scheme == "http" && (u.Hostname() == s.Service || u.Host == s.target)
}

// get reads one page.
func (s *httpSource) get(ctx context.Context, client *http.Client, at *url.URL) (*page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, errors.New("its path cannot be asked for")
	}
	r.Header.Set("Accept", "application/json")
	for name, value := range s.Headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, transportReason(ctx, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		excerpt, _ := io.ReadAll(io.LimitReader(answer.Body, maxExcerpt))
		return nil, fmt.Errorf("status %d, body %q; it must be 200", answer.StatusCode, excerpt)
	}
	p, err := decode(answer.Body, maxPage)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return p, err
}

// transportReason is why there is no answer, without the address.
func transportReason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = fmt.Errorf("%s: %w", op.Op, pgreason.Innermost(op))
	}
	return fmt.Errorf("no answer: %w", err)
}

// next is the address of the page after one, nil if it is the last.
func (s *httpSource) next(at *url.URL, p *page) (*url.URL, error) {
	reference, err := s.shape.nextOf(p)
	if err != nil || reference == "" {
		return nil, err
	}
	next, err := at.Parse(reference)
	switch {
	case len(reference) > maxReference:
		return nil, fmt.Errorf("the path of the next page, at %s, has more than %d bytes", s.Next, maxReference)
	case err != nil:
		return nil, fmt.Errorf("what stands at %s is no path of a next page", s.Next)
	case !s.own(next):
		return nil, fmt.Errorf("the next page, at %s, is one of another host, where nothing is read", s.Next)
	}
	next.Scheme, next.Host, next.User, next.Fragment = "http", s.Service, nil, ""
	return next, nil
}
