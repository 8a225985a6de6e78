package verify

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// The times of the burn rates that are usual, at a total outage.
func TestBurnRatesTakeTheirTime(t *testing.T) {
	const ratio = "sum(rate(errors[1h])) / sum(rate(requests[1h]))"
	for name, c := range map[string]struct {
		rule journal.Rule
		rise time.Duration
		told bool
	}{
		"99.9%, 14.4 in 1h":      {journal.Rule{Expr: ratio + " > (14.4 * 0.001)"}, 51840 * time.Millisecond, true},
		"by the record":          {journal.Rule{Expr: "sum(rate(errors[1h])) / sum(rate(requests[1h])) > bool 0.0144"}, 51840 * time.Millisecond, true},
		"both windows":           {journal.Rule{Expr: ratio + " > 14.4 * 0.001 and sum(rate(errors[5m])) / sum(rate(requests[5m])) > 14.4 * 0.001"}, 51840 * time.Millisecond, true},
		"a share of successes":   {journal.Rule{Expr: "sum(rate(ok[1h])) / sum(rate(requests[1h])) < 0.99"}, 36 * time.Second, true},
		"a quantile":             {journal.Rule{Expr: "histogram_quantile(0.9, rate(x_bucket[1h])) / 2 > 0.5"}, time.Hour, false},
		"no share":               {journal.Rule{Expr: "rate(errors[1h]) > 0.5"}, time.Hour, false},
		"more than all":          {journal.Rule{Expr: ratio + " > 2"}, time.Hour, false},
		"no threshold":           {journal.Rule{Expr: ratio}, time.Hour, false},
		"a division in quotes":   {journal.Rule{Expr: `rate(errors{path="/"}[1h]) > 0.5`}, time.Hour, false},
		"a threshold told apart": {journal.Rule{Expr: ratio + " > scalar(limit)", Threshold: new(float64), Compare: ">"}, 0, true},
		"a range told apart":     {journal.Rule{Expr: "a / b > 0.5", Ranges: []time.Duration{10 * time.Minute}}, 5 * time.Minute, true},
	} {
		d := alertRecord{}.detections(c.rule, time.Second)
		if len(d) != 1 || d[0].told != c.told || (d[0].enough()-time.Second-c.rise).Abs() > time.Millisecond {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// What is recorded is looked back over as well, of each way to fire by itself.
func TestRecordingRulesCount(t *testing.T) {
	record := func(name, group string, window time.Duration) journal.Rule {
		return journal.Rule{Group: group, Record: name, Expr: "a / b", Interval: 5 * time.Second, Ranges: []time.Duration{window}, Metrics: []string{"a"}}
	}
	burn := journal.Rule{Group: "g", Alert: "Burn", Interval: time.Second, Expr: "(slow > 0.5) or (fast:1 > 0.1)", Metrics: []string{"slow", "fast:1"}}
	r := alertRecord{loaded: &journal.RulesLoaded{Rules: []journal.Rule{
		record("slow", "h", time.Hour), {Group: "g", Record: "fast:1", Expr: "fast", Metrics: []string{"fast"}}, record("fast", "g", time.Minute), burn}}}
	d := r.detections(burn, 0)
	if len(d) != 2 || d[0].window != time.Hour || d[0].interval != 6*time.Second || d[1].window != time.Minute || d[1].interval != time.Second ||
		d[0].rise() != 30*time.Minute || d[1].rise() != 6*time.Second {
		t.Errorf("%+v", d)
	}
}

// What fires for certain can fire, and a longer cause makes nothing impossible.
func TestACauseThatIsLongerHelps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(rt, name))
		}
		d := detection{window: draw("window"), share: rapid.Float64Range(0, 1).Draw(rt, "share"), told: rapid.Bool().Draw(rt, "told"), hold: draw("for"), interval: draw("interval"), scrape: draw("scrape")}
		length := draw("length")
		if d.enough() <= length && d.never(length) {
			rt.Fatalf("%+v fires for certain and never in %v", d, length)
		}
		if longer := length + draw("more"); d.never(longer) && !d.never(length) {
			rt.Fatalf("%+v fires in %v and never in %v", d, length, longer)
		}
	})
}

// With nothing but failures the share of a window passes the threshold when it is
// said to, and is above it for as long: counted second by second.
func TestDetectionIsWhatCountingShows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		window, length := rapid.IntRange(1, 60).Draw(rt, "window"), rapid.IntRange(1, 60).Draw(rt, "length")
		share := float64(rapid.IntRange(0, 99).Draw(rt, "percent")) / 100
		above, first := 0, -1
		for at := 1; at <= length+window; at++ {
			bad := min(at, length) - max(0, at-window)
			if float64(bad)/float64(window) > share+tiny {
				if above++; first < 0 {
					first = at
				}
			}
		}
		d := detection{window: time.Duration(window) * time.Second, share: share, told: true}
		if first > 0 && (d.rise() > time.Duration(first)*time.Second || d.never(time.Duration(length)*time.Second)) {
			rt.Fatalf("above from second %d on, and said to rise in %v", first, d.rise())
		}
		if d.hold = time.Duration(above) * time.Second; first > 0 && d.never(time.Duration(length)*time.Second) {
			rt.Fatalf("above for %d s of a cause of %d s, and for %v said to be impossible", above, length, d.hold)
		}
	})
}

func TestPartsOfExpressions(t *testing.T) {
	for expr, want := range map[string][]string{
		"a > 1":                             {"a > 1"},
		"a > 1 or b > 2":                    {"a > 1 ", " b > 2"},
		"(a or b) > 1 OR c":                 {"(a or b) > 1 ", " c"},
		`a{x="1 or 2"} or b`:                {`a{x="1 or 2"} `, " b"},
		"error or_more or color":            {"error or_more ", " color"},
		"a # this or that\n or b":           {"a # this or that\n ", " b"},
		`a{x='\' or '} or b{y="\\"} or c`:   {`a{x='\' or '} `, ` b{y="\\"} `, " c"},
		"sum by (a) (rate(b[5m] offset 1m)": {"sum by (a) (rate(b[5m] offset 1m)"},
	} {
		if have := alternatives(expr); !slices.Equal(have, want) {
			t.Errorf("%s: %q", expr, have)
		}
	}
}

func TestThresholdsAndRanges(t *testing.T) {
	have := thresholdsIn(`a > (14.4 * 0.001) and b >= bool 2 and c{d=">9"} < 1e-2 and e > f and g <= (3)`)
	want := []comparison{{">", 0.0144}, {">=", 2}, {"<", 0.01}, {"<=", 3}}
	if !slices.EqualFunc(have, want, func(a, b comparison) bool { return a.operator == b.operator && math.Abs(a.value-b.value) < 1e-12 }) {
		t.Errorf("%v", have)
	}
	ranges := rangesIn(`rate(a[1h30m]) + max_over_time(rate(b{c="[9m]"}[5s])[10m:1m]) + d[100ms]`)
	if !slices.Equal(ranges, []time.Duration{90 * time.Minute, 5 * time.Second, 10 * time.Minute, 100 * time.Millisecond}) {
		t.Errorf("%v", ranges)
	}
}

// absent() may name what is not there; the same name beside it may not.
func TestAbsentMayName(t *testing.T) {
	for expr, want := range map[string]bool{
		`absent(up_metric{job="a)b"})`:           true,
		"absent_over_time(up_metric[5m]) > 0":    true,
		"absent ( sum(up_metric) ) or other":     true,
		"absent(other) or up_metric":             false,
		"up_metric and absent(up_metric)":        false,
		"not_absent(up_metric)":                  false,
		`{__name__="up_metric"}`:                 false,
		"absent(up_metric) and my_up_metric > 0": true,
		"absent(up_metric":                       true,
	} {
		if have := absentOnly(expr, "up_metric"); have != want {
			t.Errorf("%s: %v", expr, have)
		}
	}
}

func TestNearestNames(t *testing.T) {
	names := []string{"http_requests_total", "http_request_seconds", "errors_total", "HighErrors"}
	for wrong, want := range map[string]string{
		"http_request_total": "http_requests_total",
		"eror_total":         "errors_total",
		"higherrors":         "HighErrors",
		"queue_depth":        "",
		"":                   "",
	} {
		have := nearest(wrong, names)
		if want == "" && len(have) > 0 || want != "" && (len(have) == 0 || have[0] != want) {
			t.Errorf("%s: %v, want %q", wrong, have, want)
		}
	}
	if have := instead("queue", []string{"a", "b"}); have != "; there are a, b" {
		t.Error(have)
	}
	if have := instead("queue", nil); have != "" {
		t.Error(have)
	}
}

// The distance between words is one: none to itself, the same both ways, and never
// more by way of a third.
func TestEditsAreADistance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		word := rapid.StringMatching(`[abc_]{0,8}`)
		a, b, c := word.Draw(rt, "a"), word.Draw(rt, "b"), word.Draw(rt, "c")
		if (edits(a, b) == 0) != (a == b) || edits(a, b) != edits(b, a) || edits(a, c) > edits(a, b)+edits(b, c) || edits(a, b) > max(len(a), len(b)) {
			rt.Fatalf("%q %q %q: %d %d %d", a, b, c, edits(a, b), edits(b, c), edits(a, c))
		}
	})
}

// FuzzExpressions: whatever an expression is, taking it apart ends, and loses none
// of it.
func FuzzExpressions(f *testing.F) {
	for _, expr := range []string{"a > 1 or b", `a{b="\`, "absent(", "rate(a[5m]) / b > (1 * 2)", "# or", "`or` or '"} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		parts := alternatives(expr)
		kept := 0
		for _, part := range parts {
			kept += len(part)
			thresholdsIn(part)
			rangesIn(part)
		}
		if kept+2*(len(parts)-1) != len(expr) || !strings.HasPrefix(expr, parts[0]) || len(unquoted(expr)) != len(expr) {
			t.Errorf("%q: %q", expr, parts)
		}
		if names(expr, "a") && len(withoutCalls(expr, "absent")) > len(expr) {
			t.Errorf("%q grew", expr)
		}
	})
}
