// Package arrivals says when sessions begin: the intended times of every load
// of a plan, whatever the system does meanwhile. Everything is a pure function
// of the plan and its seed; times are offsets from the start of traffic.
//
// Nothing is kept for each arrival, so an hour at 40,000 a second takes no
// more memory than a second.
package arrivals

import (
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/draws/seeded"
)

// A Stream is the intended arrival times of one load, ascending. It is a pure
// function of what it was made from; reading it is not safe for concurrent
// use.
type Stream struct {
	sources []source
	heads   queue // the next arrival of each source
	ordinal uint64
}

// A source gives arrival times, ascending, until ok is false.
type source interface {
	next() (at time.Duration, ok bool)
}

// New makes the Stream of a load that stands at index in its plan. recorded
// are the times of its replay, as recorded and ascending, nil without one.
// They are sent once each; Of minds the plan's multiple.
//
// Segments that are evenly spaced are one course: arrival n, from 0, falls
// where the integral of all their rates reaches n + 1/2. So the load has as
// many of them as the integral, rounded, and every phase as many as its own,
// within one. Segments with Poisson arrivals are another: there the distances
// in the integral are exponential, which makes a Poisson process of exactly
// that rate.
func New(load scenarios.PlannedLoad, index int, seed int64, recorded []time.Duration) *Stream {
	return newStream(load, index, seed, recorded, 1)
}

// Of is the Stream of a load of a plan; recorded times are multiplied as the
// plan says.
func Of(plan *scenarios.Plan, index int, recorded []time.Duration) *Stream {
	return newStream(plan.Load[index], index, plan.Seed, recorded, plan.Multiple)
}

func newStream(load scenarios.PlannedLoad, index int, seed int64, recorded []time.Duration, multiple float64) *Stream {
	var uniform, poisson []scenarios.PlannedSegment
	for _, segment := range load.Segments {
		if segment.Poisson {
			poisson = append(poisson, segment)
		} else {
			uniform = append(uniform, segment)
		}
	}
	key := seeded.NewKey(seed, uint64(index))
	s := &Stream{}
	s.add(&even{course: newCourse(uniform)})
	s.add(&random{course: newCourse(poisson), rand: key.Rand(seeded.Arrivals, 0)})
	for i, burst := range load.Bursts {
		if burst.Poisson {
			s.add(newScattered(burst, key.Rand(seeded.Bursts, uint64(i))))
		} else {
			s.add(newSpread(burst))
		}
	}
	if load.Replay != nil && !load.Replay.Paced {
		s.add(newReplayed(load.Replay, recorded, multiple))
	}
	return s
}

// add makes a source part of the stream, unless it has no arrivals.
func (s *Stream) add(from source) {
	if at, ok := from.next(); ok {
		s.heads.push(at, len(s.sources))
		s.sources = append(s.sources, from)
	}
}

// Peek is the next arrival; ok is false when all have been taken.
func (s *Stream) Peek() (at time.Duration, ok bool) {
	at, _, ok = s.heads.peek()
	return at, ok
}

// Take removes the arrival that Peek gives.
func (s *Stream) Take() {
	_, from, ok := s.heads.peek()
	if !ok {
		return
	}
	s.ordinal++
	if at, ok := s.sources[from].next(); ok {
		s.heads.replace(at)
	} else {
		s.heads.pop()
	}
}

// Ordinal counts the arrivals that have been taken: it is the number, from 0,
// of the one that Peek gives.
func (s *Stream) Ordinal() uint64 { return s.ordinal }
