package netfault

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The registers that expressions use; nothing is kept in one from rule to rule.
const register = unix.NFT_REG32_00

// Flags of TCP, in the byte at tcpFlags of its header.
const (
	tcpFlags = 13
	flagFIN  = 1
	flagSYN  = 2
	flagRST  = 4
	flagACK  = 16
)

// equal compares what is in the register.
func equal(data ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}
}

// loaded is something of the packet, in the register.
func loaded(key expr.MetaKey) expr.Any { return &expr.Meta{Key: key, Register: register} }

func header(base expr.PayloadBase, offset, size uint32) expr.Any {
	return &expr.Payload{DestRegister: register, Base: base, Offset: offset, Len: size}
}

// native is an integer as the kernel holds it, network one as it is on the wire.
func native(n uint32) []byte  { return binary.NativeEndian.AppendUint32(nil, n) }
func network(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// bigEndian is for comparisons of more and less, which go byte by byte.
func bigEndian(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// loopback is what no fault touches.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// onLoopback matches what goes or comes through the loopback interface, whatever its name.
func onLoopback(to toward) []expr.Any {
	key := expr.MetaKeyIIFTYPE
	if to == outbound {
		key = expr.MetaKeyOIFTYPE
	}
	return []expr.Any{loaded(key), equal(binary.NativeEndian.AppendUint16(nil, unix.ARPHRD_LOOPBACK)...)}
}

// protocol matches one of the transport protocols.
func protocol(p byte) []expr.Any {
	return []expr.Any{loaded(expr.MetaKeyL4PROTO), equal(p)}
}

// peer matches packets whose other end is among the addresses.
func peer(to toward, p netip.Prefix) []expr.Any {
	p = unmapped(p).Masked()
	family, offset := byte(unix.NFPROTO_IPV4), uint32(12)
	if p.Addr().Is6() {
		family, offset = unix.NFPROTO_IPV6, 8
	}
	size := uint32(p.Addr().BitLen() / 8)
	if to == outbound {
		offset += size // the destination stands behind the source
	}
	exprs := []expr.Any{loaded(expr.MetaKeyNFPROTO), equal(family)}
	if p.Bits() == 0 {
		return exprs
	}
	exprs = append(exprs, header(expr.PayloadBaseNetworkHeader, offset, size))
	if p.Bits() < p.Addr().BitLen() {
		exprs = append(exprs, &expr.Bitwise{SourceRegister: register, DestRegister: register, Len: size, Mask: mask(p.Bits(), int(size)), Xor: make([]byte, size)})
	}
	return append(exprs, equal(p.Addr().AsSlice()...))
}

// unmapped turns ::ffff:10.0.0.1/128 into 10.0.0.1/32, which is what is on the wire.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

func mask(bits, size int) []byte {
	m := make([]byte, size)
	for i := range bits {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

// sourcePort and destinationPort match ports of TCP and UDP.
func sourcePort(p int) []expr.Any {
	return []expr.Any{header(expr.PayloadBaseTransportHeader, 0, 2), equal(network(uint16(p))...)}
}

func destinationPort(p int) []expr.Any {
	return []expr.Any{header(expr.PayloadBaseTransportHeader, 2, 2), equal(network(uint16(p))...)}
}

// flags matches packets of TCP with these flags, among those looked at.
func flags(among, set byte) []expr.Any {
	return []expr.Any{
		header(expr.PayloadBaseTransportHeader, tcpFlags, 1),
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 1, Mask: []byte{among}, Xor: []byte{0}},
		equal(set),
	}
}

// opening matches the first packet of a connection, and its repetitions.
func opening() []expr.Any {
	return slices.Concat(protocol(unix.IPPROTO_TCP), flags(flagFIN|flagSYN|flagRST|flagACK, flagSYN))
}

// resettable matches packets of TCP that may be answered with a reset: all but resets.
// Those of our own pass the same hooks and would otherwise never leave.
func resettable() []expr.Any {
	return slices.Concat(protocol(unix.IPPROTO_TCP), flags(flagRST, 0))
}

// marked matches packets of sockets with our Mark.
func marked() []expr.Any {
	return []expr.Any{loaded(expr.MetaKeyMARK), equal(native(Mark)...)}
}

// stampBase sets the marks that this package puts on connections apart from marks
// of others. A connection gets the number of the latest fault that saw it begin:
// it is a new one for all faults with that number or a smaller one.
const (
	stampBase = 0x5da00000
	stampLast = 0x5dafffff
)

// stamp numbers connections that begin now.
func stamp(number uint32) []expr.Any {
	return slices.Concat(opening(), stampedWith(expr.CmpOpLt, number), []expr.Any{
		&expr.Immediate{Register: register, Data: native(stampBase + number)},
		&expr.Ct{Key: expr.CtKeyMARK, Register: register, SourceRegister: true},
	})
}

// begun matches connections that began after the fault of that number did. What the kernel
// does not track counts as older.
func begun(number uint32) []expr.Any {
	return append(stampedWith(expr.CmpOpGte, number),
		&expr.Cmp{Op: expr.CmpOpLte, Register: register, Data: bigEndian(stampLast)})
}

func stampedWith(op expr.CmpOp, number uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeyMARK, Register: register},
		&expr.Byteorder{SourceRegister: register, DestRegister: register, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: op, Register: register, Data: bigEndian(stampBase + number)},
	}
}

// The verdicts.
func pass() expr.Any { return &expr.Verdict{Kind: expr.VerdictReturn} }
func drop() expr.Any { return &expr.Verdict{Kind: expr.VerdictDrop} }

// goTo goes on in another chain and does not come back.
func goTo(chain string) expr.Any {
	return &expr.Verdict{Kind: expr.VerdictGoto, Chain: chain}
}

func reset() expr.Any { return &expr.Reject{Type: unix.NFT_REJECT_TCP_RST} }
func count() expr.Any { return &expr.Counter{} }
