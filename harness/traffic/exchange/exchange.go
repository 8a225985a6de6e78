// Package exchange is the seam between the driver, which decides what is sent
// when, and the engines that carry it: an exchange is one request and what
// became of it. It does nothing by itself.
//
// Everything here happens on the loop's thread: the driver begins exchanges
// there, engines call Done there. An engine that uses other goroutines comes
// back with loop.Post.
package exchange

import (
	"io"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// A Target is where requests go.
type Target struct {
	Name string // of the service or target, for messages
	Addr string // host:port to connect to
	TLS  bool
	// HTTP2 wants HTTP/2: by ALPN with TLS, by prior knowledge without.
	HTTP2 bool
	// CA is a file of certificates in PEM, "" for the system's.
	CA string
	// ServerName is the name in the server's certificate; "" for the host of Addr.
	ServerName string
}

// Limits say how an engine holds connections to its target.
type Limits struct {
	Max      int           // connections at once; at least 1
	Reuse    bool          // keep connections for later exchanges
	MaxAge   time.Duration // a connection older than this carries no further exchange; 0: no limit
	DialRate float64       // connections a second; 0: no limit
}

// A Field is one header field, its name in canonical form.
type Field struct{ Name, Value string }

// A Request is what is to be sent. The engine adds what frames the message
// (Content-Length or Transfer-Encoding, Connection) and nothing else; Host
// stands in Host.
type Request struct {
	Method string
	Path   string // path and query, as it goes onto the wire
	Host   string
	Header []Field
	// Body is a body in memory. It must not change until Done.
	Body []byte
	// Stream makes a body that is produced while it is sent; then Body is nil.
	// It is called at most once, and what it returns is read and closed on a
	// goroutine of the engine's. Length is its length in bytes, -1 if nobody knows.
	Stream func() (io.ReadCloser, error)
	Length int64
	// Chunked sends the body in chunks although its length is known.
	Chunked bool
	// Keep is how many bytes of the answer's body are wanted; the rest is read
	// and dropped.
	Keep int
}

// An Exchange is one request and what became of it. The driver fills in the
// first part and hands it to Engine.Begin; the engine fills in the second and
// calls Done once, never from within Begin. Until then the exchange belongs to
// the engine. Afterwards the driver may use it again.
type Exchange struct {
	Request Request
	// Deadline is the moment on the run's clock at which the exchange is given
	// up. It is kept to within some 10 ms.
	Deadline time.Duration
	// Done is called on the loop's thread.
	Done func(*Exchange)

	// Err is why there is no complete answer, nil if there is one. Its Failure
	// is journal.ClientGone when it was abandoned.
	Err *wire.Error
	// Own names what the generator itself lacked so that nothing was sent:
	// "ports", "files", "memory"; "" otherwise. With it Err is set.
	Own string
	// Sent is the moment at which the first byte was handed to a connection
	// that was there, 0 when that never happened; Ended that at which the answer
	// was complete or the exchange given up. Both are on the run's clock.
	Sent, Ended time.Duration
	// Reused tells whether the connection had carried an exchange before.
	Reused bool
	// Status is the answer's, 0 without one.
	Status int
	// Head are the answer's header fields and Body the first Keep bytes of its
	// body; both are valid only while Done runs. Cut tells that the body was longer.
	Head *wire.Head
	Body []byte
	Cut  bool

	// Engine is the engine's own, for as long as the exchange belongs to it.
	Engine any
}

// Reset makes an exchange ready for another request; Done and Engine stay.
func (x *Exchange) Reset() {
	*x = Exchange{Done: x.Done, Engine: x.Engine, Request: Request{Header: x.Request.Header[:0]}}
}

// Stats are counts of one engine.
type Stats struct {
	Connections int // open now
	Dialled     int // since the engine was made
	Queued      int // exchanges that wait for a connection now
	Begun       int // exchanges since the engine was made
}

// An Engine carries the exchanges with one target. It never sends anything
// twice, and never lets an exchange overtake one that waits longer for a
// connection. All methods are for the loop's thread.
//
// exchange/enginetest holds every implementation to this.
type Engine interface {
	// Begin starts an exchange and returns at once.
	Begin(*Exchange)
	// Abandon ends an exchange that has begun and is not done: Done follows, with
	// journal.ClientGone. The connection it was on is closed.
	Abandon(*Exchange)
	// Stats are as of now.
	Stats() Stats
	// Close closes all connections. No exchange is under way when it is called.
	// Nothing that the engine started is left when it returns.
	Close()
}
