package own

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxSeries is the most series of one metric; what is beyond is counted in
	// shakedown_series_dropped_total.
	maxSeries = 2000
	// maxExpected is up to how many series are begun with 0 before anything is known
	// of them: what really happens must have room as well.
	maxExpected = maxSeries / 2
	// maxLabels is the most labels of a metric.
	maxLabels = 6
	// maxLabelBytes is the longest value of a label; longer ones are cut.
	maxLabelBytes = 200
)

// labels are the values of the labels of a series, in the order of the metric; those
// that the metric does not have are "".
type labels [maxLabels]string

// family is a counter or a gauge with all its series. It is not safe for concurrent
// use: the Metrics has the lock.
type family struct {
	name   string
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	arity  int
	series map[labels]*series
	left   int // updates of series beyond the cap, since they were last taken
}

// series is a value with the time of the event that set it.
type series struct {
	value float64
	at    time.Duration
}

// add adds to a counter; less than nothing, and what is no number, is nothing.
func (f *family) add(n float64, values ...string) {
	if s := f.find(values); s != nil && n > 0 && !math.IsInf(n, 1) {
		s.value += n
	}
}

// shift adds to a gauge, which never falls below 0.
func (f *family) shift(n float64, values ...string) {
	if s := f.find(values); s != nil {
		s.value = max(0, s.value+n)
	}
}

// set sets a value that was true at t, if nothing later is known.
func (f *family) set(t time.Duration, v float64, values ...string) {
	if s := f.find(values); s != nil && t >= s.at {
		s.value, s.at = v, t
	}
}

// expect begins a series with 0 if there is none yet, and enough room.
func (f *family) expect(values ...string) {
	if len(f.series) < maxExpected {
		f.find(values)
	}
}

// drop takes a series away.
func (f *family) drop(values ...string) {
	delete(f.series, f.key(values))
}

// find gives a series, which it begins with 0; nil if there is no room for it.
func (f *family) find(values []string) *series {
	var key labels
	copy(key[:], values)
	if s := f.series[key]; s != nil {
		return s
	}
	key = f.key(values)
	if s := f.series[key]; s != nil {
		return s
	}
	if len(f.series) >= maxSeries {
		f.left++
		return nil
	}
	s := &series{at: math.MinInt64}
	f.series[key] = s
	return s
}

// key is what a series is known by: its labels as they are exposed.
func (f *family) key(values []string) (key labels) {
	if len(values) != f.arity {
		panic("own: " + f.name + " is used with another number of labels than it has")
	}
	for i, v := range values {
		key[i] = presentable(v)
	}
	return key
}

// presentable is a value that every format can carry.
func presentable(value string) string {
	if len(value) > maxLabelBytes {
		value = value[:maxLabelBytes]
		for range utf8.UTFMax { // of a character that was cut through
			if r, size := utf8.DecodeLastRuneInString(value); r != utf8.RuneError || size != 1 {
				break
			}
			value = value[:len(value)-1]
		}
		value += "…"
	}
	return strings.ToValidUTF8(value, "\uFFFD")
}
