package stats

import "math"

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// studentP is the two-sided P of Student's t-test between two samples of one variance.
func studentP(a, b []float64) float64 {
	degrees := float64(len(a) + len(b) - 2)
	if len(a) == 0 || len(b) == 0 || degrees <= 0 {
		return 1
	}
	ma, mb := mean(a), mean(b)
	squares := 0.0
	for _, v := range a {
		squares += (v - ma) * (v - ma)
	}
	for _, v := range b {
		squares += (v - mb) * (v - mb)
	}
	if ma == mb {
		return 1
	}
	if squares == 0 {
		return 0
	}
	t := (ma - mb) / math.Sqrt(squares/degrees*(1/float64(len(a))+1/float64(len(b))))
	return incompleteBeta(degrees/2, 0.5, degrees/(degrees+t*t))
}

// incompleteBeta is the regularised incomplete beta function, by its continued fraction
// (Lentz's method); 0 <= x <= 1.
func incompleteBeta(a, b, x float64) float64 {
	if x <= 0 || x >= 1 {
		return min(1, max(0, x))
	}
	if x > (a+1)/(a+b+2) { // where the fraction converges slowly
		return 1 - incompleteBeta(b, a, 1-x)
	}
	lab, _ := math.Lgamma(a + b)
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	c, d := 1.0, 1/nonZero(1-(a+b)*x/(a+1), tiny)
	f := d
	for m := 1.0; m <= 500; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/nonZero(1+even*d, tiny), nonZero(1+even/c, tiny)
		f *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/nonZero(1+odd*d, tiny), nonZero(1+odd/c, tiny)
		f *= d * c
		if math.Abs(d*c-1) < 1e-14 {
			break
		}
	}
	return min(1, front*f)
}

func nonZero(v, tiny float64) float64 {
	if math.Abs(v) < tiny {
		return tiny
	}
	return v
}
