// Package pressure is an injector of what uses up resources: cores, memory, the
// space of a volume; and it empties caches. All of it is held by the calling
// process alone, so that it is gone with the process, however that ends.
package pressure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// flushPatience bounds the emptying of a cache, and the count before it.
const flushPatience = 2 * time.Second

// Injector does order.Pressure and order.Flush.
type Injector struct {
	stop chan struct{} // closed with the injector

	mu     sync.Mutex
	closed bool
	faults map[string]*fault
}

var _ order.Injector = (*Injector)(nil)

// New makes an injector that holds nothing.
func New() *Injector { return &Injector{stop: make(chan struct{}), faults: map[string]*fault{}} }

// A load is what a fault holds.
type load interface {
	counters() map[string]int64
	// held is the memory in it, in bytes.
	held() int64
	// release lets go, and returns when that is done.
	release() error
}

// fault is one in force, or on its way there.
type fault struct {
	begun chan struct{} // closed when load is there, or did not come about
	load  load

	mu   sync.Mutex // held while it is being released
	gone bool
	last map[string]int64
}

// Apply implements order.Injector. Memory and disk are in use when it returns;
// memory that is to cause a kill is from then on.
func (i *Injector) Apply(f order.Fault) error {
	x, err := i.reserve(f.ID)
	if err != nil {
		return err
	}
	x.load, err = i.begin(f)
	if err != nil {
		x.load = nil
		i.forget(f.ID)
		err = fmt.Errorf("%s: %w", f.ID, err)
	}
	close(x.begun)
	return err
}

func (i *Injector) reserve(id string) (*fault, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case id == "":
		return nil, errors.New("a fault needs an id")
	case i.closed:
		return nil, fmt.Errorf("%s: the injector is closed", id)
	case i.faults[id] != nil:
		return nil, fmt.Errorf("%s is in force already", id)
	}
	x := &fault{begun: make(chan struct{})}
	i.faults[id] = x
	return x, nil
}

func (i *Injector) forget(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.faults, id)
}

// begin makes the load that a fault asks for.
func (i *Injector) begin(f order.Fault) (load, error) {
	switch p := f.Pressure; {
	case f.Packets != nil || f.DNS != nil || f.HTTP != nil:
		return nil, errors.New("an agent for resources does not do this; it takes a network agent or a proxy")
	case f.Flush != nil && p != nil:
		return nil, errors.New("pressure and flush are two faults")
	case f.Flush != nil:
		return empty(f.Flush.Address)
	case p == nil:
		return nil, errors.New("it says nothing of what is to be done")
	case members(*p) != 1:
		return nil, fmt.Errorf("pressure is on one of cores, memory and disk; this is on %d", members(*p))
	case p.OOM && p.Memory == 0:
		return nil, errors.New("up to how much memory is not said")
	case p.Cores < 0 || p.Memory < 0:
		return nil, errors.New("amounts are not negative")
	case p.Cores != 0: // also what is no number
		return spin(p.Cores)
	case p.Memory > 0:
		return hoard(p.Memory, p.OOM, i.stop)
	default:
		return fill(*p.Disk, i.stop)
	}
}

func members(p order.Pressure) (n int) {
	for _, set := range []bool{p.Cores != 0, p.Memory != 0 || p.OOM, p.Disk != nil} {
		if set {
			n++
		}
	}
	return n
}

// Revert implements order.Injector.
func (i *Injector) Revert(id string) (map[string]int64, error) {
	i.mu.Lock()
	x := i.faults[id]
	i.mu.Unlock()
	if x == nil {
		return nil, nil
	}
	<-x.begun
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.load == nil || x.gone {
		return x.last, nil
	}
	last := x.load.counters()
	if err := x.load.release(); err != nil {
		return last, fmt.Errorf("%s: %w", id, err)
	}
	x.last, x.gone = last, true
	i.forget(id)
	return last, nil
}

// Counters implements order.Injector: "cpu_ms" that were spun, "bytes" of
// memory or disk that are held, "keys" that were there before a flush.
func (i *Injector) Counters() map[string]map[string]int64 {
	all := map[string]map[string]int64{}
	for id, l := range i.loads() {
		all[id] = l.counters()
	}
	return all
}

// Held are the bytes of memory that are held on purpose.
func (i *Injector) Held() (bytes int64) {
	for _, l := range i.loads() {
		bytes += l.held()
	}
	return bytes
}

// loads are those of the faults in force.
func (i *Injector) loads() map[string]load {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := map[string]load{}
	for id, x := range i.faults {
		select {
		case <-x.begun:
			if x.load != nil {
				all[id] = x.load
			}
		default:
		}
	}
	return all
}

// Close implements order.Injector.
func (i *Injector) Close() error {
	i.mu.Lock()
	if !i.closed {
		i.closed = true
		close(i.stop)
	}
	faults := maps.Clone(i.faults)
	i.mu.Unlock()
	var errs []error
	for id := range faults {
		_, err := i.Revert(id)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// flushed is a cache that was emptied: nothing is held.
type flushed struct{ keys int64 }

// empty counts the keys of a cache and removes them.
func empty(address string) (load, error) {
	if address == "" {
		return nil, errors.New("the address of the cache is missing")
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), flushPatience, fmt.Errorf("it took over %s", flushPatience))
	defer cancel()
	keys, err := Keys(ctx, address)
	if err != nil {
		return nil, err
	}
	return flushed{keys}, flush(ctx, address)
}

func (f flushed) counters() map[string]int64 { return map[string]int64{"keys": f.keys} }
func (flushed) held() int64                  { return 0 }
func (flushed) release() error               { return nil }
