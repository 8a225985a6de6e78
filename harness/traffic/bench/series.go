package main

import (
	"fmt"
	"slices"
	"time"
)

// A series is one figure of several repetitions.
type series []float64

func (s *series) add(v float64) { *s = append(*s, v) }

// median is the middle value, the lower of two.
func (s series) median() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(s))[(len(s)-1)/2]
}

// text is the median with the lowest and the highest.
func (s series) text(format func(float64) string) string {
	if len(s) == 0 {
		return "-"
	}
	if len(s) == 1 {
		return format(s[0])
	}
	return fmt.Sprintf("%s (%s-%s)", format(s.median()), format(slices.Min(s)), format(slices.Max(s)))
}

// How figures are written.
func perSecond(v float64) string { return fmt.Sprintf("%.0f/s", v) }
func percent(v float64) string   { return fmt.Sprintf("%.1f %%", v) }
func mebi(v float64) string      { return fmt.Sprintf("%.0f MiB", v/(1<<20)) }
func micros(v float64) string    { return fmt.Sprintf("%.1f us", v) }

// length writes nanoseconds with three digits.
func length(v float64) string {
	d := time.Duration(v)
	switch {
	case d == 0:
		return "-"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
