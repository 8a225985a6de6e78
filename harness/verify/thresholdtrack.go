package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// A mark is a value of a metric with the stretch that it tells of; of a value that was
// read at a moment both ends are that moment.
type mark struct {
	span
	value float64
}

// A track is one line of marks in order of time: the seconds of journeys, the readings
// of an instance, a series of an answer. Every is the usual time from one to the next.
type track struct {
	name     string // "" where there is only one
	instance string // "" where it is not that of one
	every    time.Duration
	marks    []mark
}

// A corridor is what values may be: at least min and at most max; nil for no such bound.
type corridor struct{ min, max *float64 }

// excess is how far a value lies outside; negative inside, by its distance from the
// nearest bound.
func (c corridor) excess(v float64) float64 {
	far := math.Inf(-1)
	if c.max != nil {
		far = max(far, v-*c.max)
	}
	if c.min != nil {
		far = max(far, *c.min-v)
	}
	return far
}

// left tells whether a value lies outside by more than rounding comes to.
func (c corridor) left(v float64) bool {
	slack := func(bound float64) float64 { return tiny * max(1, math.Abs(bound)) }
	return c.max != nil && v > *c.max+slack(*c.max) || c.min != nil && v < *c.min-slack(*c.min)
}

// A streak is a row of marks outside of a corridor, with the one furthest out.
type streak struct {
	span
	worst mark
	n     int
	of    track
}

// silence is the time from one mark to the next from which on nobody knows what was in
// between.
func (t track) silence() time.Duration { return max(leastSilence, missedReadings*t.every) }

// streaks are the rows of marks outside of a corridor. A mark inside ends one, and so
// does a time without marks that is longer than gap.
func (t track) streaks(c corridor, gap time.Duration) []streak {
	var list []streak
	open := false
	for n, m := range t.marks {
		if !c.left(m.value) {
			open = false
			continue
		}
		if !open || m.from-t.marks[n-1].to > gap {
			list, open = append(list, streak{span: m.span, worst: m, of: t}), true
		}
		s := &list[len(list)-1]
		s.to, s.n = m.to, s.n+1
		if c.excess(m.value) > c.excess(s.worst.value) {
			s.worst = m
		}
	}
	return list
}

// gaps are the times between two marks of which nobody knows anything.
func (t track) gaps() []span {
	var list []span
	for n := 1; n < len(t.marks); n++ {
		if before := t.marks[n-1].to; t.marks[n].from-before > t.silence() {
			list = append(list, span{before, t.marks[n].from})
		}
	}
	return list
}

// held is what came of holding tracks to a corridor for some time.
type held struct {
	// worst is the mark furthest out, or nearest to a bound, and of its track.
	worst mark
	of    track
	n     int // marks
	// sustained are the streaks of at least that time, in order of time.
	sustained []streak
	// torn are those that would have lasted so long, were it not for a time without
	// marks in the middle of them.
	torn []streak
}

// heldTo holds each track to a corridor: what lies outside counts when it lasts at least
// so long, without a mark inside and without a silence.
func heldTo(tracks []track, c corridor, long time.Duration) held {
	var h held
	for _, t := range tracks {
		for _, m := range t.marks {
			if h.n++; h.n == 1 || c.excess(m.value) > c.excess(h.worst.value) {
				h.worst, h.of = m, t
			}
		}
		lasting := func(s streak) bool { return s.length() < long }
		whole := slices.DeleteFunc(t.streaks(c, t.silence()), lasting)
		h.sustained = append(h.sustained, whole...)
		if len(whole) == 0 {
			h.torn = append(h.torn, slices.DeleteFunc(t.streaks(c, forever), lasting)...)
		}
	}
	slices.SortStableFunc(h.sustained, func(a, b streak) int { return cmp.Compare(a.from, b.from) })
	return h
}

// gapsOf tells of the silences of tracks, which end a row of readings.
func gapsOf(tracks []track) []Evidence {
	var list []Evidence
	for _, t := range tracks {
		for _, g := range t.gaps() {
			if len(list) == maxNamed {
				return list
			}
			list = append(list, Evidence{Text: "no reading" + after(" of ", t.name) + " for " + latency(g.length()) + ", which ends a row of them",
				Instance: t.instance, From: g.from, To: g.to})
		}
	}
	return list
}

// mute is the first time in a stretch in which none of several tracks had a mark, if it
// is longer than their silences and long enough to hide something; "" if there is none.
func mute(tracks []track, during span, long time.Duration) (gap span, is bool) {
	most := max(leastSilence, long)
	var known []span
	for _, t := range tracks {
		most = max(most, t.silence())
		for _, m := range t.marks {
			known = append(known, m.span)
		}
	}
	last := during.from
	for _, s := range united(known) {
		if s.from-last > most {
			return span{last, s.from}, true
		}
		last = max(last, s.to)
	}
	return span{last, during.to}, during.to-last > most
}

// usualStep is the median of the times from one mark to the next; metricEvery where
// there are too few to tell.
func usualStep(marks []mark) time.Duration {
	var steps []time.Duration
	for n := 1; n < len(marks); n++ {
		steps = append(steps, marks[n].to-marks[n-1].to)
	}
	if len(steps) == 0 {
		return metricEvery
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// tornWords says why a streak that a silence tore apart leaves doubt.
func tornWords(s streak) string {
	return fmt.Sprintf("values%s were outside before and after a time without any, from %s to %s together: nobody knows what they were in between",
		after(" of ", s.of.name), offset(s.from), offset(s.to))
}
