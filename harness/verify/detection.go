package verify

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// When an alert fires at the earliest, as far as its expression tells. One on the
// share of bad events of a window is true once as much of the window is bad as its
// threshold says: after (1-SLO) / share of errors * window * burn, in the words of
// burn rates. With nothing but errors that is threshold * window, which is when it
// fires at the earliest. Of other expressions it is only known that it is true
// by the time that the window is full of what it is about.

// A detection is the time that an alert takes.
type detection struct {
	window   time.Duration // the longest range that it looks back over, recording rules too
	share    float64       // of the window that has to be bad
	told     bool          // else the share is not known, and is 1
	hold     time.Duration
	interval time.Duration
	scrape   time.Duration
}

// rise is how long a cause lasts at least until the expression can be true: none
// where the share is not known.
func (d detection) rise() time.Duration {
	if !d.told {
		return 0
	}
	return time.Duration(d.share * float64(d.window))
}

// enough is the time after which the alert fires for certain, of a cause in which
// everything is bad.
func (d detection) enough() time.Duration {
	return time.Duration(d.share*float64(d.window)) + d.hold + d.interval + d.scrape
}

// soonest is the time after which the alert fires at the earliest: of an expression of
// which the share is not known as soon as it can be true.
func (d detection) soonest() time.Duration { return d.rise() + d.hold + d.interval + d.scrape }

// never tells that no cause of a length makes the alert fire, however bad it is: it
// is over before enough of the window is bad, or the window has forgotten it before
// the alert was pending for long enough.
func (d detection) never(length time.Duration) bool {
	return d.rise() > length || d.rise()+d.hold > length+d.window
}

// detections are those of an alert: of an expression of several that are joined by
// "or" that of each.
func (r alertRecord) detections(l journal.Rule, scrape time.Duration) []detection {
	parts := alternatives(l.Expr)
	var list []detection
	for _, part := range parts {
		d := detection{share: 1, hold: l.For, interval: l.Interval, scrape: scrape}
		records := r.recordedIn(l, part)
		ranges := rangesIn(part)
		if len(parts) == 1 {
			ranges = slices.Concat(ranges, l.Ranges)
		}
		texts := []string{part}
		slowest := time.Duration(0)
		for _, record := range records {
			ranges = slices.Concat(ranges, record.Ranges)
			texts = append(texts, record.Expr)
			if record.Group != l.Group {
				slowest = max(slowest, record.Interval)
			}
		}
		d.interval += slowest
		for _, one := range ranges {
			d.window = max(d.window, one)
		}
		thresholds := thresholdsIn(part)
		if len(thresholds) == 0 && len(parts) == 1 && l.Threshold != nil {
			thresholds = []comparison{{l.Compare, *l.Threshold}}
		}
		d.share, d.told = shareOf(thresholds, texts)
		list = append(list, d)
	}
	return list
}

// recordedIn are the recording rules that a part of an expression goes by.
func (r alertRecord) recordedIn(l journal.Rule, part string) []journal.Rule {
	only := l
	only.Metrics = slices.DeleteFunc(slices.Clone(l.Metrics), func(name string) bool { return !names(part, name) })
	return r.recorded(only)
}

// shareOf is the share of a window that has to be bad before all of some thresholds
// are passed, where the texts are of a share: what was divided, and is no quantile.
func shareOf(thresholds []comparison, texts []string) (share float64, told bool) {
	all := strings.Join(texts, "\n")
	divided := slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(unquoted(t), "/") })
	if len(thresholds) == 0 || !divided || strings.Contains(all, "quantile") || strings.Contains(all, "predict_linear") {
		return 1, false
	}
	for _, t := range thresholds {
		one := t.value
		if strings.HasPrefix(t.operator, "<") {
			one = 1 - one
		}
		if one < 0 || one >= 1 {
			return 1, false
		}
		share = max(share, one)
	}
	return share, true
}

// A comparison is an operator and the number after it.
type comparison struct {
	operator string
	value    float64
}

var comparisons = regexp.MustCompile(`(>=|<=|>|<)\s*(?:bool\s+)?\(?\s*([0-9][0-9.eE-]*)((?:\s*\*\s*[0-9][0-9.eE-]*)*)`)

// thresholdsIn are the comparisons with numbers, or with products of some.
func thresholdsIn(expr string) []comparison {
	var list []comparison
	for _, m := range comparisons.FindAllStringSubmatch(unquoted(expr), -1) {
		product, err := strconv.ParseFloat(m[2], 64)
		for factor := range strings.SplitSeq(m[3], "*") {
			if factor = strings.TrimSpace(factor); factor != "" && err == nil {
				var f float64
				f, err = strconv.ParseFloat(factor, 64)
				product *= f
			}
		}
		if err == nil {
			list = append(list, comparison{m[1], product})
		}
	}
	return list
}

var (
	selectors = regexp.MustCompile(`\[\s*([0-9a-z]+)\s*[:\]]`)
	units     = regexp.MustCompile(`([0-9]+)(ms|[smhdwy])`)
	lengths   = map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
		"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour}
)

// rangesIn are the ranges that an expression has in brackets.
func rangesIn(expr string) []time.Duration {
	var list []time.Duration
	for _, m := range selectors.FindAllStringSubmatch(unquoted(expr), -1) {
		sum := time.Duration(0)
		for _, part := range units.FindAllStringSubmatch(m[1], -1) {
			n, err := strconv.Atoi(part[1])
			if err == nil {
				sum += time.Duration(n) * lengths[part[2]]
			}
		}
		if sum > 0 {
			list = append(list, sum)
		}
	}
	return list
}

// alternatives are the parts of an expression that "or" joins at its top.
func alternatives(expr string) []string {
	text := unquoted(expr)
	depth, begin := 0, 0
	var parts []string
	for i := range len(text) {
		switch text[i] {
		case '(', '{', '[':
			depth++
		case ')', '}', ']':
			depth--
		case 'o', 'O':
			if depth == 0 && i > 0 && !word(text[i-1]) && i+2 < len(text) && strings.EqualFold(text[i:i+2], "or") && !word(text[i+2]) {
				parts = append(parts, expr[begin:i])
				begin = i + 2
			}
		}
	}
	return append(parts, expr[begin:])
}

// word tells whether a letter can be part of a name.
func word(c byte) bool {
	return c == '_' || c == ':' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// unquoted is an expression of the same length without what stands in quotes and in
// comments.
func unquoted(expr string) string {
	b := []byte(expr)
	var quote byte
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quote == '#' && c == '\n', quote != 0 && quote != '#' && c == quote:
			quote = 0
		case quote != 0 && quote != '#' && quote != '`' && c == '\\' && i+1 < len(b):
			b[i], b[i+1] = ' ', ' '
			i++
		case quote != 0:
			b[i] = ' '
		case c == '"' || c == '\'' || c == '`' || c == '#':
			quote = c
		}
	}
	return string(b)
}

// names tells whether an expression names something, in quotes too: a selector may
// have the name of a metric there.
func names(expr, name string) bool {
	for rest, at := expr, 0; ; {
		i := strings.Index(rest[at:], name)
		if i < 0 {
			return false
		}
		begin, end := at+i, at+i+len(name)
		if (begin == 0 || !word(rest[begin-1])) && (end == len(rest) || !word(rest[end])) {
			return true
		}
		at = begin + 1
	}
}
