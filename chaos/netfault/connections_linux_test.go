package netfault

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

func egress(a netip.Addr, port int) order.Egress {
	return order.Egress{Host: "api.pay.example", Addresses: []netip.Addr{a}, Port: port}
}

// wasReset tells whether a connection was cut or refused.
func wasReset(err error) bool {
	return errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EPIPE)
}

// TestResetCutsConnections looks at old and new ones, from both sides.
func TestResetCutsConnections(t *testing.T) {
	for _, c := range []struct {
		name     string
		packets  order.Packets
		old, new bool // cut
	}{
		{"all", order.Packets{}, true, true},
		{"asked for", order.Packets{Existing: order.ResetExisting}, true, true},
		{"new ones", order.Packets{Existing: order.SpareExisting}, false, true},
		{"of the peer", order.Packets{Peers: []netip.Prefix{netip.PrefixFrom(there, 32)}}, true, true},
		{"of another peer", order.Packets{Peers: []netip.Prefix{netip.PrefixFrom(beside, 32)}}, false, false},
		{"of another port", order.Packets{Port: 1}, false, false},
	} {
		for _, from := range []string{"target", "peer"} {
			t.Run(c.name+", from the "+from, func(t *testing.T) {
				n := opened(t, Config{})
				dial, s := connect, (*server)(nil)
				if from == "target" {
					s = serveThere(t, there)
				} else {
					dial, s = connectThere, serveHere(t, here)
				}
				old := must(t)(dial(t, s.at()))
				c.packets.Kind = order.Reset
				apply(t, n, fault("cut", c.packets))
				if err := echo(old); wasReset(err) != c.old || !c.old && err != nil {
					t.Errorf("on the old connection: %v, want it cut: %v", err, c.old)
				}
				if _, err := dial(t, s.at()); wasReset(err) != c.new || !c.new && err != nil {
					t.Errorf("a new connection: %v, want it refused: %v", err, c.new)
				}
				counters := revert(t, n, "cut")
				if (counters[resets] > 0) != (c.old || c.new) || counters[packets] != counters[resets] {
					t.Errorf("counters are %v", counters)
				}
				if err := echo(must(t)(dial(t, s.at()))); err != nil {
					t.Errorf("after it: %v", err)
				}
			})
		}
	}
}

// TestExistingConnections has faults of packets spare or cut what is open, opened from
// either side.
func TestExistingConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	for _, kind := range []order.Packets{
		{Kind: order.Partition}, {Kind: order.Partition, Direction: order.In}, {Kind: order.Partition, Direction: order.Out},
		{Kind: order.Loss, Share: 1}, {Kind: order.Delay, Latency: time.Minute},
	} {
		for _, existing := range []string{order.SpareExisting, order.ResetExisting} {
			for _, from := range []string{"target", "peer"} {
				t.Run(strings.Join([]string{kind.Kind, kind.Direction, existing, from}, ","), func(t *testing.T) {
					n := opened(t, Config{})
					dial, s := connect, (*server)(nil)
					if from == "target" {
						s = serveThere(t, there)
					} else {
						dial, s = connectThere, serveHere(t, here)
					}
					before := must(t)(dial(t, s.at()))
					// One that is tracked, and one from before another fault that tracks.
					apply(t, n, fault("other", order.Packets{Kind: order.Partition, Port: 1, Existing: order.SpareExisting}))
					old := must(t)(dial(t, s.at()))
					kind.Existing = existing
					apply(t, n, fault("cut", kind))
					for _, c := range []net.Conn{before, old} {
						if err := echo(c); existing == order.SpareExisting && err != nil || existing == order.ResetExisting && !wasReset(err) && kind.Direction == "" {
							t.Errorf("on an old connection: %v, want %s", err, existing)
						}
					}
					if _, err := dial(t, s.at()); !timedOut(err) {
						t.Errorf("a new connection: %v, want a timeout", err)
					}
					revert(t, n, "cut")
					if err := echo(must(t)(dial(t, s.at()))); err != nil {
						t.Errorf("after it: %v", err)
					}
				})
			}
		}
	}
}

// TestNewIsNewForEveryFault has a later fault in the place of an earlier one, before another.
func TestNewIsNewForEveryFault(t *testing.T) {
	n, s := opened(t, Config{}), serveThere(t, there)
	spare := order.Packets{Kind: order.Partition, Port: 1, Existing: order.SpareExisting}
	apply(t, n, fault("first", spare))
	apply(t, n, fault("second", spare))
	revert(t, n, "first")
	between := must(t)(connect(t, s.at()))
	spare.Port, spare.Direction = s.port(), order.In // the SYN meets the other as well
	apply(t, n, fault("third", spare))
	if err := echo(between); err != nil {
		t.Errorf("on a connection that is older than the fault: %v", err)
	}
	if _, err := connect(t, s.at()); !timedOut(err) {
		t.Errorf("a new connection: %v, want a timeout", err)
	}
}

// TestConnectionLimit opens more connections than there may be.
func TestConnectionLimit(t *testing.T) {
	n, s := opened(t, Config{}), serveHere(t, here)
	old := must(t)(connectThere(t, s.at()))
	own := must(t)(connect(t, serveThere(t, there).at())) // is none of the target's port
	apply(t, n, fault("few", order.Packets{Kind: order.ConnectionLimit, Limit: 2, Port: s.port()}))
	if err := echo(old); !wasReset(err) {
		t.Errorf("on the old connection: %v, want it reset, to be counted", err)
	}
	if err := echo(own); err != nil {
		t.Errorf("on a connection of the target's own: %v", err)
	}
	first := must(t)(connectThere(t, s.at()))
	second := must(t)(connectThere(t, s.at()))
	if _, err := connectThere(t, s.at()); !timedOut(err) {
		t.Fatalf("the third connection: %v, want a timeout", err)
	}
	if err := errors.Join(echo(first), echo(second)); err != nil {
		t.Fatalf("on those that there may be: %v", err)
	}
	_ = first.Close()
	until(t, "there is room for one more", func() bool {
		c, err := connectThere(t, s.at())
		return err == nil && echo(c) == nil
	})
	counters := revert(t, n, "few")
	if counters[connections] < 4 || counters[dropped] == 0 || counters[resets] == 0 {
		t.Errorf("counters are %v", counters)
	}
	must(t)(connectThere(t, s.at()))
}

// TestConnectionLimitOfNone lets nobody in, and spares what is open where that is wanted.
func TestConnectionLimitOfNone(t *testing.T) {
	n, s := opened(t, Config{}), serveHere(t, here)
	old := must(t)(connectThere(t, s.at()))
	apply(t, n, fault("few", order.Packets{Kind: order.ConnectionLimit, Limit: 0, Existing: order.SpareExisting}))
	if err := echo(old); err != nil {
		t.Errorf("on the old connection: %v", err)
	}
	if _, err := connectThere(t, s.at()); !timedOut(err) {
		t.Errorf("a new connection: %v, want a timeout", err)
	}
}

// marker is a server here that sends where its clients wanted to go.
func marker(t *testing.T, a string) int {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(a, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			to, err := OriginalDst(c)
			if err != nil {
				_, _ = c.Write([]byte(err.Error()))
			}
			_, _ = c.Write([]byte(to.String()))
			_ = c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// said is all that comes over a connection.
func said(t *testing.T, to string) string {
	t.Helper()
	c := must(t)(connect(t, to))
	_ = c.SetDeadline(time.Now().Add(time.Second))
	buf := make([]byte, 256)
	n, _ := c.Read(buf)
	return string(buf[:n])
}

// TestRedirectLeadsToTheProxy and spares the proxy's own connections.
func TestRedirectLeadsToTheProxy(t *testing.T) {
	for _, c := range []struct {
		to    netip.Addr
		local string
		port  bool
	}{{there, "127.0.0.1", true}, {there, "127.0.0.1", false}, {there6, "::1", true}} {
		t.Run(c.to.String(), func(t *testing.T) {
			n, s, other := opened(t, Config{}), serveThere(t, c.to), serveThere(t, beside)
			e := egress(c.to, 0)
			if c.port {
				e.Port = s.port()
			}
			if err := n.Redirect("egress", e, marker(t, c.local), ""); err != nil {
				t.Fatal(err)
			}
			if got := said(t, s.at()); got != s.at() {
				t.Errorf("the proxy says %q, want %s", got, s.at())
			}
			if err := echo(must(t)(connect(t, other.at()))); err != nil {
				t.Errorf("to another host: %v", err)
			}
			own, err := n.Dialer().Dial("tcp", s.at())
			if err != nil {
				t.Fatal(err)
			}
			defer own.Close()
			if err := echo(own); err != nil {
				t.Errorf("on a marked connection: %v", err)
			}
			if n.Redirect("egress", e, 1, "") == nil {
				t.Error("the same fault could begin again")
			}
			if got := n.Counters()["egress"]; got[connections] != 1 || got[resets] != 0 {
				t.Errorf("counters are %v", got)
			}
			revert(t, n, "egress")
			if err := echo(must(t)(connect(t, s.at()))); err != nil {
				t.Errorf("after it: %v", err)
			}
		})
	}
}

// TestRedirectAndOpenConnections has the ones that are open cut or spared.
func TestRedirectAndOpenConnections(t *testing.T) {
	for _, existing := range []string{"", order.ResetExisting, order.SpareExisting} {
		for _, tracked := range []bool{false, true} {
			n, s := opened(t, Config{}), serveThere(t, there)
			if tracked {
				apply(t, n, fault("other", order.Packets{Kind: order.Partition, Port: 1, Existing: order.SpareExisting}))
			}
			c := must(t)(connect(t, s.at()))
			if err := n.Redirect("egress", egress(there, s.port()), marker(t, "127.0.0.1"), existing); err != nil {
				t.Fatal(err)
			}
			cut := existing != order.SpareExisting
			if err := echo(c); wasReset(err) != cut || !cut && err != nil {
				t.Errorf("%q, tracked %v: on the old connection: %v, want it cut: %v", existing, tracked, err, cut)
			}
			if got := said(t, s.at()); got != s.at() {
				t.Errorf("the proxy says %q", got)
			}
			if counters := revert(t, n, "egress"); (counters[resets] > 0) != cut || counters[connections] != 1 {
				t.Errorf("%q, tracked %v: counters are %v", existing, tracked, counters)
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestRedirectRefuses says why.
func TestRedirectRefuses(t *testing.T) {
	n := opened(t, Config{})
	for _, c := range []struct {
		egress   order.Egress
		to       int
		existing string
		want     string
	}{
		{egress(there, 1), 9, order.DrainExisting, "a proxy cannot see connections"},
		{egress(there, 1), 9, "keep", "want reset or new-only"},
		{order.Egress{Host: "nowhere.example"}, 9, "", "nowhere.example: it has no addresses"},
		{egress(netip.Addr{}, 1), 9, "", "one of its addresses is none"},
		{egress(there, 65536), 9, "", "port 65536"},
		{egress(there, 1), 0, "", "to port 0"},
	} {
		if err := n.Redirect("egress", c.egress, c.to, c.existing); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v to %d, %q: %v, want %q", c.egress, c.to, c.existing, err, c.want)
		}
	}
	if left := n.Counters(); len(left) > 0 {
		t.Errorf("there are faults: %v", left)
	}
}

// TestOriginalDstOfADirectConnection is the server's own address.
func TestOriginalDstOfADirectConnection(t *testing.T) {
	needsKernel(t)
	at := net.JoinHostPort("127.0.0.1", portOf(marker(t, "127.0.0.1")))
	if got := said(t, at); got != at {
		t.Errorf("got %q, want %s", got, at)
	}
}

func portOf(p int) string { return netip.AddrPortFrom(here, uint16(p)).String()[len(here.String())+1:] }
