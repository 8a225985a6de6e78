package netfault

import (
	"time"

	"github.com/shakedown-dev/shakedown/chaos/draw"
	"github.com/shakedown-dev/shakedown/chaos/order"
)

// backlog is how much, as time, waits before a link of limited bandwidth drops
// what comes; an interface's queue is of about that size.
const backlog = 200 * time.Millisecond

// shape decides what becomes of the packets of one direction. What is random in it
// is drawn by the packet's number: the third packet has the same fate in every run.
type shape struct {
	order.Packets
	seed uint64
	next uint64        // number of the next packet
	last time.Duration // when the packet before goes on
}

// newShape is for one direction; both have draws of their own.
func newShape(p order.Packets, seed uint64, to toward) *shape {
	direction := uint64(0)
	if to == outbound {
		direction = 1
	}
	return &shape{Packets: p, seed: draw.Uint64(seed, direction)}
}

// decide tells when a packet of this size that comes now goes on, or that it never
// does. Packets go on in the order in which they came.
func (s *shape) decide(now time.Duration, size int) (at time.Duration, drop bool) {
	n := s.next
	s.next++
	at = now
	switch s.Kind {
	case order.Delay:
		more := (2*draw.Float(s.seed, n) - 1) * float64(s.Jitter)
		at += s.Latency + time.Duration(more)
	case order.Loss:
		if draw.Share(s.Share, s.seed, n) {
			return 0, true
		}
	case order.Bandwidth:
		begin := max(now, s.last)
		if begin-now > backlog {
			return 0, true
		}
		at = begin + time.Duration(float64(size)/float64(s.Rate)*float64(time.Second))
	}
	s.last = max(at, s.last)
	return s.last, false
}

// late tells whether a packet is held up. On a link of limited bandwidth every
// packet takes its time; one counts as held up when somebody could notice, or a
// limit that nobody ever reached would seem to have had an effect.
func (s *shape) late(now, at time.Duration) bool {
	if s.Kind == order.Bandwidth {
		return at-now >= time.Millisecond
	}
	return at > now
}

// measures tells whether decisions depend on the sizes of packets.
func (s *shape) measures() bool { return s.Kind == order.Bandwidth }
