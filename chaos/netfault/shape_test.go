package netfault

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// TestShapesKeepTheOrder holds for any packets under any fault: none goes on before one that
// came before, nor before it came; and again with the same seed it is the same.
func TestShapesKeepTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := order.Packets{
			Kind:    rapid.SampledFrom([]string{order.Delay, order.Loss, order.Bandwidth}).Draw(t, "kind"),
			Latency: time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(t, "latency")),
			Share:   rapid.Float64Range(0, 1).Draw(t, "share"),
			Rate:    rapid.Int64Range(1, 1<<40).Draw(t, "rate"),
		}
		p.Jitter = time.Duration(rapid.Int64Range(0, int64(p.Latency)).Draw(t, "jitter"))
		seed := rapid.Uint64().Draw(t, "seed")
		first, again := newShape(p, seed, inbound), newShape(p, seed, inbound)
		now, last := time.Duration(0), time.Duration(0)
		for range rapid.IntRange(1, 100).Draw(t, "packets") {
			now += time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause"))
			size := rapid.IntRange(1, 64<<10).Draw(t, "size")
			at, drop := first.decide(now, size)
			if at2, drop2 := again.decide(now, size); at2 != at || drop2 != drop {
				t.Fatalf("at %s: %s, %v, and with the same seed %s, %v", now, at, drop, at2, drop2)
			}
			if drop {
				continue
			}
			if at < now || at < last {
				t.Fatalf("a packet that came at %s goes on at %s, after one of %s", now, at, last)
			}
			last = at
		}
	})
}

func TestDelayIsEvenAroundItsLatency(t *testing.T) {
	s := newShape(order.Packets{Kind: order.Delay, Latency: 50 * time.Millisecond, Jitter: 20 * time.Millisecond}, 1, inbound)
	least, most, sum := time.Hour, time.Duration(0), time.Duration(0)
	const count = 10_000
	for i := range count {
		now := time.Duration(i) * time.Second // none waits for another
		at, _ := s.decide(now, 100)
		least, most, sum = min(least, at-now), max(most, at-now), sum+at-now
	}
	if mean := sum / count; least < 30*time.Millisecond || most > 70*time.Millisecond || most-least < 39*time.Millisecond || (mean-50*time.Millisecond).Abs() > time.Millisecond {
		t.Errorf("delays are %s to %s and %s in the mean, want 30ms to 70ms and 50ms", least, most, mean)
	}
}

func TestLossIsOneOfDirectionAndSeed(t *testing.T) {
	fates := func(seed uint64, to toward) (lost int, fates string) {
		s := newShape(order.Packets{Kind: order.Loss, Share: 0.2}, seed, to)
		for range 10_000 {
			if _, drop := s.decide(0, 100); drop {
				lost++
				fates += "-"
			} else {
				fates += "+"
			}
		}
		return lost, fates
	}
	lost, in := fates(1, inbound)
	_, out := fates(1, outbound)
	_, other := fates(2, inbound)
	if math.Abs(float64(lost)-2000) > 160 { // four standard deviations
		t.Errorf("%d of 10,000 were lost, want a fifth", lost)
	}
	if in == out || in == other {
		t.Error("both directions, or two seeds, have the same fate")
	}
}

func TestBandwidthIsALinkWithAQueue(t *testing.T) {
	s := newShape(order.Packets{Kind: order.Bandwidth, Rate: 10_000}, 1, outbound)
	for i, c := range []struct {
		now  time.Duration
		at   time.Duration
		drop bool
	}{
		{0, 100 * time.Millisecond, false}, // 1000 bytes
		{0, 200 * time.Millisecond, false},
		{0, 300 * time.Millisecond, false}, // has waited for as long as the queue is
		{0, 0, true},
		{90 * time.Millisecond, 0, true},
		{100 * time.Millisecond, 400 * time.Millisecond, false},
		{time.Second, 1100 * time.Millisecond, false}, // nothing was saved up
	} {
		if at, drop := s.decide(c.now, 1000); at != c.at || drop != c.drop {
			t.Errorf("packet %d: %s, %v, want %s, %v", i, at, drop, c.at, c.drop)
		}
	}
}

// A limit that nobody reaches has no effect, and must not look as if it had.
func TestOnlyPacketsThatAnybodyWouldMissAreHeldUp(t *testing.T) {
	wide := newShape(order.Packets{Kind: order.Bandwidth, Rate: 10_000_000}, 1, outbound)
	narrow := newShape(order.Packets{Kind: order.Bandwidth, Rate: 10_000}, 1, outbound)
	for i := range 100 {
		now := time.Duration(i) * time.Second
		if at, _ := wide.decide(now, 1500); wide.late(now, at) {
			t.Fatalf("packet %d counts as held up for %s", i, at-now)
		}
		if at, _ := narrow.decide(now, 1500); !narrow.late(now, at) {
			t.Fatalf("packet %d was held up for %s and does not count", i, at-now)
		}
	}
}
