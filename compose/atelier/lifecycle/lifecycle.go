// Package lifecycle takes a service from its first to its last moment the way
// an orchestrator expects it: alive at once, ready only when initialized, not
// ready from the termination signal on, serving until the endpoint list has
// moved on, and gone when the work in hand is done.
package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// Process describes one service process. Its fields are not changed once Run
// is called.
type Process struct {
	Name string
	// Instance tells this process from the others of its service, as api-2.
	Instance string
	// Listen is the address to serve on, host:port.
	Listen  string
	Defects defects.Set
	// DrainDelay is how long the service goes on serving after the termination
	// signal while callers find out that it is leaving. It has to be longer than
	// the endpoint list needs. 0 for a service that nobody routes to.
	DrainDelay time.Duration
	// DrainLimit is how long work in hand may go on after that. DrainDelay and
	// DrainLimit together stay below the platform's grace period.
	DrainLimit time.Duration
	Metrics    *telemetry.Metrics
	Log        *slog.Logger
	// Exit ends the process; os.Exit outside tests. Only the defects
	// drain-ignored and drain-exit-nonzero use it.
	Exit func(code int)
	// Wait waits while draining; time.Sleep if not set.
	Wait func(time.Duration)
	// Listening is called with the address once the port is open, if set.
	Listening func(addr net.Addr)
}

// App is a service after its initialization.
type App struct {
	// Handler serves the routes; nil for a service without routes of its own.
	Handler http.Handler
	// Ready is asked at each readiness probe besides, if set. Only the defect
	// ready-shared-dependency sets it: what all instances share says nothing
	// about one of them.
	Ready func(context.Context) error
	// Work is run in the background, if set. It takes jobs until taking is
	// done, finishes those in hand, and returns. When doing is done too, it
	// gives them back and returns. An error before taking is done ends the process.
	Work func(taking, doing context.Context) error
	// Close releases pools; it is called last, if set.
	Close func() error
}

// killedBySIGTERM is the exit code of a process that the signal killed.
const killedBySIGTERM = 128 + 15

// What drain-exit-nonzero exits with, and how long drain-too-slow stays: longer
// than any grace period.
const (
	nonzero = 3
	tooSlow = time.Hour
)

// Run serves until ctx is done, which stands for the termination signal, then
// drains. initialize runs while the process is already alive but not ready; it
// must return soon after its context is done. Run returns nil after a clean
// stop, and an error if the process could not start, failed, or had to abandon
// work.
func (p Process) Run(ctx context.Context, initialize func(context.Context) (App, error)) error {
	listener, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; set ATELIER_LISTEN to an address that is free", p.Listen, err)
	}
	if p.Listening != nil {
		p.Listening(listener.Addr())
	}
	gate := &gate{name: p.Name, number: numberOf(p.Instance), metrics: p.Metrics.Handler(), defects: p.Defects}
	spares := newSpares()
	server := &http.Server{
		Handler:           gate,
		ReadHeaderTimeout: 5 * time.Second,
		// Longer than any balancer in front keeps an idle connection, so that
		// it is never this side that closes one the balancer is about to use.
		IdleTimeout: 90 * time.Second,
		ConnState:   func(c net.Conn, s http.ConnState) { p.Metrics.ConnState(c, s); spares.track(c, s) },
		ErrorLog:    slog.NewLogLogger(p.Log.Handler(), slog.LevelDebug),
	}
	if p.Defects.Has(defects.DrainKeepaliveCut) {
		server.ConnContext = countUses
	}
	r := &running{Process: p, gate: gate, spares: spares, server: server, worked: make(chan error, 1)}
	return r.run(ctx, listener, initialize)
}

// running is a Process between its start and its end.
type running struct {
	Process
	gate   *gate
	spares *spares
	server *http.Server
	app    App
	worked chan error // receives the end of App.Work
	// working is true from the start of App.Work until its end has been received.
	working bool
	giveUp  context.CancelFunc
}

// start is how an initialization ended.
type start struct {
	app App
	err error
}

func (r *running) run(ctx context.Context, listener net.Listener, initialize func(context.Context) (App, error)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	doing, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	r.giveUp = giveUp

	served := make(chan error, 1)
	go func() { served <- r.server.Serve(listener) }()

	err := r.live(ctx, doing, served, initialize)
	// However the life ended, nothing of it may go on; after a clean drain
	// there is nothing left for these to do.
	stop()
	giveUp()
	if r.working {
		err = errors.Join(err, <-r.worked)
	}
	err = errors.Join(err, r.server.Close())
	if r.app.Close != nil {
		if closing := r.app.Close(); closing != nil {
			err = errors.Join(err, fmt.Errorf("close %s: %w", r.Name, closing))
		}
	}
	if err == nil && r.Defects.Has(defects.DrainExitNonzero) {
		r.Log.Warn("exiting with an error after a clean stop", "defect", string(defects.DrainExitNonzero))
		r.Exit(nonzero)
		return errors.New("exited with an error after a clean stop")
	}
	return err
}

// live initializes, serves until ctx is done, and drains.
func (r *running) live(ctx, doing context.Context, served <-chan error, initialize func(context.Context) (App, error)) error {
	started := time.Now()
	r.Log.Info("alive", "listen", r.Listen, "defects", r.Defects.String())

	initializing, abandon := context.WithCancel(ctx)
	initialized := make(chan start, 1)
	go func() {
		app, err := initialize(initializing)
		initialized <- start{app, err}
	}()
	defer func() {
		abandon()
		if initialized != nil {
			r.app = (<-initialized).app // to be closed
		}
	}()

	for {
		select {
		case s := <-initialized:
			initialized = nil
			r.app = s.app
			switch {
			case s.err == nil:
				r.open(ctx, doing)
				r.Log.Info("ready", "initialized_in", time.Since(started).Round(time.Millisecond).String())
			case ctx.Err() == nil:
				return fmt.Errorf("initialize %s: %w", r.Name, s.err)
			}
		case err := <-served:
			return fmt.Errorf("serve on %s: %w", r.Listen, err)
		case err := <-r.worked:
			r.working = false
			if ctx.Err() == nil {
				return fmt.Errorf("work of %s ended before it was told to: %w", r.Name, cmp.Or(err, errNoReason))
			}
		case <-ctx.Done():
			return r.terminate()
		}
	}
}

var errNoReason = errors.New("no reason given")

// open lets requests and jobs in.
func (r *running) open(ctx, doing context.Context) {
	r.gate.open(r.app)
	if r.app.Work == nil {
		return
	}
	r.working = true
	go func() { r.worked <- r.app.Work(ctx, doing) }()
}

// terminate is what the termination signal leads to.
func (r *running) terminate() error {
	if r.Defects.Has(defects.DrainIgnored) {
		r.Log.Warn("exiting at once", "defect", string(defects.DrainIgnored), "in_flight", r.Metrics.InFlight())
		r.Exit(killedBySIGTERM)
		return errors.New("exited at once")
	}
	return r.drain()
}

// drain is the reference shutdown. The order matters: first say that the
// instance is leaving, then wait until everybody has heard it, and only then
// close the door.
func (r *running) drain() error {
	started := time.Now()
	r.gate.drain()
	r.Log.Info("draining", "delay", r.DrainDelay.String(), "in_flight", r.Metrics.InFlight())
	if !r.Defects.Has(defects.DrainListenerFirst) {
		r.wait(r.DrainDelay)
		r.spares.closeAll()
	}

	limit, cancel := context.WithTimeout(context.Background(), r.DrainLimit)
	defer cancel()
	err := r.server.Shutdown(limit)
	if err != nil {
		err = fmt.Errorf("drain: %d requests still in flight after %s; raise ATELIER_DRAIN_LIMIT and the grace period with it", r.Metrics.InFlight(), r.DrainLimit)
	}
	if r.working {
		err = errors.Join(err, r.finishWork(limit))
	}
	r.Log.Info("drained", "took", time.Since(started).Round(time.Millisecond).String())
	if r.Defects.Has(defects.DrainTooSlow) {
		r.wait(tooSlow)
	}
	return err
}

func (r *running) wait(d time.Duration) {
	if r.Wait != nil {
		r.Wait(d)
		return
	}
	time.Sleep(d)
}

// finishWork waits for the jobs in hand until limit, then has them given back:
// the queue delivers them again, so that nothing is lost.
func (r *running) finishWork(limit context.Context) error {
	r.working = false
	select {
	case err := <-r.worked:
		return err
	case <-limit.Done():
		r.Log.Warn("giving back jobs in hand", "limit", r.DrainLimit.String())
		r.giveUp()
		return <-r.worked
	}
}
