package lifecycle

import (
	"strconv"
	"strings"
	"time"
)

// The defect ready-flaps: every period an instance is unready for flapFor, long
// enough for a balancer to notice, in a slot of its own.
const (
	flapEvery = 5 * time.Second
	flapSlots = 4
	flapFor   = 1200 * time.Millisecond // less than a slot
	// flapAfter is how long an instance is left in peace once it is ready.
	flapAfter = 2 * time.Second
)

// flaps tells whether an instance that became ready at since is unready at now.
// The slots are of the time of day, which the instances share, and neighbours
// have different ones: of four in a row, no two are unready at once.
func flaps(number int, since, now time.Time) bool {
	const slot = flapEvery / flapSlots
	own := time.Duration(number%flapSlots) * slot
	into := (time.Duration(now.UnixNano()%int64(flapEvery)) - own + flapEvery) % flapEvery
	began := now.Add(-into)
	return into < flapFor && !began.Before(since.Add(flapAfter))
}

// numberOf is the number at the end of a name such as api-2, 0 without one.
func numberOf(instance string) int {
	digits := instance[len(strings.TrimRight(instance, "0123456789")):]
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}
