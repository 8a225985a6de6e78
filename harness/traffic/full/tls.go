package full

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// tlsConfig is how connections to the target are secured. Sessions are not
// resumed: every connection stands for another client, and pays for its own
// handshake.
func tlsConfig(t exchange.Target) (*tls.Config, error) {
	config := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(t.Addr) // checked by New
	}
	if t.CA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, fmt.Errorf("read the ca of target %s: %w", t.Name, err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the ca of target %s: %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", t.Name, t.CA)
	}
	return config, nil
}

// handshakeError names what a TLS handshake failed with and what to do.
func handshakeError(t exchange.Target, err error) *wire.Error {
	failure := journal.BadResponse
	var network net.Error
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		failure = journal.Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		failure = journal.Closed
	case errors.As(err, &network) && network.Timeout():
		failure = journal.DialTimeout
	default:
		err = advised(t, err)
	}
	return &wire.Error{Failure: failure, Op: "TLS handshake with " + t.Addr, Err: err}
}

// advised adds what to do about a certificate or a peer that will not do.
func advised(t exchange.Target, err error) error {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		alert     tls.AlertError
	)
	advice := ""
	switch {
	case errors.As(err, &authority) && t.CA == "":
		advice = "nobody this machine trusts has signed the certificate; name the file with its authority's certificate in ca of target " + t.Name
	case errors.As(err, &authority):
		advice = fmt.Sprintf("the certificate is not signed by any in %s, the ca of target %s", t.CA, t.Name)
	case errors.As(err, &hostname):
		advice = fmt.Sprintf("call target %s by a name that is in its certificate (%s)", t.Name, names(hostname.Certificate))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		advice = "renew the certificate of target " + t.Name + ", or set this machine's clock"
	case errors.As(err, &record):
		advice = fmt.Sprintf("what answers at %s does not speak TLS; write http:// in the url of target %s", t.Addr, t.Name)
	case errors.As(err, &alert):
		advice = "the server refused the handshake; it may want another version of TLS, or a client certificate, which is not supported"
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}

// names are those that a certificate is for.
func names(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "it has none"
	}
	return strings.Join(all, ", ")
}
