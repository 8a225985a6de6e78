package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The back-off of replacements, in the control loop's time, is that of a
// kubelet: none for the first, then it doubles from the least to the most, and
// starts again after an instance that ran for long.
const (
	leastBackOff = 10 * time.Second
	mostBackOff  = 5 * time.Minute
	ranLong      = 10 * time.Minute
)

// backOff is how long after its exit an instance is replaced that so many others
// broke down before, each as the replacement of the one before it.
func backOff(before int) time.Duration {
	if before <= 0 {
		return 0
	}
	return min(mostBackOff, leastBackOff<<min(before-1, 10))
}

// broken is what has broken down of a service. Moments are on the run's clock.
type broken struct {
	time   timeline
	owed   []breakdown     // what is to be replaced
	seen   map[string]bool // instances whose exit was taken in
	before map[string]int  // breakdowns that led to an instance
	oom    map[string]bool // instances that replace what ran out of memory
}

// A breakdown is an instance that has exited by itself, or that did not come up.
type breakdown struct {
	name   string
	code   int
	oom    bool          // it ran out of memory, or what it was to replace did
	unborn string        // why it did not come up, "" for one that has exited
	at     time.Duration // when that was, of one that did not come up
	before int           // breakdowns that led to it
	due    time.Duration // when it is replaced
	kept   bool          // it is not among the members any more because we had it removed
	held   bool          // it is not to be replaced, and that has been said
}

func newBroken(t timeline) broken {
	return broken{time: t, seen: map[string]bool{}, before: map[string]int{}, oom: map[string]bool{}}
}

// take takes in who has exited, and forgets those that somebody else has removed:
// an action on the service has made up for them, or not.
func (b *broken) take(members []stack.Member, now time.Duration) {
	there := map[string]bool{}
	for _, m := range members {
		there[m.Name] = true
		if !m.Exited || b.seen[m.Name] {
			continue
		}
		b.seen[m.Name] = true
		before := b.before[m.Name]
		if m.Started != 0 && now-m.Started >= b.time.real(ranLong) {
			before = 0
		}
		b.owed = append(b.owed, breakdown{
			name: m.Name, code: m.Code, oom: m.OOM, before: before, due: now + b.time.real(backOff(before)),
		})
	}
	b.owed = slices.DeleteFunc(b.owed, func(d breakdown) bool { return !d.kept && !there[d.name] })
}

// miss takes in who did not come up, and forgets those since when an action on the
// service has ended: it has made up for them, or not.
func (b *broken) miss(unborn []stack.Unborn, now, ended time.Duration) {
	for _, u := range unborn {
		if b.seen[u.Name] {
			continue
		}
		b.seen[u.Name] = true
		before := b.before[u.Name]
		b.owed = append(b.owed, breakdown{
			name: u.Name, unborn: strings.ReplaceAll(u.Error, "\n", "; "), at: u.At, oom: b.oom[u.Name], before: before,
			due: now + b.time.real(backOff(before)), kept: true,
		})
	}
	b.owed = slices.DeleteFunc(b.owed, func(d breakdown) bool { return d.unborn != "" && d.at <= ended })
}

// madeUp takes in that the stack was brought to a number of instances that says
// who is wanted: whoever had not come up by then and is not owed was made up for by
// it. What it has started itself is not among those.
func (b *broken) madeUp(unborn []stack.Unborn, started []string) {
	for _, u := range unborn {
		if !slices.Contains(started, u.Name) {
			b.seen[u.Name] = true
		}
	}
}

// owes tells whether an instance is to be replaced that did not come up.
func (b *broken) owes(name string) bool {
	return slices.ContainsFunc(b.owed, func(d breakdown) bool { return d.unborn != "" && d.name == name })
}

// keep notes that what is owed may be gone from the members because of us.
func (b *broken) keep() {
	for i := range b.owed {
		b.owed[i].kept = true
	}
}

// forgive leaves only so many to be replaced, those first that are due.
func (b *broken) forgive(leave int) {
	slices.SortStableFunc(b.owed, func(x, y breakdown) int { return cmp.Compare(x.due, y.due) })
	b.owed = b.owed[:min(leave, len(b.owed))]
}

// due are those whose back-off is over.
func (b *broken) due(now time.Duration) (due []breakdown) {
	for _, d := range b.owed {
		if d.due <= now && !d.held {
			due = append(due, d)
		}
	}
	return due
}

// settle takes in that those that were due have been replaced by the instances
// that were started.
func (b *broken) settle(replaced []breakdown, started []string) {
	for i, d := range replaced {
		if i < len(started) {
			b.before[started[i]], b.oom[started[i]] = d.before+1, d.oom
		}
		b.owed = slices.DeleteFunc(b.owed, func(o breakdown) bool { return o.name == d.name })
	}
}

// putOff puts those that were due off to the next back-off.
func (b *broken) putOff(failed []breakdown, now time.Duration) {
	for i := range b.owed {
		o := &b.owed[i]
		if slices.ContainsFunc(failed, func(d breakdown) bool { return d.name == o.name }) {
			o.before++
			o.due = now + b.time.real(backOff(o.before))
		}
	}
}

// hold notes that nothing is replaced.
func (b *broken) hold() {
	for i := range b.owed {
		b.owed[i].held = true
	}
}

// replace starts what takes the place of instances that have exited by
// themselves, and of those that did not come up.
func (s *service) replace(ctx context.Context) {
	v := s.look()
	due, live := s.broken.due(v.at), v.live
	if len(due) == 0 {
		return
	}
	d := scaling.Decision{
		Service: s.name, Autoscaler: "replace", Current: live, Wanted: live + len(due), Desired: live + len(due),
		Reason: breakdownReason(due), Message: s.exits(due),
	}
	if s.c.frozen {
		d.Held = heldFrozen
		s.c.decide(d)
		s.broken.hold()
		return
	}
	id := s.c.decide(d)
	large := s.prescaler != nil && s.prescaler.expect(id, due)
	started, err := s.adjust(ctx, id, d.Desired, "replaces "+names(due))
	if large {
		s.prescaler.born(started)
	}
	if err != nil {
		s.broken.putOff(due, s.c.now())
		return
	}
	s.broken.settle(due, started)
	if len(started) > len(due) { // some were lost while this was asked for
		s.broken.madeUp(s.c.cfg.Cluster.Unborn(s.name), started)
	}
}

// breakdownReason is why instances are replaced, in a word: that one has exited
// says more than that another did not come up.
func breakdownReason(due []breakdown) string {
	for _, d := range due {
		if d.unborn == "" {
			return "InstanceExited"
		}
	}
	return "InstanceNotStarted"
}

// exits says how instances exited, or why they did not come up, and how often that
// has happened.
func (s *service) exits(due []breakdown) string {
	texts := make([]string, len(due))
	for i, d := range due {
		switch {
		case d.unborn != "":
			texts[i] = fmt.Sprintf("%s did not come up: %s", d.name, d.unborn)
		case d.oom:
			texts[i] = fmt.Sprintf("%s ran out of memory and exited with code %d", d.name, d.code)
		default:
			texts[i] = fmt.Sprintf("%s exited by itself with code %d", d.name, d.code)
		}
		if d.before > 0 {
			texts[i] += fmt.Sprintf(", as %s before it: replaced after %s", times(d.before), scenarios.Duration(backOff(d.before)))
		}
	}
	return strings.Join(texts, "; ")
}

func times(n int) string {
	if n == 1 {
		return "one"
	}
	return fmt.Sprintf("%d in a row", n)
}

func names(due []breakdown) string {
	list := make([]string, len(due))
	for i, d := range due {
		list[i] = d.name
	}
	return strings.Join(list, ", ")
}
