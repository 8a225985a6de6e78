// Package authority is the certificate authority of one run: third parties with
// TLS are simulated with it, and connections taken apart, for services that were
// told to trust it. Its key never leaves the machine and is good for a day.
package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

const (
	// lifetime is that of everything but what is expired: longer than any run.
	lifetime = 24 * time.Hour
	// skew is how far the clocks of a machine and of its containers may differ.
	skew = time.Hour
)

// New makes an authority.
func New() (order.Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return order.Authority{}, fmt.Errorf("make the key of the run's authority: %w", err)
	}
	template, err := certificate("shakedown, for one run", time.Now().Add(-skew), time.Now().Add(lifetime))
	if err != nil {
		return order.Authority{}, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return order.Authority{}, fmt.Errorf("sign the certificate of the run's authority: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return order.Authority{}, fmt.Errorf("encode the key of the run's authority: %w", err)
	}
	return order.Authority{Certificate: encode("CERTIFICATE", der), Key: encode("PRIVATE KEY", secret)}, nil
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// certificate is what all certificates have in common. The serial number is
// random, as CAs must have it.
func certificate(name string, from, to time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to}, nil
}

// An Authority signs certificates. It is safe for concurrent use.
type Authority struct {
	root *x509.Certificate
	key  crypto.Signer
	leaf *ecdsa.PrivateKey // of all leaves: they belong to the same run

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// Open reads what New has made.
func Open(from order.Authority) (*Authority, error) {
	root, rest := pem.Decode([]byte(from.Certificate))
	secret, more := pem.Decode([]byte(from.Key))
	if root == nil || secret == nil || len(rest)+len(more) > 0 {
		return nil, errors.New("the run's authority is not one certificate and one key in PEM")
	}
	parsed, err := x509.ParseCertificate(root.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of the run's authority: %w", err)
	}
	key, err := x509.ParsePKCS8PrivateKey(secret.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the key of the run's authority: %w", err)
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok || !signer.PublicKey.Equal(parsed.PublicKey) {
		return nil, errors.New("certificate and key of the run's authority do not belong together")
	}
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key for certificates: %w", err)
	}
	return &Authority{root: parsed, key: signer, leaf: leaf, leaves: map[string]*tls.Certificate{}}, nil
}

// Pool trusts the authority and nobody else.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

// Leaf is a certificate for host names and IP addresses, of which there is at
// least one; one that is expired was good until yesterday. The same question
// has the same answer.
func (a *Authority) Leaf(names []string, expired bool) (*tls.Certificate, error) {
	if len(names) == 0 {
		return nil, errors.New("a certificate needs a name")
	}
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = strings.ToLower(strings.TrimSuffix(name, "."))
	}
	id := fmt.Sprint(expired, names)
	a.mu.Lock()
	defer a.mu.Unlock()
	if leaf := a.leaves[id]; leaf != nil {
		return leaf, nil
	}
	leaf, err := a.sign(names, expired)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate for %s: %w", names[0], err)
	}
	a.leaves[id] = leaf
	return leaf, nil
}

func (a *Authority) sign(names []string, expired bool) (*tls.Certificate, error) {
	from, to := time.Now().Add(-skew), time.Now().Add(lifetime)
	if expired {
		from, to = from.Add(-3*lifetime), from.Add(-lifetime)
	}
	template, err := certificate(names[0], from, to)
	if err != nil {
		return nil, err
	}
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.root, a.leaf.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.root.Raw}, PrivateKey: a.leaf}, nil
}
