package arrivals

import (
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// replayed are arrivals at recorded times. A time that lies before the one
// ahead of it counts as the same moment.
type replayed struct {
	start    time.Duration
	speed    float64
	multiple float64
	recorded []time.Duration
	entry    int
	left     uint64 // further arrivals at the entry's time
	at       time.Duration
}

func newReplayed(r *scenarios.PlannedReplay, recorded []time.Duration, multiple float64) *replayed {
	s := &replayed{start: r.Start.Std(), speed: r.Speed, multiple: multiple, recorded: recorded, entry: -1}
	if !(s.speed > 0) {
		s.speed = 1
	}
	s.at = s.start
	return s
}

func (r *replayed) next() (time.Duration, bool) {
	for r.left == 0 {
		if r.entry++; r.entry >= len(r.recorded) {
			return 0, false
		}
		r.left = through(r.entry+1, r.multiple) - through(r.entry, r.multiple)
		offset := min(float64(r.recorded[r.entry])/r.speed, math.MaxInt64/4)
		r.at = max(r.at, r.start+time.Duration(offset))
	}
	r.left--
	return r.at, true
}

// through is how many arrivals the first entries of a recording make: entry i
// occurs through(i+1) - through(i) times, so that any multiple comes out
// exactly over the whole, and a whole multiple of every entry.
func through(entries int, multiple float64) uint64 {
	if !(multiple > 0) {
		multiple = 1 // plans from before there were multiples
	}
	// The last factor undoes what the multiplication may lose: 100 entries 0.29
	// times are 29, not 28.999999999999996.
	return uint64(float64(entries) * multiple * (1 + 1e-12))
}

// Entry is the index of the recorded request that arrival number ordinal of a
// replay sends, for a plan with a multiple. Of a replay that is paced, whose
// requests are sent over and over, the caller takes ordinal modulo their
// number instead.
func Entry(ordinal uint64, multiple float64) int {
	if !(multiple > 0) {
		multiple = 1
	}
	entry := int(float64(ordinal) / multiple)
	for through(entry+1, multiple) <= ordinal {
		entry++
	}
	for entry > 0 && through(entry, multiple) > ordinal {
		entry--
	}
	return entry
}

// Total is the number of arrivals that a recording of so many entries makes.
func Total(entries int, multiple float64) uint64 { return through(max(entries, 0), multiple) }
