package replay

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// readTimes reads one time a line: RFC 3339, or a number of seconds. Lines
// that begin with # are comments. Its requests have nothing but a time,
// whatever the options say.
func readTimes(src *source, g *gathering) error {
	g.o.TimesOnly = true
	return src.each(g, true, func(line []byte) {
		at, ok := parseTime(string(line))
		if !ok {
			g.malformed("is not a time", line)
			return
		}
		g.add(entry{at: at, timed: true}, line)
	})
}

// layouts of times as logs have them; a fraction of the second may follow the
// seconds in each. Times without a zone are UTC.
var layouts = []string{time.RFC3339, clf, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05"}

// clf is the time of the common log format.
const clf = "02/Jan/2006:15:04:05 -0700"

// parseTime reads a time as nanoseconds since 1970. A number is in seconds,
// milliseconds, microseconds or nanoseconds, by its size: seconds up to 10^11
// (the year 5138), and each of the others a thousand times as far.
func parseTime(text string) (int64, bool) {
	if text == "" {
		return 0, false
	}
	if strings.Trim(text, "0123456789.eE+") == "" || strings.Trim(text, "0123456789.eE+-") == "" && strings.ContainsAny(text, "eE") {
		return parseNumber(text)
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return inRange(t)
		}
	}
	return 0, false
}

// inRange is the time since 1970, between 1970 and 2200: the distance between
// two such times is a duration.
func inRange(t time.Time) (int64, bool) {
	if t.Unix() < 0 || t.Year() > 2200 {
		return 0, false
	}
	return t.UnixNano(), true
}

// parseNumber reads a number of seconds, or of one of the finer units, to the
// nanosecond unless it has an exponent.
func parseNumber(text string) (int64, bool) {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || value < 0 || math.IsInf(value, 0) {
		return 0, false
	}
	unit := 1e9 // nanoseconds
	for limit := 1e11; value >= limit && unit > 1; limit *= 1000 {
		unit /= 1000
	}
	if value*unit > 7e18 { // the year 2191
		return 0, false
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.ContainsAny(fraction, "eE+-") {
		return int64(value * unit), true
	}
	part := 0.0
	if fraction != "" {
		if part, err = strconv.ParseFloat("0."+fraction, 64); err != nil {
			return 0, false
		}
	}
	return n*int64(unit) + int64(math.Round(part*unit)), true
}
