package proxy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// handshakeFor bounds a handshake of TLS that is taken apart, but for what a fault
// adds to it.
const handshakeFor = 10 * time.Second

// greet reads the beginning of a handshake of TLS, does what is done to
// handshakes, and tells what the connection carries from there on: HTTP where TLS
// is taken apart, bytes where it is passed on.
func (c *conn) greet() (talk, bool) {
	sni, ok := c.hello()
	if !ok {
		return otherTalk, false
	}
	c.sni.Store(&sni)
	dissect, expired, ok := c.handshakeFaults()
	switch {
	case !ok:
		c.cut(true)
		return otherTalk, false
	case !dissect && c.p.cfg.Handler != nil:
		return otherTalk, false // HTTPS to a third party without TLS
	case !dissect:
		if c.dissects {
			c.ahead()
		}
		return otherTalk, true
	}
	if !c.terminate(expired) {
		return otherTalk, false
	}
	c.pass(callers)
	return c.recognize()
}

// hello waits for the ClientHello, leaves it where it is, and gives the name it
// asks for, in lower case.
func (c *conn) hello() (sni string, ok bool) {
	r := c.client.R
	for {
		p, _ := r.Peek(r.Buffered())
		name, whole, err := serverName(p)
		if err != nil || whole || len(p) == r.Size() {
			return name, true // what is no TLS after all is passed on as it is
		}
		if _, err := r.Peek(len(p) + 1); err != nil && r.Buffered() == len(p) {
			c.callerEnded(err)
			return "", false
		}
	}
}

// handshakeFaults does what is done before a handshake, and tells what is to
// become of it. ok is false where the connection is reset.
func (c *conn) handshakeFaults() (dissect, expired, ok bool) {
	dissect = c.p.cfg.TLS
	for _, f := range *c.p.inForce.Load() {
		if !f.meets(c) {
			continue
		}
		dissect = dissect || c.dissects && f.Egress != nil && f.Egress.TLS
		if f.stage != handshaking || f.TLSReset != nil && !named(f.TLSReset, c.name()) ||
			f.Expired != nil && (!c.dissects || !named(f.Expired, c.name())) {
			continue
		}
		h, hits := f.draw()
		f.connections.Add(1)
		if !hits || !f.enter() {
			continue
		}
		f.injected.Add(1)
		ok := true
		switch {
		case f.TLSReset != nil:
			f.reset.Add(1)
			ok = false
		case f.Handshake != nil:
			f.delayed.Add(1)
			ok = c.hold(h.fault, f.Handshake.Delay, nil)
		default:
			dissect, expired = true, true
		}
		f.leave()
		if !ok {
			return false, false, false
		}
	}
	return dissect, expired, true
}

// terminate takes TLS apart: from here on the connection is what is inside.
func (c *conn) terminate(expired bool) bool {
	names := c.names()
	leaf, err := c.p.cfg.Authority.Leaf(names, expired)
	if err != nil {
		c.cut(true)
		return false
	}
	conn := tls.Server(&buffered{Conn: c.raw, from: c.client}, &tls.Config{
		Certificates: []tls.Certificate{*leaf}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12,
	})
	_ = c.raw.SetDeadline(time.Now().Add(handshakeFor))
	err = conn.HandshakeContext(c.ctx)
	_ = c.raw.SetDeadline(time.Time{})
	if err != nil {
		return false // most often a caller that does not like the certificate
	}
	c.mu.Lock()
	c.client = wire.NewConn(conn, time.Time{})
	c.begun, c.secret, c.inside = false, true, c.p.cfg.Handler == nil
	c.mu.Unlock()
	return true
}

// names are those of the certificate that a connection is shown.
func (c *conn) names() []string {
	if c.p.cfg.TLS {
		return append([]string{c.p.cfg.Service}, c.p.cfg.Names...)
	}
	if name := c.name(); name != "" {
		return []string{name}
	}
	if c.dst.IsValid() {
		return []string{c.dst.Addr().String()}
	}
	return []string{c.p.cfg.Service}
}

// upstreamTLS is how an upstream is spoken to whose TLS was taken apart. It is
// trusted as its caller would: by the run's authority, or by what the system
// trusts. Where that is nobody, as in an image without certificates, nothing can
// be told from anything, and everybody is trusted.
func (p *Proxy) upstreamTLS(sni string) *tls.Config {
	return &tls.Config{
		ServerName: sni, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection does it, against both
		VerifyConnection:   func(s tls.ConnectionState) error { return p.trust(s, sni) },
	}
}

func (p *Proxy) trust(s tls.ConnectionState, sni string) error {
	opts := x509.VerifyOptions{DNSName: sni, Roots: p.cfg.Authority.Pool(), Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := s.PeerCertificates[0].Verify(opts); err == nil {
		return nil
	}
	opts.Roots, _ = x509.SystemCertPool()
	if opts.Roots == nil || opts.Roots.Equal(x509.NewCertPool()) {
		return nil
	}
	_, err := s.PeerCertificates[0].Verify(opts)
	return err
}

// buffered is a connection of which a part was read ahead.
type buffered struct {
	net.Conn
	from *wire.Conn
}

// Read is net.Conn.
func (b *buffered) Read(p []byte) (int, error) {
	if b.from.R.Buffered() > 0 {
		return b.from.R.Read(p)
	}
	return b.Conn.Read(p)
}

// serverName takes the beginning of a handshake apart, as far as the name that it
// asks for (RFC 8446, 4.1.2; RFC 6066, 3). whole is false while more has to come;
// an error says that it is no ClientHello, or has several records, of which
// only the first is looked at.
func serverName(p []byte) (name string, whole bool, err error) {
	if len(p) < 5 {
		return "", false, nil
	}
	length := int(binary.BigEndian.Uint16(p[3:]))
	if p[0] != 0x16 || p[1] != 3 || length < 4 || length > 1<<14 {
		return "", false, errNoHello
	}
	if len(p) < 5+length {
		return "", false, nil
	}
	r := record(p[5 : 5+length])
	if kind := r.take(1); kind == nil || kind[0] != 1 {
		return "", false, errNoHello
	}
	r.take(3 + 2 + 32) // length, version, random
	r.vector(1)        // session
	r.vector(2)        // cipher suites
	r.vector(1)        // compression methods
	extensions := record(r.vector(2))
	for len(extensions) >= 4 {
		kind := binary.BigEndian.Uint16(extensions.take(2))
		body := record(extensions.vector(2))
		if kind != 0 {
			continue
		}
		list := record(body.vector(2))
		for len(list) >= 3 {
			sort := list.take(1)[0]
			if host := list.vector(2); sort == 0 {
				return strings.ToLower(string(bytes.TrimSuffix(host, []byte{'.'}))), true, nil
			}
		}
	}
	return "", true, nil
}

// record is what is left of a record.
type record []byte

// take takes n bytes; nil, and nothing is left, where there are not so many.
func (r *record) take(n int) []byte {
	if len(*r) < n {
		*r = nil
		return nil
	}
	p := (*r)[:n]
	*r = (*r)[n:]
	return p
}

// vector takes a length of so many bytes and then as many as it says.
func (r *record) vector(lengthBytes int) []byte {
	n := 0
	for _, b := range r.take(lengthBytes) {
		n = n<<8 | int(b)
	}
	return r.take(n)
}

// errNoHello says that what came was no handshake of TLS.
var errNoHello = errors.New("no ClientHello")
