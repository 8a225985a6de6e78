//go:build !linux

package traffic

import "time"

// A sleeper waits as precisely as the runtime's timers do.
type sleeper struct{}

func newSleeper() *sleeper { return &sleeper{} }

func (s *sleeper) sleep(d time.Duration) { time.Sleep(d) }

func (s *sleeper) close() {}
