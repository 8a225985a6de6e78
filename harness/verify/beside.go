package verify

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// What stands beside a limit is written with as many digits as tell the two apart:
// "15.5%; the limit is 15.52%" says neither that it is beyond it nor that it is not.

// mostDigits is how many significant digits there are to tell numbers apart by.
const mostDigits = 15

// beside is figure with more digits where a limit asks for them: 15.53 beside 15.52.
func beside(v, limit float64) string {
	if math.Abs(v-limit) <= 100*tiny { // as percentages, what rounding comes to in a share
		v = limit
	}
	apart := func(text string) bool {
		shown, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
		return err == nil && cmp.Compare(shown, limit) == cmp.Compare(v, limit)
	}
	if text := figure(v); apart(text) {
		return text
	}
	whole := int(math.Log10(max(1, math.Abs(v)))) + 1 // digits before the point
	for digits := max(4, whole); digits < mostDigits; digits++ {
		if text := strconv.FormatFloat(v, 'g', digits, 64); apart(text) {
			return text
		}
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// percentBeside is percent beside a limit.
func percentBeside(share float64, limit scenarios.Percent) string {
	return beside(100*share, float64(limit)) + "%"
}

// shareBeside is percentBeside where there may be no limit.
func shareBeside(share float64, limit *scenarios.Percent) string {
	if limit == nil {
		return percent(share)
	}
	return percentBeside(share, *limit)
}

// factorBeside is factor beside a limit.
func factorBeside(v float64, limit scenarios.Factor) string { return beside(v, float64(limit)) + "x" }

// latencyBeside is latency beside a limit.
func latencyBeside(d, limit time.Duration) string {
	text := latency(d)
	if shown, err := time.ParseDuration(text); err == nil && cmp.Compare(shown, limit) == cmp.Compare(d, limit) {
		return text
	}
	return d.String()
}

// offsetBeside is offset beside a limit.
func offsetBeside(d, limit time.Duration) string {
	if cmp.Compare(d.Round(time.Millisecond), limit) == cmp.Compare(d, limit) {
		return offset(d)
	}
	return strings.TrimRight(strconv.FormatFloat(d.Seconds(), 'f', 9, 64), "0") + " s"
}
