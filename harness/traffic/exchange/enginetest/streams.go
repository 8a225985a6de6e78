package enginetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

var streams = []obligation{
	{"a stream must arrive whole, be opened once and closed", streamArrives},
	{"a stream that fails must fail the exchange and be named", streamFails},
	{"a stream that cannot be opened must send nothing", streamWontOpen},
	{"a stream must be closed when the exchange ends before it", streamCutShort},
}

// A stream is a body that is produced while it is read. It keeps account of
// what is done to it.
type stream struct {
	left int   // bytes to come; negative: for ever
	err  error // at the end, instead of io.EOF
	sum  interface{ Write([]byte) (int, error) }

	mu      sync.Mutex
	opened  int
	closed  int
	misused bool
	over    chan struct{} // closed with the first Close
}

func newStream(size int, err error) *stream {
	return &stream{left: size, err: err, sum: sha256.New(), over: make(chan struct{})}
}

func (s *stream) open() (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	return s, nil
}

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed > 0 {
		s.misused = true
	}
	if s.left == 0 {
		if s.err != nil {
			return 0, s.err
		}
		return 0, io.EOF
	}
	if s.left > 0 && len(p) > s.left {
		p = p[:s.left]
	}
	for i := range p {
		p[i] = byte('a' + (s.left-i)%23)
	}
	if s.left > 0 {
		s.left -= len(p)
	}
	_, _ = s.sum.Write(p)
	return len(p), nil
}

func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed++; s.closed == 1 {
		close(s.over)
	}
	return nil
}

// settled waits for the end of the stream and checks how it was used.
func (s *stream) settled(t *testing.T) {
	t.Helper()
	await(t, s.over, "the stream to be closed")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != 1 || s.closed != 1 || s.misused {
		t.Errorf("opened %d times, closed %d times, read after that: %v", s.opened, s.closed, s.misused)
	}
}

func posting(s *stream, length int64) exchange.Request {
	return exchange.Request{Method: "POST", Path: "/", Stream: s.open, Length: length, Keep: 100}
}

func streamArrives(t *testing.T, maker Maker) {
	s, all := receiving(t)
	r := newRig(t, maker, s.addr, one)
	for _, size := range []int{1, 1000, 8 << 20} {
		for name, c := range map[string]struct {
			length  int64
			chunked bool
		}{"length known": {int64(size), false}, "length unknown": {-1, false}, "in chunks": {int64(size), true}} {
			t.Run(fmt.Sprintf("%d bytes, %s", size, name), func(t *testing.T) {
				body := newStream(size, nil)
				request := posting(body, c.length)
				request.Chunked = c.chunked
				r.begin(request, long).ok(200)
				req := await(t, all, "the request")
				body.settled(t)
				sum := sha256.New()
				_, _ = io.WriteString(sum, req.body)
				if want, ok := body.sum.(interface{ Sum([]byte) []byte }); !ok || string(sum.Sum(nil)) != string(want.Sum(nil)) || len(req.body) != size {
					t.Errorf("%d bytes arrived, not those that were read", len(req.body))
				}
				if want := c.chunked || c.length < 0; (req.ContentLength < 0) != want {
					t.Errorf("length %d, want chunks: %v", req.ContentLength, want)
				}
			})
		}
	}
	if n := s.connections(); n != 1 {
		t.Errorf("%d connections, want all on one", n)
	}
}

func streamFails(t *testing.T, maker Maker) {
	s := serve(t, answering(hello))
	r := newRig(t, maker, s.addr, one)
	torn := errors.New("tape torn")
	for name, c := range map[string]struct {
		body   *stream
		length int64
		cause  error
	}{
		"in the middle":                      {newStream(100_000, torn), 200_000, torn},
		"in the middle, length unknown":      {newStream(100_000, torn), -1, torn},
		"at its first byte":                  {newStream(0, torn), 200_000, torn},
		"by being shorter than was promised": {newStream(100_000, nil), 200_000, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := r.begin(posting(c.body, c.length), long).wait()
			c.body.settled(t)
			switch {
			case got.x.Err == nil:
				t.Fatalf("status %d, want a failure", got.x.Status)
			case c.cause != nil && !errors.Is(got.x.Err, c.cause):
				t.Errorf("error %v does not wrap the stream's", got.x.Err)
			case !strings.Contains(got.x.Err.Error(), "request body"):
				t.Errorf("error %q does not name the request body", got.x.Err)
			}
		})
	}
	if n := s.requests(); n != 0 {
		t.Errorf("the server took %d of them for complete requests", n)
	}
}

func streamWontOpen(t *testing.T, maker Maker) {
	s := serve(t, answering(hello))
	r := newRig(t, maker, s.addr, one)
	missing := errors.New("no such file")
	got := r.begin(exchange.Request{Method: "POST", Path: "/", Length: 10,
		Stream: func() (io.ReadCloser, error) { return nil, missing }}, long).wait().sent(false)
	if !errors.Is(got.x.Err, missing) {
		t.Errorf("error %v", got.x.Err)
	}
	r.get("/").ok(200)
}

func streamCutShort(t *testing.T, maker Maker) {
	t.Run("by the deadline", func(t *testing.T) {
		r := newRig(t, maker, serve(t, unread).addr, one)
		body := newStream(-1, nil)
		r.begin(posting(body, -1), short).fails(journal.Timeout).sent(true)
		body.settled(t)
	})
	t.Run("by being abandoned", func(t *testing.T) {
		reached := make(chan struct{})
		s := serve(t, func(p *peer, nth int) {
			close(reached)
			unread(p, nth)
		})
		r := newRig(t, maker, s.addr, one)
		body := newStream(-1, nil)
		c := r.begin(posting(body, -1), long)
		await(t, reached, "the connection")
		r.abandon(c)
		c.fails(journal.ClientGone)
		if c.x.Sent != 0 {
			body.settled(t)
		}
	})
	t.Run("by an early answer", func(t *testing.T) {
		s := serve(t, func(p *peer, _ int) {
			p.head()
			p.write("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
			<-p.over
		})
		r := newRig(t, maker, s.addr, one)
		body := newStream(-1, nil)
		if c := r.begin(posting(body, -1), long).ok(413); c.body != "no" {
			t.Errorf("body %q", c.body)
		}
		body.settled(t)
	})
}
