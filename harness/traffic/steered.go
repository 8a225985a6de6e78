package traffic

import (
	"container/heap"
	"fmt"
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios/arrivals"
)

// steered is what people have asked of the load, and what became of the plan's
// arrivals by it. It belongs to the loop.
type steered struct {
	held     bool    // arrivals are withheld
	multiple float64 // of the plan's arrivals
	copies   copies  // that are still to begin
	withheld int     // arrivals of the plan that never began
	added    int     // copies that began
}

// copyStride is the distance between the ordinals of an arrival and its copies. No load
// has as many arrivals as that, at 40,000 a second for 19 days; so copies have numbers
// of their own, and with them tenants, sizes and keys that nobody else draws.
const copyStride = 1 << 36

// copyOf is the ordinal of a copy of an arrival; copy 0 is the arrival itself.
func copyOf(ordinal uint64, n int) uint64 { return ordinal + uint64(n)*copyStride }

// originalOf is the ordinal of the arrival that something is a copy of.
func originalOf(ordinal uint64) uint64 { return ordinal % copyStride }

// copies is a heap of arrivals, the earliest first.
type copies []arrivals.Arrival

// Len implements heap.Interface.
func (c copies) Len() int { return len(c) }

// Less implements heap.Interface.
func (c copies) Less(i, j int) bool { return c[i].At < c[j].At }

// Swap implements heap.Interface.
func (c copies) Swap(i, j int) { c[i], c[j] = c[j], c[i] }

// Push implements heap.Interface.
func (c *copies) Push(x any) { *c = append(*c, x.(arrivals.Arrival)) }

// Pop implements heap.Interface.
func (c *copies) Pop() any {
	last := len(*c) - 1
	x := (*c)[last]
	*c = (*c)[:last]
	return x
}

// upcoming is the next session to begin, of the plan or a copy.
func (d *driver) upcoming() (next arrivals.Arrival, more bool) {
	next, more = d.arrivals.Peek()
	if c := d.steered.copies; len(c) > 0 && (!more || c[0].At <= next.At) {
		return c[0], true
	}
	return next, more
}

// admit begins the session that is due, as often as people have asked for, and takes
// it off what is to come.
func (d *driver) admit(next arrivals.Arrival) {
	if c := d.steered.copies; len(c) > 0 && c[0] == next {
		heap.Pop(&d.steered.copies)
		if !d.steered.held {
			d.steered.added++
			d.begin(next.Load, next.Ordinal, next.At, nil)
		}
		return
	}
	d.arrivals.Take()
	n := d.times(next)
	if n == 0 {
		d.steered.withheld++
		return
	}
	d.begin(next.Load, next.Ordinal, next.At, nil)
	if n > 1 {
		d.copy(next, n)
	}
}

// times is how many sessions an arrival of the plan begins: a matter of its number
// and of the seed, not of the clock.
func (d *driver) times(next arrivals.Arrival) int {
	switch m := d.steered.multiple; {
	case d.steered.held:
		return 0
	case m == 1:
		return 1
	default:
		n := math.Floor(m)
		if d.source.Share(next.Load, next.Ordinal) < m-n {
			n++
		}
		return int(n)
	}
}

// copy has an arrival begin n sessions in all: the others come evenly until the
// load's next arrival, or at once where there is none.
func (d *driver) copy(of arrivals.Arrival, n int) {
	gap := time.Duration(0)
	if at, ok := d.arrivals.After(of.Load); ok {
		gap = max(0, at-of.At)
	}
	for i := 1; i < n; i++ {
		heap.Push(&d.steered.copies, arrivals.Arrival{
			Load: of.Load, Ordinal: copyOf(of.Ordinal, i), At: of.At + time.Duration(float64(gap)/float64(n)*float64(i)),
		})
	}
}

// notes say what became of the plan's arrivals.
func (s *steered) notes() []journal.Body {
	if s.withheld == 0 && s.added == 0 {
		return nil
	}
	return []journal.Body{journal.Note{Level: "info", Text: fmt.Sprintf(
		"the load was steered by hand: %d arrivals of the plan were withheld, and %d sessions were added", s.withheld, s.added)}}
}
