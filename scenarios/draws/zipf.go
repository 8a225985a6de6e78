package draws

import (
	"math"

	"github.com/shakedown-dev/shakedown/scenarios/draws/seeded"
)

// A zipf draws numbers k from first to last with probability in proportion to
// k to the power of -exponent, for any exponent above 0 and in the same time
// whatever last is: rejection-inversion (Hoermann and Derflinger,
// "Rejection-inversion to generate variates from monotone discrete
// distributions", 1996). rand.Zipf is the same method, but its form of the
// integral needs an exponent above 1, and traffic is often flatter.
type zipf struct {
	exponent float64
	first    uint64
	last     uint64
	low      float64 // of the integral, where the area of first begins
	high     float64 // of the integral, where the area of last ends
	near     float64 // how close below k is always within the area of k
}

// newZipf makes a zipf; first is at least 1 and at most last.
func newZipf(exponent float64, first, last uint64) zipf {
	z := zipf{exponent: exponent, first: first, last: last}
	z.low = z.integral(float64(first)+0.5) - z.density(float64(first))
	z.high = z.integral(float64(last) + 0.5)
	z.near = 2 - z.inverse(z.integral(2.5)-z.density(2))
	return z
}

// draw takes 1.1 tries on average.
func (z *zipf) draw(r *seeded.Rand) uint64 {
	for {
		u := z.high + r.Unit()*(z.low-z.high)
		x := z.inverse(u)
		k := min(max(math.Floor(x+0.5), float64(z.first)), float64(z.last))
		if k-x <= z.near || u >= z.integral(k+0.5)-z.density(k) {
			return uint64(k)
		}
	}
}

// density is x to the power of -exponent.
func (z *zipf) density(x float64) float64 { return math.Exp(-z.exponent * math.Log(x)) }

// integral is that of density from 1 to x, (x^(1-s) - 1) / (1-s), which is
// log x where s is 1: written so that it is exact near there too.
func (z *zipf) integral(x float64) float64 {
	log := math.Log(x)
	return log * expm1Over((1-z.exponent)*log)
}

// inverse is the x that has an integral.
func (z *zipf) inverse(integral float64) float64 {
	t := max(integral*(1-z.exponent), -1) // rounding must not pass the limit
	return math.Exp(integral * log1pOver(t))
}

// expm1Over is (e^x - 1) / x, 1 at 0.
func expm1Over(x float64) float64 {
	if math.Abs(x) < 1e-8 {
		return 1 + x/2
	}
	return math.Expm1(x) / x
}

// log1pOver is log(1 + x) / x, 1 at 0.
func log1pOver(x float64) float64 {
	if math.Abs(x) < 1e-8 {
		return 1 - x/2
	}
	return math.Log1p(x) / x
}
