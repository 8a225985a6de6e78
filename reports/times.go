package reports

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// times are the histograms of a run by what they measure, cohorts together.
// Merging histograms is most of the work of a report, so each is merged once
// and sums are made from these.
type times map[timeKey]*hdrhistogram.Histogram

type timeKey struct{ phase, journey, step, measure string }

// timesOf merges the intervals of responses and of the generator's lag.
func timesOf(latency []journal.Interval) times {
	merged := times{}
	for _, i := range latency {
		if i.Tag.Measure != journal.Response && i.Tag.Measure != journal.Lag {
			continue
		}
		key := timeKey{i.Tag.Phase, i.Tag.Journey, i.Tag.Step, i.Tag.Measure}
		if merged[key] == nil {
			merged[key] = journal.NewHistogram()
		}
		i.AddTo(merged[key])
	}
	return merged
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
