package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/authority"
	"github.com/shakedown-dev/shakedown/chaos/order"
)

func newAuthority(t testing.TB) *authority.Authority {
	t.Helper()
	made, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	a, err := authority.Open(made)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// secure is a client that asks for a name wherever it connects to.
func secure(t testing.TB, a *authority.Authority, addr string) *http.Client {
	c := web(t)
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: a.Pool()}
	c.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
	return c
}

// https is an upstream with a certificate of the authority.
func https(t testing.TB, a *authority.Authority, names ...string) string {
	t.Helper()
	leaf, err := a.Leaf(names, false)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(greet))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{*leaf}}
	s.Config.ErrorLog = quiet
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestTLSByName(t *testing.T) {
	a := newAuthority(t)
	p, addr := start(t, Config{Upstream: https(t, a, "api.pay.example", "api.sms.example")})
	pay, sms := "https://api.pay.example/", "https://api.sms.example/"
	ask := func(url string) got { return get(secure(t, a, addr), url) }
	if g := ask(pay); g.body != greeting {
		t.Fatalf("got %+v", g)
	}
	apply(t, p, "reset", order.HTTP{TLSReset: &order.TLSNames{Names: []string{"pay.example"}}})
	if g := ask(pay); !wasReset(g.err) {
		t.Errorf("got %+v", g)
	}
	if g := ask(sms); g.body != greeting {
		t.Errorf("got %+v", g)
	}
	if n := revert(t, p, "reset"); n["injected"] != 1 || n["reset"] != 1 {
		t.Errorf("counted %v", n)
	}
	apply(t, p, "slow", order.HTTP{Handshake: &order.Handshake{Delay: 50 * time.Millisecond}})
	begun := time.Now()
	if g := ask(pay); g.body != greeting || time.Since(begun) < 50*time.Millisecond {
		t.Errorf("got %+v after %s", g, time.Since(begun))
	}
	revert(t, p, "slow")
	apply(t, p, "slow", order.HTTP{Handshake: &order.Handshake{Delay: time.Hour}})
	held := make(chan got)
	go func() { held <- ask(pay) }()
	counted(t, p, "slow", "delayed", 1)
	revert(t, p, "slow")
	if g := <-held; g.body != greeting {
		t.Errorf("got %+v", g)
	}
}

func TestThirdPartyWithTLS(t *testing.T) {
	a := newAuthority(t)
	p, addr := start(t, Config{
		Service: "payments", TLS: true, Names: []string{"api.pay.example"}, Authority: a, Handler: http.HandlerFunc(greet), WriteCalls: true,
	})
	c := secure(t, a, addr)
	for _, url := range []string{"https://payments/", "https://api.pay.example/"} {
		if g := get(c, url); g.body != greeting {
			t.Fatalf("got %+v", g)
		}
	}
	if g := get(web(t), "http://"+addr); g.err == nil {
		t.Errorf("without TLS: %+v", g)
	}
	apply(t, p, "limit", order.HTTP{Errors: &order.Errors{Statuses: map[int]int{429: 1}, RetryAfter: time.Second}})
	if g := get(c, "https://payments/"); g.status != 429 || g.header.Get("Retry-After") != "1" { // inside of what was open
		t.Errorf("got %+v", g)
	}
	revert(t, p, "limit")
	apply(t, p, "expired", order.HTTP{Expired: &order.TLSNames{}})
	var invalid x509.CertificateInvalidError
	if g := get(secure(t, a, addr), "https://payments/"); !errors.As(g.err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("got %+v", g)
	}
	revert(t, p, "expired")
	if g := get(secure(t, a, addr), "https://payments/"); g.body != greeting {
		t.Errorf("got %+v", g)
	}
	if g := get(secure(t, newAuthority(t), addr), "https://payments/"); g.err == nil {
		t.Errorf("another authority is trusted: %+v", g)
	}
}

// TestRedirected: connections that were going elsewhere are taken apart where a
// fault asks for it, and only for its host.
func TestRedirected(t *testing.T) {
	a := newAuthority(t)
	up := netip.MustParseAddrPort(https(t, a, "api.pay.example", "api.sms.example"))
	p, addr := start(t, Config{Authority: a, OriginalDst: func(net.Conn) (netip.AddrPort, error) { return up, nil }})
	pay, sms := "https://api.pay.example/", "https://api.sms.example/"
	ask := func(url string) got { return get(secure(t, a, addr), url) }
	egress := &order.Egress{Host: "api.pay.example", Addresses: []netip.Addr{up.Addr()}, Port: int(up.Port()), TLS: true}
	apply(t, p, "errors", order.HTTP{Egress: egress, Errors: &order.Errors{}})
	if g := ask(pay); g.status != 503 {
		t.Errorf("got %+v", g)
	}
	if g := ask(sms); g.body != greeting {
		t.Errorf("got %+v", g)
	}
	revert(t, p, "errors")
	kept := secure(t, a, addr)
	apply(t, p, "latency", order.HTTP{Egress: egress, Latency: &order.Latency{P50: 50 * time.Millisecond}})
	begun := time.Now()
	if g := get(kept, pay); g.body != greeting || time.Since(begun) < 50*time.Millisecond { // through, to an upstream with TLS
		t.Errorf("got %+v after %s", g, time.Since(begun))
	}
	revert(t, p, "latency")
	if g := get(kept, pay); g.body != greeting { // what was taken apart stays so, and works
		t.Errorf("got %+v", g)
	}
	elsewhere := *egress
	elsewhere.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	apply(t, p, "elsewhere", order.HTTP{Egress: &elsewhere, Errors: &order.Errors{}})
	if g := ask(pay); g.body != greeting {
		t.Errorf("got %+v", g)
	}
	other := *egress
	other.Port = 1
	apply(t, p, "other", order.HTTP{Egress: &other, Errors: &order.Errors{}})
	if g := ask(pay); g.body != greeting {
		t.Errorf("got %+v", g)
	}
	apply(t, p, "refuse", order.HTTP{Egress: egress, Outage: &order.Outage{As: order.AsRefuse}})
	if g := ask(pay); !wasReset(g.err) {
		t.Errorf("got %+v", g)
	}
	revert(t, p, "refuse")
	apply(t, p, "expired", order.HTTP{Egress: egress, Expired: &order.TLSNames{}})
	var invalid x509.CertificateInvalidError
	if g := ask(pay); !errors.As(g.err, &invalid) {
		t.Errorf("got %+v", g)
	}
}

// TestUpstreamIsChecked: taking TLS apart must not make callers trust whom they
// would not have.
func TestUpstreamIsChecked(t *testing.T) {
	if system, err := x509.SystemCertPool(); err != nil || system.Equal(x509.NewCertPool()) {
		t.Skip("this system trusts nobody")
	}
	a := newAuthority(t)
	up := netip.MustParseAddrPort(https(t, newAuthority(t), "api.pay.example"))
	p, addr := start(t, Config{Authority: a, OriginalDst: func(net.Conn) (netip.AddrPort, error) { return up, nil }})
	apply(t, p, "corrupt", order.HTTP{Egress: &order.Egress{Host: "api.pay.example", TLS: true}, Corrupt: &order.Corrupt{}})
	if g := get(secure(t, a, addr), "https://api.pay.example/"); g.err == nil {
		t.Errorf("got %+v", g)
	}
}

// clientHello is what a real client sends for a name.
func clientHello(t testing.TB, name string) []byte {
	t.Helper()
	near, far := net.Pipe()
	go func() {
		_ = tls.Client(near, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake()
	}()
	defer func() { _ = near.Close(); _ = far.Close() }()
	b := make([]byte, 16<<10)
	n, err := io.ReadAtLeast(far, b, 5)
	if err != nil {
		t.Fatal(err)
	}
	if want := 5 + int(b[3])<<8 + int(b[4]); n < want {
		if _, err := io.ReadFull(far, b[n:want]); err != nil {
			t.Fatal(err)
		}
		n = want
	}
	return b[:n]
}

func TestServerName(t *testing.T) {
	long := strings.Repeat("a.", 100) + "example"
	for _, name := range []string{"api.pay.example", "API.Pay.Example", long, ""} {
		hello := clientHello(t, name)
		if got, whole, err := serverName(hello); got != strings.ToLower(name) || !whole || err != nil {
			t.Errorf("%q: %q, %v, %v", name, got, whole, err)
		}
		for n := range hello { // it waits for the whole record, and never fails before
			if got, whole, err := serverName(hello[:n]); got != "" || whole || err != nil {
				t.Fatalf("%q, %d bytes: %q, %v, %v", name, n, got, whole, err)
			}
		}
	}
}

// FuzzServerName compares with crypto/tls: a name that it reads is ours too.
func FuzzServerName(f *testing.F) {
	f.Add(clientHello(f, "api.pay.example"))
	f.Add(clientHello(f, ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		name, whole, err := serverName(data)
		if err != nil || !whole {
			return
		}
		var theirs string
		known := false
		_ = tls.Server(&replay{data: data}, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			theirs, known = h.ServerName, true
			return nil, errNoHello
		}}).Handshake()
		if known && !strings.EqualFold(strings.TrimSuffix(theirs, "."), name) {
			t.Errorf("we read %q, crypto/tls %q", name, theirs)
		}
	})
}

// replay is a connection whose other side has said something and will say no more.
type replay struct {
	net.Conn
	data []byte
}

func (r *replay) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

func (r *replay) Write(p []byte) (int, error)      { return len(p), nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }
func (r *replay) SetReadDeadline(time.Time) error  { return nil }
func (r *replay) Close() error                     { return nil }
