package arrivals

import (
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A piece is a time in which the rate has one closed form: linear plus
// cosines. Within it x counts seconds from its start.
type piece struct {
	start, end time.Duration
	from       float64 // sessions a second at the start, without the waves
	slope      float64 // change of from in a second, what vegeta calls Slope
	waves      []wave
	area       float64 // sessions in it: the integral of the rate
	before     float64 // sessions in the pieces ahead of it
}

// A wave is amplitude * cos(angle + speed*x).
type wave struct {
	amplitude float64 // sessions a second
	angle     float64 // radians at the start of the piece
	speed     float64 // radians a second
}

// add puts the part of a segment within the piece on top of what is there.
// Rates below 0, which no compiled plan has, count as 0, and so does what is
// no finite number.
func (p *piece) add(s scenarios.PlannedSegment) {
	from, to := float64(s.Constant), float64(s.Constant)
	if s.Ramp != nil {
		from, to = float64(s.Ramp.From), float64(s.Ramp.To)
	}
	if !finite(from) || !finite(to) {
		return
	}
	if len(s.Waves) == 0 {
		from, to = max(from, 0), max(to, 0)
	}
	slope := (to - from) / (s.End - s.Start).Std().Seconds()
	p.from += from + slope*(p.start-s.Start.Std()).Seconds()
	p.slope += slope
	for _, w := range s.Waves {
		if w.Period <= 0 || !finite(float64(w.Amplitude)) {
			continue
		}
		turns := float64((p.start-w.Peak.Std())%w.Period.Std()) / float64(w.Period)
		p.waves = append(p.waves, wave{
			amplitude: float64(w.Amplitude),
			angle:     2 * math.Pi * turns,
			speed:     2 * math.Pi / w.Period.Std().Seconds(),
		})
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func (p *piece) seconds() float64 { return (p.end - p.start).Seconds() }

// rate is sessions a second at x.
func (p *piece) rate(x float64) float64 {
	r := p.from + p.slope*x
	for _, w := range p.waves {
		r += w.amplitude * math.Cos(w.angle+w.speed*x)
	}
	return r
}

// integral is the sessions from the start of the piece to x. That of a wave is
// amplitude/speed * (sin(angle + speed*x) - sin(angle)), written as a product,
// which does not cancel when x is small against the period.
func (p *piece) integral(x float64) float64 {
	sum := x * (p.from + p.slope*x/2)
	for _, w := range p.waves {
		half := w.speed * x / 2
		sum += 2 * w.amplitude / w.speed * math.Cos(w.angle+half) * math.Sin(half)
	}
	return sum
}

// invert is the x at which the integral reaches area, which it is known not to
// do before low.
func (p *piece) invert(area, low float64) float64 {
	if area <= 0 {
		return 0
	}
	if len(p.waves) > 0 {
		return p.search(area, low)
	}
	// The root of from*x + slope/2*x^2 = area, in the form that neither divides
	// by a slope of 0 nor cancels.
	root := math.Sqrt(max(p.from*p.from+2*p.slope*area, 0))
	return 2 * area / (p.from + root)
}

// precise is how close search comes, in seconds: well below a nanosecond.
const precise = 1e-10

// search is invert by Newton's method, which needs two or three steps, kept
// between two bounds that close in: where the rate comes near nothing, and
// Newton would leap away, it bisects.
func (p *piece) search(area, low float64) float64 {
	high := p.seconds()
	x := low
	for range 100 { // bisection alone takes 60
		miss := p.integral(x) - area
		if miss > 0 {
			high = x
		} else {
			low = x
		}
		step := miss / p.rate(x)
		next := x - step
		switch {
		case high-low < precise:
			return x
		case math.Abs(step) < precise:
			return min(max(next, low), high)
		case !(next > low && next < high):
			next = (low + high) / 2
		}
		x = next
	}
	return x
}

// moment is x as an offset from the start of traffic, always within the piece.
func (p *piece) moment(x float64) time.Duration {
	offset := time.Duration(x*float64(time.Second) + 0.5)
	return p.start + min(max(offset, 0), p.end-p.start-1)
}

// crest is the highest rate in the piece: of linear ones exactly; with waves
// the highest at both ends, at crests and at 64 moments in between.
func (p *piece) crest() float64 {
	length := p.seconds()
	most := max(p.rate(0), p.rate(length))
	if len(p.waves) == 0 {
		return most
	}
	for i := 1; i < 64; i++ {
		most = max(most, p.rate(length*float64(i)/64))
	}
	for _, w := range p.waves {
		period := 2 * math.Pi / w.speed
		first := math.Mod(period-w.angle/w.speed, period)
		for n := 0; n < 64 && first+float64(n)*period < length; n++ {
			most = max(most, p.rate(first+float64(n)*period))
		}
	}
	return most
}
