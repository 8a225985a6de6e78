package control

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The defaults of a plan that leaves them out, in the control loop's time.
const (
	defaultEvery      = 15 * time.Second
	defaultResolution = 15 * time.Second
)

// A service is one that is measured or scaled.
type service struct {
	c         *Controller
	name      string
	planned   scenarios.PlannedService
	series    map[string]*series // its metrics, by name
	usage     *usage             // of its instances; nil where nobody asks for it
	traffic   *traffic           // at its gateway; nil without an autoscaler
	prescaler *prescaler         // nil without one
	wake      chan struct{}      // of watch
	busy      busy               // actions that hold its turn

	// What follows is that of watch.
	history history
	broken  broken
	blind   int // how many decisions in a row have lacked a metric
}

func newService(c *Controller, name string, planned scenarios.PlannedService, cost bool) *service {
	s := &service{c: c, name: name, planned: planned, series: map[string]*series{}, wake: make(chan struct{}, 1), broken: newBroken(c.time)}
	resolution := c.time.real(defaultResolution)
	if auto := planned.Autoscale; auto != nil {
		if auto.Resolution > 0 {
			resolution = c.time.real(auto.Resolution.Std())
		}
		s.traffic = newTraffic(max(resolution, leastWindow), c.cfg.Start)
	}
	if planned.Autoscale != nil || planned.Prescale != nil || cost {
		s.usage = newUsage(resolution, planned.Prescale != nil)
	}
	if planned.Prescale != nil {
		s.prescaler = newPrescaler(s, *planned.Prescale)
	}
	return s
}

// managed tells whether instances that break down are replaced, as those of a
// ReplicaSet.
func (s *service) managed() bool { return s.planned.Autoscale != nil || s.planned.Prescale != nil }

// every is the time between two evaluations of the autoscaler.
func (s *service) every() time.Duration {
	return s.c.atLeast(leastEvery, orDefault(s.planned.Autoscale.Every, defaultEvery))
}

// atLeast is a duration of the control loop's time in real time, which is not
// less than it may be.
func (c *Controller) atLeast(least, loop time.Duration) time.Duration {
	return max(least, c.time.real(loop))
}

func orDefault(d scenarios.Duration, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d.Std()
}

// start begins its loops.
func (s *service) start(ctx context.Context, loops *sync.WaitGroup) {
	s.remark()
	if s.usage != nil {
		s.c.loop(loops, "sample "+s.name, func() { every(ctx, s.usage.every, func() { s.sample(ctx) }) })
	}
	if s.managed() {
		s.c.loop(loops, "scale "+s.name, func() { s.watch(ctx) })
	}
	if s.prescaler != nil {
		s.c.loop(loops, "prescale "+s.name, func() { s.prescaler.run(ctx) })
	}
}

// remark says where the tempo asks for more than the controller does.
func (s *service) remark() {
	auto := s.planned.Autoscale
	if auto == nil {
		return
	}
	if asked := s.c.time.real(orDefault(auto.Every, defaultEvery)); asked < leastEvery {
		s.c.note("info", "the autoscaler of %s looks every %v of real time, not every %v as the tempo would have it", s.name, leastEvery, asked)
	}
	if asked := s.c.time.real(orDefault(auto.Resolution, defaultResolution)); asked < leastSample {
		s.c.note("info", "the use of %s is sampled every %v of real time, not every %v as the tempo would have it", s.name, leastSample, asked)
	}
}

// running are its members whose process runs, as far as anybody knows.
func (s *service) running() []stack.Member { return s.c.running(s.name) }

func (c *Controller) running(service string) []stack.Member {
	return runningOf(c.cfg.Cluster.Members(service))
}

func runningOf(members []stack.Member) []stack.Member {
	return slices.DeleteFunc(slices.Clone(members), func(m stack.Member) bool { return m.Exited || m.Started == 0 })
}

// A view is a service at a moment.
type view struct {
	at      time.Duration // on the run's clock
	members []stack.Member
	state   scaling.State
	live    int // members that have not exited
}

// look is the service now, with what has broken down or did not come up taken in.
// Such an instance that is to be replaced counts as one that is about to start: it
// is wanted, and would otherwise be started at once as one that is missing, whatever
// its back-off.
func (s *service) look() view {
	v := view{at: s.c.now(), members: s.members()}
	v.state = scaling.State{Now: s.c.time.at(v.at), Max: math.MaxInt32}
	if auto := s.planned.Autoscale; auto != nil {
		v.state.Min, v.state.Max = auto.Min, auto.Max
	}
	for _, m := range v.members {
		if m.Exited {
			continue
		}
		v.live++
		i := scaling.Instance{Name: m.Name, Started: s.c.time.started(m.Started)}
		if m.Ready && m.Started != 0 {
			i.Ready = s.c.time.at(max(m.Changed, m.Started))
		}
		v.state.Instances = append(v.state.Instances, i)
	}
	for _, b := range s.broken.owed {
		v.state.Instances = append(v.state.Instances, scaling.Instance{Name: b.name})
	}
	v.state.Owed = len(s.broken.owed)
	return v
}

// members are the instances of the service that are there, with what has become of
// others taken in. Who did not come up is asked for last, so that nobody is in
// neither list, and counts in that.
func (s *service) members() []stack.Member {
	members, unborn := s.c.cfg.Cluster.Members(s.name), s.c.cfg.Cluster.Unborn(s.name)
	now := s.c.now()
	s.broken.take(members, now)
	s.broken.miss(unborn, now, s.busy.last())
	return slices.DeleteFunc(members, func(m stack.Member) bool { return s.broken.owes(m.Name) })
}

// current is how many instances the service is to have.
func (v view) current() int { return len(v.state.Instances) }
