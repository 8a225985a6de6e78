//go:build !unix

package wire

import "net"

// A peeker cannot look here: every connection seems open.
type peeker struct{}

func newPeeker(net.Conn) *peeker { return nil }

func (p *peeker) look() queue { return quiet }
