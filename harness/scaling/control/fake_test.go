package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the controller is between.
var (
	_ Cluster          = (*stack.Stack)(nil)
	_ gateway.Answerer = (*Controller)(nil).Session
)

// A cluster is a stack that exists on paper: instances take their time to start
// and to get ready, and share a load of CPU. What a test sets is set before it
// runs, or under mu.
type cluster struct {
	clock          clock.Clock
	starts, readys time.Duration                                    // from creation, and from start
	load           func(at time.Duration) float64                   // cores, of all ready instances together
	memory         func(instance string) int64                      // bytes
	page           func(instance string) ([]byte, error)            // of metrics
	lives          func(instance string) (time.Duration, int, bool) // until it breaks down: after its start, code, out of memory; 0: for ever
	refuse         func(instance, class string) error               // of resizes
	resizing       time.Duration                                    // how long a resize takes
	hangs          string                                           // the class to which a resize takes until it is called off
	stubborn       time.Duration                                    // how long it goes on when it is called off
	adjusting      func(ctx context.Context) error                  // before a change has its turn
	silent         bool                                             // no page comes
	targets        map[string]string

	mu      sync.Mutex
	of      map[string][]*instance
	number  map[string]int
	class   map[string]string // of those that are created
	asked   []string          // changes, in words
	settled time.Duration     // until when use is counted
	unborn  map[string]string // instances that do not come up, and why, "" for all others; taken out of the service when they should start
	lost    map[string][]stack.Unborn
	noticed []*instance // what runs on after interrupt
}

type instance struct {
	stack.Member
	cpu time.Duration
}

func newCluster(c clock.Clock) *cluster {
	return &cluster{clock: c, starts: 100 * time.Millisecond, readys: time.Second, of: map[string][]*instance{}, number: map[string]int{}, class: map[string]string{}, lost: map[string][]stack.Unborn{}}
}

// add creates instances; already ones have been ready for a while.
func (c *cluster) add(service string, n int, already bool) (names []string) {
	now := c.clock.Now()
	for range n {
		c.number[service]++
		i := &instance{Member: stack.Member{Name: fmt.Sprintf("%s-%d", service, c.number[service]), Created: now, Class: c.class[service]}}
		if i.Class == "" {
			i.Class = "base"
		}
		if already {
			i.Created, i.Started, i.Changed, i.Ready = -time.Hour, -time.Hour, -time.Hour, true
		}
		c.of[service] = append(c.of[service], i)
		names = append(names, i.Name)
	}
	return names
}

// advance brings everything up to now; mu is held.
func (c *cluster) advance() {
	const step = 50 * time.Millisecond
	for ; c.settled+step <= c.clock.Now(); c.settled += step {
		for service, list := range c.of {
			for _, i := range list {
				c.live(i, c.settled+step)
			}
			c.work(list, step)
			c.of[service] = slices.DeleteFunc(list, func(i *instance) bool {
				why := cmp.Or(c.unborn[i.Name], c.unborn[""])
				if why == "" || i.Started <= 0 || i.Ready {
					return false
				}
				c.lost[service] = append(c.lost[service], stack.Unborn{Name: i.Name, At: c.settled + step, Error: why})
				return true
			})
		}
	}
}

func (c *cluster) live(i *instance, now time.Duration) {
	if i.Started == 0 && now-i.Created >= c.starts {
		i.Started, i.Changed = i.Created+c.starts, i.Created+c.starts
	}
	if i.Started == 0 || i.Exited {
		return
	}
	if !i.Ready && now-i.Started >= c.readys {
		i.Ready, i.Changed = true, i.Started+c.readys
	}
	if c.lives == nil {
		return
	}
	if life, code, oom := c.lives(i.Name); life > 0 && now-max(0, i.Started) >= life {
		i.Ready, i.Exited, i.Code, i.OOM = false, true, code, oom
	}
}

func (c *cluster) work(list []*instance, step time.Duration) {
	if c.load == nil {
		return
	}
	ready := slices.DeleteFunc(slices.Clone(list), func(i *instance) bool { return !i.Ready })
	for _, i := range ready {
		i.cpu += time.Duration(c.load(c.settled) / float64(len(ready)) * float64(step))
	}
}

func (c *cluster) Members(service string) []stack.Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	members := make([]stack.Member, len(c.of[service]))
	for n, i := range c.of[service] {
		members[n] = i.Member
	}
	return members
}

func (c *cluster) Unborn(service string) []stack.Unborn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	return slices.Clone(c.lost[service])
}

func (c *cluster) Noticed(string) (members []stack.Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.noticed {
		members = append(members, i.Member)
	}
	return members
}

// interrupt gives notice to the first instance, and starts what takes its place:
// it is a member no more, although it runs.
func (c *cluster) interrupt(service string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	old := c.of[service][0]
	c.of[service] = c.of[service][1:]
	c.noticed = append(c.noticed, old)
	c.add(service, 1, false)
	next := c.of[service][len(c.of[service])-1]
	next.Replaces = old.Name
	if old.Class == "large" {
		next.Class, next.Resources = old.Class, old.Resources
	}
}

func (c *cluster) Adjust(ctx context.Context, service string, to int, cause string) (started, stopping []string, err error) {
	if c.adjusting != nil {
		if err := c.adjusting(ctx); err != nil {
			return nil, nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	c.say("%s to %d, decision %d", service, to, journal.DecisionOf(cause))
	c.of[service] = slices.DeleteFunc(c.of[service], func(i *instance) bool { return i.Exited })
	for len(c.of[service]) > to {
		last := len(c.of[service]) - 1
		stopping = append(stopping, c.of[service][last].Name)
		c.of[service] = c.of[service][:last]
	}
	return c.add(service, to-len(c.of[service]), false), stopping, nil
}

func (c *cluster) Resize(ctx context.Context, name, class string, to scenarios.ResourceClass, decision int, cause string) error {
	took := c.resizing
	if class == c.hangs {
		took = 24 * time.Hour
	}
	select {
	case <-time.After(took):
	case <-ctx.Done():
		time.Sleep(c.stubborn)
		return fmt.Errorf("resize %s: %w", name, context.Cause(ctx))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		if err := c.refuse(name, class); err != nil {
			c.say("%s not %s", name, class)
			return err
		}
	}
	for _, list := range append(slices.Collect(maps.Values(c.of)), c.noticed) {
		for _, i := range list {
			if i.Name == name {
				i.Class, i.Resources = class, to
				c.say("%s %s %s %s, decision %d", name, class, to.CPUs, to.Memory, decision)
				if journal.DecisionOf(cause) != decision {
					c.say("the cause names another decision: %s", cause)
				}
				return nil
			}
		}
	}
	return errors.New("there is no " + name)
}

func (c *cluster) SetClass(service, class string, _ scenarios.ResourceClass, decision int, _ string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.class[service] = class
	c.say("%s created %s, decision %d", service, class, decision)
}

func (c *cluster) Usage(_ context.Context, name string) (platform.Stats, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	for _, list := range c.of {
		for _, i := range list {
			if i.Name == name && !i.Exited {
				s := platform.Stats{CPU: i.cpu, Memory: 10 << 20}
				if c.memory != nil {
					s.Memory = c.memory(name)
				}
				return s, nil
			}
		}
	}
	return platform.Stats{}, errors.New("there is no " + name)
}

func (c *cluster) Fetch(ctx context.Context, name string, port int, path string) ([]byte, error) {
	if c.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if c.page == nil {
		return nil, fmt.Errorf("nothing listens on port %d for %s", port, path)
	}
	return c.page(name)
}

func (c *cluster) Targets() map[string]string { return c.targets }

// say keeps a change; mu is held.
func (c *cluster) say(format string, args ...any) {
	c.asked = append(c.asked, fmt.Sprintf(format, args...))
}

// did are the changes that were asked for since the last call.
func (c *cluster) did() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	did := strings.Join(c.asked, "\n")
	c.asked = nil
	return did
}

// names are the instances of a service and their classes, those that broke down
// with their code.
func (c *cluster) names(service string) string {
	var texts []string
	for _, m := range c.Members(service) {
		text := m.Name + " " + m.Class
		if m.Exited {
			text += fmt.Sprint(" ", m.Code)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// A run is a controller at work on a cluster.
type run struct {
	*Controller
	t       *testing.T
	cluster *cluster
	clock   clock.Clock
	end     func()

	mu     sync.Mutex
	events []journal.Event
}

// newRun is one that has not begun; traffic begins at 0.
func newRun(t *testing.T, plan *scenarios.Plan) *run {
	t.Helper()
	c := clock.Start()
	r := &run{t: t, clock: c, cluster: newCluster(c)}
	r.Controller = New(Config{Plan: plan, Cluster: r.cluster, Clock: c, Emit: r.emit})
	return r
}

// begin runs it until end, which the test calls.
func (r *run) begin() *run {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- r.Run(ctx) }()
	r.end = func() {
		r.t.Helper()
		cancel()
		if err := <-over; err != nil {
			r.t.Error(err)
		}
	}
	return r
}

// emit is the journal, which the controller observes as everything else does.
func (r *run) emit(body journal.Body) {
	e := journal.Event{T: r.clock.Now(), Body: body}
	r.mu.Lock()
	r.events = append(r.events, e)
	r.mu.Unlock()
	r.Observe(e)
}

// until waits for a moment of the run.
func (r *run) until(at time.Duration) { time.Sleep(at - r.clock.Now()) }

// An entry is an event of one kind.
type entry[B journal.Body] struct {
	T    time.Duration
	Body B
}

// all are the events of one kind.
func all[B journal.Body](r *run) (list []entry[B]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if b, ok := e.Body.(B); ok {
			list = append(list, entry[B]{e.T, b})
		}
	}
	return list
}

// changes are the decisions of a service that ask for a change of instances.
func (r *run) changes() (list []entry[journal.ScaleDecision]) {
	return slices.DeleteFunc(all[journal.ScaleDecision](r), func(e entry[journal.ScaleDecision]) bool {
		return e.Body.Desired == e.Body.Current
	})
}

// session is an announcement of the application, by the api.
func (r *run) session(account string) gateway.Answer {
	return r.Session(context.Background(), journal.SessionSignal{Service: "api", Via: "webhook", Account: account, Tier: "enterprise"})
}

func seconds(n float64) scenarios.Duration {
	return scenarios.Duration(n * float64(time.Second))
}
