package stack

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// tearDownPatience limits a tear-down, whatever the caller's context allows.
const tearDownPatience = 2 * time.Minute

// Down takes everything away, without grace: it ends the methods under way,
// closes the gateways and has the platform remove all it made for the run. It
// works after any error, before Up, and with a context that has ended
// (a context that is still alive may only shorten it by its deadline). Calling
// it again returns the same.
func (s *Stack) Down(ctx context.Context) error { return s.downOnce(ctx) }

func (s *Stack) takeDown(ctx context.Context) error {
	ctx, cancel := unending(ctx)
	defer cancel()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end(errDown)
	s.under.Wait()
	s.startPump()
	s.closeLinks()
	began := s.cfg.Clock.Now()
	err := s.cfg.Platform.TearDown(ctx)
	record := journal.Operation{Op: "teardown", Subject: s.cfg.Run, Cause: "end of the run", Took: s.cfg.Clock.Now() - began}
	if err != nil {
		record.Error = err.Error()
		err = fmt.Errorf("tear down: %w", err)
	}
	s.emit(record)
	s.settle()
	return err
}

// unending keeps a context's deadline, but not its cancellation.
func unending(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	alive := ctx.Err() == nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tearDownPatience)
	if !ok || !alive {
		return ctx, cancel
	}
	ctx, cancelDeadline := context.WithDeadline(ctx, deadline)
	return ctx, func() {
		cancelDeadline()
		cancel()
	}
}

// closeLinks ends gateways, proxies and agents. From here on every exit is wanted. A gateway
// that does not answer any more is killed by the tear-down; what is lost are
// its last records, which the run's reader has to know.
func (s *Stack) closeLinks() {
	var closing sync.WaitGroup
	for name, c := range s.conversations() {
		closing.Go(func() {
			if err := c.Close(); err != nil {
				s.note("warning", fmt.Sprintf("%s did not close in order, its last records may be missing: %v", name, err))
			}
		})
	}
	closing.Go(func() { s.dismissAgents(s.logs, nil) })
	closing.Wait()
}

// conversations are the gateways and proxies that are still there; those that
// were attached to but never set up are told by end of file.
func (s *Stack) conversations() map[string]io.Closer {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := map[string]io.Closer{}
	for name, l := range s.links {
		select {
		case <-l.Done():
		default:
			open["the gateway of "+name] = l
		}
	}
	for name, l := range s.proxies {
		if !isDone(l.Done()) {
			open["the proxy of "+name] = l
		}
	}
	for _, i := range s.instances {
		i.mu.Lock()
		i.wanted = true
		if i.conn != nil {
			open[i.name] = i.conn
			i.conn = nil
		}
		i.mu.Unlock()
	}
	return open
}

// settle waits for the last events and log lines, then for every goroutine.
func (s *Stack) settle() {
	patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	await(patience, s.pumped)
	s.mu.Lock()
	all := make([]*instance, 0, len(s.instances))
	for _, i := range s.instances {
		all = append(all, i)
	}
	s.mu.Unlock()
	for _, i := range all {
		if i.running.fired() {
			await(patience, i.logged.done)
		}
	}
	s.drop()
	s.background.Wait()
}
