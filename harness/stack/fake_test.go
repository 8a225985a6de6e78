package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	agentlink "github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// fakePlatform runs nothing. Instances behave as the test says, at the moment
// they are started or signalled.
type fakePlatform struct {
	// behaviour of instances by name; the zero behaviour exits with 0 at SIGTERM.
	behave map[string]behaviour
	// refuse makes a call ("start api-1") return an error.
	refuse map[string]error
	// health answers Health; nil means NoHealthcheck.
	health func(name string) platform.Health
	// hook runs at the start of a call, outside any lock.
	hook func(call string)
	// stops are the stop signals that images declare, by instance.
	stops map[string]string
	// mains answers MainProcess; nil is an error.
	mains func(name string) string
	// addresses are those of instances, by name.
	addresses map[string][]platform.Address
	quotas    bool           // what Identify says
	use       platform.Stats // of every instance
	took      time.Duration  // virtual duration of a start

	mu     sync.Mutex
	calls  []string
	made   map[string]*fakeInstance
	events chan platform.Event
	torn   bool
	specs  map[string]platform.Spec
}

type behaviour struct {
	exitAt   time.Duration // after the start; 0: it stays
	exitCode int
	log      string        // what it writes when it starts
	oom      bool          // it exits because the kernel kills it for want of memory
	ignores  bool          // SIGTERM
	drains   time.Duration // from SIGTERM to exit
}

type fakeInstance struct {
	exited chan struct{}
	once   sync.Once
}

func newFakePlatform() *fakePlatform {
	return &fakePlatform{
		behave: map[string]behaviour{}, refuse: map[string]error{}, made: map[string]*fakeInstance{},
		events: make(chan platform.Event, 1000), specs: map[string]platform.Spec{},
	}
}

// call records a call and answers what the test has arranged for it.
func (p *fakePlatform) call(ctx context.Context, words ...string) error {
	text := strings.Join(words, " ")
	if p.hook != nil {
		p.hook(text)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, text)
	if err := p.refuse[text]; err != nil {
		return err
	}
	return ctx.Err()
}

// make sets the behaviour of an instance.
func (p *fakePlatform) make(name string, b behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behave[name] = b
}

func (p *fakePlatform) behaviour(name string) behaviour {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behave[name]
}

func (p *fakePlatform) index(call string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Index(p.calls, call)
}

func (p *fakePlatform) here() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for name := range p.made {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (p *fakePlatform) Name() string                    { return "fake" }
func (p *fakePlatform) Supports(platform.Feature) error { return nil }
func (p *fakePlatform) EnsureImage(ctx context.Context, s types.ServiceConfig, _ bool) (string, error) {
	if err := p.refuse["image "+s.Image]; err != nil {
		return "", err
	}
	return "present", p.call(ctx, "image", s.Name)
}
func (p *fakePlatform) CreateNetwork(ctx context.Context, name string, _ types.NetworkConfig) error {
	return p.call(ctx, "network", name)
}
func (p *fakePlatform) CreateVolume(ctx context.Context, name string, _ types.VolumeConfig) error {
	return p.call(ctx, "volume", name)
}

func (p *fakePlatform) Create(ctx context.Context, spec platform.Spec) error {
	if err := p.call(ctx, "create", spec.Name); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.specs[spec.Name] = spec
	p.made[spec.Name] = &fakeInstance{exited: make(chan struct{})}
	return nil
}

func (p *fakePlatform) Attach(ctx context.Context, name string) (io.ReadWriteCloser, error) {
	return &fakeConn{name: name}, p.call(ctx, "attach", name)
}

func (p *fakePlatform) Start(ctx context.Context, name string) error {
	if err := p.call(ctx, "start", name); err != nil {
		return err
	}
	time.Sleep(p.took)
	b := p.behaviour(name)
	p.events <- platform.Event{At: time.Now(), Kind: platform.Started, Name: name}
	if b.exitAt > 0 {
		time.AfterFunc(b.exitAt, func() { p.exit(name, b.exitCode) })
	}
	return nil
}

// exit ends an instance, once.
func (p *fakePlatform) exit(name string, code int) {
	p.mu.Lock()
	i := p.made[name]
	torn := p.torn
	p.mu.Unlock()
	if i == nil || torn {
		return
	}
	i.once.Do(func() {
		close(i.exited)
		p.events <- platform.Event{At: time.Now(), Kind: platform.Exited, Name: name, Exit: platform.Exit{Code: code, OOM: p.behaviour(name).oom}}
	})
}

func (p *fakePlatform) Signal(ctx context.Context, name string, s syscall.Signal) error {
	if err := p.call(ctx, "signal", name, s.String()); err != nil {
		return err
	}
	b := p.behaviour(name)
	switch {
	case s == syscall.SIGKILL:
		go p.exit(name, 137)
	case b.ignores:
	case b.drains > 0:
		time.AfterFunc(b.drains, func() { p.exit(name, 0) })
	default:
		go p.exit(name, 0)
	}
	return nil
}

func (p *fakePlatform) StopSignal(ctx context.Context, name string) (string, error) {
	return p.stops[name], p.call(ctx, "stopsignal", name)
}

func (p *fakePlatform) MainProcess(_ context.Context, name string) (string, error) {
	if p.mains == nil {
		return "", errors.New("not faked")
	}
	return p.mains(name), nil
}

func (p *fakePlatform) Wait(context.Context, string) (platform.Exit, error) {
	return platform.Exit{}, errors.New("not faked")
}

func (p *fakePlatform) Resize(ctx context.Context, name string, r platform.Resources) error {
	return p.call(ctx, "resize", name, fmt.Sprintf("%g/%d", r.CPUs, r.Memory))
}

func (p *fakePlatform) Pause(ctx context.Context, name string) error {
	return p.call(ctx, "pause", name)
}

func (p *fakePlatform) Resume(ctx context.Context, name string) error {
	return p.call(ctx, "resume", name)
}

func (p *fakePlatform) Addresses(ctx context.Context, name string) ([]platform.Address, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made[name] == nil {
		return nil, fmt.Errorf("%s: %w", name, platform.ErrNotFound)
	}
	return p.addresses[name], ctx.Err()
}

func (p *fakePlatform) Identify(name string) (platform.Identity, error) {
	return platform.Identity{ID: "id of " + name, Quotas: p.quotas}, nil
}

func (p *fakePlatform) Stats(context.Context, string) (platform.Stats, error) {
	return p.use, nil
}

func (p *fakePlatform) Health(_ context.Context, name string) (platform.Health, error) {
	if p.health == nil {
		return platform.NoHealthcheck, nil
	}
	return p.health(name), nil
}

func (p *fakePlatform) Endpoint(_ context.Context, name string, port int) (platform.Endpoint, error) {
	e := platform.Endpoint{Inside: fmt.Sprintf("%s:%d", name, port)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.specs[name].Publish) > 0 {
		e.Published = fmt.Sprintf("127.0.0.1:%d", 40000+port)
	}
	return e, nil
}

func (p *fakePlatform) Logs(ctx context.Context, name string, _ bool, w io.Writer) error {
	p.mu.Lock()
	i := p.made[name]
	p.mu.Unlock()
	if _, err := io.WriteString(w, p.behaviour(name).log); err != nil || i == nil {
		return err
	}
	select {
	case <-i.exited:
	case <-ctx.Done():
	}
	return nil
}

func (p *fakePlatform) Remove(ctx context.Context, name string) error {
	if err := p.call(ctx, "remove", name); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.made, name)
	return nil
}

func (p *fakePlatform) Events() <-chan platform.Event { return p.events }

func (p *fakePlatform) TearDown(ctx context.Context) error {
	err := p.call(ctx, "teardown")
	for _, name := range p.here() {
		p.exit(name, 137)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.torn, p.made = true, map[string]*fakeInstance{}
	close(p.events)
	return err
}

type fakeConn struct {
	io.ReadWriteCloser
	name string
}

func (c *fakeConn) Close() error { return nil }

// fakeGateways stands for all gateways: the probe of an instance passes
// readyAfter its Add or Hold, never with a negative one.
type fakeGateways struct {
	readyAfter map[string]time.Duration // by instance
	calls      func(ctx context.Context, words ...string) error
	status     int // of pages; 0 is 200
	mu         sync.Mutex
	open       int
	links      map[string]*fakeLink // by service
}

// fakeLink keeps an endpoint list as harness/gateway does.
type fakeLink struct {
	of   *fakeGateways
	f    front
	emit func(journal.Event)
	clk  clock.Clock
	done chan struct{}
	once sync.Once

	mu     sync.Mutex
	known  map[string]*fakeEndpoint
	exited []string // told by Exited
}

type fakeEndpoint struct{ ready, listed, held, leaving bool }

func (g *fakeGateways) connect(_ context.Context, _ io.ReadWriteCloser, f front, clk clock.Clock, emit func(journal.Event)) (link, error) {
	if err := g.calls(context.Background(), "connect", f.service.name); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open++
	l := &fakeLink{of: g, f: f, emit: emit, clk: clk, done: make(chan struct{}), known: map[string]*fakeEndpoint{}}
	g.links[f.service.name] = l
	return l, nil
}

// say emits an event; l.mu is held, so that events stand in order.
func (l *fakeLink) say(body journal.Body) { l.emit(journal.Event{T: l.clk.Now(), Body: body}) }

func (l *fakeLink) Add(instance, address string) error {
	return l.meet("add", instance, address, false)
}

func (l *fakeLink) Hold(instance, address string) error {
	return l.meet("hold", instance, address, true)
}

func (l *fakeLink) meet(call, instance, address string, held bool) error {
	after := l.of.readyAfter[instance]
	err := l.of.calls(context.Background(), call, instance, address)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[instance] = &fakeEndpoint{held: held}
	if l.f.unready {
		l.list(instance)
	}
	if err != nil || after < 0 {
		return err
	}
	time.AfterFunc(after, func() { l.turn(instance, true) })
	return nil
}

// turn makes the probe of an instance pass or fail.
func (l *fakeLink) turn(instance string, ready bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.known[instance]
	if e == nil || e.ready == ready {
		return
	}
	e.ready = ready
	l.say(journal.ProbeChanged{Service: l.f.service.name, Instance: instance, Ready: ready})
	if ready {
		l.list(instance)
	} else {
		l.unlist(instance, "unready")
	}
}

func (l *fakeLink) list(instance string) {
	if e := l.known[instance]; e != nil && !e.listed && !e.held && !e.leaving && (e.ready || l.f.unready) {
		e.listed = true
		l.say(journal.EndpointAdded{Service: l.f.service.name, Instance: instance})
	}
}

func (l *fakeLink) unlist(instance, reason string) {
	if e := l.known[instance]; e != nil && e.listed {
		e.listed = false
		l.say(journal.EndpointRemoved{Service: l.f.service.name, Instance: instance, Reason: reason})
	}
}

func (l *fakeLink) Switch(to []string, lag time.Duration) error {
	if err := l.of.calls(context.Background(), "switch", strings.Join(to, ","), lag.String()); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range to {
		l.known[name].held = false
		l.list(name)
	}
	time.AfterFunc(lag, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for name, e := range l.known {
			if !slices.Contains(to, name) {
				e.held = true
				l.unlist(name, "switched")
			}
		}
	})
	return nil
}

func (l *fakeLink) Terminate(instance string, lag time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.known[instance]; e != nil {
		e.leaving = true
	}
	time.AfterFunc(lag, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unlist(instance, "terminating")
	})
	return l.of.calls(context.Background(), "terminate", instance, lag.String())
}

func (l *fakeLink) Exited(instance string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.exited = append(l.exited, instance)
	return nil
}

// exits are the instances that the gateway was told are gone.
func (l *fakeLink) exits() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.exited)
}

func (l *fakeLink) Remove(instance string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unlist(instance, "gone")
	delete(l.known, instance)
	return l.of.calls(context.Background(), "forget", instance)
}

func (l *fakeLink) Send(ctx context.Context, address string, letter gateway.Letter) (gateway.Page, error) {
	words := []string{"fetch by " + l.f.service.name, address, letter.Path}
	if letter.Method != "" {
		words = append(words, letter.Method, fmt.Sprint(letter.Headers))
	}
	if err := l.of.calls(ctx, words...); err != nil {
		return gateway.Page{}, err
	}
	return gateway.Page{Status: cmp.Or(l.of.status, 200), Body: []byte("page of " + address)}, nil
}

func (l *fakeLink) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.of.mu.Lock()
		defer l.of.mu.Unlock()
		l.of.open--
	})
	return nil
}

func (l *fakeLink) Status(string) string { return "unready (status 503)" }

func (l *fakeLink) Done() <-chan struct{} { return l.done }

// fakeAgents stands for all agents of faults.
type fakeAgents struct {
	calls  func(ctx context.Context, words ...string) error
	refuse error
	mu     sync.Mutex
	links  map[string]*fakeAgent // by instance
}

type fakeAgent struct {
	hello order.Hello
	sink  agentlink.Sink
	done  chan struct{}
	once  sync.Once

	mu    sync.Mutex
	names map[string]string
}

func (a *fakeAgents) greet(ctx context.Context, conn io.ReadWriteCloser, hello order.Hello, _ clock.Clock, sink agentlink.Sink) (chaosLink, error) {
	name := conn.(*fakeConn).name
	if err := errors.Join(a.calls(ctx, "greet", name), a.refuse); err != nil {
		return nil, err
	}
	l := &fakeAgent{hello: hello, sink: sink, done: make(chan struct{}), names: map[string]string{}}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.links[name] = l
	return l, nil
}

func (a *fakeAgents) of(name string) *fakeAgent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.links[name]
}

func (l *fakeAgent) Name(address, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names[address] = name
	return nil
}

func (l *fakeAgent) Done() <-chan struct{} { return l.done }

func (l *fakeAgent) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// record collects events.
type record struct {
	mu     sync.Mutex
	events []journal.Event
}

func (r *record) emit(e journal.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// of lists the bodies of one kind about one instance ("" for all).
func bodies[B journal.Body](r *record) (found []B, at []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if b, ok := e.Body.(B); ok {
			found, at = append(found, b), append(at, e.T)
		}
	}
	return found, at
}

// project loads compose source; extra files are written beside it.
func project(t *testing.T, source string, environ ...string) *Project {
	t.Helper()
	file := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(t.Context(), []string{file}, nil, environ)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rig is a stack on fakes.
type rig struct {
	*Stack
	platform *fakePlatform
	gateways *fakeGateways
	agents   *fakeAgents
	record   *record
}

func newRig(t *testing.T, compose string, services map[string]scenarios.PlannedService, change ...func(*Config)) *rig {
	t.Helper()
	p := newFakePlatform()
	g := &fakeGateways{readyAfter: map[string]time.Duration{}, calls: p.call, links: map[string]*fakeLink{}}
	a := &fakeAgents{calls: p.call, links: map[string]*fakeAgent{}}
	r := &record{}
	cfg := Config{
		Run: "test", Project: project(t, compose), Plan: &scenarios.Plan{Seed: 7, Services: services},
		Platform: p, Clock: clock.Start(), Emit: r.emit, Agent: "/bin/agent", connect: g.connect, greet: a.greet,
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{Stack: s, platform: p, gateways: g, agents: a, record: r}
}
