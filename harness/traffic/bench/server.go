package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
	"github.com/shakedown-dev/shakedown/harness/yardstick"
)

// A server is the child process that answers.
type server struct {
	url   string
	addr  string
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

// A service is what the server says of itself in the end.
type service struct {
	Requests    int64         `json:"requests"`
	Connections int           `json:"connections"` // since its start
	P99         time.Duration `json:"p99"`         // from being told of a request to having written the answer
}

// startServer starts a server on its core. It ends when stop is called, or when
// this process does.
func startServer(ctx context.Context, stall lab.Stall) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "serve", "-every", stall.Every.String(), "-from", stall.From.String(), "-for", stall.For.String())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := yardstick.StartPinned(cmd, serverCore); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	s := &server{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	line, err := s.out.ReadString('\n')
	if err != nil {
		_ = s.cmd.Wait()
		return nil, fmt.Errorf("the server ended before it listened: %w", err)
	}
	s.addr = strings.TrimSpace(line)
	s.url = "http://" + s.addr + "/"
	return s, nil
}

// stop ends the server and returns what it says of itself.
func (s *server) stop() (service, error) {
	_ = s.stdin.Close()
	var said service
	if err := json.NewDecoder(s.out).Decode(&said); err != nil {
		_ = s.cmd.Wait()
		return said, fmt.Errorf("read what the server says of itself: %w", err)
	}
	return said, s.cmd.Wait()
}
