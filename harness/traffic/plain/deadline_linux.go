package plain

import (
	"os"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// watch has the wheel look after a call. The timer runs while there are calls
// and one tick longer, so that a slow stream of them does not set it each time.
func (e *Engine) watch(k *call) {
	if !e.tick.Pending() {
		e.wheel.start(e.loop.Now())
		e.loop.Set(&e.tick, e.wheel.next())
	}
	e.wheel.add(k, k.x.Deadline)
}

func (e *Engine) unwatch(k *call) { e.wheel.remove(k) }

// sweep gives up what is over its deadline.
func (e *Engine) sweep() {
	some := e.wheel.len > 0
	e.expired = e.wheel.due(e.loop.Now(), e.expired[:0])
	if some {
		e.loop.Set(&e.tick, e.wheel.next())
	}
	for _, k := range e.expired {
		e.giveUp(k, journal.Timeout, os.ErrDeadlineExceeded)
	}
	clear(e.expired)
	e.settle()
}
