package store

import (
	"errors"
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// joined iterates over the samples of several series in order of time. Of those of one
// time a sample goes before a staleness marker.
type joined struct {
	parts []part
	begun bool
	on    int    // part of the current sample, -1: none
	next  millis // the earliest time that another part is at
	// follows tells that the sample before was of the same part: only then is what a
	// histogram says about a reset of its counters a statement about that one.
	follows bool
}

// part is the iterator of one series, with where it is.
type part struct {
	it chunkenc.Iterator
	is chunkenc.ValueType // ValNone at its end
	at millis
}

// millis is a time in milliseconds since 1970. (With the name of its own, Seek is not
// taken for that of an io.Seeker.)
type millis = int64

// join iterates over series, with the memory of another such iterator if there is one.
func join(reused chunkenc.Iterator, all []storage.Series) *joined {
	j, ok := reused.(*joined)
	if !ok {
		j = &joined{}
	}
	if cap(j.parts) < len(all) {
		j.parts = append(j.parts[:cap(j.parts)], make([]part, len(all)-cap(j.parts))...)
	}
	j.parts = j.parts[:len(all)]
	for i, s := range all {
		j.parts[i] = part{it: s.Iterator(j.parts[i].it)}
	}
	j.begun, j.on, j.follows = false, -1, false
	return j
}

// moved takes over where the iterator of a part is.
func (p *part) moved(is chunkenc.ValueType) {
	if p.is = is; is != chunkenc.ValNone {
		p.at = p.it.AtT()
	}
}

// stale says whether a part is at a staleness marker.
func (p *part) stale() bool {
	switch p.is {
	case chunkenc.ValFloat:
		_, v := p.it.At()
		return value.IsStaleNaN(v)
	case chunkenc.ValHistogram:
		_, h := p.it.AtHistogram(nil)
		return value.IsStaleNaN(h.Sum)
	case chunkenc.ValFloatHistogram:
		_, h := p.it.AtFloatHistogram(nil)
		return value.IsStaleNaN(h.Sum)
	}
	return false
}

// Next implements chunkenc.Iterator.
func (j *joined) Next() chunkenc.ValueType {
	if !j.begun {
		j.begun = true
		for i := range j.parts {
			p := &j.parts[i]
			p.moved(p.it.Next())
		}
		return j.choose()
	}
	if j.on < 0 {
		return chunkenc.ValNone
	}
	current := &j.parts[j.on]
	last := current.at
	current.moved(current.it.Next())
	if current.is != chunkenc.ValNone && current.at < j.next {
		j.follows = true
		return current.is
	}
	for i := range j.parts { // what has lost to the sample at this time
		if p := &j.parts[i]; p.is != chunkenc.ValNone && p.at == last {
			p.moved(p.it.Next())
		}
	}
	return j.choose()
}

// Seek implements chunkenc.Iterator.
func (j *joined) Seek(t millis) chunkenc.ValueType {
	switch {
	case j.begun && j.on < 0:
		return chunkenc.ValNone
	case j.begun && j.parts[j.on].at >= t:
		return j.parts[j.on].is
	}
	for i := range j.parts {
		p := &j.parts[i]
		if !j.begun || (p.is != chunkenc.ValNone && p.at < t) {
			p.moved(p.it.Seek(t))
		}
	}
	j.begun = true
	return j.choose()
}

// choose makes the earliest sample of all parts the current one.
func (j *joined) choose() chunkenc.ValueType {
	j.on, j.next, j.follows = -1, math.MaxInt64, false
	for i := range j.parts {
		p := &j.parts[i]
		switch {
		case p.is == chunkenc.ValNone:
			if p.it.Err() != nil { // what the others have would be half of the truth
				j.on = -1
				return chunkenc.ValNone
			}
		case j.on < 0:
			j.on = i
		case p.at < j.parts[j.on].at || (p.at == j.parts[j.on].at && j.parts[j.on].stale()):
			j.next, j.on = j.parts[j.on].at, i
		default:
			j.next = min(j.next, p.at)
		}
	}
	if j.on < 0 {
		return chunkenc.ValNone
	}
	return j.parts[j.on].is
}

// At implements chunkenc.Iterator.
func (j *joined) At() (int64, float64) { return j.parts[j.on].it.At() }

// AtT implements chunkenc.Iterator.
func (j *joined) AtT() int64 { return j.parts[j.on].at }

// AtST implements chunkenc.Iterator.
func (j *joined) AtST() int64 { return j.parts[j.on].it.AtST() }

// AtHistogram implements chunkenc.Iterator.
func (j *joined) AtHistogram(h *histogram.Histogram) (int64, *histogram.Histogram) {
	t, h := j.parts[j.on].it.AtHistogram(h)
	h.CounterResetHint = j.hint(h.CounterResetHint)
	return t, h
}

// AtFloatHistogram implements chunkenc.Iterator.
func (j *joined) AtFloatHistogram(h *histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	t, h := j.parts[j.on].it.AtFloatHistogram(h)
	h.CounterResetHint = j.hint(h.CounterResetHint)
	return t, h
}

func (j *joined) hint(of histogram.CounterResetHint) histogram.CounterResetHint {
	if j.follows || of == histogram.GaugeType {
		return of
	}
	return histogram.UnknownCounterReset
}

// Err implements chunkenc.Iterator.
func (j *joined) Err() error {
	var all []error
	for i := range j.parts {
		all = append(all, j.parts[i].it.Err())
	}
	return errors.Join(all...)
}
