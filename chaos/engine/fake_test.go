package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a system that is made up: instances are names, and what is done to
// them is written down, with its time.
type world struct {
	clock  clock.Clock
	engine *Engine
	events []journal.Event
	plan   *scenarios.Plan

	mu        sync.Mutex
	platform  string
	instances map[string][]Instance
	numbers   map[string]int
	ops       []op
	paused    map[string]bool
	cpus      map[string]float64
	agents    []*fakeAgent
	fronts    map[string]*fakeAgent
	fail      map[string]error         // by operation: "kill api-1"
	slow      map[string]time.Duration // by operation
	deaf      map[string]bool          // operations that do not come back
	can       map[string]string
	counters  map[string]int64 // that every agent counts a second
	usage     func(instance string) Usage
	here      bool // addresses are of loopback
	replaces  bool // somebody scales: Replace does nothing
	steps     map[int]Undo
	lastStep  int
	helpless  error
	unhelped  chan struct{} // closed when the helper has ended
}

// op is one thing that was done.
type op struct {
	at   time.Duration
	what string
}

func newWorld(plan *scenarios.Plan) *world {
	w := &world{
		clock: clock.Start(), plan: plan, platform: "docker", instances: map[string][]Instance{}, numbers: map[string]int{},
		paused: map[string]bool{}, cpus: map[string]float64{}, fronts: map[string]*fakeAgent{}, fail: map[string]error{},
		slow: map[string]time.Duration{}, deaf: map[string]bool{}, steps: map[int]Undo{}, unhelped: make(chan struct{}),
		counters: map[string]int64{"packets": 100, "delayed": 90, "dropped": 10, "requests": 50, "injected": 20},
	}
	if plan.Services == nil {
		plan.Services = map[string]scenarios.PlannedService{}
	}
	return w
}

// with adds instances of a service, in zones a and b by turns.
func (w *world) with(service string, n int) *world {
	for range n {
		w.add(service)
	}
	return w
}

func (w *world) add(service string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.numbers[service]++
	n := w.numbers[service]
	name := fmt.Sprintf("%s-%d", service, n)
	w.instances[service] = append(w.instances[service], Instance{Name: name, Service: service, Zone: string('a' + rune((n-1)%2))})
	w.cpus[name] = 2
	return name
}

// come starts an instance in the middle of a run, lose ends one.
func (w *world) come(service string) string {
	name := w.add(service)
	w.emit(journal.Event{T: w.clock.Now(), Body: journal.InstanceStarted{Service: service, Instance: name}})
	return name
}

func (w *world) lose(name string, code int, oom bool) {
	service := name[:strings.LastIndex(name, "-")]
	w.mu.Lock()
	w.instances[service] = slices.DeleteFunc(slices.Clone(w.instances[service]), func(i Instance) bool { return i.Name == name })
	w.mu.Unlock()
	w.emit(journal.Event{T: w.clock.Now(), Body: journal.InstanceExited{Service: service, Instance: name, Code: code, OOM: oom}})
}

// emit is the journal; as in a run the engine sees everything that is in it.
func (w *world) emit(e journal.Event) {
	w.mu.Lock()
	w.events = append(w.events, e)
	w.mu.Unlock()
	w.engine.Observe(e)
}

// start makes an engine on the world.
func (w *world) start(t *testing.T, lease ...time.Duration) *Engine {
	t.Helper()
	cfg := Config{Plan: w.plan, Clock: w.clock, Emit: w.emit}
	if len(lease) > 0 {
		cfg.Lease = lease[0]
	}
	w.engine = newEngine(cfg, w)
	for service, p := range w.plan.Services {
		if p.Interposed != nil {
			w.fronts[service] = w.agent(service, w.engine.ProxySink(service))
			t.Cleanup(func() { _ = w.fronts[service].Close() })
		}
	}
	w.engine.safety.start = func([]string, string, time.Duration) (helper, error) { return fakeHelper{w}, nil }
	return w.engine
}

// do writes down what is done, takes its time, and fails where it has to.
func (w *world) do(ctx context.Context, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	w.mu.Lock()
	err, wait, deaf := w.fail[what], w.slow[what], w.deaf[what]
	w.mu.Unlock()
	if deaf {
		<-w.forever()
	}
	if wait > 0 && !pause(ctx, wait) {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ops = append(w.ops, op{w.clock.Now(), what})
	return nil
}

// forever is longer than any test.
func (w *world) forever() <-chan time.Time { return time.After(time.Hour) }

func (w *world) done() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.ops {
		all = append(all, fmt.Sprintf("%v %s", o.at.Round(time.Millisecond), o.what))
	}
	return all
}

func (w *world) Platform() string { return w.platform }

func (w *world) Instances(service string) []Instance {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.instances[service])
}

func (w *world) Kill(ctx context.Context, i, _ string) error {
	if err := w.do(ctx, "kill %s", i); err != nil {
		return err
	}
	w.lose(i, 137, false)
	return nil
}

func (w *world) Stop(ctx context.Context, i, _ string) error {
	if err := w.do(ctx, "stop %s", i); err != nil {
		return err
	}
	w.lose(i, 0, false)
	return nil
}

func (w *world) Replace(ctx context.Context, i, _ string) (string, error) {
	if err := w.do(ctx, "replace %s", i); err != nil {
		return "", err
	}
	if w.replaces {
		return "", nil
	}
	return w.come(i[:strings.LastIndex(i, "-")]), nil
}

func (w *world) Pause(ctx context.Context, i, _ string) error {
	if err := w.do(ctx, "pause %s", i); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused[i] = true
	return nil
}

func (w *world) Resume(ctx context.Context, i, _ string) error {
	if err := w.do(ctx, "resume %s", i); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.paused, i)
	return nil
}

func (w *world) Limit(ctx context.Context, i string, cpus float64, _ string) (float64, error) {
	if err := w.do(ctx, "limit %s to %g", i, cpus); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.cpus[i]
	w.cpus[i] = cpus
	return before, nil
}

func (w *world) Interrupt(ctx context.Context, all []string, notice time.Duration, replace bool, _ string) error {
	if err := w.do(ctx, "interrupt %v %v %t", all, notice, replace); err != nil {
		return err
	}
	if !pause(ctx, notice) {
		return context.Cause(ctx)
	}
	for _, i := range all {
		w.lose(i, 0, false)
	}
	return nil
}

func (w *world) Usage(_ context.Context, i string) (Usage, error) {
	if w.usage != nil {
		return w.usage(i), nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return Usage{CPUs: w.cpus[i], Limit: 100 << 20, Memory: 10 << 20}, nil
}

func (w *world) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	if w.here {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	last := byte(len(name))
	for _, c := range []byte(name) {
		last = last*7 + c
	}
	return []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, last})}, nil
}

func (w *world) Port(string) int { return 8080 }
func (w *world) Database(scenarios.DatabaseAccess) (string, error) {
	return "", errors.New("no database")
}

func (w *world) Fetch(ctx context.Context, i, method, path string, _ map[string]string) (int, error) {
	return 204, w.do(ctx, "fetch %s %s %s", i, method, path)
}

func (w *world) Undo(method, i string, before float64) Undo {
	return Undo{Platform: w.platform, Act: method, ID: i, CPUs: before}
}

func (w *world) proxy(service string) agent {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.fronts[service]; a != nil {
		return a
	}
	return nil
}

func (w *world) accompany(ctx context.Context, at Place, sink link.Sink) (agent, error) {
	where := "volume"
	switch {
	case at.Network:
		where = "network"
	case at.Resources:
		where = "resources"
	}
	if err := w.do(ctx, "accompany %s (%s)", at.Instance, where); err != nil {
		return nil, err
	}
	return w.agent(at.Instance, sink), nil
}

func (w *world) agent(beside string, sink link.Sink) *fakeAgent {
	a := &fakeAgent{world: w, beside: beside, sink: sink, gone: make(chan struct{}), halt: make(chan struct{}), faults: map[string]order.Fault{}, since: map[string]map[string]int64{}}
	w.mu.Lock()
	w.agents = append(w.agents, a)
	w.mu.Unlock()
	a.ticks.Go(a.tick)
	return a
}

// front puts a proxy in front of a service.
func (w *world) front(service string) {
	p := w.plan.Services[service]
	p.Interposed = &scenarios.Interposed{Port: 8080}
	w.plan.Services[service] = p
}

// fakeAgent counts once a second, as an agent does.
type fakeAgent struct {
	world  *world
	beside string
	sink   link.Sink
	gone   chan struct{}
	halt   chan struct{}
	once   sync.Once
	ticks  sync.WaitGroup

	mu     sync.Mutex
	dead   bool
	faults map[string]order.Fault
	since  map[string]map[string]int64
	all    []order.Fault
}

func (a *fakeAgent) tick() {
	for wait := time.Second / 2; ; wait = time.Second {
		select {
		case <-a.halt:
			return
		case <-time.After(wait):
		}
		a.mu.Lock()
		for id := range a.faults {
			a.count(id)
		}
		said := map[string]map[string]int64{}
		for id, c := range a.since {
			if _, is := a.faults[id]; is {
				said[id] = maps.Clone(c)
			}
		}
		a.mu.Unlock()
		for _, id := range sorted(said) {
			a.sink.Counters(id, said[id])
		}
	}
}

func (a *fakeAgent) count(id string) {
	if a.since[id] == nil {
		a.since[id] = map[string]int64{}
	}
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	for name, n := range a.world.counters {
		a.since[id][name] += n
	}
}

func (a *fakeAgent) Ready() order.Ready {
	return order.Ready{Protocol: order.Protocol, Can: a.world.can}
}

func (a *fakeAgent) Apply(ctx context.Context, f order.Fault) error {
	if err := a.world.do(ctx, "apply %s beside %s", f.ID, a.beside); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dead {
		return errors.New("it is gone")
	}
	a.faults[f.ID] = f
	a.all = append(a.all, f)
	return nil
}

func (a *fakeAgent) Revert(ctx context.Context, id string) (map[string]int64, error) {
	select {
	case <-a.gone:
		return nil, errors.New("it is gone")
	default:
	}
	if err := a.world.do(ctx, "revert %s beside %s", id, a.beside); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, is := a.faults[id]; is {
		a.count(id)
	}
	delete(a.faults, id)
	return a.since[id], nil
}

func (a *fakeAgent) Probe(_ context.Context, p order.Probe) (order.Reading, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.Look == "api.pay.example" {
		return order.Reading{Detail: "10.9.9.1,10.9.9.2"}, nil
	}
	if p.Disk != "" {
		return order.Reading{Value: map[bool]float64{true: 60, false: 5}[len(a.faults) > 0], Unit: "%"}, nil
	}
	if len(a.faults) > 0 {
		return order.Reading{Value: 0.1, Unit: "s"}, nil
	}
	return order.Reading{Value: 0.001, Unit: "s"}, nil
}

func (a *fakeAgent) Done() <-chan struct{} { return a.gone }

// die is an agent that ends by itself.
func (a *fakeAgent) die(err error) {
	a.end()
	a.sink.Gone(err)
}

func (a *fakeAgent) end() {
	a.mu.Lock()
	a.dead = true
	clear(a.faults)
	a.mu.Unlock()
	a.once.Do(func() {
		close(a.halt)
		a.ticks.Wait()
		close(a.gone)
	})
}

func (a *fakeAgent) Close() error {
	a.mu.Lock()
	clear(a.faults)
	a.mu.Unlock()
	a.end()
	return nil
}

// fakeHelper keeps the steps that it would take.
type fakeHelper struct{ w *world }

func (h fakeHelper) Register(step Undo) (int, error) {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if h.w.helpless != nil {
		return 0, h.w.helpless
	}
	h.w.lastStep++
	h.w.steps[h.w.lastStep] = step
	return h.w.lastStep, nil
}

func (h fakeHelper) Done(id int) error {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	delete(h.w.steps, id)
	return h.w.helpless
}

func (h fakeHelper) Gone() <-chan struct{} { return h.w.unhelped }

func (h fakeHelper) Err() error { return h.w.helpless }

func (h fakeHelper) Close() error { return nil }

// left is what a run has left behind on the world.
func (w *world) left() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.paused {
		all = append(all, i+" is frozen")
	}
	for i, cpus := range w.cpus {
		if cpus != 2 {
			all = append(all, fmt.Sprintf("%s has %g cores", i, cpus))
		}
	}
	for _, step := range w.steps {
		all = append(all, "to undo: "+step.Act+" "+step.ID)
	}
	for _, a := range w.agents {
		for id := range a.faults {
			all = append(all, id+" beside "+a.beside)
		}
	}
	slices.Sort(all)
	return all
}

// said is what the journal has of faults, in words and without what is counted.
func (w *world) said() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		at := e.T.Round(time.Millisecond).String()
		switch b := e.Body.(type) {
		case journal.FaultStarted:
			all = append(all, join(at, b.Fault, "started on", strings.Join(b.Targets, "+"), "by", b.Backend, b.Error))
		case journal.FaultEnded:
			all = append(all, join(at, b.Fault, "ended on", strings.Join(b.Targets, "+"), "by", b.By, b.Error))
		case journal.FaultState:
			all = append(all, join(at, b.Fault, b.Target, b.State))
		case journal.FaultProbe:
			all = append(all, join(at, b.Fault, b.Target, b.Stage, b.What))
		}
	}
	return all
}

func join(parts ...string) string { return strings.TrimRight(strings.Join(parts, " "), " ") }

// reasons are those of states, by fault, target and state.
func (w *world) reasons() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]string{}
	for _, e := range w.events {
		if s, ok := e.Body.(journal.FaultState); ok {
			all[join(s.Fault, s.Target, s.State)] = s.Reason
		}
	}
	return all
}

// planned is a fault as the compiler would have it.
func planned(id, kind string, at, length time.Duration, spec scenarios.Fault, services ...string) scenarios.PlannedFault {
	f := scenarios.PlannedFault{
		ID: id, Kind: kind, At: scenarios.Duration(at), End: scenarios.Duration(at + length), Services: services, Seed: uint64(len(id)) * 77, Spec: spec,
	}
	if f.AtOnce() {
		f.End = f.At
	}
	return f
}

func delayOf(pick string) scenarios.Fault {
	return scenarios.Fault{Target: scenarios.Selection{Pick: pick}, Delay: &scenarios.DelayFault{Latency: scenarios.Duration(50 * time.Millisecond)}}
}

// play runs the faults of a world to their end, in virtual time, with something
// that happens meanwhile.
func play(t *testing.T, faults []scenarios.PlannedFault, set func(w *world), meanwhile func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(&scenarios.Plan{Faults: faults}).with("api", 3).with("db", 1)
		if set != nil {
			set(w)
		}
		e := w.start(t)
		if err := e.Prepare(t.Context()); err != nil {
			t.Fatalf("prepare: %v", err)
		}
		over := make(chan error, 1)
		go func() { over <- e.Run(t.Context(), w.clock.Now()) }()
		if meanwhile != nil {
			meanwhile(t, w)
		}
		if err := <-over; err != nil {
			t.Logf("run: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Logf("close: %v", err)
		}
	})
}
