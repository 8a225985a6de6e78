package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	resizeLimit    = 10 * time.Second // a resize may take that long
	resizesAtATime = 8
	birthLimit     = time.Minute // an instance that has not started by then is not waited for
	ticksPerEvery  = 15          // in the time between two looks of the reactive policy
)

// A prescaler gives the instances of a service their class of resources.
type prescaler struct {
	c     *Controller
	s     *service
	spec  scenarios.Prescale
	inbox inbox
	wake  chan struct{}
	turn  chan struct{} // whoever changes classes; one at a time, each by what is wanted when its turn comes

	mu        sync.Mutex
	claims    scaling.Claims
	granted   map[string]int          // the decision that granted the claim of an account
	raised    scaling.ReactiveHistory // of the reactive policy
	oom       int                     // replacements of what ran out of memory that are being asked for
	births    map[string]time.Duration
	latest    map[string]want // by class: what last asked for it
	wants     map[string]want // by instance
	created   want            // what the stack was told to create from now on
	inherited map[string]bool // instances that take the place of others, of which inherit knows
	unsure    map[string]bool // instances whose last resize was called off half-way: nobody knows what they have
}

// A want is a class, and the decision that it comes from.
type want struct {
	class    string
	decision int
	words    string
}

func (w want) cause() string { return journal.DecisionCause(w.decision, w.words) }

func newPrescaler(s *service, spec scenarios.Prescale) *prescaler {
	if spec.Policy == "" {
		spec.Policy = scenarios.ProactivePolicy
	}
	return &prescaler{
		c: s.c, s: s, spec: spec, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		granted: map[string]int{}, births: map[string]time.Duration{}, wants: map[string]want{}, unsure: map[string]bool{},
		inherited: map[string]bool{},
		latest: map[string]want{
			scaling.BaseClass:  {class: scaling.BaseClass, words: "nobody needs more"},
			scaling.LargeClass: {class: scaling.LargeClass},
		},
		created: want{class: scaling.BaseClass},
	}
}

// resources are those of a class.
func (p *prescaler) resources(class string) scenarios.ResourceClass {
	if class == scaling.LargeClass {
		return p.spec.Large.Or(p.s.planned.Limits)
	}
	return p.s.planned.Limits
}

// run keeps claims and classes up to date until ctx is done. What cannot be
// resized is tried again with each tick.
func (p *prescaler) run(ctx context.Context) {
	if p.spec.Policy == scenarios.OffPolicy {
		return
	}
	looks := max(leastEvery, p.c.time.real(orDefault(p.spec.Every, defaultEvery)))
	every := max(leastEvery, looks/ticksPerEvery)
	tick := time.NewTicker(every)
	defer tick.Stop()
	looked := p.c.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-p.wake:
		}
		if now := p.c.now(); p.spec.Policy == scenarios.ReactivePolicy && now-looked >= looks-every/2 {
			looked = now
			p.react()
		}
		if p.spec.Policy == scenarios.ProactivePolicy {
			for _, claim := range p.step(p.inbox.take()...) {
				p.c.cfg.Emit(claim)
			}
		}
		if !p.c.frozen {
			_ = p.apply(ctx, nil) // the stack journals what goes wrong; it is tried again
		}
	}
}

// step is one of the proactive policy: it decides on the signals, which are of
// the tier, and on what time has made of the claims. It journals all of it but the
// claims of the signals, which it returns.
func (p *prescaler) step(signals ...journal.SessionSignal) []journal.Claim {
	p.mu.Lock()
	defer p.mu.Unlock()
	running := namesOf(p.s.running())
	if p.c.frozen {
		return p.freeze(signals, len(running))
	}
	followed, moves := p.claims.Follow(p.successors())
	p.claims = followed
	claims, changes := scaling.Prescale(p.spec, followed, signals, append(running, p.coming()...), p.c.time.at(p.c.now()))
	p.claims = claims
	changes = append(moves, changes...)
	of := len(changes) - len(signals)
	for i := range changes {
		p.decide(&changes[i], len(running), "")
		if i < of {
			p.c.cfg.Emit(changes[i])
		}
	}
	p.settle()
	return changes[of:]
}

// successors are the instances that take the place of others after a notice, by
// those.
func (p *prescaler) successors() map[string]string {
	of := map[string]string{}
	for _, m := range p.c.cfg.Cluster.Members(p.s.name) {
		if m.Replaces != "" && !m.Exited {
			of[m.Replaces] = m.Name
		}
	}
	return of
}

// coming are the instances that do not run yet and have taken over a claim: they
// are created as large as those whose place they take. p.mu is held.
func (p *prescaler) coming() (names []string) {
	for _, m := range p.c.cfg.Cluster.Members(p.s.name) {
		if m.Started == 0 && !m.Exited && p.claims.On(m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}

// inherit takes in, under the reactive policy, that what takes the place of a
// large instance after a notice is large as well, until its use has been low for
// as long as any. p.mu is held.
func (p *prescaler) inherit(members []stack.Member) {
	for _, m := range members {
		if m.Replaces == "" || p.inherited[m.Name] {
			continue
		}
		p.inherited[m.Name] = true
		if m.Class == scaling.LargeClass {
			p.raised = p.raised.Enlarge(m.Name)
		}
	}
}

// freeze refuses every signal, under the control of that name.
func (p *prescaler) freeze(signals []journal.SessionSignal, instances int) []journal.Claim {
	claims := make([]journal.Claim, len(signals))
	for i, s := range signals {
		claims[i] = journal.Claim{Account: s.Account, State: scaling.Rejected, Via: s.Via, Reason: heldFrozen}
		p.decide(&claims[i], instances, heldFrozen)
	}
	return claims
}

// claimReasons are the words of decisions on claims. One that is renewed and needs
// a decision has moved.
var claimReasons = map[string]string{
	scaling.Granted: "ClaimGranted", scaling.Renewed: "ClaimMoved", scaling.Queued: "ClaimQueued",
	scaling.Rejected: "ClaimRejected", scaling.Released: "ClaimReleased",
}

// decide journals what a change of a claim comes from, and completes it. A claim
// that is renewed and stays as it is goes on with the decision that granted it.
// p.mu is held.
func (p *prescaler) decide(claim *journal.Claim, instances int, held string) {
	claim.Service = p.s.name
	claim.Waited = p.c.time.real(claim.Waited)
	if claim.State == scaling.Renewed && claim.Reason == "" {
		claim.Decision = p.granted[claim.Account]
		return
	}
	holders := float64(len(p.claims.Holders))
	words := "account " + claim.Account + " " + claim.State
	if claim.Instance != "" {
		words += " on " + claim.Instance
	}
	if claim.Reason != "" {
		words += ": " + claim.Reason
	}
	claim.Decision = p.c.decide(scaling.Decision{
		Service: p.s.name, Autoscaler: scenarios.ProactivePolicy, Current: instances, Wanted: instances, Desired: instances,
		Metrics: []journal.ScaleMetric{{Name: "claims", Value: &holders, Target: float64(p.spec.Budget)}},
		Reason:  claimReasons[claim.State], Message: words, Held: held,
	})
	switch claim.State {
	case scaling.Granted, scaling.Renewed:
		p.granted[claim.Account] = claim.Decision
		p.latest[scaling.LargeClass] = want{scaling.LargeClass, claim.Decision, words}
	case scaling.Released:
		delete(p.granted, claim.Account)
		p.latest[scaling.BaseClass] = want{scaling.BaseClass, claim.Decision, words}
	}
}

// refuse is what becomes of a claim whose resources could not be made effective:
// the account is told so. A claim that this very call has granted is given back;
// one that it had before is kept, because others of its instances are in use.
func (p *prescaler) refuse(claim journal.Claim, err error) journal.Claim {
	p.mu.Lock()
	defer p.mu.Unlock()
	had := claim.State == scaling.Renewed
	claim.State, claim.Reason, claim.Error = scaling.Rejected, "the larger class could not be made effective: "+oneLine(err), oneLine(err)
	if had {
		claim.Reason += "; it keeps the claim that it has"
		return claim
	}
	if p.granted[claim.Account] != claim.Decision {
		return claim // somebody has released or granted it again meanwhile
	}
	p.claims = p.claims.GiveBack(claim.Account)
	claim.Waited = 0
	p.decide(&claim, len(p.s.running()), "")
	delete(p.granted, claim.Account)
	p.latest[scaling.BaseClass] = want{scaling.BaseClass, claim.Decision, "account " + claim.Account + " gives back what could not be made effective"}
	p.settle()
	return claim
}

func (p *prescaler) holds(account string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.claims.Holds(account)
}

// react is one evaluation of the reactive policy.
func (p *prescaler) react() {
	p.mu.Lock()
	defer p.mu.Unlock()
	begun := time.Now()
	now := p.c.now()
	uses := p.uses(now)
	d, next := scaling.Reactive(p.spec, p.s.planned.Limits, uses, p.raised, p.c.time.at(now))
	d.Service, d.Autoscaler, d.Took = p.s.name, scenarios.ReactivePolicy, time.Since(begun)
	changes := d.Reason == scaling.Enlarged || d.Reason == scaling.GivenBack
	if changes && p.c.frozen {
		d.Held = heldFrozen
	}
	id := p.c.decide(d)
	if p.c.frozen {
		return
	}
	p.raised = next
	if changes {
		p.latest[scaling.LargeClass] = want{scaling.LargeClass, id, "its use came close to a limit"}
		p.latest[scaling.BaseClass] = want{scaling.BaseClass, id, "its use has been low"}
	}
	p.settle()
}

var errNotStarted = errors.New("it does not run yet")

func (p *prescaler) uses(now time.Duration) []scaling.Use {
	var uses []scaling.Use
	for _, m := range p.c.cfg.Cluster.Members(p.s.name) {
		if m.Exited {
			continue
		}
		use := scaling.Use{Instance: m.Name, Class: m.Class, Err: errNotStarted}
		if m.Started != 0 {
			var r rate
			r, use.Err = p.s.usage.rate(m.Name, now)
			use.CPUs, use.Memory = r.cores, r.memory
		}
		uses = append(uses, use)
	}
	return uses
}

// expect has what replaces an instance that ran out of memory created large,
// under the reactive policy; born has to follow then. It reports whether.
func (p *prescaler) expect(decision int, due []breakdown) bool {
	oom := false
	for _, d := range due {
		oom = oom || d.oom
	}
	if !oom || p.spec.Policy != scenarios.ReactivePolicy {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.oom++
	p.latest[scaling.LargeClass] = want{scaling.LargeClass, decision, "replaces what ran out of memory"}
	p.settle()
	return true
}

// born takes in the names of what expect was for.
func (p *prescaler) born(started []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.oom--
	for _, name := range started {
		p.births[name] = p.c.now()
		p.raised = p.raised.Enlarge(name)
	}
	p.settle()
}

// settle brings up to date what class each instance is to have, with the decision
// that it comes from, and tells the stack of what is created from now on. p.mu is
// held.
func (p *prescaler) settle() {
	members := p.members()
	classes, created := p.classes(members)
	gone := func(name string) bool { _, there := classes[name]; return !there }
	maps.DeleteFunc(p.wants, func(name string, _ want) bool { return gone(name) })
	maps.DeleteFunc(p.unsure, func(name string, _ bool) bool { return gone(name) })
	for name, class := range classes {
		if p.wants[name].class != class {
			p.wants[name] = p.latest[class]
		}
	}
	if p.created.class != created {
		p.created = p.latest[created]
		p.c.cfg.Cluster.SetClass(p.s.name, created, p.resources(created), p.created.decision, p.created.cause())
	}
}

// members are the instances of the service, and, where an account may be served by
// any of them, those that go on working although they were given notice. Of others
// nothing is asked any more: their claims have moved.
func (p *prescaler) members() []stack.Member {
	members := p.c.cfg.Cluster.Members(p.s.name)
	if p.spec.Policy == scenarios.ProactivePolicy && p.spec.Instances != "one" {
		members = slices.Concat(members, p.c.cfg.Cluster.Noticed(p.s.name))
	}
	return members
}

// classes are what instances are to be, and what is created from now on.
func (p *prescaler) classes(members []stack.Member) (each map[string]string, created string) {
	now := p.c.now()
	there := make([]string, 0, len(members))
	for _, m := range members {
		if !m.Exited {
			there = append(there, m.Name)
		}
		if m.Started != 0 {
			delete(p.births, m.Name)
		}
	}
	if p.spec.Policy == scenarios.ProactivePolicy {
		return p.claims.Classes(p.spec, there)
	}
	p.inherit(members)
	maps.DeleteFunc(p.births, func(_ string, at time.Duration) bool { return now-at > birthLimit })
	each, created = map[string]string{}, scaling.BaseClass
	for _, name := range there {
		each[name] = p.raised.Class(name)
	}
	if p.oom > 0 || len(p.births) > 0 {
		created = scaling.LargeClass
	}
	return each, created
}

// A resize is a change of class of an instance that runs.
type resize struct {
	instance string
	want     want
}

// pending are the instances that do not have the class that they are to have, as
// far as anybody knows.
func (p *prescaler) pending() (list []resize) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle()
	for _, m := range runningOf(p.members()) {
		has := m.Class
		if has == "" {
			has = scaling.BaseClass
		}
		if w, known := p.wants[m.Name]; known && (w.class != has || p.unsure[m.Name]) {
			list = append(list, resize{m.Name, w})
		}
	}
	return list
}

// apply gives instances the class that they are to have, those for which only
// says so, all without it, and returns when that is effective. One call at a time
// changes anything, and goes by what is wanted then.
func (p *prescaler) apply(ctx context.Context, only func(resize) bool) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // with the turn too: nothing is begun that is called off already
		return context.Cause(ctx)
	}
	changes := p.pending()
	wrong := make([]error, len(changes))
	var work errgroup.Group
	work.SetLimit(resizesAtATime)
	for i, r := range changes {
		if only != nil && !only(r) {
			continue
		}
		work.Go(func() error {
			wrong[i] = p.resize(ctx, r)
			return nil
		})
	}
	_ = work.Wait()
	running := namesOf(runningOf(p.members()))
	for i, r := range changes {
		if !slices.Contains(running, r.instance) { // it has left meanwhile: nobody needs it
			wrong[i] = nil
		}
	}
	return errors.Join(wrong...)
}

func (p *prescaler) resize(ctx context.Context, r resize) error {
	ctx, cancel := context.WithTimeoutCause(ctx, resizeLimit, fmt.Errorf("resize %s: not done within %v", r.instance, resizeLimit))
	defer cancel()
	err := p.c.attempt("resize "+r.instance, func() error {
		return p.c.cfg.Cluster.Resize(ctx, r.instance, r.want.class, p.resources(r.want.class), r.want.decision, r.want.cause())
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		delete(p.unsure, r.instance)
	} else if ctx.Err() != nil { // the engine may have done it all the same
		p.unsure[r.instance] = true
	}
	return err
}

func namesOf(members []stack.Member) []string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.Name
	}
	return names
}
