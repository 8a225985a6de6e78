package main

import (
	"fmt"
	"slices"
	"time"
)

// A figure is one thing that is measured, once in each round.
type figure struct {
	name   string
	floor  float64 // 0: only told
	atMost bool    // the floor is a ceiling
	write  func(float64) string
	rounds []float64
}

func (f *figure) add(v float64) { f.rounds = append(f.rounds, v) }

func (f *figure) lowest() float64  { return slices.Min(f.rounds) }
func (f *figure) highest() float64 { return slices.Max(f.rounds) }

// median is the middle value, of an even number the mean of the two.
func (f *figure) median() float64 {
	sorted := slices.Sorted(slices.Values(f.rounds))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// missed tells whether the median misses the floor by more than half the range
// of the rounds.
func (f *figure) missed() bool {
	noise := (f.highest() - f.lowest()) / 2
	if f.atMost {
		return f.floor > 0 && f.median()-noise >= f.floor
	}
	return f.floor > 0 && f.median()+noise < f.floor
}

// noisy tells whether the rounds differ so much that they say nothing about the
// floor, unless all of them reach it.
func (f *figure) noisy() bool {
	if f.floor == 0 || f.atMost && f.highest() < f.floor || !f.atMost && f.lowest() >= f.floor {
		return false
	}
	return f.highest()-f.lowest() > f.floor
}

// wanted is the floor in words.
func (f *figure) wanted() string {
	switch {
	case f.floor == 0:
		return "-"
	case f.atMost:
		return "< " + f.write(f.floor)
	}
	return ">= " + f.write(f.floor)
}

// How figures are written; times are in nanoseconds.
func millis(v float64) string    { return fmt.Sprintf("%.3f ms", v/float64(time.Millisecond)) }
func micros(v float64) string    { return fmt.Sprintf("%.1f us", v/float64(time.Microsecond)) }
func perSecond(v float64) string { return fmt.Sprintf("%.0f/s", v) }

// quantile is the value below which that share of the values lies.
func quantile(values []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
