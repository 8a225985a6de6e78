package scenarios

import (
	"math/big"
	"slices"
)

// divide shares a program among n by their weights in each phase, exactly:
// rates in proportion, sessions of bursts and closed loops in whole numbers
// that add up. Nobody gets anything in a phase in which all weights are zero.
func (p program) divide(n int, weights func(phase string) []int) []program {
	shares := make([]program, n)
	for _, s := range p.segments {
		in := weights(s.Phase)
		for i, w := range in {
			if w > 0 {
				shares[i].segments = append(shares[i].segments, s.share(w, sum(in)))
			}
		}
	}
	for _, b := range p.bursts {
		for i, sessions := range apportion(b.Sessions, weights(b.Phase)) {
			if b.Sessions = sessions; sessions > 0 {
				shares[i].bursts = append(shares[i].bursts, b)
			}
		}
	}
	for _, c := range p.closed {
		for i, sessions := range apportion(c.Sessions, weights(c.Phase)) {
			if c.Sessions = sessions; sessions > 0 {
				shares[i].closed = append(shares[i].closed, c)
			}
		}
	}
	return shares
}

// share is the part of a segment that falls to one weight among all.
func (s PlannedSegment) share(weight, all int) PlannedSegment {
	part := func(r Rate) Rate { return r * Rate(weight) / Rate(all) }
	s.Constant = part(s.Constant)
	if s.Ramp != nil {
		s.Ramp = &Ramp{From: part(s.Ramp.From), To: part(s.Ramp.To)}
	}
	s.Waves = slices.Clone(s.Waves)
	for i := range s.Waves {
		s.Waves[i].Amplitude = part(s.Waves[i].Amplitude)
	}
	return s
}

// apportion divides a number by weights, by largest remainder (Hamilton's
// method): everyone gets their share rounded down, and what is left goes to
// those who lost most by it, to the first of them where several lost the same.
func apportion(number int, weights []int) []int {
	parts, lost := make([]int, len(weights)), make([]int, len(weights))
	all := sum(weights)
	if all == 0 {
		return parts
	}
	left := number
	for i, w := range weights {
		quotient, remainder := divMod(number, w, all)
		parts[i], lost[i] = quotient, remainder
		left -= quotient
	}
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return lost[b] - lost[a] })
	for _, i := range order[:left] {
		parts[i]++
	}
	return parts
}

// divMod is number * weight / all and what remains of it. The product may be
// larger than an int.
func divMod(number, weight, all int) (quotient, remainder int) {
	product := new(big.Int).Mul(big.NewInt(int64(number)), big.NewInt(int64(weight)))
	q, r := product.QuoRem(product, big.NewInt(int64(all)), new(big.Int))
	return int(q.Int64()), int(r.Int64())
}
