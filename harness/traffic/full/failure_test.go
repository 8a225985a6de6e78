package full

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

func TestFailuresAreNamed(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	byPeer := streamError{Code: 2, Cause: errors.New("received from peer")}
	for _, c := range []struct {
		err             error
		answered, ended bool
		want            journal.Failure
	}{
		{context.Canceled, false, false, journal.ClientGone},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), true, false, journal.Timeout},
		{reset, false, false, journal.Reset},
		{reset, true, false, journal.Truncated},
		{io.EOF, false, false, journal.Closed},
		{io.ErrUnexpectedEOF, true, false, journal.Truncated},
		{errors.New("malformed MIME header"), true, false, journal.BadResponse},
		{errors.New("malformed MIME header"), true, true, journal.Truncated},
		{errors.New("http: server closed idle connection"), false, false, journal.Closed},
		{byPeer, false, false, journal.Reset},
		{byPeer, true, false, journal.Truncated},
		{streamError{Code: 1}, true, false, journal.BadResponse},
		{errors.New("http2: server sent GOAWAY and closed the connection"), false, false, journal.Closed},
		{errors.New("http2: client connection lost"), true, false, journal.Truncated},
		{errors.New("connection error: PROTOCOL_ERROR"), false, false, journal.BadResponse},
	} {
		if got := classify(c.err, c.answered, c.ended); got != c.want {
			t.Errorf("%v (answered %v, ended %v) is %q, want %q", c.err, c.answered, c.ended, got, c.want)
		}
	}
}

func TestWhatTheGeneratorLacksIsNamed(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EADDRNOTAVAIL: "ports", syscall.EMFILE: "files", syscall.ENFILE: "files",
		syscall.ENOMEM: "memory", syscall.ENOBUFS: "memory", syscall.ECONNREFUSED: "",
	} {
		err := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errno)}
		if got := lacking(err); got != want {
			t.Errorf("%v is want of %q, want %q", err, got, want)
		}
	}
}

func TestATargetThatWillNotDoIsRefused(t *testing.T) {
	l, err := loop.New(clock.Start())
	if err != nil {
		t.Fatal(err)
	}
	l.Stop()
	defer l.Run() // gives back what the loop holds
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	limits := exchange.Limits{Max: 1}
	for _, c := range []struct {
		target exchange.Target
		limits exchange.Limits
		want   string
	}{
		{exchange.Target{Name: "shop", Addr: "127.0.0.1"}, limits, "target shop: address"},
		{exchange.Target{Name: "shop", Addr: "127.0.0.1:1"}, exchange.Limits{}, "0 connections"},
		{exchange.Target{Name: "shop", Addr: "127.0.0.1:1", TLS: true, CA: "/nowhere.pem"}, limits, "read the ca of target shop: open /nowhere.pem"},
		{exchange.Target{Name: "shop", Addr: "127.0.0.1:1", TLS: true, CA: empty}, limits, "no certificate in PEM"},
	} {
		if _, err := New(l, c.target, c.limits); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestABodyThatWasForgottenIsNotRead(t *testing.T) {
	b := newBody(&exchange.Request{Body: []byte("abc")})
	b.forget()
	if n, err := b.Read(make([]byte, 3)); n != 0 || !errors.Is(err, errBodyClosed) {
		t.Errorf("a body that was forgotten gives %d bytes, %v", n, err)
	}
}
