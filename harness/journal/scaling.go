package journal

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// DecisionCause is the cause of what a decision leads to: instances that start
// or stop, and operations.
func DecisionCause(id int, words string) string {
	return fmt.Sprintf("scale decision %d: %s", id, words)
}

// DecisionOf is the decision that a cause names, 0 if it names none.
func DecisionOf(cause string) int {
	rest, ok := strings.CutPrefix(cause, "scale decision ")
	number, _, _ := strings.Cut(rest, ":")
	id, err := strconv.Atoi(number)
	if !ok || err != nil {
		return 0
	}
	return id
}

// The buckets of Tally.Times grow by a quarter of a doubling from 100
// microseconds on: the one of a time has an upper bound at most 19 % above it.
const timesBase = float64(100 * time.Microsecond)

// TimesBucket is the bucket that a time is counted in; 0 holds all up to 100
// microseconds.
func TimesBucket(took time.Duration) int {
	if float64(took) <= timesBase {
		return 0
	}
	return int(math.Ceil(4 * math.Log2(float64(took)/timesBase)))
}

// TimesBound is the upper bound of a bucket.
func TimesBound(bucket int) time.Duration {
	return time.Duration(timesBase * math.Exp2(float64(bucket)/4))
}
