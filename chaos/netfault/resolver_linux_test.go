package netfault

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/nftables/expr"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// nameServer answers every name with its own address, at port 53 of a peer.
type nameServer struct {
	at    netip.AddrPort
	udp   net.PacketConn
	tcp   net.Listener
	asked atomic.Int64
}

func serveNames(t *testing.T, a netip.Addr) *nameServer {
	t.Helper()
	needsKernel(t)
	s := &nameServer{at: netip.AddrPortFrom(a, 53)}
	if err := elsewhere(s.listen); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	return s
}

func (s *nameServer) listen() (err error) {
	if s.udp, err = net.ListenPacket("udp", s.at.String()); err != nil {
		return err
	}
	s.tcp, err = net.Listen("tcp", s.at.String())
	return err
}

func (s *nameServer) start(t *testing.T) {
	udp, tcp := s.udp, s.tcp
	done := make(chan struct{}, 2)
	go func() {
		defer func() { done <- struct{}{} }()
		buf := make([]byte, 1024)
		for {
			n, from, err := udp.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = udp.WriteTo(s.answer(buf[:n]), from)
			}
		}
	}()
	go func() {
		defer func() { done <- struct{}{} }()
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			if q, err := readFramed(c); err == nil {
				_, _ = c.Write(framed(s.answer(q)))
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_, _ = udp.Close(), tcp.Close()
		<-done
		<-done
	})
}

func (s *nameServer) answer(query []byte) []byte {
	s.asked.Add(1)
	var m dnsmessage.Message
	if m.Unpack(query) != nil {
		return query
	}
	m.Response = true
	m.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 60},
		Body:   &dnsmessage.AResource{A: here.As4()},
	}}
	b, _ := m.Pack()
	return b
}

// look asks a server for a name as Go's own resolver does. That goes on in the
// background when the time is up; it is stopped.
func look(server netip.AddrPort, network, name string, wait time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	r := net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, server.String())
		if err == nil {
			context.AfterFunc(ctx, func() { _ = c.Close() })
		}
		return c, err
	}}
	addresses, err := r.LookupIP(ctx, "ip4", name)
	var found []string
	for _, a := range addresses {
		found = append(found, a.String())
	}
	return found, err
}

// TestDNSSpoilsSomeNames and no others, over both protocols and both families.
func TestDNSSpoilsSomeNames(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	var dnsErr *net.DNSError
	for _, c := range []struct {
		answer string
		spoilt func(found []string, err error, took time.Duration) bool
	}{
		{order.NXDomain, func(_ []string, err error, _ time.Duration) bool { return errors.As(err, &dnsErr) && dnsErr.IsNotFound }},
		{order.ServFail, func(_ []string, err error, _ time.Duration) bool {
			return errors.As(err, &dnsErr) && dnsErr.IsTemporary && !dnsErr.IsTimeout
		}},
		{order.NoAnswer, func(_ []string, err error, _ time.Duration) bool { return errors.As(err, &dnsErr) && dnsErr.IsTimeout }},
		{order.SlowAnswer, func(found []string, err error, took time.Duration) bool {
			return err == nil && len(found) == 1 && took >= 100*time.Millisecond
		}},
	} {
		for _, server := range []netip.Addr{there, there6} {
			for _, network := range []string{"udp", "tcp"} {
				t.Run(c.answer+" of "+server.String()+" by "+network, func(t *testing.T) {
					n, s := opened(t, Config{}), serveNames(t, server)
					apply(t, n, order.Fault{ID: "dns", DNS: &order.DNS{Answer: c.answer, Delay: 100 * time.Millisecond, Names: []string{"pay.example"}}})
					began := time.Now()
					found, err := look(s.at, network, "api.pay.example.", 200*time.Millisecond)
					if !c.spoilt(found, err, time.Since(began)) {
						t.Errorf("the name: %v, %v after %s", found, err, time.Since(began))
					}
					if found, err = look(s.at, network, "other.example.", time.Second); err != nil || len(found) != 1 || found[0] != here.String() {
						t.Errorf("another name: %v, %v", found, err)
					}
					counters := revert(t, n, "dns")
					if counters[injected] < 1 || counters[queries] <= counters[injected] {
						t.Errorf("counters are %v", counters)
					}
					if found, err = look(s.at, network, "api.pay.example.", time.Second); err != nil || len(found) != 1 {
						t.Errorf("after it: %v, %v", found, err)
					}
				})
			}
		}
	}
}

// TestDNSOfOneSocket has a resolver keep its socket, as some do: the fault begins and
// ends for it as well.
func TestDNSOfOneSocket(t *testing.T) {
	n, s := opened(t, Config{}), serveNames(t, there)
	c, err := net.Dial("udp", s.at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func(id uint16) (dnsmessage.Message, error) {
		var m dnsmessage.Message
		if _, err := c.Write(query(t, id, "pay.example.")); err != nil {
			return m, err
		}
		_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		buf := make([]byte, 512)
		size, err := c.Read(buf)
		if err != nil {
			return m, err
		}
		return m, m.Unpack(buf[:size])
	}
	// Another fault has connections tracked before.
	apply(t, n, fault("other", order.Packets{Kind: order.Partition, Port: 1, Existing: order.SpareExisting}))
	for round := range uint16(2) {
		until(t, "the socket's queries are answered", func() bool { // by a busy machine not always in time
			m, err := ask(10 * round)
			return err == nil && m.RCode == dnsmessage.RCodeSuccess
		})
		apply(t, n, order.Fault{ID: "dns", DNS: &order.DNS{Answer: order.NXDomain}})
		until(t, "the socket's queries are spoilt too", func() bool {
			time.Sleep(10 * time.Millisecond) // resolvers do not ask all the time
			m, err := ask(10*round + 1)
			return err == nil && m.RCode == dnsmessage.RCodeNameError
		})
		revert(t, n, "dns")
		until(t, "the socket's queries are answered again", func() bool { // an answer may be lost with its flow
			m, err := ask(10*round + 2)
			return err == nil && m.RCode == dnsmessage.RCodeSuccess
		})
	}
}

// TestDNSFaultsOverlap has two faults for different names, and ends the first first.
func TestDNSFaultsOverlap(t *testing.T) {
	n, s := opened(t, Config{}), serveNames(t, there)
	apply(t, n, order.Fault{ID: "a", DNS: &order.DNS{Answer: order.NXDomain, Names: []string{"a.example"}}})
	apply(t, n, order.Fault{ID: "b", DNS: &order.DNS{Answer: order.NXDomain, Names: []string{"b.example"}}})
	gone := func(name string) bool {
		_, err := look(s.at, "udp", name, time.Second)
		var dnsErr *net.DNSError
		return errors.As(err, &dnsErr) && dnsErr.IsNotFound
	}
	if !gone("a.example.") || !gone("b.example.") || gone("c.example.") {
		t.Error("not both names are gone, or others are")
	}
	revert(t, n, "a")
	if gone("a.example.") || !gone("b.example.") {
		t.Error("after the end of one fault the other's name is not the only one that is gone")
	}
}

// TestDNSRevertAnswersWhatIsHeldUp at once.
func TestDNSRevertAnswersWhatIsHeldUp(t *testing.T) {
	n, s := opened(t, Config{}), serveNames(t, there)
	apply(t, n, order.Fault{ID: "dns", DNS: &order.DNS{Answer: order.SlowAnswer, Delay: time.Minute}})
	done := make(chan error)
	go func() {
		_, err := look(s.at, "udp", "pay.example.", 5*time.Second)
		done <- err
	}()
	until(t, "the real server has been asked", func() bool { return s.asked.Load() > 0 })
	revert(t, n, "dns")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestDNSBeforeDocker has a rule lead to the name server as Docker's do.
func TestDNSBeforeDocker(t *testing.T) {
	n := opened(t, Config{})
	s := &nameServer{at: netip.MustParseAddrPort("127.0.0.11:5353")}
	if err := s.listen(); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	docker, err := openSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer docker.Close()
	tab := table("docker")
	var messages []message
	for _, p := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
		m, err := tab.addRule(rule{chain: "out", exprs: slices.Concat(protocol(p), destinationPort(53), []expr.Any{
			&expr.Immediate{Register: register, Data: s.at.Addr().AsSlice()},
			&expr.Immediate{Register: register + 1, Data: network(s.at.Port())},
			&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: register, RegProtoMin: register + 1, Specified: true},
		})})
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
	messages = append([]message{tab.create(tableOwned), tab.addChain(chain{name: "out", kind: "nat", hook: unix.NF_INET_LOCAL_OUT, priority: -100})}, messages...)
	if err := docker.batch(messages); err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort("127.0.0.11:53")
	for _, network := range []string{"udp", "tcp"} {
		if found, err := look(at, network, "pay.example.", time.Second); err != nil || len(found) != 1 {
			t.Fatalf("before, by %s: %v, %v", network, found, err)
		}
		apply(t, n, order.Fault{ID: "dns", DNS: &order.DNS{Answer: order.NXDomain, Names: []string{"pay.example"}}})
		var dnsErr *net.DNSError
		if _, err := look(at, network, "pay.example.", time.Second); !errors.As(err, &dnsErr) || !dnsErr.IsNotFound {
			t.Errorf("the name, by %s: %v", network, err)
		}
		if found, err := look(at, network, "other.example.", time.Second); err != nil || len(found) != 1 {
			t.Errorf("another name, by %s: %v, %v", network, found, err)
		}
		revert(t, n, "dns")
		if found, err := look(at, network, "pay.example.", time.Second); err != nil || len(found) != 1 {
			t.Errorf("after it, by %s: %v, %v", network, found, err)
		}
	}
}

func TestFirstServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("# by hand\nsearch example\nnameserver nonsense\nnameserver 10.0.0.9\nnameserver 10.0.0.10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := firstServer(path).String(); got != "10.0.0.9:53" {
		t.Errorf("got %s", got)
	}
	if got := firstServer(path + ".none").String(); got != "127.0.0.11:53" {
		t.Errorf("without settings: %s", got)
	}
}
