package engine

import (
	"sync"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// news is what the engine has been shown of the run.
type news struct {
	mu    sync.Mutex
	exits map[string]exit // by instance; numbers are never used twice
}

// exit is the end of an instance, with its event.
type exit struct {
	journal.Event
	body journal.InstanceExited
}

// take takes in an event and tells whether it matters to faults.
func (n *news) take(event journal.Event) bool {
	switch body := event.Body.(type) {
	case journal.InstanceExited:
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.exits == nil {
			n.exits = map[string]exit{}
		}
		n.exits[body.Instance] = exit{event, body}
		return true
	case journal.InstanceStarted:
		return !body.Job
	case journal.EndpointAdded:
		return true
	}
	return false
}

// exited is the end of an instance, if it has come.
func (n *news) exited(instance string) (exit, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	x, ok := n.exits[instance]
	return x, ok
}

// inbox collects what a fault's goroutine has to deal with. Nobody who puts
// something in waits.
type inbox struct {
	wake chan struct{}
	mu   sync.Mutex
	rest []func()
}

func newInbox() inbox { return inbox{wake: make(chan struct{}, 1)} }

// put leaves something to be done by the fault's goroutine.
func (i *inbox) put(do func()) {
	i.mu.Lock()
	i.rest = append(i.rest, do)
	i.mu.Unlock()
	i.ring()
}

// ring wakes the fault's goroutine.
func (i *inbox) ring() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// empty does what was left.
func (i *inbox) empty() {
	for {
		i.mu.Lock()
		rest := i.rest
		i.rest = nil
		i.mu.Unlock()
		if len(rest) == 0 {
			return
		}
		for _, do := range rest {
			do()
		}
	}
}
