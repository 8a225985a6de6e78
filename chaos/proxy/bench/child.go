package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/proxy"
)

// A child is this program, started again for a part of the work. It answers each
// line of its input with one, and ends with it.
type child struct {
	addr string
	in   io.WriteCloser
	out  *bufio.Reader
	cmd  *exec.Cmd
}

func start(args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, args...)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	c.out = bufio.NewReader(out)
	c.addr, err = c.line()
	return c, err
}

func (c *child) line() (string, error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.cmd.Args[1], err)
	}
	return strings.TrimSpace(line), nil
}

func (c *child) ask(what string) (string, error) {
	if _, err := io.WriteString(c.in, what+"\n"); err != nil {
		return "", err
	}
	return c.line()
}

// tell changes the fault of a proxy.
func (c *child) tell(what string) error {
	answer, err := c.ask(what)
	if err == nil && answer != "ok" {
		err = fmt.Errorf("%s: %s", what, answer)
	}
	return err
}

// usage is the processor time that the child has used.
func (c *child) usage() (time.Duration, error) {
	answer, err := c.ask("usage")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(answer, 10, 64)
	return time.Duration(n), err
}

func (c *child) end() {
	_ = c.in.Close()
	_ = c.cmd.Wait()
}

// serveProxy is the child that is measured: a proxy as it stands in front of a
// service, with its account of calls taken every second.
func serveProxy(upstream string) error {
	p, err := proxy.New(proxy.Config{Service: "bench", Upstream: upstream, KeyHeader: "Idempotency-Key", WriteCalls: true})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = p.Serve(l) }()
	go func() {
		for range time.Tick(time.Second) {
			p.Calls()
		}
	}()
	fmt.Println(l.Addr())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(obey(p, lines.Text()))
	}
	return p.Close()
}

func obey(p *proxy.Proxy, what string) string {
	var err error
	switch what {
	case "usage":
		var u syscall.Rusage
		if err = syscall.Getrusage(syscall.RUSAGE_SELF, &u); err == nil {
			return strconv.FormatInt(u.Utime.Nano()+u.Stime.Nano(), 10)
		}
	case "latency":
		err = p.Apply(order.Fault{ID: "latency", HTTP: &order.HTTP{Latency: &order.Latency{P50: 50 * time.Millisecond}}})
	case "none":
		_, err = p.Revert("latency")
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

// serveUpstream is the child that answers: without parsing, so that it costs as
// little as an upstream can.
func serveUpstream() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	fmt.Println(l.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

const response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok"

func answer(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > 2 {
			continue
		}
		if _, err := io.WriteString(c, response); err != nil {
			return
		}
	}
}
