package scenarios

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Cores is an amount of CPU, in cores.
type Cores float64

// ParseCores reads "0.5", "2" or, in thousandths, "500m"; above 0 and up to 1024.
func ParseCores(s string) (Cores, error) {
	text, milli := strings.CutSuffix(strings.TrimSpace(s), "m")
	n, err := parseNumber(text)
	if milli {
		n /= 1000
	}
	switch {
	case err != nil:
		return 0, badForm(s, "is no number of cores", "write it like 0.5, 2 or 500m")
	case n < 0.001 || n > 1024:
		return 0, badForm(s, "is out of range", "give a number of cores from 0.001 to 1024")
	}
	return Cores(n), nil
}

// String is the form that ParseCores reads.
func (c Cores) String() string { return strconv.FormatFloat(float64(c), 'g', -1, 64) }

// MarshalText is String.
func (c Cores) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is ParseCores.
func (c *Cores) UnmarshalText(b []byte) (err error) {
	*c, err = ParseCores(string(b))
	return err
}

// Milli is the amount in thousandths of a core, as Kubernetes counts.
func (c Cores) Milli() int64 { return int64(math.Round(float64(c) * 1000)) }

// Bytes is an amount of memory.
type Bytes int64

var byteUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
}

// ParseBytes reads "512MiB" or "2GB", from 1KiB to 1024TiB. A unit is needed:
// what M alone means, compose and Kubernetes do not agree on.
func ParseBytes(s string) (Bytes, error) {
	text := strings.TrimSpace(s)
	for _, unit := range byteUnits {
		number, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := parseNumber(number)
		switch n *= unit.bytes; {
		case err != nil:
			return 0, badForm(s, "is no size", "write it like 512MiB or 2GB")
		case n < 1<<10 || n > 1<<50:
			return 0, badForm(s, "is out of range", "give a size from 1KiB to 1024TiB")
		}
		return Bytes(math.Round(n)), nil
	}
	return 0, badForm(s, "is no size", "write it like 512MiB or 2GB")
}

// String is a form that ParseBytes reads: with the largest unit that divides it.
func (b Bytes) String() string {
	for i := 3; i >= 0; i-- {
		if unit := Bytes(byteUnits[i].bytes); b >= unit && b%unit == 0 {
			return fmt.Sprintf("%d%s", b/unit, byteUnits[i].suffix)
		}
	}
	return strconv.FormatFloat(float64(b)/(1<<10), 'g', -1, 64) + "KiB"
}

// MarshalText is String.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText is ParseBytes.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBytes(string(text))
	return err
}

// IsZero tells that neither is set.
func (c ResourceClass) IsZero() bool { return c == ResourceClass{} }

// Or is the class with what it leaves out taken from another.
func (c ResourceClass) Or(other ResourceClass) ResourceClass {
	if c.CPUs == 0 {
		c.CPUs = other.CPUs
	}
	if c.Memory == 0 {
		c.Memory = other.Memory
	}
	return c
}

// Value is what a metric is compared with: a plain number, a percentage (50 for
// 50%), a rate a second, a size in bytes, or a duration in seconds.
type Value struct {
	Number float64
	// Unit is "", "%", "/s", "B" or "s".
	Unit string
}

// ParseValue reads "50", "50%", "40/s", "512MiB" or "250ms"; it is zero or more.
func ParseValue(s string) (Value, error) {
	text := strings.TrimSpace(s)
	if n, err := parseNumber(text); err == nil {
		return checkedValue(s, Value{Number: n})
	}
	if number, ok := strings.CutSuffix(text, "%"); ok { // utilization goes beyond 100%
		if n, err := parseNumber(number); err == nil {
			return checkedValue(s, Value{n, "%"})
		}
	}
	if r, err := ParseRate(text); err == nil {
		return Value{float64(r), "/s"}, nil
	}
	if b, err := ParseBytes(text); err == nil {
		return Value{float64(b), "B"}, nil
	}
	if d, err := ParseDuration(text); err == nil {
		return Value{d.Std().Seconds(), "s"}, nil
	}
	return Value{}, badForm(s, "is no value of a metric", "write a number, a percentage, a rate, a size or a duration: 50, 70%, 40/s, 64MiB, 250ms")
}

func checkedValue(s string, v Value) (Value, error) {
	if v.Number < 0 || v.Number > 1e15 {
		return Value{}, badForm(s, "is out of range", "a value is from 0 to 1000000000000000")
	}
	return v, nil
}

// String is the form that ParseValue reads.
func (v Value) String() string {
	switch v.Unit {
	case "/s":
		return Rate(v.Number).String()
	case "B":
		return Bytes(v.Number).String()
	case "s":
		return Duration(math.Round(v.Number * float64(time.Second))).String()
	}
	return strconv.FormatFloat(v.Number, 'g', -1, 64) + v.Unit
}

// MarshalText is String.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText is ParseValue.
func (v *Value) UnmarshalText(b []byte) (err error) {
	*v, err = ParseValue(string(b))
	return err
}
