package verify

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// The metrics of thresholds that the run knows by itself.
const (
	availabilityMetric = "availability"
	errorRateMetric    = "error_rate"
	cpuShareMetric     = "cpu"
	memoryShareMetric  = "memory"
)

// quantileMetrics are the percentiles of response times, by name.
var quantileMetrics = map[string]float64{"p50": 50, "p95": 95, "p99": 99}

// shareMetrics are shares of something by nature, from 0 to 1, besides names that end
// in _ratio or _success.
var shareMetrics = []string{availabilityMetric, errorRateMetric, cpuShareMetric, memoryShareMetric, "database_connections", "disk"}

// metricWords writes a value of a metric: shares as percentages, times as durations.
func metricWords(metric string, v float64) string {
	_, isTime := quantileMetrics[metric]
	isTime = isTime || strings.HasSuffix(metric, "_seconds") || strings.HasSuffix(metric, "_latency")
	isShare := slices.Contains(shareMetrics, metric) || strings.HasSuffix(metric, "_ratio") || strings.HasSuffix(metric, "_success")
	switch {
	case isTime && math.IsInf(v, 1):
		return "no right answer"
	case isTime:
		return latency(seconds(v))
	case isShare:
		return thousandths(v)
	}
	return number(v)
}

// thousandths writes a share as a percentage, rounded down to three decimals of a
// percent, so that 100% is the whole.
func thousandths(share float64) string {
	return strconv.FormatFloat(math.Floor(share*100_000+1e-6)/1000, 'f', -1, 64) + "%"
}

// number writes a value with six significant digits, enough to tell it from a bound.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// thresholdFinding names a finding: threshold/p99, threshold/p99/surge.
func thresholdFinding(metric, phase string) Finding {
	id := "threshold/" + metric
	if phase != "" {
		id += "/" + phase
	}
	return Finding{ID: id, Kind: "threshold", Verdict: Pass}
}

// wanted are the thresholds in words: "p99 not above 3s for 5s (warning: 1s)".
func (t thresholdRun) wanted() string {
	text := ""
	switch fails, warns := t.failing(), t.warning(); {
	case fails != nil && warns != nil:
		text = t.limitWords(*fails) + t.lasting() + " (warning: " + metricWords(t.name, float64(*warns)) + ")"
	case fails != nil:
		text = t.limitWords(*fails) + t.lasting()
	case warns != nil:
		text = t.limitWords(*warns) + t.lasting() + " (a warning)"
	}
	return text
}

func (t thresholdRun) limitWords(limit scenarios.Level) string {
	return t.subject() + " not " + t.side() + " " + metricWords(t.name, float64(limit))
}

func (t thresholdRun) lasting() string {
	if t.long == 0 {
		return ""
	}
	return " for " + latency(t.long)
}

func (t thresholdRun) side() string {
	if t.below {
		return "below"
	}
	return "above"
}

// subject is the metric with what it is narrowed to.
func (t thresholdRun) subject() string {
	switch {
	case t.Step != "":
		return t.name + " of " + t.Journey + "/" + t.Step
	case t.Journey != "":
		return t.name + " of " + t.Journey
	case t.Service != "":
		return t.name + " of " + t.Service
	}
	return t.name
}

// extreme is the worst value in words: "highest 92.3% of api-2".
func (t thresholdRun) extreme(h held) string {
	word := "highest "
	if t.below {
		word = "lowest "
	}
	return word + metricWords(t.name, h.worst.value) + after(" of ", h.of.name)
}

// told says of a streak what it was, for a reason.
func (t thresholdRun) told(s streak, limit scenarios.Level) string {
	return fmt.Sprintf("%s%s was %s %s for %s, from %s on, at worst %s", t.subject(), after(" of ", s.of.name), t.side(),
		metricWords(t.name, float64(limit)), latency(s.length()), offset(s.from), metricWords(t.name, s.worst.value))
}
