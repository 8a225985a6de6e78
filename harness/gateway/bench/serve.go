package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
)

// serve is the child that is the instance: it says its address and answers
// every request at once until its input ends.
func serve() error {
	s, err := lab.Start(lab.Behaviour{})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println(s.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// startServer starts that child.
func startServer(ctx context.Context, core int) (*child, string, error) {
	c, err := start(ctx, core, "serve")
	if err != nil {
		return nil, "", err
	}
	addr, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		_, ended := c.end()
		return nil, "", fmt.Errorf("read the server's address: %w", errors.Join(err, ended))
	}
	return c, strings.TrimSpace(addr), nil
}
