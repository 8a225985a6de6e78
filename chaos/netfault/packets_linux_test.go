package netfault

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

func fault(id string, p order.Packets) order.Fault { return order.Fault{ID: id, Seed: 7, Packets: &p} }

func apply(t testing.TB, n *Namespace, f order.Fault) {
	t.Helper()
	if err := n.Apply(f); err != nil {
		t.Fatalf("apply %s: %v", f.ID, err)
	}
}

func revert(t testing.TB, n *Namespace, id string) map[string]int64 {
	t.Helper()
	counters, err := n.Revert(id)
	if err != nil {
		t.Fatalf("revert %s: %v", id, err)
	}
	return counters
}

// TestPartitionDropsWhatItIsToldTo looks at who is reached in whose direction.
func TestPartitionDropsWhatItIsToldTo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	one := []netip.Prefix{netip.PrefixFrom(there, 32)}
	for _, c := range []struct {
		name    string
		packets order.Packets
		to      netip.Addr
		reached bool
	}{
		{"everybody", order.Packets{}, there, false},
		{"both by name", order.Packets{Direction: order.Both}, there, false},
		{"everybody by IPv6", order.Packets{}, there6, false},
		{"its own address", order.Packets{}, here, true},
		{"loopback", order.Packets{}, netip.MustParseAddr("127.0.0.1"), true},
		{"loopback, named as peer", order.Packets{Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, netip.MustParseAddr("127.0.0.1"), true},
		{"loopback by IPv6", order.Packets{}, netip.IPv6Loopback(), true},
		{"the peer", order.Packets{Peers: one}, there, false},
		{"another than the peer", order.Packets{Peers: one}, beside, true},
		{"the peer's network", order.Packets{Peers: []netip.Prefix{netip.MustParsePrefix("10.77.0.2/31")}}, beside, false},
		{"outside of the peer's network", order.Packets{Peers: []netip.Prefix{netip.MustParsePrefix("10.77.0.4/30")}}, there, true},
		{"the peer in the notation of IPv6", order.Packets{Peers: []netip.Prefix{netip.MustParsePrefix("::ffff:10.77.0.2/128")}}, there, false},
		{"the peer's network by IPv6", order.Packets{Peers: []netip.Prefix{netip.MustParsePrefix("fd77::/60")}}, there6, false},
		{"all of IPv4", order.Packets{Peers: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, there, false},
		{"all of IPv4, by IPv6", order.Packets{Peers: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, there6, true},
		{"one of several peers", order.Packets{Peers: append([]netip.Prefix{netip.MustParsePrefix("10.77.0.9/32")}, one...)}, there, false},
		{"another port", order.Packets{Port: 1}, there, true},
		{"what goes out to the peer", order.Packets{Peers: one, Direction: order.Out}, there, false},
		{"what goes out to another", order.Packets{Peers: one, Direction: order.Out}, beside, true},
		{"what comes in from the peer", order.Packets{Peers: one, Direction: order.In}, there, false},
		{"what goes out to the peer by IPv6", order.Packets{Peers: []netip.Prefix{netip.PrefixFrom(there6, 128)}, Direction: order.Out}, there6, false},
		{"what comes in", order.Packets{Direction: order.In}, there, false},
		{"what goes out", order.Packets{Direction: order.Out}, there, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := opened(t, Config{})
			var s *server
			if c.to == there || c.to == beside || c.to == there6 {
				s = serveThere(t, c.to)
			} else {
				s = serveHere(t, c.to)
			}
			must(t)(connect(t, s.at()))
			c.packets.Kind = order.Partition
			apply(t, n, fault("cut", c.packets))
			_, err := connect(t, s.at())
			if (err == nil) != c.reached || err != nil && !timedOut(err) {
				t.Fatalf("connect: %v; want it reached: %v, or a timeout", err, c.reached)
			}
			if lost := n.Counters()["cut"][dropped]; (lost == 0) != c.reached {
				t.Errorf("%d packets were dropped", lost)
			}
			revert(t, n, "cut")
			must(t)(connect(t, s.at()))
		})
	}
}

// heard is a socket that hears datagrams, among the peers.
func heard(t testing.TB, a netip.Addr) net.PacketConn {
	t.Helper()
	var c net.PacketConn
	if err := elsewhere(func() (err error) {
		c, err = net.ListenPacket("udp", netip.AddrPortFrom(a, 0).String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestPartitionOfOneWay sees what still gets through in the other, and that whoever
// sends is not told.
func TestPartitionOfOneWay(t *testing.T) {
	for _, c := range []struct {
		direction string
		arrives   bool // at the peer
	}{{order.In, true}, {order.Out, false}, {order.Both, false}} {
		t.Run(c.direction, func(t *testing.T) {
			n := opened(t, Config{})
			peer := heard(t, there)
			apply(t, n, fault("cut", order.Packets{Kind: order.Partition, Direction: c.direction}))
			from, err := net.Dial("udp", peer.LocalAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer from.Close()
			if _, err := from.Write([]byte("ping")); err != nil {
				t.Fatalf("the sender was told: %v", err)
			}
			_ = peer.SetReadDeadline(time.Now().Add(patience))
			_, _, err = peer.ReadFrom(make([]byte, 8))
			if (err == nil) != c.arrives {
				t.Fatalf("the peer heard: %v, want %v", err == nil, c.arrives)
			}
		})
	}
}
