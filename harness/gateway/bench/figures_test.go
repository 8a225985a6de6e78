package main

import (
	"testing"
	"time"
)

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name          string
		atMost        bool
		rounds        []float64
		missed, noisy bool
	}{
		{"below the ceiling", true, []float64{1, 2, 3}, false, false},
		{"above it, always", true, []float64{11, 12, 13}, true, false},
		{"above it by less than the noise", true, []float64{9, 10.5, 13}, false, false},
		{"anything", true, []float64{1, 30, 60}, false, true},
		{"anything, but below", true, []float64{-90, 1, 9}, false, false},
		{"above the floor", false, []float64{10, 11, 40}, false, false},
		{"below it, always", false, []float64{5, 6, 7}, true, false},
		{"below it by less than the noise", false, []float64{8, 9, 12}, false, false},
	} {
		f := figure{floor: 10, atMost: test.atMost, rounds: test.rounds}
		if (f.missed() && !f.noisy()) != test.missed || f.noisy() != test.noisy {
			t.Errorf("%s: missed %t, noisy %t", test.name, f.missed(), f.noisy())
		}
	}
}

func TestQuantiles(t *testing.T) {
	var values []time.Duration
	for i := range 100 {
		values = append(values, time.Duration(100-i))
	}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := quantile(values, share); got != want {
			t.Errorf("quantile %g is %d, want %d", share, got, want)
		}
	}
	if m := (&figure{rounds: []float64{4, 1, 2, 3}}).median(); m != 2.5 {
		t.Errorf("median %g", m)
	}
}
