package proxy

import (
	"errors"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// beginOutage takes the service down where the fault is an outage, or begins
// with one; p.changing is held.
func (p *Proxy) beginOutage(f *fault) error {
	switch {
	case f.Outage != nil:
		return p.goDown(f, f.Outage.As)
	case f.Flapping != nil:
		if err := p.goDown(f, f.Flapping.As); err != nil {
			return err
		}
		p.flap.Add(1)
		go p.flapping(f)
	}
	return nil
}

// endOutage brings the service back, after the end of the fault.
func (p *Proxy) endOutage(f *fault) error {
	if f.Flapping != nil {
		<-f.flapped
	}
	if f.down.Load() == nil {
		return nil
	}
	return p.goUp(f)
}

// goDown begins a spell of being down.
func (p *Proxy) goDown(f *fault, as string) error {
	if f.refuses(as) {
		if err := p.refuse(1); err != nil {
			return err
		}
	}
	f.down.Store(&spell{as: as, over: make(chan struct{})})
	return nil
}

// goUp ends it.
func (p *Proxy) goUp(f *fault) error {
	s := f.down.Swap(nil)
	close(s.over)
	if f.refuses(s.as) {
		return p.refuse(-1)
	}
	return nil
}

// refuses tells whether listeners refuse for the fault. They do not where
// connections to other places come in by them too: then connections are reset.
func (f *fault) refuses(as string) bool { return as == order.AsRefuse && f.Egress == nil }

// resets tells whether it resets open connections each time it goes down.
func (f *fault) resets() bool {
	s := f.down.Load()
	return s != nil && s.as == order.AsRefuse && f.Existing == ""
}

// flapping goes up and down until the fault is over.
func (p *Proxy) flapping(f *fault) {
	defer p.flap.Done()
	defer close(f.flapped)
	next := time.Now()
	for down := true; ; {
		if down {
			next = next.Add(f.Flapping.Down)
		} else {
			next = next.Add(f.Flapping.Up)
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-f.over:
			timer.Stop()
			return
		case <-timer.C:
		}
		if down {
			_ = p.goUp(f) // an error shows at the end, when it is tried again
		} else {
			if p.goDown(f, f.Flapping.As) != nil {
				continue
			}
			if f.resets() {
				p.resetExisting(f)
			}
		}
		down = !down
		p.each((*conn).kick)
	}
}

// refuse changes how many faults want listeners to refuse connections, and makes
// them do so or listen again.
func (p *Proxy) refuse(by int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.refusing
	p.refusing += by
	if before > 0 && p.refusing > 0 {
		return nil
	}
	var errs []error
	for l := range p.listeners {
		if by > 0 {
			errs = append(errs, l.refuse())
		} else {
			errs = append(errs, l.resume())
		}
	}
	err := errors.Join(errs...)
	if err != nil && by > 0 { // nothing of it stays
		p.refusing = before
		for l := range p.listeners {
			err = errors.Join(err, l.resume())
		}
	}
	return err
}
