package measure

import "github.com/HdrHistogram/hdrhistogram-go"

// sorted is the samples of an interval by series: a counting sort, two passes
// over the log.
type sorted struct {
	ends   []int // of each series' part of values, which begins where the one before ends
	values []uint32
	folded map[uint32][]folded
	ids    []uint32
}

// folded is a time and how often it was seen.
type folded struct {
	micros uint32
	count  int64
}

// sort takes the samples of series 0 to n-1.
func (s *sorted) sort(from *samples, n int) {
	if cap(s.ends) < n {
		s.ends = make([]int, n, n+n/2)
	}
	s.ends, s.folded = s.ends[:n], nil
	clear(s.ends)
	for _, chunk := range from.chunks[:from.used] {
		for _, one := range chunk {
			s.ends[one.series]++
		}
	}
	total := 0
	for id, count := range s.ends { // from counts to beginnings
		s.ends[id] = total
		total += count
	}
	if cap(s.values) < total || cap(s.values) > 4*total+chunkSize {
		s.values = make([]uint32, total+total/4)
	}
	s.values = s.values[:total]
	for _, chunk := range from.chunks[:from.used] {
		for _, one := range chunk { // from beginnings to ends
			s.values[s.ends[one.series]] = one.micros
			s.ends[one.series]++
		}
	}
	if len(from.folded) > 0 {
		s.folded = map[uint32][]folded{}
	}
	for one, count := range from.folded {
		s.folded[one.series] = append(s.folded[one.series], folded{one.micros, count})
	}
}

func (s *sorted) of(id uint32) []uint32 {
	begin := 0
	if id > 0 {
		begin = s.ends[id-1]
	}
	return s.values[begin:s.ends[id]]
}

// present are the series that hold something; the slice is good until the next
// call.
func (s *sorted) present() []uint32 {
	s.ids = s.ids[:0]
	for id := range uint32(len(s.ends)) {
		if len(s.of(id)) > 0 || len(s.folded[id]) > 0 {
			s.ids = append(s.ids, id)
		}
	}
	return s.ids
}

// fill adds a series to a histogram of the journal's geometry, whose range
// holds them all.
func (s *sorted) fill(h *hdrhistogram.Histogram, id uint32) {
	for _, v := range s.of(id) {
		_ = h.RecordValue(int64(v))
	}
	for _, f := range s.folded[id] {
		_ = h.RecordValues(int64(f.micros), f.count)
	}
}
