// Package draw takes decisions by number: the same seed and number have the same
// answer in every run, on every machine, in whatever order they are asked for.
// What is drawn by a kernel's hash, or from one generator that requests share,
// is not so: ports and the order of arrival differ from run to run.
package draw

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

// longest is the most that is drawn: what is no duration any more would be none at all.
const longest = 1 << 62

// Uint64 is the number's own, all 64 bits evenly. It is the finalizer of
// SplitMix64 (Steele, Lea, Flood 2014) over a counter that starts at the seed.
func Uint64(seed, n uint64) uint64 {
	z := seed + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Float is even in [0, 1).
func Float(seed, n uint64) float64 { return float64(Uint64(seed, n)>>11) / (1 << 53) }

// Share tells whether the number is among a share of all; 0 is none, 1 is all.
func Share(share float64, seed, n uint64) bool { return Float(seed, n) < share }

// Latency is log-normal through both percentiles, and always P50 where P99 is
// not above it.
func Latency(l order.Latency, seed, n uint64) time.Duration {
	if l.P99 <= l.P50 || l.P50 <= 0 {
		return l.P50
	}
	sigma := math.Log(float64(l.P99)/float64(l.P50)) / z99
	// Half a step keeps the argument away from 0, whose quantile is infinite.
	z := math.Sqrt2 * math.Erfinv(2*(Float(seed, n)+1.0/(1<<54))-1)
	return time.Duration(min(float64(l.P50)*math.Exp(sigma*z), longest))
}

// ID is a text that no other number of the seed has, in practice.
func ID(seed, n uint64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], Uint64(seed, 2*n))
	binary.BigEndian.PutUint64(b[8:], Uint64(seed, 2*n+1))
	return hex.EncodeToString(b[:10])
}
