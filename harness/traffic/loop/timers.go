package loop

import "time"

// A Timer is a moment at which something is due. The owner embeds it, so that
// setting one allocates nothing. The zero value is ready to use.
type Timer struct {
	// Fire is called on the loop's thread, at or shortly after the moment. The
	// timer is not set any more then, and may be set again.
	Fire func()

	place int // in the heap, from 1; 0: not set
}

// Pending tells whether the timer is set.
func (t *Timer) Pending() bool { return t.place > 0 }

// timers is a heap of the timers that are set, the earliest first. Four
// children a node make it half as high as two, and the moments stand in the
// heap itself, where comparing them touches no timer.
type timers struct {
	heap []entry
	sets uint64
}

type entry struct {
	at    time.Duration
	nth   uint64 // orders timers of the same moment
	timer *Timer
}

func (e entry) before(o entry) bool { return e.at < o.at || e.at == o.at && e.nth < o.nth }

// first is the moment of the earliest timer.
func (h *timers) first() (at time.Duration, ok bool) {
	if len(h.heap) == 0 {
		return 0, false
	}
	return h.heap[0].at, true
}

// due takes the earliest timer out if its moment has come, else returns nil.
func (h *timers) due(now time.Duration) *Timer {
	if len(h.heap) == 0 || h.heap[0].at > now {
		return nil
	}
	t := h.heap[0].timer
	h.unset(t)
	return t
}

func (h *timers) set(t *Timer, at time.Duration) {
	h.sets++
	e := entry{at: at, nth: h.sets, timer: t}
	if t.place == 0 {
		h.heap = append(h.heap, e)
		h.up(len(h.heap)-1, e)
		return
	}
	h.settle(t.place-1, e)
}

func (h *timers) unset(t *Timer) {
	if t.place == 0 {
		return
	}
	i, last := t.place-1, len(h.heap)-1
	t.place = 0
	e := h.heap[last]
	h.heap[last] = entry{}
	h.heap = h.heap[:last]
	if i < last {
		h.settle(i, e)
	}
}

// settle puts an entry where place i is free.
func (h *timers) settle(i int, e entry) {
	if i > 0 && e.before(h.heap[(i-1)/4]) {
		h.up(i, e)
		return
	}
	h.down(i, e)
}

func (h *timers) up(i int, e entry) {
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(h.heap[parent]) {
			break
		}
		h.put(i, h.heap[parent])
		i = parent
	}
	h.put(i, e)
}

func (h *timers) down(i int, e entry) {
	for {
		least := i*4 + 1
		if least >= len(h.heap) {
			break
		}
		for c := least + 1; c < min(least+4, len(h.heap)); c++ {
			if h.heap[c].before(h.heap[least]) {
				least = c
			}
		}
		if !h.heap[least].before(e) {
			break
		}
		h.put(i, h.heap[least])
		i = least
	}
	h.put(i, e)
}

func (h *timers) put(i int, e entry) {
	h.heap[i] = e
	e.timer.place = i + 1
}
