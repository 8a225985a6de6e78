package control

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Faults are panics of the controller, which would otherwise end the process with
// the traffic, the record and the tear-down of a whole run. The zero value is
// ready to use.
type faults struct {
	mu   sync.Mutex
	seen map[string]bool
	all  []error
}

// add keeps the first fault of a kind; it reports whether this is that.
func (f *faults) add(what string, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[what] {
		return false
	}
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[what] = true
	f.all = append(f.all, err)
	return true
}

func (f *faults) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.all...)
}

// rescue ends a panic of what it is deferred by, and makes it that one's error,
// if it has one. The journal has it at once, Run returns it in the end.
func (c *Controller) rescue(what string, failed *error) {
	p := recover()
	if p == nil {
		return
	}
	err := fmt.Errorf("%s: the controller is at fault, please report this: %v", what, p)
	if failed != nil {
		*failed = err
	}
	if c.faults.add(what, fmt.Errorf("%w\n%s", err, debug.Stack())) {
		c.cfg.Emit(journal.Note{Level: "warning", Text: oneLine(err)})
	}
}

// attempt does something that may fail, and fails where it panics.
func (c *Controller) attempt(what string, do func() error) (err error) {
	defer c.rescue(what, &err)
	return do()
}

// loop goes on with something beside, until it returns. One that breaks down
// leaves the others alone.
func (c *Controller) loop(loops *sync.WaitGroup, what string, do func()) {
	loops.Go(func() {
		defer c.rescue(what, nil)
		do()
	})
}
