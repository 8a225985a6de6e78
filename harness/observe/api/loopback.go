package api

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// CheckLoopback refuses an address that others than this machine can reach.
func CheckLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not an address: write it like 127.0.0.1:9090", address)
	}
	if !loopback(host) {
		return fmt.Errorf("%s is not on loopback: there is no login, and who reaches it reads everything; use 127.0.0.1, or a tunnel to it", address)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// local are the names under which containers reach the loopback of their machine.
var local = map[string]bool{"host.docker.internal": true, "host.containers.internal": true}

// OnlyLoopback lets through what was sent to this machine by name. Pages of the web could
// otherwise read a run by giving their own name the address 127.0.0.1.
func OnlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]") // without a port
		}
		if !loopback(host) && !local[host] {
			http.Error(w, fmt.Sprintf("ask for 127.0.0.1 or localhost, not for %q", host), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
