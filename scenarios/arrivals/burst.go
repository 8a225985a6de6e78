package arrivals

import (
	"math"
	"math/bits"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/draws/seeded"
)

// spread is a burst whose sessions arrive evenly, each in the middle of its
// share of the time.
type spread struct {
	start    time.Duration
	length   uint64 // nanoseconds
	sessions uint64
	taken    uint64
}

func newSpread(b scenarios.PlannedBurst) *spread {
	return &spread{start: b.Start.Std(), length: uint64(max(b.End-b.Start, 0)), sessions: uint64(max(b.Sessions, 0))}
}

func (s *spread) next() (time.Duration, bool) {
	if s.taken >= s.sessions {
		return 0, false
	}
	high, low := bits.Mul64(2*s.taken+1, s.length)
	offset, _ := bits.Div64(high, low, 2*s.sessions)
	s.taken++
	return s.start + time.Duration(offset), true
}

// scattered is a burst whose sessions arrive at random: each anywhere within
// it, independent of the others. They are drawn in ascending order, without
// keeping or sorting them: the least of n uniform draws from 0 to 1 is
// 1 - u^(1/n), and those that follow are uniform above it (Bentley and Saxe,
// "Generating sorted lists of random numbers", 1980).
type scattered struct {
	start  time.Duration
	length time.Duration
	left   uint64
	log    float64 // of the part of the burst that is still ahead
	rand   seeded.Rand
}

func newScattered(b scenarios.PlannedBurst, rand seeded.Rand) *scattered {
	return &scattered{start: b.Start.Std(), length: max(b.End-b.Start, 0).Std(), left: uint64(max(b.Sessions, 0)), rand: rand}
}

func (s *scattered) next() (time.Duration, bool) {
	if s.left == 0 {
		return 0, false
	}
	s.log -= s.rand.Exponential() / float64(s.left)
	s.left--
	offset := time.Duration(-math.Expm1(s.log) * float64(s.length))
	return s.start + max(min(offset, s.length-1), 0), true
}
