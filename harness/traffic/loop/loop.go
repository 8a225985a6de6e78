// Package loop is the driver's own thread: timers that are kept to some tens of
// microseconds, connections that are watched (epoll, on Linux), and a way in
// for other goroutines. Everything that happens on it happens one after the
// other, so what lives there needs no locks.
package loop

import "time"

// A Timer is a moment at which something is due. The owner embeds it, so that
// setting one allocates nothing. The zero value is ready to use.
type Timer struct {
	// Fire is called on the loop's thread, at or shortly after the moment.
	Fire func()

	at    time.Duration
	index int // place in the heap, from 1; 0: not set
}
