// Package gameday lets people watch a run and steer it while it is under way: a page on
// loopback that several browsers may have open, and a socket in the run directory for
// the command line. Both speak package steer's vocabulary and decide nothing: whatever
// is asked goes to the run, which journals it.
package gameday

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	// beat is how often the page is told what is new.
	beat = time.Second
	// farewell is how long the last word to an open page may take.
	farewell = time.Second
	// maxCommand is how long a command may take: an injected fault waits for its
	// evidence, a scaled service for nothing.
	maxCommand = 2 * time.Minute
)

// errNoEnd is why nobody waits for a command any more.
var errNoEnd = fmt.Errorf("no end after %v, but it goes on; shakedown steer status, or the page, tells what comes of it", maxCommand)

// Config is what a Server serves.
type Config struct {
	Dir  rundir.Dir
	Run  string // the run's id
	Plan *scenarios.Plan
	// Page wants the page besides the control socket, at Port of 127.0.0.1; 0 takes
	// any that is free.
	Page bool
	Port int
	// Redact takes secrets out of a text before it leaves the process; nil leaves
	// texts as they are.
	Redact func(string) string
	// Hide makes the token known as a secret of the run, nil where it has none: browsers
	// send the cookies of a host to all of its ports, and so to the services of the stack,
	// which may log them.
	Hide func(token string)
	// Interrupt ends a run in order, as one signal does: what abort means while
	// there is no traffic yet. It is to end the context of the run for that reason, a
	// *steer.EarlyAbort.
	Interrupt func(why error)
}

// A Server is the game day of one run. Its methods are safe for concurrent use.
type Server struct {
	config Config
	token  string
	url    string
	feed   *feed

	mutex sync.Mutex
	run   steer.Run // nil until traffic begins

	stop    context.CancelFunc
	serving sync.WaitGroup
	servers []*http.Server
	files   leftovers
}

// Start listens and returns at once; Close ends it. Where it fails nothing is left
// behind.
func Start(config Config) (_ *Server, err error) {
	if config.Redact == nil {
		config.Redact = func(text string) string { return text }
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{config: config, token: newToken(), stop: stop}
	s.feed = newFeed(newBoard(config))
	if config.Hide != nil {
		config.Hide(s.token)
	}
	defer func() {
		if err != nil {
			stop()
			err = errors.Join(err, s.closeServers(), s.files.remove())
		}
	}()
	control, err := listenControl(config.Dir, &s.files)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	s.serve(control, s.controlHandler())
	if config.Page {
		if err := s.startPage(); err != nil {
			return nil, err
		}
	}
	s.serving.Go(func() { s.beats(ctx) })
	return s, nil
}

// startPage listens on loopback and leaves the address, with its token, to the owner of
// the run directory alone.
func (s *Server) startPage() error {
	var listen net.ListenConfig
	page, err := listen.Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.config.Port))
	if err != nil {
		return fmt.Errorf("serve the page of the game day: %w; --port 0 takes any port that is free", err)
	}
	s.url = fmt.Sprintf("http://%s/?token=%s", page.Addr(), s.token)
	port := page.Addr().(*net.TCPAddr).Port
	s.serve(page, guard(s.token, cookieName(port), s.pageHandler()))
	return s.files.secret(urlFile(s.config.Dir), s.url+"\n")
}

// URL is the address of the page with its token, "" where there is no page. Whoever has
// it can steer the run.
func (s *Server) URL() string { return s.url }

// Observe takes the next event of the run; calls must not overlap, as those of
// harness.Options.Observe do not.
func (s *Server) Observe(e journal.Event) { s.feed.observe(e) }

// Live hands the run over when traffic begins.
func (s *Server) Live(run steer.Run) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.run = run
}

func (s *Server) live() steer.Run {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.run
}

// Close tells open pages what came of the run, closes everything, and removes socket
// and address from the run directory. It waits for no browser longer than a second.
func (s *Server) Close(outcome string) error {
	s.feed.over(s.config.Redact(outcome))
	s.stop()
	s.serving.Wait() // the last frame is out, or its reader too slow
	return errors.Join(s.closeServers(), s.files.remove())
}

// serve answers on a listener until closeServers.
func (s *Server) serve(l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: nothing,
	}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(l) }() // returns when it is closed, which is the only way it ends
}

func (s *Server) closeServers() error {
	var errs []error
	for _, server := range s.servers {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		if server.Shutdown(ctx) != nil {
			errs = append(errs, server.Close())
		}
		cancel()
	}
	return errors.Join(errs...)
}

// beats publishes what is new once a second, and the last of it at the end.
func (s *Server) beats(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.publish()
		case <-ctx.Done():
			s.publish()
			return
		}
	}
}

// publish asks the run what can be chosen from, with no lock of ours held, because the
// run may be telling us of an event at this moment.
func (s *Server) publish() {
	var state *steer.State
	if run := s.live(); run != nil && s.feed.look().Stage != "over" {
		now := run.State()
		state = &now
	}
	s.feed.publish(state)
}

// ErrNotYet is returned for a command that comes before the traffic.
var ErrNotYet = errors.New("there is no traffic yet: the stack is still being brought up; only abort works until then")

// Steer carries a command out as the run does. An abort before there is traffic
// interrupts the run.
func (s *Server) Steer(ctx context.Context, c steer.Command) (steer.Reply, error) {
	defer s.publish() // whoever asked sees at once what came of it
	run := s.live()
	switch {
	case run != nil:
		return run.Steer(ctx, c)
	case c.Verb == steer.Abort && s.config.Interrupt != nil:
		s.config.Interrupt(&steer.EarlyAbort{By: c.By, Text: c.Text})
		return steer.Reply{Text: "interrupted: the stack is taken down again, and there will be a report"}, nil
	}
	return steer.Reply{}, ErrNotYet
}
