package measure

import "math/bits"

// A sample is one time of one series.
type sample struct {
	series uint32
	micros uint32
}

const (
	chunkSize = 8192 // samples, 64 KB
	maxChunks = 128  // a million samples, 8 MB
)

// samples are the times of one interval, of all series in one log, in the
// order in which they came: what they take follows the rate of requests
// whatever the number of series, and adding one touches a single cache line.
//
// An interval that nobody can write down goes on and on. From the millionth
// sample on, equal ones are only counted, equal in the precision of the
// journal's histograms: what that takes follows the number of different times.
type samples struct {
	chunks [][]sample // the first used of them hold something
	used   int
	open   []sample // the last one in use, as far as it is filled
	folded map[sample]int64
}

// add records a time from 1 to 600,000,000 µs.
func (s *samples) add(series, micros uint32) {
	if len(s.open) == cap(s.open) && !s.turn() {
		s.fold(sample{series, micros})
		return
	}
	s.open = append(s.open, sample{series, micros})
}

// turn goes on to the next chunk, if there may be one.
func (s *samples) turn() bool {
	if s.used == maxChunks {
		return false
	}
	s.seal()
	if s.used == len(s.chunks) {
		s.chunks = append(s.chunks, make([]sample, 0, chunkSize))
	}
	s.open = s.chunks[s.used][:0]
	s.used++
	return true
}

// seal puts the open chunk, as far as it is filled, among the others.
func (s *samples) seal() {
	if s.used > 0 {
		s.chunks[s.used-1] = s.open
	}
}

func (s *samples) fold(one sample) {
	if s.folded == nil {
		s.folded = map[sample]int64{}
	}
	one.micros = slot(one.micros)
	s.folded[one]++
}

// slot is the lowest of the times that are the same to a histogram of three
// significant digits, which keeps the first eleven bits.
func slot(micros uint32) uint32 {
	shift := max(bits.Len32(micros)-11, 0)
	return micros >> shift << shift
}

// reset forgets the samples. It keeps the chunks that an interval like this
// one needs, and lets the others go little by little.
func (s *samples) reset() {
	keep := min(max(s.used+1, len(s.chunks)/2), len(s.chunks))
	clear(s.chunks[keep:])
	s.chunks = s.chunks[:keep]
	s.used, s.open, s.folded = 0, nil, nil
}
