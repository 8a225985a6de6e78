package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A bench is one run of the comparison.
type bench struct {
	ctx     context.Context
	seconds float64 // of each measurement
}

// The places of the figures.
const (
	directP50 = iota
	directP99
	addedP50
	addedP99
	throughput
	cost
	removedP50
	removedP99
	removedMax
	listedP50
	listedP99
	listedMax
)

func newFigures() []*figure {
	const ms = float64(time.Millisecond)
	return []*figure{
		directP50:  {name: "direct, p50 at 2,000/s", write: millis},
		directP99:  {name: "direct, p99 at 2,000/s", write: millis},
		addedP50:   {name: "added by the gateway, p50 at 2,000/s", floor: 0.3 * ms, atMost: true, write: millis},
		addedP99:   {name: "added by the gateway, p99 at 2,000/s", floor: 1 * ms, atMost: true, write: millis},
		throughput: {name: "carried by a gateway on one core", floor: 15_000, write: perSecond},
		cost:       {name: "its processor time, a request", floor: 1e9 / 15_000, atMost: true, write: micros},
		removedP50: {name: "removal after the lag, p50", write: millis},
		removedP99: {name: "removal after the lag, p99", floor: 5 * ms, atMost: true, write: millis},
		removedMax: {name: "removal after the lag, latest", write: millis},
		listedP50:  {name: "listing after a switch, p50", write: millis},
		listedP99:  {name: "listing after a switch, p99", floor: 5 * ms, atMost: true, write: millis},
		listedMax:  {name: "listing after a switch, latest", write: millis},
	}
}

// measure is one round.
func (b *bench) measure(figures []*figure) error {
	for _, row := range []struct {
		name    string
		measure func([]*figure) error
	}{{"latency", b.latency}, {"throughput", b.throughput}, {"changes", b.changes}} {
		if err := row.measure(figures); err != nil {
			return fmt.Errorf("measure %s: %w", row.name, err)
		}
	}
	return nil
}

// latency compares the same load with and without the gateway, which shares the
// core of the instance.
func (b *bench) latency(figures []*figure) error {
	return b.withServer(farCore, func(addr string) error {
		direct, err := driven(b.ctx, order{addr: addr, seconds: b.seconds, rate: 2000})
		if err != nil {
			return err
		}
		var through drove
		_, err = b.withGateway(addr, func(l *gateway.Link, _ *watcher) (err error) {
			through, err = driven(b.ctx, order{addr: l.Listening(), seconds: b.seconds, rate: 2000})
			return err
		})
		if err != nil {
			return err
		}
		figures[directP50].add(float64(direct.P50))
		figures[directP99].add(float64(direct.P99))
		figures[addedP50].add(float64(through.P50 - direct.P50))
		figures[addedP99].add(float64(through.P99 - direct.P99))
		return nil
	})
}

// throughput lets as much through the gateway as it takes; the instance is on
// the generator's core.
func (b *bench) throughput(figures []*figure) error {
	return b.withServer(nearCore, func(addr string) error {
		var d drove
		used, err := b.withGateway(addr, func(l *gateway.Link, _ *watcher) (err error) {
			d, err = driven(b.ctx, order{addr: l.Listening(), seconds: b.seconds, closed: 64})
			return err
		})
		if err != nil {
			return err
		}
		figures[throughput].add(float64(d.OK) / b.seconds)
		figures[cost].add(float64(used) / float64(d.OK))
		return nil
	})
}

// changes makes endpoint changes one after another as long as 2,000 requests a
// second go through the gateway, none of which may fail.
func (b *bench) changes(figures []*figure) error {
	return b.withServer(nearCore, func(addr string) error {
		_, err := b.withGateway(addr, func(l *gateway.Link, w *watcher) error {
			loaded := make(chan error, 1)
			go func() {
				_, err := driven(b.ctx, order{addr: l.Listening(), seconds: b.seconds, rate: 2000})
				loaded <- err
			}()
			late, err := makeChanges(l, w, addr, loaded)
			if err != nil {
				return err
			}
			if len(late.removed) < 100 || len(late.listed) < 100 {
				return fmt.Errorf("only %d removals and %d listings in %g s", len(late.removed), len(late.listed), b.seconds)
			}
			figures[removedP50].add(float64(quantile(late.removed, 0.5)))
			figures[removedP99].add(float64(quantile(late.removed, 0.99)))
			figures[removedMax].add(float64(quantile(late.removed, 1)))
			figures[listedP50].add(float64(quantile(late.listed, 0.5)))
			figures[listedP99].add(float64(quantile(late.listed, 0.99)))
			figures[listedMax].add(float64(quantile(late.listed, 1)))
			return nil
		})
		return err
	})
}

// lateness is how long after their moments changes took effect.
type lateness struct{ removed, listed []time.Duration }

// lag is what the changes ask for.
const lag = 5 * time.Millisecond

// makeChanges switches from one instance to another and back, and terminates
// others, until loaded says that the load is over.
func makeChanges(l *gateway.Link, w *watcher, addr string, loaded <-chan error) (late lateness, err error) {
	if err := l.Hold("green", addr); err != nil {
		return late, err
	}
	for l.Status("green") != "held, ready" { // its first probe is under way
		if w.ctx.Err() != nil {
			return late, w.ctx.Err()
		}
	}
	for n := 0; ; n++ {
		select {
		case err := <-loaded:
			return late, err
		default:
		}
		to, from := "green", "blue"
		if n%2 == 1 {
			to, from = from, to
		}
		if err := late.turn(l, w, to, from); err != nil {
			return late, fmt.Errorf("switch from %s to %s: %w", from, to, err)
		}
		if err := late.pass(l, w, fmt.Sprintf("passing-%d", n), addr); err != nil {
			return late, err
		}
	}
}

// turn switches and waits for both changes.
func (late *lateness) turn(l *gateway.Link, w *watcher, to, from string) error {
	at := w.clk.Now()
	if err := l.Switch([]string{to}, lag); err != nil {
		return err
	}
	listed, err := w.await(to, true)
	if err != nil {
		return err
	}
	removed, err := w.await(from, false)
	late.listed, late.removed = append(late.listed, listed-at), append(late.removed, removed-at-lag)
	return err
}

// pass adds an instance and terminates it.
func (late *lateness) pass(l *gateway.Link, w *watcher, name, addr string) error {
	if err := l.Add(name, addr); err != nil {
		return err
	}
	if _, err := w.await(name, true); err != nil {
		return err
	}
	at := w.clk.Now()
	if err := l.Terminate(name, lag); err != nil {
		return err
	}
	removed, err := w.await(name, false)
	if err != nil {
		return err
	}
	late.removed = append(late.removed, removed-at-lag)
	return l.Remove(name)
}

func (b *bench) withServer(core int, do func(addr string) error) error {
	server, addr, err := startServer(b.ctx, core)
	if err != nil {
		return err
	}
	err = do(addr)
	_, ended := server.end()
	return errors.Join(err, ended)
}

// withGateway runs a gateway in front of the instance "blue" and returns what
// processor time it used.
func (b *bench) withGateway(addr string, do func(*gateway.Link, *watcher) error) (time.Duration, error) {
	c, err := start(b.ctx, farCore, "gateway")
	if err != nil {
		return 0, err
	}
	w := &watcher{ctx: b.ctx, clk: clock.Start(), events: make(chan journal.Event, 1<<16)}
	l, err := gateway.Connect(b.ctx, c, gateway.Config{Service: "api", Listen: "127.0.0.1:0"}, w.clk, w.emit, nil)
	if err != nil {
		_, ended := c.end()
		return 0, errors.Join(err, ended)
	}
	if err = l.Add("blue", addr); err == nil {
		_, err = w.await("blue", true)
	}
	if err == nil {
		err = do(l, w)
	}
	closed := l.Close()
	used, ended := c.end()
	return used, errors.Join(err, closed, ended)
}

// A watcher waits for changes of the endpoint list.
type watcher struct {
	ctx    context.Context
	clk    clock.Clock
	events chan journal.Event
}

func (w *watcher) emit(e journal.Event) {
	switch e.Body.(type) {
	case journal.EndpointAdded, journal.EndpointRemoved:
		w.events <- e
	}
}

// await gives the moment of the next change, which must be that one.
func (w *watcher) await(instance string, listed bool) (time.Duration, error) {
	var e journal.Event
	select {
	case e = <-w.events:
	case <-w.ctx.Done():
		return 0, w.ctx.Err()
	case <-time.After(10 * time.Second):
		return 0, fmt.Errorf("the list did not change within 10 s; %s was awaited", instance)
	}
	added, isAdded := e.Body.(journal.EndpointAdded)
	removed, isRemoved := e.Body.(journal.EndpointRemoved)
	if isAdded != listed || isRemoved == listed || added.Instance+removed.Instance != instance {
		return 0, fmt.Errorf("%s was awaited, and there came %+v", instance, e.Body)
	}
	return e.T, nil
}
