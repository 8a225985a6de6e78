package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// Endpoint is the instance's own address, or 127.0.0.1 for a port published
// under a number.
func (p *Platform) Endpoint(_ context.Context, name string, port int) (platform.Endpoint, error) {
	i, err := p.present(name)
	if err != nil {
		return platform.Endpoint{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.running() {
		return platform.Endpoint{}, fmt.Errorf("%s is not running", name)
	}
	at := platform.Endpoint{Inside: inside(i.spec, port)}
	for _, publish := range i.spec.Publish {
		switch {
		case publish.Port != port:
		case publish.Host == 0:
			at.Published = at.Inside
		default:
			at.Published = loopback(publish.Host)
		}
	}
	return at, nil
}

func inside(spec platform.Spec, port int) string {
	return net.JoinHostPort(cmp.Or(spec.Address, "127.0.0.1"), strconv.Itoa(port))
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// forward passes connections to a published port on to the instance, as an
// engine's port forwarding does.
type forward struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

// openForwards listens on the ports that a spec publishes under a number.
func openForwards(spec platform.Spec) ([]*forward, error) {
	var forwards []*forward
	for _, publish := range spec.Publish {
		if publish.Host == 0 {
			continue
		}
		listener, err := net.Listen("tcp4", loopback(publish.Host))
		if err != nil {
			closeAll(forwards)
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, platform.PortTaken(publish.Host)
			}
			return nil, fmt.Errorf("publish port %d: %w", publish.Port, err)
		}
		f := &forward{listener: listener, to: inside(spec, publish.Port), open: map[net.Conn]bool{}}
		go f.serve()
		forwards = append(forwards, f)
	}
	return forwards, nil
}

func closeAll(forwards []*forward) {
	for _, f := range forwards {
		f.close()
	}
}

func (f *forward) serve() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		go f.pass(client)
	}
}

// pass copies both ways until both have ended.
func (f *forward) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp4", f.to)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !f.enter(client, server) {
		return
	}
	defer f.leave(client, server)
	var both sync.WaitGroup
	both.Go(func() { oneWay(server, client) })
	both.Go(func() { oneWay(client, server) })
	both.Wait()
}

func oneWay(to, from net.Conn) {
	_, err := io.Copy(to, from)
	tcp, ok := to.(*net.TCPConn)
	if err != nil || !ok {
		_ = to.Close()
		return
	}
	_ = tcp.CloseWrite()
}

func (f *forward) enter(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		f.open[c] = true
	}
	return !f.closed
}

func (f *forward) leave(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		delete(f.open, c)
	}
}

// close ends listening and cuts what is open.
func (f *forward) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for c := range f.open {
		_ = c.Close()
	}
}
