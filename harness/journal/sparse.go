package journal

import "github.com/HdrHistogram/hdrhistogram-go"

// slot is how often a value stands in a histogram.
type slot struct{ value, count int64 }

// fewValues is up to how many values sparse asks for one by one.
const fewValues = 2000

// sparse keeps what is in a histogram without its 139 KB: a run has one for
// each second, step and measure, an hour of ten steps a hundred thousand.
// Asking for each value by its rank takes a single pass over the slots.
func sparse(h *hdrhistogram.Histogram) []slot {
	n := h.TotalCount()
	if n > fewValues {
		var slots []slot
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				slots = append(slots, slot{bar.To, bar.Count})
			}
		}
		return slots
	}
	ranks := make([]float64, n)
	for k := range ranks {
		ranks[k] = 100 * float64(k+1) / float64(n)
	}
	at := h.ValueAtPercentilesSlice(ranks)
	var slots []slot
	for k, v := range at {
		if k > 0 && v == at[k-1] {
			slots[len(slots)-1].count++
			continue
		}
		slots = append(slots, slot{v, 1})
	}
	return slots
}

// Count is how many values the interval holds.
func (i Interval) Count() int64 {
	if i.Histogram != nil {
		return i.Histogram.TotalCount()
	}
	var n int64
	for _, s := range i.slots {
		n += s.count
	}
	return n
}

// AddTo adds the interval's values to a histogram of NewHistogram's geometry.
func (i Interval) AddTo(sum *hdrhistogram.Histogram) {
	slots := i.slots
	if i.Histogram != nil {
		slots = sparse(i.Histogram) // Merge would walk every slot there is
	}
	for _, s := range slots {
		_ = sum.RecordValues(min(s.value, sum.HighestTrackableValue()), s.count) // then it is within range
	}
}
