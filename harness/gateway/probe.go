package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// probe asks for the readiness of an instance until ctx ends.
func (g *Gateway) probe(ctx context.Context, inst *instance) {
	ticker := time.NewTicker(g.cfg.Ready.Period)
	defer ticker.Stop()
	for {
		ok, detail := g.ask(ctx, inst, g.cfg.Ready.Path)
		var mark *bool
		if ok && g.wantsMark(inst) {
			mark = g.askInitialized(ctx, inst)
		}
		if ctx.Err() != nil {
			return
		}
		g.probed(ctx, inst, ok, detail, mark)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// wantsMark tells whether an instance whose probe passes is to be asked first
// whether it is initialized: what is known of that must not be older than its
// listing, and must not have to be waited for when a Switch lists it.
func (g *Gateway) wantsMark(inst *instance) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cfg.Initialized != "" && !inst.listed && !inst.terminating && !inst.uninitialized
}

// probed takes in the result of a probe, and what the instance declared of its
// initialization besides, nil for nothing, and changes the list accordingly.
func (g *Gateway) probed(ctx context.Context, inst *instance, ok bool, detail string, mark *bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	inst.probeDetail = detail
	if ok == inst.ready {
		inst.streak = 0
	} else {
		inst.streak++
	}
	threshold := g.cfg.Ready.Success
	if inst.ready {
		threshold = g.cfg.Ready.Failure
	}
	if inst.streak >= threshold && !inst.gone {
		inst.streak, inst.ready = 0, ok
		inst.unproven = inst.unproven && !ok
		g.event(journal.ProbeChanged{Service: g.cfg.Service, Instance: inst.name, Ready: ok, Detail: detail})
		// For one that terminates the list is the lag's business.
		if !ok && !inst.terminating && !g.cfg.IgnoreReadiness {
			g.unlist(inst, "unready")
		}
	}
	if mark != nil {
		inst.mark = mark
	}
	if inst.ready && inst.mark != nil && !*inst.mark {
		g.awaitMark(ctx, inst)
	}
	g.list(inst)
}

// awaitMark goes on asking an instance on the side until it declares itself
// initialized; g.mu is held.
func (g *Gateway) awaitMark(ctx context.Context, inst *instance) {
	if !inst.uninitialized && !inst.gone && !g.closing.Load() {
		inst.uninitialized = true
		g.work.Go(func() { g.awaitInitialized(ctx, inst) })
	}
}

// askInitialized returns what the instance declares, nil if no answer came,
// which a note then says.
func (g *Gateway) askInitialized(ctx context.Context, inst *instance) *bool {
	var detail string
	for range 3 {
		status, err := g.get(ctx, inst, g.cfg.Initialized)
		if err == nil {
			yes := status >= 200 && status < 300
			return &yes
		}
		detail = failureText(err)
	}
	g.mu.Lock()
	again := inst.unheard
	inst.unheard = true
	g.mu.Unlock()
	if ctx.Err() == nil && !again {
		g.note("warning", fmt.Sprintf("%s did not say whether it is initialized (%s: %s); its requests cannot be judged against it",
			inst.name, g.cfg.Initialized, detail))
	}
	return nil
}

// awaitInitialized asks until the instance declares itself initialized.
func (g *Gateway) awaitInitialized(ctx context.Context, inst *instance) {
	ticker := time.NewTicker(initializedPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		status, err := g.get(ctx, inst, g.cfg.Initialized)
		g.mu.Lock()
		if err == nil && status >= 200 && status < 300 {
			g.markInitialized(inst)
		}
		done := !inst.uninitialized
		g.mu.Unlock()
		if done {
			return
		}
	}
}

// markInitialized journals that an instance that was ready or listed too early
// is initialized now; g.mu is held.
func (g *Gateway) markInitialized(inst *instance) {
	if inst.uninitialized && !inst.gone {
		yes := true
		inst.uninitialized, inst.mark = false, &yes
		g.event(journal.InitializationDone{Service: g.cfg.Service, Instance: inst.name})
	}
}

// ask makes one probe: a request for path, or a connection without one.
func (g *Gateway) ask(ctx context.Context, inst *instance, path string) (ok bool, detail string) {
	if path == "" {
		conn, err := g.connect(ctx, inst)
		if err != nil {
			return false, failureText(err)
		}
		_ = conn.Close()
		return true, "accepts"
	}
	status, err := g.get(ctx, inst, path)
	if err != nil {
		return false, failureText(err)
	}
	return status >= 200 && status < 400, fmt.Sprintf("status %d", status)
}

// get asks an instance for a path on a connection of its own and returns the
// status.
func (g *Gateway) get(ctx context.Context, inst *instance, path string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Ready.Timeout)
	defer cancel()
	conn, err := g.connect(ctx, inst)
	if err != nil {
		return 0, err
	}
	target, err := url.ParseRequestURI(path)
	if err != nil {
		_ = conn.Close()
		return 0, fmt.Errorf("probe path %q: %w", path, err)
	}
	req := &http.Request{
		Method: http.MethodGet, URL: target, Host: inst.addr,
		Header: http.Header{"User-Agent": {"shakedown-probe"}},
	}
	resp, err := conn.Exchange(ctx, req)
	if err != nil {
		return 0, err
	}
	// A kubelet reads up to 10 KB of the answer too: closing with data unread
	// would show up in the instance as a reset.
	_, _ = io.CopyN(io.Discard, resp.Body, 10<<10)
	_ = resp.Body.Close()
	return resp.Status, nil
}

// connect dials an instance for a probe, resolving its name until that has
// worked, and again after a connection that could not be made.
func (g *Gateway) connect(ctx context.Context, inst *instance) (*wire.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Ready.Timeout)
	defer cancel()
	host, port, _ := net.SplitHostPort(inst.addr)
	if inst.target.Load() == nil {
		ip, err := g.net.lookup(ctx, host)
		if err != nil {
			return nil, fmt.Errorf("look up %s: %w", host, err)
		}
		target := net.JoinHostPort(ip, port)
		inst.target.Store(&target)
	}
	conn, err := inst.pool.Dial(ctx)
	if err != nil && net.ParseIP(host) == nil {
		g.lookAgain(ctx, inst, host, port)
	}
	return conn, err
}

// lookAgain takes a changed address over; one that is no longer known stays.
func (g *Gateway) lookAgain(ctx context.Context, inst *instance, host, port string) {
	if ip, err := g.net.lookup(ctx, host); err == nil {
		target := net.JoinHostPort(ip, port)
		inst.target.Store(&target)
	}
}

// failureText is the detail of a probe that got no answer.
func failureText(err error) string {
	var own *wire.Error
	if errors.As(err, &own) {
		return string(own.Failure)
	}
	return short(err.Error(), 200)
}
