package netfault

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Dialer opens connections that redirects spare: of a proxy to where its clients
// wanted to go.
func (n *Namespace) Dialer() *net.Dialer { return &net.Dialer{Control: Control} }

// Control marks a socket with Mark; it is for net.Dialer and net.ListenConfig.
func Control(_, _ string, c syscall.RawConn) error {
	var failed error
	if err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, Mark)
	}); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("mark a socket so that redirects spare it: %w", failed)
	}
	return nil
}

// OriginalDst is where the client of a connection wanted to go before it was
// redirected. Of a connection that was not redirected it is the local address.
func OriginalDst(c net.Conn) (netip.AddrPort, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("find out where a client wanted to go: %T is no socket", c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("find out where a client wanted to go: %w", err)
	}
	local, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("find out where a client wanted to go: %s is no connection of TCP", c.LocalAddr().Network())
	}
	var to netip.AddrPort
	var failed error
	if err := raw.Control(func(fd uintptr) {
		if local.IP.To4() != nil {
			to, failed = original4(int(fd))
		} else {
			to, failed = original6(int(fd))
		}
	}); err != nil {
		return netip.AddrPort{}, fmt.Errorf("find out where a client wanted to go: %w", err)
	}
	if errors.Is(failed, unix.ENOENT) { // it is not tracked, and so was not redirected
		return local.AddrPort(), nil
	}
	if failed != nil {
		return netip.AddrPort{}, fmt.Errorf("find out where a client wanted to go: %w", failed)
	}
	return to, nil
}

// original4 reads a sockaddr_in by way of an option of the same size or more.
func original4(fd int) (netip.AddrPort, error) {
	m, err := unix.GetsockoptIPv6Mreq(fd, unix.SOL_IP, unix.SO_ORIGINAL_DST)
	if err != nil {
		return netip.AddrPort{}, err
	}
	b := m.Multiaddr // family, port, address
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3])), nil
}

// original6 reads a sockaddr_in6 in the same way.
func original6(fd int) (netip.AddrPort, error) {
	m, err := unix.GetsockoptIPv6MTUInfo(fd, unix.SOL_IPV6, unix.SO_ORIGINAL_DST)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port := *(*[2]byte)(unsafe.Pointer(&m.Addr.Port)) // in network order
	return netip.AddrPortFrom(netip.AddrFrom16(m.Addr.Addr).Unmap(), uint16(port[0])<<8|uint16(port[1])), nil
}
