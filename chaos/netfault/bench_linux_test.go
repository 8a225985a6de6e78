package netfault

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// BenchmarkSwitch measures how long faults take to begin and to end, while packets are
// on their way.
func BenchmarkSwitch(b *testing.B) {
	s := serveThere(b, there)
	peers := []order.Fault{
		fault("partition", order.Packets{Kind: order.Partition, Port: 1}),
		fault("partition of new connections", order.Packets{Kind: order.Partition, Port: 1, Existing: order.SpareExisting}),
		fault("reset", order.Packets{Kind: order.Reset, Port: 1}),
		fault("delay", order.Packets{Kind: order.Delay, Latency: time.Millisecond}),
		fault("loss", order.Packets{Kind: order.Loss, Share: 0.01}),
		fault("bandwidth", order.Packets{Kind: order.Bandwidth, Rate: 100 << 20}),
		fault("connection limit", order.Packets{Kind: order.ConnectionLimit, Limit: 1, Port: 1}),
		{ID: "dns", DNS: &order.DNS{Answer: order.NXDomain}},
		{ID: "egress"},
	}
	for _, f := range peers {
		b.Run(f.ID, func(b *testing.B) {
			n := opened(b, Config{})
			c := must(b)(connect(b, s.at()))
			var on, off []time.Duration
			for b.Loop() {
				if err := echoWithin(c, time.Second); err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				var err error
				if f.ID == "egress" {
					err = n.Redirect(f.ID, egress(beside, 1), 9, "")
				} else {
					err = n.Apply(f)
				}
				on = append(on, time.Since(began))
				if err != nil {
					b.Fatal(err)
				}
				began = time.Now()
				revert(b, n, f.ID)
				off = append(off, time.Since(began))
			}
			report(b, on, "apply")
			report(b, off, "revert")
		})
	}
}

// report gives the middle and the worst of some times.
func report(b *testing.B, took []time.Duration, of string) {
	slices.Sort(took)
	b.ReportMetric(float64(median(took).Microseconds())/1000, of+"-p50-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, of+"-max-ms")
}

// BenchmarkDelay measures by how much a round trip is longer than without a fault.
func BenchmarkDelay(b *testing.B) {
	n, s := opened(b, Config{}), serveThere(b, there)
	c := must(b)(connect(b, s.at()))
	free := median(trips(b, c, 100))
	if err := n.Apply(fault("late", order.Packets{Kind: order.Delay, Latency: 50 * time.Millisecond, Direction: order.Out})); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		took = append(took, trips(b, c, 1)[0]-free)
	}
	slices.Sort(took)
	b.ReportMetric(float64(median(took).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkQueue measures what a queue costs that does nothing to packets: the time of
// a round trip, and how much goes through.
func BenchmarkQueue(b *testing.B) {
	for _, queued := range []bool{false, true} {
		name := map[bool]string{false: "without", true: "with"}[queued]
		begin := func(b *testing.B) net.Conn {
			n, s := opened(b, Config{}), serveThere(b, there)
			c := must(b)(connect(b, s.at()))
			if queued {
				apply(b, n, fault("queue", order.Packets{Kind: order.Loss, Share: 1e-15}))
			}
			return c
		}
		b.Run("trips/"+name, func(b *testing.B) {
			c := begin(b)
			var took []time.Duration
			for b.Loop() {
				took = append(took, trips(b, c, 1)[0])
			}
			slices.Sort(took)
			b.ReportMetric(float64(median(took).Microseconds()), "p50-us")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
		})
		b.Run("bytes/"+name, func(b *testing.B) {
			c := begin(b)
			const size = 64 << 20
			b.SetBytes(size)
			for b.Loop() {
				transfer(b, c, size)
			}
		})
	}
}

// BenchmarkDelayedBytes measures how much goes through with a delay.
func BenchmarkDelayedBytes(b *testing.B) {
	for _, direction := range []string{order.In, order.Out, order.Both} {
		b.Run(direction, func(b *testing.B) {
			n, s := opened(b, Config{}), serveThere(b, there)
			c := must(b)(connect(b, s.at()))
			apply(b, n, fault("late", order.Packets{Kind: order.Delay, Latency: 20 * time.Millisecond, Direction: direction}))
			const size = 1 << 20
			b.SetBytes(size)
			for b.Loop() {
				transfer(b, c, size)
			}
		})
	}
}
