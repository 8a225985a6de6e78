package stack

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // the name that OpenSSL looks for
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/chaos/authority"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// trustDir is where services with trust_ca find the certificate of the run's
// authority, as ca.pem.
const trustDir = "/run/shakedown"

// rootDirs are where images keep the authorities that they trust already.
const rootDirs = "/etc/ssl/certs:/etc/pki/tls/certs:/system/etc/security/cacerts"

// makeAuthority makes the authority of a run that needs one.
func makeAuthority(l *layout, plan *scenarios.Plan) (*order.Authority, error) {
	needed := false
	for _, s := range l.services {
		needed = needed || s.plan.TrustCA
	}
	for _, s := range l.parties {
		needed = needed || s.order.TLS
	}
	for _, f := range plan.Faults {
		needed = needed || f.Spec.TLSExpired != nil
	}
	if !needed {
		return nil, nil
	}
	made, err := authority.New()
	if err != nil {
		return nil, err
	}
	return &made, nil
}

// Authority is the certificate authority of the run, nil where nobody needs one.
func (s *Stack) Authority() *order.Authority { return s.authority }

// trust lets an instance trust the run's authority besides whom it trusts
// anyway: SSL_CERT_DIR names one more directory for programs in Go and those that use
// OpenSSL, and leaves the file of the image's own roots alone.
func (s *Stack) trust(spec *platform.Spec) error {
	hashed, err := hashedName(s.authority.Certificate)
	if err != nil {
		return err
	}
	dir := trustDir
	content := []byte(s.authority.Certificate)
	if s.on.process { // where all see the files of this machine
		dir = filepath.Join(s.on.shared, "shakedown")
		err := os.MkdirAll(dir, 0o700)
		for _, name := range []string{"ca.pem", hashed} {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), content, 0o600))
		}
		if err != nil {
			return fmt.Errorf("write the certificate of the run's authority: %w", err)
		}
	} else {
		for _, name := range []string{"ca.pem", hashed} {
			spec.Files = append(spec.Files, platform.File{Path: trustDir + "/" + name, Content: content})
		}
	}
	environment := types.MappingWithEquals{}
	for key, value := range spec.Config.Environment {
		environment[key] = value
	}
	roots := rootDirs
	if own := environment["SSL_CERT_DIR"]; own != nil {
		roots = cmp.Or(*own, rootDirs)
	}
	search, extra := dir+":"+roots, dir+"/ca.pem"
	environment["SSL_CERT_DIR"], environment["NODE_EXTRA_CA_CERTS"] = &search, &extra
	spec.Config.Environment = environment
	return nil
}

// hashedName is the name under which OpenSSL looks for a certificate in a
// directory: a hash of its subject in a canonical form, which is without case
// and superfluous blanks.
func hashedName(certificate string) (string, error) {
	block, _ := pem.Decode([]byte(certificate))
	if block == nil {
		return "", errors.New("the run's authority has no certificate")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	var names pkix.RDNSequence
	if _, err := asn1.Unmarshal(parsed.RawSubject, &names); err != nil {
		return "", err
	}
	var canonical []byte
	for _, set := range names {
		var pairs []canonicalPair
		for _, pair := range set {
			text := strings.ToLower(strings.Join(strings.Fields(fmt.Sprint(pair.Value)), " "))
			pairs = append(pairs, canonicalPair{pair.Type, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(text)}})
		}
		part, err := asn1.MarshalWithParams(pairs, "set")
		if err != nil {
			return "", err
		}
		canonical = append(canonical, part...)
	}
	sum := sha1.Sum(canonical) //nolint:gosec // as above
	return fmt.Sprintf("%08x.0", binary.LittleEndian.Uint32(sum[:4])), nil
}

type canonicalPair struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}
