package journal

// Condense sums intervals up by tag: one for each, from the beginning of the
// first to the end of the last, in order of their first appearance. A run has
// an interval for each second, step and measure, and whoever asks about the run
// as a whole need not walk them again and again.
func Condense(intervals []Interval) []Interval {
	index := map[Tag]int{}
	var sums []Interval
	var parts [][]int32 // of intervals, by tag
	for at, i := range intervals {
		n, known := index[i.Tag]
		if !known {
			n = len(sums)
			index[i.Tag] = n
			sums, parts = append(sums, Interval{Tag: i.Tag, From: i.From, To: i.To}), append(parts, nil)
		}
		sums[n].From, sums[n].To = min(sums[n].From, i.From), max(sums[n].To, i.To)
		parts[n] = append(parts[n], int32(at))
	}
	all := NewHistogram() // one for all: it is large
	for n := range sums {
		all.Reset()
		for _, part := range parts[n] {
			intervals[part].AddTo(all)
		}
		sums[n].packed = pack(nil, sparse(all))
	}
	return sums
}
