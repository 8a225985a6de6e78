package oracle

import "math"

// A Leg is a part of a load path; where legs overlap the later one counts.
type Leg struct {
	From  Span `json:"from"`
	Until Span `json:"until"`
	// Shape is "flat" (at High), "ramp" (Low to High), "sine", "walk" (a step of up
	// to a tenth of the range every 15 s), "burst" (High for a tenth of Period, else
	// Low) or "noise"; those but the first two stay between Low and High.
	Shape  string `json:"shape"`
	Low    int64  `json:"low,omitempty"`
	High   int64  `json:"high"`
	Period Span   `json:"period,omitempty"`
}

// flat is a load that stays the same.
func flat(load int64) []Leg { return steps(load) }

// steps is a load that changes every five minutes.
func steps(loads ...int64) []Leg {
	var legs []Leg
	for i, load := range loads {
		legs = append(legs, Leg{From: Span(i) * 5 * minute, Until: 100 * minute, Shape: "flat", High: load})
	}
	return legs
}

// loadAt is the load at a time after the start; 0 where there is no leg.
func loadAt(legs []Leg, seed uint64, at Span) int64 {
	for i := len(legs) - 1; i >= 0; i-- {
		if legs[i].From <= at && at < legs[i].Until {
			return legs[i].at(draw{seed, uint64(i)}, at)
		}
	}
	return 0
}

func (l Leg) at(d draw, at Span) int64 {
	into, span := float64(at-l.From), float64(l.High-l.Low)
	share := 1.0
	switch l.Shape {
	case "ramp":
		share = into / float64(l.Until-l.From)
	case "sine":
		share = (1 + math.Sin(2*math.Pi*into/float64(l.Period))) / 2
	case "walk":
		share = walk(d, int((at-l.From)/(15*second)))
	case "burst":
		if (at-l.From)%l.Period >= l.Period/10 {
			share = 0
		}
	case "noise":
		share = d.share(uint64(at))
	}
	return l.Low + int64(share*span)
}

// walk is where a random walk between 0 and 1 is after some steps.
func walk(d draw, count int) float64 {
	at := d.share(1)
	for i := range count {
		at += 0.2 * (d.share(2, uint64(i)) - 0.5)
		at = min(1, max(0, at))
	}
	return at
}

// A draw is a source of chance that gives the same for the same question, in
// whatever order it is asked.
type draw []uint64

// share is a number from 0 to just below 1.
func (d draw) share(question ...uint64) float64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, part := range [2][]uint64{d, question} {
		for _, x := range part {
			h = mix(h ^ mix(x+0x9e3779b97f4a7c15))
		}
	}
	return float64(h>>11) / (1 << 53)
}

// hits says whether a share hits.
func (d draw) hits(share float64, question ...uint64) bool {
	return share > 0 && d.share(question...) < share
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
