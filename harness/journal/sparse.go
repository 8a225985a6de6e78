package journal

import (
	"encoding/binary"

	"github.com/HdrHistogram/hdrhistogram-go"
)

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

// pack writes slots as pairs of varints, each value as what it is above the one before:
// three bytes or so instead of sixteen. A long run has millions of slots.
func pack(dst []byte, slots []slot) []byte {
	last := int64(0)
	for _, s := range slots {
		dst = binary.AppendUvarint(dst, uint64(s.value-last))
		dst = binary.AppendUvarint(dst, uint64(s.count))
		last = s.value
	}
	return dst
}

// each calls f for what pack wrote.
func each(packed []byte, f func(value, count int64)) {
	last := int64(0)
	for len(packed) > 0 {
		above, n := binary.Uvarint(packed)
		count, m := binary.Uvarint(packed[n:])
		if n <= 0 || m <= 0 {
			return
		}
		packed, last = packed[n+m:], last+int64(above)
		f(last, int64(count))
	}
}

// Count is how many values the interval holds.
func (i Interval) Count() int64 {
	if i.Histogram != nil {
		return i.Histogram.TotalCount()
	}
	var n int64
	each(i.packed, func(_, count int64) { n += count })
	return n
}

// AddTo adds the interval's values to a histogram of NewHistogram's geometry.
func (i Interval) AddTo(sum *hdrhistogram.Histogram) {
	add := func(value, count int64) { _ = sum.RecordValues(min(value, sum.HighestTrackableValue()), count) } // then it is within range
	if i.Histogram == nil {
		each(i.packed, add)
		return
	}
	for _, s := range sparse(i.Histogram) { // Merge would walk every slot there is
		add(s.value, s.count)
	}
}
