package netfault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Of linux/netfilter/nfnetlink_conntrack.h.
const (
	trackGet    = 1
	trackDelete = 2

	attrTupleOrigin = 1
	attrTupleReply  = 2
	attrTrackStatus = 3
	attrTrackFilter = 25

	attrTupleIP    = 1
	attrTupleProto = 2

	attrIPv4Source      = 1
	attrIPv4Destination = 2
	attrIPv6Source      = 3
	attrIPv6Destination = 4

	attrProtoNumber      = 1
	attrProtoSource      = 2
	attrProtoDestination = 3

	attrFilterOrigin = 1
	filterByProto    = 1 << 3

	// statusReplied is of connections that have been answered.
	statusReplied = 2
)

func track(what string, kind uint16, family uint8, list ...netlink.Attribute) message {
	return message{what: what, kind: unix.NFNL_SUBSYS_CTNETLINK<<8 | kind, family: family, body: attributes(list...)}
}

// tracker asks the kernel for connections that it tracks. It is safe for concurrent use.
type tracker struct {
	mu   sync.Mutex
	sock *socket
}

// originOf is where datagrams from a client to a local address were sent, before
// they were redirected to it.
func (t *tracker) originOf(client, local netip.AddrPort) (netip.AddrPort, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	family, source, destination := uint8(unix.AF_INET), uint16(attrIPv4Source), uint16(attrIPv4Destination)
	if client.Addr().Is6() {
		family, source, destination = unix.AF_INET6, attrIPv6Source, attrIPv6Destination
	}
	reply := nested(attrTupleReply,
		nested(attrTupleIP,
			netlink.Attribute{Type: source, Data: local.Addr().AsSlice()},
			netlink.Attribute{Type: destination, Data: client.Addr().AsSlice()}),
		nested(attrTupleProto,
			netlink.Attribute{Type: attrProtoNumber, Data: []byte{unix.IPPROTO_UDP}},
			netlink.Attribute{Type: attrProtoSource, Data: network(local.Port())},
			netlink.Attribute{Type: attrProtoDestination, Data: network(client.Port())}))
	b, err := t.sock.get(track("look a redirected datagram up", trackGet, family, reply))
	if err != nil {
		return netip.AddrPort{}, err
	}
	f, err := readFlow(b)
	if err == nil && !f.origin.IsValid() {
		err = errors.New("the kernel's entry of a redirected datagram has no destination")
	}
	return f.origin, err
}

// flow is an entry of the kernel's table of connections.
type flow struct {
	source  netip.AddrPort // who began it
	origin  netip.AddrPort // where it was going
	proto   uint8
	from    uint16 // the port that answers come from
	replied bool
	tuple   []byte // what names it
}

// forget deletes entries of UDP for which gone holds, where a socket is open that could go
// on with them. The next datagram of such a flow is looked at by rules as that of a new one is.
func (t *tracker) forget(gone func(flow) bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	open := openPorts()
	var deletes []message
	collect := func(b []byte) error {
		f, err := readFlow(b)
		if err == nil && f.proto == unix.IPPROTO_UDP && (open[f.source.Port()] || open[f.origin.Port()]) && gone(f) {
			family := uint8(unix.AF_INET)
			if f.origin.Addr().Is6() {
				family = unix.AF_INET6
			}
			tuple := netlink.Attribute{Type: attrTupleOrigin | unix.NLA_F_NESTED, Data: f.tuple}
			deletes = append(deletes, track("forget a connection", trackDelete, family, tuple))
		}
		return err
	}
	err := t.sock.dump(track("list connections", trackGet, unix.AF_UNSPEC,
		nested(attrTupleOrigin, nested(attrTupleProto, netlink.Attribute{Type: attrProtoNumber, Data: []byte{unix.IPPROTO_UDP}})),
		nested(attrTrackFilter, netlink.Attribute{Type: attrFilterOrigin, Data: native(filterByProto)})), collect)
	if err != nil { // before Linux 5.8 there is no filter
		deletes = nil
		err = t.sock.dump(track("list connections", trackGet, unix.AF_UNSPEC), collect)
	}
	for _, m := range deletes {
		if e := t.sock.request(m); e != nil && !errors.Is(e, unix.ENOENT) { // it may have ended meanwhile
			err = errors.Join(err, e)
		}
	}
	return err
}

// openPorts are the local ports of the namespace's sockets of UDP.
func openPorts() map[uint16]bool {
	open := map[uint16]bool{}
	for _, path := range []string{"/proc/self/net/udp", "/proc/self/net/udp6"} {
		list, _ := os.ReadFile(path)
		for line := range strings.Lines(string(list)) {
			words := strings.Fields(line)
			if len(words) < 2 {
				continue
			}
			_, port, _ := strings.Cut(words[1], ":")
			if n, err := strconv.ParseUint(port, 16, 16); err == nil {
				open[uint16(n)] = true
			}
		}
	}
	return open
}

// readFlow reads an entry; what the kernel leaves out stays zero.
func readFlow(b []byte) (f flow, err error) {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return f, fmt.Errorf("read an entry of the table of connections: %w", err)
	}
	ad.ByteOrder = binary.BigEndian
	for ad.Next() {
		switch ad.Type() {
		case attrTupleOrigin:
			f.tuple = ad.Bytes()
			ad.Nested(func(t *netlink.AttributeDecoder) error {
				f.source, f.origin, f.proto = readTuple(t)
				return nil
			})
		case attrTupleReply:
			ad.Nested(func(t *netlink.AttributeDecoder) error {
				from, _, _ := readTuple(t)
				f.from = from.Port()
				return nil
			})
		case attrTrackStatus:
			f.replied = ad.Uint32()&statusReplied != 0
		}
	}
	return f, ad.Err()
}

// readTuple reads one direction of a connection.
func readTuple(t *netlink.AttributeDecoder) (from, to netip.AddrPort, proto uint8) {
	var addresses [2]netip.Addr
	var ports [2]uint16
	for t.Next() {
		kind := t.Type()
		if kind != attrTupleIP && kind != attrTupleProto {
			continue
		}
		t.Nested(func(d *netlink.AttributeDecoder) error {
			d.ByteOrder = binary.BigEndian
			for d.Next() {
				switch {
				case kind == attrTupleIP && (d.Type() == attrIPv4Source || d.Type() == attrIPv6Source):
					addresses[0], _ = netip.AddrFromSlice(d.Bytes())
				case kind == attrTupleIP:
					addresses[1], _ = netip.AddrFromSlice(d.Bytes())
				case d.Type() == attrProtoNumber:
					proto = d.Uint8()
				case d.Type() == attrProtoSource:
					ports[0] = d.Uint16()
				case d.Type() == attrProtoDestination:
					ports[1] = d.Uint16()
				}
			}
			return nil
		})
	}
	return netip.AddrPortFrom(addresses[0], ports[0]), netip.AddrPortFrom(addresses[1], ports[1]), proto
}
