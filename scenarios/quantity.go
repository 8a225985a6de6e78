package scenarios

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, written as Go writes it ("250ms", "1m30s"),
// with "d" for days besides.
type Duration time.Duration

// A formError is text that could not be read: what is wrong and how
// to write it.
type formError struct{ message, hint string }

func (e *formError) Error() string { return e.message + "; " + e.hint }

func badForm(text, message, hint string) error {
	return &formError{fmt.Sprintf("%q %s", shorten(text), message), hint}
}

// The longest duration that is read, so that sums of some cannot overflow.
const longest = 366 * 24 * time.Hour

// ParseDuration reads a duration of up to 366 days; negative ones are refused.
func ParseDuration(s string) (Duration, error) {
	const hint = "write it like 250ms, 30s or 2m"
	text := strings.TrimSpace(s)
	days := 0.0
	if number, rest, ok := strings.Cut(text, "d"); ok {
		n, err := parseNumber(number)
		if err != nil {
			return 0, badForm(s, "is not a duration", hint)
		}
		days, text = n*float64(24*time.Hour), rest
	}
	var d time.Duration
	if text != "" || days == 0 {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			return 0, badForm(s, "is not a duration", hint)
		}
	}
	switch {
	case d < 0 || days < 0:
		return 0, badForm(s, "is negative", "durations count forward")
	case days > float64(longest) || d > longest-time.Duration(days):
		return 0, badForm(s, "is too long", "the longest duration is 366d")
	}
	return Duration(days) + Duration(d), nil
}

// parseNumber reads a decimal number that is finite; forms that only a
// program would write (hexadecimal, inf, nan, 1_000) are refused.
func parseNumber(s string) (float64, error) {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789.eE+-") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// String is the form that ParseDuration reads.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText is String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDuration.
func (d *Duration) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDuration(string(b))
	return err
}

// Std is the duration as the standard library has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Rate is a number of events a second.
type Rate float64

// ParseRate reads "40/s", "90/m" or "90/min", "7200/h", up to a billion.
func ParseRate(s string) (Rate, error) {
	number, unit, ok := strings.Cut(s, "/")
	per, known := map[string]float64{"s": 1, "m": 60, "min": 60, "h": 3600}[strings.TrimSpace(unit)]
	n, err := parseNumber(number)
	switch {
	case !ok || !known || err != nil:
		return 0, badForm(s, "is not a rate", "write it like 40/s or 90/min")
	case n < 0:
		return 0, badForm(s, "is negative", "a rate is zero or more")
	case n > 1e9:
		return 0, badForm(s, "is too high", "a rate goes up to 1000000000/s")
	}
	return Rate(n / per), nil
}

// String is the rate a second.
func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'g', -1, 64) + "/s" }

// MarshalText is String.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRate.
func (r *Rate) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRate(string(b))
	return err
}

// Percent is a share of a whole, 0 to 100.
type Percent float64

// ParsePercent reads "99.9%".
func ParsePercent(s string) (Percent, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(s), "%")
	n, err := parseNumber(number)
	switch {
	case !ok || err != nil:
		return 0, badForm(s, "is not a percentage", "write it like 99.9%")
	case n < 0 || n > 100:
		return 0, badForm(s, "is no share of a whole", "a percentage goes from 0% to 100%")
	}
	return Percent(n), nil
}

// String is the form that ParsePercent reads.
func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'g', -1, 64) + "%" }

// MarshalText is String.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is ParsePercent.
func (p *Percent) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePercent(string(b))
	return err
}

// Factor is a multiple, written "5x".
type Factor float64

// ParseFactor reads "5x"; it must be between 0.001x and 1000000x.
func ParseFactor(s string) (Factor, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(s), "x")
	n, err := parseNumber(number)
	switch {
	case !ok || err != nil:
		return 0, badForm(s, "is not a factor", "write it like 5x")
	case n < 0.001 || n > 1e6:
		return 0, badForm(s, "is out of range", "a factor goes from 0.001x to 1000000x")
	}
	return Factor(n), nil
}

// String is the form that ParseFactor reads.
func (f Factor) String() string { return strconv.FormatFloat(float64(f), 'g', -1, 64) + "x" }

// MarshalText is String.
func (f Factor) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText is ParseFactor.
func (f *Factor) UnmarshalText(b []byte) (err error) {
	*f, err = ParseFactor(string(b))
	return err
}

// Skew is how sessions fall on the tenants of a cohort: 0 for uniform, else
// the exponent of a Zipf distribution.
type Skew float64

// ParseSkew reads "uniform" or "zipf(1.1)", with an exponent above 0 and up to 5.
func ParseSkew(s string) (Skew, error) {
	text := strings.TrimSpace(s)
	if text == "uniform" {
		return 0, nil
	}
	inner, opened := strings.CutPrefix(text, "zipf(")
	inner, closed := strings.CutSuffix(inner, ")")
	n, err := parseNumber(inner)
	switch {
	case !opened || !closed || err != nil:
		return 0, badForm(s, "is not a skew", "write uniform or zipf(1.1)")
	case !(n > 0 && n <= 5):
		return 0, badForm(s, "is out of range", "the exponent is above 0 and at most 5")
	}
	return Skew(n), nil
}

// String is the form that ParseSkew reads.
func (s Skew) String() string {
	if s == 0 {
		return "uniform"
	}
	return "zipf(" + strconv.FormatFloat(float64(s), 'g', -1, 64) + ")"
}

// MarshalText is String.
func (s Skew) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSkew.
func (s *Skew) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSkew(string(b))
	return err
}

// The form of the names of scenarios, phases, cohorts, journeys and steps.
const namePattern = "^[a-z0-9][a-z0-9-]*$"

var nameForm = regexp.MustCompile(namePattern)

// Moment is a point in a phase: its name and an offset into it.
type Moment struct {
	Phase  string
	Offset Duration
}

// ParseMoment reads "phase" or "phase + 30s".
func ParseMoment(s string) (Moment, error) {
	phase, offset, later := strings.Cut(s, "+")
	m := Moment{Phase: strings.TrimSpace(phase)}
	if !nameForm.MatchString(m.Phase) {
		return Moment{}, badForm(s, "is not a moment", "write the name of a phase, with an offset into it if need be: surge + 30s")
	}
	if !later {
		return m, nil
	}
	var err error
	if m.Offset, err = ParseDuration(offset); err != nil {
		return Moment{}, badForm(s, "is not a moment", "write it like surge + 30s")
	}
	return m, nil
}

// String is the form that ParseMoment reads.
func (m Moment) String() string {
	if m.Offset == 0 {
		return m.Phase
	}
	return m.Phase + " + " + m.Offset.String()
}

// MarshalText is String.
func (m Moment) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is ParseMoment.
func (m *Moment) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMoment(string(b))
	return err
}

// A Portion is a number of instances, or a percentage of those wanted: 1, 25%.
type Portion struct {
	Number  int
	Percent Percent // used if it is not 0
}

// mostInstances is how many a service may have.
const mostInstances = 100

// ParsePortion reads "1", up to 100, or "25%".
func ParsePortion(s string) (Portion, error) {
	text := strings.TrimSpace(s)
	if strings.HasSuffix(text, "%") {
		percent, err := ParsePercent(text)
		return Portion{Percent: percent}, err
	}
	n, err := strconv.Atoi(text)
	switch {
	case text == "" || strings.Trim(text, "0123456789") != "":
		return Portion{}, badForm(s, "is neither a number of instances nor a percentage", "write it like 1 or 25%")
	case err != nil || n > mostInstances:
		return Portion{}, badForm(s, "is out of range", fmt.Sprintf("give a number from 0 to %d, or a percentage", mostInstances))
	}
	return Portion{Number: n}, nil
}

// Of is how many of so many instances it is, rounded up or down.
func (p Portion) Of(instances int, up bool) int {
	if p.Percent == 0 {
		return p.Number
	}
	n := float64(p.Percent) * float64(instances) / 100
	if up {
		return int(math.Ceil(n))
	}
	return int(math.Floor(n))
}

// String is the form that ParsePortion reads.
func (p Portion) String() string {
	if p.Percent != 0 {
		return p.Percent.String()
	}
	return strconv.Itoa(p.Number)
}

// MarshalText is String.
func (p Portion) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is ParsePortion.
func (p *Portion) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePortion(string(b))
	return err
}

// Level is a plain number, as a metric has it: a duration is given in seconds, a
// percentage as a ratio. It is written as it is meant: 500ms, 90%, 1000.
type Level float64

// ParseLevel reads a number, a duration or a percentage.
func ParseLevel(s string) (Level, error) {
	if p, err := ParsePercent(s); err == nil && strings.HasSuffix(strings.TrimSpace(s), "%") {
		return Level(math.Round(float64(p)*1e10) / 1e12), nil // 99.9% is 0.999, to the last digit
	}
	if n, err := parseNumber(s); err == nil {
		return Level(n), nil
	}
	d, err := ParseDuration(s)
	if err != nil {
		return 0, badForm(s, "is neither a number nor a duration nor a percentage", "write it like 1000, 500ms or 90%")
	}
	return Level(d.Std().Seconds()), nil
}

// String is the number.
func (l Level) String() string { return strconv.FormatFloat(float64(l), 'g', -1, 64) }

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(b []byte) (err error) {
	*l, err = ParseLevel(string(b))
	return err
}
