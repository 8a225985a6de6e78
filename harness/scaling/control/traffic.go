package control

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/stack"
)

// leastWindow is the least that what a gateway tells is averaged over.
const leastWindow = 3 * time.Second

// traffic is what the gateway of a service has told in the last while. It is
// safe for concurrent use.
type traffic struct {
	window time.Duration
	start  time.Duration // of traffic

	mu      sync.Mutex
	tallies []tally // in the order in which they came
}

// A tally is one of an instance, at a moment of the run's clock.
type tally struct {
	at time.Duration
	journal.Tally
}

func newTraffic(window, start time.Duration) *traffic { return &traffic{window: window, start: start} }

// add takes in a tally, and forgets what no window reaches any more. What no
// instance got is not counted: it is nobody's load.
func (t *traffic) add(at time.Duration, b journal.Tally) {
	if b.Instance == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := 0
	for old < len(t.tallies) && t.tallies[old].at <= at-2*t.window {
		old++
	}
	t.tallies = append(t.tallies[old:], tally{at, b})
}

// recent are the tallies of the window that ends now; an error until traffic has
// lasted for one.
func (t *traffic) recent(now time.Duration) ([]tally, error) {
	if since := now - t.start; since < t.window {
		return nil, fmt.Errorf("traffic has been measured for %v, and %v are averaged", max(0, since).Round(100*time.Millisecond), t.window)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []tally
	for _, one := range t.tallies {
		if one.at > now-t.window && one.at <= now {
			list = append(list, one)
		}
	}
	return list, nil
}

var errNobodyReady = errors.New("no instance takes work")

// perInstance is something of the tallies of a window, a second: of those that
// take work each, and what all instances had, shared among them.
func (t *traffic) perInstance(now time.Duration, members []stack.Member, of func(tally) float64) (value float64, each map[string]float64, err error) {
	list, err := t.recent(now)
	if err != nil {
		return 0, nil, err
	}
	each = map[string]float64{}
	for _, m := range members {
		if m.Ready && !m.Exited {
			each[m.Name] = 0
		}
	}
	if len(each) == 0 {
		return 0, nil, errNobodyReady
	}
	sum := 0.0
	for _, one := range list {
		a := of(one) / t.window.Seconds()
		sum += a
		if _, ready := each[one.Instance]; ready {
			each[one.Instance] += a
		}
	}
	return sum / float64(len(each)), each, nil
}

// requests is how many exchanges of a tally have ended.
func requests(t tally) float64 { return float64(t.Total) }

// inFlight is the integral of those under way over the interval of a tally, in
// request-seconds, if they were as many throughout.
func inFlight(t tally) float64 { return float64(t.InFlight) * t.For.Seconds() }

// p95 is the 95th percentile of the times of the complete answers of the window,
// in seconds. Within a bucket they are taken to be spread evenly.
func (t *traffic) p95(now time.Duration) (float64, error) {
	list, err := t.recent(now)
	if err != nil {
		return 0, err
	}
	times, total := map[int]int{}, 0
	for _, one := range list {
		for bucket, n := range one.Times {
			times[bucket] += n
			total += n
		}
	}
	if total == 0 {
		return 0, fmt.Errorf("nothing was answered in the last %v", t.window)
	}
	return quantile(times, 0.95*float64(total)).Seconds(), nil
}

// quantile is the time that so many of the counted ones do not exceed.
func quantile(times map[int]int, rank float64) time.Duration {
	below := 0.0
	for _, bucket := range slices.Sorted(maps.Keys(times)) {
		n := float64(times[bucket])
		if below+n < rank {
			below += n
			continue
		}
		lower, upper := time.Duration(0), journal.TimesBound(bucket)
		if bucket > 0 {
			lower = journal.TimesBound(bucket - 1)
		}
		return lower + time.Duration((rank-below)/n*float64(upper-lower))
	}
	return 0
}
