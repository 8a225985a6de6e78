package scenarios

import (
	"cmp"
	"slices"
)

// A piece is a rate that is linear from start to end, with a wave on it at
// most. What shapes are made of.
type piece struct {
	start, end Duration
	from, to   Rate
	wave       *Wave
}

// rate is the linear part at a moment of the piece, exact at both ends.
func (p piece) rate(at Duration) Rate {
	share := Rate(at-p.start) / Rate(p.end-p.start)
	return p.from*(1-share) + p.to*share
}

// times multiplies the rate.
func (p piece) times(factor Rate) piece {
	p.from, p.to = p.from*factor, p.to*factor
	if p.wave != nil {
		wave := *p.wave
		wave.Amplitude *= factor
		p.wave = &wave
	}
	return p
}

// shape is the pieces of an arrival that fills the time from start to end.
func (l layout) shape(a Arrival, start, end Duration) []piece {
	pieces := l.course(a, start, end)
	for i, p := range pieces {
		pieces[i] = p.times(Rate(l.times(a.Times)))
	}
	return pieces
}

// course is a shape before it is multiplied.
func (l layout) course(a Arrival, start, end Duration) []piece {
	switch {
	case a.Ramp != nil:
		return []piece{{start: start, end: end, from: a.Ramp.From, to: a.Ramp.To}}
	case a.Steps != nil:
		var points []Point
		var at Duration
		for _, s := range a.Steps {
			points = append(points, Point{at, s.Rate}, Point{at + s.For, s.Rate})
			at += s.For
		}
		return l.join(points, start, end)
	case a.Spike != nil:
		return l.join(a.Spike.points(), start, end)
	case a.Points != nil:
		return l.join(a.Points, start, end)
	case a.Day != nil:
		return l.day(*a.Day, start, end)
	case a.Sine != nil:
		return []piece{{start: start, end: end, from: a.Sine.Mean, to: a.Sine.Mean, wave: l.wave(*a.Sine, start, end)}}
	case a.Sum != nil:
		var pieces []piece
		parts := layout{l.phases, l.tempo, 1, l.days} // the sum is multiplied, not each part again
		for _, part := range a.Sum {
			pieces = append(pieces, parts.shape(part, start, end)...)
		}
		return pieces
	}
	return []piece{{start: start, end: end, from: a.Constant, to: a.Constant}}
}

// join is straight lines between points that are written, from start on. The
// last one is held until the end. Points at the same moment are a jump.
func (l layout) join(points []Point, start, end Duration) []piece {
	moment := func(at Duration) Duration {
		if t := start + scale(at, l.tempo); t < end-1 {
			return t
		}
		return end // tempo may have rounded it to the nanosecond before
	}
	var pieces []piece
	for i, p := range points {
		next, to := p, end
		if i+1 < len(points) {
			next, to = points[i+1], moment(points[i+1].At)
		}
		if from := moment(p.At); from < to {
			pieces = append(pieces, piece{start: from, end: to, from: p.Rate, to: next.Rate})
		}
	}
	return pieces
}

// points are the corners of a spike.
func (s Spike) points() []Point {
	top := s.At + s.Rise
	return []Point{{0, s.Base}, {s.At, s.Base}, {top, s.Peak}, {top + s.Hold, s.Peak}, {top + s.Hold + s.Fall, s.Base}}
}

// wave is the swing of a sine, on the run's time.
func (l layout) wave(s Sine, start, end Duration) *Wave {
	if s.Amplitude == 0 {
		return nil
	}
	period := end - start
	if s.Period > 0 {
		period = scale(s.Period, l.tempo)
	}
	return &Wave{Amplitude: s.Amplitude, Period: period, Peak: start + scale(s.Peak, l.tempo)}
}

// day stretches measured values from start to end. Of a file that was not read
// yet it is known that somebody comes.
func (l layout) day(day Day, start, end Duration) []piece {
	values := make([]float64, len(day.Values))
	for i, v := range day.Values {
		values[i] = float64(v)
	}
	if day.File != "" {
		if values = l.days[day.File]; l.days == nil {
			values = []float64{1, 1}
		}
	}
	if len(values) < 2 {
		return nil
	}
	top, gaps := cmp.Or(slices.Max(values), 1), len(values)-1
	at := func(i int) Duration {
		return start + Duration(float64(end-start)*float64(i)/float64(gaps)+0.5)
	}
	var pieces []piece
	for i := range gaps {
		if at(i) < at(i+1) {
			pieces = append(pieces, piece{start: at(i), end: at(i + 1), from: day.Peak * Rate(values[i]/top), to: day.Peak * Rate(values[i+1]/top)})
		}
	}
	return pieces
}
