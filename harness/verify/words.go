package verify

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// count writes a number with a comma between thousands.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// join puts two remarks beside each other; either may be empty.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// plural is a number and its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// latency writes a duration with three significant digits: 312ms, 1.53s.
func latency(d time.Duration) string {
	for unit := time.Duration(1); unit < time.Hour; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(time.Second).String()
}

// offset writes a moment or a distance between two: 0.698 s.
func offset(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// between writes a stretch: "0.002 s to 0.698 s", or one moment.
func between(from, to time.Duration) string {
	if a, b := offset(from), offset(to); a != b {
		return a + " to " + b
	}
	return offset(from)
}

// share writes part of whole as a percentage, rounded down to three decimals
// of a percent, so that 100% means every single one.
func share(part, whole int) string {
	if whole == 0 {
		return "0%"
	}
	thousandths := math.Floor(float64(part) * 100_000 / float64(whole))
	return strconv.FormatFloat(thousandths/1000, 'f', -1, 64) + "%"
}

// figure writes a number with three significant digits: 4.05, 95.2, 1,234.
func figure(v float64) string {
	if v >= 1000 && v < 1e15 {
		return count(int(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// percent writes a share, which may be more than the whole, with three
// significant digits: 4.05%.
func percent(share float64) string { return figure(100*share) + "%" }

// seconds is a number of seconds as a duration.
func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

// kinds writes how often each kind of failure occurred, the most frequent
// first: "38 refused, 3 closed".
func kinds(of map[journal.Failure]int) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b journal.Failure) int {
		return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b))
	})
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = count(of[name]) + " " + string(name)
	}
	return strings.Join(parts, ", ")
}
