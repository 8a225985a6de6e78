package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// begin does it to its targets, and tells whether there is something to take back.
func (r *running) begin(at time.Duration) bool {
	e := r.e
	targets, err := r.choose()
	if err == nil {
		err = r.takeInHand(targets)
	}
	if err != nil {
		r.never(at, names(targets), err)
		return false
	}
	ordered := e.now()
	var all sync.WaitGroup
	for _, t := range targets {
		h := r.hold(t)
		r.holds = append(r.holds, h)
		r.known[t.Name] = true
		e.order.push(h)
		all.Go(func() { h.late = r.beginOn(e.life, h) })
	}
	all.Wait()
	told := e.now()
	for _, h := range r.holds {
		h.mu.Lock()
		before := h.before
		h.mu.Unlock()
		h.journal("before", before)
	}
	var errs []error
	for _, h := range r.holds {
		h.begun, h.inForce = told, h.late == nil
		if h.late != nil {
			errs = append(errs, fmt.Errorf("%s: %w", h.target, h.late))
		}
	}
	e.emit(told, journal.FaultStarted{
		Fault: r.plan.ID, FaultKind: r.plan.Kind, Targets: names(targets), Planned: r.plan.At.Std(),
		Late: told - at, Took: told - ordered, Backend: r.way.backend, Revert: string(r.way.revert),
		Detail: r.detail(), Error: text(errors.Join(errs...)),
	})
	for _, h := range r.holds {
		if h.late != nil {
			r.refused(h)
		}
	}
	if !slices.ContainsFunc(r.holds, func(h *hold) bool { return h.inForce }) {
		now := e.now()
		e.emit(now, journal.FaultEnded{Fault: r.plan.ID, Targets: names(targets), Planned: r.plan.End.Std(), Late: 0, By: "error", Error: "it was done to nothing"})
		r.failed = errors.Join(errs...)
		return false
	}
	return true
}

// beginOn does it to one target. What goes wrong half-way is taken back.
func (r *running) beginOn(parent context.Context, h *hold) error {
	ctx, cancel := r.e.patient(parent, beginPatience)
	defer cancel()
	err := bounded(ctx, h.inTurn(h.deed.begin))
	if err == nil {
		return nil
	}
	limit := r.e.cfg.Lease
	if _, healing := r.e.healing(); healing {
		limit = max(margin/2, r.e.left())
	}
	back, stop := context.WithTimeoutCause(r.e.life, limit, fmt.Errorf("no end after %v", limit))
	defer stop()
	if left := bounded(back, h.inTurn(h.deed.end)); left != nil {
		return &halfDone{err, left}
	}
	return err
}

// halfDone is a fault that went wrong and could not be taken back.
type halfDone struct{ err, left error }

func (h *halfDone) Error() string {
	return fmt.Sprintf("%v; and it may be in force in part: %v", h.err, h.left)
}
func (h *halfDone) Unwrap() error { return h.err }

// refused says that it was not done to a target.
func (r *running) refused(h *hold) {
	r.e.order.remove(h)
	if r.capped() {
		r.e.radius.give(h.service, h.target)
	}
	close(h.over)
	var half *halfDone
	if errors.As(h.late, &half) {
		h.say(journal.FaultStuck, half.Error())
		r.e.failed(fmt.Errorf("revert fault %s on %s: %w", r.plan.ID, h.target, half.left))
		return
	}
	if h.joined > 0 {
		h.say(journal.FaultPartial, h.target+" came while it lasted, and it was not done to it: "+h.late.Error())
		return
	}
	h.say(journal.FaultNoEffect, "it was not done: "+h.late.Error())
}

// never says that it was done to nothing.
func (r *running) never(at time.Duration, targets []string, err error) {
	r.failed = err
	now := r.e.now()
	r.e.emit(now, journal.FaultStarted{
		Fault: r.plan.ID, FaultKind: r.plan.Kind, Targets: targets, Planned: r.plan.At.Std(), Late: now - at,
		Backend: r.way.backend, Revert: string(r.way.revert), Detail: r.detail(), Error: err.Error(),
	})
	if len(targets) == 0 {
		targets = []string{words(r.plan.Services)}
	}
	for _, t := range targets {
		r.e.emit(now, journal.FaultState{Fault: r.plan.ID, Target: t, State: journal.FaultNoEffect, Reason: "it was not done: " + err.Error()})
	}
	r.e.emit(now, journal.FaultEnded{Fault: r.plan.ID, Targets: targets, Planned: r.plan.End.Std(), By: "error", Error: err.Error()})
}

// takeInHand asks the blast radius for all targets, service by service.
func (r *running) takeInHand(targets []Instance) error {
	if !r.capped() {
		return nil
	}
	of := map[string][]string{}
	for _, t := range targets {
		of[t.Service] = append(of[t.Service], t.Name)
	}
	var taken []Instance
	for _, service := range sorted(of) {
		if err := r.e.radius.take(service, of[service], names(r.e.sys.Instances(service))); err != nil {
			r.giveBack(taken)
			return err
		}
		for _, name := range of[service] {
			taken = append(taken, Instance{Name: name, Service: service})
		}
	}
	return nil
}

// detail is the fault in words, with what it was told: who reads that connections were
// held open need not know what else an outage can be.
func (r *running) detail() string {
	d := r.plan.String()
	if r.way.note != "" {
		d += " (" + r.way.note + ")"
	}
	return d
}

// follow takes in who has gone and who has come.
func (r *running) follow() {
	for _, h := range r.holds {
		x, exited := r.e.news.exited(h.target)
		if !h.inForce || !exited || r.exits() || r.way.seat == inFront {
			if h.inForce && exited {
				h.judge(false)
			}
			continue
		}
		went := fmt.Sprintf("%s exited with code %d after %v of it", h.target, x.body.Code, (x.T - h.begun).Round(time.Millisecond))
		h.let()
		h.tidy()
		if r.follows() {
			h.left = went // what it means is known at the end
			continue
		}
		r.lostBy("error", went)
		h.say(journal.FaultLost, went+", and the fault with it")
	}
	if !r.follows() {
		return
	}
	for _, i := range r.instances() {
		zone := r.plan.Spec.Target.Zone
		if r.known[i.Name] || zone != "" && i.Zone != zone {
			continue
		}
		r.known[i.Name] = true
		r.join(i)
	}
}

// join does it to one that came while it lasts, beside.
func (r *running) join(i Instance) {
	h := r.hold(i)
	h.joined = r.e.now()
	r.holds = append(r.holds, h)
	if err := r.takeInHand([]Instance{i}); err != nil {
		h.late = err
		close(h.over)
		h.say(journal.FaultPartial, "it came while the fault lasted, and was spared: "+err.Error())
		return
	}
	r.e.order.push(h)
	r.joining++
	lasting := r.lasting
	r.e.rest.Go(func() {
		err := r.beginOn(lasting, h)
		r.inbox.put(func() {
			r.joining--
			h.begun, h.late, h.inForce = r.e.now(), err, err == nil
			if err == nil {
				return
			}
			_, exited := r.e.news.exited(i.Name)
			if _, healing := r.e.healing(); exited || healing || r.lasting.Err() != nil {
				h.let()
				h.left = h.target + " came while it lasted, and one of the two was over before it was done"
				return
			}
			r.refused(h)
		})
	})
}
