// Package clock is the one monotonic clock of a run.
package clock

import "time"

// A Clock tells the offset from the start of a run.
type Clock struct{ start time.Time }

// Start begins a run's time now.
func Start() Clock { return Clock{start: time.Now()} }

// Now is the offset from the start, on the monotonic clock.
func (c Clock) Now() time.Duration { return time.Since(c.start) }

// At is the offset of a moment that carries a monotonic reading.
func (c Clock) At(t time.Time) time.Duration { return t.Sub(c.start) }
