package traffic

import (
	"container/heap"
	"sync"
	"time"
)

// An arrival is the intended start of one session.
type arrival struct {
	load   int           // index into the plan's loads
	number uint64        // of the session in the run, from 1
	at     time.Duration // from the start of traffic
}

// arrivals merges the loads' arrivals into one stream in the order of time; at
// the same moment the load that stands first in the plan goes first. Numbers
// follow that order, so they are the same in every run of a plan.
type arrivals struct {
	pacers []*Pacer
	given  []uint64 // arrivals taken from each pacer
	number uint64
}

// peek is the next arrival, ok false when all have been taken.
func (a *arrivals) peek() (next arrival, ok bool) {
	for load, p := range a.pacers {
		if a.given[load] == p.Total() {
			continue
		}
		if at := p.At(a.given[load]); !ok || at < next.at {
			next, ok = arrival{load: load, number: a.number + 1, at: at}, true
		}
	}
	return next, ok
}

// take removes the arrival that peek gave.
func (a *arrivals) take(next arrival) {
	a.given[next.load]++
	a.number = next.number
}

// alarms are the ends of the pauses that sessions make. The pacing thread
// wakes them as precisely as it sends arrivals; the runtime's timers would be
// up to a millisecond late.
type alarms struct {
	mutex sync.Mutex
	heap  alarmHeap
}

// An alarm closes wake at an offset from the start of traffic.
type alarm struct {
	at   time.Duration
	wake chan struct{}
}

// add asks for a wake-up. One that is not needed any more may stay: nobody
// hears it.
func (a *alarms) add(at time.Duration) <-chan struct{} {
	wake := make(chan struct{})
	a.mutex.Lock()
	defer a.mutex.Unlock()
	heap.Push(&a.heap, alarm{at, wake})
	return wake
}

// ring wakes whatever is due and says when the next one is.
func (a *alarms) ring(now time.Duration) (next time.Duration, ok bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for len(a.heap) > 0 {
		if a.heap[0].at > now {
			return a.heap[0].at, true
		}
		close(heap.Pop(&a.heap).(alarm).wake)
	}
	return 0, false
}

type alarmHeap []alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h alarmHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *alarmHeap) Push(x any)        { *h = append(*h, x.(alarm)) }
func (h *alarmHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
