package own

import (
	"fmt"
	"net/netip"
	"syscall"
)

// loopback tells whether a host is this machine for sure: 127.0.0.0/8, ::1 or
// localhost. Other names are not looked up.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" && ip.Unmap().IsLoopback()
}

// onlyLoopback is for net.Dialer.Control and net.ListenConfig.Control: whatever a
// name came to, nothing but loopback is reached, or listened on.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%s is not on loopback", address)
	}
	return nil
}
