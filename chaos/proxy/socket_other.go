//go:build !linux

package proxy

import "net"

// socketOf gives nothing: connections are accepted and reset instead.
func socketOf(net.Listener) socket { return nil }

// hasLeft and hasBytes are not known here.
func hasLeft(net.Conn) bool  { return false }
func hasBytes(net.Conn) bool { return false }
