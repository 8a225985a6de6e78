package gameday

import (
	"math"
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A point is what the driver saw in a stretch of width seconds.
type point struct {
	number                         int64 // of the stretch, from the start of the run
	width                          int64 // seconds
	intended, sent, failed, unsure int
	p50, p99                       time.Duration // of the slowest step; 0: no request succeeded
	instances                      []int         // by service
}

// MarshalJSON writes [t, intended/s, sent/s, failed/s, unknown/s, p50 ms, p99 ms,
// instances...]: hundreds of points go over the wire at once.
func (p point) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 64)
	b = append(b, '[')
	b = strconv.AppendInt(b, p.number*p.width, 10)
	for _, n := range []int{p.intended, p.sent, p.failed, p.unsure} {
		b = short(append(b, ','), float64(n)/float64(p.width))
	}
	for _, d := range []time.Duration{p.p50, p.p99} {
		b = short(append(b, ','), d.Seconds()*1e3)
	}
	for _, n := range p.instances {
		b = strconv.AppendInt(append(b, ','), int64(n), 10)
	}
	return append(b, ']'), nil
}

// short is a number with one decimal at most.
func short(b []byte, v float64) []byte {
	return strconv.AppendFloat(b, math.Round(v*10)/10, 'f', -1, 64)
}

// A series is at most maxPoints points in order; when it is full two of them become
// one, so that an hour is shown by the second and a day by half a minute.
type series struct {
	points  []point
	width   int64 // seconds, 0 before the first
	dirty   int   // from this index on something changed since the last look
	thinned bool  // all of it changed
	gateway []bool
}

// add counts one step's interval that ended at end, in the second of its middle.
func (s *series) add(end time.Duration, t journal.Traffic) {
	p := s.at(end - t.For/2)
	if p == nil {
		return
	}
	p.intended += t.Intended
	p.sent += t.Sent
	p.failed += t.Failed
	p.unsure += t.Unknown
	if t.OK > 0 {
		p.p50, p.p99 = max(p.p50, t.P50), max(p.p99, t.P99)
	}
}

// at is the point of a moment, which is made if it is newer than all others; nil for
// one before the start of the run or before the first point.
func (s *series) at(t time.Duration) *point {
	if t < 0 {
		return nil
	}
	if s.width == 0 {
		s.width = 1
	}
	number := int64(t/time.Second) / s.width
	for i := len(s.points) - 1; i >= 0; i-- { // the newest, or the one before
		if s.points[i].number == number {
			s.dirty = min(s.dirty, i)
			return &s.points[i]
		}
		if s.points[i].number < number {
			break
		}
	}
	if n := len(s.points); n > 0 && s.points[n-1].number > number {
		return nil
	}
	if len(s.points) == maxPoints {
		s.thin()
		return s.at(t)
	}
	p := point{number: number, width: s.width}
	if n := len(s.points); n > 0 {
		p.instances = s.points[n-1].instances
	}
	s.points = append(s.points, p)
	return &s.points[len(s.points)-1]
}

// thin makes one point of those of each doubled stretch: sums, the worst times, the
// newest instances.
func (s *series) thin() {
	s.width *= 2
	kept := s.points[:0]
	for _, p := range s.points {
		p.number, p.width = p.number/2, s.width
		n := len(kept)
		if n == 0 || kept[n-1].number != p.number {
			kept = append(kept, p)
			continue
		}
		k := &kept[n-1]
		k.intended, k.sent = k.intended+p.intended, k.sent+p.sent
		k.failed, k.unsure = k.failed+p.failed, k.unsure+p.unsure
		k.p50, k.p99, k.instances = max(k.p50, p.p50), max(k.p99, p.p99), p.instances
	}
	s.points, s.dirty, s.thinned = kept, 0, true
}

// newest is the last point, nil without one. What is changed through it counts as new.
func (s *series) newest() *point {
	n := len(s.points)
	if n == 0 {
		return nil
	}
	s.dirty = min(s.dirty, n-1)
	return &s.points[n-1]
}

// fronted tells whether a service has ever had instances in an endpoint list.
func (s *series) fronted(service, serving int) bool {
	for len(s.gateway) <= service {
		s.gateway = append(s.gateway, false)
	}
	s.gateway[service] = s.gateway[service] || serving > 0
	return s.gateway[service]
}

// fresh are the points that changed since the last call, all of them after a thinning.
func (s *series) fresh() (points []point, all bool) {
	points, all = append([]point{}, s.points[s.dirty:]...), s.thinned
	s.dirty, s.thinned = len(s.points), false
	return points, all
}
