package lifecycle_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/lifecycle"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// subject is a process under test. Its initialization and its route "/work"
// wait until the test lets them go on.
type subject struct {
	t          *testing.T
	addr       string
	initialize chan error    // what initialization ends with
	arrived    chan struct{} // a request has reached /work
	finish     chan struct{} // closed to let /work answer
	exited     chan int      // codes given to Exit
	closed     chan struct{} // App.Close was called
	delay      chan struct{} // closed to end the waits of draining
	waits      chan time.Duration
	terminate  context.CancelFunc
	ended      chan error
}

// start runs a process; the zero Process is completed. Its drain delay lasts
// until the test ends it, if one is set.
func start(t *testing.T, p lifecycle.Process, work func(taking, doing context.Context) error) *subject {
	t.Helper()
	return startWith(t, p, lifecycle.App{Work: work})
}

// startWith is start with other parts of an App than its handler and Close.
func startWith(t *testing.T, p lifecycle.Process, app lifecycle.App) *subject {
	t.Helper()
	ctx, terminate := context.WithCancel(context.Background())
	s := &subject{
		t: t, terminate: terminate, waits: make(chan time.Duration, 10),
		initialize: make(chan error, 1), arrived: make(chan struct{}, 10), finish: make(chan struct{}), delay: make(chan struct{}),
		exited: make(chan int, 1), closed: make(chan struct{}), ended: make(chan error, 1),
	}
	listening := make(chan net.Addr, 1)
	p.Name, p.Listen, p.Metrics, p.Log = "subject", "127.0.0.1:0", telemetry.New("subject"), slog.New(slog.DiscardHandler)
	p.Listening = func(a net.Addr) { listening <- a }
	p.Wait = func(d time.Duration) {
		if d > 0 {
			s.waits <- d
			<-s.delay
		}
	}
	p.Exit = func(code int) { s.exited <- code }
	if p.DrainLimit == 0 {
		p.DrainLimit = 20 * time.Second
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/work", func(w http.ResponseWriter, r *http.Request) {
		s.arrived <- struct{}{}
		<-s.finish
		io.WriteString(w, "worked")
	})
	mux.HandleFunc("/quick", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "quick") })
	go func() {
		s.ended <- p.Run(ctx, func(ctx context.Context) (lifecycle.App, error) {
			select {
			case err := <-s.initialize:
				app.Handler, app.Close = mux, func() error { close(s.closed); return nil }
				return app, err
			case <-ctx.Done():
				return lifecycle.App{}, ctx.Err()
			}
		})
	}()
	s.addr = (<-listening).String()
	t.Cleanup(terminate)
	return s
}

// ready lets initialization end and waits until it has.
func (s *subject) ready() *subject {
	s.t.Helper()
	s.initialize <- nil
	s.until("/initz", http.StatusOK)
	return s
}

// until asks a path, each time on a new connection, until it answers with status.
func (s *subject) until(path string, status int) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if got, _, err := s.fresh(path); err == nil && got == status {
			return
		}
	}
	s.t.Fatalf("%s never answered %d", path, status)
}

// fresh asks a path on a connection of its own.
func (s *subject) fresh(path string) (status int, header http.Header, err error) {
	c, err := dial(s.addr)
	if err != nil {
		return 0, nil, err
	}
	defer c.Close()
	return c.get(path)
}

func (s *subject) wantStatus(path string, want int) {
	s.t.Helper()
	if got, _, err := s.fresh(path); err != nil || got != want {
		s.t.Errorf("%s = %d, %v; want %d", path, got, err, want)
	}
}

func (s *subject) wantEnd(want string) {
	s.t.Helper()
	err := <-s.ended
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		s.t.Errorf("Run = %v; want %q", err, want)
	}
}

// conn is a client connection that is kept alive.
type conn struct {
	net.Conn
	read *bufio.Reader
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &conn{c, bufio.NewReader(c)}, nil
}

func (c *conn) send(path string) error {
	_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: subject\r\n\r\n", path)
	return err
}

func (c *conn) receive() (status int, header http.Header, err error) {
	response, err := http.ReadResponse(c.read, nil)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if response.Close { // ReadResponse moves the header into this field
		response.Header.Set("Connection", "close")
	}
	return response.StatusCode, response.Header, err
}

func (c *conn) get(path string) (int, http.Header, error) {
	if err := c.send(path); err != nil {
		return 0, nil, err
	}
	return c.receive()
}

// keptAlive returns a connection on which one request has been answered.
func (s *subject) keptAlive() *conn {
	s.t.Helper()
	c, err := dial(s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if status, header, err := c.get("/quick"); err != nil || status != 200 || header.Get("Connection") == "close" {
		s.t.Fatalf("first request = %d, %v, %v", status, header, err)
	}
	return c
}

// inFlight returns a connection on which a request is being worked on.
func (s *subject) inFlight() *conn {
	s.t.Helper()
	c, err := dial(s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.send("/work"); err != nil {
		s.t.Fatal(err)
	}
	<-s.arrived
	return c
}

func TestProbesBeforeAndAfterInitialization(t *testing.T) {
	s := start(t, lifecycle.Process{}, nil)
	s.wantStatus("/livez", 200)
	s.wantStatus("/readyz", 503)
	s.wantStatus("/initz", 503)
	s.wantStatus("/quick", 503)
	s.wantStatus("/metrics", 200)
	s.ready()
	s.wantStatus("/readyz", 200)
	s.wantStatus("/quick", 200)
	s.terminate()
	s.wantEnd("")
}

func TestReadyEarlyIsReadyBeforeInitialization(t *testing.T) {
	s := start(t, lifecycle.Process{Defects: defects.Set{defects.ReadyEarly: true}}, nil)
	s.wantStatus("/readyz", 200)
	s.wantStatus("/initz", 503)
	s.wantStatus("/quick", 503)
	s.ready()
	s.wantStatus("/quick", 200)
	s.terminate()
	s.wantEnd("")
}

func TestDrainServesUntilTheDelayIsOver(t *testing.T) {
	s := start(t, lifecycle.Process{DrainDelay: time.Second}, nil).ready()
	working, idle := s.inFlight(), s.keptAlive()
	s.terminate()
	s.until("/readyz", 503)
	s.wantStatus("/livez", 200)
	s.wantStatus("/initz", 200)
	// A new connection, an idle one, and the request that was in flight: all
	// are answered, and all are told to go away.
	if status, header, err := s.fresh("/quick"); err != nil || status != 200 || header.Get("Connection") != "close" {
		t.Errorf("new connection = %d, %v, %v; want 200 and close", status, header, err)
	}
	if status, header, err := idle.get("/quick"); err != nil || status != 200 || header.Get("Connection") != "close" {
		t.Errorf("idle connection = %d, %v, %v; want 200 and close", status, header, err)
	}
	close(s.finish)
	if status, header, err := working.receive(); err != nil || status != 200 || header.Get("Connection") != "close" {
		t.Errorf("request in flight = %d, %v, %v; want 200 and close", status, header, err)
	}
	close(s.delay)
	s.wantEnd("")
	<-s.closed
}

func TestDrainFinishesWhatIsInFlight(t *testing.T) {
	s := start(t, lifecycle.Process{}, nil).ready()
	working := s.inFlight()
	s.terminate()
	s.untilRefused()
	select {
	case err := <-s.ended:
		t.Fatalf("ended with a request in flight: %v", err)
	default:
	}
	close(s.finish)
	if status, _, err := working.receive(); err != nil || status != 200 {
		t.Errorf("request in flight = %d, %v", status, err)
	}
	s.wantEnd("")
}

func TestDrainDoesNotWaitForConnectionsNobodyUses(t *testing.T) {
	s := start(t, lifecycle.Process{DrainLimit: time.Second}, nil).ready()
	spare, err := dial(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer spare.Close()
	s.keptAlive() // answered after the spare was accepted
	s.terminate()
	s.wantEnd("") // waiting for the spare would run into the limit
}

func TestDrainGivesUpAtItsLimit(t *testing.T) {
	s := start(t, lifecycle.Process{DrainLimit: 10 * time.Millisecond}, nil).ready()
	s.inFlight()
	defer close(s.finish)
	s.terminate()
	s.wantEnd("still in flight")
}

func TestListenerFirstRefusesAtOnce(t *testing.T) {
	// The delay would outlast the test: this defect does not wait for it.
	s := start(t, lifecycle.Process{DrainDelay: time.Hour, Defects: defects.Set{defects.DrainListenerFirst: true}}, nil).ready()
	working, idle := s.inFlight(), s.keptAlive()
	s.terminate()
	s.untilRefused()
	if status, _, err := idle.get("/quick"); err == nil {
		t.Errorf("idle connection answered %d, want it closed", status)
	}
	close(s.finish)
	if status, _, err := working.receive(); err != nil || status != 200 {
		t.Errorf("request in flight = %d, %v; this defect finishes it", status, err)
	}
	s.wantEnd("")
}

func TestDrainIgnoredExitsAtOnce(t *testing.T) {
	s := start(t, lifecycle.Process{DrainDelay: time.Hour, Defects: defects.Set{defects.DrainIgnored: true}}, nil).ready()
	working := s.inFlight()
	s.terminate()
	if code := <-s.exited; code != 143 {
		t.Errorf("exit code %d, want 143 as after SIGTERM", code)
	}
	// In the test Exit returns, and the process ends by cutting its connections.
	if status, _, err := working.receive(); err == nil {
		t.Errorf("request in flight = %d, want it lost", status)
	}
	close(s.finish)
	s.wantEnd("exited at once")
}

// Whoever kept a connection from before loses its request; others notice nothing.
func TestKeepaliveCutClosesUnderTheClient(t *testing.T) {
	s := start(t, lifecycle.Process{DrainDelay: time.Second, Defects: defects.Set{defects.DrainKeepaliveCut: true}}, nil).ready()
	working, idle := s.inFlight(), s.keptAlive()
	if status, _, err := idle.get("/quick"); err != nil || status != 200 {
		t.Errorf("idle connection before the signal = %d, %v", status, err)
	}
	s.terminate()
	s.until("/readyz", 503)
	if status, header, err := s.fresh("/quick"); err != nil || status != 200 || header.Get("Connection") != "close" {
		t.Errorf("new connection = %d, %v, %v; want 200 and close", status, header, err)
	}
	if status, _, err := idle.get("/work"); err == nil {
		t.Errorf("idle connection answered %d, want it cut", status)
	}
	if len(s.arrived) > 0 {
		t.Error("the request that was cut off was worked on")
	}
	close(s.finish)
	if status, header, err := working.receive(); err != nil || status != 200 || header.Get("Connection") != "close" {
		t.Errorf("request in flight = %d, %v, %v; want 200 and close", status, header, err)
	}
	close(s.delay)
	s.wantEnd("")
}

func TestTooSlowStaysLongerThanAnyGracePeriod(t *testing.T) {
	s := start(t, lifecycle.Process{Defects: defects.Set{defects.DrainTooSlow: true}}, nil).ready()
	working := s.inFlight()
	s.terminate()
	s.untilRefused()
	close(s.finish)
	if status, _, err := working.receive(); err != nil || status != 200 {
		t.Errorf("request in flight = %d, %v; this defect finishes it", status, err)
	}
	if wait := <-s.waits; wait < 10*time.Minute {
		t.Errorf("it stays for %s more", wait)
	}
	close(s.delay)
	s.wantEnd("")
}

func TestExitNonzeroDrainsAsItShould(t *testing.T) {
	s := start(t, lifecycle.Process{DrainDelay: time.Second, Defects: defects.Set{defects.DrainExitNonzero: true}}, nil).ready()
	working, idle := s.inFlight(), s.keptAlive()
	s.terminate()
	s.until("/readyz", 503)
	if status, _, err := idle.get("/quick"); err != nil || status != 200 {
		t.Errorf("idle connection = %d, %v", status, err)
	}
	close(s.finish)
	if status, _, err := working.receive(); err != nil || status != 200 {
		t.Errorf("request in flight = %d, %v", status, err)
	}
	close(s.delay)
	if code := <-s.exited; code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	select {
	case <-s.closed:
	default:
		t.Error("it exited before it had closed everything")
	}
	s.wantEnd("after a clean stop")
}

func TestStaysTrueOnTermIsReadyWhileItDrains(t *testing.T) {
	s := start(t, lifecycle.Process{DrainDelay: time.Second, Defects: defects.Set{defects.ReadyStaysTrueOnTerm: true}}, nil).ready()
	s.terminate()
	<-s.waits // the signal has arrived
	s.wantStatus("/readyz", 200)
	if _, header, err := s.fresh("/quick"); err != nil || header.Get("Connection") != "close" {
		t.Errorf("a request while draining: %v, %v; want close", header, err)
	}
	close(s.delay)
	s.wantEnd("")
}

func TestReadinessAsksWhatTheAppSays(t *testing.T) {
	var late atomic.Bool
	s := startWith(t, lifecycle.Process{}, lifecycle.App{Ready: func(context.Context) error {
		if late.Load() {
			return errors.New("late")
		}
		return nil
	}}).ready()
	s.wantStatus("/readyz", 200)
	late.Store(true)
	s.wantStatus("/readyz", 503)
	s.wantStatus("/livez", 200)
	s.wantStatus("/quick", 200)
	s.terminate()
	s.wantEnd("")
}

func TestFailedInitializationEndsTheProcess(t *testing.T) {
	s := start(t, lifecycle.Process{}, nil)
	s.initialize <- errors.New("no database")
	s.wantEnd("initialize subject: no database")
}

func TestSignalDuringInitialization(t *testing.T) {
	s := start(t, lifecycle.Process{}, nil)
	s.until("/livez", 200)
	s.terminate()
	s.wantEnd("")
}

func TestWorkInHandIsFinished(t *testing.T) {
	handed, finish := make(chan struct{}), make(chan struct{})
	finished := false
	s := start(t, lifecycle.Process{}, func(taking, doing context.Context) error {
		close(handed)
		<-taking.Done()
		<-finish
		finished = doing.Err() == nil
		return nil
	}).ready()
	<-handed
	s.terminate()
	s.untilRefused()
	close(finish)
	s.wantEnd("")
	if !finished {
		t.Error("the work in hand was cut short")
	}
}

func TestWorkIsGivenBackAtTheLimit(t *testing.T) {
	s := start(t, lifecycle.Process{DrainLimit: 10 * time.Millisecond}, func(_, doing context.Context) error {
		<-doing.Done()
		return nil
	}).ready()
	s.terminate()
	s.wantEnd("")
	<-s.closed
}

func TestWorkThatEndsByItselfEndsTheProcess(t *testing.T) {
	s := start(t, lifecycle.Process{}, func(context.Context, context.Context) error { return errors.New("queue gone") })
	s.initialize <- nil
	s.wantEnd("queue gone")
}

func TestPortInUseIsReported(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p := lifecycle.Process{Name: "subject", Listen: taken.Addr().String(), Metrics: telemetry.New("subject"), Log: slog.New(slog.DiscardHandler)}
	err = p.Run(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "ATELIER_LISTEN") {
		t.Errorf("Run = %v, want to be told about ATELIER_LISTEN", err)
	}
}

// untilRefused waits until no new connection is accepted.
func (s *subject) untilRefused() {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			return
		}
		c.Close()
	}
	s.t.Fatal("new connections are still accepted")
}
