package plain

import "time"

const (
	wheelTick  = 10 * time.Millisecond
	wheelSlots = 512
)

// A wheel holds the exchanges under way by their deadlines: putting in and
// taking out take constant time, and a look at what is due touches only what
// is due now or a multiple of a turn (5.12 s) later.
type wheel struct {
	slots [wheelSlots]list[call]
	at    int64 // the tick looked at last
	len   int
}

// start begins at a moment; the wheel is empty.
func (w *wheel) start(now time.Duration) { w.at = int64(now / wheelTick) }

// next is the moment of the next look.
func (w *wheel) next() time.Duration { return time.Duration(w.at+1) * wheelTick }

func (w *wheel) add(k *call, deadline time.Duration) {
	tick := max(int64(deadline/wheelTick)+1, w.at+1)
	k.slot = int(tick % wheelSlots)
	w.slots[k.slot].push(&k.due, k)
	w.len++
}

func (w *wheel) remove(k *call) {
	w.slots[k.slot].remove(&k.due)
	w.len--
}

// due appends the calls whose deadlines have passed. They stay in the wheel.
func (w *wheel) due(now time.Duration, calls []*call) []*call {
	tick := int64(now / wheelTick)
	for w.at = max(w.at, tick-wheelSlots); w.at < tick; {
		w.at++
		slot := &w.slots[w.at%wheelSlots]
		if slot.len == 0 {
			continue
		}
		for n := slot.root.next; n != &slot.root; n = n.next {
			if n.owner.x.Deadline <= now {
				calls = append(calls, n.owner)
			}
		}
	}
	return calls
}
