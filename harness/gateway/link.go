package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

const (
	syncRounds   = 8
	replyTimeout = 10 * time.Second
	// coarse is from when on a clock is known too badly to order a gateway's
	// events and the harness's.
	coarse = 2 * time.Millisecond
	// harnessPatience is what of answerPatience there is for the harness's answer.
	harnessPatience = answerPatience - 250*time.Millisecond
)

// Link is the harness's end of a gateway that runs in shakedown-agent. All
// methods may be called concurrently.
type Link struct {
	service   string
	conn      io.ReadWriteCloser
	out       *lineWriter
	emit      func(journal.Event)
	clk       clock.Clock
	offset    time.Duration // run clock minus agent clock
	listening string
	drain     time.Duration
	done      chan struct{} // closed when the agent is gone
	session   Answerer
	life      context.Context // ends with the agent
	end       context.CancelFunc
	answering sync.WaitGroup // calls of session

	mu       sync.Mutex
	lastID   int
	pending  map[int]chan reply
	closing  bool
	strange  int    // lines that were not the protocol
	lastWord string // the last of them
}

// Connect starts a gateway in the agent at the other end of conn: versions,
// clocks, configuration. It returns when the gateway listens. Events reach emit
// one at a time, in order, with times of the run's clock; emit may block for a
// while (the agent buffers), and must not call the Link. What is announced at
// Config.Hook is emitted, and then answered by session; nil rejects everything.
// When ctx ends before the gateway listens, conn is closed; afterwards ctx has no
// effect.
func Connect(ctx context.Context, conn io.ReadWriteCloser, cfg Config, clk clock.Clock, emit func(journal.Event), session Answerer) (*Link, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Link{
		service: cfg.Service, conn: conn, out: &lineWriter{w: conn}, emit: emit, clk: clk,
		drain: full.Drain, done: make(chan struct{}), pending: map[int]chan reply{}, session: session,
	}
	if session == nil {
		l.session = rejectAll
	}
	l.life, l.end = context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	lines := newLineReader(conn)
	uncertainty, err := l.handshake(lines, full)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		l.end()
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("connect to the gateway of %s: %w", cfg.Service, err)
	}
	level := "detail"
	if uncertainty > coarse {
		level = "warning" // times of this gateway and of signals may be confused
	}
	l.note(level, fmt.Sprintf("its clock is known to ±%s", uncertainty))
	go l.read(lines)
	return l, nil
}

// handshake agrees on the version, measures the clock and starts the gateway.
func (l *Link) handshake(lines lineReader, cfg Config) (uncertainty time.Duration, err error) {
	r, err := l.ask(lines, command{Hello: Protocol})
	if err != nil {
		return 0, err
	}
	if r.Hello != Protocol {
		return 0, fmt.Errorf("shakedown-agent speaks protocol %d, this shakedown %d: build both from one version", r.Hello, Protocol)
	}
	best := time.Duration(-1)
	for i := range syncRounds {
		sent := l.clk.Now()
		r, err := l.ask(lines, command{Ping: i + 1})
		if err != nil {
			return 0, err
		}
		trip := l.clk.Now() - sent
		if best < 0 || trip < best {
			best, l.offset = trip, sent+trip/2-r.Now
		}
	}
	r, err = l.ask(lines, command{Config: &cfg})
	l.listening = r.Listening
	return best / 2, err
}

// ask sends a command and reads the line that answers it.
func (l *Link) ask(lines lineReader, c command) (reply, error) {
	var r reply
	if err := l.out.write(c); err != nil {
		return r, fmt.Errorf("write to shakedown-agent: %w", err)
	}
	line, err := lines.read()
	if errors.Is(err, io.EOF) {
		return r, errors.New("shakedown-agent ended at once; see its log")
	}
	if err != nil {
		return r, fmt.Errorf("read from shakedown-agent: %w", err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("what answers is not shakedown-agent: it says %q", short(strings.TrimSpace(string(line)), 200))
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// Listening is the address at which the gateway takes connections, as the
// agent sees it.
func (l *Link) Listening() string { return l.listening }

// Add makes an instance known to the gateway; see Gateway.Add.
func (l *Link) Add(instance, addr string) error {
	_, err := l.call(command{Add: &addition{instance, addr}}, replyTimeout)
	return err
}

// Hold makes an instance known without routing to it; see Gateway.Hold.
func (l *Link) Hold(instance, addr string) error {
	_, err := l.call(command{Hold: &addition{instance, addr}}, replyTimeout)
	return err
}

// Switch sends all traffic to these instances; see Gateway.Switch. The lag
// counts from when the agent takes the command.
func (l *Link) Switch(to []string, lag time.Duration) error {
	_, err := l.call(command{Switch: &turnover{to, lag}}, replyTimeout)
	return err
}

// Terminate begins an instance's departure; see Gateway.Terminate. The lag
// counts from when the agent takes the command.
func (l *Link) Terminate(instance string, lag time.Duration) error {
	_, err := l.call(command{Terminate: &departure{instance, lag}}, replyTimeout)
	return err
}

// Exited tells the gateway that an instance is gone; see Gateway.Exited.
func (l *Link) Exited(instance string) error {
	_, err := l.call(command{Exited: instance}, replyTimeout)
	return err
}

// Remove makes the gateway forget an instance; see Gateway.Remove.
func (l *Link) Remove(instance string) error {
	_, err := l.call(command{Remove: instance}, replyTimeout)
	return err
}

// Status says in words how an instance stands; see Gateway.Status.
func (l *Link) Status(instance string) string {
	r, err := l.call(command{Status: instance}, replyTimeout)
	if err != nil {
		return err.Error()
	}
	return r.Status
}

// Fetch gets a page from an address of the networks that the gateway is on; see
// Gateway.Page.
func (l *Link) Fetch(ctx context.Context, addr, path string) (Page, error) {
	return l.Send(ctx, addr, Letter{Path: path})
}

// Send sends a request to an address of the networks that the gateway is on; see
// Gateway.Send.
func (l *Link) Send(ctx context.Context, addr string, letter Letter) (Page, error) {
	r, err := l.callUntil(ctx, command{Fetch: &location{addr, letter}}, pagePatience+replyTimeout)
	switch {
	case err != nil:
		return Page{}, err
	case r.Page == nil:
		return Page{}, fmt.Errorf("the gateway of %s answered without a page", l.service)
	}
	return *r.Page, nil
}

// Done is closed when the agent is gone, wanted or not.
func (l *Link) Done() <-chan struct{} { return l.done }

// Close ends the gateway and returns when its last events were emitted and no
// session is being answered any more. Calling it again waits for the same.
func (l *Link) Close() error {
	l.mu.Lock()
	again := l.closing
	l.closing = true
	l.mu.Unlock()
	defer l.answering.Wait()
	if again {
		<-l.done
		return nil
	}
	_, err := l.call(command{Close: true}, l.drain+closeMargin+replyTimeout)
	if cerr := l.conn.Close(); err == nil {
		err = cerr
	}
	<-l.done
	return err
}

// call sends a command and waits for its answer.
func (l *Link) call(c command, timeout time.Duration) (reply, error) {
	return l.callUntil(context.Background(), c, timeout)
}

// callUntil is call with a context that ends the wait.
func (l *Link) callUntil(ctx context.Context, c command, timeout time.Duration) (reply, error) {
	answer := make(chan reply, 1)
	l.mu.Lock()
	l.lastID++
	c.ID = l.lastID
	l.pending[c.ID] = answer
	l.mu.Unlock()
	defer l.forget(c.ID)
	if err := l.out.write(c); err != nil {
		return reply{}, fmt.Errorf("tell the gateway of %s: %w", l.service, err)
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case r := <-answer:
		return r, replyError(r)
	case <-timer.C:
		return reply{}, fmt.Errorf("the gateway of %s did not answer within %s", l.service, timeout)
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	case <-l.done:
	}
	select {
	case r := <-answer: // it came with the end
		return r, replyError(r)
	default:
		return reply{}, fmt.Errorf("the gateway of %s is gone", l.service)
	}
}

func replyError(r reply) error {
	if r.Error != "" {
		return errors.New(r.Error)
	}
	return nil
}

func (l *Link) forget(id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, id)
}

// read takes what the agent says until it ends.
func (l *Link) read(lines lineReader) {
	defer close(l.done)
	defer l.end()
	for {
		line, err := lines.read()
		if err != nil {
			l.ended(err)
			return
		}
		l.take(line)
	}
}

// take handles one line.
func (l *Link) take(line []byte) {
	var r reply
	err := json.Unmarshal(line, &r)
	switch {
	case err != nil:
		l.puzzled(string(line))
	case r.Event != nil:
		e, err := r.Event.event(l.offset)
		if err != nil {
			l.puzzled(err.Error())
			return
		}
		l.emit(e)
		if signal, ok := e.Body.(journal.SessionSignal); ok && r.Session != 0 {
			l.answer(r.Session, signal)
		}
	default:
		l.mu.Lock()
		answer := l.pending[r.ID]
		delete(l.pending, r.ID)
		l.mu.Unlock()
		if answer != nil {
			answer <- r
		}
	}
}

// answer has an announcement answered, beside the reading: whoever answers may
// call the Link, and take the time there is.
func (l *Link) answer(id int, signal journal.SessionSignal) {
	l.answering.Go(func() {
		ctx, cancel := context.WithTimeout(l.life, harnessPatience)
		defer cancel()
		a := l.session(ctx, signal)
		_ = l.out.write(command{Session: id, Answer: &a}) // the agent may be gone
	})
}

// puzzled notes what is not the protocol: the last words of a crash, mostly.
func (l *Link) puzzled(text string) {
	const noted = 5
	text = short(strings.TrimSpace(text), 200)
	l.mu.Lock()
	l.strange++
	l.lastWord = text
	n := l.strange
	l.mu.Unlock()
	if n <= noted {
		l.note("warning", "it says: "+text)
	}
}

// ended notes that the agent has gone, unless it was asked to.
func (l *Link) ended(err error) {
	l.mu.Lock()
	wanted, last := l.closing, l.lastWord
	l.mu.Unlock()
	if wanted {
		return
	}
	text := "it ended unasked; nothing is routed from here on"
	if !errors.Is(err, io.EOF) {
		text += " (" + err.Error() + ")"
	}
	if last != "" {
		text += "; its last words: " + last
	}
	l.note("warning", text)
}

func (l *Link) note(level, text string) {
	l.emit(journal.Event{T: l.clk.Now(), Body: journal.Note{Level: level, Text: "gateway of " + l.service + ": " + text}})
}
