package verify

import (
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// How faults and the checks that know nothing of them get along: what a fault took
// away did not break down, and what went wrong while it lasted proves nothing
// against a drain.

// exitSlack is how long after the end of a fault the exit of what it killed may be
// told, and orderSlack by how much it may seem to come before: two clocks tell them.
const (
	exitSlack  = time.Second
	orderSlack = 100 * time.Millisecond
)

// blame puts down to faults what is theirs, once everything is sorted in.
func (h *history) blame() {
	if len(h.faults.runs) == 0 {
		return
	}
	for _, i := range h.instances {
		i.taken = h.takenBy(i)
		for n := range i.exchanges {
			if x := &i.exchanges[n]; x.bad() {
				x.fault = h.spoiledBy(i, *x)
			}
		}
	}
}

// takenBy is the fault that ended an instance; nil if none did.
func (h *history) takenBy(i *instance) *faultRun {
	if i.exited == nil {
		return nil
	}
	for _, f := range h.faults.runs {
		s, ok := f.lasted()
		if !ok || i.exited.at < f.ordered()-orderSlack || i.exited.at > s.to+exitSlack || !f.deadly() {
			continue
		}
		again := f.Spec.CrashLoop != nil && slices.Contains(f.Services, i.service) && i.exited.body.Code == killedCode
		if f.Spec.MemoryPressure != nil && !i.exited.body.OOM && i.exited.body.Code != killedCode {
			continue
		}
		if again || slices.Contains(f.targets(), i.name) {
			return f
		}
	}
	return nil
}

// killedCode is the exit code of what a SIGKILL ended.
const killedCode = 137

// deadly tells whether the fault ends instances without their termination sequence.
func (f *faultRun) deadly() bool {
	switch s := f.Spec; {
	case s.Kill != nil, s.CrashLoop != nil, s.Reclaim != nil:
		return true
	case s.ZoneLoss != nil:
		return s.ZoneLoss.As != "partition"
	case s.MemoryPressure != nil:
		return s.MemoryPressure.OOM
	}
	return false
}

// fewer tells whether the fault takes instances away and puts others in their place.
func (f *faultRun) fewer() bool { return f.deadly() || f.Spec.Stop != nil || f.Spec.Restart != nil }

// on tells whether the fault, and what is left of it for some time, was done to an
// instance itself in a stretch. One that is done to a service as its callers see it
// is not: between gateway and instance nothing changes.
func (f *faultRun) on(i *instance, during span, rest time.Duration) bool {
	s, ok := f.lasted()
	return ok && slices.Contains(f.targets(), i.name) && during.from <= s.to+rest && during.to >= f.ordered()
}

// spoiledBy names a fault that a failed exchange may be due to; "" if it is due to
// none: any failure of an instance that the fault is done to, and an error or silence
// of one that may only pass on what it gets from others.
func (h *history) spoiledBy(i *instance, x exchange) string {
	during := span{x.Start, x.end}
	for _, f := range h.faults.runs {
		s, ok := f.lasted()
		if !ok {
			continue
		}
		passed := (x.Failure == journal.Status5xx || x.Failure == journal.Timeout) &&
			!slices.Contains(f.Services, i.service) && during.from <= s.to+shown && during.to >= f.ordered()
		if passed || f.on(i, during, 0) {
			return f.ID
		}
	}
	return ""
}

// excused is a fault that an instance may have lost its readiness to at a moment;
// "" for none. Probes take their time to notice that it is over.
func (h *history) excused(i *instance, at time.Duration) string {
	for _, f := range h.faults.runs {
		if f.on(i, span{at, at}, h.patience(i.service)) {
			return f.ID
		}
	}
	return ""
}

// allExcused tells whether every instance of a service that was unready at a moment
// had a fault done to itself.
func (h *history) allExcused(service string, at time.Duration) bool {
	if len(h.faults.runs) == 0 {
		return false
	}
	for _, i := range h.of(service) {
		if i.standingAt(at) == unready && h.excused(i, at) == "" {
			return false
		}
	}
	return true
}

// takenAway tells of the instances that a fault ended.
func (h *history) takenAway(f *faultRun) []Evidence {
	var list []Evidence
	for _, i := range h.instances {
		if i.taken == f && len(list) < maxNamed {
			list = append(list, Evidence{Text: "ended by the fault", Instance: i.name, From: i.exited.at, To: i.exited.at})
		}
	}
	return list
}
