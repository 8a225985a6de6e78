package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// count writes a whole number with commas.
func count(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// rate writes a number a second, below 1,000 with one decimal if there is one.
func rate(perSecond float64) string {
	if math.IsNaN(perSecond) || math.IsInf(perSecond, 0) {
		return "–"
	}
	if perSecond >= 1000 || math.Abs(perSecond-math.Round(perSecond)) < 0.05 {
		return count(int(math.Round(perSecond))) + "/s"
	}
	return strconv.FormatFloat(perSecond, 'f', 1, 64) + "/s"
}

// percent writes a share of a whole so that it never rounds up to 100 % or
// down to 0 %.
func percent(part, whole int) string {
	if whole <= 0 {
		return "–"
	}
	share := 100 * float64(part) / float64(whole)
	switch {
	case part > 0 && share < 0.01:
		return "< 0.01 %"
	case part < whole && share > 99.99:
		return "> 99.99 %"
	case share == math.Trunc(share):
		return strconv.FormatFloat(share, 'f', 0, 64) + " %"
	}
	return strconv.FormatFloat(share, 'f', 2, 64) + " %"
}

// span writes a duration with three significant digits: 182 ms, 1.24 s,
// 2m 05s. Nothing measured (0) is a dash.
func span(d time.Duration) string {
	switch {
	case d == 0:
		return "–"
	case d < 0:
		return "-" + span(-d)
	case d < 999500*time.Nanosecond:
		return digits(float64(d)/1e3) + " µs"
	case d < 999500*time.Microsecond:
		return digits(float64(d)/1e6) + " ms"
	case d < time.Minute-5*time.Millisecond:
		return digits(d.Seconds()) + " s"
	}
	s := int(math.Round(d.Seconds()))
	if s < 3600 {
		return fmt.Sprintf("%dm %02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh %02dm %02ds", s/3600, s/60%60, s%60)
}

// digits writes a number below 1,000 with three significant digits and no
// needless zeros.
func digits(v float64) string {
	decimals := 0
	switch {
	case v < 9.995:
		decimals = 2
	case v < 99.95:
		decimals = 1
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if decimals > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// moment writes an offset from the start of the run: 31.42 s, 12:05.4.
func moment(t time.Duration) string {
	if t < 0 {
		return "-" + moment(-t)
	}
	if t < 100*time.Second {
		return strconv.FormatFloat(t.Seconds(), 'f', 2, 64) + " s"
	}
	tenths := int(math.Round(t.Seconds() * 10))
	h, m, s := tenths/36000, tenths/600%60, float64(tenths%600)/10
	if h == 0 {
		return fmt.Sprintf("%d:%04.1f", m, s)
	}
	return fmt.Sprintf("%d:%02d:%04.1f", h, m, s)
}

// clean makes a text of the run safe for a terminal, an XML document and one
// line: control and formatting characters go, line breaks become spaces.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\ufffe', r == '\uffff':
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
}

// cut shortens a text to at most n characters.
func cut(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}
