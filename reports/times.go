package reports

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// times are the histograms of a run by what they measure, cohorts together.
// The journal has one for each second and step: merging them is most of the
// work of a report, so each is merged once and sums are made from these.
type times map[timeKey]*hdrhistogram.Histogram

type timeKey struct{ phase, journey, step, measure string }

// timesOf merges the intervals of responses and of the generator's lag.
func timesOf(latency []journal.Interval) times {
	merged := times{}
	for _, i := range latency {
		if i.Histogram == nil || i.Tag.Measure != journal.Response && i.Tag.Measure != journal.Lag {
			continue
		}
		key := timeKey{i.Tag.Phase, i.Tag.Journey, i.Tag.Step, i.Tag.Measure}
		if merged[key] == nil {
			merged[key] = journal.NewHistogram()
		}
		add(merged[key], i.Histogram)
	}
	return merged
}

// fewValues is up to how many values add reads one by one.
const fewValues = 2000

// add merges h into sum. Merge walks all slots up to the highest value, which
// takes some 0.1 ms; one second of one step holds few values, and asking for
// each by its rank takes a single fast pass: an hour is read in a fraction of
// the time, with the same result.
func add(sum, h *hdrhistogram.Histogram) {
	n := h.TotalCount()
	if n > fewValues {
		sum.Merge(h)
		return
	}
	ranks := make([]float64, n)
	for k := range ranks {
		ranks[k] = 100 * float64(k+1) / float64(n)
	}
	for _, v := range h.ValueAtPercentilesSlice(ranks) {
		_ = sum.RecordValue(min(v, sum.HighestTrackableValue())) // then it is within range
	}
}

// sum merges the histograms whose key is wanted.
func (t times) sum(wanted func(timeKey) bool) *hdrhistogram.Histogram {
	all := journal.NewHistogram()
	for key, h := range t {
		if wanted(key) {
			all.Merge(h)
		}
	}
	return all
}

// quantiles are the four that every table shows.
func quantiles(h *hdrhistogram.Histogram) (p50, p95, p99, most time.Duration) {
	return quantile(h, 50), quantile(h, 95), quantile(h, 99), quantile(h, 100)
}

// quantile reads a percentile of a histogram in microseconds, 0 of an empty one.
func quantile(h *hdrhistogram.Histogram, percentile float64) time.Duration {
	if h == nil || h.TotalCount() == 0 {
		return 0
	}
	return time.Duration(h.ValueAtPercentile(percentile)) * time.Microsecond
}
