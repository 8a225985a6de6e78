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
}

// A breakdown is an instance that has exited by itself.
type breakdown struct {
	name   string
	code   int
	oom    bool
	before int           // breakdowns that led to it
	due    time.Duration // when it is replaced
	kept   bool          // it is not among the members any more because we had it removed
	held   bool          // it is not to be replaced, and that has been said
}

func newBroken(t timeline) broken {
	return broken{time: t, seen: map[string]bool{}, before: map[string]int{}}
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
			b.before[started[i]] = d.before + 1
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
// themselves.
func (s *service) replace(ctx context.Context) {
	now := s.c.now()
	s.broken.take(s.c.cfg.Cluster.Members(s.name), now)
	due := s.broken.due(now)
	if len(due) == 0 {
		return
	}
	live := s.look().live
	d := scaling.Decision{
		Service: s.name, Autoscaler: "replace", Current: live, Wanted: live + len(due), Desired: live + len(due),
		Reason: "InstanceExited", Message: s.exits(due),
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
}

// exits says how instances exited, and how often that has happened.
func (s *service) exits(due []breakdown) string {
	texts := make([]string, len(due))
	for i, d := range due {
		texts[i] = fmt.Sprintf("%s exited by itself with code %d", d.name, d.code)
		if d.oom {
			texts[i] = fmt.Sprintf("%s ran out of memory and exited with code %d", d.name, d.code)
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
