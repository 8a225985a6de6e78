package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	agentlink "github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// chaosLink is the harness's end of an agent of faults, as far as the stack
// needs it; *agentlink.Link is one.
type chaosLink interface {
	Name(address, name string) error
	Done() <-chan struct{}
	Close() error
}

// chaosConnector begins the conversation with a started agent; see link.Connect.
type chaosConnector func(ctx context.Context, conn io.ReadWriteCloser, hello order.Hello, clk clock.Clock, sink agentlink.Sink) (chaosLink, error)

func connectChaos(ctx context.Context, conn io.ReadWriteCloser, hello order.Hello, clk clock.Clock, sink agentlink.Sink) (chaosLink, error) {
	l, err := agentlink.Connect(ctx, conn, hello, clk, sink)
	if err != nil {
		return nil, err // not a nil *Link in a chaosLink
	}
	return l, nil
}

// lease is how long a fault outlives the harness.
func (s *Stack) lease() time.Duration { return cmp.Or(s.cfg.Lease, scenarios.DefaultLease) }

// greet gives an agent StartTimeout to answer.
func (s *Stack) greet(ctx context.Context, conn io.ReadWriteCloser, hello order.Hello, sink agentlink.Sink) (chaosLink, error) {
	limited, cancel := context.WithTimeout(ctx, s.cfg.StartTimeout)
	defer cancel()
	l, err := s.cfg.greet(limited, conn, hello, s.cfg.Clock, sink)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("it did not answer within %v: %w", s.cfg.StartTimeout, err)
	}
	return l, err
}

// An escort is an agent that accompanies an instance.
type escort struct {
	*instance
	target *instance
	ready  chan struct{} // closed when link is set, or the agent could not be started
	link   chaosLink     // nil: it could not
	gone   chan struct{} // closed when it is removed
	once   sync.Once
}

// agentName is what the agent at a place is called.
func agentName(at engine.Place) string {
	switch {
	case at.Resources:
		return "agent-" + at.Instance + "-resources"
	case at.Volume != "":
		return "agent-" + at.Instance + "-volume-" + at.Volume
	}
	return "agent-" + at.Instance
}

// placed is what the platform is asked to create for an agent at a place.
func (s *Stack) placed(at engine.Place) (platform.Spec, error) {
	var capabilities []string
	switch {
	case at.Network && at.Resources:
		return platform.Spec{}, errors.New("an agent is either in the network of its target or in its control group")
	case !at.Network && !at.Resources && at.Volume == "":
		return platform.Spec{}, errors.New("an agent has to be in the network of its target, in its control group, or to have a volume of it")
	case at.Network:
		capabilities = append(capabilities, capNetwork)
	}
	if at.Volume != "" {
		capabilities = append(capabilities, capFiles)
	}
	spec := agentSpec(agentName(at), s.on, capabilities...)
	if at.Network {
		spec.Beside = at.Instance
	}
	if at.Resources {
		spec.Within = at.Instance
	}
	if at.Volume != "" {
		spec.Mounts = []platform.Mount{{Instance: at.Instance, Volume: at.Volume, Path: at.Path}}
	}
	if !at.Network {
		spec.Config.NetworkMode = "none"
	}
	return spec, nil
}

// accompany starts an agent and returns when it is ready.
func (s *Stack) accompany(ctx context.Context, at engine.Place, sink agentlink.Sink) (chaosLink, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	target := s.instance(at.Instance)
	switch {
	case target == nil || target.agent:
		return nil, fmt.Errorf("the run has no instance %s", at.Instance)
	case !target.running.fired() || target.exited.fired():
		return nil, fmt.Errorf("%s is not running", at.Instance)
	}
	spec, err := s.placed(at)
	if err != nil {
		return nil, err
	}
	e, err := s.enlistAgent(ctx, spec.Name, target)
	if err != nil {
		return nil, err
	}
	if err := s.bringAgent(ctx, e, spec, at.Hello, sink); err != nil {
		close(e.ready)
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobEnd)
		defer cancel()
		return nil, errors.Join(s.gatewayError(e.instance, err), s.dismissAgent(ending, e))
	}
	close(e.ready)
	s.background.Go(func() { // it ends with its link, whoever closes that
		select {
		case <-e.link.Done():
		case <-e.gone:
			return
		case <-s.logs.Done():
			return
		}
		ending, cancel := context.WithTimeout(s.logs, jobEnd)
		defer cancel()
		if err := s.dismissAgent(ending, e); err != nil && s.life.Err() == nil {
			s.note("warning", fmt.Sprintf("%s is left behind: %v", e.name, err))
		}
	})
	return e.link, nil
}

// enlistAgent registers an agent. One of the same name that is ending is waited
// for.
func (s *Stack) enlistAgent(ctx context.Context, name string, target *instance) (*escort, error) {
	for {
		s.mu.Lock()
		before := s.escorts[name]
		if before == nil {
			i := newInstance(name, target.of, 0, "faults of "+target.name)
			i.agent = true
			i.want() // how it ends is told by its link
			e := &escort{instance: i, target: target, ready: make(chan struct{}), gone: make(chan struct{})}
			s.escorts[name], s.instances[name] = e, i
			s.mu.Unlock()
			return e, nil
		}
		s.mu.Unlock()
		if !await(ctx, before.ready) {
			return nil, context.Cause(ctx)
		}
		if before.link != nil && !isDone(before.link.Done()) {
			return nil, fmt.Errorf("%s is there already", name)
		}
		if !await(ctx, before.gone) {
			return nil, context.Cause(ctx)
		}
	}
}

func isDone(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// bringAgent makes the calls that bring an agent in, each journaled.
func (s *Stack) bringAgent(ctx context.Context, e *escort, spec platform.Spec, hello order.Hello, sink agentlink.Sink) error {
	hello.Protocol, hello.Lease = order.Protocol, cmp.Or(hello.Lease, s.lease())
	if hello.Authority == nil {
		hello.Authority = s.authority
	}
	var conn io.ReadWriteCloser
	for _, call := range []struct {
		op string
		do func() error
	}{
		{opCreate, func() error { return s.cfg.Platform.Create(ctx, spec) }},
		{opAttach, func() (err error) { conn, err = s.cfg.Platform.Attach(ctx, spec.Name); return err }},
		{opStart, func() error {
			err := s.cfg.Platform.Start(ctx, spec.Name)
			if err == nil {
				s.started(e.instance, time.Now())
				s.follow(e.instance)
			}
			return err
		}},
		{opGreet, func() (err error) { e.link, err = s.greet(ctx, conn, hello, sink); return err }},
	} {
		if err := s.journaledCall(call.op, spec.Name, e.cause, call.do); err != nil {
			if conn != nil {
				_ = conn.Close()
			}
			return inStep(step[call.op]+" "+spec.Name, err)
		}
	}
	return nil
}

// journaledCall makes a call and journals it.
func (s *Stack) journaledCall(op, subject, cause string, call func() error) error {
	began := s.cfg.Clock.Now()
	err := call()
	record := journal.Operation{Op: op, Subject: subject, Cause: cause, Took: s.cfg.Clock.Now() - began}
	if err != nil {
		record.Error = err.Error()
	}
	s.emit(record)
	return err
}

// dismissAgent ends an agent, which reverts what it does, and removes it.
func (s *Stack) dismissAgent(ctx context.Context, e *escort) error {
	var err error
	if e.link != nil {
		_ = e.link.Close() // an agent that is gone already says so
	}
	e.once.Do(func() {
		err = s.journaledCall(opRemove, e.name, e.cause, func() error { return s.cfg.Platform.Remove(ctx, e.name) })
		s.mu.Lock()
		delete(s.escorts, e.name)
		delete(s.instances, e.name)
		s.mu.Unlock()
		close(e.gone)
	})
	return err
}

// escortsOf are the agents that accompany an instance, or all of them.
func (s *Stack) escortsOf(i *instance) []*escort {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*escort
	for _, e := range s.escorts {
		if i == nil || e.target == i {
			all = append(all, e)
		}
	}
	return all
}

// relief is how long the agents of an instance that has exited may still be asked
// what they have done to it.
const relief = time.Second

// relieve ends the agents of an instance that has exited.
func (s *Stack) relieve(i *instance) {
	if len(s.escortsOf(i)) == 0 {
		return
	}
	s.background.Go(func() {
		timer := time.NewTimer(relief)
		defer timer.Stop()
		select {
		case <-timer.C:
			s.dismissAgents(s.logs, i)
		case <-s.logs.Done():
		}
	})
}

// dismissAgents ends the agents of an instance that is gone or is going, and
// returns when they are removed. In its control group they would keep the
// kernel from giving that up.
func (s *Stack) dismissAgents(ctx context.Context, i *instance) {
	var all sync.WaitGroup
	for _, e := range s.escortsOf(i) {
		all.Go(func() {
			if !await(ctx, e.ready) {
				return
			}
			if err := s.dismissAgent(ctx, e); err != nil && ctx.Err() == nil {
				s.note("warning", fmt.Sprintf("%s is left behind: %v", e.name, err))
			}
		})
	}
	all.Wait()
}
