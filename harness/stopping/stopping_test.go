package stopping

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func ptr[T any](v T) *T { return &v }

// traffic is one part of a second; all of its answers took p.
func traffic(cohort, step string, ok, failed int, p time.Duration) journal.Traffic {
	return journal.Traffic{Cohort: cohort, Journey: "shop", Step: step, For: time.Second, OK: ok, Failed: failed, P50: p, P95: p, P99: p, Max: p}
}

// watch shows seconds to a condition and tells in which it came true, 0 for never.
func watch(stop scenarios.StopCondition, seconds ...[]journal.Traffic) (at int, how journal.StopTriggered) {
	w := New([]scenarios.StopCondition{stop})
	for i, parts := range seconds {
		t := time.Duration(i+1) * time.Second
		for _, p := range parts {
			if got := w.Observe(journal.Event{T: t, Body: p}); got != nil {
				return i + 1, *got
			}
		}
		if got := w.Observe(journal.Event{T: t, Body: journal.Generator{For: time.Second}}); got != nil {
			return i + 1, *got
		}
	}
	return 0, how
}

func TestConditions(t *testing.T) {
	fast, slow := 10*time.Millisecond, time.Second
	good := []journal.Traffic{traffic("a", "buy", 100, 0, fast)}
	bad := []journal.Traffic{traffic("a", "buy", 100, 0, slow)}
	none := []journal.Traffic{traffic("a", "buy", 0, 0, 0)}
	half := []journal.Traffic{traffic("a", "buy", 50, 50, fast)}
	p95 := scenarios.StopCondition{Journey: "shop", P95: ptr(scenarios.Duration(100 * time.Millisecond)), For: scenarios.Duration(3 * time.Second)}
	p99 := p95
	p99.P95, p99.P99 = nil, p95.P95
	available := scenarios.StopCondition{Journey: "shop", Availability: ptr(scenarios.Percent(90)), For: scenarios.Duration(3 * time.Second)}
	step := p95
	step.Step = "pay"
	own := traffic("a", "buy", 50, 50, fast)
	own.Own = 50
	for name, c := range map[string]struct {
		stop     scenarios.StopCondition
		seconds  [][]journal.Traffic
		at       int
		measured string
	}{
		"never":                          {p95, [][]journal.Traffic{good, good, good, good}, 0, ""},
		"three in a row":                 {p95, [][]journal.Traffic{good, bad, bad, bad}, 4, "p95 up to 1s"},
		"two in a row":                   {p95, [][]journal.Traffic{bad, bad, good, bad, bad, good}, 0, ""},
		"an empty one does not mend":     {p95, [][]journal.Traffic{bad, none, bad, {}, bad}, 5, "p95 up to 1s"},
		"nor does it break":              {p95, [][]journal.Traffic{bad, bad, none, none, none}, 0, ""},
		"no right answer is slow":        {p95, [][]journal.Traffic{half, half, half}, 3, "p95 without a right answer"},
		"another step":                   {step, [][]journal.Traffic{bad, bad, bad}, 0, ""},
		"this step":                      {step, [][]journal.Traffic{{traffic("a", "pay", 1, 0, slow)}, {traffic("a", "pay", 1, 0, slow)}, {traffic("a", "pay", 1, 0, slow)}}, 3, "p95 up to 1s"},
		"sessions are no requests":       {p95, [][]journal.Traffic{{traffic("a", "", 1, 0, slow)}, {traffic("a", "", 1, 0, slow)}, {traffic("a", "", 1, 0, slow)}}, 0, ""},
		"a cohort that is small":         {p95, [][]journal.Traffic{{good[0], traffic("b", "buy", 4, 0, slow)}, {good[0], traffic("b", "buy", 4, 0, slow)}, {good[0], traffic("b", "buy", 4, 0, slow)}}, 0, ""},
		"but not for the 99th":           {p99, [][]journal.Traffic{{good[0], traffic("b", "buy", 4, 0, slow)}, {good[0], traffic("b", "buy", 4, 0, slow)}, {good[0], traffic("b", "buy", 4, 0, slow)}}, 3, "p99 up to 1s"},
		"a cohort that is large enough":  {p95, [][]journal.Traffic{{good[0], traffic("b", "buy", 40, 0, slow)}, {good[0], traffic("b", "buy", 40, 0, slow)}, {good[0], traffic("b", "buy", 40, 0, slow)}}, 3, "p95 up to 1s"},
		"available":                      {available, [][]journal.Traffic{good, good, good}, 0, ""},
		"not available, over all of it":  {available, [][]journal.Traffic{good, half, good, good, good}, 3, "250 of 300 succeeded (83.33%)"},
		"not before all of it is seen":   {available, [][]journal.Traffic{half, half}, 0, ""},
		"an empty second is not counted": {available, [][]journal.Traffic{half, none, none, half, half}, 5, "150 of 300 succeeded (50%)"},
		"the generator's own":            {available, [][]journal.Traffic{{own}, {own}, {own}}, 0, ""},
		"another journey":                {available, [][]journal.Traffic{{{Journey: "other", Step: "x", For: time.Second, Failed: 9}}, {{Journey: "other", Step: "x", For: time.Second, Failed: 9}}, {{Journey: "other", Step: "x", For: time.Second, Failed: 9}}}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			at, how := watch(c.stop, c.seconds...)
			if at != c.at || how.Measured != c.measured || at > 0 && how.For != 3*time.Second {
				t.Errorf("in second %d: %+v; want %d: %s", at, how, c.at, c.measured)
			}
		})
	}
}

// What is said of a condition names it, and it is said once.
func TestOnceAndInWords(t *testing.T) {
	w := New([]scenarios.StopCondition{{
		Journey: "shop", Step: "buy", P95: ptr(scenarios.Duration(time.Millisecond)), Availability: ptr(scenarios.Percent(50)), For: scenarios.Duration(2 * time.Second),
	}})
	var said []string
	for i := range 6 { // the next second closes the one before: no figures of the driver's own
		if got := w.Observe(journal.Event{T: time.Duration(i+1) * time.Second, Body: traffic("a", "buy", 9, 0, time.Second)}); got != nil {
			said = append(said, got.Condition)
		}
	}
	if len(said) != 1 || said[0] != "shop/buy: p95 > 1ms for 2s" {
		t.Errorf("%q", said)
	}
	if New(nil).Observe(journal.Event{Body: journal.Generator{}}) != nil {
		t.Error("something of nothing")
	}
}

// A percentile over parts lies between theirs, and with failures it is not
// lower than without.
func TestQuantileProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var s second
		low, high := time.Duration(1<<62), time.Duration(0)
		for range rapid.IntRange(1, 4).Draw(rt, "parts") {
			p := journal.Traffic{For: time.Second, OK: rapid.IntRange(1, 1000).Draw(rt, "ok")}
			p.P50 = time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(rt, "p50"))
			p.P95 = p.P50 + time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(rt, "p95"))
			p.P99 = p.P95 + time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(rt, "p99"))
			p.Max = p.P99 + time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(rt, "max"))
			low, high = min(low, p.P95), max(high, p.P95)
			s.add(p)
		}
		value, ok := s.quantile(0.95)
		if !ok || value < low-time.Millisecond || value > high+time.Millisecond {
			rt.Fatalf("%v %v, not between %v and %v", value, ok, low, high)
		}
		s.add(journal.Traffic{Failed: rapid.IntRange(1, 50).Draw(rt, "failed")})
		if worse, ok := s.quantile(0.95); ok && worse < value-time.Millisecond {
			rt.Fatalf("%v with failures, %v without", worse, value)
		}
	})
}
