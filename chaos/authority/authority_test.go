package authority_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/chaos/authority"
	"github.com/shakedown-dev/shakedown/chaos/order"
)

func open(t *testing.T) *authority.Authority {
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

// shake does a handshake in memory and returns what the client says of it.
func shake(t *testing.T, leaf *tls.Certificate, client *tls.Config) error {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		server := tls.Server(there, &tls.Config{Certificates: []tls.Certificate{*leaf}})
		_, _ = io.Copy(io.Discard, server)
		server.Close()
	}()
	return tls.Client(here, client).Handshake()
}

func TestLeavesAreTrustedByThoseWhoTrustTheAuthority(t *testing.T) {
	a, other := open(t), open(t)
	good, err := a.Leaf([]string{"API.pay.example.", "127.0.0.1"}, false)
	if err != nil {
		t.Fatal(err)
	}
	old, err := a.Leaf([]string{"api.pay.example"}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		leaf *tls.Certificate
		name string
		pool *x509.CertPool
		want string // part of the error, "" for none
	}{
		{"its name", good, "api.pay.example", a.Pool(), ""},
		{"its address", good, "127.0.0.1", a.Pool(), ""},
		{"another name", good, "api.sms.example", a.Pool(), "not api.sms.example"},
		{"another authority", good, "api.pay.example", other.Pool(), "unknown authority"},
		{"expired", old, "api.pay.example", a.Pool(), "expired"},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := shake(t, c.leaf, &tls.Config{ServerName: c.name, RootCAs: c.pool})
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			var invalid x509.CertificateInvalidError
			if c.what == "expired" && (!errors.As(err, &invalid) || invalid.Reason != x509.Expired) {
				t.Errorf("got %v, want it to be expired and nothing else", err)
			}
		})
	}
}

func TestTheSameLeafForTheSameQuestion(t *testing.T) {
	a := open(t)
	first, err1 := a.Leaf([]string{"a.example"}, false)
	again, err2 := a.Leaf([]string{"A.example."}, false)
	expired, err3 := a.Leaf([]string{"a.example"}, true)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if first != again || first == expired {
		t.Error("leaves are not kept by name and kind")
	}
	if _, err := a.Leaf(nil, false); err == nil {
		t.Error("there is a certificate for nobody")
	}
}

func TestWhatIsNoAuthorityIsRefused(t *testing.T) {
	good, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	other, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	for what, from := range map[string]order.Authority{
		"nothing":              {},
		"no key":               {Certificate: good.Certificate},
		"the key of another":   {Certificate: good.Certificate, Key: other.Key},
		"a key in both places": {Certificate: good.Key, Key: good.Key},
		"more than one":        {Certificate: good.Certificate + other.Certificate, Key: good.Key},
	} {
		if _, err := authority.Open(from); err == nil {
			t.Errorf("%s is taken for an authority", what)
		}
	}
}
