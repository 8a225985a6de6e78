package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// perform does one operation and journals it. Errors name the step.
func (s *Stack) perform(ctx context.Context, op Operation) error {
	if op.Op == opTerminate {
		return s.terminate(ctx, op.Subject, op.Cause) // journals its own calls
	}
	did := s.operation(op.service)
	began := s.cfg.Clock.Now()
	detail, err := did[op.Op](ctx, op)
	record := journal.Operation{Op: op.Op, Subject: op.Subject, Cause: op.Cause, Took: s.cfg.Clock.Now() - began}
	if detail != "" {
		record.Cause += " (" + detail + ")"
	}
	if err != nil {
		err = inStep(step[op.Op]+" "+op.Subject, err)
		record.Error = err.Error()
	}
	s.emit(record)
	if err != nil && op.optional && ctx.Err() == nil {
		s.note("warning", err.Error()+"; going on, because those that depend on it do not require it")
		return nil
	}
	return err
}

// inStep wraps an error with the step in which it happened, without repeating
// the name of the thing with which the platform's errors begin: "create api-1"
// and "api-1: no such image" is "create api-1: no such image".
func inStep(step string, err error) error {
	words := strings.Fields(step)
	for i := 1; i < len(words); i++ {
		if strings.HasPrefix(err.Error(), strings.Join(words[i:], " ")+":") {
			return fmt.Errorf("%s %w", strings.Join(words[:i], " "), err)
		}
	}
	return fmt.Errorf("%s: %w", step, err)
}

// step says in words what an operation does.
var step = map[string]string{
	opNetwork: "create network", opVolume: "create volume", opImage: "get the image of", opCreate: "create",
	opAttach: "attach to", opStart: "start", opConnect: "set up", opAdd: "add endpoint",
	opHold: "hold endpoint", opGreet: "set up", opReady: "wait for", opHealthy: "wait for", opCompleted: "wait for", opTerminate: "stop",
}

// operation is a table of what the operations do; each is one call, and returns
// a detail for the journal.
func (s *Stack) operation(name string) map[string]func(context.Context, Operation) (string, error) {
	of := cmp.Or(s.layout.known(name), named(s.layout.jobs, name)) // no job has a service's name
	plain := func(f func(context.Context, *service, Operation) error) func(context.Context, Operation) (string, error) {
		return func(ctx context.Context, op Operation) (string, error) { return "", f(ctx, of, op) }
	}
	return map[string]func(context.Context, Operation) (string, error){
		opNetwork: plain(s.createNetwork),
		opVolume:  plain(s.createVolume),
		opImage: func(ctx context.Context, op Operation) (string, error) {
			if op.version != nil { // built, if at all, when the stack came up
				return s.cfg.Platform.EnsureImage(ctx, op.version.picture(of.config), false)
			}
			return s.cfg.Platform.EnsureImage(ctx, of.config, s.cfg.Build)
		},
		opCreate:    plain(s.create),
		opAttach:    plain(s.attach),
		opStart:     plain(s.start),
		opConnect:   plain(s.connect),
		opGreet:     plain(s.connectProxy),
		opAdd:       plain(s.addEndpoint),
		opHold:      plain(s.holdEndpoint),
		opReady:     plain(s.waitReady),
		opHealthy:   plain(s.waitHealthy),
		opCompleted: plain(s.waitCompleted),
	}
}

func (s *Stack) createNetwork(ctx context.Context, _ *service, op Operation) error {
	if err := s.cfg.Platform.CreateNetwork(ctx, op.Subject, s.layout.networks[op.Subject]); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.networks[op.Subject] = true
	return nil
}

func (s *Stack) createVolume(ctx context.Context, _ *service, op Operation) error {
	if err := s.cfg.Platform.CreateVolume(ctx, op.Subject, s.layout.volumes[op.Subject]); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.volumes[op.Subject] = true
	return nil
}

// create registers the instance before the call, so that no event of it is
// missed.
func (s *Stack) create(ctx context.Context, of *service, op Operation) error {
	op.version = s.versionOf(of, op)
	i := s.enrol(of, op)
	spec, err := s.specOf(i, op)
	if err == nil {
		err = s.cfg.Platform.Create(ctx, spec)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		if i.rising && ctx.Err() == nil { // under the lock that takes it from the members
			s.notBorn(i, inStep(step[opCreate]+" "+op.Subject, err))
		}
		delete(s.instances, op.Subject)
		s.seen.lose(i)
	case op.proxy:
		s.seen.proxies[of.name] = true
	case op.number == 0:
		s.seen.gateways[of.name] = true
	case of.job != "", i.rising: // nobody counts it, or it has been counted since it was chosen
	default:
		s.seen.instances[of.name] = append(s.seen.instances[of.name], op.number)
	}
	return err
}

// enrol registers an instance that is to be created in a version; one that was
// enlisted is registered already.
func (s *Stack) enrol(of *service, op Operation) *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.instances[op.Subject]; i != nil && i.rising {
		return i
	}
	i := newInstance(op.Subject, of, op.number, op.Cause)
	i.createdAt = s.cfg.Clock.Now()
	if op.number > 0 {
		i.class = s.classOf(of)
		s.seen.next[of.name] = max(s.seen.next[of.name], op.number+1)
	}
	if op.number > 0 && of.job == "" {
		i.version = op.version.name
	}
	s.instances[op.Subject] = i
	return i
}

// specOf is what the platform is asked to create for an instance in a version.
func (s *Stack) specOf(i *instance, op Operation) (platform.Spec, error) {
	switch {
	case op.proxy:
		spec, _ := i.of.proxySpec(s.on, s.cfg.Plan.Seed)
		return spec, nil
	case i.number == 0:
		spec, _ := i.of.gatewaySpec(s.on)
		return spec, nil
	}
	spec, err := i.of.versioned(i.number, op.version, s.on.at(i.seated))
	if err == nil && i.of.plan.TrustCA {
		err = s.trust(&spec)
	}
	if c := i.classNow(); err == nil && c.resources != i.of.base().resources {
		spec.Config = limitTo(spec.Config, c.resources)
	}
	return spec, err
}

func (s *Stack) attach(ctx context.Context, _ *service, op Operation) error {
	conn, err := s.cfg.Platform.Attach(ctx, op.Subject)
	if err != nil {
		return err
	}
	i := s.instance(op.Subject)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.conn = conn
	return nil
}

func (s *Stack) start(ctx context.Context, of *service, op Operation) error {
	if err := s.cfg.Platform.Start(ctx, op.Subject); err != nil {
		return err
	}
	i := s.instance(op.Subject)
	s.started(i, time.Now())
	s.follow(i)
	if op.number > 0 && !of.gatewayed() && !of.healthcheck {
		s.serve(i, true, s.cfg.Clock.Now())
	}
	return nil
}

// serve takes in that an instance takes work from now on, or does not any more.
func (s *Stack) serve(i *instance, is bool, at time.Duration) {
	i.mu.Lock()
	i.serving.set(is, at)
	i.mu.Unlock()
	s.touch()
}

// connect tells a started gateway what it is to be; the gateway listens when
// this returns.
func (s *Stack) connect(ctx context.Context, of *service, op Operation) error {
	i := s.instance(op.Subject)
	conn := i.takeConn()
	_, listen := of.gatewaySpec(s.on)
	l, err := s.handshake(ctx, conn, front{
		service: of, listen: listen, unready: s.cfg.Plan.Control == scenarios.ControlUnready, session: s.cfg.Session,
	})
	if err != nil {
		return s.gatewayError(i, err)
	}
	s.mu.Lock()
	s.links[of.name] = l
	s.mu.Unlock()
	endpoint, err := s.cfg.Platform.Endpoint(ctx, op.Subject, of.plan.Port)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i.published = endpoint.Published
	return nil
}

// takeConn is what an instance was attached by; it is the link's from here on.
func (i *instance) takeConn() io.ReadWriteCloser {
	i.mu.Lock()
	defer i.mu.Unlock()
	conn := i.conn
	i.conn = nil
	return conn
}

// handshake gives the gateway StartTimeout to answer.
func (s *Stack) handshake(ctx context.Context, conn io.ReadWriteCloser, f front) (link, error) {
	limited, cancel := context.WithTimeout(ctx, s.cfg.StartTimeout)
	defer cancel()
	l, err := s.cfg.connect(limited, conn, f, s.cfg.Clock, s.observe)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("it did not answer within %v: %w", s.cfg.StartTimeout, err)
	}
	return l, err
}

// gatewayError adds what the gateway wrote before it gave up.
func (s *Stack) gatewayError(i *instance, err error) error {
	if words := i.tail.lines(); len(words) > 0 && !errors.Is(err, errDown) {
		return fmt.Errorf("%w%s", err, s.lastWords(i))
	}
	return err
}

// observe takes in what a gateway tells, and passes it on. It is journaled
// before anybody acts on it.
func (s *Stack) observe(event journal.Event) {
	s.cfg.Emit(event)
	switch body := event.Body.(type) {
	case journal.EndpointAdded:
		if i := s.instance(body.Instance); i != nil {
			i.putAside(false)
			s.serve(i, true, event.T)
			i.added.fire()
			s.inspect(i)
		}
	case journal.EndpointRemoved:
		if i := s.instance(body.Instance); i != nil {
			i.putAside(body.Reason == "switched")
			s.serve(i, false, event.T)
			if body.Reason == "terminating" || body.Reason == "gone" {
				i.removed.fire()
			}
		}
	case journal.ProbeChanged:
		if i := s.instance(body.Instance); i != nil {
			s.pass(i, body.Ready, event.T)
		}
	}
}

// exitOr says how an instance exited if that is why a call about it went
// wrong; the event may be still on its way.
func (s *Stack) exitOr(ctx context.Context, i *instance, err error) error {
	patience, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	if await(patience, i.exited.done) {
		return s.exitError(i)
	}
	return err
}

// addEndpoint tells the gateway of an instance.
func (s *Stack) addEndpoint(ctx context.Context, of *service, op Operation) error {
	inside, err := s.endpoint(ctx, of, op)
	if err != nil {
		return err
	}
	return s.link(of.name).Add(op.Subject, inside)
}

// holdEndpoint makes the gateway probe an instance without routing to it. Where
// the run ignores probes on purpose it counts as ready from then on.
func (s *Stack) holdEndpoint(ctx context.Context, of *service, op Operation) error {
	inside, err := s.endpoint(ctx, of, op)
	if err == nil {
		err = s.link(of.name).Hold(op.Subject, inside)
	}
	if err == nil && s.cfg.Plan.Control == scenarios.ControlUnready {
		s.pass(s.instance(op.Subject), true, s.cfg.Clock.Now())
	}
	return err
}

// pass takes in that the readiness probe of an instance passes, or fails.
func (s *Stack) pass(i *instance, is bool, at time.Duration) {
	i.mu.Lock()
	i.passed.set(is, at)
	i.mu.Unlock()
	s.touch()
}

func (s *Stack) endpoint(ctx context.Context, of *service, op Operation) (inside string, err error) {
	i := s.instance(op.Subject)
	if i.exited.fired() {
		return "", s.exitError(i)
	}
	endpoint, err := s.cfg.Platform.Endpoint(ctx, op.Subject, of.plan.Port)
	if err != nil {
		return "", s.exitOr(ctx, i, err)
	}
	return endpoint.Inside, nil
}

func (s *Stack) link(service string) link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[service]
}
