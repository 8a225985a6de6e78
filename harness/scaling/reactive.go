package scaling

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The reasons of the reactive policy, beside WithinRange.
const (
	Enlarged  = "Enlarged"
	GivenBack = "GivenBack"
)

// A Use is what an instance uses at the moment.
type Use struct {
	Instance string
	Class    string  // what it has: BaseClass or LargeClass
	CPUs     float64 // cores, on average over a while
	Memory   int64   // bytes
	Err      error   // then nothing is known of it
}

// ReactiveHistory is the instances that the reactive policy has made large. The
// zero value is that of one that has just begun. It is not changed; functions
// return another.
type ReactiveHistory map[string]Raised

// Raised is an instance that was made large.
type Raised struct {
	// Calm is since when it uses less than half of what would make it large; zero
	// while it uses more, or nobody knows.
	Calm time.Time
}

// Enlarge takes in that an instance is large from its creation, because what it
// replaces ran out of memory.
func (h ReactiveHistory) Enlarge(instance string) ReactiveHistory {
	next := maps.Clone(h)
	if next == nil {
		next = ReactiveHistory{}
	}
	next[instance] = Raised{}
	return next
}

// Class is what an instance is to be.
func (h ReactiveHistory) Class(instance string) string {
	if _, raised := h[instance]; raised {
		return LargeClass
	}
	return BaseClass
}

// Reactive is one evaluation of the reactive policy. An instance that uses Above
// of its CPU or of its memory, as the base class has them, becomes large; it goes
// back when it has used less than half of that, of both, for as long as Hold. What
// the base class does not limit counts for nothing. Of an instance of which
// nothing is known, nothing changes. A large instance that the history does not
// know is taken in as one that was made large now.
//
// The decision is about classes, not about numbers of instances: those stay as
// they are. Its metrics are the highest shares.
func Reactive(spec scenarios.Prescale, base scenarios.ResourceClass, uses []Use, history ReactiveHistory, now time.Time) (Decision, ReactiveHistory) {
	r := reacting{above: 80, hold: spec.Hold.Std(), base: base, now: now, next: ReactiveHistory{}}
	if spec.Above != nil {
		r.above = float64(*spec.Above)
	}
	for _, use := range uses {
		raised, was := history[use.Instance]
		r.look(use, raised, was || use.Class == LargeClass)
	}
	return r.decision(len(uses)), r.next
}

// reacting is an evaluation in the making. Shares are in percent.
type reacting struct {
	above       float64
	hold        time.Duration
	base        scenarios.ResourceClass
	now         time.Time
	next        ReactiveHistory
	known       bool
	memory, cpu float64 // the highest
	up, down    []string
	unknown     []string
}

func (r *reacting) look(use Use, raised Raised, large bool) {
	if use.Err == nil && (math.IsNaN(use.CPUs) || math.IsInf(use.CPUs, 0) || use.CPUs < 0 || use.Memory < 0) {
		use.Err = fmt.Errorf("its use is given as %v cores and %d bytes", use.CPUs, use.Memory)
	}
	if use.Err != nil {
		r.unknown = append(r.unknown, fmt.Sprintf("%s: %v", use.Instance, use.Err))
		if large {
			r.next[use.Instance] = Raised{}
		}
		return
	}
	memory, cpu := share(float64(use.Memory), float64(r.base.Memory)), share(use.CPUs, float64(r.base.CPUs))
	r.known, r.memory, r.cpu = true, max(r.memory, memory), max(r.cpu, cpu)
	highest := max(memory, cpu)
	switch {
	case !large && highest >= r.above:
		r.next[use.Instance] = Raised{}
		r.up = append(r.up, use.Instance)
	case !large:
	case highest >= r.above/2:
		r.next[use.Instance] = Raised{}
	case raised.Calm.IsZero():
		r.next[use.Instance] = Raised{Calm: r.now}
	case r.now.Sub(raised.Calm) >= r.hold:
		r.down = append(r.down, use.Instance)
	default:
		r.next[use.Instance] = raised
	}
}

// share is a part of a limit in percent, 0 where there is no limit.
func share(used, limit float64) float64 {
	if limit <= 0 {
		return 0
	}
	return 100 * used / limit
}

func (r *reacting) decision(instances int) Decision {
	d := limited{Decision{Current: instances, Wanted: instances, Desired: instances, Reason: WithinRange}}
	if r.known {
		d.Metrics = []journal.ScaleMetric{
			{Name: scenarios.MemoryMetric, Value: &r.memory, Target: r.above, Unit: "%", Missing: len(r.unknown)},
			{Name: scenarios.CPUMetric, Value: &r.cpu, Target: r.above, Unit: "%", Missing: len(r.unknown)},
		}
		d.say("of the base class at most %s of memory and %s of CPU are used, the limit is %s", number(r.memory, "%"), number(r.cpu, "%"), number(r.above, "%"))
	}
	if len(r.up) > 0 {
		d.Reason = Enlarged
		d.say("to be large: %s", listed(r.up))
	}
	if len(r.down) > 0 {
		if len(r.up) == 0 {
			d.Reason = GivenBack
		}
		d.say("back to base, below half of it for %s: %s", scenarios.Duration(r.hold), listed(r.down))
	}
	if len(r.unknown) > 0 {
		if !r.known {
			d.Reason = MetricUnavailable
		}
		d.say("not known: %s", listed(r.unknown))
	}
	return d.Decision
}

// listed is names in order, and how many more there are.
func listed(names []string) string {
	const most = 8
	names = slices.Sorted(slices.Values(names))
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
