package netfault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// trips measures round trips on a connection and returns them sorted.
func trips(t testing.TB, c net.Conn, n int) []time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		if err := echoWithin(c, 5*time.Second); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

// TestDelayHoldsUpOnceInEachDirection measures how long; it can only be later than
// that, and by how much is the benchmark's matter.
func TestDelayHoldsUpOnceInEachDirection(t *testing.T) {
	for _, c := range []struct {
		direction string
		want      time.Duration
	}{{order.In, 20 * time.Millisecond}, {order.Out, 20 * time.Millisecond}, {order.Both, 40 * time.Millisecond}} {
		t.Run(c.direction, func(t *testing.T) {
			n, s := opened(t, Config{}), serveThere(t, there)
			conn := must(t)(connect(t, s.at()))
			apply(t, n, fault("late", order.Packets{Kind: order.Delay, Latency: 20 * time.Millisecond, Direction: c.direction}))
			held := median(trips(t, conn, 5))
			counters := revert(t, n, "late")
			free := median(trips(t, conn, 5))
			if held < c.want || held > 2*c.want || free > c.want/2 {
				t.Fatalf("a round trip took %s with the fault and %s after it, want a bit over %s and next to nothing", held, free, c.want)
			}
			if counters[delayed] < 5 || counters[packets] < counters[delayed] {
				t.Fatalf("counters are %v, want at least 5 packets, and no more delayed than there were", counters)
			}
		})
	}
}

// TestDelayWithJitterKeepsTheOrder sends numbers as datagrams.
func TestDelayWithJitterKeepsTheOrder(t *testing.T) {
	n, s := opened(t, Config{}), serveThere(t, there)
	apply(t, n, fault("late", order.Packets{Kind: order.Delay, Latency: 10 * time.Millisecond, Jitter: 10 * time.Millisecond}))
	c, err := net.Dial("udp", s.at())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const count = 200
	for i := range count {
		if _, err := c.Write(binary.BigEndian.AppendUint32(nil, uint32(i))); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 4)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for i := range count {
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Fatal(err)
		}
		if got := binary.BigEndian.Uint32(buf); got != uint32(i) {
			t.Fatalf("datagram %d came as number %d", got, i)
		}
	}
}

// TestRevertReleasesWhatIsHeldUp looks for packets that would have waited for much longer.
func TestRevertReleasesWhatIsHeldUp(t *testing.T) {
	n, s := opened(t, Config{}), serveThere(t, there)
	apply(t, n, fault("late", order.Packets{Kind: order.Delay, Latency: time.Minute, Direction: order.Out}))
	c := sent(t, s, 10)
	until(t, "10 packets wait", func() bool { return n.Counters()["late"][delayed] == 10 })
	revert(t, n, "late")
	received(t, c, 10)
}

// TestRevertLeavesOtherQueuesAlone reverts every sort of fault while packets wait in a
// queue of another.
func TestRevertLeavesOtherQueuesAlone(t *testing.T) {
	n, s := opened(t, Config{}), serveThere(t, there)
	apply(t, n, fault("late", order.Packets{Kind: order.Delay, Latency: time.Minute, Direction: order.Out, Port: s.port()}))
	c := sent(t, s, 10)
	until(t, "10 packets wait", func() bool { return n.Counters()["late"][delayed] == 10 })
	others := []order.Packets{
		{Kind: order.Partition, Port: 1}, {Kind: order.Reset, Port: 1}, {Kind: order.Loss, Share: 0.5, Port: 1}, {Kind: order.Bandwidth, Rate: 1000, Port: 1},
		{Kind: order.Delay, Latency: time.Second, Port: 1}, {Kind: order.ConnectionLimit, Limit: 1, Port: 1}, {Kind: order.Partition, Port: 1, Existing: order.SpareExisting},
	}
	for range 2 {
		for i, p := range others {
			apply(t, n, fault(fmt.Sprint(i), p))
		}
		apply(t, n, order.Fault{ID: "dns", DNS: &order.DNS{Answer: order.NXDomain}})
		if err := n.Redirect("egress", egress(beside, 1), 9, ""); err != nil {
			t.Fatal(err)
		}
		n.Can()
		for i := range others {
			revert(t, n, fmt.Sprint(i))
		}
		revert(t, n, "dns")
		revert(t, n, "egress")
	}
	revert(t, n, "late")
	received(t, c, 10)
}

// sent is a socket from which datagrams have been sent to a server.
func sent(t *testing.T, s *server, count int) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", s.at())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for range count {
		if _, err := c.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// received waits until all of them have come back.
func received(t *testing.T, c net.Conn, count int) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
	for i := range count {
		if _, err := c.Read(make([]byte, 8)); err != nil {
			t.Fatalf("%d of %d datagrams came: %v", i, count, err)
		}
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain until", what)
		}
	}
}

// numbered sends datagrams of one byte, from 0 on.
func numbered(t *testing.T, to string, count int) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for i := range count {
		if _, err := c.Write([]byte{byte(i)}); err != nil {
			t.Fatalf("the sender was told: %v", err)
		}
	}
	return c
}

// fates says which of the numbered datagrams came back. Those that were not lost are
// waited for, however slow their way is.
func fates(t *testing.T, c net.Conn, count, lost int) string {
	t.Helper()
	came := bytes.Repeat([]byte("-"), count)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for range count - lost {
		number := make([]byte, 1)
		if _, err := c.Read(number); err != nil {
			t.Fatalf("%d of %d were lost, and only these came back: %s: %v", lost, count, came, err)
		}
		came[number[0]] = '+'
	}
	return string(came)
}

// TestLossIsDrawnFromTheSeed sees the same packets lost again, by way of other ports.
func TestLossIsDrawnFromTheSeed(t *testing.T) {
	n, s := opened(t, Config{}), serveThere(t, there)
	const count = 40
	lossy := func(seed uint64) string {
		f := fault("lossy", order.Packets{Kind: order.Loss, Share: 0.3, Direction: order.Out, Port: s.port()})
		f.Seed = seed
		apply(t, n, f)
		c := numbered(t, s.at(), count)
		until(t, "all packets were looked at", func() bool { return n.Counters()["lossy"][packets] == count })
		counters := revert(t, n, "lossy")
		got := fates(t, c, count, int(counters[dropped]))
		if lost := strings.Count(got, "-"); counters[packets] != count || counters[dropped] != int64(lost) || lost == 0 {
			t.Fatalf("counters %v where %d of %d were lost", counters, lost, count)
		}
		return got
	}
	first, again, other := lossy(1), lossy(1), lossy(2)
	if first != again || first == other {
		t.Fatalf("seed 1: %s\nagain:  %s\nseed 2: %s", first, again, other)
	}
}

// TestLossOfAShare counts, with and without queues.
func TestLossOfAShare(t *testing.T) {
	for _, c := range []struct {
		name    string
		without []string
	}{{"queue", nil}, {"numgen", []string{NFQueue}}} {
		t.Run(c.name, func(t *testing.T) {
			n, s := opened(t, Config{Without: c.without}), serveHere(t, here)
			apply(t, n, fault("lossy", order.Packets{Kind: order.Loss, Share: 0.25, Direction: order.In}))
			from := heard(t, there)
			for range 2000 {
				if _, err := from.WriteTo([]byte("ping"), s.udp.LocalAddr()); err != nil {
					t.Fatal(err)
				}
			}
			until(t, "2000 packets were looked at", func() bool { return n.Counters()["lossy"][packets] == 2000 })
			counters := revert(t, n, "lossy")
			// Four standard deviations of 2000 draws.
			if share := float64(counters[dropped]) / float64(counters[packets]); math.Abs(share-0.25) > 0.04 {
				t.Fatalf("%d of %d packets were lost, want a quarter", counters[dropped], counters[packets])
			}
		})
	}
}

// TestBandwidthLimitsEachDirection measures how long it takes to send more than goes
// through at once.
func TestBandwidthLimitsEachDirection(t *testing.T) {
	const rate = 1 << 20
	for _, c := range []struct {
		name      string
		without   []string
		direction string
		counter   string
		at        [2]float64 // times the rate, at least and at most
	}{
		{"queue, out", nil, order.Out, delayed, [2]float64{0.5, 1.2}},
		{"queue, in", nil, order.In, delayed, [2]float64{0.5, 1.2}},
		// The bucket is full at the beginning, with a second's worth, and drops are loss to TCP.
		{"policing, in", []string{NFQueue}, order.In, dropped, [2]float64{0.05, 2.5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("takes some seconds")
			}
			n, s := opened(t, Config{Without: c.without}), serveThere(t, there)
			conn := must(t)(connect(t, s.at()))
			apply(t, n, fault("narrow", order.Packets{Kind: order.Bandwidth, Rate: rate, Direction: c.direction}))
			const size = 2 * rate
			began := time.Now()
			transfer(t, conn, size)
			got := size / time.Since(began).Seconds() / rate
			counters := revert(t, n, "narrow")
			t.Logf("%.2f times the rate, %v", got, counters)
			if got < c.at[0] || got > c.at[1] || counters[c.counter] == 0 {
				t.Fatalf("%.2f times the rate went through, want %v; counters %v", got, c.at, counters)
			}
		})
	}
}

// transfer sends bytes to a server and reads them back.
func transfer(t testing.TB, c net.Conn, size int64) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	go func() { _, _ = io.CopyN(c, zeros{}, size) }()
	if _, err := io.CopyN(io.Discard, c, size); err != nil {
		t.Fatal(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestFaultsOverlap has three faults in force at the same packets.
func TestFaultsOverlap(t *testing.T) {
	n, s := opened(t, Config{}), serveThere(t, there)
	c := must(t)(connect(t, s.at()))
	apply(t, n, fault("late", order.Packets{Kind: order.Delay, Latency: 10 * time.Millisecond}))
	apply(t, n, fault("later", order.Packets{Kind: order.Delay, Latency: 15 * time.Millisecond}))
	if took := median(trips(t, c, 3)); took < 50*time.Millisecond {
		t.Fatalf("a round trip took %s under two delays that make 50ms", took)
	}
	apply(t, n, fault("cut", order.Packets{Kind: order.Partition}))
	if err := echo(c); !timedOut(err) {
		t.Fatalf("echo: %v, want a timeout", err)
	}
	revert(t, n, "late")
	if err := echo(c); !timedOut(err) {
		t.Fatalf("echo: %v after the end of one delay, want a timeout still", err)
	}
	revert(t, n, "cut")
	revert(t, n, "later")
	must(t)(connect(t, s.at()))
}

// TestDelayNeedsQueues names what could be used instead.
func TestDelayNeedsQueues(t *testing.T) {
	n := opened(t, Config{Without: []string{NFQueue}})
	err := n.Apply(fault("late", order.Packets{Kind: order.Delay, Latency: time.Second}))
	if err == nil || !strings.Contains(err.Error(), "use http_latency") {
		t.Fatalf("the error is %v, want one that names http_latency", err)
	}
	if n.Can()[NFQueue] == "" {
		t.Error("queues are said to work")
	}
}
