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

// quantiles are the four that charts and tables show.
func quantiles(h *hdrhistogram.Histogram) (p50, p95, p99, most time.Duration) {
	return quantile(h, 50), quantile(h, 95), quantile(h, 99), quantile(h, 100)
}

// enough tells whether so many values carry a percentile, 0 < percentile <
// 100: ten of them lie above it, as checks want it too.
func enough(values int64, percentile float64) bool {
	return float64(values)*(100-percentile) >= 10*100
}

// carried are the four with 0 in place of a percentile that too few values
// stand behind: a p99 of three requests is their maximum under another name.
func carried(h *hdrhistogram.Histogram) (p50, p95, p99, most time.Duration) {
	if h == nil {
		return 0, 0, 0, 0
	}
	of := func(percentile float64) time.Duration {
		if !enough(h.TotalCount(), percentile) {
			return 0
		}
		return quantile(h, percentile)
	}
	return of(50), of(95), of(99), quantile(h, 100)
}

// lags are the quantiles of the generator's lag, each the larger of those of
// requests and of session starts: the first request of a session is in both,
// and checks judge them apart.
func (t times) lags() (p50, p99, most time.Duration) {
	of := func(starts bool) *hdrhistogram.Histogram {
		return t.sum(func(k timeKey) bool { return k.measure == journal.Lag && (k.step == "") == starts })
	}
	requests, starts := of(false), of(true)
	worse := func(percentile float64) time.Duration {
		return max(quantile(requests, percentile), quantile(starts, percentile))
	}
	return worse(50), worse(99), worse(100)
}

// quantile reads a percentile of a histogram in microseconds, 0 of an empty one.
func quantile(h *hdrhistogram.Histogram, percentile float64) time.Duration {
	if h == nil || h.TotalCount() == 0 {
		return 0
	}
	return time.Duration(h.ValueAtPercentile(percentile)) * time.Microsecond
}
