package api

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// MarshalJSON is the member data of Prometheus' answer to a query: resultType and
// result. Values are strings, because JSON has no NaN and no infinities; times are
// seconds with up to three decimals.
func (a Answer) MarshalJSON() ([]byte, error) {
	b := append([]byte(`{"resultType":`), strconv.Quote(a.Type())...)
	b = append(b, `,"result":`...)
	switch v := a.value.(type) {
	case promql.Scalar:
		b = appendPoint(b, v.T, v.V)
	case promql.String:
		b = append(appendTime(append(b, '['), v.T), ',')
		b = append(appendText(b, v.V), ']')
	case promql.Vector:
		b = appendList(b, v, appendSample)
	case promql.Matrix:
		b = appendList(b, v, appendSeries)
	default:
		return nil, fmt.Errorf("an answer of type %T has no form in JSON", a.value)
	}
	return append(b, '}'), nil
}

func appendList[E any](b []byte, list []E, appendOne func([]byte, E) []byte) []byte {
	b = append(b, '[')
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, e)
	}
	return append(b, ']')
}

func appendSample(b []byte, s promql.Sample) []byte {
	b = appendMetric(b, s.Metric)
	if s.H != nil {
		b = append(b, `,"histogram":`...)
		return append(appendHistogramPoint(b, promql.HPoint{T: s.T, H: s.H}), '}')
	}
	b = append(b, `,"value":`...)
	return append(appendPoint(b, s.T, s.F), '}')
}

func appendSeries(b []byte, s promql.Series) []byte {
	b = appendMetric(b, s.Metric)
	if len(s.Floats) > 0 {
		b = append(b, `,"values":`...)
		b = appendList(b, s.Floats, func(b []byte, p promql.FPoint) []byte { return appendPoint(b, p.T, p.F) })
	}
	if len(s.Histograms) > 0 {
		b = append(b, `,"histograms":`...)
		b = appendList(b, s.Histograms, appendHistogramPoint)
	}
	return append(b, '}')
}

// appendMetric begins an object with its member metric.
func appendMetric(b []byte, metric labels.Labels) []byte {
	b = append(b, `{"metric":{`...)
	first := true
	metric.Range(func(l labels.Label) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendText(b, l.Name), ':')
		b = appendText(b, l.Value)
	})
	return append(b, '}')
}

func appendPoint(b []byte, t int64, v float64) []byte {
	b = append(appendTime(append(b, '['), t), ',')
	return append(appendFloat(b, v), ']')
}

func appendHistogramPoint(b []byte, p promql.HPoint) []byte {
	b = append(appendTime(append(b, '['), p.T), ',')
	return append(appendHistogram(b, p.H), ']')
}

// appendTime writes milliseconds since 1970 as seconds.
func appendTime(b []byte, t int64) []byte {
	if t < 0 {
		b, t = append(b, '-'), -t
	}
	b = strconv.AppendInt(b, t/1000, 10)
	if part := t % 1000; part != 0 {
		b = append(b, '.', byte('0'+part/100), byte('0'+part/10%10), byte('0'+part%10))
	}
	return b
}

func appendFloat(b []byte, v float64) []byte {
	format := byte('f')
	if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	b = strconv.AppendFloat(append(b, '"'), v, format, -1, 64)
	return append(b, '"')
}

// appendHistogram leaves out buckets that are empty. The first member of a bucket says
// which of its bounds belong to it: 0 the upper, 1 the lower, 2 none, 3 both.
func appendHistogram(b []byte, h *histogram.FloatHistogram) []byte {
	b = appendFloat(append(b, `{"count":`...), h.Count)
	b = appendFloat(append(b, `,"sum":`...), h.Sum)
	found := false
	for it := h.AllBucketIterator(); it.Next(); {
		bucket := it.At()
		if bucket.Count == 0 {
			continue
		}
		if found {
			b = append(b, ',')
		} else {
			b = append(b, `,"buckets":[`...)
		}
		found = true
		b = append(b, '[', bounds(bucket.LowerInclusive, bucket.UpperInclusive), ',')
		b = append(appendFloat(b, bucket.Lower), ',')
		b = append(appendFloat(b, bucket.Upper), ',')
		b = append(appendFloat(b, bucket.Count), ']')
	}
	if found {
		b = append(b, ']')
	}
	return append(b, '}')
}

func bounds(lower, upper bool) byte {
	switch {
	case lower && upper:
		return '3'
	case lower:
		return '1'
	case upper:
		return '0'
	}
	return '2'
}

// appendText writes a string, in the fast way where nothing in it needs escaping.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // of a string it does not fail
			return append(b, quoted...)
		}
	}
	b = append(append(b, '"'), text...)
	return append(b, '"')
}
