package own

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// longest is the time up to which a histogram has buckets of its own.
const longest = 60 * time.Second

// bounds are the upper bounds of the buckets in seconds: those of
// journal.TimesBucket, each 19 % above the one before, up to the first above longest.
var bounds = func() []float64 {
	var all []float64
	for n := 0; ; n++ {
		bound := journal.TimesBound(n)
		all = append(all, bound.Seconds())
		if bound >= longest {
			return all
		}
	}
}()

// histogram is times by the value of one label.
type histogram struct {
	name string
	desc *prometheus.Desc
	of   map[string]*times
	left int
}

// times are counted by bucket; the last counts all that are longer.
type times struct {
	counts []uint64
	sum    float64 // seconds, estimated
}

// expect begins with nothing counted.
func (h *histogram) expect(label string) { h.find(label) }

// add counts times by the number of their bucket.
func (h *histogram) add(counted map[int]int, label string) {
	if len(counted) == 0 {
		return
	}
	t := h.find(label)
	if t == nil {
		return
	}
	for bucket, n := range counted {
		if n > 0 && bucket >= 0 {
			t.counts[min(bucket, len(bounds))] += uint64(n)
			t.sum += float64(n) * middle(bucket)
		}
	}
}

// middle is what the times in a bucket are taken for in the sum: the geometric mean
// of its bounds, at most 9 % from each of them.
func middle(bucket int) float64 {
	if bucket == 0 {
		return journal.TimesBound(0).Seconds() / 2
	}
	return journal.TimesBound(min(bucket, 127)).Seconds() / math.Exp2(1.0/8)
}

func (h *histogram) find(label string) *times {
	if t := h.of[label]; t != nil {
		return t
	}
	label = presentable(label)
	if t := h.of[label]; t != nil {
		return t
	}
	if len(h.of) >= maxSeries/len(bounds) {
		h.left++
		return nil
	}
	t := &times{counts: make([]uint64, len(bounds)+1)}
	h.of[label] = t
	return t
}

// timesCopy is a copy of the times of one label.
type timesCopy struct {
	of    *histogram
	label string
	times
}

func (h *histogram) copied(to []timesCopy) []timesCopy {
	for label, t := range h.of {
		to = append(to, timesCopy{h, label, times{append([]uint64(nil), t.counts...), t.sum}})
	}
	return to
}

func (t *timesCopy) metric() prometheus.Metric {
	var count uint64
	buckets := make(map[float64]uint64, len(bounds))
	for i, n := range t.counts {
		count += n
		if i < len(bounds) {
			buckets[bounds[i]] = count
		}
	}
	m, err := prometheus.NewConstHistogram(t.of.desc, count, t.sum, buckets, t.label)
	if err != nil {
		return prometheus.NewInvalidMetric(t.of.desc, err)
	}
	return m
}
