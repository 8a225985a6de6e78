package arrivals

import (
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// An Arrival is the intended start of a session.
type Arrival struct {
	Load    int           // index into the plan's loads
	Ordinal uint64        // from 0, within the load
	At      time.Duration // from the start of traffic
}

// Merged is the arrivals of all loads of a plan in order of time; at the same
// moment the load that stands first in the plan goes first. It is not safe for
// concurrent use.
type Merged struct {
	streams []*Stream
	heads   queue // the next arrival of each stream
}

// Merge makes the Merged of a plan. recorded are the times of replays by the
// index of their load, as New has them.
func Merge(plan *scenarios.Plan, recorded map[int][]time.Duration) *Merged {
	m := &Merged{streams: make([]*Stream, len(plan.Load))}
	for i := range plan.Load {
		m.streams[i] = Of(plan, i, recorded[i])
		if at, ok := m.streams[i].Peek(); ok {
			m.heads.push(at, i)
		}
	}
	return m
}

// Peek is the next arrival; ok is false when all have been taken.
func (m *Merged) Peek() (next Arrival, ok bool) {
	at, load, ok := m.heads.peek()
	if !ok {
		return Arrival{}, false
	}
	return Arrival{Load: load, Ordinal: m.streams[load].Ordinal(), At: at}, true
}

// Take removes the arrival that Peek gives.
func (m *Merged) Take() {
	_, load, ok := m.heads.peek()
	if !ok {
		return
	}
	m.streams[load].Take()
	if at, ok := m.streams[load].Peek(); ok {
		m.heads.replace(at)
	} else {
		m.heads.pop()
	}
}

// After is the next arrival of one load; ok is false when all have been taken.
func (m *Merged) After(load int) (at time.Duration, ok bool) { return m.streams[load].Peek() }

// Number is the number of a session in a run with so many loads: unique, from
// 1, and the same in every run of a plan.
func Number(loads, load int, ordinal uint64) uint64 {
	return ordinal*uint64(loads) + uint64(load) + 1
}
