package scenarios

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
)

// checkTarget checks an address outside of the stack that journeys may call.
func (d *Document) checkTarget(name string, t Target) {
	at := location{"traffic", "targets", name}
	if !nameForm.MatchString(name) {
		message, suggestion := badName(name)
		d.reportKey(at, message, suggestion)
	}
	if t.URL == "" || d.reportedIn(at.to("url")) {
		return
	}
	u, err := parseTarget(t.URL)
	if err != nil {
		d.reportForm(at.to("url"), err)
		return
	}
	if u.Scheme != "https" {
		d.reportUseless(at, "ca", "http has no certificates", "leave it out, or write https://")
	}
}

// parseTarget reads the address of a target: scheme, host on loopback, port.
// Other hosts are refused: a rehearsal drives what runs on this machine.
func parseTarget(text string) (*url.URL, error) {
	const form = "write scheme, host and port, as in https://127.0.0.1:8443"
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, badForm(text, "is not an address", form)
	}
	port, err := strconv.Atoi(u.Port())
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, badForm(text, "is neither http nor https", form)
	case u.User != nil:
		return nil, &formError{"the address has a user in it", "send credentials in a header of the step"}
	case !loopback(u.Hostname()):
		return nil, badForm(u.Hostname(), "is not on this machine", "targets are on loopback: 127.0.0.1, [::1] or localhost")
	case err != nil || port < 1 || port > 65535:
		return nil, badForm(text, "has no port from 1 to 65535", form)
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, badForm(text, "goes on after the port", fmt.Sprintf("write %s://%s, and the path in the steps that call it", u.Scheme, u.Host))
	}
	return u, nil
}

// loopback reports whether a host is this machine for sure. Names other than
// localhost are not looked up.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" && ip.Unmap().IsLoopback()
}
