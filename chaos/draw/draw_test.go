package draw_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/chaos/draw"
	"github.com/shakedown-dev/shakedown/chaos/order"
)

func TestDrawsAreEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, share := rapid.Uint64().Draw(t, "seed"), rapid.Float64Range(0, 1).Draw(t, "share")
		const n = 20_000
		hits := 0
		for i := range uint64(n) {
			if draw.Share(share, seed, i) {
				hits++
			}
			if f := draw.Float(seed, i); f < 0 || f >= 1 {
				t.Fatalf("%v is not in [0, 1)", f)
			}
		}
		if got := float64(hits) / n; got < share-0.025 || got > share+0.025 { // over five standard deviations
			t.Errorf("%.3f were hit, want %.3f", got, share)
		}
	})
}

func TestSharesOfNothingAndOfAll(t *testing.T) {
	for i := range uint64(10_000) {
		if draw.Share(0, 1, i) || !draw.Share(1, 1, i) {
			t.Fatal("a share of 0 hits, or one of 1 misses")
		}
	}
}

func TestLatencyHasItsPercentiles(t *testing.T) {
	l := order.Latency{P50: 200 * time.Millisecond, P99: 2 * time.Second}
	times := make([]time.Duration, 100_000)
	for i := range times {
		times[i] = draw.Latency(l, 42, uint64(i))
	}
	slices.Sort(times)
	near := func(got, want time.Duration) bool { return got > want*95/100 && got < want*105/100 }
	if p50, p99 := times[len(times)/2], times[len(times)*99/100]; !near(p50, l.P50) || !near(p99, l.P99) {
		t.Errorf("p50 %v and p99 %v, want %v and %v", p50, p99, l.P50, l.P99)
	}
	for _, constant := range []order.Latency{{P50: time.Second}, {P50: time.Second, P99: time.Second}, {}} {
		if got := draw.Latency(constant, 1, 1); got != constant.P50 {
			t.Errorf("%+v gives %v", constant, got)
		}
	}
}

// What is longer than any duration is not shorter than all.
func TestLatencyIsNeverNegative(t *testing.T) {
	l := order.Latency{P50: 1, P99: 366 * 24 * time.Hour}
	for i := range uint64(100_000) {
		if got := draw.Latency(l, 7, i); got < 0 {
			t.Fatalf("%v for %d", got, i)
		}
	}
}

func TestIdentifiersDiffer(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(3) {
		for n := range uint64(10_000) {
			id := draw.ID(seed, n)
			if seen[id] || len(id) != 20 {
				t.Fatalf("%s twice, or not of 20 characters", id)
			}
			seen[id] = true
		}
	}
}
