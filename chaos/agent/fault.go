package agent

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// held is a fault in force, or on its way there.
type held struct {
	id       string
	number   int // in order of application
	injector order.Injector
	applied  chan struct{} // closed when Apply has returned
	err      error         // of Apply

	mu       sync.Mutex // held while it is being reverted
	gone     bool
	counters map[string]int64 // its last
}

// apply begins a fault beside the reading.
func (a *agent) apply(id int, f order.Fault) {
	h, err := a.admit(f)
	if err != nil {
		a.answer(order.Reply{ID: id, Error: err.Error()})
		return
	}
	a.beside.Go(func() {
		h.err = h.injector.Apply(f)
		if h.err != nil {
			a.forget(h)
		}
		close(h.applied)
		a.answer(order.Reply{ID: id, Error: text(h.err)})
	})
}

// admit gives a fault its place among those in force.
func (a *agent) admit(f order.Fault) (*held, error) {
	if err := single(f); err != nil {
		return nil, err
	}
	injector, err := a.body.Injector(f)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.faults[f.ID] != nil {
		return nil, fmt.Errorf("%s is in force already", f.ID)
	}
	a.number++
	h := &held{id: f.ID, number: a.number, injector: injector, applied: make(chan struct{})}
	a.faults[f.ID] = h
	return h, nil
}

// single checks that an order says which fault, and one.
func single(f order.Fault) error {
	n := 0
	for _, set := range []bool{f.Packets != nil, f.DNS != nil, f.HTTP != nil, f.Pressure != nil, f.Flush != nil} {
		if set {
			n++
		}
	}
	switch {
	case f.ID == "":
		return errors.New("a fault needs an id")
	case n != 1:
		return fmt.Errorf("%s: a fault is of one sort; this one is of %d", f.ID, n)
	}
	return nil
}

// revert ends a fault beside the reading.
func (a *agent) revert(id int, fault string) {
	a.mu.Lock()
	h := a.faults[fault]
	a.mu.Unlock()
	if h == nil { // it was taken back already, or never came about
		a.answer(order.Reply{ID: id})
		return
	}
	a.beside.Go(func() {
		counters, _, err := a.undo(h)
		a.answer(order.Reply{ID: id, Counters: counters, Error: text(err)})
	})
}

// undo takes a fault back, whoever asks first, and tells whether this call did.
// What fails may be tried again.
func (a *agent) undo(h *held) (counters map[string]int64, did bool, err error) {
	<-h.applied
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone || h.err != nil {
		return h.counters, false, nil
	}
	counters, err = h.injector.Revert(h.id)
	if err != nil {
		return counters, true, err
	}
	h.gone, h.counters = true, counters
	a.forget(h)
	return counters, true, nil
}

func (a *agent) forget(h *held) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.faults[h.id] == h {
		delete(a.faults, h.id)
	}
}

// held are all faults, the last first.
func (a *agent) held() []*held {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.SortedFunc(maps.Values(a.faults), func(x, y *held) int { return cmp.Compare(y.number, x.number) })
}

// takeBack reverts everything that is in force now, the last first, and says so.
func (a *agent) takeBack(by string) error {
	var errs []error
	for _, h := range a.held() {
		counters, did, err := a.undo(h)
		if did {
			a.answer(order.Reply{Reverted: h.id, By: by, Counters: counters, Error: text(err)})
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("revert %s: %w", h.id, err))
		}
	}
	return errors.Join(errs...)
}

// failed takes back a fault that no longer works.
func (a *agent) failed(fault string, why error) {
	a.mu.Lock()
	h := a.faults[fault]
	a.mu.Unlock()
	if h == nil {
		return
	}
	go func() { // whoever says so may be what the revert waits for
		if counters, did, err := a.undo(h); did {
			a.answer(order.Reply{Reverted: h.id, By: "failed", Counters: counters, Error: text(errors.Join(why, err))})
		}
	}()
}

// report tells the counters of what is in force, once a second.
func (a *agent) report() {
	tick := time.NewTicker(reportPeriod)
	defer tick.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-tick.C:
		}
		all := a.held()
		slices.Reverse(all)
		for _, h := range all {
			if counters := h.injector.Counters()[h.id]; counters != nil {
				a.out.Offer(order.Reply{Fault: h.id, Counters: counters})
			}
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
