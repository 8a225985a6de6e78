// Package stack brings a compose project up on a platform and keeps it as the
// scenario wants it: it observes what is there, plans operations with a pure
// function, and executes them, one journaled platform call an operation.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	agentlink "github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Config says what stack to run and who is told.
type Config struct {
	Run      string // id of the run, for messages
	Project  *Project
	Plan     *scenarios.Plan
	Platform platform.Platform
	Clock    clock.Clock
	// Emit receives every event; it is called concurrently and must not block.
	Emit func(journal.Event)
	// Agent is the path of the static shakedown-agent program.
	Agent string
	// Build builds images even if they are present.
	Build bool
	// Log opens where an instance's output goes; nil, or a nil writer, drops it.
	Log func(instance string) io.WriteCloser
	// Redact takes secrets out of the log lines that errors show; nil leaves them.
	Redact func(string) string
	// StartTimeout limits how long an instance may take from its start to
	// ready, healthy or completed. Default 60s.
	StartTimeout time.Duration
	// Session answers what the application announces at a prescale webhook; nil
	// rejects everything. It is called concurrently, beside everything else, and
	// may call the Stack.
	Session func(context.Context, journal.SessionSignal) gateway.Answer
	// Proxies is told what the proxy in front of a service, or the third party of
	// that name, says by itself; nil drops that. Calls are journaled by the stack.
	Proxies func(service string) agentlink.Sink
	// Lease is how long faults outlive the harness. Default scenarios.DefaultLease.
	Lease time.Duration

	connect connector      // nil: a gateway in shakedown-agent
	greet   chaosConnector // nil: an agent of faults in shakedown-agent
}

// A Stack is the instances of one run. Its methods are safe for concurrent
// use; each returns when what it was asked for is done.
type Stack struct {
	cfg    Config
	on     ground
	layout *layout

	life context.Context // ends when Down begins
	end  context.CancelCauseFunc
	logs context.Context // outlives life by the tear-down
	drop context.CancelFunc

	background sync.WaitGroup // pump, log followers
	pumping    sync.Once
	pumped     chan struct{}   // closed when no event comes any more
	turns      map[string]turn // by service; what changes its instances takes its turn
	launching  chan struct{}   // a place for each instance that is raised at one time
	downOnce   func(context.Context) error
	authority  *order.Authority         // of the run, nil where nobody needs one
	mu         sync.Mutex               // guards what follows
	under      sync.WaitGroup           // methods under way
	besides    sync.WaitGroup           // of them, what goes on after they have returned
	closed     bool                     // Down has begun
	failUp     context.CancelCauseFunc  // set while Up runs
	instances  map[string]*instance     // created and not removed, gateways too
	links      map[string]link          // by service
	proxies    map[string]chaosLink     // by service or third party
	escorts    map[string]*escort       // agents of faults, by name
	callers    map[string]string        // instances by address, as proxies see them
	stopped    map[string]*instance     // that faults have taken away and removed
	versions   map[string]*versions     // of services that the plan releases
	classes    map[string]resourceClass // by service, where SetClass was called
	unborn     map[string][]Unborn      // by service: what was enlisted and did not come up
	noticed    map[string][]*instance   // by service: what was given notice, the gone ones too
	ran        map[string]bool          // jobs that were begun
	inspected  map[string]bool          // services and versions whose main process was asked for
	news       chan struct{}            // closed and replaced when something about an instance changes
	seen       observed
}

// turn is a mutex that a context can stop waiting for.
type turn chan struct{}

var errDown = errors.New("the stack is being taken down")

// New lays a stack out without touching the platform. Its errors are mistakes
// in project or plan, in words for the user.
func New(cfg Config) (*Stack, error) {
	if cfg.StartTimeout <= 0 {
		cfg.StartTimeout = time.Minute
	}
	if cfg.connect == nil {
		cfg.connect = connectAgent
	}
	if cfg.greet == nil {
		cfg.greet = connectChaos
	}
	s := &Stack{
		cfg: cfg, on: groundOf(cfg), pumped: make(chan struct{}), turns: map[string]turn{},
		instances: map[string]*instance{}, links: map[string]link{},
		proxies: map[string]chaosLink{}, escorts: map[string]*escort{}, callers: map[string]string{}, stopped: map[string]*instance{},
		launching: make(chan struct{}, raisedAtOnce), classes: map[string]resourceClass{}, unborn: map[string][]Unborn{},
		noticed:  map[string][]*instance{},
		versions: versionsOf(cfg.Plan), ran: map[string]bool{}, inspected: map[string]bool{}, news: make(chan struct{}),
		seen: observed{
			networks: map[string]bool{}, volumes: map[string]bool{}, gateways: map[string]bool{}, proxies: map[string]bool{},
			instances: map[string][]int{}, next: map[string]int{},
		},
	}
	var err error
	if s.layout, err = arrange(cfg.Project, cfg.Plan, s.on); err != nil {
		return nil, err
	}
	if s.authority, err = makeAuthority(s.layout, cfg.Plan); err != nil {
		return nil, err
	}
	for _, service := range s.layout.services {
		s.turns[service.name] = make(turn, 1)
	}
	s.downOnce = once(s.takeDown)
	s.life, s.end = context.WithCancelCause(context.Background())
	s.logs, s.drop = context.WithCancel(context.Background())
	return s, nil
}

// groundOf asks the platform what rewriting depends on.
func groundOf(cfg Config) ground {
	on := ground{agent: cfg.Agent, images: cfg.Platform.Supports(platform.Images) == nil}
	if addresser, ok := cfg.Platform.(platform.Addresser); ok {
		on.process, on.address = true, addresser.Address
	}
	if sharer, ok := cfg.Platform.(platform.Sharer); ok {
		on.shared = sharer.Shared()
	}
	return on
}

// Plan is what Up will do.
func (s *Stack) Plan() *Plan { return reconcile(s.layout, observed{}, s.layout.initial()) }

// Up brings everything up in dependency order and returns when every initial
// instance behind a gateway takes traffic. After an error some of it is up;
// Down removes that. Up is called once.
func (s *Stack) Up(ctx context.Context) error {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s.setFailUp(fail)
	defer s.setFailUp(nil)
	s.startPump()
	s.remark()
	err = execute(ctx, s.Plan(), s.perform)
	if cause := context.Cause(ctx); cause != nil {
		return cause // an exit or an interrupt; what calls say about their cancellation is no news
	}
	return err
}

// begin counts a method as under way and ties its context to the stack's life.
func (s *Stack) begin(ctx context.Context) (context.Context, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errDown
	}
	s.under.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.life, func() { cancel(context.Cause(s.life)) })
	return ctx, func() {
		stop()
		cancel(nil)
		s.under.Done()
	}, nil
}

func (s *Stack) setFailUp(fail context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failUp = fail
}

// remark tells the user what of the project does not hold in this run.
func (s *Stack) remark() {
	if words, ok := controlWords[s.cfg.Plan.Control]; ok {
		s.note("warning", fmt.Sprintf("control %s: %s", s.cfg.Plan.Control, words))
	}
	for _, text := range s.cfg.Project.Warnings {
		s.note("warning", "compose: "+text)
	}
	for _, text := range s.layout.notes {
		s.note("info", text)
	}
	limits := map[platform.Feature][]string{}
	for _, service := range s.layout.services {
		limit := limitsOf(service.config)
		if limit.Memory > 0 {
			limits[platform.MemoryLimits] = append(limits[platform.MemoryLimits], service.name)
		}
		if limit.CPUs > 0 {
			limits[platform.CPULimits] = append(limits[platform.CPULimits], service.name)
		}
	}
	for _, feature := range slices.Sorted(maps.Keys(limits)) {
		if err := s.cfg.Platform.Supports(feature); err != nil {
			s.note("warning", fmt.Sprintf("%s of %s are not enforced: %v", feature, list(limits[feature]), err))
		}
	}
}

// Targets tells where the services behind gateways, and third parties, are
// reachable for the harness: host:port on loopback by service. It is complete once Up has
// returned.
func (s *Stack) Targets() map[string]string {
	targets := map[string]string{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, service := range slices.Concat(s.layout.services, s.layout.parties) {
		if front := s.instances[service.front()]; front != nil && front.published != "" {
			targets[service.name] = front.published
		}
	}
	return targets
}

// touch tells those who watch instances that something has changed.
func (s *Stack) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.news)
	s.news = make(chan struct{})
}

// changed is closed when something about an instance changes after this call.
func (s *Stack) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.news
}

func (s *Stack) emit(body journal.Body) {
	s.cfg.Emit(journal.Event{T: s.cfg.Clock.Now(), Body: body})
}

func (s *Stack) note(level, text string) { s.emit(journal.Note{Level: level, Text: text}) }

// once makes a function run once and answer the same each time.
func once(f func(context.Context) error) func(context.Context) error {
	var guard sync.Once
	var err error
	return func(ctx context.Context) error {
		guard.Do(func() { err = f(ctx) })
		return err
	}
}
