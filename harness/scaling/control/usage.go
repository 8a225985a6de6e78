package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/stack"
)

// usageLimit is how long an instance may take to tell what it uses.
const usageLimit = 2 * time.Second

// leastStale is the age up to which a reading counts at least.
const leastStale = 3 * time.Second

// staleAfter is the age from which on a reading that is taken so often is none.
func staleAfter(every time.Duration) time.Duration { return max(leastStale, 3*every) }

// usage is what the instances of a service use, sample by sample. It is safe for
// concurrent use.
type usage struct {
	every      time.Duration // between two samples
	resolution time.Duration // what use of CPU is averaged over

	mu    sync.Mutex
	of    map[string][]sample // by instance, the oldest first
	fails map[string]error    // by instance, of the last pass
}

// A sample is the use of an instance up to a moment of the run's clock.
type sample struct {
	at time.Duration
	platform.Stats
}

// newUsage is that of a service; of one that is prescaled it is sampled once a
// second, so that the record shows how close an instance came to its limit.
func newUsage(resolution time.Duration, prescaled bool) *usage {
	u := &usage{resolution: max(leastSample, resolution), of: map[string][]sample{}, fails: map[string]error{}}
	u.every = u.resolution
	if prescaled {
		u.every = min(u.every, time.Second)
	}
	return u
}

// sample reads the use of all running instances, and journals it.
func (s *service) sample(ctx context.Context) {
	members := s.running()
	s.usage.begin(members)
	var calls sync.WaitGroup
	for _, m := range members {
		calls.Go(func() {
			var stats platform.Stats
			err := s.c.call(ctx, "sample "+m.Name, usageLimit, func(ctx context.Context) (err error) {
				stats, err = s.c.cfg.Cluster.Usage(ctx, m.Name)
				return err
			})
			if ctx.Err() != nil {
				return
			}
			s.usage.add(m.Name, sample{s.c.now(), stats}, err)
			if err == nil {
				s.c.cfg.Emit(journal.Usage{Service: s.name, Instance: m.Name, CPU: stats.CPU, Memory: stats.Memory, Limit: stats.Limit})
			}
		})
	}
	calls.Wait()
}

// begin starts a pass: who is not there any more is forgotten.
func (u *usage) begin(members []stack.Member) {
	u.mu.Lock()
	defer u.mu.Unlock()
	clear(u.fails)
	maps.DeleteFunc(u.of, func(name string, _ []sample) bool {
		return !slices.ContainsFunc(members, func(m stack.Member) bool { return m.Name == name })
	})
}

func (u *usage) add(name string, s sample, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil {
		u.fails[name] = fmt.Errorf("read the use of %s: %w", name, err)
		return
	}
	u.of[name] = append(u.of[name], s)
	for len(u.of[name]) > 2 && s.at-u.of[name][1].at >= u.resolution { // the first is older than any that is asked for
		u.of[name] = u.of[name][1:]
	}
}

var errNoSample = errors.New("its use has not been read yet")

// fresh is the latest sample of an instance, unless it is stale. u.mu is held.
func (u *usage) fresh(name string, now time.Duration) (sample, error) {
	list := u.of[name]
	if len(list) == 0 {
		return sample{}, cmp.Or(u.fails[name], errNoSample)
	}
	last := list[len(list)-1]
	if age := now - last.at; age > staleAfter(u.every) {
		return sample{}, fmt.Errorf("its use was read last %v ago", age.Round(100*time.Millisecond))
	}
	return last, nil
}

// A rate is the use of CPU of an instance, in cores, over a window that ends at
// a moment, with its memory then.
type rate struct {
	cores  float64
	memory int64
	at     time.Duration
	window time.Duration
}

// rate is that between the latest sample and the one that is a resolution older:
// a metrics server has it like that. While there is none that is so old, it is the
// oldest there is.
func (u *usage) rate(name string, now time.Duration) (rate, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	last, err := u.fresh(name, now)
	if err != nil {
		return rate{}, err
	}
	list := u.of[name]
	if len(list) < 2 {
		return rate{}, errors.New("its use of CPU takes two readings, and there was one")
	}
	from := list[0]
	for _, s := range list[:len(list)-1] {
		if last.at-s.at >= u.resolution*9/10 { // samples come a little early and late
			from = s
		}
	}
	window := last.at - from.at
	if window <= 0 {
		return rate{}, errors.New("two readings of its use carry the same moment")
	}
	return rate{
		cores:  max(0, float64(last.CPU-from.CPU)/float64(window)),
		memory: last.Memory, at: last.at, window: window,
	}, nil
}

// failed is why the last pass did not read everything, nil if it did.
func (u *usage) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(u.fails)) {
		return u.fails[name]
	}
	return nil
}
