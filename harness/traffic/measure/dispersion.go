package measure

import "time"

const (
	binWidth = time.Millisecond
	openBins = 64
)

// bins count events in the milliseconds of a run, to tell how they are spread:
// the index of dispersion of the counts, their variance over their mean, is 0
// if they are even, 1 for a Poisson process, and more if they come in clumps.
//
// Bins close in order. An event is counted where it belongs as long as that bin
// is open, which is so for the newest 64; one that comes later still counts in
// the oldest open one. A bin counts in the interval in which it closes: no event
// is lost or counted twice, and the last bins of an interval are the first of
// the next. So, of a driver that is late, the intended moments it has yet to
// get to count in the interval in which it gets to them, in the bins in which
// they should have been.
type bins struct {
	open  [openBins]int64 // the counts of bins first, first+1, ...; bin k at k modulo openBins
	first int64

	// Of the bins that closed since the last take.
	closed       int64
	sum, squares float64
}

func (b *bins) add(at time.Duration) {
	bin := int64(at / binWidth)
	if bin >= b.first+openBins {
		b.closeBefore(bin - openBins + 1)
	}
	b.open[max(bin, b.first)%openBins]++
}

// closeBefore closes all bins before one.
func (b *bins) closeBefore(bin int64) {
	for n := min(bin-b.first, openBins); n > 0; n-- {
		count := float64(b.open[b.first%openBins])
		b.open[b.first%openBins] = 0
		b.sum += count
		b.squares += count * count
		b.first++
		b.closed++
	}
	if bin > b.first { // a gap: those were never opened
		b.closed += bin - b.first
		b.first = bin
	}
}

// take gives the index of dispersion of the bins that closed since the last
// take, negative if nothing was in them.
func (b *bins) take() float64 {
	n, sum, squares := float64(b.closed), b.sum, b.squares
	b.closed, b.sum, b.squares = 0, 0, 0
	if n < 2 || sum == 0 {
		return -1
	}
	mean := sum / n
	return max(squares-sum*mean, 0) / (n - 1) / mean // 0 within rounding is not below 0
}
