//go:build !linux

package netfault

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

var errLinux = errors.New("faults of the network need Linux")

// Namespace does faults in one network namespace, on Linux.
type Namespace struct{}

// Open takes hold of the network namespace of the calling thread, on Linux.
func Open(Config) (*Namespace, error) { return nil, errLinux }

// Apply begins a fault, on Linux.
func (*Namespace) Apply(order.Fault) error { return errLinux }

// Revert ends a fault, on Linux.
func (*Namespace) Revert(string) (map[string]int64, error) { return nil, errLinux }

// Counters are those of the faults in force, on Linux.
func (*Namespace) Counters() map[string]map[string]int64 { return nil }

// Close reverts everything, on Linux.
func (*Namespace) Close() error { return nil }

// Redirect leads connections to a local port, on Linux.
func (*Namespace) Redirect(string, order.Egress, int, string) error { return errLinux }

// Can says of every feature why it does not work, on Linux.
func (*Namespace) Can() map[string]string { return Probe() }

// Dialer opens connections that redirects spare, on Linux.
func (*Namespace) Dialer() *net.Dialer { return &net.Dialer{Control: Control} }

// Control marks a socket, on Linux.
func Control(string, string, syscall.RawConn) error { return errLinux }

// OriginalDst is where the client of a redirected connection wanted to go, on Linux.
func OriginalDst(net.Conn) (netip.AddrPort, error) { return netip.AddrPort{}, errLinux }

// Probe says of every feature why it does not work here.
func Probe() map[string]string { return none(errLinux.Error()) }
