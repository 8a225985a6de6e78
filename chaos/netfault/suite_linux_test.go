package netfault

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/order/ordertest"
)

const glance = 50 * time.Millisecond

// cases are faults of every kind, each to a server of its own.
func cases(t *testing.T) []ordertest.Case {
	t.Helper()
	names := serveNames(t, there)
	c := func(counter string, p order.Packets, effect func(*server) bool) ordertest.Case {
		s := (*server)(nil)
		if p.Kind == order.ConnectionLimit {
			s = serveHere(t, here)
		} else {
			s = serveThere(t, there)
		}
		p.Port = s.port()
		return ordertest.Case{Fault: fault(p.Kind, p), Counter: counter, Effect: func(testing.TB) bool { return effect(s) }}
	}
	return []ordertest.Case{
		c(dropped, order.Packets{Kind: order.Partition}, func(s *server) bool { return timedOut(glanceAt(net.DialTimeout, s)) }),
		c(resets, order.Packets{Kind: order.Reset}, func(s *server) bool { return wasReset(glanceAt(net.DialTimeout, s)) }),
		c(delayed, order.Packets{Kind: order.Delay, Latency: 20 * time.Millisecond}, func(s *server) bool { return trip(s, 4) >= 40*time.Millisecond }),
		c(dropped, order.Packets{Kind: order.Loss, Share: 1}, func(s *server) bool { return trip(s, 4) >= glance }),
		c(delayed, order.Packets{Kind: order.Bandwidth, Rate: 20_000}, func(s *server) bool { return trip(s, 1000) >= 45*time.Millisecond }),
		c(dropped, order.Packets{Kind: order.ConnectionLimit}, func(s *server) bool {
			return timedOut(elsewhere(func() error { return glanceAt(net.DialTimeout, s) }))
		}),
		{
			Fault: order.Fault{ID: "dns", DNS: &order.DNS{Answer: order.NXDomain, Names: []string{"pay.example"}}}, Counter: injected,
			Effect: func(testing.TB) bool {
				_, err := look(names.at, "udp", "pay.example.", time.Second)
				var dnsErr *net.DNSError
				return errors.As(err, &dnsErr) && dnsErr.IsNotFound
			},
		},
	}
}

// glanceAt is what comes of connecting.
func glanceAt(dial func(string, string, time.Duration) (net.Conn, error), s *server) error {
	c, err := dial("tcp", s.at(), glance)
	if err == nil {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	return err
}

// trip is how long a datagram takes there and back; what takes longer than a glance is
// lost.
func trip(s *server, size int) time.Duration {
	c, err := net.Dial("udp", s.at())
	if err != nil {
		return 0
	}
	defer c.Close()
	began := time.Now()
	_, _ = c.Write(make([]byte, size))
	_ = c.SetReadDeadline(began.Add(2 * glance))
	_, _ = c.Read(make([]byte, size))
	return time.Since(began)
}

func TestInjector(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	ordertest.Run(t, func(t *testing.T) ordertest.Subject {
		n := opened(t, Config{})
		return ordertest.Subject{
			Injector: n, Cases: cases(t),
			Wrong: []order.Fault{
				{Packets: &order.Packets{}},
				{Packets: &order.Packets{Kind: "corrupt"}},
				{Packets: &order.Packets{Kind: order.Partition, Existing: order.DrainExisting}},
				{DNS: &order.DNS{}},
				{HTTP: &order.HTTP{Abort: &order.Abort{}}},
				{Flush: &order.Flush{Address: "127.0.0.1:6379"}},
			},
		}
	})
}

// assault is what a helper does: a fault, or a redirect.
type assault struct {
	Fault  order.Fault
	Egress *order.Egress
	To     int
}

// help is a process that does a fault until it is killed.
func help() {
	var a assault
	err := json.Unmarshal([]byte(os.Getenv(helperVariable)), &a)
	var n *Namespace
	if err == nil {
		n, err = Open(Config{})
	}
	switch {
	case err != nil:
	case a.Egress != nil:
		err = n.Redirect(a.Fault.ID, *a.Egress, a.To, "")
	default:
		err = n.Apply(a.Fault)
	}
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("ready\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1) // nobody is to get here
}

// assaulted starts a helper and kills it with SIGKILL when the returned function is called.
func assaulted(t *testing.T, a assault) (kill func()) {
	t.Helper()
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVariable+"="+string(b))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1024)
	size, _ := out.Read(buf)
	if said := string(buf[:size]); said != "ready\n" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the helper says %q", said)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = in.Close()
	}
}

// leftovers are tables of nftables and queues in the namespace.
func leftovers(t *testing.T) (left []string) {
	t.Helper()
	s, err := openSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.dump(nft("list tables", unix.NFT_MSG_GETTABLE, 0), func(b []byte) error {
		left = append(left, "table "+string(b))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	queues, _ := os.ReadFile("/proc/net/netfilter/nfnetlink_queue")
	return append(left, strings.Fields(string(queues))...)
}

// TestKilled has the kernel take back what a process did that had no chance to.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	needsKernel(t)
	s := serveThere(t, there)
	direct := func(testing.TB) bool { return said(t, s.at()) != "" }
	all := cases(t)
	assaults := make([]assault, len(all))
	for i, c := range all {
		assaults[i].Fault = c.Fault
	}
	all = append(all, ordertest.Case{Fault: order.Fault{ID: "egress"}, Effect: direct})
	e := egress(there, s.port())
	assaults = append(assaults, assault{Fault: order.Fault{ID: "egress"}, Egress: &e, To: marker(t, "127.0.0.1")})
	for i, c := range all {
		t.Run(c.Fault.ID, func(t *testing.T) {
			if left := leftovers(t); len(left) > 0 {
				t.Fatalf("before: %q", left)
			}
			kill := assaulted(t, assaults[i])
			if !c.Effect(t) || len(leftovers(t)) == 0 {
				kill()
				t.Fatal("the fault has no effect")
			}
			kill()
			if left := leftovers(t); len(left) > 0 {
				t.Fatalf("the process is gone and left %q", left)
			}
			if c.Effect(t) {
				t.Fatal("the process is gone and its fault is not")
			}
		})
	}
}

// TestKilledWithPacketsInHand sees connections go on that had packets in a queue.
func TestKilledWithPacketsInHand(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	n, s := opened(t, Config{}), serveThere(t, there)
	c := must(t)(connect(t, s.at()))
	kill := assaulted(t, assault{Fault: fault("late", order.Packets{Kind: order.Delay, Latency: time.Minute})})
	if err := echo(c); !timedOut(err) {
		kill()
		t.Fatalf("echo: %v, want a timeout", err)
	}
	kill()
	_ = n
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(c, make([]byte, 4)); err != nil { // sent again by TCP
		t.Fatal(err)
	}
}

// TestOneAgentLeavesAnotherAlone has two processes at work in one namespace.
func TestOneAgentLeavesAnotherAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	n, s, other := opened(t, Config{}), serveThere(t, there), serveThere(t, there)
	kill := assaulted(t, assault{Fault: fault("late", order.Packets{Kind: order.Delay, Latency: 20 * time.Millisecond, Port: other.port()})})
	apply(t, n, fault("late", order.Packets{Kind: order.Delay, Latency: 20 * time.Millisecond, Port: s.port()}))
	if a, b := trip(s, 4), trip(other, 4); a < 40*time.Millisecond || b < 40*time.Millisecond {
		t.Errorf("round trips took %s and %s, want 40ms or more each", a, b)
	}
	kill()
	if a, b := trip(s, 4), trip(other, 4); a < 40*time.Millisecond || b >= 40*time.Millisecond {
		t.Errorf("after the end of one round trips took %s and %s", a, b)
	}
}

// TestRootless does the work again as somebody who is root in a user namespace only.
func TestRootless(t *testing.T) {
	switch {
	case testing.Short():
		t.Skip("runs other tests again")
	case os.Geteuid() != 0 || os.Getenv("NETFAULT_TEST_ROOTLESS") != "":
		t.Skip("all tests are rootless here")
	}
	needsKernel(t)
	cmd := inside("-test.run", "^(TestKilled|TestPartitionOfOneWay|TestDelayHolds|TestLossIsDrawn|TestReset|TestConnectionLimit|TestRedirect|TestDNS|TestProbe)")
	cmd.Env = append(cmd.Env, "NETFAULT_TEST_ROOTLESS=1")
	const nobody = 65534
	asRoot(cmd, nobody, nobody)
	cmd.SysProcAttr.Credential = &syscall.Credential{NoSetGroups: true}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) {
		t.Skipf("user namespaces are forbidden here: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestProbe compares what is said to work with what is known to be there.
func TestProbe(t *testing.T) {
	n := opened(t, Config{})
	before, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	can := Probe()
	t.Log(can)
	here := n.Can()
	for _, feature := range []string{NFTables, Owner, NFQueue, Numgen, Connlimit, Limit, Reject, NAT, Redirect, Conntrack, DNS} {
		if why, ok := can[feature]; !ok || why != here[feature] {
			t.Errorf("%s: %q in a namespace of its own, %q here", feature, why, here[feature])
		}
	}
	if _, ok := can[Netem]; !ok {
		t.Error("nothing is said of netem")
	}
	if after, err := os.Readlink("/proc/self/ns/net"); err != nil || after != before {
		t.Errorf("the process was in %s and is in %s", before, after)
	}
	if (Config{}).Without == nil && can[NFTables] != "" {
		t.Errorf("tests run and nftables do not work: %s", can[NFTables])
	}
}

// TestProbeInProcess is the way for those who are not root.
func TestProbeInProcess(t *testing.T) {
	needsKernel(t)
	can, err := probeInProcess()
	if errors.Is(err, unix.EPERM) {
		t.Skipf("user namespaces are forbidden here: %v", err)
	}
	if err != nil || can[NFTables] != "" || len(can) != len(none("")) {
		t.Fatalf("%v, %v", can, err)
	}
}
