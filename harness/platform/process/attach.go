package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// conn is the harness's end of an attached instance's pipes.
type conn struct {
	in, out           *os.File // written and read by the harness
	childIn, childOut *os.File // the child's ends, until it has them
}

// Attach makes the pipes that the next Start gives the child.
func (p *Platform) Attach(_ context.Context, name string) (io.ReadWriteCloser, error) {
	i, err := p.present(name)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case p.closed:
		return nil, fmt.Errorf("%s: %w", name, errTornDown)
	case !i.spec.Attach:
		return nil, fmt.Errorf("%s was not created to be attached to", name)
	case i.running():
		return nil, fmt.Errorf("%s runs already; attach before it is started", name)
	}
	c, err := newConn()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	i.conn = c
	p.attached = append(p.attached, c)
	return c, nil
}

func newConn() (*conn, error) {
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, childIn.Close(), in.Close())
	}
	return &conn{in: in, out: out, childIn: childIn, childOut: childOut}, nil
}

// handedOver closes the child's ends here once it has them, so that its exit
// is an end of file.
func (c *conn) handedOver() {
	_, _ = c.childIn.Close(), c.childOut.Close()
}

// Read reads the instance's standard output.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.out.Read(b)
	if errors.Is(err, os.ErrClosed) {
		err = io.EOF
	}
	return n, err
}

// Write writes to the instance's standard input.
func (c *conn) Write(b []byte) (int, error) { return c.in.Write(b) }

// CloseWrite gives the instance end of file; reading goes on.
func (c *conn) CloseWrite() error { return ignoreClosed(c.in.Close()) }

// Close gives the instance end of file and ends reading.
func (c *conn) Close() error {
	c.handedOver()
	return errors.Join(c.CloseWrite(), ignoreClosed(c.out.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
