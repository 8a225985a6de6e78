// Package seeded makes the random number generators of a plan. Each purpose
// has generators of its own, so that no draw depends on how many others were
// made: how long a session thinks does not change whose it is.
//
// Everything is a pure function of the seed. Across processor architectures
// results may differ in the last bit, where a compiler fuses a multiplication
// with an addition.
package seeded

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// A Purpose is what a generator is for.
type Purpose uint64

// All purposes, in one place so that no two share a generator. Their order is
// part of every plan: new ones go to the end.
const (
	Arrivals Purpose = iota + 1
	Bursts
	Tenant
	Size
	Think
	Choice
	Times
	UUID
	Share
)

// A Key stands for one thing that draws: a load of the plan, a session.
type Key uint64

// NewKey is the key of thing number id of the run with a seed.
func NewKey(seed int64, id uint64) Key { return Key(mix(mix(uint64(seed)) ^ id)) }

// Rand is generator number id for a purpose.
func (k Key) Rand(purpose Purpose, id uint64) Rand {
	state := mix(mix(uint64(k)^uint64(purpose)) ^ id)
	return Rand{*rand.NewPCG(state, mix(state))}
}

// mix spreads every bit of x over all bits, so that the generators of
// neighbours have nothing in common: one step of SplitMix64 (Steele, Lea and
// Flood, "Fast splittable pseudorandom number generators", 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A Rand is a PCG generator that is a value: making and using one allocates
// nothing, which rand.Rand with its interface inside cannot promise. It is not
// safe for concurrent use. The zero value is a generator too.
type Rand struct{ pcg rand.PCG }

// Uint64 draws 64 random bits.
func (r *Rand) Uint64() uint64 { return r.pcg.Uint64() }

// Unit draws from between 0 and 1, never either of them.
func (r *Rand) Unit() float64 { return (float64(r.pcg.Uint64()>>11) + 0.5) / (1 << 53) }

// Below draws a whole number from 0 to n-1, all exactly as likely as one
// another (Lemire, "Fast random integer generation in an interval", 2019).
// Below 0 there is none: the answer is 0.
func (r *Rand) Below(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	high, low := bits.Mul64(r.pcg.Uint64(), n)
	if low < n {
		for limit := -n % n; low < limit; {
			high, low = bits.Mul64(r.pcg.Uint64(), n)
		}
	}
	return high
}

// Exponential draws from the exponential distribution with mean 1.
func (r *Rand) Exponential() float64 { return -math.Log(r.Unit()) }

// Normal draws from the standard normal distribution, by the inverse of its
// distribution function: one draw of the generator each, unlike methods that
// reject.
func (r *Rand) Normal() float64 { return math.Sqrt2 * math.Erfinv(2*r.Unit()-1) }
