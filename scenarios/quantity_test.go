package scenarios

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	day := 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0s": 0, "0": 0, "250ms": 250 * time.Millisecond, "1m30s": 90 * time.Second, "1.5h": 90 * time.Minute,
		"2d": 2 * day, "1d12h": 36 * time.Hour, "0.5d": 12 * time.Hour, "366d": 366 * day, "3µs": 3 * time.Microsecond,
	} {
		if got, err := ParseDuration(text); err != nil || got.Std() != want {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
	if got, err := ParseDuration("\t 1s "); err != nil || got != Duration(time.Second) {
		t.Errorf("with spaces around: got %s, %v", got, err)
	}
	for _, text := range []string{"", "x", "30", "30 sec", "-1s", "-1d", "1d-2h", "NaNd", "infd", "1e9d", "367d", "9000h", "d", "1_0s", "0x1d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{"40/s": 40, "90 / m": 1.5, "90/min": 1.5, "7200/h": 2, "0/s": 0, "1.5/s": 1.5, "1e3/s": 1000} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "40", "/s", "40/", "40/d", "-1/s", "nan/s", "inf/s", "2e9/s", "0x10/s", "1_0/s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

func TestParsePercentAndFactor(t *testing.T) {
	for text, want := range map[string]Percent{"0%": 0, "99.9%": 99.9, "100 %": 100} {
		if got, err := ParsePercent(text); err != nil || got != want {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]Factor{"5x": 5, "0.5 x": 0.5} {
		if got, err := ParseFactor(text); err != nil || got != want {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "%", "101%", "-1%", "nan%"} {
		if got, err := ParsePercent(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
	for _, text := range []string{"", "5", "x", "0x", "-1x", "infx", "1e7x"} {
		if got, err := ParseFactor(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

func TestParseMoment(t *testing.T) {
	for text, want := range map[string]Moment{
		"surge": {Phase: "surge"}, " surge+30s": {"surge", Duration(30 * time.Second)}, "a-1 + 1m": {"a-1", Duration(time.Minute)},
	} {
		if got, err := ParseMoment(text); err != nil || got != want {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "+ 3s", "surge +", "surge + x", "surge - 3s", "surge + -3s", "Surge", "a b"} {
		if got, err := ParseMoment(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

func TestParsePortion(t *testing.T) {
	for text, want := range map[string]Portion{"0": {}, "1": {Number: 1}, " 100 ": {Number: 100}, "25%": {Percent: 25}, "33.3 %": {Percent: 33.3}, "0%": {}} {
		if got, err := ParsePortion(text); err != nil || got != want {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "+1", "1.5", "101", "101%", "-1%", "%", "99999999999999999999", "1_0", "0x1"} {
		if got, err := ParsePortion(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
	for _, c := range []struct {
		portion  Portion
		of       int
		up, down int
	}{
		{Portion{Percent: 25}, 4, 1, 1}, {Portion{Percent: 25}, 3, 1, 0}, {Portion{Percent: 25}, 5, 2, 1}, {Portion{Percent: 100}, 7, 7, 7},
		{Portion{Number: 2}, 1, 2, 2}, {Portion{}, 5, 0, 0}, {Portion{Percent: 25}, 0, 0, 0},
	} {
		if up, down := c.portion.Of(c.of, true), c.portion.Of(c.of, false); up != c.up || down != c.down {
			t.Errorf("%s of %d: %d and %d, want %d and %d", c.portion, c.of, up, down, c.up, c.down)
		}
	}
}

// Quantities that are written are read back as they were.
func TestQuantitiesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(rapid.Int64Range(0, int64(longest)).Draw(t, "duration"))
		if got, err := ParseDuration(d.String()); err != nil || got != d {
			t.Fatalf("%s: got %s, %v", d, got, err)
		}
		r := Rate(rapid.Float64Range(0, 1e9).Draw(t, "rate"))
		if got, err := ParseRate(r.String()); err != nil || got != r {
			t.Fatalf("%s: got %s, %v", r, got, err)
		}
		p := Percent(rapid.Float64Range(0, 100).Draw(t, "percent"))
		if got, err := ParsePercent(p.String()); err != nil || got != p {
			t.Fatalf("%s: got %s, %v", p, got, err)
		}
		f := Factor(rapid.Float64Range(0.001, 1e6).Draw(t, "factor"))
		if got, err := ParseFactor(f.String()); err != nil || got != f {
			t.Fatalf("%s: got %s, %v", f, got, err)
		}
		m := Moment{rapid.StringMatching("[a-z0-9][a-z0-9-]{0,8}").Draw(t, "phase"), d}
		if got, err := ParseMoment(m.String()); err != nil || got != m {
			t.Fatalf("%s: got %s, %v", m, got, err)
		}
	})
}

// What is accepted is finite, not negative, and survives being written.
func FuzzQuantities(f *testing.F) {
	for _, seed := range []string{"1d2h", "40/s", "99.9%", "5x", "surge + 30s", "-1s", "1e400/s", "NaN%", "0x", "1d1d", "12", "33.3%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, q := range []interface {
			encoding.TextUnmarshaler
			fmt.Stringer
		}{new(Duration), new(Rate), new(Percent), new(Factor), new(Portion)} {
			if err := q.UnmarshalText([]byte(text)); err != nil {
				var bad *formError
				if !errors.As(err, &bad) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%T %q: %v", q, text, err)
				}
				continue
			}
			written := q.String()
			if err := q.UnmarshalText([]byte(written)); err != nil || q.String() != written {
				t.Errorf("%T %q: written %s, read %s, %v", q, text, written, q, err)
			}
			if r, ok := q.(*Rate); ok && (math.IsNaN(float64(*r)) || math.Signbit(float64(*r)) || math.IsInf(float64(*r), 0)) {
				t.Errorf("%q: rate %v", text, *r)
			}
			if d, ok := q.(*Duration); ok && *d < 0 {
				t.Errorf("%q: duration %v", text, *d)
			}
		}
	})
}

func FuzzParseMoment(f *testing.F) {
	for _, seed := range []string{"surge", "surge + 30s", "a+", "+1s", "a + 1d", "a+b+c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMoment(text)
		if err != nil {
			return
		}
		if again, err := ParseMoment(m.String()); err != nil || again != m {
			t.Errorf("%q: written %s, read %s, %v", text, m, again, err)
		}
	})
}

// However many durations are added, the sum stays a length that is too long
// instead of becoming a negative one.
func TestSumsOfDurationsDoNotOverflow(t *testing.T) {
	var sum Duration
	for range 1000 {
		if sum = plus(sum, Duration(longest)); sum < Duration(longest) {
			t.Fatalf("got %s", sum)
		}
	}
	if got := plus(1, 2); got != 3 {
		t.Errorf("got %s", got)
	}
}
