package stopping

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// queueAge ends a run when the oldest job of the worker's is older than 30 s for 3 s.
func queueAge() scenarios.StopCondition {
	return scenarios.StopCondition{
		Service: "worker", Metric: "age", Above: &scenarios.Value{Number: 30, Unit: "s"}, For: scenarios.Duration(3 * time.Second),
	}
}

func age(seconds float64) journal.Measured {
	return journal.Measured{Service: "worker", Metric: "age", Value: seconds}
}

func TestMetricConditions(t *testing.T) {
	low, high := age(30), age(31.5)
	failed := journal.Measured{Service: "worker", Metric: "age", Error: "connection refused"}
	for name, c := range map[string]struct {
		readings []journal.Measured
		at       int // the reading, from 1; 0: never
	}{
		"never":                                {[]journal.Measured{low, low, low, low, low}, 0},
		"as long as it takes":                  {[]journal.Measured{low, high, high, high, high}, 5},
		"not quite":                            {[]journal.Measured{high, high, high, low, high, high, high}, 0},
		"a failed one does not mend":           {[]journal.Measured{high, high, failed, high, high, high}, 6},
		"nor does it break":                    {[]journal.Measured{high, failed, failed, failed, failed, failed, high}, 0},
		"another metric":                       {[]journal.Measured{{Service: "worker", Metric: "depth", Value: 99}, {Service: "worker", Metric: "depth", Value: 99}, high, high, {Service: "worker", Metric: "depth", Value: 99}, {Service: "worker", Metric: "depth"}}, 0},
		"another service":                      {[]journal.Measured{{Service: "api", Metric: "age", Value: 99}, {Service: "api", Metric: "age", Value: 99}, {Service: "api", Metric: "age", Value: 99}, {Service: "api", Metric: "age", Value: 99}}, 0},
		"one of another service mends nothing": {[]journal.Measured{high, {Service: "api", Metric: "age"}, high, high}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			w := New([]scenarios.StopCondition{queueAge()})
			at := 0
			for i, r := range c.readings {
				got := w.Observe(journal.Event{T: time.Duration(i+1) * time.Second, Body: r})
				if got == nil {
					continue
				}
				if at > 0 {
					t.Fatalf("a second time: %+v", *got)
				}
				at = i + 1
				if got.Condition != "worker: age > 30s for 3s" || got.Measured != "age up to 31.5s" || got.For != 3*time.Second {
					t.Errorf("%+v", *got)
				}
			}
			if at != c.at {
				t.Errorf("in reading %d, want %d", at, c.at)
			}
		})
	}
}

// Half of the requests of a second may be slow before the median is.
func TestMedianCondition(t *testing.T) {
	limit := scenarios.Duration(100 * time.Millisecond)
	stop := scenarios.StopCondition{Journey: "shop", P50: &limit, For: scenarios.Duration(2 * time.Second)}
	slow := traffic("a", "buy", 10, 0, time.Second)
	mixed := slow
	mixed.P50 = 10 * time.Millisecond
	if at, how := watch(stop, []journal.Traffic{mixed}, []journal.Traffic{mixed}, []journal.Traffic{slow}, []journal.Traffic{slow}); at != 4 || how.Condition != "shop: p50 > 100ms for 2s" || how.Measured != "p50 up to 1s" {
		t.Errorf("in second %d: %+v", at, how)
	}
	fast := traffic("b", "buy", 30, 0, time.Millisecond)
	if at, how := watch(stop, []journal.Traffic{slow, fast}, []journal.Traffic{slow, fast}, []journal.Traffic{slow, fast}); at != 0 {
		t.Errorf("of two parts, in second %d: %+v", at, how)
	}
}

// However readings come, a run ends only after the time for which the metric was seen
// to be too high without a reading in between that was not.
func TestMetricConditionProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := New([]scenarios.StopCondition{queueAge()})
		var at, since time.Duration
		high := false
		for range rapid.IntRange(1, 60).Draw(rt, "readings") {
			at += time.Duration(rapid.IntRange(1, 2000).Draw(rt, "ms")) * time.Millisecond
			r := age(float64(rapid.SampledFrom([]int{29, 31, 31, 31}).Draw(rt, "age")))
			if r.Value > 30 && !high {
				since = at
			}
			high = r.Value > 30
			got := w.Observe(journal.Event{T: at, Body: r})
			if want := high && at-since >= 3*time.Second; want != (got != nil) {
				rt.Fatalf("at %s, too high since %s: %+v", at, since, got)
			}
			if got != nil {
				return
			}
		}
	})
}
