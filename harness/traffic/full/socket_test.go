package full

import (
	"net"
	"runtime"
	"testing"
)

// pair is both ends of a connection.
func pair(t *testing.T) (*socket, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	tcp, ok := far.(*net.TCPConn)
	if !ok {
		t.Fatalf("accepted %T", far)
	}
	return newSocket(near), tcp
}

// resetBy makes the other end go away with a reset, and waits until this end
// knows.
func resetBy(t *testing.T, far *net.TCPConn, near *socket) {
	t.Helper()
	if err := far.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	far.Close()
	if _, err := near.Read(make([]byte, 1)); err == nil {
		t.Fatal("read from a connection that was reset")
	}
}

func TestASocketTellsThatItsPeerHasClosed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("cannot be told here")
	}
	near, far := pair(t)
	if near.ended() {
		t.Error("open, and told ended")
	}
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if near.ended() {
		t.Error("something to read, and told ended")
	}
	if _, err := near.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	far.Close()
	if !near.ended() {
		t.Error("closed, and not told")
	}
}

func TestALostPeerIsTheReadersToTell(t *testing.T) {
	near, far := pair(t)
	if _, err := near.Write([]byte("part of a request")); err != nil {
		t.Fatal(err)
	}
	resetBy(t, far, near)
	if n, err := near.Write([]byte("the rest")); n != 8 || err != nil {
		t.Errorf("within a request: %d bytes, %v; want it to look written", n, err)
	}
	near.mark.Store(near.sent.Load()) // the next exchange
	if _, err := near.Write([]byte("a request")); err == nil || near.begun() {
		t.Errorf("at the beginning of a request: %v, begun %v; want an error and nothing sent", err, near.begun())
	}
}
