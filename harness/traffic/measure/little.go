package measure

import "time"

// area is the integral of the number of requests under way over time, and the
// sum of the times that those which ended had been under way. By Little's law,
// L = lambda W, both are the same over a time at whose start and end nothing is
// under way: it holds for every single history, whatever the distributions.
//
// A change of delta at t adds delta * (now - t) to the integral up to now. The
// sum does not care about the order of the changes, so one that comes late, or
// even from before the last take, counts as it should, and in whole nanoseconds
// it is exact.
type area struct {
	level   int64 // under way now
	since   time.Duration
	moment  time.Duration // sum of delta * (t - since)
	sojourn time.Duration
}

func (a *area) change(at time.Duration, delta int) {
	a.level += int64(delta)
	a.moment += time.Duration(delta) * (at - a.since)
}

// take gives both sums since the last take, up to now, in request-seconds.
func (a *area) take(now time.Duration) (integral, sojourn float64) {
	integral = (time.Duration(a.level)*(now-a.since) - a.moment).Seconds()
	sojourn = a.sojourn.Seconds()
	a.since, a.moment, a.sojourn = now, 0, 0
	return integral, sojourn
}
