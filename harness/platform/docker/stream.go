package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// conn is an attached container: standard input and output. Its standard error
// goes to the instance's tail.
type conn struct {
	engine types.HijackedResponse
	out    *io.PipeReader
	closed sync.Once
}

// Attach connects to a container that has not been started. The engine closes
// its standard input when the connection ends, also with the harness.
func (p *Platform) Attach(ctx context.Context, name string) (io.ReadWriteCloser, error) {
	i, err := p.present(name)
	if err != nil {
		return nil, err
	}
	if !i.attach {
		return nil, fmt.Errorf("%s was not created to be attached to", name)
	}
	p.mu.Lock()
	running := i.life != nil && !i.life.over
	p.mu.Unlock()
	if running {
		return nil, fmt.Errorf("%s runs already; attach before it is started", name)
	}
	stream, err := p.engine.ContainerAttach(ctx, i.id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, about(name, err)
	}
	out, w := io.Pipe()
	c := &conn{engine: stream, out: out}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, errTornDown), c.Close())
	}
	p.attached = append(p.attached, c)
	p.streams.Go(func() {
		// The stream ends with the container or with Close; both are an end of
		// file to the reader.
		_, _ = stdcopy.StdCopy(w, i.stderr, stream.Reader)
		_ = w.Close()
		i.stderr.end()
	})
	return c, nil
}

// Read reads the container's standard output.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.out.Read(b)
	if errors.Is(err, io.ErrClosedPipe) {
		err = io.EOF
	}
	return n, err
}

// Write writes to the container's standard input.
func (c *conn) Write(b []byte) (int, error) { return c.engine.Conn.Write(b) }

// CloseWrite gives the container end of file; reading goes on.
func (c *conn) CloseWrite() error { return c.engine.CloseWrite() }

// Close gives the container end of file and ends reading.
func (c *conn) Close() error {
	c.closed.Do(func() {
		c.engine.Close()
		_ = c.out.Close()
	})
	return nil
}

// Logs copies the container's output, or the tail of its standard error where
// its output is somebody else's.
func (p *Platform) Logs(ctx context.Context, name string, follow bool, w io.Writer) error {
	i, err := p.present(name)
	if err != nil {
		return err
	}
	if i.attach {
		if err := i.stderr.copyTo(ctx, follow, w); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	if follow { // the engine follows running containers only
		select {
		case <-i.started:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", name, context.Cause(ctx))
		}
	}
	body, err := p.engine.ContainerLogs(ctx, i.id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: follow})
	if err != nil {
		return about(name, err)
	}
	defer func() { _ = body.Close() }()
	if i.tty {
		_, err = io.Copy(w, body)
	} else {
		_, err = stdcopy.StdCopy(w, w, body)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", name, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// tailSize is how much of an attached instance's standard error is kept.
const tailSize = 64 << 10

// tail is the last part of a stream, which can be followed. It is safe for
// concurrent use.
type tail struct {
	mu     sync.Mutex
	kept   []byte
	before int           // bytes that were dropped
	change chan struct{} // closed and replaced when there is more; closed at the end
	ended  bool
}

func newTail() *tail { return &tail{change: make(chan struct{})} }

// Write takes more in and drops what is too old.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return len(b), nil
	}
	t.kept = append(t.kept, b...)
	if surplus := len(t.kept) - tailSize; surplus > 0 {
		t.kept = append(t.kept[:0], t.kept[surplus:]...)
		t.before += surplus
	}
	close(t.change)
	t.change = make(chan struct{})
	return len(b), nil
}

// end lets followers go.
func (t *tail) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.ended = true
		close(t.change)
	}
}

// from is a copy of what is kept after a position.
func (t *tail) from(position int) (part []byte, next int, change <-chan struct{}, ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	position = max(position, t.before)
	part = append(part, t.kept[position-t.before:]...)
	return part, position + len(part), t.change, t.ended
}

// copyTo writes what is kept and, if following, what comes until the end.
func (t *tail) copyTo(ctx context.Context, follow bool, w io.Writer) error {
	position := 0
	for {
		part, next, change, ended := t.from(position)
		position = next
		if _, err := w.Write(part); err != nil {
			return err
		}
		if !follow || ended {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
