package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// finish takes it back everywhere and says what is left of it.
func (r *running) finish(by string) {
	e := r.e
	r.joined()
	r.inbox.empty()
	r.ending = true
	began := e.now()
	ends := make([]error, len(r.holds))
	was := make([]bool, len(r.holds))
	var all sync.WaitGroup
	for i, h := range r.holds {
		if was[i] = h.inForce; was[i] {
			all.Go(func() { ends[i] = r.endOn(h) })
		}
	}
	all.Wait()
	confirmed := e.now()
	planned := r.plan.End.Std()
	late := confirmed - (e.start + planned)
	var errs []error
	for i, h := range r.holds {
		if !was[i] {
			continue
		}
		if c, ok := h.deed.(counting); ok {
			h.count(confirmed, c.counters())
		}
		h.judge(true)
		if r.undone != "" {
			h.say(journal.FaultLost, r.undone)
		}
		if ends[i] != nil {
			errs = append(errs, fmt.Errorf("%s: %w", h.target, ends[i]))
			e.failed(fmt.Errorf("revert fault %s on %s: %w", r.plan.ID, h.target, ends[i]))
		}
	}
	if r.by == by && r.trouble != nil { // it was over before
		errs = append(errs, r.trouble)
	}
	e.emit(confirmed, journal.FaultEnded{
		Fault: r.plan.ID, Targets: r.targets(), Planned: planned, Late: late, Took: confirmed - began, By: by, Error: text(errors.Join(errs...)),
	})
	r.end()
	r.settleLeft()
	for i, h := range r.holds {
		if was[i] {
			h.let()
		}
	}
	for i, h := range r.holds {
		if was[i] {
			all.Go(func() { r.after(h, ends[i]) })
		}
	}
	all.Wait()
}

// joined waits for those that are being done to newcomers.
func (r *running) joined() {
	for r.joining > 0 {
		<-r.inbox.wake // each comes to an end: see beginOn
		r.inbox.empty()
	}
}

// endOn takes it back on one target: the last that was done to it first, when
// everything is taken back.
func (r *running) endOn(h *hold) error {
	limit := r.e.cfg.Lease
	if r.way.revert == ByAPI || r.way.backend == backendEngine {
		limit = slowPatience
	}
	ctx, cancel := r.e.patient(r.e.life, limit)
	defer cancel()
	if _, healing := r.e.healing(); healing {
		// Half of the time: what is stuck must not keep the rest in force.
		turn, stop := context.WithTimeout(ctx, r.e.left()/2)
		r.e.order.wait(turn, h)
		stop()
	}
	return bounded(ctx, h.inTurn(h.deed.end))
}

func (r *running) targets() (all []string) {
	for _, h := range r.holds {
		all = append(all, h.target)
	}
	return all
}

// settleLeft says what became of targets that went while it lasted.
func (r *running) settleLeft() {
	var on []string
	for _, h := range r.holds {
		if h.inForce {
			on = append(on, h.target)
		}
	}
	for _, h := range r.holds {
		switch {
		case h.left == "":
		case len(on) == 0:
			h.say(journal.FaultLost, h.left+", and nothing took its place while it lasted")
		default:
			h.say(journal.FaultReverted, h.left+"; it went on on "+words(on))
		}
	}
}

// after looks whether the effect is over, for some time if it is not.
func (r *running) after(h *hold, err error) {
	if err != nil {
		h.say(journal.FaultStuck, "it could not be reverted: "+err.Error())
		return
	}
	looks := h.looks()
	ctx, cancel := r.e.patient(r.e.life, afterPatience)
	defer cancel()
	var readings map[string]seen
	var reason string
	for is := false; !is; {
		again := h.lookAfter(ctx, looks)
		if readings != nil && ctx.Err() != nil {
			break // what was seen before stands
		}
		readings = again
		h.after = plainly(readings)
		is, reason = r.kind.gone(h.evidence())
		if !is && !pause(ctx, afterPause) {
			break
		}
		if is {
			h.journal("after", readings)
			h.say(journal.FaultReverted, reason)
			return
		}
	}
	h.journal("after", readings)
	h.say(journal.FaultStuck, reason)
}

// lookAfter takes looks; those that did not come in time are left out.
func (h *hold) lookAfter(ctx context.Context, looks []look) map[string]seen {
	if len(looks) == 0 || ctx.Err() != nil {
		return map[string]seen{}
	}
	readings := h.take(ctx, looks)
	if ctx.Err() != nil {
		for key, s := range readings {
			if s.Error != "" { // of the end of the time, not of what was looked at
				delete(readings, key)
			}
		}
	}
	return readings
}

// pause waits; false when ctx is done before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
