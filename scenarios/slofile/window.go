package slofile

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// The units of durations of OpenSLO. A month is 30 days, a quarter 90, a year 365.
var units = map[string]time.Duration{
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
	"M": 30 * 24 * time.Hour, "Q": 90 * 24 * time.Hour, "Y": 365 * 24 * time.Hour,
}

var durationForm = regexp.MustCompile(`^([1-9][0-9]{0,5})([smhdwMQY])$`)

// longest is the longest window that is read.
const longest = 366 * 24 * time.Hour

// duration reads the short form of OpenSLO, a number and a unit.
func duration(text string) (time.Duration, bool) {
	parts := durationForm.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || time.Duration(n) > longest/units[parts[2]] {
		return 0, false
	}
	return time.Duration(n) * units[parts[2]], true
}

const durationHint = "write a number and one of s, m, h, d, w, M, Q and Y, as 28d; up to 366d"

// window reads the time window of an SLO: a list of one, or none.
func (f *fields) window() time.Duration {
	windows := f.list("timeWindow")
	if len(windows) == 0 {
		return defaultWindow
	}
	if len(windows) > 1 {
		f.r.report(f.at.to("timeWindow", 1), "a second time window", "OpenSLO allows one")
	}
	w := f.r.object(windows[0], f.at.to("timeWindow", 0))
	defer w.end()
	w.calendar()
	text := w.wanted("duration", "28d")
	lasts, ok := duration(text)
	if text != "" && !ok {
		w.r.report(w.at.to("duration"), fmt.Sprintf("%q is not a duration", shorten(text)), durationHint)
	}
	return lasts
}

// calendar reads whether a window begins at certain dates. A run has none: its budget
// is that of any window of that length.
func (f *fields) calendar() {
	rolling, given := f.flag("isRolling")
	calendar := f.object("calendar")
	if calendar != nil {
		calendar.wanted("startTime", "2026-01-01 00:00:00")
		calendar.wanted("timeZone", "UTC")
		calendar.end()
	}
	switch {
	case given && rolling && calendar != nil:
		f.r.report(f.at.to("calendar"), "a rolling window has no calendar", "set isRolling: false, or leave calendar out")
	case given && !rolling && calendar == nil:
		f.missing("calendar", "{startTime: ..., timeZone: ...}; or set isRolling: true")
	}
}

// slice is the length of a time slice: a duration, or a number of minutes.
func (f *fields) slice() time.Duration {
	value, there := f.get("timeSliceWindow")
	if !there {
		f.missing("timeSliceWindow", "1m")
		return 0
	}
	text, isText := value.(string)
	if minutes, ok := toFloat(value); ok && minutes == float64(int(minutes)) {
		text, isText = fmt.Sprintf("%.0fm", minutes), true
	}
	lasts, ok := duration(text)
	if !isText || !ok {
		f.r.report(f.at.to("timeSliceWindow"), describe(value)+" is not a duration", durationHint+"; a number alone is one of minutes")
	}
	return lasts
}
