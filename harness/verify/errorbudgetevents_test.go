package verify

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// What counters grew by is counted over all series, from nothing for one that begins
// later, and not at all in a step in which one went down.
func TestGrowthOfCounters(t *testing.T) {
	at := func(seconds ...int) (list []time.Duration) {
		for _, s := range seconds {
			list = append(list, time.Duration(s)*time.Second)
		}
		return list
	}
	for _, c := range []struct {
		name   string
		series []journal.QuerySeries
		known  span
		want   map[int]float64 // by the second of the end
		falls  int
	}{
		{"one", []journal.QuerySeries{{At: at(1, 2, 3), Values: []float64{10, 15, 15}}}, span{}, map[int]float64{2: 5, 3: 0}, 0},
		{"two at once", []journal.QuerySeries{{At: at(1, 2), Values: []float64{10, 15}}, {At: at(1, 2), Values: []float64{1, 2}}}, span{}, map[int]float64{2: 6}, 0},
		{"one that begins later", []journal.QuerySeries{{At: at(1, 2, 3), Values: []float64{10, 15, 20}}, {At: at(2, 3), Values: []float64{7, 8}}}, span{}, map[int]float64{2: 12, 3: 6}, 0},
		{"later than another answer", []journal.QuerySeries{{At: at(3), Values: []float64{7}}}, span{time.Second, 9 * time.Second}, map[int]float64{3: 7}, 0},
		{"one that falls", []journal.QuerySeries{{At: at(1, 2, 3), Values: []float64{10, 4, 6}}}, span{}, map[int]float64{2: 0, 3: 2}, 1},
		{"one that is rounded", []journal.QuerySeries{{At: at(1, 2, 3), Values: []float64{1000, 999, 1002}}}, span{}, map[int]float64{2: 0, 3: 3}, 0},
		{"a gap", []journal.QuerySeries{{At: at(1, 5), Values: []float64{10, 30}}}, span{}, map[int]float64{5: 20}, 0},
		{"nothing", nil, span{}, nil, 0},
	} {
		spells, falls := growth(journal.QueryResult{Step: time.Second, Series: c.series}, c.known)
		if falls != c.falls || len(spells) != len(c.want) {
			t.Errorf("%s: %v with %d falls, want %v with %d", c.name, spells, falls, c.want, c.falls)
			continue
		}
		for _, s := range spells {
			if s.good != c.want[int(s.to/time.Second)] {
				t.Errorf("%s: %v, want %v", c.name, spells, c.want)
			}
		}
	}
}
