package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Times of a fault's goroutine.
const (
	// armLead is how long ahead targets are looked at.
	armLead = 2 * time.Second
	// beginPatience bounds what it takes to do a fault.
	beginPatience = 20 * time.Second
	// slowPatience bounds what it takes to start something again.
	slowPatience = 5 * time.Minute
	// afterPatience is how long effects may outlast a fault, before it counts as stuck.
	afterPatience = 3 * time.Second
	afterPause    = 250 * time.Millisecond
)

// running is a fault of the plan in a run. Its fields belong to the goroutine of
// run, but for what has a lock.
type running struct {
	e     *Engine
	plan  scenarios.PlannedFault
	kind  *Kind
	way   way
	inbox inbox
	// ground is what way was chosen on.
	ground Ground

	holds   []*hold
	known   map[string]bool // instances that it was done to, or that it has to do with no more
	joining int             // holds that are being done
	ending  bool
	by      string          // why it is over before its time
	trouble error           // what FaultEnded says of that
	lasting context.Context // ends with the fault
	looked  int             // how often
	undone  string          // why it is taken back before its time, by us
	armed   armed
	*steps
	added  bool  // by a person, not by the plan
	failed error // why it is in force nowhere; for who has seen it settled
}

// armed are holds that were made ahead.
type armed struct {
	mu    sync.Mutex
	holds map[string]*hold
}

func newRunning(e *Engine, f scenarios.PlannedFault) *running {
	r := &running{e: e, plan: f, kind: kindOf(f.Kind), inbox: newInbox(), known: map[string]bool{}, ground: e.ground, steps: newSteps()}
	r.armed.holds = map[string]*hold{}
	if r.kind == nil {
		r.kind = &Kind{Name: f.Kind}
	}
	r.ground.Can = maps.Clone(e.ground.Can)
	r.way, _ = choose(f, r.ground) // Prepare says what is wrong
	return r
}

// cause names the fault in operations.
func (r *running) cause() string { return "fault " + r.plan.ID }

// length is how long it is to last.
func (r *running) length() time.Duration { return (r.plan.End - r.plan.At).Std() }

// capped tells whether the blast radius counts its targets.
func (r *running) capped() bool {
	return r.way.seat != inFront && r.way.backend != backendDatabase && r.kind.Name != "cache_flush"
}

// all tells whether it is done to everything that it can be done to.
func (r *running) all() bool {
	t := r.plan.Spec.Target
	if t.Pick == "" && t.Count == 0 && t.Percent == nil {
		return r.kind.Group != lifeCycle || r.plan.Spec.ZoneLoss != nil
	}
	return t.Pick == scenarios.PickAll
}

// exits tells whether its targets are meant to end by it.
func (r *running) exits() bool {
	return r.way.exits || r.kind.exits != nil && r.kind.exits(r.plan)
}

// follows tells whether instances that come while it lasts get it too. One that is
// done to a service as its callers see it is done to them by that.
func (r *running) follows() bool {
	return r.kind.follows && !r.way.exits && r.all() && r.way.seat != inFront && r.way.backend != backendDatabase
}

// choose picks targets among those that are there.
func (r *running) choose() (targets []Instance, err error) {
	if r.way.seat == inFront || r.way.backend == backendDatabase {
		for _, s := range r.plan.Services {
			targets = append(targets, Instance{Name: s, Service: s})
		}
		if len(targets) == 0 {
			return nil, errors.New("there is no service to do it to")
		}
		return targets, nil
	}
	there := map[string]Instance{}
	var candidates []scenarios.Candidate
	for _, i := range r.instances() {
		there[i.Name] = i
		candidates = append(candidates, scenarios.Candidate{Name: i.Name, Service: i.Service, Zone: i.Zone})
	}
	picked, err := r.plan.Choose(candidates)
	if err != nil {
		return nil, err
	}
	for _, name := range picked {
		targets = append(targets, there[name])
	}
	return targets, nil
}

// instances are those that it can be done to now.
func (r *running) instances() (all []Instance) {
	for _, s := range r.plan.Services {
		for _, i := range r.e.sys.Instances(s) {
			i.Service = s
			all = append(all, i)
		}
	}
	return all
}

// prepare starts the agents of the targets that there would be now, and looks at
// them for the first time.
func (r *running) prepare(ctx context.Context) error {
	err := r.prepareAll(ctx)
	var lacks *lacking
	for errors.As(err, &lacks) { // the agent knows better than whoever planned: perhaps there is another way
		if r.ground.Can == nil {
			r.ground.Can = map[string]string{}
		}
		maps.Copy(r.ground.Can, lacks.can)
		was := r.way.backend
		if r.way, err = choose(r.plan, r.ground); err != nil || r.way.backend == was {
			return fmt.Errorf("fault %s (%s): %w", r.plan.ID, r.plan.Kind, lacks)
		}
		r.armed.holds = map[string]*hold{}
		err = r.prepareAll(ctx)
	}
	return err
}

// lacking says that something is not there that an agent was asked for.
type lacking struct {
	on  string
	err error
	can map[string]string
}

func (l *lacking) Error() string { return l.on + ": " + l.err.Error() }

func (r *running) prepareAll(ctx context.Context) error {
	targets, err := r.choose()
	if err != nil {
		return nil //nolint:nilerr // there may be some when it is time
	}
	failed := make([]error, len(targets))
	var all sync.WaitGroup
	for i, t := range targets {
		all.Go(func() { failed[i] = r.prepareOn(ctx, t) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("fault %s (%s): %w", r.plan.ID, r.plan.Kind, err)
	}
	return nil
}

func (r *running) prepareOn(ctx context.Context, t Instance) error {
	h := r.hold(t)
	if d, ok := h.deed.(readying); ok {
		if err := d.ready(ctx); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	if d, ok := h.deed.(agented); ok {
		if err := (Ground{Platform: r.e.ground.Platform, Can: d.can()}).must(r.way.needs); err != nil {
			return &lacking{t.Name, err, d.can()}
		}
	}
	if r.added || r.plan.At.Std() < armLead { // there will be no time for it
		ctx, cancel := context.WithTimeout(ctx, lookPatience)
		defer cancel()
		h.arm(ctx)
	}
	return nil
}

// hold is the one on a target, made ahead or now.
func (r *running) hold(t Instance) *hold {
	r.armed.mu.Lock()
	defer r.armed.mu.Unlock()
	h := r.armed.holds[t.Name]
	if h == nil {
		h = &hold{run: r, target: t.Name, service: t.Service, turn: make(chan struct{}, 1), over: make(chan struct{})}
		h.deed = r.way.deed(h)
		r.armed.holds[t.Name] = h
	}
	return h
}

// run does the fault at its time and takes it back.
func (r *running) run() {
	defer r.end()
	e := r.e
	at := e.start + r.plan.At.Std()
	if !r.added {
		if !r.until(at - armLead) {
			r.missed()
			return
		}
		arming, ready := context.WithTimeoutCause(e.life, at-e.now()+beginPatience, errors.New("it took too long"))
		defer ready()
		r.arm(arming, at)
	}
	if !r.until(at) || !r.decide(begins) {
		r.missed()
		return
	}
	lasting, end := context.WithCancel(e.life)
	r.lasting = lasting
	defer end()
	if !r.begin(at) {
		return
	}
	r.settle()
	by := r.last(e.start + r.plan.End.Std())
	end()
	r.finish(by)
}

// arm prepares the targets that would be picked now; looks end when it is time.
func (r *running) arm(ctx context.Context, at time.Duration) {
	targets, err := r.choose()
	if err != nil {
		return // it is said when it is time, if it is so still
	}
	looking, cancel := context.WithTimeout(ctx, max(0, at-r.e.now()-time.Millisecond))
	var all sync.WaitGroup
	for _, t := range targets {
		h := r.hold(t)
		all.Go(func() {
			if d, ok := h.deed.(readying); ok {
				if d.ready(ctx) != nil {
					return
				}
			}
			h.arm(looking)
		})
	}
	r.e.rest.Go(func() {
		all.Wait()
		cancel()
	})
}

// last is the time while it lasts; it returns why that is over.
func (r *running) last(end time.Duration) (by string) {
	if r.plan.AtOnce() {
		return "at once"
	}
	e := r.e
	over := time.NewTimer(end - e.now())
	defer over.Stop()
	beat := time.NewTimer(r.beat())
	defer beat.Stop()
	for {
		select {
		case <-r.inbox.wake:
			r.inbox.empty()
			if r.undone != "" {
				return r.by
			}
			r.follow()
		case <-beat.C:
			r.look()
			beat.Reset(r.beat())
		case <-over.C:
			return "schedule"
		case <-r.asked:
			return "hand"
		case <-e.halted:
			by, _ := e.healing()
			return by
		}
		if r.by != "" && !r.alive() {
			return r.by
		}
	}
}

// alive tells whether it is in force anywhere, or may be again.
func (r *running) alive() bool {
	if r.joining > 0 || r.follows() {
		return true
	}
	return slices.ContainsFunc(r.holds, func(h *hold) bool { return h.inForce })
}

// beat is the time to the next look: a second, less where the fault is short.
func (r *running) beat() time.Duration {
	return min(time.Second, max(50*time.Millisecond, r.length()/4))
}

// look looks at all targets, and at what deeds have counted.
func (r *running) look() {
	r.looked++
	for _, h := range r.holds {
		if !h.inForce {
			continue
		}
		if c, ok := h.deed.(counting); ok {
			h.count(r.e.now(), c.counters())
		}
		if h.state != journal.FaultApplied || h.during == nil {
			h.judge(false)
			h.lookAgain()
		}
	}
}

// withdraw has it end now, as lost: what it does can be undone by nobody any more
// but this process, or was undone already.
func (r *running) withdraw(by string, why error) {
	if r.ending || !slices.ContainsFunc(r.holds, func(h *hold) bool { return h.inForce }) && r.joining == 0 {
		return
	}
	r.by, r.undone = by, why.Error()
}

// lostBy keeps why it is over before its time.
func (r *running) lostBy(by, reason string) {
	r.by, r.trouble = by, errors.New(reason)
}

// words lists names.
func words(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
