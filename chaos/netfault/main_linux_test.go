package netfault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The tests run in two network namespaces of their own, joined by a pair of
// interfaces: the process is in the one of the target, peers are in the other.
const (
	insideVariable = "NETFAULT_TEST_INSIDE"
	helperVariable = "NETFAULT_TEST_HELPER" // what a process that is to be killed applies
)

var (
	here   = netip.MustParseAddr("10.77.0.1")
	there  = netip.MustParseAddr("10.77.0.2")
	beside = netip.MustParseAddr("10.77.0.3") // of the same peer
	here6  = netip.MustParseAddr("fd77::1")
	there6 = netip.MustParseAddr("fd77::2")

	// forbidden is why there are no namespaces, nil where there are.
	forbidden error
	peerNS    = -1
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(helperVariable) != "":
		help()
	case os.Getenv(insideVariable) != "":
		if err := lay(); err != nil {
			fmt.Fprintln(os.Stderr, "lay out the namespaces:", err)
			os.Exit(1)
		}
	case slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-test.fuzz") }):
		forbidden = errors.New("fuzzing talks to this very process")
	default:
		cmd := inside(os.Args[1:]...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		err := cmd.Run()
		if exit := (*exec.ExitError)(nil); err == nil || errors.As(err, &exit) {
			os.Exit(cmd.ProcessState.ExitCode())
		}
		forbidden = err
	}
	goleak.VerifyTestMain(m)
}

// inside runs the tests again in a network namespace of its own, and where the right to make one is
// missing in one of a user namespace.
func inside(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		asRoot(cmd, os.Getuid(), os.Getgid())
	}
	return cmd
}

// asRoot has a command run as root of a user namespace, and as that user outside of it.
func asRoot(cmd *exec.Cmd, uid, gid int) {
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
}

// needsKernel skips a test where there are no namespaces.
func needsKernel(t testing.TB) {
	t.Helper()
	if forbidden != nil {
		t.Skipf("no network namespace can be made here: %v", forbidden)
	}
}

// elsewhere runs do in the peer's namespace: sockets that it opens stay there.
func elsewhere(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() { // it is not to change its namespace
			err := elsewhere(do)
			runtime.UnlockOSThread()
			result <- err
			return
		}
		if err := unix.Setns(peerNS, unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			result <- err
			return
		}
		result <- do() // the thread ends
	}()
	return <-result
}

// lay makes the peer's namespace and the interfaces.
func lay() error {
	made := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- err
			return
		}
		var err error
		peerNS, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		made <- err
	}()
	if err := <-made; err != nil {
		return err
	}
	if err := link(); err != nil {
		return err
	}
	if err := errors.Join(setUp("lo"), setUp("v0"), address("v0", here, 24), address("v0", here6, 64)); err != nil {
		return err
	}
	return elsewhere(func() error {
		return errors.Join(setUp("lo"), setUp("v1"), address("v1", there, 24), address("v1", beside, 24), address("v1", there6, 64))
	})
}

func route(kind netlink.HeaderType, flags netlink.HeaderFlags, body []byte) error {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Execute(netlink.Message{Header: netlink.Header{Type: kind, Flags: flags | netlink.Request | netlink.Acknowledge}, Data: body})
	return err
}

// link makes a pair of interfaces, v0 here and v1 there.
func link() error {
	peer := append(make([]byte, unix.SizeofIfInfomsg), attributes(text(unix.IFLA_IFNAME, "v1"),
		netlink.Attribute{Type: unix.IFLA_NET_NS_FD, Data: native(uint32(peerNS))})...)
	body := append(make([]byte, unix.SizeofIfInfomsg), attributes(text(unix.IFLA_IFNAME, "v0"),
		nested(unix.IFLA_LINKINFO, text(unix.IFLA_INFO_KIND, "veth"),
			nested(unix.IFLA_INFO_DATA, netlink.Attribute{Type: 1, Data: peer})))...)
	return route(unix.RTM_NEWLINK, netlink.Create|netlink.Excl, body)
}

func setUp(name string) error {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], uint32(i.Index))
	binary.NativeEndian.PutUint32(body[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(body[12:], unix.IFF_UP)
	return route(unix.RTM_NEWLINK, 0, body)
}

func address(name string, a netip.Addr, bits uint8) error {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	family := uint8(unix.AF_INET)
	if a.Is6() {
		family = unix.AF_INET6
	}
	body := append([]byte{family, bits, unix.IFA_F_NODAD, 0}, native(uint32(i.Index))...)
	body = append(body, attributes(netlink.Attribute{Type: unix.IFA_LOCAL, Data: a.AsSlice()}, netlink.Attribute{Type: unix.IFA_ADDRESS, Data: a.AsSlice()})...)
	return route(unix.RTM_NEWADDR, netlink.Create|netlink.Excl, body)
}

// opened is a Namespace that is closed with the test.
func opened(t testing.TB, config Config) *Namespace {
	t.Helper()
	needsKernel(t)
	n, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error("close:", err)
		}
	})
	return n
}

// server answers what it gets, over TCP and UDP, until the end of the test.
type server struct {
	tcp net.Listener
	udp net.PacketConn

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
	beside sync.WaitGroup
}

// at is its address.
func (s *server) at() string { return s.tcp.Addr().String() }

func (s *server) port() int { return s.tcp.Addr().(*net.TCPAddr).Port }

// serveThere starts a server among the peers, serveHere one that is a target.
func serveThere(t testing.TB, a netip.Addr) *server {
	t.Helper()
	needsKernel(t)
	s := &server{}
	if err := elsewhere(func() error { return s.listen(a) }); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	return s
}

func serveHere(t testing.TB, a netip.Addr) *server {
	t.Helper()
	needsKernel(t)
	s := &server{}
	if err := s.listen(a); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	return s
}

func (s *server) listen(a netip.Addr) (err error) {
	if s.tcp, err = net.Listen("tcp", netip.AddrPortFrom(a, 0).String()); err != nil {
		return err
	}
	s.udp, err = net.ListenPacket("udp", s.at())
	return err
}

func (s *server) start(t testing.TB) {
	s.beside.Go(s.accept)
	s.beside.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, from, err := s.udp.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = s.udp.WriteTo(buf[:n], from)
			}
		}
	})
	t.Cleanup(s.close)
}

func (s *server) accept() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			_ = c.Close()
		}
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		s.beside.Go(func() {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		})
	}
}

func (s *server) close() {
	_ = s.tcp.Close()
	_ = s.udp.Close()
	s.mu.Lock()
	s.closed = true
	for _, c := range s.conns {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	s.mu.Unlock()
	s.beside.Wait()
}

const patience = 150 * time.Millisecond

// connect dials; from is empty for the target's side.
func connect(t testing.TB, to string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", to, patience)
	if err == nil {
		_ = c.(*net.TCPConn).SetLinger(0)
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// connectThere dials from among the peers.
func connectThere(t testing.TB, to string) (c net.Conn, err error) {
	err = elsewhere(func() error {
		c, err = connect(t, to)
		return err
	})
	return c, err
}

// must is a connection that there has to be.
func must(t testing.TB) func(net.Conn, error) net.Conn {
	return func(c net.Conn, err error) net.Conn {
		t.Helper()
		if err != nil {
			t.Fatal("connect:", err)
		}
		return c
	}
}

// echo sends something over a connection and waits for it to come back.
func echo(c net.Conn) error { return echoWithin(c, patience) }

func echoWithin(c net.Conn, d time.Duration) error {
	_ = c.SetDeadline(time.Now().Add(d))
	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}

// timedOut tells whether nothing came, not even a refusal.
func timedOut(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}
