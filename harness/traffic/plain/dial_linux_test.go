package plain

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

// TestWant has the system refuse what a connection needs.
func TestWant(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{unix.EADDRNOTAVAIL, "ports"}, {unix.EMFILE, "files"}, {unix.ENFILE, "files"},
		{unix.ENOBUFS, "memory"}, {unix.ENOMEM, "memory"}, {unix.EHOSTUNREACH, ""},
	} {
		addr := serve(t, repeats(hello))
		r := newRig(t, addr, exchange.Limits{Max: 2, Reuse: true})
		r.do(func() { r.e.connect = func(int, unix.Sockaddr) (int, error) { return -1, c.err } })
		for range 2 {
			got := r.ask(get("/"))
			wantFailure(t, got, journal.DialTimeout, "dial "+addr)
			if got.Own != c.want || got.Sent != 0 || !errors.Is(got.Err, c.err) {
				t.Errorf("%v: own %q, sent %v, %v; want %q", c.err, got.Own, got.Sent, got.Err, c.want)
			}
		}
		r.do(func() { r.e.connect = connectTo })
		wantOK(t, r.ask(get("/")), "hello", false)
	}
}

// TestConnectionToItself makes the system choose the target's port for this end.
func TestConnectionToItself(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	r := newRig(t, addr, one)
	r.do(func() {
		r.e.connect = func(family int, peer unix.Sockaddr) (int, error) {
			fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return -1, err
			}
			if err := unix.Bind(fd, peer); err != nil {
				return -1, err
			}
			if err := unix.Connect(fd, peer); err != nil && err != unix.EINPROGRESS {
				return -1, err
			}
			return fd, nil
		}
	})
	got := r.ask(get("/"))
	wantFailure(t, got, journal.Refused, "dial "+addr)
	if got.Sent != 0 {
		t.Error("something was sent")
	}
}

// TestOpeningIsGivenUp with the exchange it was for: the next one does not
// inherit an attempt that is not answered.
func TestOpeningIsGivenUp(t *testing.T) {
	addr := serve(t, repeats(hello))
	r := newRig(t, addr, exchange.Limits{Max: 3, Reuse: true})
	// A socket that is full, so that it is not writable, stands for an attempt
	// without an answer.
	r.do(func() {
		r.e.connect = func(int, unix.Sockaddr) (int, error) {
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return -1, err
			}
			t.Cleanup(func() { _ = unix.Close(fds[1]) })
			for n := 1; n > 0; {
				n, _ = unix.Write(fds[0], make([]byte, 4096))
			}
			return fds[0], nil
		}
	})
	wantFailure(t, await(t, r.start(get("/"), short)), journal.DialTimeout, "dial "+addr)
	r.do(func() {
		if n := r.e.dialing.len; n != 0 {
			t.Errorf("%d connections are still being opened", n)
		}
		x := r.begin(get("/"), long, func(got *result) { wantFailure(t, got, journal.ClientGone, "dial "+addr) })
		r.e.Abandon(x)
		r.e.Abandon(x) // has ended
		if n := r.e.dialing.len; n != 0 {
			t.Errorf("%d connections are still being opened", n)
		}
		r.e.connect = connectTo
	})
	wantOK(t, r.ask(get("/")), "hello", false)
}

func TestCloseWhileOpening(t *testing.T) {
	r := newRig(t, serve(t, repeats(hello)), exchange.Limits{Max: 5, Reuse: true, DialRate: 1})
	done := make(chan *result, 3)
	r.do(func() {
		for range 3 {
			r.begin(get("/"), long, func(got *result) { done <- got })
		}
		if got, want := r.e.Stats(), (exchange.Stats{Dialled: 1, Queued: 3, Begun: 3}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		for r.e.waiting.len > 0 {
			r.e.Abandon(r.e.waiting.first().x)
		}
		if len(done) > 0 {
			t.Error("Done was called from within Abandon")
		}
	})
	for range 3 {
		await(t, done)
	}
	r.do(func() {
		if !r.e.dial.Pending() || !r.e.tick.Pending() {
			t.Fatal("no timer is set: the test has nothing to see")
		}
		r.e.open()
		r.e.Close()
		if got := r.e.Stats().Connections + r.e.dialing.len; got != 0 {
			t.Errorf("%d connections are left", got)
		}
		if r.e.dial.Pending() || r.e.tick.Pending() || r.e.soon.Pending() {
			t.Error("a timer is left")
		}
	})
}
